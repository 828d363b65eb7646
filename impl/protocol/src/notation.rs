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
//! | `r5`          | read 5 of some node                        |
//! | `3@1/9#7`     | a snapshot up to that entry, of 9 bytes with digest 7 |

use crate::compaction::{Chunk, Receiving, Snapshot};
use crate::durable::Durable;
use crate::effects::{Answer, Effects, Misdeed, PeerFault, Recording, Write, WriteAck};
use crate::log::{Entry, Payload};
use crate::message::{AppendOutcome, Envelope, Message};
use crate::node::{Input, Node};
use crate::progress::{Pace, Progress};
use crate::reads::{ReadId, Reads};
use crate::role::Role;
use crate::types::{Index, LogId, NodeId, NodeMap, NodeSet, Term};
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

impl Display for Snapshot {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}/{}#{}", self.last, self.length, self.digest)
    }
}

impl Display for Chunk {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} from={} length={}", self.snapshot, self.offset, self.length)
    }
}

impl Display for Receiving {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} received={}", self.snapshot, self.received)
    }
}

impl Display for ReadId {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "r{}", self.0)
    }
}

/// Nothing if there is nothing to tell.
impl Display for Reads {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { round, confirmed_by, confirming, latest, waiting } = self;
        if *round > 0 {
            write!(f, " round={round}")?;
        }
        if !confirming.is_empty() {
            f.write_str(" confirming=")?;
            list(f, confirming)?;
        }
        if !confirmed_by.is_empty() {
            write!(f, " by={confirmed_by}")?;
        }
        if !waiting.is_empty() {
            write!(f, " waiting={waiting}")?;
        }
        if latest.is_empty() {
            return Ok(());
        }
        f.write_str(" reads=")?;
        list(f, latest)
    }
}

fn list(f: &mut Formatter<'_>, reads: &NodeMap<ReadId>) -> Result {
    f.write_str("{")?;
    for (position, (node, read)) in reads.iter().enumerate() {
        write!(f, "{}{node}:{read}", if position == 0 { "" } else { " " })?;
    }
    f.write_str("}")
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
            Message::InstallSnapshot(chunk) => write!(f, "InstallSnapshot {chunk}"),
            Message::InstallSnapshotReply { snapshot, offset, received } => {
                write!(f, "snapshot {snapshot} from={offset} received={received}")
            }
            Message::ReadIndex { read } => write!(f, "ReadIndex {read}"),
            Message::ReadIndexReply { read, index } => write!(f, "readable {read} at {index}"),
            Message::ReadRound { round } => write!(f, "ReadRound {round}"),
            Message::ReadRoundReply { round } => write!(f, "following in round {round}"),
            Message::TimeoutNow => f.write_str("TimeoutNow"),
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
            Write::Compact { snapshot, through } => {
                write!(f, "write snapshot={snapshot} instead of the log up to {through}")
            }
            Write::Install { snapshot } => write!(f, "write snapshot={snapshot} instead of the log"),
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
            Self::Transferring { to } => write!(f, "transferring to {to}"),
            Self::CannotTransfer { to } => write!(f, "cannot transfer to {to}"),
            Self::Readable { read, index } => write!(f, "readable {read} at {index}"),
            Self::CannotRead { read } => write!(f, "cannot read {read}"),
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
            Self::CannotWrite { heir: None } => f.write_str("cannot write"),
            Self::CannotWrite { heir: Some(heir) } => write!(f, "cannot write, heir {heir}"),
            Self::Read(read) => write!(f, "read {read}"),
            Self::Transfer { to } => write!(f, "transfer to {to}"),
            Self::Compact { snapshot, through } => write!(f, "compact {snapshot} through {through}"),
            Self::SnapshotStaged { snapshot, is_intact: true } => write!(f, "snapshot {snapshot} staged"),
            Self::SnapshotStaged { snapshot, is_intact: false } => write!(f, "snapshot {snapshot} damaged"),
            Self::WritesDurable(ack) => write!(f, "{ack}"),
        }
    }
}

impl<C: Debug> Display for Effects<Recording<C>> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Recording { now, writes, after_writes, answers, faults, staged } = &self.sink;
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
        for chunk in staged {
            writeln!(f, "stage {chunk}")?;
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
        write!(f, "{}", Kept(self))
    }
}

/// Snapshot and log: ` snapshot=3@1/9#7 log=[4@1:-]`. Where the log begins before the snapshot ends, ` base=2@1` says after which
/// entry.
struct Kept<'a, C>(&'a Durable<C>);

impl<C: Debug> Display for Kept<'_, C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let base = self.0.log().base();
        if let Some(snapshot) = self.0.snapshot() {
            write!(f, " snapshot={snapshot}")?;
            if base != snapshot.last {
                write!(f, " base={base}")?;
            }
        }
        write!(f, " log={}", Run(base.index, self.0.log().entries()))
    }
}

impl Display for Progress {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "match={},next={}", self.match_index, self.next_index)?;
        match self.pace {
            Pace::Probe { asked: false } | Pace::Replicate { bytes_in_flight: 0 } => Ok(()),
            Pace::Probe { asked: true } => f.write_str(",asked"),
            Pace::Replicate { bytes_in_flight } => write!(f, ",bytes={bytes_in_flight}"),
            Pace::Snapshot { offset, asked: false } => write!(f, ",snapshot={offset}"),
            Pace::Snapshot { offset, asked: true } => write!(f, ",snapshot={offset},asked"),
        }
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
            Role::Leader { progress, heard, reads, transfer } => {
                f.write_str("leader")?;
                if let Some(to) = transfer {
                    write!(f, " transferring to {to}")?;
                }
                write!(f, "{reads}")?;
                if !heard.is_empty() {
                    write!(f, " heard={heard}")?;
                }
                for (peer, progress) in progress.iter() {
                    write!(f, " {peer}:{progress}")?;
                }
            }
        }
        if let Some(candidate) = self.voted_for() {
            write!(f, " vote={candidate}")?;
        }
        write!(f, "{} commit={}", Kept(self.durable()), self.commit_index())?;
        if let Some(receiving) = self.receiving() {
            write!(f, " receiving {receiving}")?;
        }
        match self.confirmed() {
            None => f.write_str(" unconfirmed term"),
            Some(index) if index < self.log().last_index() => write!(f, " confirmed={index}"),
            Some(_) => Ok(()),
        }
    }
}
