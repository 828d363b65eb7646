//! Figure 2, row by row: State, AppendEntries RPC, RequestVote RPC. `figure_2_rules.rs` has its Rules for Servers.

use crate::server::{Server, node};
use seaworthy_protocol::Input;

/// Figure 2, State, persistent: "Updated on stable storage before responding to RPCs".
#[test]
fn persistent_state_is_updated_on_stable_storage_before_responding() {
    let mut n2 = node(2).with_slow_disk();
    let vote = n2.hears("n1@1→n2 RequestVote last=0@0");
    assert_eq!(
        (vote.says_at_once(), vote.says_after_writes()),
        (vec![], vec!["n2@1→n1 vote granted".into()])
    );
    let append = n2.hears("n1@1→n2 AppendEntries prev=0@0 [1@1] commit=0");
    assert_eq!(
        (append.says_at_once(), append.says_after_writes()),
        (vec![], vec!["n2@1→n1 matched 1".into()])
    );
    let stale = n2.hears("n3@1→n2 RequestVote last=0@0");
    assert_eq!(stale.says_at_once(), [""; 0], "a denial tells the term, which is not on the disk yet");
    n2.completes_its_writes();
    assert_eq!(n2.on_disk(), "term=1 vote=n1 log=[1@1:a]");
}

/// Figure 2, State, "before responding": a disk that confirms what stood at an index before has not confirmed the entry that took its
/// place, and the follower does not acknowledge it.
#[test]
fn an_entry_is_not_acknowledged_because_the_one_it_overwrote_was_on_the_disk() {
    let mut n2 = node(2).with_log([1, 1]).with_slow_disk();
    let of_term_3 = n2.hears("n1@3→n2 AppendEntries prev=1@1 [] commit=0").0.ack.unwrap();
    n2.hears("n1@3→n2 AppendEntries prev=1@1 [2@3] commit=0");
    n2.feed(Input::WritesDurable(of_term_3));
    let again = n2.hears("n1@3→n2 AppendEntries prev=1@1 [2@3] commit=0");
    assert_eq!((again.says_at_once(), again.says_after_writes()), (vec![], vec!["n2@3→n1 matched 2".into()]));
}

/// Figure 2, State: currentTerm, votedFor and log[] are persistent, and nothing else is.
#[test]
fn term_vote_and_log_survive_a_crash_and_nothing_else_does() {
    let mut n1 = node(1).with_log([1]).leader_of(2);
    n1.is_asked('x');
    n1.hears("n2@2→n1 matched 3");
    n1.crashes_and_restarts();
    assert_eq!(n1.node.to_string(), "n1@2 follower vote=n1 log=[1@1:a 2@2:- 3@2:x] commit=0");
}

/// Figure 2, State: on first boot currentTerm is 0, votedFor null, the log empty, commitIndex 0.
#[test]
fn on_first_boot_all_is_zero_null_and_empty() {
    let n1 = node(1);
    assert_eq!((n1.term(), n1.vote(), n1.log(), n1.commit_index()), (0, None, vec![], 0));
}

/// Figure 2, State, currentTerm: "latest term server has seen".
#[test]
fn current_term_is_the_latest_term_seen() {
    let mut n1 = node(1);
    for term in [3, 1, 7, 5] {
        n1.hears(&format!("n2@{term}→n1 RequestVote last=0@0"));
    }
    assert_eq!(n1.term(), 7);
}

/// Figure 2, State, votedFor: "candidateId that received vote in current term (or null if none)".
#[test]
fn voted_for_is_of_the_current_term_or_null() {
    let mut n1 = node(1).in_term(1);
    n1.hears("n2@1→n1 RequestVote last=0@0");
    assert_eq!(n1.vote(), Some(2));
    n1.hears("n3@2→n1 AppendEntries prev=0@0 [] commit=0");
    assert_eq!(n1.vote(), None, "a new term");
    assert_eq!(n1.on_disk(), "term=2 log=[]");
}

/// Figure 2, State, log[]: "first index is 1".
#[test]
fn the_first_index_of_a_log_is_1() {
    let mut n2 = node(2);
    n2.hears("n1@1→n2 AppendEntries prev=0@0 [1@1:x] commit=1");
    assert_eq!((n2.entries(), n2.commit_index()), ("[1@1:x]".to_owned(), 1));
}

