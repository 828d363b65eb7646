//! One node of the production cluster, with what its clients and its peers have still to hear of.

use super::compare::{self, Outcome};
use super::coverage::{Coverage, Handler};
use super::mismatch::Mismatch;
use super::names::Names;
use super::waiting::Waiting;
use crate::Envelope;
use crate::production::{Output, Said, Server, Snapshots, Tape};
use crate::sim::SimFiles;
use crate::subject::Event;
use seaworthy::Token;
use seaworthy_model::bounds::DiskKind;
use seaworthy_model::disk::Disk;
use seaworthy_model::server::{Event as Modelled, Step};
use seaworthy_protocol::invariants::history::Commitment;
use seaworthy_protocol::{Index, Payload};

/// A node of the production cluster.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) server: Server<SimFiles>,
    /// What the model's node has sent and this one will: its disk is done, and its loop has not heard of that. To send later is always
    /// allowed (rule 5 of the contract).
    owed: Vec<Envelope>,
    waiting: Waiting,
}

/// What happens to a node, and what must come of it.
pub(super) struct Edge<'a> {
    pub(super) modelled: Modelled,
    pub(super) event: &'a Event,
    pub(super) step: &'a Step,
    pub(super) disk: DiskKind,
    /// All that is committed afterwards.
    pub(super) committed: &'a [Commitment<u8>],
}

impl Machine {
    pub(super) fn new(server: Server<SimFiles>) -> Self {
        Self { server, owed: Vec::new(), waiting: Waiting::default() }
    }

    /// Takes an edge, and compares. Names what it makes.
    pub(super) fn take(&mut self, edge: &Edge<'_>, names: &mut Names, coverage: &Coverage) -> Outcome {
        let token = self.server.next_token();
        let mut output = self.perform(edge, names, coverage);
        if let (Event::Compact { snapshot, .. }, Some(made)) = (edge.event, output.saved.take()) {
            names.add_snapshot(*snapshot, made);
        }
        if let Event::Read(read) = edge.event {
            names.add_read(self.server.node().id(), *read, self.server.last_read());
        }
        self.keep_late(edge, &mut output);
        let expected = self.waiting.expected(edge.event, token, &edge.step.answers, self.server.node());
        self.compare(edge, names, output, expected)
    }

    fn perform(&mut self, edge: &Edge<'_>, names: &Names, coverage: &Coverage) -> Output {
        let before = self.server.node().clone();
        let mut output = if let Event::Deliver(packet) = edge.event {
            let (envelope, chunk) = names.shipped(packet);
            self.server.happen(&Event::Deliver(envelope), &chunk)
        } else {
            self.server.happen(edge.event, &[])
        };
        if let Some(handler) = Handler::of_model(edge.modelled) {
            coverage.count_handler(handler, before.role(), *self.server.node() != before);
        }
        if edge.disk == DiskKind::Atomic && self.server.is_disk_busy() {
            let before = self.server.node().clone();
            self.server.settle(Snapshots::Later, &mut output);
            let changes = *self.server.node() != before;
            coverage.count_handler(Handler::WritesDurable, before.role(), changes);
        }
        output
    }

    /// What the model's driver throws away, because the node wants something else by now, this one verifies and keeps; the node must
    /// have no use for it.
    fn keep_late(&mut self, edge: &Edge<'_>, output: &mut Output) {
        if edge.step.server.disk.whole.is_none() && self.server.whole().is_some() {
            let late = self.server.happen(&Event::SnapshotStaged { is_damaged: false }, &[]);
            output.sent.extend(late.sent);
            output.said.extend(late.said);
            output.stopped = output.stopped.take().or(late.stopped);
        }
    }

    fn compare(&mut self, edge: &Edge<'_>, names: &Names, output: Output, expected: Told) -> Outcome {
        let modelled = edge.step.server.value();
        if let Some(error) = output.does_not_start {
            return compare::disks(names, Err(error), modelled.durable());
        }
        if let Some(error) = output.unreadable {
            return Err(Mismatch::new("the message as it is read back", String::new(), error.to_string()));
        }
        if let Some(stop) = output.stopped {
            return Err(Mismatch::new("the node", modelled.node.to_string(), stop.to_string()));
        }
        compare::nodes(names, self.server.node(), &modelled.node)?;
        compare::disks(names, self.server.recovered(), modelled.durable())?;
        self.compare_waiting(names, &modelled.disk)?;
        self.compare_told(edge, &output, expected)?;
        if matches!(edge.event, Event::Crash { .. }) {
            self.owed.clear(); // what never left is lost
        }
        self.owed.extend(edge.step.sent.iter().map(|packet| packet.value().clone()));
        compare::frames(names, &output.sent, &mut self.owed, |_| false)?;
        // Only what its disk has done, and it has not heard of, may still be to come.
        if self.server.is_unconfirmed() { Ok(()) } else { compare::nothing_owed(&self.owed) }
    }

    fn compare_waiting(&self, names: &Names, modelled: &Disk) -> Outcome {
        let what = "what waits for the disk";
        compare::values(what, &self.server.waiting(), &modelled.queue.len())?;
        compare::values(what, &self.server.is_unconfirmed(), &modelled.unconfirmed.is_some())?;
        compare::values(what, &names.modelled_whole(self.server.whole()), &modelled.whole)
    }

    fn compare_told(&self, edge: &Edge<'_>, output: &Output, mut expected: Told) -> Outcome {
        compare::values("who is blamed", &output.faults.first(), &edge.step.fault.as_ref())?;
        // The loop lets time begin anew whenever it has run out, and at a start; the protocol need not ask for that.
        let begins_anew = matches!(edge.event, Event::ElectionTimeout | Event::Crash { .. });
        let resets_timer = edge.step.resets_election_timer || begins_anew;
        compare::values("whether the election timer begins anew", &output.resets_timer, &resets_timer)?;
        let mut said = output.said.clone();
        said.sort_by_key(|(token, _)| *token);
        expected.sort_by_key(|(token, _)| *token);
        compare::values("what clients are told", &said, &expected)?;
        let tape = Tape::of(commands(edge.committed, self.server.node().commit_index()));
        compare::values("the state machine", &self.server.tape(), &tape)
    }
}

type Told = Vec<(Token, Said)>;

/// The committed commands up to an entry.
fn commands(committed: &[Commitment<u8>], through: Index) -> impl Iterator<Item = u8> {
    let count = usize::try_from(through.0).unwrap_or(usize::MAX);
    committed.iter().take(count).filter_map(|commitment| match commitment.entry.payload {
        Payload::Command(command) => Some(command),
        Payload::Noop => None,
    })
}
