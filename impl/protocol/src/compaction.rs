//! Log compaction (§7): a snapshot takes the place of the entries it covers, here and, chunk by chunk, on a follower that lacks them.
//!
//! The bytes of a snapshot never come here. The protocol knows a snapshot by its [`Snapshot`] and how much of it has arrived;
//! files are the driver's: it makes a snapshot durable *before* it says [`Input::Compact`](crate::Input::Compact), cuts the chunk
//! that an [`InstallSnapshot`](crate::Message::InstallSnapshot) names out of its file when it sends it, appends the bytes of a
//! chunk that the protocol wants to a file of its own, and when that file is whole, verified and durable says
//! [`Input::SnapshotStaged`](crate::Input::SnapshotStaged).

use crate::config::Config;
use crate::effects::{Effects, Misdeed, Release, Sink};
use crate::message::{AppendOutcome, Message};
use crate::node::Node;
use crate::progress::{Pace, Progress};
use crate::role::Role;
use crate::types::{Index, LogId, NodeId};

/// What tells a snapshot from every other: two nodes may write the same state in different bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Snapshot {
    /// The last entry that it covers (Figure 13, lastIncludedIndex and lastIncludedTerm).
    pub last: LogId,
    /// How many bytes it has, at least one.
    pub length: u64,
    /// A digest of those bytes.
    pub digest: u64,
}

/// A piece of a snapshot: `length` bytes from `offset` on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Chunk {
    /// Of which snapshot.
    pub snapshot: Snapshot,
    /// Where it begins.
    pub offset: u64,
    /// How many bytes; none, when all have arrived and nothing is left but to say so.
    pub length: u64,
}

impl Chunk {
    /// Does the snapshot end with it?
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.offset.saturating_add(self.length) == self.snapshot.length
    }

    /// Does it lie within its snapshot?
    pub(crate) const fn is_well_formed(&self) -> bool {
        match self.offset.checked_add(self.length) {
            Some(end) => self.snapshot.length > 0 && end <= self.snapshot.length,
            None => false,
        }
    }
}

/// A snapshot that is on its way to this node, from the leader of the current term.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Receiving {
    /// Which one.
    pub snapshot: Snapshot,
    /// How many bytes have arrived, without a gap.
    pub received: u64,
}

impl<C> Node<C> {
    /// Forgets entries that a durable snapshot of the driver covers: those up to `through`, which may leave some of them for
    /// followers that are a little behind. Ignored unless the snapshot is of this node's committed log and newer than the last.
    pub(crate) fn on_compact(&mut self, snapshot: Snapshot, through: Index, fx: &mut Effects<impl Sink<C>>) {
        let is_newer = self.durable().snapshot().is_none_or(|old| old.last.index < snapshot.last.index);
        let is_committed = snapshot.last.index <= self.commit_index() && self.log().holds(snapshot.last);
        let is_covered = (self.log().base().index..=snapshot.last.index).contains(&through);
        if !(snapshot.length > 0 && is_newer && is_committed && is_covered) {
            return;
        }
        self.forget_in_flight(through, fx);
        self.compact(snapshot, through, fx);
    }

    /// What is compacted is not weighed when it arrives, and a transfer of the old snapshot begins anew with this one.
    fn forget_in_flight(&mut self, through: Index, fx: &mut Effects<impl Sink<C>>) {
        let Role::Leader { progress, .. } = self.role() else { return };
        let mut progress = progress.clone();
        for (_, known) in progress.iter_mut() {
            match &mut known.pace {
                Pace::Probe { .. } => {}
                Pace::Snapshot { offset, asked } => (*offset, *asked) = (0, false),
                Pace::Replicate { bytes_in_flight } => {
                    let end = known.next_index.previous().min(through);
                    let forgotten = self.weight_between(known.match_index, end, fx);
                    *bytes_in_flight = bytes_in_flight.saturating_sub(forgotten);
                }
            }
        }
        if let Role::Leader { progress: now, .. } = self.role_mut() {
            *now = progress;
        }
    }

