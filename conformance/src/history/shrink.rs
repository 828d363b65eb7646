//! The smallest part of a history that has no order: what is left is a proof by itself.
//!
//! Not everything may be left out. Without the write that a read has seen, the read would be a violation that nobody committed. So
//! each part that is tried must be one that has an order if the whole has:
//!
//! - **What came after** the event at which no configuration was left: an order of a history begins with one of its beginning. Of what
//!   had not ended by then nobody knows, whatever was said later.
//! - **Reads.** They change nothing: an order without one is an order.
//! - **A write or a cas that nobody saw**: rule 1 of `unknown.rs`, which says nothing about what is known of it. Once those
//!   that have seen it are left out, it may go too.
//!
//! A part of which nothing can be left out any more is not the smallest there could be, but none of it is there for nothing. One pass
//! over single operations would do, for what was needed once is needed in every smaller part; halves, quarters and so on come first
//! because histories are long.

use super::deed::{Deed, Effect};
use super::event::Value;
use super::search::{Failure, Verdict, search};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

/// Leaves out what can be left out of the operations on one key that have no order.
pub(super) fn shrink(deeds: &[Deed], failure: Failure) -> (Vec<Deed>, Failure) {
    let (mut best, mut failure) = (window(deeds, failure.event), failure);
    let mut size = best.len().div_ceil(2).max(1);
    loop {
        let (mut from, before) = (0, best.len());
        while from < best.len() {
            let part = without(&best, from..best.len().min(from + size));
            let found = if part.len() < best.len() { search(part.clone()) } else { Verdict::Linearizable(0) };
            match found {
                Verdict::Violation(earlier) => {
                    best = window(&part, earlier.event);
                    failure = earlier;
                }
                Verdict::Linearizable(_) => from += size,
            }
        }
        if size == 1 && best.len() == before {
            return (best, failure);
        }
        size = size.div_ceil(2);
    }
}

/// What had begun by an event, as it was known then.
fn window(deeds: &[Deed], event: usize) -> Vec<Deed> {
    let begun = deeds.iter().filter(|deed| deed.begin < event);
    let known = begun.map(|deed| Deed { end: deed.end.filter(|end| *end <= event), ..*deed });
    // Nobody knows what a read would have found.
    known.filter(|deed| deed.end.is_some() || !matches!(deed.effect, Effect::Read(_))).collect()
}

/// The same without a range, but for what must not be left out of it.
fn without(deeds: &[Deed], range: Range<usize>) -> Vec<Deed> {
    let mut sights: HashMap<Value, BTreeSet<(bool, Option<usize>, usize)>> = HashMap::new();
    let sight = |place: usize| (deeds[place].end.is_none(), deeds[place].end, place);
    for (place, deed) in deeds.iter().enumerate() {
        if let Some(value) = deed.effect.needs() {
            sights.entry(value).or_default().insert(sight(place));
        }
    }
    let mut is_left_out = vec![false; deeds.len()];
    // Reads go first. Then whoever began last: most see what came before them.
    let is_read = |place: &usize| deeds[*place].effect.leaves().is_none();
    let reads = range.clone().filter(is_read);
    for place in reads.chain(range.rev().filter(|place| !is_read(place))) {
        let Deed { effect, begin, .. } = deeds[place];
        let last = effect.leaves().and_then(|value| sights.get(&value)?.last());
        let is_seen = last.is_some_and(|(is_open, end, _)| *is_open || *end > Some(begin));
        if is_seen {
            continue;
        }
        is_left_out[place] = true;
        if let Some(others) = effect.needs().and_then(|value| sights.get_mut(&value)) {
            others.remove(&sight(place));
        }
    }
    let kept = deeds.iter().zip(is_left_out).filter(|(_, is_left_out)| !is_left_out);
    kept.map(|(deed, _)| *deed).collect()
}
