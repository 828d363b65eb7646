//! A path through the model as a script: one action a line, in the one notation. A script is also a test: replaying it
//! against the model says where it leads.

use crate::bounds::DiskKind;
use crate::properties;
use crate::server::{Event, Step};
use crate::system::{Action, Raft, State};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use stateright::Path;
use std::fmt::{self, Display, Formatter};

/// A sequence of actions from the first state.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Script(pub Vec<Action>);

impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|action| writeln!(f, "{action}"))
    }
}

/// Why a script cannot be replayed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Impossible {
    /// The line, counted from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
    /// What could happen instead.
    pub choices: Vec<String>,
}

impl Display for Impossible {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: \"{}\" cannot happen here; possible are: ", self.line, self.text)?;
        f.write_str(&self.choices.join(" | "))
    }
}

impl std::error::Error for Impossible {}

/// Reads a script by replaying it: each line is one of the actions possible at that point. Empty lines and lines that
/// start with `#` are skipped.
///
/// # Errors
///
/// [`Impossible`] with the first line that is not possible where it stands.
pub fn parse(model: &Raft, text: &str) -> Result<Script, Impossible> {
    let mut script = Script::default();
    let mut state = model.start();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let possible = possible(model, &state);
        let Some((action, next)) = possible.iter().find(|(action, _)| action.to_string() == line) else {
            let choices = possible.iter().map(|(action, _)| action.to_string()).collect();
            return Err(Impossible { line: number + 1, text: line.to_owned(), choices });
        };
        script.0.push(*action);
        state = next.clone();
    }
    Ok(script)
}

/// The actions that change something, and what they lead to.
fn possible(model: &Raft, state: &State) -> Vec<(Action, State)> {
    let mut actions = Vec::new();
    model.list_actions(state, &mut actions);
    let take = |action| model.transition(state, action).map(|transition| (action, transition.state));
    actions.into_iter().filter_map(take).collect()
}

/// All states that the script passes through, the first one included; `None` if some action is not possible where it stands.
#[must_use]
pub fn replay(model: &Raft, script: &[Action]) -> Option<Vec<State>> {
    let mut states = vec![model.start()];
    for action in script {
        let last = states.last()?;
        let mut actions = Vec::new();
        model.list_actions(last, &mut actions);
        let next = actions.contains(action).then(|| model.transition(last, *action)).flatten()?.state;
        states.push(next);
    }
    Some(states)
}

/// A walk at random, always the same with the same seed. Of some actions that are drawn it takes the one that disturbs least, or nothing
/// would ever be committed: of two, seven or twelve, by the seed.
#[must_use]
pub fn walk(model: &Raft, seed: u64, steps: usize) -> Script {
    let count = 2 + seed % 3 * 5;
    let mut dice = StdRng::seed_from_u64(seed);
    let (mut script, mut state) = (Script::default(), model.start());
    while script.0.len() < steps {
        let mut possible = possible(model, &state);
        if possible.is_empty() {
            break;
        }
        let drawn = (0..count).map(|_| dice.random_range(0..possible.len()));
        let chosen =
            drawn.min_by_key(|position| disturbance(possible[*position].0.event)).unwrap_or_default();
        let (action, next) = possible.swap_remove(chosen);
        script.0.push(action);
        state = next;
    }
    script
}

/// How much an event disturbs who is at work.
const fn disturbance(event: Event) -> u8 {
    match event {
        Event::Deliver(_) | Event::Complete | Event::Confirm | Event::Stage { is_intact: true } => 0,
        Event::Compact { .. } | Event::Propose(_) | Event::Read(_) | Event::Replicate => 1,
        Event::HeartbeatTimeout | Event::Stage { is_intact: false } => 2,
        Event::Transfer(_) | Event::ElectionTimeout => 3,
        Event::CannotWrite { .. } | Event::Crash { .. } => 4,
    }
}

/// Leaves out every action that is not needed for the script to satisfy `shows` still, with whatever becomes impossible without
/// it, and lets crashes keep less, until there is nothing more to leave out.
#[must_use]
pub fn shrink(model: &Raft, script: Script, shows: impl Fn(&Script, &[State]) -> bool) -> Script {
    let mut script = script;
    let mut position = 0;
    while position < script.0.len() {
        let lesser = lesser(&script, position).into_iter().map(|actions| what_is_possible(model, actions));
        let shown = lesser.into_iter().find(|(script, states)| shows(script, states));
        match shown {
            Some((shorter, _)) => (script, position) = (shorter, 0),
            None => position += 1,
        }
    }
    script
}

/// What is less than a script at a position: without the action there, or with a crash there that keeps less.
fn lesser(script: &Script, position: usize) -> Vec<Vec<Action>> {
    let mut without = script.0.clone();
    let action = without.remove(position);
    let mut lesser = vec![without];
    if let Event::Crash { kept: kept @ 1.. } = action.event {
        let mut keeps_less = script.0.clone();
        keeps_less[position].event = Event::Crash { kept: kept - 1 };
        lesser.push(keeps_less);
    }
    lesser
}

