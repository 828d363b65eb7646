//! What a node has done, in plain numbers.

use std::time::Duration;

/// What a node has done since it started, as plain numbers: for whatever gathers them. They only grow.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Turns of its loop: how often it woke up, and found something to do or not.
    pub turns: u64,
    /// Messages of peers that it took in.
    pub messages_received: u64,
    /// Messages to peers that it handed over.
    pub messages_sent: u64,
    /// Bytes of those.
    pub bytes_sent: u64,
    /// Proposals that it took, as a leader.
    pub proposals: u64,
    /// Reads that it took, stale ones too.
    pub reads: u64,
    /// Requests that it refused at once: it did not lead, or had too much to do, or the command was too large.
    pub refusals: u64,
    /// How often it lost patience: with its leader, with its own candidacy, or, as a leader, for want of a majority.
    pub time_outs: u64,
    /// How often it spoke up, as a leader, because it was time, or a follower's read waited for it.
    pub heartbeats: u64,
    /// How often it asked for reads: one question for all that had come.
    pub read_questions: u64,
    /// How often it was elected.
    pub leaderships: u64,
    /// Batches that have become durable.
    pub batches: u64,
    /// Bytes of those.
    pub batch_bytes: u64,
    /// How long those took, from when they were handed over until they were durable. Divided by `batches`: how long one waits for
    /// the disk.
    pub batch_time: Duration,
    /// Snapshots that it made, and that are durable.
    pub snapshots_saved: u64,
    /// Snapshots of leaders that it received, and that are durable.
    pub snapshots_received: u64,
}
