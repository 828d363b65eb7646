//! Three cores in one thread: messages are handed over directly, so that nothing but the core costs.

use super::{Core, Payload, UnderWay};
use crate::measure::{Cluster, Failure, Latencies, Load};
use seaworthy_benches::workload::Checksum;
use std::ops::Range;
use std::time::Instant;

/// How often time passes in vain before a cluster counts as stuck.
const PATIENCE: u32 = 100_000;

/// Three cores with their state machines.
pub(crate) struct OneThread<C: Core> {
    cores: [C; 3],
    state_machines: [Checksum; 3],
    inboxes: [Vec<C::Message>; 3],
    outbox: Vec<(usize, C::Message)>,
}

impl<C: Core> OneThread<C> {
    pub(crate) fn start() -> Self {
        let inboxes = [Vec::new(), Vec::new(), Vec::new()];
        Self { cores: C::three(), state_machines: Default::default(), inboxes, outbox: Vec::new() }
    }

    /// A core handles its messages as one batch.
    fn serve(&mut self, core: usize) {
        for message in self.inboxes[core].drain(..) {
            self.cores[core].receive(message);
        }
        self.flush(core);
    }

    fn flush(&mut self, core: usize) {
        self.cores[core].flush(&mut self.outbox, &mut self.state_machines[core]);
        for (to, message) in self.outbox.drain(..) {
            self.inboxes[to].push(message);
        }
    }

    fn is_silent(&self) -> bool {
        self.inboxes.iter().all(Vec::is_empty)
    }

    fn tick(&mut self) {
        for core in 0..3 {
            self.cores[core].tick();
            self.flush(core);
        }
    }
}

impl<C: Core> Cluster for OneThread<C> {
    fn run(&mut self, numbers: Range<u64>, load: &Load, latencies: &mut Latencies) -> Result<(), Failure> {
        let (mut proposed, goal) = (numbers.start, numbers.end);
        let (mut under_way, mut idle) = (UnderWay::default(), 0);
        while self.state_machines.iter().any(|state| state.applied < goal) {
            let applied = self.state_machines[0].applied;
            let burst = (load.in_flight - (proposed - applied)).min(goal - proposed);
            if burst > 0 {
                let now = Instant::now();
                for number in proposed..proposed + burst {
                    self.cores[0].propose(C::Payload::fresh(number, load.payload));
                }
                proposed += burst;
                under_way.proposed(now, proposed);
                self.flush(0);
            }
            self.serve(1);
            self.serve(2);
            self.serve(0);
            under_way.answered(applied, self.state_machines[0].applied, latencies);
            // Nothing moves by itself any more: what the others do not know yet, they learn with time.
            if burst == 0 && self.is_silent() {
                self.tick();
                idle += 1;
                if idle > PATIENCE {
                    return Err(format!("stuck at {:?}", self.state_machines).into());
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<[Checksum; 3], Failure> {
        Ok(self.state_machines)
    }
}
