//! One node at one moment.

use crate::durable::Durable;
use crate::types::Term;

/// [`LogShape`](super::Violation::LogShape): the terms of a log start above 0, never decrease, and never exceed the
/// current term.
#[must_use]
pub fn log_shape<C>(durable: &Durable<C>) -> bool {
    let terms = durable.log().entries().iter().map(|entry| entry.term);
    terms.clone().all(|term| term > Term(0)) && terms.chain([durable.current_term()]).is_sorted()
}