/// Takes those of the actions that are possible where they stand. A crash that kept more than there is keeps all there is.
fn what_is_possible(model: &Raft, actions: Vec<Action>) -> (Script, Vec<State>) {
    let (mut script, mut states) = (Script::default(), vec![model.start()]);
    for action in actions {
        let last = &states[states.len() - 1];
        let mut possible = Vec::new();
        model.list_actions(last, &mut possible);
        let is_as_good = |other: &&Action| match (action.event, other.event) {
            (Event::Crash { kept }, Event::Crash { kept: less }) => action.node == other.node && less <= kept,
            (event, other_event) => action.node == other.node && event == other_event,
        };
        // Crashes are listed in the order of how much they keep.
        let Some(action) = possible.iter().rfind(is_as_good) else { continue };
        if let Some(transition) = model.transition(last, *action) {
            states.push(transition.state);
            script.0.push(*action);
        }
    }
    (script, states)
}

/// Where the script stands in stateright's explorer: the part of the address after `/#/steps`.
#[must_use]
pub fn explorer_path(model: &Raft, script: &Script) -> Option<String> {
    Path::from_actions(model, model.start(), &script.0).map(|path| format!("/{}", path.encode(model)))
}

/// A script as JSON: each action with the whole state it leads to.
#[derive(Clone, Debug, Serialize)]
pub struct Json {
    /// The box, as `three/all`.
    pub r#box: String,
    /// The cluster as a script declares it.
    pub cluster: String,
    /// How writes become durable.
    pub disk: DiskKind,
    /// The property or witness it shows.
    pub shows: String,
    /// The steps, from the first state on.
    pub steps: Vec<JsonStep>,
}

/// One step of a [`Json`] script.
#[derive(Clone, Debug, Serialize)]
pub struct JsonStep {
    /// The action in the one notation; nothing for the first state.
    pub action: Option<String>,
    /// The messages that left.
    pub sent: serde_json::Value,
    /// What clients were told.
    pub answers: serde_json::Value,
    /// The election timer starts afresh.
    pub resets_election_timer: bool,
    /// The nodes' memory.
    pub nodes: serde_json::Value,
    /// The nodes' disks, with what waits.
    pub disks: serde_json::Value,
    /// The messages in flight.
    pub network: serde_json::Value,
    /// The properties that do not hold in this state.
    pub broken: Vec<&'static str>,
}

/// The properties that do not hold in a state.
#[must_use]
pub fn broken(model: &Raft, state: &State) -> Vec<&'static str> {
    let properties = properties::of(model.bounds());
    let falls = properties.iter().filter(|property| !(property.condition)(model, state));
    falls.map(|property| property.name).collect()
}

/// Tells a script with every state it passes through.
///
/// # Errors
///
/// If a state cannot be written as JSON, which no state is known to be.
pub fn to_json(model: &Raft, shows: &str, script: &Script) -> Result<Json, serde_json::Error> {
    let states = replay(model, &script.0).unwrap_or_default();
    let mut steps = states.first().map(|start| json_step(model, None, start)).into_iter().collect::<Vec<_>>();
    steps.extend(script.0.iter().zip(states.windows(2)).map(|(action, pair)| {
        let step = model.steps().take(pair[0].server(action.node), action.event);
        json_step(model, Some((action, step)), &pair[1])
    }));
    let (name, bounds) = (model.name(), model.bounds());
    let steps = steps.into_iter().collect::<Result<_, _>>()?;
    Ok(Json { r#box: name, cluster: bounds.cluster(), disk: bounds.disk, shows: shows.to_owned(), steps })
}

fn json_step(
    model: &Raft,
    taken: Option<(&Action, &Step)>,
    state: &State,
) -> Result<JsonStep, serde_json::Error> {
    fn list<T: Serialize>(values: impl Iterator<Item = T>) -> Result<serde_json::Value, serde_json::Error> {
        values.map(serde_json::to_value).collect::<Result<Vec<_>, _>>().map(Into::into)
    }
    let step = taken.map(|(_, step)| step);
    Ok(JsonStep {
        action: taken.map(|(action, _)| action.to_string()),
        sent: list(step.iter().flat_map(|step| &step.sent).map(|packet| packet.value()))?,
        answers: list(step.iter().flat_map(|step| &step.answers))?,
        resets_election_timer: step.is_some_and(|step| step.resets_election_timer),
        nodes: list(state.servers().iter().map(|server| &server.value().node))?,
        disks: list(state.servers().iter().map(|server| &server.value().disk))?,
        network: list(state.network().packets().iter().map(|packet| packet.value()))?,
        broken: broken(model, state),
    })
}
