//! What peers do wrong, told to whoever runs the node: at once, but not so often that it fills a disk.

use crate::sync::Guarded;
use seaworthy_protocol::NodeId;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::{Duration, Instant};

/// A peer's faults are told at most once in this time.
const INTERVAL: Duration = Duration::from_secs(10);

/// Which peers were at fault lately. Those that have no name yet count as one, for anybody can connect, any number of times.
#[derive(Clone)]
pub(super) struct Faults(Guarded<BTreeMap<Option<NodeId>, Limiter>>);

impl Faults {
    pub(super) fn new() -> Self {
        Self(Guarded::new(BTreeMap::new()))
    }

    /// Says what is wrong with a peer, unless that was done a moment ago.
    pub(super) fn report(&self, peer: Option<NodeId>, address: &dyn Display, fault: &dyn Display) {
        let now = Instant::now();
        let suppressed = self.0.with(|limiters| limiters.entry(peer).or_default().admit(now));
        match (suppressed, peer) {
            (Some(suppressed), Some(peer)) => {
                tracing::warn!(peer = peer.get(), %address, suppressed, "{fault}");
            }
            (Some(suppressed), None) => tracing::warn!(%address, suppressed, "{fault}"),
            (None, _) => {}
        }
    }
}

/// Lets one through at once, and then one per [`INTERVAL`].
#[derive(Default)]
pub(super) struct Limiter {
    last: Option<Instant>,
    suppressed: u64,
}

impl Limiter {
    /// How many were held back since the last that was let through; nothing, if this one is held back too.
    pub(super) fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL) {
            self.suppressed = self.suppressed.saturating_add(1);
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}
