//! The client of nodes with threads: it keeps proposals under way, and hears from the leader how many are applied.

use super::channel::Channel;
use super::{Payload, UnderWay};
use crate::measure::{Failure, Latencies, Load};
use std::fs;
use std::ops::Range;
use std::time::{Duration, Instant};

/// The most that a node takes in before it flushes.
pub(super) const BATCH: usize = 16_384;

/// So many payloads are made before the first of them is proposed, for the client stands for many, and those who were answered together
/// propose together. Made and proposed one by one, with 64 in flight the first was found, and synced alone, by the core that was back
/// soonest: 0.027 syncs an entry, and 0.017 by one that took longer (2026-11-27, 1 KiB).
const TOGETHER: u64 = 64;

/// How long nothing moves before a cluster counts as stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// What comes to a node.
pub(super) enum Mail<P, M> {
    Message(M),
    Propose(P),
    /// Say so when this many are applied.
    Report(u64),
    Stop,
}

/// The way to a node.
pub(super) type Address<K, P, M> = <K as Channel>::Sender<Mail<P, M>>;
/// A node's end of it.
pub(super) type Mailbox<K, P, M> = <K as Channel>::Receiver<Mail<P, M>>;

/// A client of three nodes, the first of which leads.
pub(super) struct Client<K: Channel, P: Payload, M: Send + 'static> {
    pub(super) nodes: [Address<K, P, M>; 3],
    /// How many the leader has applied, after each turn in which it applied some.
    pub(super) applied: K::Receiver<u64>,
    /// A follower has applied what it was to report.
    pub(super) reached: K::Receiver<()>,
}

impl<K: Channel, P: Payload, M: Send + 'static> Client<K, P, M> {
    /// Proposes what has these numbers, and waits until all three have applied it.
    pub(super) fn run(
        &self,
        numbers: Range<u64>,
        load: &Load,
        latencies: &mut Latencies,
    ) -> Result<(), Failure> {
        let (mut proposed, goal) = (numbers.start, numbers.end);
        let (mut under_way, mut applied) = (UnderWay::default(), numbers.start);
        let mut made = Vec::new();
        while applied < goal {
            let burst = (load.in_flight - (proposed - applied)).min(goal - proposed);
            if burst > 0 {
                let now = Instant::now();
                let end = proposed + burst;
                while proposed < end {
                    let next = end.min(proposed + TOGETHER);
                    made.extend((proposed..next).map(|number| P::fresh(number, load.payload)));
                    made.drain(..).for_each(|payload| K::send(&self.nodes[0], Mail::Propose(payload)));
                    proposed = next;
                }
                under_way.proposed(now, proposed);
            }
            let before = applied;
            applied = K::receive(&self.applied, PATIENCE).ok_or_else(|| stuck("the leader"))?;
            while let Some(more) = K::try_receive(&self.applied) {
                applied = more;
            }
            under_way.answered(before, applied, latencies);
        }
        for follower in &self.nodes[1..] {
            K::send(follower, Mail::Report(goal));
        }
        for _ in 1..3 {
            K::receive(&self.reached, PATIENCE).ok_or_else(|| stuck("a follower"))?;
        }
        Ok(())
    }

    /// Tells all nodes to stop.
    pub(super) fn stop(&self) {
        for node in &self.nodes {
            K::send(node, Mail::Stop);
        }
    }
}

/// Says what all threads wait for, where the system tells: a disk, or each other.
fn stuck(who: &str) -> Failure {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let waits = threads.map(|thread| {
        let read = |name| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        format!("{} in {}", read("comm").trim(), read("wchan").trim())
    });
    format!("{who} is stuck; {}", waits.collect::<Vec<_>>().join(", ")).into()
}
