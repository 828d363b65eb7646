//! Mutants that are built into the model: of the driver, and of the rules by which messages are judged dead. Each must be
//! caught.

use crate::bounds::{Bounds, DeadRules};
use crate::driver::Driver;
use crate::system::Raft;

/// A mutant that is built into the model: of the driver, or of the rules by which messages are judged dead.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does wrong.
    pub bug: &'static str,
    /// The property that must fall.
    pub falls: &'static str,
    /// Where.
    pub bounds: &'static str,
    /// The driver.
    pub driver: Driver,
    /// The rules.
    pub dead: DeadRules,
}

impl BuiltIn {
    const fn driver(
        name: &'static str,
        bug: &'static str,
        falls: &'static str,
        bounds: &'static str,
        driver: Driver,
    ) -> Self {
        Self { name, bug, falls, bounds, driver, dead: DeadRules::Sound }
    }

    /// All of them.
    #[must_use]
    pub const fn all() -> [Self; 9] {
        [
            Self::driver(
                "vote-request-leaves-early",
                "a candidate asks for votes before its term, vote and log are on its disk",
                "PersistBeforeSend",
                "two/all",
                Driver::VoteRequestLeavesEarly,
            ),
            Self::driver(
                "reply-because-this-step-wrote-nothing",
                "an answer leaves at once though writes of earlier steps wait",
                "PersistBeforeSend",
                "two/all",
                Driver::ReplyBecauseThisStepWroteNothing,
            ),
            Self::driver(
                "acked-suffix-lost-at-restart",
                "recovery drops the last entry of the log",
                "CommittedOnQuorum",
                "two/all",
                Driver::AckedSuffixLostAtRestart,
            ),
            Self::driver(
                "confirmed-before-written",
                "WritesDurable is fed back before the writes are on the disk",
                "PersistBeforeSend",
                "two/all",
                Driver::ConfirmedBeforeWritten,
            ),
            Self::driver(
                "vote-lost-at-restart",
                "recovery forgets the vote of the current term",
                "VoteStable",
                "two/all",
                Driver::VoteLostAtRestart,
            ),
            Self::driver(
                "term-lost-at-restart",
                "recovery begins at term 0 again",
                "TermMonotonic",
                "two/all",
                Driver::TermLostAtRestart,
            ),
            Self::driver(
                "proposal-fed-twice",
                "a proposal is handed over a second time, as by a retry that nobody asked for",
                "Refinement",
                "two/all",
                Driver::ProposalFedTwice,
            ),
            Self::driver(
                "snapshot-lost-at-restart",
                "the log is dropped before the snapshot that stands for it is durable (S5)",
                "CommittedOnQuorum",
                "snapshot-disk/one",
                Driver::SnapshotLostAtRestart,
            ),
            Self {
                dead: DeadRules::AgainstMemory,
                ..Self::driver(
                    "dead-by-memory",
                    "messages are judged dead against the term in memory, which a crash takes back",
                    "DeadStaysDead",
                    "unreduced-two/all",
                    Driver::Faithful,
                )
            },
        ]
    }
}

impl BuiltIn {
    /// The mutant of that name.
    ///
    /// # Errors
    ///
    /// A line that names the choices.
    pub fn named(name: &str) -> Result<Self, String> {
        let choices: Vec<&str> = Self::all().iter().map(|mutant| mutant.name).collect();
        let unknown = || format!("no built-in mutant is called \"{name}\"; there are {}", choices.join(", "));
        Self::all().into_iter().find(|mutant| mutant.name == name).ok_or_else(unknown)
    }

    /// The box under this mutant.
    #[must_use]
    pub fn applied_to(self, bounds: Bounds) -> Raft {
        Raft::mutant(Bounds { dead: self.dead, ..bounds }, self.driver, self.name)
    }
}
