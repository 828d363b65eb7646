//! All that a node holds, as one number, in a time that does not grow with its log.

use seaworthy_protocol::{Entry, Index, Log, LogId, Node, Payload, Term};
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// How many entries that a step has not touched are looked at once more after it.
const LOOKED_AT_AGAIN: usize = 2;

/// Digests of one node, step after step.
///
/// Of the log it remembers a digest of each entry, and their sum. After a step it looks at the entries that are new, and at the next two of the
/// others: so all of the log is looked at again and again, and memory that changes by itself is noticed, if not at once.
///
/// ```
/// use seaworthy::trace::{Digest, command_digest};
/// use seaworthy_protocol::{Config, Durable, Effects, Input, Node, NodeId, NodeSet, Recording};
///
/// let config = Config::new(NodeSet::first(3))?;
/// let step = |node: &mut Node<u8>, input| node.step::<Vec<_>>(&config, input, &mut Effects::new(Recording::default()));
/// let mut twins = [0, 1].map(|_| (Node::restart(NodeId::new(1).unwrap(), Durable::default()), Digest::default()));
/// let [one, other] = twins.each_mut().map(|(node, digest)| {
///     step(node, Input::ElectionTimeout);
///     digest.of(node, |command| command_digest(&[*command]))
/// });
/// assert_eq!(one, other);
/// # Ok::<(), seaworthy_protocol::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Digest {
    base: LogId,
    entries: VecDeque<Seen>,
    /// Of the digests of all entries.
    sum: u64,
    /// Which entry is looked at again next, from the base.
    next: usize,
}

/// An entry when it was looked at last.
#[derive(Clone, Copy, Debug)]
struct Seen {
    term: Term,
    digest: u64,
}

