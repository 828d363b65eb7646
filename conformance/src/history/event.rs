//! One event of a history, as a line of JSON: `docs/history.md` says what each field means.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt::{self, Display, Formatter};

/// What a key holds; nothing while it is absent.
pub type Value = Option<i64>;

/// An event as it stands in its line. What must be there depends on the others: [`History`](super::History) looks.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Event {
    /// Who: a process does one thing after the other.
    pub process: u64,
    /// What happens.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Which kind of operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f: Option<Function>,
    /// On which key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is written, or was found. Absent is not the same as null.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    pub value: Option<Said>,
    /// Nanoseconds since the beginning, for people: the order is that of the lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
    /// Whatever else there is to say, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What happens to an operation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It begins.
    Invoke,
    /// It has happened.
    Ok,
    /// It has not happened, and never will.
    Fail,
    /// Nobody knows. It may take effect at any later time, or never.
    Info,
}

/// A kind of operation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// What does the key hold?
    Read,
    /// It is to hold this.
    Write,
    /// It is to hold this if it holds that.
    Cas,
}

/// The field `value`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged, expecting = "\"value\" is an integer, null, or, of a cas, an array of two of these")]
pub enum Said {
    /// Of a read or a write.
    One(Value),
    /// Of a cas: what it expects, and what is to come in its place.
    Two([Value; 2]),
}

/// A field that is there with null is there.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Said>, D::Error> {
    Said::deserialize(deserializer).map(Some)
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Action {
    /// What does the key hold?
    Read,
    /// It is to hold this.
    Write(Value),
    /// It is to hold `new` if it holds `expected`.
    Cas {
        /// What it must hold.
        expected: Value,
        /// What it is to hold then.
        new: Value,
    },
}

impl Action {
    /// As it stands in a line.
    #[must_use]
    pub const fn fields(self) -> (Function, Option<Said>) {
        match self {
            Self::Read => (Function::Read, None),
            Self::Write(value) => (Function::Write, Some(Said::One(value))),
            Self::Cas { expected, new } => (Function::Cas, Some(Said::Two([expected, new]))),
        }
    }
}

impl Function {
    /// Its name in a line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Cas => "cas",
        }
    }
}

/// A value in words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown(pub(super) Value);

impl Display for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => write!(f, "{value}"),
            None => write!(f, "nothing"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => write!(f, "read"),
            Self::Write(value) => write!(f, "write {}", Shown(*value)),
            Self::Cas { expected, new } => write!(f, "cas {}→{}", Shown(*expected), Shown(*new)),
        }
    }
}
