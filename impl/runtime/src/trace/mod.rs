//! A running node writes down what it is fed, step by step, so that others can take the same steps: `docs/trace.md` is the format.
//!
//! With the feature `trace`, and for nodes that were asked for it by [`Builder::trace`](crate::Builder::trace). What has been written down
//! is judged by `seaworthy-conformance validate`.
//!
//! | file        | holds                                     |
//! |-------------|-------------------------------------------|
//! | `file.rs`   | a node's trace while it is written        |
//! | `format.rs` | a line of it                              |
//! | `digest.rs` | all that a node holds, as one number      |

mod digest;
mod file;
mod format;

pub use digest::{Digest, command_digest};

pub(crate) use file::Trace;
