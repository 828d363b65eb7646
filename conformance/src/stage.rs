//! Runs a script against a subject, one command after the other, and judges after every event.

use crate::Envelope;
use crate::command::{Command, DiskPace, Messages};
use crate::judge::{Breach, Cluster, Edge, Judge, Snapshot};
use crate::network::Network;
use crate::outcome::Outcome;
use crate::scenario::{Scenario, Step};
use crate::subject::{Effect, Event, Subject};
use seaworthy_protocol::notation::show;
use seaworthy_protocol::{NodeId, NodeSet};

/// What came of a script.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Run {
    /// The outcome of each command, up to the first breach.
    pub outcomes: Vec<Vec<String>>,
    /// What broke, and in which step, counted from 0.
    pub breach: Option<(usize, Breach)>,
}

/// More messages than any script delivers by one `deliver all`: who answers answers never comes to rest.
const MESSAGES_MAX: usize = 10_000;

/// Runs a script. It ends early when a property breaks.
#[must_use]
pub fn run(scenario: &Scenario, subject: impl Subject) -> Run {
    let mut stage = Stage::new(scenario.setup.nodes(), subject);
    let mut outcomes = Vec::new();
    for (number, step) in scenario.steps.iter().enumerate() {
        outcomes.push(stage.perform(step));
        if let Some(breach) = stage.breach {
            return Run { outcomes, breach: Some((number, breach)) };
        }
    }
    Run { outcomes, breach: None }
}

/// A subject and all that the script is in charge of.
struct Stage<S> {
    nodes: NodeSet,
    subject: S,
    network: Network,
    /// The nodes whose disks wait.
    waiting: NodeSet,
    snapshots_wait: bool,
    judge: Judge,
    cluster: Cluster,
    breach: Option<Breach>,
}

impl<S: Subject> Stage<S> {
    fn new(nodes: NodeSet, subject: S) -> Self {
        let cluster: Cluster = nodes.iter().map(|node| (node, snapshot(&subject, node))).collect();
        let judge = Judge::new(&cluster);
        let (network, waiting) = (Network::default(), NodeSet::default());
        Self { nodes, subject, network, waiting, snapshots_wait: false, judge, cluster, breach: None }
    }

    fn perform(&mut self, step: &Step) -> Vec<String> {
        let mut outcome = Outcome::new(self.cluster.clone());
        let is_event = match &step.command {
            Command::Node(node, event) => {
                self.happen(*node, event.clone(), &mut outcome);
                true
            }
            Command::Deliver(messages) => {
                self.deliver(messages, &mut outcome);
                true
            }
            Command::Drop(messages) => {
                self.lose(messages, &mut outcome);
                true
            }
            Command::Partition(sides) => {
                let lost = self.network.part(sides.clone());
                tell_lost(&lost, &mut outcome);
                false
            }
            Command::Heal => {
                self.network.heal();
                false
            }
            Command::Disks(node, pace) => {
                self.pace_disks(*node, *pace, &mut outcome);
                false
            }
            Command::SnapshotsWait => {
                self.snapshots_wait = true;
                false
            }
            Command::Show(node) => {
                let shown = self.cluster.iter().filter(|(id, _)| node.is_none_or(|node| node == **id));
                shown.for_each(|(_, snapshot)| tell_state(snapshot, &mut outcome));
                false
            }
        };
        let mut lines = outcome.tell(&self.cluster);
        if lines.is_empty() && is_event {
            lines.push("nothing changes".to_owned());
        }
        lines
    }

    /// Lets an event happen, and the disk work.
    fn happen(&mut self, node: NodeId, event: Event, outcome: &mut Outcome) {
        self.happen_once(node, event, outcome);
        self.work_at_once(node, outcome);
    }

    /// Whatever a disk has to do that does not wait.
    fn work_at_once(&mut self, node: NodeId, outcome: &mut Outcome) {
        let is_busy = |stage: &Self| {
            stage.subject.is_disk_busy(node) || (!stage.snapshots_wait && stage.subject.has_staged(node))
        };
        while self.breach.is_none() && !self.waiting.contains(node) && is_busy(self) {
            self.happen_once(node, Event::DiskCompletes, outcome);
            self.happen_once(node, Event::DiskConfirms, outcome);
            if !self.snapshots_wait {
                self.happen_once(node, Event::SnapshotStaged { is_damaged: false }, outcome);
            }
        }
    }

