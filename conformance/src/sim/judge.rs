//! The properties, after every event, in time that does not grow with the log: what is new is compared with all that was seen.
//!
//! [Log Matching](Breach::LogMatching) is judged in its inductive form: whoever holds an entry holds the same command, behind
//! an entry of the same term, as whoever held it first. So two logs that meet at an entry are equal up to it.

use super::kv;
use seaworthy_protocol::{
    AppendOutcome, Durable, Envelope, Index, Log, LogId, Message, Node, NodeId, NodeMap, NodeSet, Payload,
    Term,
};
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};

/// What was found broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Breach {
    /// Two nodes led in one term (§5.2).
    ElectionSafety,
    /// Two logs hold an entry of the same index and term, and differ in it or before it (§5.3).
    LogMatching,
    /// A leader lacks what was committed before (§5.4).
    LeaderCompleteness,
    /// Two nodes committed different entries at one index (§5.4.3).
    StateMachineSafety,
    /// A node woke up without something that it had told others.
    BrokenPromise,
    /// A node's disk can no longer be read, though nothing was done to it that may do that.
    DiskUnreadable,
    /// A node stopped for a reason that nobody had given it.
    Stopped,
    /// What was committed is not on a majority of disks.
    CommittedOnQuorum,
    /// State machines that applied the same commands differ.
    StatesDiffer,
    /// A command was applied of which a client had been told that it never would be.
    FalseRefusal,
    /// A client was told that its command was applied, and another stands there.
    FalseAnswer,
    /// A client was answered twice, or about something that it never asked.
    AnsweredTwice,
    /// An operation took effect before it began, or a read saw another value than was written last.
    NotLinearizable,
    /// When all was well again, the cluster did not go on.
    NoProgress,
    /// A correct node was blamed for nonsense.
    FalseBlame,
}

type Seen<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// What was seen of one node.
#[derive(Clone, Debug, Default)]
struct Shadow {
    base: Index,
    /// The terms of the entries after the base.
    terms: Vec<Term>,
    commit: Index,
    led: Option<Term>,
    vote: Option<(Term, NodeId)>,
    /// The last entry that it told others to be on its disk.
    acknowledged: Option<(Term, LogId)>,
}

/// All that was seen.
#[derive(Clone, Debug)]
pub struct Judge {
    shadows: NodeMap<Shadow>,
    leaders: Seen<Term, NodeId>,
    entries: Seen<LogId, (Term, Payload<u64>)>,
    /// The log that all agree on.
    committed: Vec<(Term, Payload<u64>)>,
    /// For each register, what was written to it and where.
    writes: [Vec<(Index, u64)>; kv::KEYS],
    disowned: BTreeSet<u64>,
    pub(super) coverage: Coverage,
}

/// What nodes did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Coverage {
    /// Leaders.
    pub elections: u64,
    /// Logs of which a snapshot of the node's own took the place of a part.
    pub compactions: u64,
    /// Logs whose whole place a leader's snapshot took.
    pub installations: u64,
    /// Nodes that woke up with a snapshot.
    pub restores: u64,
    /// Pieces of snapshots that were sent.
    pub chunks: u64,
}

impl Judge {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new(voters: NodeSet) -> Self {
        Self {
            shadows: NodeMap::from_fn(voters, |_| Shadow::default()),
            leaders: Seen::default(),
            entries: Seen::default(),
            committed: Vec::new(),
            writes: Default::default(),
            disowned: BTreeSet::new(),
            coverage: Coverage::default(),
        }
    }

    /// How much is committed.
    #[must_use]
    pub fn committed(&self) -> Index {
        Index(self.committed.len() as u64)
    }

    /// Looks at a node after a turn.
    ///
    /// # Errors
    ///
    /// What is broken.
    pub fn see(&mut self, node: &Node<u64>) -> Result<(), Breach> {
        self.see_log(node.id(), node.log())?;
        self.see_commit(node)?;
        self.see_leader(node)
    }

