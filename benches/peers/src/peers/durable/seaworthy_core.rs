//! seaworthy's protocol alone, with a disk, by the contract of its drivers: what it releases at once leaves at once, what it releases after
//! its writes waits, and whatever is durable is confirmed.

use crate::disk::Writes;
use crate::disk::journal::{Fact, Journal};
use crate::lanes::Payload;
use crate::lanes::durable::{COMPACT_EVERY, DurableCore, KEEP, Outbox};
use crate::peers::seaworthy_core::wide_window;
use seaworthy::Command;
use seaworthy_benches::workload::Checksum;
use seaworthy_protocol::{
    Answer, Chunk, Config, Durable, Effects, Entry, Envelope, Index, Input, LogId, Node, NodeSet,
    Payload as Logged, PeerFault, Release, Role, Sink, Snapshot, Write, WriteAck,
};
use std::collections::VecDeque;
use std::time::Duration;

/// Where effects go: messages into an outbox, writes into a journal.
struct Desk<P> {
    outbox: Outbox<Envelope<Vec<Entry<P>>>>,
    journal: Journal<P>,
    /// A snapshot stands for a part of the log now.
    compacted: Option<Snapshot>,
}

impl<P> Default for Desk<P> {
    fn default() -> Self {
        Self { outbox: Outbox::default(), journal: Journal::default(), compacted: None }
    }
}

impl<P: Payload + Command> Sink<P> for Desk<P> {
    fn send(&mut self, release: Release, envelope: Envelope<&[Entry<P>]>) {
        let addressed = (usize::from(envelope.to.get()) - 1, envelope.map_entries(<[Entry<P>]>::to_vec));
        match release {
            Release::Now => self.outbox.now.push(addressed),
            Release::AfterWrites => self.outbox.after.push(addressed),
        }
    }

    fn write(&mut self, write: Write<&[Entry<P>]>) {
        match write {
            Write::TermAndVote { current_term, voted_for } => {
                self.journal.record(Fact::Term(current_term.0, voted_for));
            }
            Write::Append { after, entries } => self.journal.append_all(after.0, entries),
            Write::Compact { snapshot, .. } => self.compacted = Some(snapshot),
            Write::Install { .. } => unreachable!("nobody is so far behind as to need a snapshot"),
        }
    }

    fn answer(&mut self, _: Answer) {}

    fn fault(&mut self, fault: PeerFault) {
        unreachable!("{fault}: all nodes run the same protocol");
    }

    fn stage(&mut self, _: Chunk) {
        unreachable!("nobody is so far behind as to need a snapshot");
    }

    fn weight(&self, entry: &Entry<P>) -> usize {
        match &entry.payload {
            Logged::Noop => 12,
            Logged::Command(command) => 12 + command.as_ref().len(),
        }
    }
}

/// A snapshot on its way to the disk, and what it stands for when it is there.
struct Saving {
    snapshot: Snapshot,
    through: Index,
    /// How many batches must be durable before it is.
    batches: u64,
}

/// One of three.
pub(crate) struct DurableRaft<P> {
    config: Config,
    node: Node<P>,
    fx: Effects<Desk<P>>,
    applied: Index,
    saving: Option<Saving>,
    /// What to confirm with each batch that was handed over.
    handed_over: VecDeque<Option<WriteAck>>,
}

impl<P: Payload + Command> DurableRaft<P> {
    fn step(&mut self, input: Input<P>) {
        self.node.step(&self.config, input, &mut self.fx);
        assert_eq!(self.fx.violation, None);
    }

    fn apply(&mut self, state_machine: &mut Checksum) {
        let committed = self.node.commit_index();
        let count = usize::try_from(committed.0 - self.applied.0).unwrap_or(usize::MAX);
        for entry in self.node.log().after(self.applied, count) {
            match &entry.payload {
                Logged::Noop => {}
                Logged::Command(command) => state_machine.apply(command.as_ref()),
            }
        }
        self.applied = committed;
    }

    /// The last entry that no follower lacks, as far as this core knows.
    fn held_by_all(&self) -> Index {
        match self.node.role() {
            Role::Leader { progress, .. } => {
                progress.iter().map(|(_, known)| known.match_index).min().unwrap_or(self.applied)
            }
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => self.applied,
        }
    }

    /// First the snapshot must be durable: the protocol is told when it is. It takes none that is no newer than the one it has, also if
    /// followers have caught up since, and more of the log could go: asked with the same again, it would be so for ever.
    fn compact(&mut self, state_machine: &Checksum) {
        let base = self.node.log().base().index.0;
        let through = Index(self.applied.0.saturating_sub(KEEP)).min(self.held_by_all());
        let is_new = self.node.durable().snapshot().is_none_or(|snapshot| snapshot.last.index < self.applied);
        if self.saving.is_some() || !is_new || through.0 <= base + COMPACT_EVERY {
            return;
        }
        let Some(term) = self.node.log().term_at(self.applied) else { return };
        let snapshot = self.fx.sink.journal.save(LogId { term, index: self.applied }, state_machine);
        self.saving = Some(Saving { snapshot, through, batches: self.handed_over.len() as u64 + 1 });
    }

