//! What a command changed, in words: one line for each node that changed, then one for each thing that it did.

use crate::judge::Cluster;
use crate::subject::Effect;
use seaworthy_protocol::notation::{Run, show};
use seaworthy_protocol::{Chunk, Node, NodeId, NodeMap, NodeSet, Progress, Reads, Role};

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
            Effect::Stages(chunk) if disk_waits && chunk.is_last() => {
                let Chunk { snapshot, .. } = chunk;
                self.say(format!("waiting {node} snapshot {snapshot}"));
            }
            Effect::Waits(_) | Effect::Holds(_) | Effect::Stages(_) => {}
            Effect::Spoils(snapshot) => self.say(format!("{node} finds snapshot {snapshot} damaged")),
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
    parts.extend(kept_change(before, after));
    if before.commit_index() != after.commit_index() {
        parts.push(format!("commit={}", after.commit_index()));
    }
    if before.receiving() != after.receiving() {
        let nothing = || "receiving nothing".to_owned();
        parts.push(after.receiving().map_or_else(nothing, |receiving| format!("receiving {receiving}")));
    }
    if confirmation(before) != confirmation(after) {
        parts.push(confirmation(after));
    }
    if resets_timer {
        parts.push("timer reset".to_owned());
    }
    (!parts.is_empty()).then(|| format!("{}@{} {}", after.id(), after.current_term(), parts.join(" ")))
}

/// What is different about a node's snapshot and its log.
fn kept_change(before: &Node<u8>, after: &Node<u8>) -> Vec<String> {
    let mut parts = Vec::new();
    let (snapshot, base) = (after.durable().snapshot(), after.log().base());
    if let Some(snapshot) = snapshot.filter(|_| before.durable().snapshot() != snapshot) {
        parts.push(format!("snapshot={snapshot}"));
    }
    // Where the log begins goes without saying if it is where the snapshot ends.
    if before.log().base() != base && snapshot.is_none_or(|snapshot| snapshot.last != base) {
        parts.push(format!("base={base}"));
    }
    if before.log() != after.log() {
        parts.push(format!("log={}", Run(base.index, after.log().entries())));
    }
    parts
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
        (had, Role::Leader { .. }) => {
            // What it knew as the leader of another term it has forgotten.
            let had = if has_new_term { None } else { Leading::of(had) };
            parts.extend(Leading::of(after.role()).map_or_else(Vec::new, |has| has.change(had)));
        }
        (_, Role::Follower { .. }) => {}
    }
    parts
}

/// What only a leader knows.
#[derive(Clone, Copy)]
struct Leading<'a> {
    progress: &'a NodeMap<Progress>,
    heard: NodeSet,
    reads: &'a Reads,
    transfer: Option<NodeId>,
}

impl<'a> Leading<'a> {
    const fn of(role: &'a Role) -> Option<Self> {
        match role {
            Role::Leader { progress, heard, reads, transfer } => {
                Some(Self { progress, heard: *heard, reads, transfer: *transfer })
            }
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => None,
        }
    }

    /// What is different, in the order in which the protocol shows a leader. Before it led it knew nothing.
    fn change(self, had: Option<Self>) -> Vec<String> {
        let mut parts = Vec::new();
        if had.and_then(|had| had.transfer) != self.transfer {
            let ended = || "transferring no more".to_owned();
            parts.push(self.transfer.map_or_else(ended, |to| format!("transferring to {to}")));
        }
        let nothing = Reads::default();
        if had.map_or(&nothing, |had| had.reads) != self.reads {
            parts.push(self.reads.to_string().trim_start().to_owned());
        }
        if had.map_or_else(NodeSet::default, |had| had.heard) != self.heard {
            parts.push(format!("heard={}", self.heard));
        }
        let is_new =
            |peer: NodeId, known: &Progress| had.and_then(|had| had.progress.get(peer)) != Some(known);
        let new = self.progress.iter().filter(|(peer, known)| is_new(*peer, known));
        parts.extend(new.map(|(peer, known)| format!("{peer}:{known}")));
        parts
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
