//! Histories from dice: the checker and the search through every order must agree, and whatever is shown for a violation must be one.

use crate::every_order::{has_order, has_order_of};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use seaworthy_conformance::history::{
    Action, Event, Function, History, Kind, Operation, Said, Simulated, Value,
};

fn parse(events: &[Event]) -> History {
    let lines: Vec<String> =
        events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
    History::parse(lines.concat().as_bytes()).unwrap()
}

fn show(events: &[Event]) -> String {
    events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect()
}

/// Clients of no register at all: whatever is asked for, the dice answer.
fn nonsense(dice: &mut Pcg64Mcg) -> Vec<Event> {
    let (clients, count) = (dice.random_range(1..=4), dice.random_range(2..=8));
    let (values, is_silent) = (dice.random_range(1..=4), dice.random_bool(0.5));
    let mut running: Vec<(u64, Option<Action>)> = (0..clients).map(|process| (process, None)).collect();
    let (mut events, mut begun, mut next_process) = (Vec::new(), 0, clients);
    while begun < count || (!is_silent && running.iter().any(|(_, action)| action.is_some())) {
        let place = dice.random_range(0..running.len());
        let mut value = || -> Value { dice.random_bool(0.9).then(|| dice.random_range(0..values)) };
        let (expected, new) = (value(), value());
        let (process, action) = running[place];
        let key = Some("a".to_owned());
        if let Some(action) = action {
            let (f, said) = action.fields();
            let (kind, value) = match (action, dice.random_range(0..10)) {
                (_, 0) => (Kind::Info, None),
                (_, 1) => (Kind::Fail, said),
                (Action::Read, _) => (Kind::Ok, Some(Said::One(new))),
                (Action::Write(_) | Action::Cas { .. }, _) => (Kind::Ok, said),
            };
            events.push(Event { process, kind, f: Some(f), key, value, time: None, note: None });
            running[place] = (process, None);
            if kind == Kind::Info {
                running[place].0 = next_process;
                next_process += 1;
            }
        } else if begun < count {
            let action = match dice.random_range(0..5) {
                0 | 1 => Action::Read,
                2 | 3 => Action::Write(new),
                _ => Action::Cas { expected, new },
            };
            let (f, value) = action.fields();
            let kind = Kind::Invoke;
            events.push(Event { process, kind, f: Some(f), key, value, time: None, note: None });
            running[place].1 = Some(action);
            begun += 1;
        }
    }
    events
}

/// Judges a history, and holds the judgement to the definition. Is there an order?
fn judged(events: &[Event]) -> bool {
    let history = parse(events);
    let judgement = history.judge();
    assert_eq!(judgement.violation.is_none(), has_order(&history), "{}", show(events));
    if let Some(violation) = judgement.violation {
        let part: Vec<&Operation> = violation.operations.iter().collect();
        assert!(!has_order_of(&part), "{violation}\n{}", show(events));
        assert!(violation.culprit().is_some(), "{violation}\n{}", show(events));
        // Reads can always be left out, so that none can be.
        for left_out in part.iter().filter(|operation| operation.action == Action::Read) {
            let others: Vec<&Operation> =
                part.iter().filter(|it| it.begin != left_out.begin).copied().collect();
            assert!(has_order_of(&others), "{violation}\n{}", show(events));
        }
        return false;
    }
    true
}

#[test]
fn the_checker_agrees_with_the_definition() {
    let mut dice = Pcg64Mcg::seed_from_u64(1);
    let (mut with, mut without) = (0, 0);
    for _ in 0..40_000 {
        if judged(&nonsense(&mut dice)) {
            with += 1;
        } else {
            without += 1;
        }
    }
    assert!(with > 8_000 && without > 8_000, "{with} with an order, {without} without");
}

#[test]
fn an_atomic_register_has_an_order_until_one_answer_is_another() {
    let mut dice = Pcg64Mcg::seed_from_u64(2);
    let (mut with, mut without) = (0, 0);
    for seed in 0..3_000 {
        let (operations, clients) = (dice.random_range(2..=9), dice.random_range(1..=4));
        let unknown = dice.random_range(0..=3);
        let values = dice.random_bool(0.5).then(|| dice.random_range(1..=3));
        let mut events = Simulated { operations, clients, keys: 1, unknown, values, seed }.events();
        assert!(judged(&events), "{}", show(&events));
        let is_found = |event: &&mut Event| (event.kind, event.f) == (Kind::Ok, Some(Function::Read));
        let found: Vec<&mut Event> = events.iter_mut().filter(is_found).collect();
        let Some(place) = found.len().checked_sub(1).map(|last| dice.random_range(0..=last)) else {
            continue;
        };
        let other = dice.random_bool(0.8).then(|| dice.random_range(1..=4));
        found.into_iter().nth(place).unwrap().value = Some(Said::One(other));
        if judged(&events) {
            with += 1;
        } else {
            without += 1;
        }
    }
    assert!(with > 200 && without > 800, "{with} with an order, {without} without");
}

#[test]
fn long_histories_of_atomic_registers_have_an_order() {
    let mut seed = 0;
    for clients in [1, 3, 10, 20] {
        for (unknown, keys) in [(0, 1), (40, 1), (40, 7)] {
            for values in [None, Some(2), Some(10)] {
                seed += 1;
                let simulated = Simulated { operations: 2_000, clients, keys, unknown, values, seed };
                let history = parse(&simulated.events());
                assert_eq!(history.operations.len(), 2_000);
                let violation = history.judge().violation;
                assert!(violation.is_none(), "{simulated:?}: {}", violation.unwrap());
            }
        }
    }
}

/// A read that finds a value written long before is found in a long history, and little is left of that.
#[test]
fn one_stale_read_among_thousands_is_cut_out() {
    let simulated = Simulated { operations: 5_000, unknown: 20, ..Simulated::default() };
    let mut events = simulated.events();
    let is_found = |event: &&mut Event| (event.kind, event.f) == (Kind::Ok, Some(Function::Read));
    let mut found: Vec<&mut Event> = events.iter_mut().filter(is_found).collect();
    let old = found[100].value;
    let late = found.len() - 100;
    found[late].value = old;
    let violation = parse(&events).judge().violation.unwrap();
    assert!(violation.operations.len() <= 4, "{violation}");
    let part: Vec<&Operation> = violation.operations.iter().collect();
    assert!(!has_order_of(&part), "{violation}");
}
