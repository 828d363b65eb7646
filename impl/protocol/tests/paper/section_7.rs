//! §7, Log compaction: what a snapshot replaces, when a leader sends one, and what becomes of the receiver's log. `figure_13.rs` has
//! the rules of InstallSnapshot one by one.

use crate::cluster::{Cluster, cluster_of};
use crate::server::{Reaction, Server, node};

const SNAPSHOT: &str = "3@1/9#7";

/// A follower in term 1 that holds four entries and knows that three are committed.
fn follower() -> Server {
    let mut n2 = node(2).with_log([1, 1, 1, 1]).following(1);
    n2.hears("n1@1→n2 AppendEntries prev=4@1 [] commit=3");
    n2
}

/// The leader of term 2, whose log begins after a snapshot of three entries that travels in pieces of 4 bytes.
fn compacted_leader() -> Server {
    node(1).with_chunks_of(4).with_log([1, 1, 1]).with_snapshot(SNAPSHOT).leader_of(2)
}

/// A leader with a snapshot, and followers that lack what it covers. They have all of its bytes, and nobody has said so.
fn cluster_with_slow_followers() -> Cluster {
    let n1 = node(1).with_chunks_of(4).with_log([1, 1, 1]).with_snapshot(SNAPSHOT);
    let mut three = cluster_of([n1, node(2).with_log([1]), node(3)]);
    three.campaign(1);
    three
}

/// §7: "the entire current system state is written to a snapshot on stable storage, then the entire log up to that point is discarded".
#[test]
fn a_snapshot_on_stable_storage_takes_the_place_of_the_log_up_to_that_point() {
    let mut n2 = follower();
    let reaction = n2.compacts(SNAPSHOT, 3);
    assert_eq!(reaction.writes(), ["write snapshot=3@1/9#7 instead of the log up to 3"]);
    assert_eq!(n2.on_disk(), "term=1 snapshot=3@1/9#7 log=[4@1:d]");
    assert_eq!(n2.entries(), "[4@1:d]");
}

/// §7: "Each server takes snapshots independently": in each role, without a word to anyone.
#[test]
fn each_server_takes_snapshots_independently() {
    let snapshot = |mut server: Server| -> Reaction { server.compacts("1@1/2#3", 1) };
    let with_one_committed = || {
        let mut n1 = node(1).with_log([1, 1]).following(2);
        n1.hears("n2@1→n1 AppendEntries prev=2@1 [] commit=1");
        n1
    };
    let mut candidate = with_one_committed();
    candidate.times_out();
    let mut leader = node(1).leader_of(1);
    leader.hears("n2@1→n1 matched 1");
    for server in [with_one_committed(), candidate, leader] {
        let reaction = snapshot(server);
        assert_eq!(reaction.says(), [""; 0]);
        assert_eq!(reaction.writes(), ["write snapshot=1@1/2#3 instead of the log up to 1"]);
    }
}

/// §7: a snapshot covers "just the committed entries in its log". One of anything else is the mistake of a driver, and ignored.
#[test]
fn a_snapshot_covers_committed_entries_alone() {
    let cases = [
        ("4@1/9#7", 4, "not committed"),
        ("5@1/9#7", 5, "not in the log"),
        ("3@2/9#7", 3, "another entry"),
        ("3@1/9#7", 4, "more would go than it covers"),
        ("3@1/0#7", 3, "no bytes: no state"),
    ];
    for (snapshot, through, why) in cases {
        let mut n2 = follower();
        assert_eq!(n2.compacts(snapshot, through).writes(), [""; 0], "{why}");
        assert_eq!(n2.log(), [1, 1, 1, 1], "{why}");
    }
}

/// §7: the last included index and term "are preserved to support the AppendEntries consistency check for the first log entry
/// following the snapshot, since that entry needs a previous log index and term".
#[test]
fn the_last_included_index_and_term_answer_the_consistency_check() {
    let woken = || node(2).with_log([1, 1, 1]).with_snapshot(SNAPSHOT).in_term(2).following(1);
    let mut n2 = woken();
    assert_eq!(n2.hears("n1@2→n2 AppendEntries prev=3@1 [4@2:x] commit=3").says(), ["n2@2→n1 matched 4"]);
    assert_eq!(n2.entries(), "[4@2:x]");
    let refused = woken().hears("n1@2→n2 AppendEntries prev=3@2 [4@2:x] commit=3").says();
    assert_eq!(refused, ["n2@2→n1 conflict at 3 hint=3@1"], "another term there");
    assert_eq!(compacted_leader().heartbeats().says()[0], "n1@2→n2 AppendEntries prev=3@1 [] commit=3");
}

/// §7, with §5.4.1: what is left of a compacted log is as up-to-date as the whole.
#[test]
fn a_compacted_log_is_as_up_to_date_as_it_was() {
    let woken = || node(2).with_log([1, 1, 1]).with_snapshot(SNAPSHOT);
    assert_eq!(woken().hears("n3@2→n2 RequestVote last=2@1").says(), ["n2@2→n3 vote denied"]);
    assert_eq!(woken().hears("n3@2→n2 RequestVote last=3@1").says(), ["n2@2→n3 vote granted"]);
    assert_eq!(woken().times_out().says()[0], "n2@2→n1 RequestVote last=3@1");
}

