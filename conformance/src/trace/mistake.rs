//! What can be wrong with the files of traces, so that nothing can be said of the nodes.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why traces cannot be read: where, and what is wrong there.
#[derive(Debug)]
pub struct Misread {
    /// In which file, or which directory.
    pub file: PathBuf,
    /// In which line, from 1; 0 if it cannot be read at all.
    pub line: usize,
    /// What is wrong.
    pub mistake: Mistake,
}

/// What is wrong.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Mistake {
    /// The system cannot read it.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// No file of a trace is there.
    #[error("there is no node-ID-start-NUMBER.ndjson here that has a head")]
    NoTrace,
    /// The first line is not what a trace begins with.
    #[error("this is not the head of a trace: {0}")]
    NoHeader(String),
    /// Another version has written it.
    #[error("this is format {0}, and 1 is read here")]
    OtherFormat(u32),
    /// The head is of another start, or of another node, than the file's name says.
    #[error("the file is named after another start")]
    OtherName,
    /// A line is no step.
    #[error("this is no step: {0}")]
    NoStep(String),
}

/// What the reader of JSON says. It counts lines, of which it was given one.
pub(super) fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    format!("{text}, at column {}", error.column())
}

impl Display for Misread {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.line {
            0 => write!(f, "{file}: {}", self.mistake),
            line => write!(f, "{file}:{line}: {}", self.mistake),
        }
    }
}

impl std::error::Error for Misread {}
