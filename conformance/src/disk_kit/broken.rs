//! A promise that was not kept.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

/// What a log did wrong, and when. Displayed, it ends with the command that shows it again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broken {
    /// Which promise.
    pub clause: &'static str,
    /// Of the dice.
    pub seed: u64,
    /// What was about to happen: "a crash after 12 changes".
    pub moment: String,
    /// What was wrong.
    pub what: String,
}

impl Broken {
    /// For `map_err`: says of which promise, and when.
    pub(super) fn at(
        clause: &'static str,
        seed: u64,
        moment: impl Into<String>,
    ) -> impl FnOnce(String) -> Self {
        let moment = moment.into();
        move |what| Self { clause, seed, moment, what }
    }
}

impl Display for Broken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { clause, seed, moment, what } = self;
        writeln!(f, "{clause}: {what}")?;
        write!(f, "at: {moment}, seed {seed}\nreplay: DISK_KIT_SEED={seed} cargo test {clause}")
    }
}

impl Error for Broken {}