    fn see_log(&mut self, id: NodeId, log: &Log<u64>) -> Result<(), Breach> {
        let Some(shadow) = self.shadows.get_mut(id) else { return Ok(()) };
        let base = log.base();
        if base.index > shadow.base {
            let gone = usize::try_from(base.index.0 - shadow.base.0).unwrap_or(usize::MAX);
            let still_there = shadow.terms.get(gone - 1) == Some(&base.term);
            if still_there {
                shadow.terms.drain(..gone);
                self.coverage.compactions += 1;
            } else {
                shadow.terms.clear();
                self.coverage.installations += 1;
                // What stood behind it is gone with the rest, and need not be there any more.
                shadow.acknowledged = shadow.acknowledged.filter(|(_, id)| id.index <= base.index);
            }
            shadow.base = base.index;
        }
        // From the end back to where nothing is new: by induction nothing before it is.
        let entries = log.entries();
        let mut known = entries.len();
        while known > 0 && shadow.terms.get(known - 1) != Some(&entries[known - 1].term) {
            known -= 1;
        }
        if known < shadow.terms.len() {
            let end = shadow.base.plus(known);
            // What was cut off need not be there any more.
            shadow.acknowledged = shadow.acknowledged.filter(|(_, id)| id.index <= end);
            shadow.terms.truncate(known);
        }
        for (position, entry) in entries.iter().enumerate().skip(known) {
            let before = position.checked_sub(1).map_or(base.term, |before| entries[before].term);
            let id = LogId { term: entry.term, index: base.index.plus(position + 1) };
            if *self.entries.entry(id).or_insert((before, entry.payload)) != (before, entry.payload) {
                return Err(Breach::LogMatching);
            }
            shadow.terms.push(entry.term);
        }
        Ok(())
    }

    fn see_commit(&mut self, node: &Node<u64>) -> Result<(), Breach> {
        let Some(shadow) = self.shadows.get_mut(node.id()) else { return Ok(()) };
        let (commit, base) = (node.commit_index(), node.log().base().index);
        // What a snapshot brought must have been committed by others.
        let from = shadow.commit.max(base);
        if base > Index(self.committed.len() as u64) {
            return Err(Breach::StateMachineSafety);
        }
        let count = usize::try_from(commit.0.saturating_sub(from.0)).unwrap_or_default();
        for (position, entry) in node.log().after(from, count).iter().enumerate() {
            let index = from.plus(position + 1);
            let place = usize::try_from(index.0 - 1).unwrap_or(usize::MAX);
            match self.committed.get(place) {
                Some(first) if *first == (entry.term, entry.payload) => {}
                Some(_) => return Err(Breach::StateMachineSafety),
                None => {
                    self.committed.push((entry.term, entry.payload));
                    if let Payload::Command(command) = entry.payload {
                        if self.disowned.contains(&command) {
                            return Err(Breach::FalseRefusal);
                        }
                        self.writes[kv::key(command)].push((index, command));
                    }
                }
            }
        }
        shadow.commit = commit;
        Ok(())
    }

    fn see_leader(&mut self, node: &Node<u64>) -> Result<(), Breach> {
        if !node.is_leader() {
            return Ok(());
        }
        let (id, term) = (node.id(), node.current_term());
        let Some(shadow) = self.shadows.get_mut(id) else { return Ok(()) };
        if shadow.led == Some(term) {
            return Ok(());
        }
        shadow.led = Some(term);
        self.coverage.elections += 1;
        if *self.leaders.entry(term).or_insert(id) != id {
            return Err(Breach::ElectionSafety);
        }
        // By Log Matching whoever holds the last holds all. One committed later, by a leader of an earlier term that does not know
        // yet, is found when that is committed.
        let Some((last_term, _)) = self.committed.last() else { return Ok(()) };
        let last = self.committed();
        let is_there = node.log().base().index >= last || node.log().term_at(last) == Some(*last_term);
        if is_there || *last_term > term { Ok(()) } else { Err(Breach::LeaderCompleteness) }
    }

