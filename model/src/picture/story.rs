//! A path as a story: its last steps, and what became of each message that was sent on the way.

use crate::interned::Interned;
use crate::network::Packet;
use crate::server::{Event, Server};
use crate::system::{Action, Raft, State};

/// The part of a path that is told.
pub(super) struct Story<'a> {
    actions: &'a [Action],
    states: &'a [State],
    /// How many steps at the beginning are not told.
    pub(super) untold: usize,
    /// The messages, in the order in which they were sent.
    pub(super) letters: Vec<Letter>,
}

/// One sending of a message.
pub(super) struct Letter {
    pub(super) packet: Interned<Packet>,
    /// The row it leaves in; row 0 stands for all that is not told.
    pub(super) sent_in: usize,
    pub(super) fate: Fate,
}

/// What became of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// It arrived, perhaps more than once: in these rows.
    Arrived(Vec<usize>),
    /// It did not arrive yet.
    InFlight,
    /// It can do nothing any more, so the model has removed it.
    Dead,
}

impl<'a> Story<'a> {
    /// Tells the last steps of a path, at most so many. There is a state before each action, and one after the last.
    pub(super) fn new(model: &Raft, actions: &'a [Action], states: &'a [State], at_most: usize) -> Self {
        let untold = actions.len().saturating_sub(at_most);
        let letters = letters(model, actions, states, untold);
        Self { actions, states, untold, letters }
    }

    /// The rows: one for what came before, and one a step.
    pub(super) const fn rows(&self) -> usize {
        self.actions.len() - self.untold + 1
    }

    /// The number of the step in a row, counted from 1, and its action; nothing in row 0.
    pub(super) fn step(&self, row: usize) -> Option<(usize, Action)> {
        let number = self.untold + row;
        (row > 0).then(|| (number, self.actions[number - 1]))
    }

    /// The state after a row.
    pub(super) fn state(&self, row: usize) -> &'a State {
        &self.states[self.untold + row]
    }

    /// A node, by its position, after a row.
    pub(super) fn server(&self, row: usize, column: usize) -> &'static Server {
        self.state(row).servers()[column].value()
    }

    /// The state at the end.
    pub(super) fn last(&self) -> &'a State {
        self.state(self.rows() - 1)
    }
}

fn letters(model: &Raft, actions: &[Action], states: &[State], untold: usize) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::new();
    for (position, (action, before)) in actions.iter().zip(states).enumerate() {
        let row = (position + 1).saturating_sub(untold);
        if let Event::Deliver(packet) = action.event {
            // Sent more than once, it is the same message: let it be the latest, whose arrow is the shortest.
            let letter = letters.iter_mut().rev().find(|letter| letter.packet == packet);
            if let Some(letter) = letter {
                letter.arrives_in(row);
            }
        }
        let sent = &model.steps().take(before.server(action.node), action.event).sent;
        let letter =
            |packet: &Interned<Packet>| Letter { packet: *packet, sent_in: row, fate: Fate::InFlight };
        letters.extend(sent.iter().map(letter));
    }
    for letter in &mut letters {
        let is_there = states.last().is_some_and(|state| state.network().contains(letter.packet));
        if letter.fate == Fate::InFlight && !is_there {
            letter.fate = Fate::Dead;
        }
    }
    letters
}

impl Letter {
    fn arrives_in(&mut self, row: usize) {
        match &mut self.fate {
            Fate::Arrived(rows) => rows.push(row),
            Fate::InFlight | Fate::Dead => self.fate = Fate::Arrived(vec![row]),
        }
    }

    /// The rows in which it is seen to arrive.
    pub(super) fn arrivals(&self) -> impl Iterator<Item = usize> {
        let rows = match &self.fate {
            Fate::Arrived(rows) => rows.as_slice(),
            Fate::InFlight | Fate::Dead => &[],
        };
        rows.iter().copied().filter(|row| *row > 0)
    }
}
