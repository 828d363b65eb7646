//! Nodes and disks for people: of long logs the end, and of two what differs.

use super::commands::Command;
use super::format::After;
use seaworthy_protocol::{Durable, Node, Role};
use similar::TextDiff;

/// How many entries at the end of a log are shown.
const SHOWN: usize = 5;

/// A line in which a long log is cut short, each of its runs of entries to their ends.
pub(super) fn short(line: &str) -> String {
    let Some((before, rest)) = line.split_once('[') else { return line.to_owned() };
    let Some((run, after)) = rest.split_once(']') else { return line.to_owned() };
    let entries: Vec<&str> = run.split(' ').collect();
    let skipped = entries.len().saturating_sub(SHOWN);
    let dots = if skipped == 0 { "" } else { "… " };
    format!("{before}[{dots}{}]{after}", entries[skipped..].join(" "))
}

/// A node in the one notation.
pub(super) fn node(node: &Node<Command<'_>>) -> String {
    short(&node.to_string())
}

/// What a line says of a node, as far as it says it in words.
pub(super) fn after(node: &Node<Command<'_>>) -> After {
    After {
        term: node.current_term(),
        vote: node.voted_for(),
        role: match node.role() {
            Role::Follower { .. } => "follower",
            Role::PreCandidate { .. } => "pre-candidate",
            Role::Candidate { .. } => "candidate",
            Role::Leader { .. } => "leader",
        }
        .to_owned(),
        commit: node.commit_index(),
        last: node.log().last(),
        base: node.log().base(),
    }
}

/// The same, a line each.
pub(super) fn lines(after: &After, digest: u64) -> String {
    let After { term, vote, role, commit, last, base } = after;
    let vote = vote.map_or_else(|| "nobody".to_owned(), |vote| vote.to_string());
    format!(
        "term {term}\nvote for {vote}\nrole {role}\ncommit {commit}\nlast {last}\nbase {base}\ndigest {digest:016x}\n"
    )
}

/// What a disk holds, a line each.
pub(super) fn disk(disk: &Durable<Command<'_>>) -> String {
    let log = disk.log();
    let mut text = format!("term {}\n", disk.current_term());
    if let Some(vote) = disk.voted_for() {
        text += &format!("vote for {vote}\n");
    }
    if let Some(snapshot) = disk.snapshot() {
        text += &format!("snapshot {snapshot}\n");
    }
    text += &format!("base {}\n", log.base());
    for (position, entry) in log.entries().iter().enumerate() {
        let index = log.base().index.plus(position + 1);
        text += &format!("entry {index}@{}:{}\n", entry.term, entry.payload);
    }
    text
}

/// What differs between two texts, with two lines around it.
pub(super) fn difference((one, is): (&str, &str), (other, should): (&str, &str)) -> String {
    let diff = TextDiff::from_lines(one, other);
    diff.unified_diff().context_radius(2).header(is, should).to_string()
}
