//! `docs/liveness.md` holds what `seaworthy-model liveness` finds, and what it says of it is so.
//!
//! `UPDATE_GOLDEN=1 cargo test --package seaworthy-model --test liveness` writes the tables anew.

use seaworthy_model::liveness::Table;
use std::fs;
use std::path::Path;

/// As in the command: the checker allocates for every transition, on every thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TABLES: &str = "### 3 nodes\n";

#[test]
fn the_page_shows_what_the_command_finds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/liveness.md");
    let page = fs::read_to_string(&path).unwrap();
    let (prose, _) = page.split_once(TABLES).unwrap();
    let tables: String = [3, 4, 5].map(|nodes| Table::of(nodes).to_string()).concat();
    let fresh = format!("{prose}{}\n", tables.trim_end());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &fresh).unwrap();
    }
    assert!(fresh == page, "docs/liveness.md is out of date: UPDATE_GOLDEN=1 writes it anew");
}

#[test]
fn with_both_features_every_set_of_links_with_a_hub_is_live_and_with_one_alone_not() {
    for nodes in [3, 4, 5] {
        let [neither, pre_vote, check_quorum, both] = Table::of(nodes).live_shapes();
        let shapes = Table::of(nodes).shapes();
        assert_eq!(both, shapes, "{nodes} nodes");
        for less in [neither, pre_vote, check_quorum] {
            assert!(nodes == 3 || less < shapes, "{nodes} nodes");
        }
    }
}
