//! Who decides when a node goes on.

use crate::node_loop::NodeLoop;
use crate::state_machine::StateMachine;
use crate::world::{Stop, World};
use std::time::Duration;

/// The world of a node that has a thread of its own, where it can wait.
pub trait BlockingWorld<S: StateMachine>: World<S> {
    /// Blocks until something has come that [`next_event`](World::next_event) has not given yet, or until a moment.
    fn wait(&mut self, until: Duration);
}

/// Decides when a node with threads goes on, and what it sees of its world. Unless told otherwise
/// ([`Builder::start_driven`](crate::Builder::start_driven)), a node takes a whole turn whenever something has come or a timer is due.
pub trait Driver<S: StateMachine>: Send + 'static {
    /// Has the node do something: a [turn](NodeLoop::turn) of it, or less. What has come is in `world`.
    ///
    /// # Errors
    ///
    /// What the node says: then it is over.
    fn turn(&mut self, node: &mut NodeLoop<S>, world: &mut impl BlockingWorld<S>) -> Result<(), Stop>;

    /// Blocks until there is something for the node to do. Called after each turn, unless a turn has found that the node is to stop.
    fn wait(&mut self, node: &NodeLoop<S>, world: &mut impl BlockingWorld<S>);
}

/// Whole turns, whenever there is something to do.
pub(crate) struct Turns;

impl<S: StateMachine> Driver<S> for Turns {
    fn turn(&mut self, node: &mut NodeLoop<S>, world: &mut impl BlockingWorld<S>) -> Result<(), Stop> {
        node.turn(world)
    }

    fn wait(&mut self, node: &NodeLoop<S>, world: &mut impl BlockingWorld<S>) {
        world.wait(node.next_timer());
    }
}
