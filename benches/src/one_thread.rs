//! Three cores in one thread: messages are handed over as values, disks complete at once, so that nothing but the core costs.

use crate::workload::Command;
use crate::workload::{Checksum, payload};

/// A consensus core that a driver can run without I/O. The first of three leads.
pub trait Core {
    /// What cores say to each other.
    type Message;
    /// Takes in a client's command. The leader alone is asked.
    fn propose(&mut self, command: Command);
    /// Takes in a message.
    fn receive(&mut self, message: Self::Message);
    /// A timer: lets the others know what they do not, even if nothing is new.
    fn heartbeat(&mut self);
    /// Ends a batch of inputs: sends what there is to send, and applies what is committed.
    fn flush(&mut self, outbox: &mut Vec<(usize, Self::Message)>, state_machine: &mut Checksum);
}

/// Three cores with their state machines.
pub struct Cluster<C: Core> {
    cores: [C; 3],
    state_machines: [Checksum; 3],
    inboxes: [Vec<C::Message>; 3],
    outbox: Vec<(usize, C::Message)>,
    proposed: u64,
}

impl<C: Core> Cluster<C> {
    /// A cluster whose first core leads.
    #[must_use]
    pub fn new(cores: [C; 3]) -> Self {
        let inboxes = [Vec::new(), Vec::new(), Vec::new()];
        Self { cores, state_machines: Default::default(), inboxes, outbox: Vec::new(), proposed: 0 }
    }

    /// Keeps `in_flight` proposals under way until `count` are applied by all three.
    ///
    /// # Panics
    ///
    /// If nothing moves any more.
    pub fn run(&mut self, count: u64, in_flight: u64, size: usize) {
        while self.state_machines[0].applied < count {
            let window = in_flight - (self.proposed - self.state_machines[0].applied);
            for _ in 0..window.min(count - self.proposed) {
                self.cores[0].propose(payload(self.proposed, size));
                self.proposed += 1;
            }
            self.turn();
        }
        // The followers do not know yet that the last proposals are committed.
        self.cores[0].heartbeat();
        self.turn();
        for state_machine in &self.state_machines {
            assert_eq!(state_machine.applied, count, "a core has stopped");
        }
    }

    /// Each core handles its messages as one batch, the leader last, so that it learns what became of its own.
    fn turn(&mut self) {
        self.flush(0);
        self.serve(1);
        self.serve(2);
        self.serve(0);
    }

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

    /// What the state machines came to.
    #[must_use]
    pub const fn state_machines(&self) -> &[Checksum; 3] {
        &self.state_machines
    }
}
