//! A kit that tells whether a write-ahead log keeps its promises on a disk that keeps none but its own.
//!
//! It knows nothing of how a log is written: it hands it [`SharedFiles`], asks it for things, takes the disk away from it at
//! every moment there is, and compares what the log finds afterwards with what it had said. `docs/disk-kit.md` lists the
//! clauses, and for each a bad disk that fails it.
//!
//! | file | holds |
//! |------|-------|
//! | `subject.rs` | what is tested |
//! | `shared.rs` | the disk, held by the log and by the kit alike |
//! | `ledger.rs` | what a log was asked to hold, and what it said it holds |
//! | `workload.rs` | what it is asked for |
//! | `trial.rs` | a log, its disk and its ledger, from life to life |
//! | `clauses/` | the promises, one function each |
//! | `bad/` | disks and logs that break them |
//! | `broken.rs` | a promise that was not kept, and the command that shows it again |
//!
//! ```
//! use seaworthy::wal::Wal;
//! use seaworthy_conformance::disk_kit::{SharedFiles, clauses};
//!
//! clauses::what_was_appended_is_there_again::<Wal<SharedFiles>>(0..2)?;
//! # Ok::<(), seaworthy_conformance::disk_kit::Broken>(())
//! ```

pub mod bad;
mod broken;
mod checksum;
pub mod clauses;
mod ledger;
mod shared;
mod subject;
mod suite;
mod trial;
mod workload;

pub use broken::Broken;
pub use checksum::crc32c;
pub use ledger::{Ledger, snapshot_bytes, snapshot_of};
pub use shared::{Fault, SharedFiles};
pub use subject::{IDENTITY, LAYOUT, Refusal, Subject, Unopened};
pub use suite::{hold, seeds};
pub use trial::Trial;
pub use workload::{Deed, Records, Request, Step, any_step, workload};
