//! How the driver's contract is carried out: to the letter, or with one breach that no line of the protocol could commit.

use crate::disk::redo_all;
use crate::network::is_vote_request;
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
    /// A snapshot's file was never synced: at a restart the record that stands for the log is there, and the snapshot is not.
    SnapshotLostAtRestart,
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
            Self::SnapshotLostAtRestart if durable.snapshot().is_some() => {
                return without_log(&durable);
            }
            Self::SnapshotLostAtRestart => None,
            Self::Faithful
            | Self::VoteRequestLeavesEarly
            | Self::ReplyBecauseThisStepWroteNothing
            | Self::ConfirmedBeforeWritten
            | Self::ProposalFedTwice => None,
        };
        if let Some(lost) = lost {
            redo_all(&mut durable, [lost]);
        }
        durable
    }
}

/// All but what only the snapshot stands for.
fn without_log(durable: &Durable<u8>) -> Durable<u8> {
    let (current_term, voted_for) = (durable.current_term(), durable.voted_for());
    let mut rest = Durable::default();
    redo_all(&mut rest, [Write::<Vec<Entry<u8>>>::TermAndVote { current_term, voted_for }]);
    rest
}