/// §7: "Once a server completes writing a snapshot, it may delete all log entries up through the last included index, as well as any
/// prior snapshot." An older one, late, deletes nothing.
#[test]
fn a_snapshot_takes_the_place_of_the_one_before_and_never_of_a_newer_one() {
    let mut n2 = follower();
    n2.compacts("2@1/5#1", 2);
    assert_eq!(n2.on_disk(), "term=1 snapshot=2@1/5#1 log=[3@1:c 4@1:d]");
    n2.compacts(SNAPSHOT, 3);
    assert_eq!(n2.on_disk(), "term=1 snapshot=3@1/9#7 log=[4@1:d]");
    for again in ["2@1/5#1", "3@1/9#8"] {
        assert_eq!(n2.compacts(again, 3).writes(), [""; 0], "{again}");
    }
}

/// §7: a server "may delete" what a snapshot covers: it may as well keep some of it, for followers that are a little behind.
#[test]
fn a_server_may_keep_covered_entries_for_followers_that_are_a_little_behind() {
    let mut n1 = node(1).with_log([1, 1, 1]).leader_of(2);
    n1.hears("n3@2→n1 matched 4");
    n1.compacts(SNAPSHOT, 1);
    assert_eq!(n1.on_disk(), "term=2 vote=n1 snapshot=3@1/9#7 base=1@1 log=[2@1:b 3@1:c 4@2:-]");
    n1.hears("n2@2→n1 conflict at 3 hint=1@1");
    assert_eq!(n1.replicates().says()[0], "n1@2→n2 AppendEntries prev=1@1 [] commit=4", "no snapshot");
    n1.hears("n2@2→n1 matched 1");
    assert_eq!(n1.replicates().says()[0], "n1@2→n2 AppendEntries prev=1@1 [2@1:b 3@1:c 4@2:-] commit=4");
}

/// §7: a leader sends a snapshot "when the leader has already discarded the next log entry that it needs to send to a follower".
#[test]
fn a_leader_that_has_discarded_the_next_entry_sends_its_snapshot() {
    for hint in ["2@1", "1@1"] {
        let mut n1 = compacted_leader();
        n1.hears(&format!("n2@2→n1 conflict at 3 hint={hint}"));
        let said = n1.replicates().says();
        assert_eq!(said[0], "n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4", "{hint}");
        assert_eq!(said[1], "n1@2→n3 AppendEntries prev=3@1 [] commit=3", "n3 has not said what it lacks");
    }
}

/// §7: it has discarded the next entry as well if what it has kept is all of later terms than the follower's log.
#[test]
fn a_leader_whose_entries_are_all_of_later_terms_sends_its_snapshot() {
    let mut n1 = node(1).with_log([1, 1, 2, 2, 2]).with_snapshot("3@2/9#7").leader_of(3);
    n1.hears("n2@3→n1 conflict at 5 hint=5@1");
    assert_eq!(n1.replicates().says()[0], "n1@3→n2 InstallSnapshot 3@2/9#7 from=0 length=9");
    n1.hears("n3@3→n1 conflict at 5 hint=4@2");
    assert_eq!(
        n1.replicates().says()[1],
        "n1@3→n3 AppendEntries prev=4@2 [] commit=3",
        "n3 may have the third"
    );
}

/// §7: also when it discards the entry while it has yet to learn where the logs meet.
#[test]
fn a_leader_that_discards_what_it_asks_about_sends_its_snapshot() {
    let mut n1 = node(1).with_chunks_of(4).with_log([1, 1, 1]).leader_of(2);
    n1.hears("n2@2→n1 conflict at 3 hint=1@1");
    assert_eq!(n1.pace_of(2), "match=0,next=2");
    n1.hears("n3@2→n1 matched 4");
    n1.compacts(SNAPSHOT, 3);
    assert_eq!(n1.replicates().says()[0], "n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4");
}

/// §7: "a follower that has kept up with the leader would already have this entry", and is sent none.
#[test]
fn a_follower_that_has_kept_up_gets_no_snapshot() {
    let mut n1 = compacted_leader();
    n1.hears("n2@2→n1 matched 3");
    assert_eq!(n1.replicates().says()[0], "n1@2→n2 AppendEntries prev=3@1 [4@2:-] commit=3");
}

/// §7: "an exceptionally slow follower or a new server joining the cluster" is brought up-to-date by a snapshot.
#[test]
fn a_new_server_is_brought_up_to_date_by_a_snapshot() {
    let mut three = cluster_with_slow_followers();
    three.away([2]);
    three.let_server(3, |n3| n3.has_staged(SNAPSHOT));
    three.settles();
    three.heartbeat(1);
    assert_eq!(three.server(3).on_disk(), "term=2 vote=n1 snapshot=3@1/9#7 log=[4@2:-]");
    assert_eq!((three.server(1).commit_index(), three.server(3).commit_index()), (4, 4));
    assert_eq!(three.server(1).pace_of(3), "match=4,next=5");
}

