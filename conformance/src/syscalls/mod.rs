//! The system's view of durability: what the processes of a cluster asked the kernel to do, in the order in which they did.
//!
//! Whoever looks at memory believes that a batch was synced because a function says so. The kernel knows: strace writes down each call
//! of a real process, and from these alone the judge works out what was certain to be on each disk when each message left.
//!
//! ```text
//! strace ── squeeze ──▶ trace ──▶ calls ─┬─▶ disk: files, names ──▶ durable records ──▶ what is held
//!                                        └─▶ connections ──▶ frames ──▶ what they assert ──▶ is it held?
//! ```
//!
//! | file | holds |
//! |------|-------|
//! | `strace.rs` | what strace wrote, as calls that begin and return |
//! | `bytes.rs` | bytes in it, without the many zeros |
//! | `disk.rs` | files and names, and what of them no crash takes away |
//! | `segment.rs` | the log's segments, read by their description |
//! | `held.rs` | the records, folded |
//! | `stream.rs` | a connection, cut into frames |
//! | `claim.rs` | what each message asserts |
//! | `node.rs` | one node: disk, log, connections |
//! | `judge.rs` | all nodes, one moment after the other |
//! | `report.rs` | what was judged, and what was wrong |
//! | `process.rs` | a process to look at |
//! | `recorder.rs` | a cluster of them under strace, and what happens to it |
//! | `client.rs` | who writes numbers to it |

mod bytes;
mod claim;
mod client;
mod disk;
mod held;
mod judge;
mod node;
mod process;
mod recorder;
mod report;
mod segment;
mod strace;
mod stream;

pub use bytes::{Bytes, squeeze};
pub use held::Found;
pub use judge::{Blind, Run, judge};
pub use process::serve;
pub use recorder::{RecordError, Recorder, compare, read};
pub use report::{Report, Violation};
pub use strace::{Call, Moment, ParseError, Trace, What};