    fn happen_once(&mut self, node: NodeId, event: Event, outcome: &mut Outcome) {
        if self.breach.is_some() {
            return;
        }
        if matches!(event, Event::Crash { .. }) {
            outcome.see_crash(node);
        }
        let before = self.cluster[&node].clone();
        let effects = self.subject.happen(node, event.clone());
        self.cluster.insert(node, snapshot(&self.subject, node));
        let (mut sent, mut answers) = (Vec::new(), Vec::new());
        for effect in &effects {
            let mut is_lost = false;
            match effect {
                Effect::Sends(envelope) => {
                    is_lost = !self.network.send(envelope.clone());
                    sent.push(envelope.clone());
                }
                Effect::Stops(violation) => self.breach = Some(Breach::Property(*violation)),
                Effect::Blames(fault) => self.breach = Some(Breach::FalseBlame(node, *fault)),
                Effect::Spoils(_) => self.breach = Some(Breach::MixedSnapshot(node)),
                Effect::Answers(answer) => answers.push(*answer),
                Effect::Waits(_) | Effect::Holds(_) | Effect::Stages(_) | Effect::ResetsTimer => {}
            }
            outcome.see(node, effect, self.waiting.contains(node), is_lost);
        }
        let (event, after) = (&event, &self.cluster);
        let edge = Edge { at: node, event, before: &before, after, sent: &sent, answers: &answers };
        let broken = self.judge.see(edge, self.network.ever_sent());
        self.breach = self.breach.or_else(|| broken.map(Breach::Property));
    }

    fn deliver(&mut self, messages: &Messages, outcome: &mut Outcome) {
        match messages {
            Messages::This(envelope) => {
                if !self.network.take(envelope) {
                    return outcome.say("never sent".to_owned());
                }
                self.happen(envelope.to, Event::Deliver((**envelope).clone()), outcome);
            }
            Messages::Link(from, to) => {
                let arriving = self.network.take_all(|envelope| envelope.from == *from && envelope.to == *to);
                if arriving.is_empty() {
                    outcome.say("nothing in flight".to_owned());
                }
                for envelope in arriving {
                    self.happen(envelope.to, Event::Deliver(envelope), outcome);
                }
            }
            Messages::All => {
                for _ in 0..MESSAGES_MAX {
                    let Some(envelope) = self.network.take_oldest() else { return };
                    self.happen(envelope.to, Event::Deliver(envelope), outcome);
                }
                outcome.say(format!("no end of messages after {MESSAGES_MAX}"));
            }
        }
    }

    fn lose(&mut self, messages: &Messages, outcome: &mut Outcome) {
        let lost = self.network.take_all(|envelope| match messages {
            Messages::This(this) => envelope == &**this,
            Messages::Link(from, to) => envelope.from == *from && envelope.to == *to,
            Messages::All => true,
        });
        if lost.is_empty() {
            outcome.say("nothing in flight".to_owned());
        }
        tell_lost(&lost, outcome);
    }

    /// A disk that no longer waits does at once what it has to do.
    fn pace_disks(&mut self, node: Option<NodeId>, pace: DiskPace, outcome: &mut Outcome) {
        let nodes = node.map_or(self.nodes, |node| [node].into_iter().collect());
        for node in nodes.iter() {
            match pace {
                DiskPace::Waits => self.waiting.insert(node),
                DiskPace::AtOnce => {
                    self.waiting = self.waiting.without(node);
                    self.work_at_once(node, outcome);
                }
            }
        }
    }
}

fn snapshot(subject: &impl Subject, node: NodeId) -> Snapshot {
    Snapshot { node: subject.node(node), disk: subject.disk(node) }
}

fn tell_lost(lost: &[Envelope], outcome: &mut Outcome) {
    for envelope in lost {
        outcome.say(format!("{} (lost)", show::<_, u8>(envelope)));
    }
}

fn tell_state(snapshot: &Snapshot, outcome: &mut Outcome) {
    outcome.say(snapshot.node.to_string());
    if snapshot.disk != *snapshot.node.durable() {
        outcome.say(format!("{} disk {}", snapshot.node.id(), snapshot.disk));
    }
}
