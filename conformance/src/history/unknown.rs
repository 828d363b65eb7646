//! Operations of which nobody knows are what makes a search long: each may take effect at any time, or never. Most cannot matter, and of
//! most others it can be told when they must have happened.
//!
//! 1. **What nobody saw can be left out.** Let `w` leave the value `n`, and let no operation that could come after `w` (none but those
//!    that were over before `w` began) read `n` or, as a cas, need it. Then the history has an order if and only if it has one without
//!    `w`. An order without `w` is an order with it, for `w` may never take effect. In an order with it, look at the
//!    operation right behind `w`. It finds `n`, so it is no read and no cas, for it would be one of those that there are not: it is
//!    a write, which does not care what it finds, or there is none. Take `w` out: whatever stood before `w` is followed by that write,
//!    or by nothing, and everybody finds what they found. That other operations leave `n` as well changes nothing in this.
//!    The argument says nothing about whether `w` is known to have happened: `shrink.rs` leaves out others by it.
//!
//! 2. **What never can have happened can be left out**: a cas of which nobody knows that needs a value which no other operation leaves
//!    and which is not the first one.
//!
//! 3. **What was seen has happened.** If one operation alone leaves `n`, which is not the first value, then whoever
//!    read `n`, or needed it and is known to have happened, comes after it; so it took effect before the first of those ended. That is
//!    its end, as good as one that was said.
//!
//! Each may make way for the others, so they are repeated until nothing changes.

use super::deed::Deed;
use super::event::Value;
use std::collections::HashMap;

/// How a value was seen, and by whom it was left.
#[derive(Clone, Copy, Default)]
struct Trace {
    /// Operations that leave it.
    writers: usize,
    /// The last end of those that need it.
    last_seen: Option<usize>,
    /// One of those that need it may never end.
    is_seen_for_ever: bool,
}

/// The same history for one key, with fewer unknown operations.
pub(super) fn settle(mut deeds: Vec<Deed>) -> Vec<Deed> {
    while deeds.iter().any(|deed| deed.end.is_none()) {
        let traces = traces(&deeds);
        let trace = |value: Value| traces.get(&value).copied().unwrap_or_default();
        let before = deeds.len();
        deeds.retain(|deed| {
            let is_seen = deed.effect.leaves().is_some_and(|value| {
                let trace = trace(value);
                trace.is_seen_for_ever || trace.last_seen.is_some_and(|end| end > deed.begin)
            });
            let is_possible = match deed.effect.needs() {
                Some(Some(value)) => trace(Some(value)).writers > 0,
                Some(None) | None => true,
            };
            deed.end.is_some() || (is_seen && is_possible)
        });
        // Who is left out has left nothing, nor seen anything: what was counted does not hold any more.
        if deeds.len() < before {
            continue;
        }
        if !infer_ends(&mut deeds, |value| trace(value).writers == 1) {
            break;
        }
    }
    deeds
}

fn traces(deeds: &[Deed]) -> HashMap<Value, Trace> {
    let mut traces: HashMap<Value, Trace> = HashMap::new();
    for deed in deeds {
        if let Some(value) = deed.effect.leaves() {
            traces.entry(value).or_default().writers += 1;
        }
        if let Some(value) = deed.effect.needs() {
            let trace = traces.entry(value).or_default();
            trace.is_seen_for_ever |= deed.end.is_none();
            trace.last_seen = trace.last_seen.max(deed.end);
        }
    }
    traces
}

/// Gives an end to those that were seen, if nobody else can have left what was seen. Is there any?
fn infer_ends(deeds: &mut [Deed], has_one_writer: impl Fn(Value) -> bool) -> bool {
    let mut open: HashMap<Value, usize> = HashMap::new();
    for (place, deed) in deeds.iter().enumerate().filter(|(_, deed)| deed.end.is_none()) {
        let left = deed.effect.leaves().filter(|value| value.is_some() && has_one_writer(*value));
        left.map(|value| open.insert(value, place));
    }
    // Who saw a value before anybody began to write it saw what there is no order for: the search says so.
    let seen = deeds.iter().filter_map(|deed| {
        let writer = *open.get(&deed.effect.needs()?)?;
        deed.end.filter(|end| *end > deeds[writer].begin).map(|end| (writer, end))
    });
    let mut ends: HashMap<usize, usize> = HashMap::new();
    for (writer, end) in seen {
        ends.entry(writer).and_modify(|first| *first = end.min(*first)).or_insert(end);
    }
    for (writer, end) in &ends {
        deeds[*writer].end = Some(*end);
        deeds[*writer].is_inferred = true;
    }
    !ends.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::deed::Effect;

    fn deed(effect: Effect, begin: usize, end: Option<usize>) -> Deed {
        Deed { effect, begin, end, is_inferred: false, operation: begin }
    }

    fn settled(deeds: Vec<Deed>) -> Vec<(usize, Option<usize>)> {
        settle(deeds).iter().map(|deed| (deed.begin, deed.end)).collect()
    }

    #[test]
    fn what_was_seen_only_before_it_began_is_left_out() {
        let read = deed(Effect::Read(Some(5)), 1, Some(2));
        let write = deed(Effect::Write(Some(5)), 3, None);
        assert_eq!(settled(vec![read, write]), [(1, Some(2))]);
    }

    #[test]
    fn what_was_seen_ends_with_the_first_who_saw_it() {
        let write = deed(Effect::Write(Some(5)), 1, None);
        let reads = [(2, 9), (3, 4)].map(|(begin, end)| deed(Effect::Read(Some(5)), begin, Some(end)));
        assert_eq!(settled(vec![write, reads[0], reads[1]]), [(1, Some(4)), (2, Some(9)), (3, Some(4))]);
    }

    #[test]
    fn a_value_that_two_have_left_says_nothing_about_either() {
        let write = deed(Effect::Write(Some(5)), 1, None);
        let again = deed(Effect::Write(Some(5)), 2, Some(3));
        let read = deed(Effect::Read(Some(5)), 4, Some(6));
        assert_eq!(settled(vec![write, again, read]), [(1, None), (2, Some(3)), (4, Some(6))]);
    }

    /// The second cas was seen, so it has happened, so it has seen what the first one left.
    #[test]
    fn ends_are_inferred_one_after_the_other() {
        let first = deed(Effect::Cas(None, Some(1)), 1, None);
        let second = deed(Effect::Cas(Some(1), Some(2)), 2, None);
        let third = deed(Effect::Cas(Some(2), Some(3)), 3, None);
        let read = deed(Effect::Read(Some(2)), 4, Some(5));
        assert_eq!(settled(vec![first, second, third, read]), [(1, Some(5)), (2, Some(5)), (4, Some(5))]);
    }

    #[test]
    fn a_cas_that_needs_what_nobody_leaves_is_left_out_and_with_it_what_it_would_have_left() {
        let impossible = deed(Effect::Cas(Some(7), Some(8)), 1, None);
        let behind = deed(Effect::Cas(Some(8), Some(9)), 2, None);
        let read = deed(Effect::Read(Some(9)), 3, Some(4));
        assert_eq!(settled(vec![impossible, behind, read]), [(3, Some(4))]);
    }
}
