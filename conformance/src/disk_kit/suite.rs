//! The suite as tests.

use super::broken::Broken;
use std::ops::Range;

/// Makes a module of tests of a [`Subject`](crate::disk_kit::Subject), one for each clause.
///
/// ```
/// use seaworthy::wal::Wal;
/// use seaworthy_conformance::disk_kit::SharedFiles;
///
/// seaworthy_conformance::disk_suite!(the_shipped_log, Wal<SharedFiles>);
/// ```
#[macro_export]
macro_rules! disk_suite {
    ($name:ident, $subject:ty) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::disk_suite! { @tests $subject:
                what_was_appended_is_there_again
                a_directory_is_made_whole_or_not_at_all
                a_crash_keeps_what_was_acknowledged
                a_crash_in_recovery_loses_nothing
                pages_are_lost_in_any_order
                a_lost_end_never_comes_back
                no_room_loses_nothing
                a_failed_sync_is_the_last
                a_failed_write_is_the_last
                a_turned_bit_is_noticed
                unsynced_names_may_be_lost
                recovery_rewrites_what_it_keeps
                a_snapshot_is_whole_or_not_there
                what_is_superseded_goes
            }
        }
    };
    (@tests $subject:ty: $($clause:ident)*) => {
        $(
            #[test]
            fn $clause() {
                $crate::disk_kit::hold(stringify!($clause), $crate::disk_kit::clauses::$clause::<$subject>);
            }
        )*
    };
}

/// Holds a log to a promise.
///
/// # Panics
///
/// If it is not kept; the message ends with the command that shows it again.
pub fn hold(clause: &'static str, check: fn(Range<u64>) -> Result<(), Broken>) {
    if let Err(broken) = check(seeds(clause)) {
        panic!("{broken}");
    }
}

/// The seeds of a clause's dice: those of the suite, or that of `DISK_KIT_SEED`, or as many as `DISK_KIT_SEEDS` says.
///
/// # Panics
///
/// If one of these is no number.
#[must_use]
pub fn seeds(clause: &str) -> Range<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    match (number("DISK_KIT_SEED"), number("DISK_KIT_SEEDS")) {
        (Some(seed), _) => seed..seed.saturating_add(1),
        (None, Some(count)) => 0..count,
        (None, None) => {
            0..super::clauses::ALL.iter().find(|other| other.name == clause).map_or(1, |it| it.seeds)
        }
    }
}
