//! One line of one node: the step is taken again, compared with what it led to, and judged.

use super::commands::Command;
use super::finding::{Finding, Kind};
use super::merging::Validation;
use super::reading::{Place, Start, Step};
use super::sent::Behind;
use super::server::{Left, Server, Stepped};
use super::sink::{Fingerprint, Message};
use super::words;
use seaworthy_protocol::invariants::Violation;
use seaworthy_protocol::invariants::cluster::{persisted_before_send, transfer_is_ready};
use seaworthy_protocol::{Answer, Durable, Envelope, Input, NodeId, OwnedEntries};

/// So many steps lie between two looks at all nodes at once, if nothing calls for one.
const BETWEEN_WHOLES: usize = 4096;

type Outcome = Result<(), Box<Finding>>;
type Received<'a> = Envelope<OwnedEntries<Command<'a>>>;

impl<'a> Validation<'a> {
    /// A node wakes up again, with what it finds on its disk.
    pub(super) fn start(&mut self, id: NodeId, place: &Place, start: Start<'a>) -> Outcome {
        let Some(server) = self.servers.get_mut(&id) else { return Ok(()) };
        if start.config.voters() != server.config.voters() {
            let details = format!("{}\n", start.config.voters());
            return Err(Box::new(Finding {
                place: place.clone(),
                node: id,
                kind: Kind::OtherVoters,
                details,
            }));
        }
        let found = start.durable.clone();
        if !server.restart(start) {
            let details = changed(server, &found);
            return Err(Box::new(Finding {
                place: place.clone(),
                node: id,
                kind: Kind::DiskChanged,
                details,
            }));
        }
        self.report.starts += 1;
        self.report.disks += 1;
        self.judge_start(id, place)
    }

    pub(super) fn judge_start(&mut self, id: NodeId, place: &Place) -> Outcome {
        if self.stuck.is_some() {
            return Ok(());
        }
        let Some(server) = self.servers.get(&id) else { return Ok(()) };
        let broken = self.judge.see_start(server).or_else(|| self.judge.see_whole(&self.servers));
        self.held(broken, id, place, "start")
    }

    /// A node takes a step.
    pub(super) fn step(&mut self, id: NodeId, place: &Place, step: Step<'a>) -> Outcome {
        let Step { input, after, digest } = step;
        let shown = words::short(&input.to_string());
        self.before(id, place, &input, &shown)?;
        let Some(server) = self.servers.get_mut(&id) else { return Ok(()) };
        let received = if let Input::Receive(envelope) = &input { Some(envelope.clone()) } else { None };
        let proposal = if let Input::Propose(command) = &input { Some(*command) } else { None };
        let stepped = server.step(input);
        self.report.steps += 1;
        let here = words::after(&server.node);
        if (stepped.digest, &here) != (digest.0, &after) {
            let (is, was) = (words::lines(&here, stepped.digest), words::lines(&after, digest.0));
            let difference = words::difference((&was, "recorded"), (&is, "taken again"));
            let node = words::node(&server.node);
            let details = format!("  {shown}\n\n{difference}\ntaken again: {node}\n");
            return Err(Box::new(Finding { place: place.clone(), node: id, kind: Kind::Diverges, details }));
        }
        let broken = self.send(id, &stepped);
        if self.stuck.is_some() {
            return Ok(());
        }
        if let Some(fault) = stepped.wanted.faults.first() {
            let details = format!("  {shown}\n  {fault}\n");
            return Err(Box::new(Finding {
                place: place.clone(),
                node: id,
                kind: Kind::FalseBlame,
                details,
            }));
        }
        let broken = broken.or(stepped.violation);
        let broken = broken.or_else(|| self.judge_step(id, received.as_ref(), proposal, &stepped));
        self.held(broken, id, place, &shown)
    }

    /// What an input says of the time before it: of whoever sent it, and of the disk.
    fn before(&mut self, id: NodeId, place: &Place, input: &Input<Command<'a>>, shown: &str) -> Outcome {
        let finding = |kind, details| Box::new(Finding { place: place.clone(), node: id, kind, details });
        let broken = match input {
            Input::Receive(envelope) => {
                self.report.received += 1;
                let sender = self.servers.get_mut(&envelope.from);
                let leaves = self.sent.get(Fingerprint::of(&envelope.borrowed()));
                let Some((sender, leaves)) = sender.zip(leaves) else { return Ok(()) };
                match sender.has_left(leaves) {
                    Left::Yes => None,
                    Left::Since(position) => sender.advance(position, leaves_rightly),
                    Left::Never => {
                        let kind = Kind::LeftTooEarly { from: envelope.from };
                        return Err(finding(kind, format!("  {shown}\n")));
                    }
                }
            }
            Input::WritesDurable(ack) => {
                let Some(server) = self.servers.get_mut(&id) else { return Ok(()) };
                let Some(position) = server.confirmed(*ack) else {
                    return Err(finding(Kind::NeverWritten, format!("  {shown}\n")));
                };
                server.advance(position, leaves_rightly)
            }
            Input::Read(read) => {
                self.judge.see_read(id, *read);
                None
            }
            Input::ElectionTimeout
            | Input::HeartbeatTimeout
            | Input::Propose(_)
            | Input::Replicate
            | Input::CannotWrite { .. }
            | Input::Transfer { .. }
            | Input::Compact { .. }
            | Input::SnapshotStaged { .. } => None,
        };
        let broken = broken.filter(|_| self.stuck.is_none());
        self.held(broken, id, place, shown)
    }

