//! The table of defaults in `docs/embedding.md` is that of the code.

use seaworthy::{Config, NodeSet, Settings};
use std::fs;
use std::path::Path;
use std::time::Duration;

#[test]
fn the_table_of_defaults_says_what_they_are() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/embedding.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("| setting | default |").unwrap();
    let settings = Settings::new(Config::new(NodeSet::first(3)).unwrap());
    let (timing, compaction, limits) = (settings.timing, settings.compaction, settings.limits);
    let window = settings.config.window().unwrap();
    let time = |time: Duration| format!("{time:?}").replace("ms", " ms").replace("1s", "1 s");
    let rows = [
        ("heartbeat", time(timing.heartbeat())),
        ("election time-out, at least", time(timing.election_min())),
        ("election time-out, at most", time(timing.election_max())),
        ("read time-out", time(settings.read_timeout)),
        ("snapshot after entries", compaction.every.to_string()),
        ("entries kept behind a snapshot", compaction.keep.to_string()),
        ("proposals that wait", limits.proposals.to_string()),
        ("reads that wait", limits.reads.to_string()),
        ("bytes of a command", limits.command_bytes.to_string()),
        ("entries on their way to a follower", window.entries.to_string()),
        ("bytes on their way to a follower", window.bytes.to_string()),
        ("bytes of a snapshot in a message", settings.config.max_bytes_per_chunk().to_string()),
    ];
    for (setting, default) in &rows {
        assert!(table.contains(&format!("| {setting} | {default} |")), "{setting} is {default}");
    }
    assert!(settings.config.pre_vote() && settings.config.check_quorum());
    assert_eq!(table.lines().filter(|line| line.starts_with("| ")).count(), rows.len() + 1);
}
