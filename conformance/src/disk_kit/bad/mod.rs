//! Bad disks and bad logs, to show that the clauses can fail: each commits one sin, around the shipped log.

mod files;
mod logs;

pub use files::{
    BadFiles, Flaw, ForgetsStarts, IdentityInPlace, KeepsGarbage, MendsChecksums, NeverRemoves,
    NoDirectorySync, NoRewrite, NoSync, RemovesLate, RetriesSync, SwallowsWriteErrors, UnsyncedSnapshots,
};
pub use logs::{
    AcknowledgesEarly, BadLog, InitialisesInPlace, KeepsAnythingStaged, NamesBeforeSaving, SplitsBatches,
    SwallowsNoRoom, TruncatesAtDamage, Vice,
};

use super::clauses::{self, Check};
use super::shared::SharedFiles;
use seaworthy::wal::Wal;

/// A disk, or a log, that is not to be trusted.
#[derive(Clone, Debug)]
pub struct Bad {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub sin: &'static str,
    /// The clause that is there for this. Others may notice too.
    pub fails: &'static str,
    /// The clauses, in the order of [`clauses::ALL`], of a log on this disk.
    pub checks: Vec<Check>,
}

/// Makes the table of the bad ones from one list.
macro_rules! bad {
    ($($subject:ty, $name:ident, $sin:literal, $clause:ident;)*) => {
        /// All of them.
        #[must_use]
        pub fn all() -> Vec<Bad> {
            vec![$(Bad {
                name: stringify!($name),
                sin: $sin,
                fails: stringify!($clause),
                checks: clauses::checks::<$subject>(),
            },)*]
        }
    };
}

type OnBadFiles<K> = Wal<BadFiles<K>>;
type BadlyKept<V> = BadLog<Wal<SharedFiles>, V>;

bad! {
    OnBadFiles<NoSync>, NoSync,
        "the sync of a file does nothing",
        a_crash_keeps_what_was_acknowledged;
    OnBadFiles<NoDirectorySync>, NoDirectorySync,
        "the sync of the directory does nothing",
        unsynced_names_may_be_lost;
    OnBadFiles<RetriesSync>, RetriesSync,
        "a sync that fails is tried again, and the second succeeds",
        a_failed_sync_is_the_last;
    OnBadFiles<SwallowsWriteErrors>, SwallowsWriteErrors,
        "a write that fails is taken for done",
        a_failed_write_is_the_last;
    OnBadFiles<NoRewrite>, NoRewrite,
        "a recovery trusts what it reads, and does not write it again",
        recovery_rewrites_what_it_keeps;
    OnBadFiles<KeepsGarbage>, KeepsGarbage,
        "a recovery does not zero what it cuts off",
        a_lost_end_never_comes_back;
    OnBadFiles<IdentityInPlace>, IdentityInPlace,
        "the identity is written over, and not replaced by a rename",
        a_crash_in_recovery_loses_nothing;
    OnBadFiles<UnsyncedSnapshots>, UnsyncedSnapshots,
        "a snapshot gets its name before it is synced",
        a_crash_keeps_what_was_acknowledged;
    OnBadFiles<RemovesLate>, RemovesLate,
        "what a recovery removes is removed after its last sync",
        unsynced_names_may_be_lost;
    OnBadFiles<MendsChecksums>, MendsChecksums,
        "checksums are not looked at",
        pages_are_lost_in_any_order;
    OnBadFiles<ForgetsStarts>, ForgetsStarts,
        "the number of starts is not written down",
        what_was_appended_is_there_again;
    OnBadFiles<NeverRemoves>, NeverRemoves,
        "nothing is ever removed",
        what_is_superseded_goes;
    BadlyKept<AcknowledgesEarly>, AcknowledgesEarly,
        "a batch is acknowledged, and written with the next",
        what_was_appended_is_there_again;
    BadlyKept<SwallowsNoRoom>, SwallowsNoRoom,
        "a batch for which there is no room is taken for done",
        no_room_loses_nothing;
    BadlyKept<SplitsBatches>, SplitsBatches,
        "a batch is written record by record, the last first",
        a_crash_keeps_what_was_acknowledged;
    BadlyKept<TruncatesAtDamage>, TruncatesAtDamage,
        "the log is cut off where it is damaged, and opened",
        a_turned_bit_is_noticed;
    BadlyKept<NamesBeforeSaving>, NamesBeforeSaving,
        "the record that names a snapshot is written before the snapshot",
        a_crash_keeps_what_was_acknowledged;
    BadlyKept<KeepsAnythingStaged>, KeepsAnythingStaged,
        "a snapshot that has arrived is not verified",
        a_snapshot_is_whole_or_not_there;
    BadlyKept<InitialisesInPlace>, InitialisesInPlace,
        "the identity is written before the first segment",
        a_directory_is_made_whole_or_not_at_all;
}
