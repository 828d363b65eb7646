//! The one notation: scripts, counterexamples, traces and logs all speak it, one line an event.
//!
//! | written       | means                                      |
//! |---------------|--------------------------------------------|
//! | `n1`          | node 1                                     |
//! | `n1@2`        | node 1 in term 2                           |
//! | `3@1`         | index 3, whose entry is of term 1          |
//! | `3@1:x`       | the entry there carries command `x`        |
//! | `3@1:-`       | the entry there is a leader's no-op        |
//! | `n1@2→n3`     | a message of term 2 from node 1 to node 3  |

use crate::durable::Durable;
use crate::effects::{Answer, Effects, Misdeed, PeerFault, Recording, Write, WriteAck};
use crate::log::{Entry, Payload};
use crate::message::{AppendOutcome, Envelope, Message};
use crate::node::{Input, Node, Role};
use crate::types::{Index, LogId, NodeId, NodeSet, Term};
use core::fmt::{Debug, Display, Formatter, Result};

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}", self.0)
    }
}

impl Display for Index {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}", self.0)
    }
}

impl Display for NodeId {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "n{}", self.get())
    }
}

impl Display for LogId {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

impl Display for NodeSet {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("{")?;
        for (position, id) in self.iter().enumerate() {
            write!(f, "{}{id}", if position == 0 { "" } else { " " })?;
        }
        f.write_str("}")
    }
}

impl<C: Debug> Display for Payload<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Noop => f.write_str("-"),
            Self::Command(command) => write!(f, "{command:?}"),
        }
    }
}

/// Consecutive entries, the first of which stands right after an index.
pub struct Run<'a, C>(pub Index, pub &'a [Entry<C>]);

impl<C: Debug> Display for Run<'_, C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self(after, entries) = self;
        f.write_str("[")?;
        for (position, Entry { term, payload }) in entries.iter().enumerate() {
            let gap = if position == 0 { "" } else { " " };
            write!(f, "{gap}{}@{term}:{payload}", after.plus(position + 1))?;
        }
        f.write_str("]")
    }
}

impl<E: AsRef<[Entry<C>]>, C: Debug> Display for Shown<'_, Message<E>, C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0 {
            Message::RequestVote { last_log } => write!(f, "RequestVote last={last_log}"),
            Message::PreVote { last_log } => write!(f, "PreVote last={last_log}"),
            Message::PreVoteGranted => f.write_str("pre-vote granted"),
            Message::RequestVoteReply { vote_granted: true } => f.write_str("vote granted"),
            Message::RequestVoteReply { vote_granted: false } => f.write_str("vote denied"),
            Message::AppendEntries { prev_log, entries, leader_commit } => {
                let run = Run(prev_log.index, entries.as_ref());
                write!(f, "AppendEntries prev={prev_log} {run} commit={leader_commit}")
            }
            Message::AppendEntriesReply(AppendOutcome::Matched(index)) => write!(f, "matched {index}"),
            Message::AppendEntriesReply(AppendOutcome::Conflict { prev_log_index, hint }) => {
                write!(f, "conflict at {prev_log_index} hint={hint}")
            }
            Message::HigherTerm => f.write_str("higher term"),
        }
    }
}

/// Something generic in how it holds entries, with the commands' type spelt out so that it can be shown.
pub struct Shown<'a, T, C>(&'a T, core::marker::PhantomData<C>);

/// Shows an envelope, a message or a write.
///
/// ```
/// # use seaworthy_protocol::{Entry, Envelope, Message, NodeId, Term, notation::show};
/// let (from, to) = (NodeId::new(1).unwrap(), NodeId::new(2).unwrap());
/// let grant: Envelope<Vec<Entry<u8>>> =
///     Envelope { from, to, term: Term(3), message: Message::RequestVoteReply { vote_granted: true } };
/// assert_eq!(show(&grant).to_string(), "n1@3→n2 vote granted");
/// ```
pub const fn show<T, C>(what: &T) -> Shown<'_, T, C> {
    Shown(what, core::marker::PhantomData)
}

impl<E: AsRef<[Entry<C>]>, C: Debug> Display for Shown<'_, Envelope<E>, C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Envelope { from, to, term, message } = self.0;
        write!(f, "{from}@{term}→{to} {}", show::<_, C>(message))
    }
}

