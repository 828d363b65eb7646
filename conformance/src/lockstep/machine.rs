//! One node of the production cluster, with what its clients and its peers have still to hear of.

use super::compare::{self, Outcome};
use super::coverage::{Coverage, Handler};
use super::mismatch::Mismatch;
use super::names::Names;
use super::waiting::Waiting;
use crate::Envelope;
use crate::production::{Output, Production, Said, Tape};
use crate::subject::Event;
use seaworthy::Token;
use seaworthy_model::disk::Disk;
use seaworthy_protocol::{Answer, Durable, Node, PeerFault, Snapshot};

/// A node of the production cluster.
#[derive(Clone, Debug)]
pub(super) struct Machine<P> {
    pub(super) server: P,
    /// What the model's node has sent and this one will: its disk is done, and its loop has not heard of that. To send later is always
    /// allowed (rule 5 of the contract).
    owed: Vec<Envelope>,
    waiting: Waiting,
}

/// What happens to a node, and what must come of it.
pub(super) struct Edge<'a> {
    pub(super) event: &'a Event,
    /// What of the protocol that goes to.
    pub(super) handler: Option<Handler>,
    /// The disk does at once what it is given.
    pub(super) settles: bool,
    pub(super) node: &'a Node<u8>,
    pub(super) disk: &'a Durable<u8>,
    pub(super) waits: Waits,
    /// The messages that leave, unless they have left before.
    pub(super) sent: Vec<Envelope>,
    /// Of those that wait for the disk the model's has each once, however often they were sent.
    pub(super) may_repeat: bool,
    pub(super) fault: Option<PeerFault>,
    pub(super) resets_timer: bool,
    pub(super) answers: &'a [Answer],
    /// Where all that is committed has brought the state machine, if that is known.
    pub(super) tape: Option<Tape>,
}

/// What waits for a node's disk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Waits {
    /// Batches that are not durable.
    pub(crate) batches: usize,
    /// The node has not heard of all that is.
    pub(crate) is_unconfirmed: bool,
    /// A leader's snapshot that is to be verified.
    pub(crate) whole: Option<Snapshot>,
}

impl Waits {
    /// As the model has it.
    pub(super) fn of(disk: &Disk) -> Self {
        Self { batches: disk.queue.len(), is_unconfirmed: disk.unconfirmed.is_some(), whole: disk.whole }
    }
}

impl<P: Production> Machine<P> {
    pub(super) fn new(server: P) -> Self {
        Self { server, owed: Vec::new(), waiting: Waiting::default() }
    }

    /// Takes an edge, and compares. Names what it makes.
    pub(super) fn take(&mut self, edge: &Edge<'_>, names: &mut Names, coverage: &Coverage) -> Outcome {
        let token = self.server.stepper().next_token();
        let mut output = self.perform(edge, names, coverage);
        if let (Event::Compact { snapshot, .. }, Some(made)) = (edge.event, output.saved.take()) {
            names.add_snapshot(*snapshot, made);
        }
        if let Event::Read(read) = edge.event {
            names.add_read(self.server.node().id(), *read, self.server.stepper().last_read());
        }
        self.keep_late(edge, &mut output);
        let expected = self.waiting.expected(edge.event, token, edge.answers, self.server.node());
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
        if let Some(handler) = edge.handler {
            coverage.count_handler(handler, before.role(), *self.server.node() != before);
        }
        if edge.settles && self.server.stepper().is_disk_busy() {
            let before = self.server.node().clone();
            self.settle(&mut output);
            let changes = *self.server.node() != before;
            coverage.count_handler(Handler::WritesDurable, before.role(), changes);
        }
        output
    }

    /// The disk does all that it has to do, and the node hears of it, until there is nothing left.
    fn settle(&mut self, output: &mut Output) {
        while output.stopped.is_none() && self.server.stepper().is_disk_busy() {
            output.absorb(self.server.happen(&Event::DiskCompletes, &[]));
            output.absorb(self.server.happen(&Event::DiskConfirms, &[]));
        }
    }

    /// What the model's driver throws away, because the node wants something else by now, this one verifies and keeps; the node must
    /// have no use for it.
    fn keep_late(&mut self, edge: &Edge<'_>, output: &mut Output) {
        if edge.waits.whole.is_none() && self.server.stepper().whole().is_some() {
            let late = self.server.happen(&Event::SnapshotStaged { is_damaged: false }, &[]);
            output.absorb(late);
        }
    }

    fn compare(&mut self, edge: &Edge<'_>, names: &Names, output: Output, expected: Told) -> Outcome {
        if let Some(error) = output.does_not_start {
            return compare::disks(names, Err(error), edge.disk);
        }
        if let Some(error) = output.unreadable {
            return Err(Mismatch::new("the message as it is read back", String::new(), error.to_string()));
        }
        if let Some(stop) = output.stopped {
            return Err(Mismatch::new("the node", edge.node.to_string(), stop));
        }
        if let Some(misled) = output.misled {
            return Err(Mismatch::new("what clients hear", "what they are told".to_owned(), misled));
        }
        compare::nodes(names, self.server.node(), edge.node)?;
        compare::disks(names, self.server.recovered(), edge.disk)?;
        let waits = Waits {
            batches: self.server.stepper().waiting(),
            is_unconfirmed: self.server.stepper().is_unconfirmed(),
            whole: names.modelled_whole(self.server.stepper().whole()),
        };
        compare::values("what waits for the disk", &waits, &edge.waits)?;
        self.compare_told(edge, &output, expected)?;
        if matches!(edge.event, Event::Crash { .. }) {
            self.owed.clear(); // what never left is lost
        }
        self.owed.extend_from_slice(&edge.sent);
        let once: Vec<Envelope> = if edge.may_repeat { self.owed.clone() } else { Vec::new() };
        compare::frames(names, &output.sent, &mut self.owed, |envelope| once.contains(envelope))?;
        // Only what its disk has done, and it has not heard of, may still be to come.
        if self.server.stepper().is_unconfirmed() { Ok(()) } else { compare::nothing_owed(&self.owed) }
    }

    fn compare_told(&self, edge: &Edge<'_>, output: &Output, mut expected: Told) -> Outcome {
        compare::values("who is blamed", &output.faults.first(), &edge.fault.as_ref())?;
        // The loop lets time begin anew whenever it has run out, and at a start; the protocol need not ask for that.
        let begins_anew = matches!(edge.event, Event::ElectionTimeout | Event::Crash { .. });
        let resets_timer = edge.resets_timer || begins_anew;
        compare::values("whether the election timer begins anew", &output.resets_timer, &resets_timer)?;
        let mut said = output.said.clone();
        said.sort_by_key(|(token, _)| *token);
        expected.sort_by_key(|(token, _)| *token);
        compare::values("what clients are told", &said, &expected)?;
        edge.tape.map_or(Ok(()), |tape| compare::values("the state machine", &self.server.tape(), &tape))
    }
}

type Told = Vec<(Token, Said)>;
