//! What must hold in the end, whatever went wrong: what was acknowledged is there, what was refused is not, nothing is there twice, and all
//! nodes have the same.

use super::clients::Clients;
use super::progress::Known;
use super::store::Store;
use super::{Outcome, PATIENCE};
use std::time::Instant;

/// Looks at every node, once all are up again. How many changes were acknowledged?
pub(crate) fn check(clients: &Clients) -> Outcome<usize> {
    let cluster = &clients.cluster;
    for place in 0..cluster.nodes() {
        cluster.go_on(place)?;
        if !cluster.is_there(place) {
            cluster.launch(place)?;
        }
    }
    clients.client().write()?;
    let due = cluster.progress.so_far();
    let began = Instant::now();
    loop {
        let states: Vec<Store> =
            (0..cluster.nodes()).map(|place| cluster.everything_of(place)).collect::<Result<_, _>>()?;
        for (place, state) in states.iter().enumerate() {
            holds(&due, state).map_err(|why| format!("node {} {why}", place + 1))?;
        }
        cluster.faults.check()?;
        if states.iter().all(|state| *state == states[0]) {
            return Ok(due.acknowledged.len());
        }
        // A change that nobody waits for any more may have come between two questions.
        if began.elapsed() > PATIENCE {
            return Err(format!("the nodes differ for half a minute: {}", differences(&states)).into());
        }
    }
}

fn holds(due: &Known, state: &Store) -> Result<(), String> {
    let lost: Vec<&i64> = due.acknowledged.difference(&state.written).collect();
    let refused: Vec<&i64> = due.refused.intersection(&state.written).collect();
    if !lost.is_empty() {
        return Err(format!("has lost {}, which were acknowledged", few(&lost)));
    }
    if !refused.is_empty() {
        return Err(format!("has {}, of which was said that they never would be done", few(&refused)));
    }
    if !state.repeated.is_empty() {
        let repeated: Vec<&i64> = state.repeated.iter().collect();
        return Err(format!("has carried out {} more than once", few(&repeated)));
    }
    Ok(())
}

/// Some of the keys and values of which not all have the same.
fn differences(states: &[Store]) -> String {
    let keys = states
        .iter()
        .flat_map(|state| &state.values)
        .filter(|(key, value)| states.iter().any(|other| other.values.get(*key) != Some(value)));
    let written = states.iter().flat_map(|state| &state.written);
    let written: Vec<&i64> =
        written.filter(|value| states.iter().any(|other| !other.written.contains(value))).collect();
    let keys: Vec<String> = keys.take(20).map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{}; not everywhere: {}", keys.join(", "), few(&written))
}

/// Whoever reads this wants a value to look for, not all of them.
fn few(values: &[&i64]) -> String {
    let shown: Vec<String> = values.iter().take(20).map(ToString::to_string).collect();
    let more = if values.len() > shown.len() {
        format!(" and {} more", values.len() - shown.len())
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(written: &[i64], repeated: &[i64]) -> Store {
        let (written, repeated) = (written.iter().copied().collect(), repeated.iter().copied().collect());
        Store { written, repeated, ..Store::default() }
    }

    #[test]
    fn what_is_lost_or_done_against_a_promise_or_done_twice_is_named() {
        let due = Known { acknowledged: [1, 2].into(), refused: [3].into() };
        assert_eq!(holds(&due, &state(&[1, 2, 4], &[])), Ok(()));
        assert_eq!(holds(&due, &state(&[1], &[])), Err("has lost 2, which were acknowledged".to_owned()));
        let done = "has 3, of which was said that they never would be done";
        assert_eq!(holds(&due, &state(&[1, 2, 3], &[])), Err(done.to_owned()));
        let twice = "has carried out 2 more than once";
        assert_eq!(holds(&due, &state(&[1, 2], &[2])), Err(twice.to_owned()));
    }

    #[test]
    fn differences_are_shown() {
        let (mut one, mut other) = (state(&[1, 2], &[]), state(&[1], &[]));
        one.values.insert("a".to_owned(), 2);
        other.values.insert("a".to_owned(), 1);
        assert_eq!(differences(&[one, other]), "a = 2, a = 1; not everywhere: 2");
    }
}
