//! Cores in one thread: messages are handed over as values, disks complete at once, so that nothing but the core costs.

use crate::workload::Command;
use crate::workload::{Checksum, payload};

/// A consensus core that a driver can run without I/O. The first leads.
pub trait Core {
    /// How it holds what clients propose.
    type Command;
    /// What cores say to each other.
    type Message;
    /// Takes in a client's command. The leader alone is asked.
    fn propose(&mut self, command: Self::Command);
    /// Takes in a message.
    fn receive(&mut self, message: Self::Message);
    /// A timer: lets the others know what they do not, even if nothing is new.
    fn heartbeat(&mut self);
    /// Ends a batch of inputs: sends what there is to send, and applies what is committed.
    fn flush(&mut self, outbox: &mut Vec<(usize, Self::Message)>, state_machine: &mut Checksum);
}

/// Cores with their state machines.
pub struct Cluster<C: Core, const NODES: usize = 3> {
    cores: [C; NODES],
    state_machines: [Checksum; NODES],
    inboxes: [Vec<C::Message>; NODES],
    outbox: Vec<(usize, C::Message)>,
    proposed: u64,
}

impl<C: Core<Command = Command>, const NODES: usize> Cluster<C, NODES> {
    /// A cluster whose first core leads.
    #[must_use]
    pub fn new(cores: [C; NODES]) -> Self {
        let inboxes = std::array::from_fn(|_| Vec::new());
        let state_machines = [Checksum::default(); NODES];
        Self { cores, state_machines, inboxes, outbox: Vec::new(), proposed: 0 }
    }

    /// Keeps `in_flight` proposals under way until `count` are applied by all. Each is made when it is proposed.
    ///
    /// # Panics
    ///
    /// If nothing moves any more.
    pub fn run(&mut self, count: u64, in_flight: u64, size: usize) {
        self.carry(count, in_flight, |number| payload(number, size));
    }

    /// The same with commands of the caller's, by their number.
    ///
    /// # Panics
    ///
    /// Likewise.
    pub fn carry(&mut self, count: u64, in_flight: u64, mut command: impl FnMut(u64) -> Command) {
        while self.state_machines[0].applied < count {
            let window = in_flight - (self.proposed - self.state_machines[0].applied);
            for _ in 0..window.min(count - self.proposed) {
                self.cores[0].propose(command(self.proposed));
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
        (1..NODES).for_each(|follower| self.serve(follower));
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
    pub const fn state_machines(&self) -> &[Checksum; NODES] {
        &self.state_machines
    }
}
