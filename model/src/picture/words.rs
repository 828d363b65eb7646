//! What happens, in a few words.

use super::boxes;
use super::style::Look;
use crate::network::Packet;
use crate::server::{Event, Server};
use seaworthy_protocol::notation::Run;
use seaworthy_protocol::{AppendOutcome, Message, NodeMap, Progress, Role};

/// A message in a few words. Its term is shown beside them.
pub(super) fn brief(packet: &Packet) -> String {
    match &packet.message {
        Message::PreVote { .. } => "PreVote".to_owned(),
        Message::PreVoteGranted => "pre-vote granted".to_owned(),
        Message::RequestVote { .. } => "RequestVote".to_owned(),
        Message::RequestVoteReply { vote_granted: true } => "vote granted".to_owned(),
        Message::RequestVoteReply { vote_granted: false } => "vote denied".to_owned(),
        Message::AppendEntries { entries, .. } if entries.is_empty() => "heartbeat".to_owned(),
        Message::AppendEntries { prev_log, entries, .. } => {
            let run = Run(prev_log.index, entries).to_string();
            format!("append {}", run.trim_matches(['[', ']']))
        }
        Message::AppendEntriesReply(AppendOutcome::Matched(index)) => format!("matched {index}"),
        Message::AppendEntriesReply(AppendOutcome::Conflict { prev_log_index, .. }) => {
            format!("conflict at {prev_log_index}")
        }
        Message::InstallSnapshot(chunk) => {
            format!("snapshot {} from {}", chunk.snapshot.last, chunk.offset)
        }
        Message::InstallSnapshotReply { received, .. } => format!("received {received}"),
        Message::ReadIndex { read } => format!("ReadIndex {read}"),
        Message::ReadIndexReply { read, index } => format!("readable {read} at {index}"),
        Message::ReadRound { round } => format!("ReadRound {round}"),
        Message::ReadRoundReply { round } => format!("following in round {round}"),
        Message::TimeoutNow => "TimeoutNow".to_owned(),
        Message::HigherTerm => "higher term".to_owned(),
    }
}

/// An event that is no message, in a few words.
pub(super) fn event(event: Event) -> Option<String> {
    match event {
        Event::Deliver(_) => None,
        Event::ElectionTimeout => Some("election timeout".to_owned()),
        Event::HeartbeatTimeout => Some("heartbeat".to_owned()),
        Event::Propose(value) => Some(format!("a client proposes {value}")),
        Event::Replicate => Some("replicate".to_owned()),
        Event::CannotWrite { heir: None } => Some("cannot write".to_owned()),
        Event::CannotWrite { heir: Some(heir) } => Some(format!("cannot write, heir {heir}")),
        Event::Read(read) => Some(format!("a client reads, r{read}")),
        Event::Transfer(to) => Some(format!("transfer to {to}")),
        Event::Compact { snapshot, .. } => Some(format!("snapshot {}", snapshot.digest)),
        Event::Stage { is_intact: true } => Some("snapshot staged".to_owned()),
        Event::Stage { is_intact: false } => Some("snapshot damaged".to_owned()),
        Event::Complete => Some("disk completes".to_owned()),
        Event::Confirm => Some("disk confirms".to_owned()),
        Event::Crash { kept: 0 } => Some("crash and restart".to_owned()),
        Event::Crash { kept: 1 } => Some("crash, 1 waiting write kept".to_owned()),
        Event::Crash { kept } => Some(format!("crash, {kept} waiting writes kept")),
    }
}

/// What a step changed at a node, apart from what the signs and boxes beside it show.
pub(super) fn consequences(before: &Server, after: &Server, voters: usize) -> Vec<String> {
    let (old, new) = (&before.node, &after.node);
    let mut words = Vec::new();
    let same_term = old.current_term() == new.current_term();
    if let Some(candidate) = new.voted_for().filter(|_| !same_term || old.voted_for() != new.voted_for()) {
        let candidate = if candidate == new.id() { "itself".to_owned() } else { candidate.to_string() };
        words.push(format!("votes for {candidate}"));
    }
    words.extend(role_consequences(old.role(), new.role(), voters, same_term));
    let compacted = new.log().base();
    match boxes::given_up_count(old, new) {
        0 => {}
        1 => words.push("gives up 1 entry".to_owned()),
        lost => words.push(format!("gives up {lost} entries")),
    }
    if compacted.index > old.log().base().index {
        words.push(format!("a snapshot stands for the log up to {}", compacted.index));
    }
    if new.commit_index() > old.commit_index() {
        words.push(format!("commits up to {}", new.commit_index()));
    }
    if after.disk.writes() > before.disk.writes() {
        words.push("waits for its disk".to_owned());
    } else if before.durable() != after.durable() && before.disk.writes() > after.disk.writes() {
        words.push(format!("on disk: {}", after.durable()));
    }
    words
}

fn role_consequences(before: &Role, after: &Role, voters: usize, same_term: bool) -> Vec<String> {
    match (before, after) {
        (Role::PreCandidate { votes_granted: old }, Role::PreCandidate { votes_granted: new })
        | (Role::Candidate { votes_granted: old }, Role::Candidate { votes_granted: new })
            if same_term && old == new =>
        {
            Vec::new()
        }
        (_, Role::PreCandidate { votes_granted }) => {
            vec![format!("{} of {voters} would vote for it", votes_granted.len())]
        }
        (_, Role::Candidate { votes_granted }) => {
            vec![format!("{} of {voters} votes", votes_granted.len())]
        }
        (Role::Candidate { .. }, Role::Leader { .. }) => vec!["has a majority".to_owned()],
        (Role::Leader { progress: old, .. }, Role::Leader { progress: new, .. }) => moved(old, new),
        (Role::Follower { .. } | Role::PreCandidate { .. }, Role::Leader { .. }) => Vec::new(),
        (Role::Follower { leader: old }, Role::Follower { leader: new }) if old == new => Vec::new(),
        (_, Role::Follower { leader: Some(leader) }) => vec![format!("follows {leader}")],
        (_, Role::Follower { leader: None }) => Vec::new(),
    }
}

/// What a leader learnt of its followers.
fn moved(before: &NodeMap<Progress>, after: &NodeMap<Progress>) -> Vec<String> {
    let has_moved = |(peer, progress): &(_, &Progress)| before.get(*peer) != Some(*progress);
    let told =
        |(peer, progress): (_, &Progress)| format!("{peer}: {}", progress.to_string().replace(',', " "));
    after.iter().filter(has_moved).map(told).collect()
}

/// Did the node's role or term change?
pub(super) fn changes_sign(before: &Server, after: &Server) -> bool {
    let sign = |server: &Server| (Look::of(&server.node), server.node.current_term());
    sign(before) != sign(after)
}
