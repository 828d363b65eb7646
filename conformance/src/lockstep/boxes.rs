//! Which boxes are taken in lockstep.

use seaworthy_model::bounds::{Batching, Bounds, UnknownBox};
use seaworthy_protocol::Term;

/// Those that one command exhausts: boxes of the model, or what is left of them with one thing less.
///
/// # Panics
///
/// If the model has no such box any more.
#[must_use]
pub fn all() -> Vec<Bounds> {
    let named = |name: &str| Bounds::named(name).ok().and_then(|mut found| found.pop()).expect("there is such a box");
    let one_term = Term(1);
    vec![
        named("smoke/one"),
        named("smoke/all"),
        named("two/one"),
        named("figure-eight/one"),
        named("three-calm/one"),
        Bounds { max_term: one_term, ..named("three-disk/one") },
        Bounds { max_term: one_term, ..named("pre-vote/all") },
        named("check-quorum/one"),
        named("snapshot-damaged/all"),
        Bounds { max_term: one_term, proposals: 0, ..named("snapshot-disk/all") },
        Bounds { max_term: one_term, ..named("reads/all") },
        Bounds { proposals: 0, ..named("transfer/one") },
        named("window/one"),
        named("window-snapshot/one"),
    ]
}

/// The box of a name, each of its batchings.
///
/// # Errors
///
/// If there is none.
pub fn named(name: &str) -> Result<Vec<Bounds>, UnknownBox> {
    Bounds::named(name).map(|found| found.into_iter().map(|bounds| bounds).collect())
}

/// For every `cargo test`.
#[must_use]
pub fn small() -> Vec<Bounds> {
    all().into_iter().filter(|bounds| bounds.name == "smoke" && bounds.batching == Batching::One).collect()
}