/// §7: a follower that has a snapshot is like any other: it votes, it is elected, and it hands the snapshot on.
#[test]
fn whoever_got_a_snapshot_hands_it_on() {
    let mut three = cluster_with_slow_followers();
    three.away([3]);
    three.let_server(2, |n2| n2.has_staged(SNAPSHOT));
    three.settles();
    three.heartbeat(1);
    three.away([1]);
    let said = three.campaign(2);
    assert_eq!(three.leaders(), [1, 2]);
    assert!(said.contains(&"n2@3→n3 InstallSnapshot 3@1/9#7 from=0 length=9".to_owned()), "{said:?}");
    three.let_server(3, |n3| n3.has_staged(SNAPSHOT));
    three.settles();
    assert_eq!(three.server(3).entries(), "[4@2:- 5@3:-]");
}

/// §7: "Usually the snapshot will contain new information not already in the recipient's log. In this case, the follower discards its
/// entire log; it is all superseded by the snapshot and may possibly have uncommitted entries that conflict with the snapshot."
#[test]
fn a_follower_whose_log_lacks_the_snapshots_end_discards_its_entire_log() {
    for log in ["", "1@1:a", "1@1:a 2@1:b 3@2:x 4@2:y 5@2:z"] {
        let mut n2 = node(2).in_term(3);
        n2.hears(&format!("n1@3→n2 AppendEntries prev=0@0 [{log}] commit=0"));
        assert_eq!(n2.entries(), format!("[{log}]"));
        n2.hears("n1@3→n2 InstallSnapshot 4@1/5#7 from=0 length=5");
        n2.has_staged("4@1/5#7");
        assert_eq!(n2.on_disk(), "term=3 snapshot=4@1/5#7 log=[]");
    }
}

/// §7: if the snapshot "describes a prefix of its log (due to retransmission or by mistake), then log entries covered by the snapshot
/// are deleted but entries following the snapshot are still valid and must be retained". Departure: the covered ones stay too, until
/// the follower's own driver makes a snapshot; nothing is transferred.
#[test]
fn a_follower_whose_log_holds_the_snapshots_end_retains_what_follows() {
    let mut n2 = node(2).with_log([1, 1, 1, 2]).following(1);
    let reaction = n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4");
    assert_eq!(reaction.says(), ["n2@2→n1 matched 3"]);
    assert_eq!((reaction.stages(), reaction.writes()), (vec![], vec![]));
    assert_eq!(n2.entries(), "[1@1:a 2@1:b 3@1:c 4@2:d]");
    assert_eq!(n2.commit_index(), 3, "what a snapshot covers is committed");
}

/// §7: "followers can take snapshots without the knowledge of the leader", which goes on to send what they have compacted.
#[test]
fn a_follower_takes_entries_that_it_has_compacted_for_known() {
    let mut n2 = follower();
    n2.compacts(SNAPSHOT, 3);
    let said = n2.hears("n1@1→n2 AppendEntries prev=1@1 [2@1 3@1 4@1:d 5@1:x] commit=3").says();
    assert_eq!(said, ["n2@1→n1 matched 5"]);
    assert_eq!(n2.entries(), "[4@1:d 5@1:x]");
    let said = n2.hears("n1@1→n2 AppendEntries prev=0@0 [1@1 2@1] commit=3").says();
    assert_eq!(said, ["n2@1→n1 matched 2"], "late: what it tells is true all the same");
}

/// §7: a snapshot covers what is committed, so that no leader has anything else there. Who says so is at fault.
#[test]
fn who_contradicts_what_is_compacted_is_at_fault() {
    let fault = ["n1 contradicts committed entries"];
    let compacted = || {
        let mut n2 = follower();
        n2.compacts(SNAPSHOT, 3);
        n2.hears("n1@2→n2 AppendEntries prev=4@1 [] commit=3");
        n2
    };
    let mut n2 = compacted();
    assert_eq!(n2.hears_nonsense("n1@2→n2 AppendEntries prev=1@1 [2@1 3@2 4@2] commit=3"), fault);
    assert_eq!(n2.hears_nonsense("n1@2→n2 InstallSnapshot 3@2/9#7 from=0 length=4"), fault);
    assert_eq!(n2.on_disk(), "term=2 snapshot=3@1/9#7 log=[4@1:d]");
}

/// §7, with Figure 2, commitIndex: a restart forgets what was committed, but for what the snapshot covers.
#[test]
fn after_a_restart_what_the_snapshot_covers_is_known_to_be_committed() {
    let mut n2 = follower();
    n2.compacts("2@1/5#1", 1);
    n2.crashes_and_restarts();
    assert_eq!((n2.commit_index(), n2.applied()), (2, "[2@1:b]".to_owned()));
}
