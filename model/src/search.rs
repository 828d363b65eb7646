//! The system as stateright searches it.

use crate::picture::{self, Caption};
use crate::properties;
use crate::system::{Action, Raft, State};
use stateright::{Model, Path, Property};
use std::hash::{Hash, Hasher};

/// The one hand-written `Hash`: the least digest over all renamings, so that both of stateright's engines take states that
/// differ only in the nodes' names for one. `tests/symmetry.rs` holds it to that.
impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digests().into_iter().min().unwrap_or_default());
    }
}

impl Model for Raft {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.start()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.count_expanded();
        self.list_actions(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        self.transition(last, action).map(|transition| transition.state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(self.bounds())
    }

    fn format_action(&self, action: &Action) -> String {
        action.to_string()
    }

    /// What the explorer shows of every state.
    fn as_svg(&self, path: Path<State, Action>) -> Option<String> {
        let (states, actions): (Vec<State>, Vec<Option<Action>>) = path.into_vec().into_iter().unzip();
        let actions: Vec<Action> = actions.into_iter().flatten().collect();
        let caption = Caption { title: &self.name(), about: self.bounds().purpose };
        picture::draw(self, caption, &actions, &states, picture::STEPS_ON_A_SCREEN)
    }
}
