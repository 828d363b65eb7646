//! Traces of running nodes: what each was fed, step by step. The same steps are taken again, in an order that explains all nodes at once, and
//! the properties of Raft are judged on the way.
//!
//! `docs/trace.md` is the format, and says what can be found this way and what cannot.
//!
//! | file          | holds                                                             |
//! |---------------|-------------------------------------------------------------------|
//! | `commands.rs` | the commands of all traces, each once                             |
//! | `format.rs`   | a line                                                            |
//! | `mistake.rs`  | what can be wrong with a file                                     |
//! | `reading.rs`  | a node's lines, start after start                                 |
//! | `sink.rs`     | what a step wants                                                 |
//! | `server.rs`   | a node that takes its steps again, and what its disk holds for certain |
//! | `sent.rs`     | all that was ever sent, and since when it may have left           |
//! | `merging.rs`  | an order of all steps of all nodes                                |
//! | `steps.rs`    | one of them                                                       |
//! | `judge.rs`    | the properties                                                    |
//! | `finding.rs`  | what was found                                                    |
//! | `words.rs`    | nodes and disks for people                                        |
//!
//! ```
//! use seaworthy::{Builder, Index, Network, NodeId, NodeSet, Raw, StateMachine};
//! use std::sync::Arc;
//!
//! struct Count(u64);
//!
//! impl StateMachine for Count {
//!     type Command = Raw<Arc<[u8]>>;
//!     type Response = u64;
//!     fn apply(&mut self, _: Index, _: Self::Command) -> u64 {
//!         self.0 += 1;
//!         self.0
//!     }
//!     # fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
//!     #     let count = self.0;
//!     #     move |out| out.extend(count.to_le_bytes())
//!     # }
//!     # fn restore(&mut self, bytes: &[u8]) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     #     self.0 = u64::from_le_bytes(bytes.try_into()?);
//!     #     Ok(())
//!     # }
//!     // …
//! }
//!
//! let directory = tempfile::tempdir()?;
//! let (id, voters, network) = (NodeId::new(1).unwrap(), NodeSet::first(1), Network::default());
//! let raft = Builder::new(7, id, voters, &network).trace(directory.path()).start(Count(0))?;
//! while raft.propose(&Raw(Arc::from(&b"one"[..]))).wait().is_err() {}
//! raft.shutdown()?;
//!
//! let report = seaworthy_conformance::trace::validate(directory.path())?;
//! assert!(report.steps > 4 && report.committed >= 2, "{report}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod commands;
mod finding;
mod format;
mod judge;
mod merging;
mod mistake;
mod reading;
mod report;
mod sent;
mod server;
mod sink;
mod steps;
#[cfg(test)]
mod tests;
mod words;

pub use finding::{Finding, Kind};
pub use merging::{Problem, validate};
pub use mistake::{Misread, Mistake};
pub use reading::Place;
pub use report::Report;
