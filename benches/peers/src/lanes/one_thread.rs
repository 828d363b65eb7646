//! Cores in one thread, three of them for a lane: messages are handed over directly, so that nothing but the core costs.

use super::{Core, Payload, UnderWay};
use crate::measure::{Cluster, Failure, Latencies, Load};
use seaworthy_benches::workload::Checksum;
use std::ops::Range;
use std::time::Instant;

/// How often time passes in vain before a cluster counts as stuck.
const PATIENCE: u32 = 100_000;

/// Cores with their state machines.
pub(crate) struct OneThread<C: Core, const NODES: usize = 3> {
    cores: [C; NODES],
    state_machines: [Checksum; NODES],
    inboxes: [Vec<C::Message>; NODES],
    outbox: Vec<(usize, C::Message)>,
    /// Who hears nothing, and is not heard.
    cut_off: Option<usize>,
}

impl<C: Core> OneThread<C> {
    pub(crate) fn start() -> Self {
        Self::of(C::three())
    }
}

impl<C: Core, const NODES: usize> OneThread<C, NODES> {
    /// Cores, the first of which leads.
    pub(crate) fn of(cores: [C; NODES]) -> Self {
        let inboxes = std::array::from_fn(|_| Vec::new());
        let state_machines = [Checksum::default(); NODES];
        Self { cores, state_machines, inboxes, outbox: Vec::new(), cut_off: None }
    }

    /// Cuts a follower off, so that nobody waits for it, or joins it again.
    pub(crate) const fn cut_off(&mut self, follower: Option<usize>) {
        self.cut_off = follower;
    }

    /// The one that leads.
    pub(crate) const fn leader(&self) -> &C {
        &self.cores[0]
    }

    fn have_applied(&self, goal: u64) -> bool {
        let mut states = self.state_machines.iter().enumerate();
        states.all(|(core, state)| state.applied >= goal || self.cut_off == Some(core))
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
            if self.cut_off.is_none_or(|cut_off| cut_off != to && cut_off != core) {
                self.inboxes[to].push(message);
            }
        }
    }

    fn is_silent(&self) -> bool {
        self.inboxes.iter().all(Vec::is_empty)
    }

    fn tick(&mut self) {
        for core in 0..NODES {
            self.cores[core].tick();
            self.flush(core);
        }
    }
}

impl<C: Core, const NODES: usize> Cluster for OneThread<C, NODES> {
    type States = [Checksum; NODES];

    fn run(&mut self, numbers: Range<u64>, load: &Load, latencies: &mut Latencies) -> Result<(), Failure> {
        let (mut proposed, goal) = (numbers.start, numbers.end);
        let (mut under_way, mut idle) = (UnderWay::default(), 0);
        while !self.have_applied(goal) {
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
            (1..NODES).for_each(|follower| self.serve(follower));
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

    fn finish(self) -> Result<Self::States, Failure> {
        Ok(self.state_machines)
    }
}