/// A command, by the bytes that the log holds of it.
///
/// ```
/// assert_ne!(seaworthy::trace::command_digest(b"set x 1"), seaworthy::trace::command_digest(b"set x 2"));
/// ```
#[must_use]
pub fn command_digest(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

impl Digest {
    /// The digest of the node after a step. Commands are told apart by `command`.
    pub fn of<C>(&mut self, node: &Node<C>, mut command: impl FnMut(&C) -> u64) -> u64 {
        self.follow(node.log(), &mut command);
        self.look_again(node.log(), &mut command);
        let mut hasher = Xxh3::new();
        let (id, durable, log) = (node.id(), node.durable(), node.log());
        let kept = (durable.current_term(), durable.voted_for(), durable.snapshot(), log.base());
        let memory = (node.confirmed(), node.commit_index(), node.receiving(), node.role());
        (id, kept, memory, log.entries().len(), self.sum).hash(&mut hasher);
        hasher.finish()
    }

    /// Takes in what a step has done to the log: it drops entries behind the base, cuts some off the end, and appends others.
    fn follow<C>(&mut self, log: &Log<C>, command: &mut impl FnMut(&C) -> u64) {
        let base = log.base();
        if base != self.base {
            let gone = usize::try_from(base.index.0.saturating_sub(self.base.index.0)).unwrap_or(usize::MAX);
            let is_there = gone.checked_sub(1).and_then(|last| self.entries.get(last));
            // Without the entry at the new base the log was dropped whole.
            let gone = if is_there.is_some_and(|seen| seen.term == base.term) { gone } else { usize::MAX };
            for seen in self.entries.drain(..gone.min(self.entries.len())) {
                self.sum = self.sum.wrapping_sub(seen.digest);
            }
            (self.base, self.next) = (base, self.next.saturating_sub(gone));
        }
        // From the end to where nothing is new: two logs that hold an entry of the same index and term are equal up to it (§5.3).
        let entries = log.entries();
        let is_known = |known: usize, seen: &VecDeque<Seen>| {
            let ends = entries.get(known - 1).zip(seen.get(known - 1));
            ends.is_some_and(|(entry, seen)| entry.term == seen.term)
        };
        let mut known = entries.len();
        while known > 0 && !is_known(known, &self.entries) {
            known -= 1;
        }
        for seen in self.entries.drain(known.min(self.entries.len())..) {
            self.sum = self.sum.wrapping_sub(seen.digest);
        }
        for (position, entry) in entries.iter().enumerate().skip(known) {
            let seen = look(base.index.plus(position + 1), entry, command);
            self.sum = self.sum.wrapping_add(seen.digest);
            self.entries.push_back(seen);
        }
    }

    fn look_again<C>(&mut self, log: &Log<C>, command: &mut impl FnMut(&C) -> u64) {
        for _ in 0..LOOKED_AT_AGAIN.min(self.entries.len()) {
            let position = if self.next < self.entries.len() { self.next } else { 0 };
            self.next = position + 1;
            if let (Some(entry), Some(seen)) = (log.entries().get(position), self.entries.get_mut(position)) {
                let now = look(self.base.index.plus(position + 1), entry, command);
                self.sum = self.sum.wrapping_sub(seen.digest).wrapping_add(now.digest);
                *seen = now;
            }
        }
    }
}

fn look<C>(index: Index, entry: &Entry<C>, command: &mut impl FnMut(&C) -> u64) -> Seen {
    let (kind, payload) = match &entry.payload {
        Payload::Noop => (0, 0),
        Payload::Command(bytes) => (1, command(bytes)),
    };
    let parts = [index.0, entry.term.0, kind, payload].map(u64::to_le_bytes);
    Seen { term: entry.term, digest: xxh3_64(parts.as_flattened()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_protocol::{Config, Durable, Effects, Input, NodeId, NodeSet, Recording, Snapshot, Write};

    fn durable(base: u64, commands: &[(u64, u8)]) -> Durable<u8> {
        let mut durable = Durable::default();
        let entry =
            |(term, command): &(u64, u8)| Entry { term: Term(*term), payload: Payload::Command(*command) };
        let entries: Vec<Entry<u8>> = commands.iter().map(entry).collect();
        assert!(
            durable.redo(Write::<Vec<Entry<u8>>>::TermAndVote { current_term: Term(9), voted_for: None })
        );
        if base > 0 {
            let last = LogId { term: Term(1), index: Index(base) };
            assert!(
                durable.redo(Write::<Vec<_>>::Install { snapshot: Snapshot { last, length: 1, digest: 1 } })
            );
        }
        assert!(durable.redo(Write::Append { after: Index(base), entries }));
        durable
    }

    fn node(durable: Durable<u8>) -> Node<u8> {
        Node::restart(NodeId::new(1).unwrap(), durable)
    }

    fn of(digest: &mut Digest, node: &Node<u8>) -> u64 {
        digest.of(node, |command| command_digest(&[*command]))
    }

    /// Whatever it was before, it is the digest of what is there now.
    #[test]
    fn a_log_that_grows_is_cut_and_compacted_has_the_digest_of_what_it_is() {
        let mut digest = Digest::default();
        for (base, commands) in [
            (0, &[][..]),
            (0, &[(1, 1), (1, 2), (1, 3)]),
            (0, &[(1, 1), (1, 2), (2, 4), (2, 5)]),
            (0, &[(1, 1)]),
            (0, &[(1, 1), (3, 6), (3, 7), (3, 8)]),
            (1, &[(3, 6), (3, 7), (3, 8)]),
            (1, &[(3, 6)]),
            (7, &[(4, 9), (4, 9)]),
        ] {
            let node = node(durable(base, commands));
            assert_eq!(of(&mut digest, &node), of(&mut Digest::default(), &node), "{node}");
        }
    }

    #[test]
    fn whatever_differs_has_another_digest() {
        let before = [(1, 1), (1, 2)];
        let mut seen = vec![of(&mut Digest::default(), &node(durable(0, &before)))];
        for (base, commands) in
            [(0, vec![(1, 1)]), (0, vec![(1, 1), (1, 3)]), (0, vec![(1, 1), (2, 2)]), (2, vec![])]
        {
            seen.push(of(&mut Digest::default(), &node(durable(base, &commands))));
        }
        let config = Config::new(NodeSet::first(3)).unwrap();
        for input in [Input::ElectionTimeout, Input::CannotWrite { heir: None }] {
            let mut node = node(durable(0, &before));
            node.step::<Vec<_>>(&config, input, &mut Effects::new(Recording::default()));
            seen.push(of(&mut Digest::default(), &node));
        }
        // The last input changes nothing.
        assert_eq!(seen.pop(), Some(seen[0]));
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }

    #[test]
    fn memory_that_changes_by_itself_is_noticed_within_as_many_steps_as_it_has_entries() {
        let good: Vec<(u64, u8)> = (0..10).map(|command| (1, command)).collect();
        let bad: Vec<(u64, u8)> =
            good.iter().map(|(term, command)| (*term, command ^ u8::from(*command == 7))).collect();
        let (good, bad) = (node(durable(0, &good)), node(durable(0, &bad)));
        let (mut digest, mut witness) = (Digest::default(), Digest::default());
        assert_eq!(of(&mut digest, &good), of(&mut witness, &good));
        let differs = |_: &usize| of(&mut digest, &bad) != of(&mut witness, &good);
        assert!((0..10).find(differs).is_some());
    }

    /// A part of a node that nobody puts into the digest would go unnoticed.
    #[test]
    fn a_node_has_no_other_parts() {
        let parts = |value: &serde_json::Value| {
            let parts = value.as_object().unwrap().keys().cloned();
            let mut parts: Vec<String> = parts.collect();
            parts.sort();
            parts.join(" ")
        };
        let node = serde_json::to_value(node(durable(0, &[(1, 1)]))).unwrap();
        assert_eq!(parts(&node), "commit_index confirmed durable id receiving role");
        assert_eq!(parts(&node["durable"]), "current_term log snapshot voted_for");
        assert_eq!(parts(&node["durable"]["log"]), "base entries");
        assert_eq!(parts(&node["durable"]["log"]["entries"][0]), "payload term");
    }
}
