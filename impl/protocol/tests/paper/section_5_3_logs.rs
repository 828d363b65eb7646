//! §5.3, Log replication: the Log Matching Property, the consistency check, and how logs that differ become one.

use crate::cluster::{Cluster, cluster, cluster_of};
use crate::server::{Server, node};

/// §5.3, "If two entries in different logs have the same index and term, then they store the same command": "a leader creates at
/// most one entry with a given log index in a given term".
#[test]
fn a_leader_creates_at_most_one_entry_for_an_index_in_a_term() {
    let mut n1 = node(1).leader_of(1);
    for command in ['x', 'y'] {
        n1.is_asked(command);
        n1.hears("n2@1→n1 conflict at 0 hint=0@0");
        n1.heartbeats();
    }
    assert_eq!(n1.entries(), "[1@1:- 2@1:x 3@1:y]");
}

/// §5.3: "log entries never change their position in the log": at a follower that hears of them again, in pieces, and out of order.
#[test]
fn entries_never_change_their_position() {
    let mut n2 = node(2).in_term(1);
    for request in [
        "AppendEntries prev=0@0 [1@1:x 2@1:y] commit=0",
        "AppendEntries prev=1@1 [2@1:y 3@1:z] commit=0",
        "AppendEntries prev=0@0 [1@1:x] commit=0",
        "AppendEntries prev=2@1 [3@1:z] commit=0",
    ] {
        n2.hears(&format!("n1@1→n2 {request}"));
    }
    assert_eq!(n2.entries(), "[1@1:x 2@1:y 3@1:z]");
}

/// §5.3: "the leader includes the index and term of the entry in its log that immediately precedes the new entries".
#[test]
fn append_entries_tells_index_and_term_of_the_preceding_entry() {
    let mut n1 = node(1).with_log([1, 2]).leader_of(3);
    n1.hears("n2@3→n1 matched 2");
    n1.is_asked('x');
    assert_eq!(n1.replicates().says()[0], "n1@3→n2 AppendEntries prev=2@2 [3@3:- 4@3:x] commit=0");
}

/// §5.3: "If the follower does not find an entry in its log with the same index and term, then it refuses the new entries."
#[test]
fn a_follower_refuses_entries_if_it_lacks_the_preceding_one() {
    let mut n2 = node(2).with_log([1]).in_term(3);
    let reaction = n2.hears("n1@3→n2 AppendEntries prev=2@2 [3@3] commit=3");
    assert_eq!(reaction.says(), ["n2@3→n1 conflict at 2 hint=1@1"]);
    assert_eq!((n2.log(), n2.commit_index()), (vec![1], 0));
}

/// §5.3: "with the same index and term": an entry at that index of another term will not do, whether of an earlier one or a later.
#[test]
fn a_follower_refuses_entries_if_the_preceding_one_is_of_another_term() {
    let mut n2 = node(2).with_log([1, 1]).in_term(4);
    n2.hears("n1@4→n2 AppendEntries prev=2@2 [3@4] commit=3");
    assert_eq!((n2.log(), n2.commit_index()), (vec![1, 1], 0));
    let mut n2 = node(2).with_log([1, 3]).in_term(4);
    n2.hears("n1@4→n2 AppendEntries prev=2@2 [3@4] commit=3");
    assert_eq!((n2.log(), n2.commit_index()), (vec![1, 3], 0));
}

/// §5.3: "the initial empty state of the logs satisfies the Log Matching Property": what precedes the first entry is in every log.
#[test]
fn every_log_matches_before_its_first_entry() {
    for mut n2 in [node(2), node(2).with_log([1, 2])] {
        assert_eq!(n2.hears("n1@3→n2 AppendEntries prev=0@0 [1@3] commit=0").says(), ["n2@3→n1 matched 1"]);
        assert_eq!(n2.log(), [3]);
    }
}

/// §5.3: "whenever AppendEntries returns successfully, the leader knows that the follower's log is identical to its own log up
/// through the new entries". Departure: the answer says up to which index, and never the end of the follower's log.
#[test]
fn a_success_tells_the_leader_how_far_the_logs_are_identical() {
    let mut n2 = node(2).with_log([1, 1, 1, 1]).in_term(2);
    assert_eq!(
        n2.hears("n1@2→n2 AppendEntries prev=1@1 [2@1] commit=0").says(),
        ["n2@2→n1 matched 2"],
        "what follows in its log, the leader may not have"
    );
    let mut n1 = node(1).with_log([1, 1, 1]).leader_of(2);
    n1.hears("n2@2→n1 matched 2");
    assert_eq!(n1.progress_of(2).0, 2);
}

