//! What can be wrong with a history's file.

use super::event::{Action, Function};
use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a history cannot be read: where, and what is wrong there.
#[derive(Debug)]
pub struct Misread {
    /// In which file, if it was one.
    pub file: Option<PathBuf>,
    /// In which line, from 1; 0 if the file itself cannot be read.
    pub line: usize,
    /// What is wrong.
    pub mistake: Mistake,
}

/// What is wrong with a line.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Mistake {
    /// The system cannot read it.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// It is no event.
    #[error("this is no event: {0}")]
    NoEvent(String),
    /// An invocation lacks something.
    #[error("an invocation says its \"{0}\"")]
    Incomplete(&'static str),
    /// An invocation has another `value` than its `f` needs.
    #[error("{}", wanted(*.0))]
    WrongValue(Function),
    /// A process does two things at once.
    #[error("process {process} begins something while what it began in line {since} has not ended")]
    Busy {
        /// Which.
        process: u64,
        /// Where it began what runs still.
        since: usize,
    },
    /// Something ends that has not begun.
    #[error("nothing of process {process} has begun that could end")]
    Idle {
        /// Which.
        process: u64,
    },
    /// A process goes on of whose operation nobody knows.
    #[error("process {process} has said \"info\" in line {since}: it is not used again")]
    Spent {
        /// Which.
        process: u64,
        /// Where.
        since: usize,
    },
    /// What ends is not what has begun.
    #[error(
        "process {process} has begun {began} in line {since}, and something else ends here: another \"{field}\""
    )]
    Another {
        /// Which.
        process: u64,
        /// Where it began what runs.
        since: usize,
        /// What that is.
        began: Action,
        /// What differs.
        field: &'static str,
    },
    /// A read has found something, and does not say what.
    #[error("a read that is ok has a \"value\": what it found, an integer, or null for an absent key")]
    NothingFound,
}

const fn wanted(function: Function) -> &'static str {
    match function {
        Function::Read => "what begins to read has no \"value\", or null",
        Function::Write => "a write has one \"value\": an integer, or null to remove the key",
        Function::Cas => {
            "the \"value\" of a cas is an array of two: what it expects, and what is to come there"
        }
    }
}

impl From<serde_json::Error> for Mistake {
    fn from(error: serde_json::Error) -> Self {
        // It counts lines, of which it was given one.
        let text = error.to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        Self::NoEvent(format!("{text}, at column {}", error.column()))
    }
}

impl Display for Misread {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
        }
        match self.line {
            0 => write!(f, " {}", self.mistake),
            line => write!(f, "{line}: {}", self.mistake),
        }
    }
}

impl std::error::Error for Misread {}