    /// The record needs the base of the log, which the step has moved.
    fn record_compaction(&mut self) {
        if let Some(snapshot) = self.fx.sink.compacted.take() {
            self.fx.sink.journal.compact(snapshot, self.node.log().base());
        }
    }
}

impl<P: Payload + Command> DurableCore for DurableRaft<P> {
    type Payload = P;
    type Message = Envelope<Vec<Entry<P>>>;
    type Writes = Writes;

    /// A heartbeat. Election timers are left out: nothing fails here.
    const TICK: Duration = Duration::from_millis(10);

    fn three() -> [Self; 3] {
        let voters = NodeSet::first(3);
        let config = wide_window(Config::new(voters).expect("there are voters"));
        let mut ids = voters.iter();
        std::array::from_fn(|_| Self {
            config,
            node: Node::restart(ids.next().expect("three have three"), Durable::default()),
            fx: Effects::new(Desk::default()),
            applied: Index(0),
            saving: None,
            handed_over: VecDeque::new(),
        })
    }

    fn nudge(&mut self, round: usize) {
        if round == 0 && self.node.id().get() == 1 {
            self.step(Input::ElectionTimeout);
        }
    }

    fn is_settled(nodes: &[Self; 3], _: usize) -> bool {
        nodes[0].node.is_leader() && nodes[0].node.commit_index() == Index(1)
    }

    fn propose(&mut self, payload: P) {
        self.step(Input::Propose(payload));
    }

    fn receive(&mut self, message: Self::Message) {
        self.step(Input::Receive(message));
    }

    fn tick(&mut self) {
        if self.node.is_leader() {
            self.step(Input::HeartbeatTimeout);
        }
    }

    fn flush(&mut self, outbox: &mut Outbox<Self::Message>, state_machine: &mut Checksum) {
        self.step(Input::Replicate);
        self.record_compaction();
        let made = &mut self.fx.sink.outbox;
        outbox.now.append(&mut made.now);
        outbox.after.append(&mut made.after);
        self.apply(state_machine);
        self.compact(state_machine);
    }

    fn take_writes(&mut self, writes: &mut Writes) {
        if self.fx.sink.journal.take(writes) {
            self.handed_over.push_back(self.fx.ack.take());
        }
    }

    fn on_durable(&mut self, count: u64) {
        let confirmed = (0..count).filter_map(|_| self.handed_over.pop_front()).flatten().last();
        if let Some(ack) = confirmed {
            self.step(Input::WritesDurable(ack));
        }
        if let Some(saving) = &mut self.saving {
            saving.batches = saving.batches.saturating_sub(count);
        }
        if let Some(Saving { snapshot, through, .. }) = self.saving.take_if(|saving| saving.batches == 0) {
            self.step(Input::Compact { snapshot, through });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Batches;
    use seaworthy_benches::workload::{Command, payload};

    /// More than any batch of inputs leads to.
    const TURNS: usize = 8;

    /// Lets a node say and write all there is, its disk at once.
    fn turn(node: &mut DurableRaft<Command>, said: &mut Vec<(usize, Envelope<Vec<Entry<Command>>>)>) {
        let (mut outbox, mut writes) = (Outbox::default(), Writes::default());
        for _ in 0..TURNS {
            node.flush(&mut outbox, &mut Checksum::default());
            node.take_writes(&mut writes);
            said.append(&mut outbox.now);
            said.append(&mut outbox.after);
            if writes.is_empty() {
                return;
            }
            writes = Writes::default();
            node.on_durable(1);
        }
        panic!("after {TURNS} batches without an input there is one more");
    }

    /// Until nobody has anything to say. What is said to those that are cut off is lost.
    fn talk(nodes: &mut [DurableRaft<Command>; 3], cut_off: Option<usize>) {
        loop {
            let mut said = Vec::new();
            for node in &mut *nodes {
                turn(node, &mut said);
            }
            said.retain(|(to, _)| Some(*to) != cut_off);
            if said.is_empty() {
                return;
            }
            said.into_iter().for_each(|(to, message)| nodes[to].receive(message));
        }
    }

    fn propose(nodes: &mut [DurableRaft<Command>; 3], count: u64) {
        (0..count).for_each(|number| nodes[0].propose(payload(number, 64)));
    }

    #[test]
    fn a_leader_whose_followers_catch_up_after_its_snapshot_makes_no_other_of_the_same() {
        let mut nodes = DurableRaft::three();
        nodes[0].nudge(0);
        talk(&mut nodes, None);
        propose(&mut nodes, COMPACT_EVERY + 1);
        talk(&mut nodes, None);
        assert_eq!(nodes[0].node.durable().snapshot(), None, "so much is kept");
        propose(&mut nodes, 3 * COMPACT_EVERY);
        talk(&mut nodes, Some(2));
        let made = nodes[0]
            .node
            .durable()
            .snapshot()
            .expect("it has applied more, and the slowest has more than is kept");
        nodes[0].tick();
        talk(&mut nodes, None);
        assert_eq!(nodes[0].held_by_all(), nodes[0].applied);
        assert_eq!(nodes[0].node.durable().snapshot(), Some(made));
    }
}
