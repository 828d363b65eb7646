//! A turn in parts, for whoever compares a node with the model step by step.

use super::NodeLoop;
use crate::state_machine::StateMachine;
use crate::world::{Stop, World};
use seaworthy_protocol::Input;

/// What a [turn](NodeLoop::turn) does, one thing after the other. In the model each is a step of its own, and anything may happen
/// between two.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Part {
    /// Takes in what has happened, and asks for the reads that are among it.
    Events,
    /// Loses patience, if it is time.
    ElectionTimer,
    /// Speaks up, if it leads and it is time.
    HeartbeatTimer,
    /// Sends followers what they lack.
    Replicate,
}

impl<S: StateMachine> NodeLoop<S> {
    /// One part of a turn alone, by the same code, with all that comes of it. Nothing but a turn tries again what a disk had no room for,
    /// or reads that nobody has answered.
    ///
    /// # Errors
    ///
    /// As of a [turn](Self::turn).
    pub fn turn_in_part(&mut self, part: Part, world: &mut impl World<S>) -> Result<(), Stop> {
        let outcome = self.try_part(part, world);
        if outcome.is_err() {
            self.clients.dismiss(world);
        }
        outcome
    }

    fn try_part(&mut self, part: Part, world: &mut impl World<S>) -> Result<(), Stop> {
        match part {
            Part::Events => {
                self.take_all(world)?;
                self.ask_for_new_reads()?;
            }
            Part::ElectionTimer => self.lose_patience(world.now())?,
            Part::HeartbeatTimer => self.speak_up(world.now())?,
            Part::Replicate => self.step(Input::Replicate)?,
        }
        self.finish(world)
    }
}
