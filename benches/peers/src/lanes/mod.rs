//! The ways in which three nodes are run.

pub(crate) mod channel;
mod client;
pub(crate) mod durable;
pub(crate) mod one_thread;
pub(crate) mod tasks;
pub(crate) mod thread_per_node;

use bytes::Bytes;
use seaworthy_benches::workload::{self, Checksum, Command};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::measure::Latencies;

/// A consensus core without I/O, as the common harness drives it. The first of three leads.
pub(crate) trait Core: Sized {
    /// How it holds what clients propose.
    type Payload: Payload;
    /// What cores say to each other, handed over as a value.
    type Message;

    /// Three of them, the leader elected.
    fn three() -> [Self; 3];

    /// How much time a [`tick`](Self::tick) stands for.
    const TICK: Duration;

    /// Takes in a client's proposal. The leader alone is asked.
    fn propose(&mut self, payload: Self::Payload);

    /// Takes in a message.
    fn receive(&mut self, message: Self::Message);

    /// Time has passed.
    fn tick(&mut self);

    /// Ends a batch of inputs: keeps what is to be kept, pushes what is to be sent, applies what is committed, and forgets the
    /// beginning of the log.
    fn flush(&mut self, outbox: &mut Vec<(usize, Self::Message)>, state_machine: &mut Checksum);
}

/// A log is compacted when it has this many entries more than are kept.
pub(crate) const COMPACT_EVERY: u64 = 4_096;
/// What stays of a log, for followers that are a little behind.
pub(crate) const KEEP: u64 = 8_192;

/// What a client proposes: bytes, made fresh.
pub(crate) trait Payload: AsRef<[u8]> + Clone + Send + 'static {
    /// The payload of this number and size.
    fn fresh(number: u64, size: usize) -> Self;
}

impl Payload for Command {
    fn fresh(number: u64, size: usize) -> Self {
        workload::payload(number, size)
    }
}

impl Payload for Vec<u8> {
    fn fresh(number: u64, size: usize) -> Self {
        workload::payload_in_vec(number, size)
    }
}

impl Payload for Bytes {
    fn fresh(number: u64, size: usize) -> Self {
        workload::payload_in_vec(number, size).into()
    }
}

/// `Bytes`, to which traits can be given that are other people's, as `Bytes` are.
#[derive(Clone, Debug)]
pub(crate) struct SharedBytes(pub(crate) Bytes);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Payload for SharedBytes {
    fn fresh(number: u64, size: usize) -> Self {
        Self(Bytes::fresh(number, size))
    }
}

/// When the proposals that are under way were made, in bursts: those of a burst have one time.
#[derive(Default)]
struct UnderWay(VecDeque<(Instant, u64)>);

impl UnderWay {
    /// Proposals up to the one before `end` were made.
    fn proposed(&mut self, at: Instant, end: u64) {
        self.0.push_back((at, end));
    }

    /// Of them, those from `before` up to the one before `applied` are answered.
    fn answered(&mut self, mut before: u64, applied: u64, latencies: &mut Latencies) {
        let now = Instant::now();
        while let Some(&(at, end)) = self.0.front() {
            let answered = end.min(applied);
            latencies.record(now - at, answered - before);
            before = answered;
            if applied < end {
                break;
            }
            self.0.pop_front();
        }
    }
}
