//! The threads of a node: a thin shell around [`NodeLoop`] and [`Disk`].
//!
//! | thread              | does                                                            | waits for              |
//! |---------------------|-----------------------------------------------------------------|------------------------|
//! | `seaworthy-N`       | turns the loop of node N: protocol, clients, applying           | its mailbox, its timer |
//! | `seaworthy-N-state` | applies, and lets clients look; only if it was asked for               | its mailbox            |
//! | `seaworthy-N-snapshot` | writes down a state that was taken hold of, and hands it to the disk | nothing: it ends |
//! | `seaworthy-to-M`, `seaworthy-listener`, `seaworthy-reader` | write to node M, let peers in, read from one | a connection |
//! | `seaworthy-N-disk`  | writes and syncs; none for a node without a disk                | its mailbox            |

mod driver;
#[cfg(all(test, seaworthy_loom))]
mod interleavings;
mod memory;
mod state;
mod waiting;
mod world;

pub(crate) use driver::Turns;
pub use driver::{BlockingWorld, Driver};
pub(crate) use memory::MemoryDisk;
pub(crate) use state::{Employer, run_state_machine};
pub(crate) use waiting::Reader;
pub(crate) use world::{DiskEnd, Incoming, Order, Surroundings, WireEnd};

use crate::counters::Counters;
use crate::disk::Disk;
use crate::node_loop::{NodeLoop, Status};
use crate::state_machine::{Logged, StateMachine};
use crate::sync::{Guarded, Published, Receiver, Sender, Watermark};
use crate::wal::{DiskError, Files};
use crate::world::{Done, Stop};

/// What a node shows to whoever looks. When its thread ends, however it does, whoever waits is told.
pub(crate) struct Display {
    pub(crate) status: Published<Status>,
    pub(crate) applied: Watermark,
    pub(crate) counters: Guarded<Counters>,
}

impl Drop for Display {
    fn drop(&mut self) {
        self.status.close();
        self.applied.close();
    }
}

/// Runs a node until it is told to stop, or has to.
pub(crate) fn run_node<S>(
    mut node: NodeLoop<S>,
    mut world: Surroundings<S>,
    display: Display,
    mut driver: impl Driver<S>,
) -> Result<(), Stop>
where
    S: StateMachine + 'static,
    Logged<S>: Send,
    S::Response: Send,
{
    loop {
        if let Err(stop) = driver.turn(&mut node, &mut world) {
            tracing::error!(node = world.id.get(), %stop, "the node has stopped");
            return Err(stop);
        }
        // Before the rest: who has waited for something finds it counted.
        display.counters.with(|counters| *counters = node.counters());
        let status = node.status();
        display.status.show(status);
        display.applied.raise(status.applied.0);
        if world.is_stopping {
            node.dismiss(&mut world);
            return Ok(());
        }
        // Rejected: to give way to other threads once after that. With a disk and 64 in flight batches become larger (0.026 syncs an entry for
        // 0.042) and nothing faster; in memory with one in flight all takes 2.3 times as long (2026-11-27).
        driver.wait(&node, &mut world);
    }
}

/// Says that the disk is gone if its thread ends without having been told to.
struct Obituary<S: StateMachine> {
    node: Sender<Incoming<S>>,
    is_told: bool,
}

impl<S: StateMachine> Drop for Obituary<S> {
    fn drop(&mut self) {
        if !self.is_told {
            // A node that is gone need not know.
            let _ = self.node.push(Incoming::Done(Done::Failed(DiskError::Poisoned)));
        }
    }
}

/// Runs a disk until it is told to stop: then it has done all that it was told before.
pub(crate) fn run_disk<S: StateMachine>(
    mut disk: Disk<impl Files>,
    mut orders: Receiver<Order>,
    node: Sender<Incoming<S>>,
) {
    let mut obituary = Obituary { node, is_told: false };
    let mut taken = Vec::new();
    loop {
        orders.take(&mut taken);
        for order in taken.drain(..) {
            match order {
                Order::Work(work) => disk.submit(work),
                Order::Stop => obituary.is_told = true,
            }
        }
        if disk.is_idle() {
            if obituary.is_told {
                return;
            }
            orders.wait(None);
        } else if let Some(done) = disk.work() {
            // A node that is gone has been told to stop, and its disk is about to hear of it.
            let _ = obituary.node.push(Incoming::Done(done));
        }
    }
}
