//! What the clients of a node must be told, by what the model says.

use crate::production::Said;
use crate::subject::Event;
use seaworthy::{RequestError, Token};
use seaworthy_protocol::{Answer, Index, LogId, Node, NodeId, Outcome, ReadId};

/// The clients of one node that wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    proposals: Vec<(LogId, Token)>,
    reads: Vec<(ReadId, Token, Option<Index>)>,
    transfers: Vec<(NodeId, Token)>,
}

impl Waiting {
    /// What must be said after an event: each client is answered once, when the outcome is certain. `token` is the client's who asks
    /// by this event, if one does.
    pub(super) fn expected(
        &mut self,
        event: &Event,
        token: Token,
        answers: &[Answer],
        node: &Node<u8>,
    ) -> Vec<(Token, Said)> {
        let asks = match event {
            Event::Propose(_) | Event::Transfer { .. } => true,
            Event::ElectionTimeout
            | Event::Heartbeat
            | Event::Replicate
            | Event::CannotWrite { .. }
            | Event::Read(_)
            | Event::Compact { .. }
            | Event::SnapshotStaged { .. }
            | Event::Deliver(_)
            | Event::DiskCompletes
            | Event::DiskConfirms
            | Event::Crash { .. } => false,
        };
        let refused = asks.then(|| answers.iter().find_map(refusal)).flatten();
        let mut expected: Vec<_> = refused.map(|error| (token, Said::Refused(error))).into_iter().collect();
        let appended = answers.iter().find_map(|answer| match answer {
            Answer::Appended(id) => Some(*id),
            Answer::NotLeader { .. }
            | Answer::Transferring { .. }
            | Answer::CannotTransfer { .. }
            | Answer::Readable { .. }
            | Answer::CannotRead { .. } => None,
        });
        self.proposals.extend(appended.map(|id| (id, token)));
        if let (Event::Transfer { to }, None) = (event, refused) {
            self.transfers.push((*to, token));
        }
        if let Event::Read(read) = event {
            self.reads.push((*read, token, None));
        }
        if let Event::Crash { .. } = event {
            *self = Self::default();
        }
        for answer in answers {
            if let Answer::Readable { read, index } = answer {
                let known = self.reads.iter_mut().filter(|(waiting, ..)| waiting <= read);
                known.for_each(|(_, _, seen)| *seen = seen.or(Some(*index)));
            }
        }
        self.take_told(node, &mut expected);
        expected
    }

    fn take_told(&mut self, node: &Node<u8>, expected: &mut Vec<(Token, Said)>) {
        self.proposals.retain(|(id, token)| {
            let said = match node.outcome(*id) {
                Outcome::Pending => return true,
                Outcome::Committed => Said::Applied,
                Outcome::NotCommitted => Said::Refused(RequestError::NotApplied),
                Outcome::Unknown => Said::Refused(RequestError::Unknown),
            };
            expected.push((*token, said));
            false
        });
        self.reads.retain(|(_, token, index)| {
            let is_ready = index.is_some_and(|index| index <= node.commit_index());
            expected.extend(is_ready.then_some((*token, Said::Readable)));
            !is_ready
        });
        self.transfers.retain(|(to, token)| {
            let is_over = node.transfers_to() != Some(*to);
            let timed_out = Said::Refused(RequestError::TransferTimedOut);
            let said = if node.is_leader() { timed_out } else { Said::Transferred };
            expected.extend(is_over.then_some((*token, said)));
            !is_over
        });
    }
}

/// What a client is told that is refused at once.
fn refusal(answer: &Answer) -> Option<RequestError> {
    match *answer {
        Answer::NotLeader { leader } => Some(RequestError::NotLeader { leader }),
        Answer::Transferring { to } => Some(RequestError::NotLeader { leader: Some(to) }),
        Answer::CannotTransfer { to } => Some(RequestError::CannotTransfer { to }),
        Answer::Appended(_) | Answer::Readable { .. } | Answer::CannotRead { .. } => None,
    }
}