/// Figure 2, State, commitIndex: "initialized to 0, increases monotonically".
#[test]
fn commit_index_increases_monotonically() {
    let mut n2 = node(2).with_log([1, 1, 1]).following(1);
    n2.hears("n1@1→n2 AppendEntries prev=3@1 [] commit=2");
    n2.hears("n1@1→n2 AppendEntries prev=3@1 [] commit=1"); // sent earlier, arrives later
    assert_eq!(n2.commit_index(), 2);
    n2.hears("n3@2→n2 AppendEntries prev=1@1 [] commit=1"); // a new leader, which knows less
    assert_eq!(n2.commit_index(), 2);
}

/// Figure 2, State, nextIndex[]: "initialized to leader last log index + 1"; matchIndex[]: "initialized to 0"; both "Reinitialized
/// after election".
#[test]
fn next_index_and_match_index_are_initialised_anew_after_each_election() {
    let mut n1 = node(1).with_log([1, 1]).leader_of(2);
    assert_eq!(n1.progress_of(2), (0, 3));
    n1.hears("n2@2→n1 matched 3");
    assert_eq!(n1.progress_of(2), (3, 4));
    n1.hears("n3@3→n1 higher term");
    assert_eq!(n1.leader_of(4).progress_of(2), (0, 4));
}

/// Figure 2, State, matchIndex[]: "increases monotonically".
#[test]
fn match_index_increases_monotonically() {
    let mut n1 = node(1).with_log([1, 1, 1]).leader_of(2);
    n1.hears("n2@2→n1 matched 3");
    for late in ["matched 1", "conflict at 3 hint=0@0", "conflict at 2 hint=1@1"] {
        n1.hears(&format!("n2@2→n1 {late}"));
        assert_eq!(n1.progress_of(2), (3, 4), "{late}");
    }
}

/// Figure 2, AppendEntries RPC: "Invoked by leader to replicate log entries (§5.3); also used as heartbeat (§5.2)."
#[test]
fn append_entries_replicates_and_is_the_heartbeat() {
    let mut n1 = node(1).leader_of(1);
    n1.hears("n2@1→n1 matched 1");
    assert!(n1.replicates().says().iter().all(|line| line.contains("n3")), "n2 lacks nothing");
    assert_eq!(n1.heartbeats().says()[0], "n1@1→n2 AppendEntries prev=1@1 [] commit=1");
}

/// Figure 2, AppendEntries, leaderId: "so follower can redirect clients".
#[test]
fn append_entries_tells_the_leader_to_whom_a_follower_redirects() {
    let mut n2 = node(2);
    assert_eq!(n2.is_asked('x').answers(), ["not leader"]);
    n2.hears("n3@1→n2 AppendEntries prev=9@1 [] commit=0");
    assert_eq!(n2.is_asked('x').answers(), ["not leader, try n3"], "though it refused the entries");
}

/// Figure 2, AppendEntries, entries[]: "empty for heartbeat; may send more than one for efficiency". A limit is the cluster's choice.
#[test]
fn append_entries_carries_many_entries_or_as_many_as_configured() {
    let first = |mut n1: Server| {
        n1.hears("n2@2→n1 matched 0");
        n1.hears("n2@2→n1 conflict at 3 hint=0@0");
        n1.heartbeats().says().remove(0)
    };
    let all = "n1@2→n2 AppendEntries prev=0@0 [1@1:a 2@1:b 3@1:c 4@2:-] commit=0";
    assert_eq!(first(node(1).with_log([1, 1, 1]).leader_of(2)), all);
    let two = "n1@2→n2 AppendEntries prev=0@0 [1@1:a 2@1:b] commit=0";
    assert_eq!(first(node(1).with_log([1, 1, 1]).with_entries_per_append(2).leader_of(2)), two);
}

