//! Driver mutants: breaches of the driver's contract that no line of the protocol could commit. Each must be caught.

use crate::bounds::{Bounds, DeadRules};
use crate::server::is_vote_request;
use crate::system::Raft;
use seaworthy_protocol::{Durable, Effects, Entry, Recording, Term, Write};

/// How a driver carries out the contract.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Driver {
    /// To the letter.
    #[default]
    Faithful,
    /// Vote requests leave before the candidate's term, vote and log are on its disk.
    VoteRequestLeavesEarly,
    /// A message that waits for writes leaves at once when the step that sent it wrote nothing itself.
    ReplyBecauseThisStepWroteNothing,
    /// The last entry on the disk is lost at a restart.
    AckedSuffixLostAtRestart,
    /// Writes are confirmed as soon as they are handed over.
    ConfirmedBeforeWritten,
    /// The vote on the disk is lost at a restart.
    VoteLostAtRestart,
    /// The term on the disk is lost at a restart.
    TermLostAtRestart,
    /// A proposal is fed to the node twice.
    ProposalFedTwice,
}

impl Driver {
    /// What the driver does to the effects of a step before it carries them out.
    pub(crate) fn tamper(self, fx: &mut Effects<Recording<u8>>) {
        if self == Self::VoteRequestLeavesEarly {
            let (early, rest) = fx.sink.after_writes.drain(..).partition(is_vote_request);
            fx.sink.after_writes = rest;
            let early: Vec<_> = early;
            fx.sink.now.extend(early);
        }
    }

    pub(crate) fn replies_when_this_step_wrote_nothing(self) -> bool {
        self == Self::ReplyBecauseThisStepWroteNothing
    }

    pub(crate) fn confirms_before_written(self) -> bool {
        self == Self::ConfirmedBeforeWritten
    }

    /// How often the driver feeds a proposal.
    pub(crate) fn feeds_proposal(self) -> usize {
        if self == Self::ProposalFedTwice { 2 } else { 1 }
    }

    /// What the driver makes of the disk it finds at a restart.
    pub(crate) fn recover(self, mut durable: Durable<u8>) -> Durable<u8> {
        let last = durable.log().last_index();
        let lost: Option<Write<Vec<Entry<u8>>>> = match self {
            Self::AckedSuffixLostAtRestart => {
                Some(Write::Append { after: last.previous(), entries: Vec::new() })
            }
            Self::VoteLostAtRestart => {
                Some(Write::TermAndVote { current_term: durable.current_term(), voted_for: None })
            }
            Self::TermLostAtRestart => Some(Write::TermAndVote { current_term: Term(0), voted_for: None }),
            Self::Faithful
            | Self::VoteRequestLeavesEarly
            | Self::ReplyBecauseThisStepWroteNothing
            | Self::ConfirmedBeforeWritten
            | Self::ProposalFedTwice => None,
        };
        if let Some(lost) = lost {
            durable.redo(lost);
        }
        durable
    }
}

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
    pub const fn all() -> [Self; 8] {
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
        Raft::driven_by(Bounds { dead: self.dead, ..bounds }, self.driver)
    }
}