/// §5.3: "During normal operation, the logs of the leader and followers stay consistent, so the AppendEntries consistency check
/// never fails."
#[test]
fn in_normal_operation_the_consistency_check_never_fails() {
    let mut three = cluster(3);
    let mut said = three.campaign(1);
    for command in 'a'..='z' {
        said.extend(three.propose(1, command));
        said.extend(three.heartbeat(1));
    }
    assert!(said.iter().any(|line| line.ends_with("matched 27")));
    assert!(!said.iter().any(|line| line.contains("conflict")), "{said:?}");
}

/// The top of Figure 7: the log of "the leader for term 8" when it comes to power.
const FIGURE_7: [u64; 10] = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];

/// Has the leader of Figure 7 and one follower elect it with a third server's vote, and replicate; what was said.
fn figure_7(follower: Server) -> (Cluster, Vec<String>) {
    let mut three = cluster_of([node(1).with_log(FIGURE_7).in_term(7), follower, node(3).with_log(FIGURE_7)]);
    let said = three.campaign(1);
    assert_eq!((three.leaders(), three.server(1).term()), (vec![1], 8));
    (three, said)
}

fn assert_follows(three: &Cluster) {
    assert_eq!(three.server(1).log(), [&FIGURE_7[..], &[8]].concat());
    assert_eq!(three.server(2).entries(), three.server(1).entries());
}

/// §5.3, Figure 7 (a) and (b): "A follower may be missing entries that are present on the leader".
#[test]
fn a_follower_that_misses_entries_gets_the_leaders() {
    assert_follows(&figure_7(node(2).with_log([1, 1, 1, 4, 4, 5, 5, 6, 6])).0);
    assert_follows(&figure_7(node(2).with_log([1, 1, 1, 4])).0);
}

/// §5.3, Figure 7 (c) and (d): a follower "may have extra entries that are not present on the leader".
#[test]
fn a_follower_that_has_extra_entries_loses_them() {
    assert_follows(&figure_7(node(2).with_log([1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6])).0);
    assert_follows(&figure_7(node(2).with_log([1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7])).0);
}

/// §5.3, Figure 7 (e) and (f): "or both".
#[test]
fn a_follower_that_misses_some_and_has_extra_ones_gets_the_leaders_log() {
    assert_follows(&figure_7(node(2).with_log([1, 1, 1, 4, 4, 4, 4])).0);
    assert_follows(&figure_7(node(2).with_log([1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3])).0);
}

/// §5.3: "conflicting entries in follower logs will be overwritten with entries from the leader's log".
#[test]
fn conflicting_entries_are_overwritten_with_the_leaders() {
    let mut n2 = node(2).with_log([1, 2, 2]).in_term(3);
    n2.hears("n1@3→n2 AppendEntries prev=1@1 [2@3:x 3@3:y] commit=0");
    assert_eq!(n2.entries(), "[1@1:a 2@3:x 3@3:y]");
}

/// §5.3: the leader finds "the latest log entry where the two logs agree", deletes "any entries in the follower's log after that
/// point", and sends "all of the leader's entries after that point". Departure: its messages carry no entries until the point is
/// found, and the deletion comes with the first entry that conflicts.
#[test]
fn the_leader_finds_where_the_logs_agree_and_sends_all_that_follows() {
    let mut three = cluster_of([
        node(1).with_log([1, 1, 4, 5]),
        node(2).with_log([1, 1, 2, 2, 2, 3]),
        node(3).with_log([1, 1, 4, 5]),
    ]);
    three.away([3]);
    three.let_server(1, |n1| {
        n1.times_out();
        n1.hears("n3@6→n1 vote granted")
    });
    let said = three.settles();
    assert_eq!(
        said,
        [
            "n2@6→n1 conflict at 4 hint=4@2",
            "n1@6→n2 AppendEntries prev=2@1 [] commit=0",
            "n1@6→n3 AppendEntries prev=4@5 [] commit=0",
            "n2@6→n1 matched 2",
            "n1@6→n2 AppendEntries prev=2@1 [3@4:c 4@5:d 5@6:-] commit=0",
            "n1@6→n3 AppendEntries prev=4@5 [] commit=0",
            "n2@6→n1 matched 5",
            "n1@6→n3 AppendEntries prev=4@5 [] commit=5",
        ]
    );
    assert_eq!(three.server(2).log(), [1, 1, 4, 5, 6]);
}

/// §5.3: when it comes to power, a leader "initializes all nextIndex values to the index just after the last one in its log (11 in
/// Figure 7)".
#[test]
fn a_new_leader_tries_every_follower_right_after_its_last_entry() {
    let n1 = node(1).with_log(FIGURE_7).leader_of(8);
    assert_eq!((n1.progress_of(2), n1.progress_of(3)), ((0, 11), (0, 11)));
}

