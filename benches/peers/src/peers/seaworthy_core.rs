//! seaworthy's protocol alone, in the common harness: `seaworthy_benches::raft_core` drives it by the contract of its drivers.

use crate::lanes::{COMPACT_EVERY, Core, KEEP, Payload};
use seaworthy_benches::one_thread::Core as _;
use seaworthy_benches::raft_core::{Boundary, Compaction, InPlace, RaftCore};
use seaworthy_benches::workload::Checksum;
use seaworthy_protocol::{Config, Envelope, Log, Window};
use std::num::NonZeroUsize;
use std::time::Duration;

/// One of some.
pub(crate) struct SeaworthyCore<P: Payload>(RaftCore<InPlace<P>>);

/// More on its way to a follower than any load here has under way: one that was without a processor for a while gets all it missed.
pub(crate) fn wide_window(config: Config) -> Config {
    config.with_window(window(256 << 20))
}

/// As many entries, but no more bytes than a half of what a follower takes that it has not looked at: what is more would be lost.
pub(crate) fn window_of_large_payloads(config: Config) -> Config {
    config.with_window(window(32 << 20))
}

fn window(bytes: usize) -> Option<Window> {
    Some(Window { entries: NonZeroUsize::new(1 << 16)?, bytes: NonZeroUsize::new(bytes)? })
}

impl<P: Payload> SeaworthyCore<P> {
    /// So many of them, the first elected, which keep all entries if they are not told to forget any.
    pub(crate) fn cluster<const NODES: usize>(compaction: Option<Compaction>) -> [Self; NODES] {
        RaftCore::cluster_with(wide_window, compaction).map(Self)
    }

    /// Its log.
    pub(crate) const fn log(&self) -> &Log<P> {
        self.0.log()
    }
}

impl<P: Payload> Core for SeaworthyCore<P> {
    type Payload = P;
    type Message = Envelope<<InPlace<P> as Boundary>::Entries>;

    /// A heartbeat. Election timers are left out: nothing fails here.
    const TICK: Duration = Duration::from_millis(10);

    fn three() -> [Self; 3] {
        let compaction = Compaction { every: COMPACT_EVERY, keep: KEEP };
        Self::cluster(Some(compaction))
    }

    fn propose(&mut self, payload: P) {
        self.0.propose(payload);
    }

    fn receive(&mut self, message: Self::Message) {
        self.0.receive(message);
    }

    fn tick(&mut self) {
        self.0.heartbeat();
    }

    fn flush(&mut self, outbox: &mut Vec<(usize, Self::Message)>, state_machine: &mut Checksum) {
        self.0.flush(outbox, state_machine);
    }
}