/// Figure 2, AppendEntries results, term: "currentTerm, for leader to update itself".
#[test]
fn a_leader_updates_itself_from_the_term_of_an_answer() {
    for answer in ["matched 0", "conflict at 0 hint=0@0", "higher term"] {
        let mut n1 = node(1).leader_of(1);
        n1.hears(&format!("n2@4→n1 {answer}"));
        assert_eq!((n1.term(), n1.is_leader()), (4, false), "{answer}");
    }
}

/// Figure 2, AppendEntries results, success: "true if follower contained entry matching prevLogIndex and prevLogTerm". Departure:
/// `matched` and `conflict`, which say which question they answer.
#[test]
fn success_means_that_the_follower_holds_the_preceding_entry() {
    let answer = |prev: &str| {
        let request = format!("n1@3→n2 AppendEntries prev={prev} [] commit=0");
        node(2).with_log([1, 2]).hears(&request).says().remove(0)
    };
    assert_eq!(answer("2@2"), "n2@3→n1 matched 2");
    assert_eq!(answer("1@1"), "n2@3→n1 matched 1");
    assert_eq!(answer("2@3"), "n2@3→n1 conflict at 2 hint=2@2");
    assert_eq!(answer("3@2"), "n2@3→n1 conflict at 3 hint=2@2");
}

/// Figure 2, AppendEntries receiver 1: "Reply false if term < currentTerm (§5.1)". Whatever the receiver is. Departure: `higher term`.
#[test]
fn append_entries_receiver_1_an_old_term_is_refused_in_every_role() {
    for mut n1 in [node(1).in_term(3).following(3), node(1).candidate_of(3), node(1).leader_of(3)] {
        let before = n1.node.to_string();
        let reaction = n1.hears("n2@2→n1 AppendEntries prev=0@0 [1@2 2@2] commit=2");
        assert_eq!(reaction.says(), ["n1@3→n2 higher term"]);
        assert_eq!(n1.node.to_string(), before);
    }
}

/// Figure 2, AppendEntries receiver 2: "Reply false if log doesn't contain an entry at prevLogIndex whose term matches prevLogTerm".
#[test]
fn append_entries_receiver_2_without_the_preceding_entry_nothing_is_appended() {
    for prev in ["2@2", "3@1", "9@2"] {
        let mut n2 = node(2).with_log([1, 1]).in_term(2);
        let reaction = n2.hears(&format!("n1@2→n2 AppendEntries prev={prev} [] commit=9"));
        assert!(reaction.says()[0].contains("conflict"), "{prev}");
        assert_eq!((n2.log(), n2.commit_index(), reaction.writes()), (vec![1, 1], 0, vec![]), "{prev}");
    }
}

/// Figure 2, AppendEntries receiver 3: "If an existing entry conflicts with a new one (same index but different terms), delete the
/// existing entry and all that follow it".
#[test]
fn append_entries_receiver_3_a_conflicting_entry_goes_with_all_that_follow() {
    let mut n2 = node(2).with_log([1, 2, 2, 2]).in_term(3);
    n2.hears("n1@3→n2 AppendEntries prev=1@1 [2@3] commit=0");
    assert_eq!(n2.entries(), "[1@1:a 2@3:b]");
}

/// Figure 2, AppendEntries receiver 3: an entry that does not conflict stays, and what follows it too.
#[test]
fn append_entries_receiver_3_what_does_not_conflict_stays() {
    let mut n2 = node(2).with_log([1, 2, 2, 2]).in_term(3);
    let reaction = n2.hears("n1@3→n2 AppendEntries prev=1@1 [2@2] commit=0");
    assert_eq!((n2.log(), reaction.writes()), (vec![1, 2, 2, 2], vec![]));
}

/// Figure 2, AppendEntries receiver 4: "Append any new entries not already in the log".
#[test]
fn append_entries_receiver_4_new_entries_are_appended() {
    let mut n2 = node(2).with_log([1, 2]).in_term(3);
    let reaction = n2.hears("n1@3→n2 AppendEntries prev=1@1 [2@2 3@3 4@3] commit=0");
    assert_eq!((n2.log(), reaction.writes()), (vec![1, 2, 3, 3], vec!["write after=2 [3@3:c 4@3:d]".into()]));
}