    /// Looks at a message that leaves a node: it must be able to keep its word.
    pub fn see_promise(&mut self, envelope: &Envelope<&[seaworthy_protocol::Entry<u64>]>) {
        let Envelope { from, to, term, message } = envelope;
        let Some(shadow) = self.shadows.get_mut(*from) else { return };
        match message {
            Message::RequestVote { .. } => shadow.vote = Some((*term, *from)),
            Message::RequestVoteReply { vote_granted: true } => shadow.vote = Some((*term, *to)),
            Message::AppendEntriesReply(AppendOutcome::Matched(index)) => {
                let place = index.0.checked_sub(shadow.base.0 + 1).map(usize::try_from);
                let known = place.and_then(Result::ok).and_then(|place| shadow.terms.get(place));
                let further = shadow.acknowledged.is_none_or(|(_, id)| id.index <= *index);
                if let (Some(known), true) = (known, further) {
                    shadow.acknowledged = Some((*term, LogId { term: *known, index: *index }));
                }
            }
            Message::InstallSnapshot(_) => self.coverage.chunks += 1,
            Message::RequestVoteReply { vote_granted: false }
            | Message::PreVote { .. }
            | Message::PreVoteGranted
            | Message::AppendEntries { .. }
            | Message::AppendEntriesReply(AppendOutcome::Conflict { .. })
            | Message::InstallSnapshotReply { .. }
            | Message::ReadIndex { .. }
            | Message::ReadIndexReply { .. }
            | Message::ReadRound { .. }
            | Message::ReadRoundReply { .. }
            | Message::TimeoutNow
            | Message::HigherTerm => {}
        }
    }

    /// Looks at what a node finds on its disk when it wakes up.
    ///
    /// # Errors
    ///
    /// What is broken.
    pub fn see_restart(&mut self, id: NodeId, durable: &Durable<u64>) -> Result<(), Breach> {
        let Some(shadow) = self.shadows.get_mut(id) else { return Ok(()) };
        let term = durable.current_term();
        let keeps_vote = shadow.vote.is_none_or(|(voted_in, candidate)| {
            term > voted_in || (term == voted_in && durable.voted_for() == Some(candidate))
        });
        let log = durable.log();
        let keeps_entries = shadow
            .acknowledged
            .is_none_or(|(told_in, id)| term >= told_in && (id.index <= log.base().index || log.holds(id)));
        if !keeps_vote || !keeps_entries {
            return Err(Breach::BrokenPromise);
        }
        // The commit index is forgotten, and so is what was never durable.
        self.coverage.restores += u64::from(durable.snapshot().is_some());
        shadow.commit = Index(0);
        shadow.base = log.base().index;
        shadow.terms = log.entries().iter().map(|entry| entry.term).collect();
        shadow.led = None;
        Ok(())
    }

    /// A client was told that a command will never be applied.
    ///
    /// # Errors
    ///
    /// [`Breach::FalseRefusal`] if it was.
    pub fn disown(&mut self, command: u64) -> Result<(), Breach> {
        self.disowned.insert(command);
        let was_applied = self.writes[kv::key(command)].iter().rev().any(|(_, other)| *other == command);
        if was_applied { Err(Breach::FalseRefusal) } else { Ok(()) }
    }

    /// A client was told that a command was applied at an index.
    ///
    /// # Errors
    ///
    /// [`Breach::FalseAnswer`] if it was not.
    pub fn confirm(&self, command: u64, index: Index) -> Result<(), Breach> {
        let place = usize::try_from(index.0.saturating_sub(1)).unwrap_or(usize::MAX);
        match self.committed.get(place) {
            Some((_, Payload::Command(other))) if *other == command => Ok(()),
            Some(_) | None => Err(Breach::FalseAnswer),
        }
    }

    /// What the last write to a register up to an index was; 0 if there was none.
    #[must_use]
    pub fn value_at(&self, key: usize, index: Index) -> u64 {
        let writes = &self.writes[key];
        let count = writes.partition_point(|(at, _)| *at <= index);
        count.checked_sub(1).map_or(0, |last| writes[last].1)
    }

    /// Is the last committed entry on a majority of these disks?
    ///
    /// # Errors
    ///
    /// [`Breach::CommittedOnQuorum`] if not.
    pub fn see_disks<'a>(
        &self,
        voters: NodeSet,
        disks: impl Iterator<Item = &'a Durable<u64>>,
    ) -> Result<(), Breach> {
        let Some((term, _)) = self.committed.last() else { return Ok(()) };
        let last = LogId { term: *term, index: self.committed() };
        let holds =
            |durable: &&Durable<u64>| durable.log().holds(last) || durable.log().base().index >= last.index;
        let count = disks.filter(holds).count();
        if 2 * count > voters.len() { Ok(()) } else { Err(Breach::CommittedOnQuorum) }
    }
}
