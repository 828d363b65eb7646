//! The model and the shipped node in lockstep: every edge of a box is taken by both, and compared.
//!
//! | file          | holds                                                                     |
//! |---------------|---------------------------------------------------------------------------|
//! | `pair.rs`     | both side by side, as a model of stateright's                             |
//! | `machine.rs`  | one node of the production cluster                                        |
//! | `compare.rs`  | what must be the same on both sides                                       |
//! | `names.rs`    | what one side calls a thing, and what the other does                      |
//! | `waiting.rs`  | what clients must be told                                                 |
//! | `coverage.rs` | how much was taken                                                        |
//! | `mismatch.rs` | what the two do not agree about                                           |
//! | `boxes.rs`    | which boxes                                                               |
//! | `run.rs`      | a box, exhausted                                                          |
//! | `replay.rs`   | traces of the model on production                                         |
//! | `twin.rs`     | scripts on production: simulated, and on its threads                      |
//! | `play.rs`     | files of them                                                             |
//! | `walk.rs`     | the other direction: each step of production is one of the model's        |
//! | `walker.rs`   | a node of a walk, that takes whole turns                                  |

mod boxes;
mod compare;
mod coverage;
mod machine;
mod mismatch;
mod names;
mod pair;
mod play;
mod replay;
mod run;
mod twin;
mod waiting;
mod walk;
mod walker;

pub use boxes::{boxes, small_boxes};
pub use coverage::Covered;
pub(crate) use machine::Waits;
pub use mismatch::Mismatch;
pub use pair::{Lockstep, Pair};
pub use play::{PlayError, play, play_all};
pub use replay::{ReplayError, replay, replay_on_threads};
pub use run::{Report, run};
pub use twin::{Found, Twin};
pub use walk::{Walked, walk};