impl<E: AsRef<[Entry<C>]>, C: Debug> Display for Shown<'_, Write<E>, C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0 {
            Write::TermAndVote { current_term, voted_for: None } => write!(f, "write term={current_term}"),
            Write::TermAndVote { current_term, voted_for: Some(candidate) } => {
                write!(f, "write term={current_term} vote={candidate}")
            }
            Write::Append { after, entries } => {
                write!(f, "write after={after} {}", Run(*after, entries.as_ref()))
            }
        }
    }
}

impl Display for WriteAck {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "durable term={} last={}", self.term, self.last)
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Appended(id) => write!(f, "appended {id}"),
            Self::NotLeader { leader: Some(leader) } => write!(f, "not leader, try {leader}"),
            Self::NotLeader { leader: None } => f.write_str("not leader"),
        }
    }
}

impl Display for PeerFault {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let misdeed = match self.misdeed {
            Misdeed::WrongAddressee => "sent a message for another node",
            Misdeed::NotAVoter => "is no other voter of this cluster",
            Misdeed::TermZero => "spoke in term 0",
            Misdeed::SecondLeader => "claims to lead a term that has another leader",
            Misdeed::Malformed => "sent log positions that no log can have",
            Misdeed::ContradictsCommitted => "contradicts committed entries",
            Misdeed::ImpossibleAnswer => "answered about entries it was never sent",
        };
        write!(f, "{} {misdeed}", self.peer)
    }
}

impl<C: Debug, E: AsRef<[Entry<C>]>> Display for Input<C, E> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Receive(envelope) => write!(f, "receive {}", show::<_, C>(envelope)),
            Self::ElectionTimeout => f.write_str("election timeout"),
            Self::HeartbeatTimeout => f.write_str("heartbeat"),
            Self::Propose(command) => write!(f, "propose {command:?}"),
            Self::Replicate => f.write_str("replicate"),
            Self::CannotWrite => f.write_str("cannot write"),
            Self::WritesDurable(ack) => write!(f, "{ack}"),
        }
    }
}

impl<C: Debug> Display for Effects<Recording<C>> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Recording { now, writes, after_writes, answers, faults } = &self.sink;
        for envelope in now {
            writeln!(f, "send {}", show::<_, C>(envelope))?;
        }
        for write in writes {
            writeln!(f, "{}", show::<_, C>(write))?;
        }
        for envelope in after_writes {
            writeln!(f, "send after writes {}", show::<_, C>(envelope))?;
        }
        for answer in answers {
            writeln!(f, "answer {answer}")?;
        }
        if self.reset_election_timer {
            writeln!(f, "reset election timer")?;
        }
        for fault in faults {
            writeln!(f, "fault {fault}")?;
        }
        if let Some(violation) = self.violation {
            writeln!(f, "violation {violation}")?;
        }
        Ok(())
    }
}

impl<C: Debug> Display for Durable<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "term={}", self.current_term())?;
        if let Some(candidate) = self.voted_for() {
            write!(f, " vote={candidate}")?;
        }
        write!(f, " log={}", Run(Index(0), self.log().entries()))
    }
}

impl<C: Debug> Display for Node<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}@{} ", self.id(), self.current_term())?;
        match self.role() {
            Role::Follower { leader: None } => f.write_str("follower")?,
            Role::Follower { leader: Some(leader) } => write!(f, "follower of {leader}")?,
            Role::PreCandidate { votes_granted } => write!(f, "pre-candidate votes={votes_granted}")?,
            Role::Candidate { votes_granted } => write!(f, "candidate votes={votes_granted}")?,
            Role::Leader { progress, heard } => {
                f.write_str("leader")?;
                if !heard.is_empty() {
                    write!(f, " heard={heard}")?;
                }
                for (peer, progress) in progress.iter() {
                    write!(f, " {peer}:match={},next={}", progress.match_index, progress.next_index)?;
                }
            }
        }
        if let Some(candidate) = self.voted_for() {
            write!(f, " vote={candidate}")?;
        }
        write!(f, " log={} commit={}", Run(Index(0), self.log().entries()), self.commit_index())?;
        match self.confirmed() {
            None => f.write_str(" unconfirmed term"),
            Some(index) if index < self.log().last_index() => write!(f, " confirmed={index}"),
            Some(_) => Ok(()),
        }
    }
}
