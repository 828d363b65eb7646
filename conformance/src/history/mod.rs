//! Client histories: what clients asked for and what they were told, in the order in which it happened, and whether one register for
//! each key explains it (linearizability).
//!
//! `docs/history.md` is the format. The checker shares nothing with the protocol, the model or the simulator: it knows events alone.
//!
//! | file              | holds                                                          |
//! |-------------------|----------------------------------------------------------------|
//! | `event.rs`        | one event, as a line of JSON                                   |
//! | `mistake.rs`      | what can be wrong with a file                                  |
//! | `reading.rs`      | lines put together to operations                               |
//! | `recorder.rs`     | writes a history down while it happens                         |
//! | `deed.rs`         | an operation as the checker sees it                            |
//! | `unknown.rs`      | operations of which nobody knows: which cannot matter          |
//! | `slots.rs`        | small sets of pending operations                               |
//! | `front.rs`        | the configurations that are left, without those that are worse |
//! | `search.rs`       | the search for an order, event by event                        |
//! | `shrink.rs`       | the smallest part that has no order                            |
//! | `violation.rs`    | what there is to say about it                                  |
//! | `timeline.rs`     | and a picture of it                                            |
//! | `simulated.rs`    | histories of an atomic register, to try the checker on         |
//!
//! ```
//! use seaworthy_conformance::history::History;
//!
//! let text = r#"{"process":0,"type":"invoke","f":"write","key":"a","value":1}
//! {"process":0,"type":"ok"}
//! {"process":1,"type":"invoke","f":"read","key":"a"}
//! {"process":1,"type":"ok","value":null}
//! "#;
//! let history = History::parse(text.as_bytes())?;
//! let violation = history.judge().violation.unwrap();
//! assert_eq!(violation.key, "a");
//! # Ok::<(), seaworthy_conformance::history::Misread>(())
//! ```

mod deed;
mod event;
mod front;
mod mistake;
mod reading;
mod recorder;
mod search;
mod shrink;
mod simulated;
mod slots;
mod timeline;
mod unknown;
mod violation;

pub use event::{Action, Event, Function, Kind, Said, Value};
pub use mistake::{Misread, Mistake};
pub use reading::{History, Operation, Outcome};
pub use recorder::Recorder;
pub use simulated::Simulated;
pub use violation::{Judgement, Violation};