    /// Messages leave, or wait for the disk.
    fn send(&mut self, id: NodeId, stepped: &Stepped<'a>) -> Option<Violation> {
        let server = self.servers.get_mut(&id)?;
        let waiting = &stepped.wanted.after_writes;
        let mut broken = None;
        match if waiting.is_empty() { None } else { server.waits_behind(waiting) } {
            Some(behind) => self.wait(waiting, behind),
            // All that they could wait for is durable.
            None => broken = self.leave(id, waiting),
        }
        broken.or_else(|| self.leave(id, &stepped.wanted.now))
    }

    fn wait(&mut self, messages: &[Message], behind: Behind) {
        messages.iter().for_each(|message| self.sent.behind(message.fingerprint, behind));
    }

    fn leave(&mut self, id: NodeId, messages: &[Message]) -> Option<Violation> {
        let server = self.servers.get(&id)?;
        let mut broken = None;
        for message in messages {
            self.sent.at_once(message.fingerprint);
            let is_ready = !message.envelope.message.is_timeout_now()
                || self.servers.get(&message.envelope.to).is_none_or(|receiver| {
                    let committed = &self.judge.committed;
                    transfer_is_ready(&message.envelope, &server.node, &receiver.disk, committed)
                });
            broken = broken
                .or_else(|| leaves_rightly(message, &server.disk))
                .or_else(|| (!is_ready).then_some(Violation::TransferReady));
        }
        broken
    }

    fn judge_step(
        &mut self,
        id: NodeId,
        received: Option<&Received<'a>>,
        proposal: Option<Command<'a>>,
        stepped: &Stepped<'a>,
    ) -> Option<Violation> {
        for answer in &stepped.wanted.answers {
            match (proposal, answer) {
                (Some(command), Answer::Appended(_)) => self.judge.see_proposal(command),
                (Some(_), _) => {}
                (None, answer) => {
                    if let Some(violation) = self.judge.see_answer(id, *answer) {
                        return Some(violation);
                    }
                }
            }
        }
        let is_new_leader =
            self.servers.get(&id).is_some_and(|server| self.judge.is_new_leader(&server.node));
        let broken = received.and_then(|envelope| self.judge_received(id, envelope));
        let broken = broken.or_else(|| self.judge.see_step(id, stepped.has_written, &self.servers));
        let is_due = is_new_leader || self.report.steps % BETWEEN_WHOLES == 0;
        broken.or_else(|| if is_due { self.judge.see_whole(&self.servers) } else { None })
    }

    fn judge_received(&mut self, id: NodeId, envelope: &Received<'a>) -> Option<Violation> {
        let (sender, receiver) = (self.servers.get(&envelope.from)?, self.servers.get(&id)?);
        let is_true = super::judge::acknowledges_truly(envelope, sender, &receiver.node);
        let twice = self.judge.see_received(envelope);
        twice.or_else(|| (!is_true).then_some(Violation::PersistBeforeSend))
    }

    /// If something is broken, it is said where, and how everybody was.
    pub(super) fn held(&self, broken: Option<Violation>, id: NodeId, place: &Place, shown: &str) -> Outcome {
        let Some(violation) = broken else { return Ok(()) };
        let mut details = format!("  {shown}\n\n");
        for server in self.servers.values() {
            let behind = server.waiting();
            details += &format!("  {}\n", words::node(&server.node));
            if behind > 0 {
                details += &format!("    its disk may be without the last {behind} of its writes\n");
            }
        }
        let kind = Kind::Property(violation);
        Err(Box::new(Finding { place: place.clone(), node: id, kind, details }))
    }
}

/// A message leaves when the disk has just what it waited for.
fn leaves_rightly(message: &Message, disk: &Durable<Command<'_>>) -> Option<Violation> {
    (!persisted_before_send(&message.envelope, disk)).then_some(Violation::PersistBeforeSend)
}

fn changed(server: &Server<'_>, found: &Durable<Command<'_>>) -> String {
    let (found, due) = (words::disk(found), words::disk(&server.disk));
    let difference = words::difference((&due, "durable before"), (&found, "found"));
    let behind = server.waiting();
    format!("{difference}\n{behind} more writes may have been kept, from the first on\n")
}
