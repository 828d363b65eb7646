//! One node at one moment.

use crate::durable::Durable;
use crate::types::{LogId, Term};

/// [`LogShape`](super::Violation::LogShape): the terms of a log start above 0, never decrease, and never exceed the
/// current term.
#[must_use]
pub fn log_shape<C>(durable: &Durable<C>) -> bool {
    let log = durable.log();
    let terms = log.entries().iter().map(|entry| entry.term);
    let from_base = core::iter::once(log.base().term).chain(terms.clone());
    terms.clone().all(|term| term > Term(0)) && from_base.chain([durable.current_term()]).is_sorted()
}

/// [`CompactedCommitted`](super::Violation::CompactedCommitted) of what a disk holds: the log begins where the snapshot ends, or
/// before.
#[must_use]
pub fn log_continues_snapshot<C>(durable: &Durable<C>) -> bool {
    let base = durable.log().base();
    match durable.snapshot() {
        None => base == LogId::default(),
        Some(snapshot) => base.index <= snapshot.last.index && durable.log().holds(snapshot.last),
    }
}
