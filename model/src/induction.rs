//! The dead stay dead.
//!
//! That a message can do nothing *ever* is an induction: whatever is dead is inert, and what is dead in a state is dead in
//! every successor. Both are checked on the unreduced network, exhaustively in small boxes ([`DEAD_IS_INERT`] and
//! [`DEAD_STAYS_DEAD`] are properties of the boxes that remove nothing), and on long random walks in large ones, which keep
//! what was removed aside and judge it in every state.

use crate::interned::Interned;
use crate::network::Packet;
use crate::properties::{self, DEAD_IS_INERT, DEAD_STAYS_DEAD};
use crate::system::{Raft, State};
use crate::trace::Script;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// What a random walk came to.
#[derive(Clone, Debug)]
pub struct Walk {
    /// Steps taken.
    pub steps: u64,
    /// Messages put aside.
    pub put_aside: u64,
    /// The path to the first step that broke a property, by name.
    pub broken: Option<(&'static str, Script)>,
}

/// Walks at random for a number of steps, starting over whenever nothing more can happen or a walk has become long. Judges
/// every property in every state, and every message that was ever removed on the way.
#[must_use]
pub fn walk(model: &Raft, seed: u64, steps: u64) -> Walk {
    let mut dice = SmallRng::seed_from_u64(seed);
    let mut walk = Walk { steps: 0, put_aside: 0, broken: None };
    while walk.steps < steps && walk.broken.is_none() {
        walk_once(model, &mut dice, &mut walk);
    }
    walk
}

fn walk_once(model: &Raft, dice: &mut SmallRng, walk: &mut Walk) {
    let properties = properties::of(model.bounds());
    let mut state = model.start();
    let mut script = Script::default();
    let mut aside: Vec<Interned<Packet>> = Vec::new();
    let mut actions = Vec::new();
    // Short walks see many beginnings, long ones see far ends.
    let longest = dice.random_range(20..400);
    for _ in 0..longest {
        actions.clear();
        model.list_actions(&state, &mut actions);
        let Some(action) = actions.choose(dice) else { return };
        let Some(transition) = model.transition(&state, *action) else { continue };
        walk.steps += 1;
        script.0.push(*action);
        walk.put_aside += transition.purged.len() as u64;
        aside.extend(transition.purged);
        state = transition.state;
        let broken = properties.iter().find(|property| !(property.condition)(model, &state));
        if let Some(property) = broken {
            walk.broken = Some((property.name, script));
            return;
        }
        if let Some(property) = misjudged(model, &state, &aside) {
            walk.broken = Some((property, script));
            return;
        }
    }
}

/// What these messages, once dead, break in a state.
fn misjudged(model: &Raft, state: &State, once_dead: &[Interned<Packet>]) -> Option<&'static str> {
    if !once_dead.iter().all(|packet| model.is_dead(state, *packet)) {
        return Some(DEAD_STAYS_DEAD);
    }
    let is_inert = |packet: &Interned<Packet>| model.is_inert(state, *packet);
    (!once_dead.iter().all(is_inert)).then_some(DEAD_IS_INERT)
}