/// Figure 2, AppendEntries receiver 5: "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry)".
#[test]
fn append_entries_receiver_5_commit_index_is_the_least_of_leader_commit_and_last_new_entry() {
    let commit = |request: &str| {
        let mut n2 = node(2).with_log([1, 1, 1, 1]).in_term(2);
        n2.hears(&format!("n1@2→n2 {request}"));
        n2.commit_index()
    };
    assert_eq!(commit("AppendEntries prev=1@1 [2@1 3@1] commit=2"), 2, "leaderCommit");
    assert_eq!(commit("AppendEntries prev=1@1 [2@1 3@1] commit=9"), 3, "the last new entry");
    assert_eq!(commit("AppendEntries prev=1@1 [] commit=9"), 1, "without new ones, the preceding entry");
    assert_eq!(commit("AppendEntries prev=1@1 [2@2] commit=2"), 2);
}

/// Figure 2, RequestVote RPC: candidateId, "candidate requesting vote", receives the answer.
#[test]
fn request_vote_tells_the_candidate_who_gets_the_answer() {
    assert_eq!(node(1).hears("n3@1→n1 RequestVote last=0@0").says(), ["n1@1→n3 vote granted"]);
}

/// Figure 2, RequestVote, lastLogIndex and lastLogTerm: "of candidate's last log entry", of nothing in an empty log.
#[test]
fn request_vote_tells_index_and_term_of_the_last_entry() {
    assert_eq!(node(1).times_out().says()[0], "n1@1→n2 RequestVote last=0@0");
    assert_eq!(node(1).with_log([1, 3, 3]).times_out().says()[0], "n1@4→n2 RequestVote last=3@3");
}

/// Figure 2, RequestVote results, term: "currentTerm, for candidate to update itself".
#[test]
fn a_candidate_updates_itself_from_the_term_of_an_answer() {
    for answer in ["vote granted", "vote denied", "higher term"] {
        let mut n1 = node(1).candidate_of(1);
        n1.hears(&format!("n2@4→n1 {answer}"));
        assert_eq!((n1.term(), n1.is_follower()), (4, true), "{answer}");
    }
}

/// Figure 2, RequestVote results, voteGranted: "true means candidate received vote".
#[test]
fn vote_granted_means_that_the_candidate_received_the_vote() {
    let mut n1 = node(1);
    assert_eq!(n1.hears("n2@1→n1 RequestVote last=0@0").says(), ["n1@1→n2 vote granted"]);
    assert_eq!(n1.vote(), Some(2));
    let mut candidate = node(2).candidate_of(1);
    candidate.hears("n1@1→n2 vote denied");
    assert!(candidate.is_candidate());
    candidate.hears("n3@1→n2 vote granted");
    assert!(candidate.is_leader());
}

/// Figure 2, RequestVote receiver 1: "Reply false if term < currentTerm (§5.1)". Departure: `higher term`.
#[test]
fn request_vote_receiver_1_an_old_term_is_refused_in_every_role() {
    for mut n1 in [node(1).in_term(3), node(1).candidate_of(3), node(1).leader_of(3)] {
        let before = n1.node.to_string();
        assert_eq!(n1.hears("n2@2→n1 RequestVote last=9@1").says(), ["n1@3→n2 higher term"]);
        assert_eq!(n1.node.to_string(), before);
    }
}

/// Figure 2, RequestVote receiver 2: "If votedFor is null or candidateId, and candidate's log is at least as up-to-date as receiver's
/// log, grant vote (§5.2, §5.4)". All six cases.
#[test]
fn request_vote_receiver_2_a_free_vote_goes_to_an_up_to_date_candidate() {
    let free = || node(1).with_log([1, 1]).in_term(2);
    for (mut n1, last, granted) in [
        (free(), "2@1", true),
        (free(), "1@1", false),
        (free().voted_for(2), "2@1", true),
        (free().voted_for(2), "1@1", false),
        (free().voted_for(3), "2@1", false),
        (free().voted_for(3), "1@1", false),
    ] {
        let says = n1.hears(&format!("n2@2→n1 RequestVote last={last}")).says();
        assert_eq!(
            says,
            [if granted { "n1@2→n2 vote granted" } else { "n1@2→n2 vote denied" }],
            "{}",
            n1.node
        );
    }
}