    /// The next chunk for a follower that lacks compacted entries; answers its progress.
    pub(crate) fn send_chunk(
        &self,
        config: &Config,
        peer: NodeId,
        mut progress: Progress,
        is_heartbeat: bool,
        fx: &mut Effects<impl Sink<C>>,
    ) -> Progress {
        let Some(snapshot) = self.durable().snapshot() else { return progress };
        if !matches!(progress.pace, Pace::Snapshot { .. }) {
            progress.needs_snapshot();
        }
        let Pace::Snapshot { offset, asked } = progress.pace else { return progress };
        // While a chunk is on its way, a heartbeat asks how much has arrived, and is no second copy: a link may be slower than
        // heartbeats are. When all have arrived, only heartbeats go on, until the follower says that it has installed it.
        let rest = snapshot.length.saturating_sub(offset);
        let length = if asked { 0 } else { rest.min(config.max_bytes_per_chunk()) };
        if is_heartbeat || length > 0 {
            let chunk = Chunk { snapshot, offset, length };
            self.send(peer, Release::Now, Message::InstallSnapshot(chunk), fx);
            if config.window().is_some() {
                progress.sent(0, 0);
            }
        }
        progress
    }

    /// Figure 13, InstallSnapshot receiver 2 to 8, for a message of the current term.
    pub(crate) fn on_install_snapshot(&mut self, from: NodeId, chunk: Chunk, fx: &mut Effects<impl Sink<C>>) {
        if !self.follow(from) {
            return fx.blame(from, Misdeed::SecondLeader);
        }
        fx.reset_election_timer = true;
        let Chunk { snapshot, offset, length } = chunk;
        let last = snapshot.last;
        if self.covers(last) {
            if self.log().term_at(last.index).is_some_and(|term| term != last.term) {
                return fx.blame(from, Misdeed::ContradictsCommitted);
            }
            // 6. "If existing log entry has same index and term as snapshot's last included entry, retain log entries following
            // it and reply". Then the log lacks nothing: there is nothing to install, and an older snapshot never takes the
            // place of newer state. The snapshot's entries are committed, though.
            self.stop_receiving();
            self.commit_up_to(last.index);
            let matched = Message::AppendEntriesReply(AppendOutcome::Matched(last.index));
            return self.send(from, self.release(last.index), matched, fx);
        }
        let known = self.receiving();
        if known.is_some_and(|known| known.snapshot.last.index > last.index) {
            return; // late: the leader has compacted again since, and a newer one is on its way
        }
        // 2 and 3. Chunks of another snapshot are no part of this one, whatever their offset.
        let known = known.filter(|known| known.snapshot == snapshot);
        let mut received = known.map_or(0, |known| known.received);
        if offset == received && length > 0 {
            fx.sink.stage(chunk);
            received = offset.saturating_add(length);
        }
        self.set_receiving(Receiving { snapshot, received });
        // 4. "Reply and wait for more data chunks".
        let reply = Message::InstallSnapshotReply { snapshot, offset, received };
        self.send(from, self.release(Index(0)), reply, fx);
    }

    /// Figure 13, InstallSnapshot receiver 5 to 8: all chunks have arrived, and the driver has made them durable.
    pub(crate) fn on_snapshot_staged(
        &mut self,
        snapshot: Snapshot,
        is_intact: bool,
        fx: &mut Effects<impl Sink<C>>,
    ) {
        let whole = Receiving { snapshot, received: snapshot.length };
        if self.receiving() != Some(whole) {
            return;
        }
        // If its bytes are not those that were announced, the transfer begins anew.
        self.stop_receiving();
        // While the driver was busy, entries may have brought what the snapshot holds, and more.
        if !is_intact || self.covers(snapshot.last) {
            return;
        }
        // 7. "Discard the entire log": what it holds at the snapshot's index, if anything, is another entry.
        self.install(snapshot, fx);
        if let Some(leader) = self.leader() {
            let matched = Message::AppendEntriesReply(AppendOutcome::Matched(snapshot.last.index));
            self.send(leader, self.release(snapshot.last.index), matched, fx);
        }
    }

    /// Does the node have all that a snapshot up to this entry could bring?
    fn covers(&self, last: LogId) -> bool {
        last.index <= self.commit_index() || self.log().holds(last)
    }

    /// An answer of the current term: how much of the snapshot a follower has.
    pub(crate) fn on_install_snapshot_reply(
        &mut self,
        config: &Config,
        from: NodeId,
        snapshot: Snapshot,
        asked_from: u64,
        received: u64,
    ) {
        let current = self.durable().snapshot();
        let Some(progress) = self.hear(config, from) else { return };
        if let Pace::Snapshot { offset, .. } = progress.pace {
            // An answer about a snapshot that has been replaced says nothing about this one. Nor does a second answer to a
            // question: taken for an answer to the next, it would send the next chunk twice, and so on to the end.
            if current == Some(snapshot) && asked_from == offset {
                // Whatever it says: a follower that crashed has nothing, and says so.
                progress.pace = Pace::Snapshot { offset: received, asked: false };
            }
        }
    }
}
