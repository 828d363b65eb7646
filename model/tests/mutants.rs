//! The checks can fail: mutants that are built into the model die here, each of its property in its box. Those that are
//! patches of the protocol need a build each: `seaworthy-model mutants` runs them all; here each must at least apply.

use seaworthy_model::bounds::Bounds;
use seaworthy_model::check::{self, Options, Until};
use seaworthy_model::museum::Museum;
use seaworthy_model::mutants::BuiltIn;
use std::path::Path;

/// As in the command: the checker allocates for every transition, on every thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[test]
fn every_built_in_mutant_is_killed_by_its_property() {
    for mutant in BuiltIn::all() {
        let bounds = Bounds::named(mutant.bounds).unwrap().pop().unwrap();
        let options = Options { until: Until::Falls(mutant.falls), ..Options::default() };
        let report = check::run(mutant.applied_to(bounds), options);
        let fallen: Vec<&str> = report.broken().map(|verdict| verdict.property.as_str()).collect();
        assert!(
            fallen.contains(&mutant.falls),
            "{} should break {}, broke {fallen:?}",
            mutant.name,
            mutant.falls
        );
    }
}

#[test]
fn every_patch_applies_to_the_protocol_as_it_is() {
    let museum = Museum::open(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let applied = museum.all_apply().unwrap_or_else(|error| panic!("{error}"));
    assert!(applied >= 13, "only {applied} patches");
}
