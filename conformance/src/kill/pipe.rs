//! What is said on the pipes of a node's process: a line of JSON for each request, with a number, and one for each answer with that of its
//! request. Answers come in any order.

use super::store::{Change, Store};
use serde::{Deserialize, Serialize};

/// What a node's process is told.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Asked {
    pub(crate) number: u64,
    pub(crate) request: Request,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Request {
    Change(Change),
    /// What does a key hold?
    Read(String),
    /// All that it has: a read, too.
    Everything,
    /// What does it think of the cluster?
    Status,
}

/// What it says to that.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Answered {
    pub(crate) number: u64,
    pub(crate) answer: Answer,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Answer {
    /// A change was made.
    Done,
    /// A cas has found something else than it expected.
    Unchanged,
    Found(Option<i64>),
    /// It was not done, and never will be.
    Refused {
        why: String,
        leader: Option<u8>,
    },
    /// It may be done or not, now or later.
    Unknown {
        why: String,
    },
    Everything(Store),
    Status {
        term: u64,
        leader: Option<u8>,
    },
}
