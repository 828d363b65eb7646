//! Which boxes are taken in lockstep: boxes of the model, or what is left of them with one thing less.

use seaworthy_model::bounds::{Bounds, UnknownBox};
use seaworthy_protocol::Term;

/// Those that take seconds, each feature in one term: for every `cargo test`.
///
/// # Errors
///
/// If the model has no such box any more.
pub fn small_boxes() -> Result<Vec<Bounds>, UnknownBox> {
    Ok(vec![
        named("smoke/one")?,
        in_one_term("three-disk/one")?,
        in_one_term("pre-vote/one")?,
        in_one_term("snapshot/one")?,
        in_one_term("reads/one")?,
        named("window-snapshot/one")?,
    ])
}

/// Those that take minutes.
///
/// # Errors
///
/// If the model has no such box any more.
pub fn boxes() -> Result<Vec<Bounds>, UnknownBox> {
    Ok(vec![
        named("smoke/one")?,
        named("smoke/all")?,
        // `two` with every crash point of its disks, `three` without the crash, `three-disk` with one election.
        named("two/one")?,
        named("three-calm/one")?,
        in_one_term("three-disk/one")?,
        named("two-on/one")?,
        named("pre-vote/one")?,
        named("check-quorum/one")?,
        named("snapshot/one")?,
        named("snapshot-damaged/one")?,
        in_one_term("snapshot-disk/one")?,
        named("reads/one")?,
        Bounds { proposals: 0, ..named("transfer/one")? },
        named("window/one")?,
        named("window-snapshot/one")?,
    ])
}

fn named(name: &str) -> Result<Bounds, UnknownBox> {
    Ok(Bounds::named(name)?.remove(0))
}

fn in_one_term(name: &str) -> Result<Bounds, UnknownBox> {
    Ok(Bounds { max_term: Term(1), ..named(name)? })
}
