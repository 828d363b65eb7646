//! What a command changed, in words: one line for each node that changed, then one for each thing that it did.

use crate::judge::Cluster;
use crate::subject::Effect;
use seaworthy_protocol::notation::{Run, show};
use seaworthy_protocol::{Index, Node, NodeId, NodeSet, Role};

/// What has come of a command so far.
#[derive(Clone, Debug)]
pub struct Outcome {
    before: Cluster,
    crashed: NodeSet,
    timers_reset: NodeSet,
    done: Vec<String>,
}

impl Outcome {
    /// Nothing yet.
    #[must_use]
    pub fn new(before: Cluster) -> Self {
        Self { before, crashed: NodeSet::default(), timers_reset: NodeSet::default(), done: Vec::new() }
    }

    /// A line of its own.
    pub fn say(&mut self, line: String) {
        self.done.push(line);
    }

    /// A node lost its memory.
    pub fn see_crash(&mut self, node: NodeId) {
        self.crashed.insert(node);
    }

    /// A node did something. What waits for a disk is told only of disks that wait at all, and what is lost is marked.
    pub fn see(&mut self, node: NodeId, effect: &Effect, disk_waits: bool, is_lost: bool) {
        let lost = if is_lost { " (lost)" } else { "" };
        match effect {
            Effect::Waits(write) if disk_waits => {
                self.say(format!("waiting {node} {}", show::<_, u8>(write)));
            }
            Effect::Holds(envelope) if disk_waits => self.say(format!("waiting {}", show::<_, u8>(envelope))),
            Effect::Waits(_) | Effect::Holds(_) => {}
            Effect::Sends(envelope) => self.say(format!("{}{lost}", show::<_, u8>(envelope))),
            Effect::Answers(answer) => self.say(format!("{node} answers: {answer}")),
            Effect::ResetsTimer => self.timers_reset.insert(node),
            Effect::Blames(fault) => self.say(format!("{node} blames a peer: {fault}")),
            Effect::Stops(violation) => self.say(format!("{node} stops: {violation} is broken")),
        }
    }

    /// All of it, now that the cluster is like this.
    #[must_use]
    pub fn tell(self, after: &Cluster) -> Vec<String> {
        let Self { before, crashed, timers_reset, done } = self;
        let mut lines = Vec::new();
        for (node, now) in after {
            let was = &before[node];
            let resets_timer = timers_reset.contains(*node);
            if crashed.contains(*node) {
                lines.push(format!("{} after restart", now.node));
            } else {
                lines.extend(change(&was.node, &now.node, resets_timer));
            }
            // A disk that has what the memory has goes without saying.
            let is_behind = was.disk != *was.node.durable();
            if now.disk != was.disk && is_behind && !crashed.contains(*node) {
                lines.push(format!("{node} disk {}", now.disk));
            }
        }
        lines.extend(done);
        lines
    }
}

/// What is different about a node; nothing if nothing is.
fn change(before: &Node<u8>, after: &Node<u8>, resets_timer: bool) -> Option<String> {
    let has_new_term = before.current_term() != after.current_term();
    let mut parts = role_change(before, after, has_new_term);
    if let Some(candidate) =
        after.voted_for().filter(|_| has_new_term || before.voted_for() != after.voted_for())
    {
        parts.push(format!("vote={candidate}"));
    }
    if before.log() != after.log() {
        parts.push(format!("log={}", Run(Index(0), after.log().entries())));
    }
    if before.commit_index() != after.commit_index() {
        parts.push(format!("commit={}", after.commit_index()));
    }
    if confirmation(before) != confirmation(after) {
        parts.push(confirmation(after));
    }
    if resets_timer {
        parts.push("timer reset".to_owned());
    }
    (!parts.is_empty()).then(|| format!("{}@{} {}", after.id(), after.current_term(), parts.join(" ")))
}

fn role_change(before: &Node<u8>, after: &Node<u8>, has_new_term: bool) -> Vec<String> {
    let mut parts = Vec::new();
    let is_new = has_new_term || name(before) != name(after);
    if is_new {
        parts.push(name(after));
    }
    match (before.role(), after.role()) {
        (Role::PreCandidate { votes_granted: had }, Role::PreCandidate { votes_granted })
        | (Role::Candidate { votes_granted: had }, Role::Candidate { votes_granted })
            if !is_new && had == votes_granted => {}
        (_, Role::PreCandidate { votes_granted } | Role::Candidate { votes_granted }) => {
            parts.push(format!("votes={votes_granted}"))
        }
        (had, Role::Leader { progress, heard }) => {
            if had_heard(before) != *heard {
                parts.push(format!("heard={heard}"));
            }
            for (peer, known) in progress.iter() {
                let had = match had {
                    Role::Leader { progress, .. } if !has_new_term => progress.get(peer),
                    Role::Leader { .. }
                    | Role::PreCandidate { .. }
                    | Role::Candidate { .. }
                    | Role::Follower { .. } => None,
                };
                if had != Some(known) {
                    parts.push(format!("{peer}:match={},next={}", known.match_index, known.next_index));
                }
            }
        }
        (_, Role::Follower { .. }) => {}
    }
    parts
}

fn had_heard(node: &Node<u8>) -> NodeSet {
    match node.role() {
        Role::Leader { heard, .. } => *heard,
        Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => NodeSet::default(),
    }
}

fn name(node: &Node<u8>) -> String {
    match node.role() {
        Role::Follower { leader: None } => "follower".to_owned(),
        Role::Follower { leader: Some(leader) } => format!("follower of {leader}"),
        Role::PreCandidate { .. } => "pre-candidate".to_owned(),
        Role::Candidate { .. } => "candidate".to_owned(),
        Role::Leader { .. } => "leader".to_owned(),
    }
}

/// How much of its term and its log a node knows to be on its disk.
fn confirmation(node: &Node<u8>) -> String {
    match node.confirmed() {
        None => "unconfirmed term".to_owned(),
        Some(index) if index < node.log().last_index() => format!("confirmed={index}"),
        Some(_) => "confirmed".to_owned(),
    }
}
