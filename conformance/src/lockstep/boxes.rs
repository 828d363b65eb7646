//! Which boxes one command takes in lockstep: boxes of the model, or what is left of them with one thing less.

use seaworthy_model::bounds::{Bounds, UnknownBox};
use seaworthy_protocol::Term;

/// All of them.
///
/// # Errors
///
/// If the model has no such box any more.
pub fn boxes() -> Result<Vec<Bounds>, UnknownBox> {
    let named = |name: &str| Ok(Bounds::named(name)?.remove(0));
    let in_one_term = |name: &str| Ok(Bounds { max_term: Term(1), ..named(name)? });
    Ok(vec![
        named("smoke/one")?,
        named("smoke/all")?,
        // `two` with every crash point of its disks, `three` without the crash, `three-disk` with one election.
        named("two/one")?,
        named("three-calm/one")?,
        in_one_term("three-disk/one")?,
        named("two-on/one")?,
        named("check-quorum/one")?,
        named("snapshot-damaged/one")?,
        in_one_term("snapshot-disk/one")?,
        in_one_term("reads/all")?,
        Bounds { proposals: 0, ..named("transfer/one")? },
        named("window/one")?,
        named("window-snapshot/one")?,
    ])
}