/// §5.3: "After a rejection, the leader decrements nextIndex and retries the AppendEntries RPC." Departure: it retries at the end of
/// the batch of inputs.
#[test]
fn after_a_rejection_the_leader_moves_next_index_back_and_retries() {
    let mut n1 = node(1).with_log([1, 1, 3, 3]).leader_of(4);
    assert_eq!(n1.progress_of(2), (0, 5));
    n1.hears("n2@4→n1 conflict at 4 hint=2@1");
    assert_eq!(n1.progress_of(2), (0, 3));
    assert_eq!(n1.replicates().says()[0], "n1@4→n2 AppendEntries prev=2@1 [] commit=0");
}

/// §5.3: "When this happens, AppendEntries will succeed, which removes any conflicting entries in the follower's log and appends
/// entries from the leader's log (if any)."
#[test]
fn a_success_removes_conflicting_entries_and_appends_the_leaders() {
    let mut n2 = node(2).with_log([1, 1, 2, 2, 2]).in_term(3);
    let reaction = n2.hears("n1@3→n2 AppendEntries prev=2@1 [3@3] commit=0");
    assert_eq!(reaction.writes(), ["write after=2 [3@3:c]"], "one write: a crash cannot part them");
    assert_eq!(n2.log(), [1, 1, 3]);
}

/// §5.3: "Once AppendEntries succeeds, the follower's log is consistent with the leader's, and it will remain that way for the rest
/// of the term."
#[test]
fn once_a_request_succeeds_no_other_of_the_term_fails() {
    let (mut three, said) = figure_7(node(2).with_log([1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]));
    let first = said.iter().position(|line| line.starts_with("n2@8→n1 matched")).unwrap();
    let mut later = said[first..].to_vec();
    for command in 'p'..='t' {
        later.extend(three.propose(1, command));
        assert_eq!(three.server(2).entries(), three.server(1).entries());
    }
    assert!(!later.iter().any(|line| line.contains("conflict")));
}

/// §5.3: with the optimisation "one AppendEntries RPC will be required for each term with conflicting entries, rather than one RPC
/// per entry". Departure: the follower names its last entry that the leader could hold, by index and term, and not the first of the
/// conflicting term.
#[test]
fn a_rejection_bypasses_all_conflicting_entries_of_a_term() {
    let rejections =
        |said: &[String]| said.iter().filter(|line| line.starts_with("n2@8→n1 conflict")).count();
    let (_, said) = figure_7(node(2).with_log([1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]));
    assert!(rejections(&said) <= 2, "terms 2 and 3 conflict, eight entries: {said:?}");
    let (_, said) = figure_7(node(2).with_log([1, 1, 1, 4, 4, 4, 4]));
    assert!(rejections(&said) <= 2, "the first says that its log is shorter: {said:?}");
    let (_, said) = figure_7(node(2).with_log([1]));
    assert!(rejections(&said) <= 1, "nothing conflicts: {said:?}");
}

/// §5.3: "a leader does not need to take any special actions to restore log consistency when it comes to power": it asks nobody for
/// a log and changes none. Departure: it appends a no-op (§8), which is an entry like any other.
#[test]
fn a_new_leader_takes_no_special_actions_to_restore_consistency() {
    let mut n1 = node(1).with_log([1, 1]).candidate_of(3);
    let reaction = n1.hears("n2@3→n1 vote granted");
    assert_eq!(reaction.writes(), ["write after=2 [3@3:-]"]);
    assert_eq!(
        reaction.says(),
        ["n1@3→n2 AppendEntries prev=2@1 [] commit=0", "n1@3→n3 AppendEntries prev=2@1 [] commit=0"]
    );
}

/// §5.3: "A leader never overwrites or deletes entries in its own log (the Leader Append-Only Property ...)."
#[test]
fn a_leader_never_overwrites_or_deletes_its_own_entries() {
    let mut n1 = node(1).with_log([1, 2]).leader_of(3);
    n1.is_asked('x');
    for message in
        ["conflict at 2 hint=0@0", "conflict at 1 hint=0@0", "matched 0", "matched 4", "vote denied"]
    {
        n1.hears(&format!("n2@3→n1 {message}"));
    }
    n1.hears_nonsense("n2@3→n1 AppendEntries prev=0@0 [1@3 2@3] commit=0");
    n1.heartbeats();
    n1.times_out();
    assert_eq!(n1.entries(), "[1@1:a 2@2:b 3@3:- 4@3:x]");
}
