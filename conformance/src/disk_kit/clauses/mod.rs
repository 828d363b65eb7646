//! The promises of a write-ahead log, one function each. Every one takes the seeds of its dice, and answers what was not kept.

mod crashes;
mod ends;
mod failures;
mod flips;
mod growth;
mod initialisation;
mod names;
mod recoveries;
mod reopening;
mod room;
mod snapshots;

pub use crashes::{
    a_crash_in_recovery_loses_nothing, a_crash_keeps_what_was_acknowledged, pages_are_lost_in_any_order,
};
pub use ends::a_lost_end_never_comes_back;
pub use failures::{a_failed_sync_is_the_last, a_failed_write_is_the_last};
pub use flips::a_turned_bit_is_noticed;
pub use growth::what_is_superseded_goes;
pub use initialisation::a_directory_is_made_whole_or_not_at_all;
pub use names::unsynced_names_may_be_lost;
pub use recoveries::recovery_rewrites_what_it_keeps;
pub use reopening::what_was_appended_is_there_again;
pub use room::no_room_loses_nothing;
pub use snapshots::a_snapshot_is_whole_or_not_there;

use super::broken::Broken;
use super::subject::Subject;
use super::workload::Deed;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use std::ops::Range;

/// A promise, as a function.
pub type Check = fn(Range<u64>) -> Result<(), Broken>;

/// A promise, in words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Clause {
    /// The name of its function, and of its test.
    pub name: &'static str,
    /// How many seeds it gets by default.
    pub seeds: u64,
    /// What it promises.
    pub promise: &'static str,
}

/// Makes the table of the clauses, and the functions behind it for a subject, from one list.
macro_rules! clauses {
    ($($name:ident, $seeds:literal, $promise:literal;)*) => {
        /// All of them.
        pub const ALL: &[Clause] = &[$(Clause { name: stringify!($name), seeds: $seeds, promise: $promise },)*];

        /// All of them as functions, in the same order.
        #[must_use]
        pub fn checks<S: Subject>() -> Vec<Check> {
            vec![$($name::<S>,)*]
        }
    };
}

clauses! {
    what_was_appended_is_there_again, 8,
        "After a restart the log holds what was appended, in order; the number of starts goes up";
    a_directory_is_made_whole_or_not_at_all, 20,
        "After a crash during initialisation a directory is whole, or is as new and can be initialised";
    a_crash_keeps_what_was_acknowledged, 12,
        "A crash at any change of the disk keeps everything acknowledged and a prefix of the rest, and no more";
    a_crash_in_recovery_loses_nothing, 4,
        "So does a crash, or the end of the process, at any change that a recovery makes";
    pages_are_lost_in_any_order, 300,
        "So does any sequence of crashes, with batches larger than a page that are torn in any way";
    a_lost_end_never_comes_back, 100,
        "What a recovery cut off is gone, even if what is appended next is what stood before it";
    no_room_loses_nothing, 4,
        "What is refused for want of room changes nothing, and the same succeeds when there is room";
    a_failed_sync_is_the_last, 8,
        "After a failed sync nothing is acknowledged until the next start, which finds all that was before it";
    a_failed_write_is_the_last, 8,
        "So after a failed write";
    a_turned_bit_is_noticed, 2,
        "With a bit turned in what was durable before the last batch the log does not open, and says where, or misses nothing";
    unsynced_names_may_be_lost, 8,
        "What was acknowledged does not hang on names that the directory may lose, or get back";
    recovery_rewrites_what_it_keeps, 6,
        "What a recovery reports is on the platter then, though it was only in the cache before";
    a_snapshot_is_whole_or_not_there, 1,
        "Only what was announced is kept as a snapshot, and one that waits for its record stays";
    what_is_superseded_goes, 1,
        "The disk does not fill up with what a snapshot stands for";
}

/// One batch with two records, to see whether it goes on.
pub(super) const LITTLE: &[Deed] = &[Deed::Vote, Deed::Append { cut: 1, added: 2 }];

/// Dice of one seed, for one moment.
fn dice(seed: u64, moment: u64) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ moment)
}
