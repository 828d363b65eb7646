//! Figure 2, Rules for Servers: each bullet in order.

use crate::server::node;

/// Figure 2, All Servers 1: "If commitIndex > lastApplied: increment lastApplied, apply log[lastApplied] to state machine".
/// Departure: a node has no lastApplied; the driver applies, and finds what is to be applied between two commit indexes.
#[test]
fn all_servers_1_what_is_to_be_applied_lies_between_two_commit_indexes() {
    let mut n2 = node(2).with_log([1, 1, 1]).following(1);
    let mut last_applied = 0;
    let mut state_machine = Vec::new();
    for commit in [1, 1, 3] {
        n2.hears(&format!("n1@1→n2 AppendEntries prev=3@1 [] commit={commit}"));
        let committed = n2.node.log().prefix(n2.node.commit_index());
        state_machine.extend_from_slice(&committed[last_applied..]);
        last_applied = committed.len();
    }
    assert_eq!(state_machine, n2.node.log().entries(), "each entry once");
}

/// Figure 2, All Servers 2: "If RPC request or response contains term T > currentTerm: set currentTerm = T, convert to follower".
#[test]
fn all_servers_2_a_higher_term_makes_a_follower_of_everyone() {
    for message in [
        "RequestVote last=0@0",
        "AppendEntries prev=0@0 [] commit=0",
        "vote denied",
        "matched 0",
        "higher term",
    ] {
        for mut n1 in [node(1).in_term(2), node(1).candidate_of(2), node(1).leader_of(2)] {
            n1.hears(&format!("n2@5→n1 {message}"));
            assert_eq!((n1.term(), n1.is_follower()), (5, true), "{message}");
            assert!(n1.on_disk().starts_with("term=5"), "{message}");
        }
    }
}

/// Figure 2, All Servers 2: a new term comes with a vote to give, also to the candidate whose request brought it.
#[test]
fn all_servers_2_comes_before_the_answer_to_the_request() {
    for mut n1 in [node(1).in_term(2).voted_for(3), node(1).candidate_of(2), node(1).leader_of(2)] {
        assert_eq!(n1.hears("n2@3→n1 RequestVote last=1@2").says(), ["n1@3→n2 vote granted"]);
    }
}

/// Figure 2, Followers 1: "Respond to RPCs from candidates and leaders".
#[test]
fn followers_1_respond_to_candidates_and_leaders() {
    for (request, response) in [
        ("n2@2→n1 RequestVote last=1@1", "n1@2→n2 vote granted"),
        ("n2@2→n1 RequestVote last=0@0", "n1@2→n2 vote denied"),
        ("n2@1→n1 RequestVote last=0@0", "n1@2→n2 higher term"),
        ("n2@2→n1 AppendEntries prev=1@1 [2@2] commit=0", "n1@2→n2 matched 2"),
        ("n2@2→n1 AppendEntries prev=2@1 [3@2] commit=0", "n1@2→n2 conflict at 2 hint=1@1"),
        ("n2@1→n1 AppendEntries prev=0@0 [] commit=0", "n1@2→n2 higher term"),
    ] {
        assert_eq!(node(1).with_log([1]).in_term(2).hears(request).says(), [response]);
    }
}

/// Figure 2, Followers 2: "If election timeout elapses without receiving AppendEntries RPC from current leader or granting vote to
/// candidate: convert to candidate". Those two, and no others, restart the timer.
#[test]
fn followers_2_the_current_leader_and_a_granted_vote_put_candidacy_off_and_nothing_else_does() {
    for (message, puts_off) in [
        ("n2@2→n1 AppendEntries prev=1@1 [] commit=0", true),
        ("n2@2→n1 AppendEntries prev=9@2 [] commit=0", true), // from the leader, if refused
        ("n3@3→n1 RequestVote last=1@1", true),
        ("n3@3→n1 RequestVote last=0@0", false),
        ("n3@2→n1 RequestVote last=0@0", false),
        ("n3@1→n1 AppendEntries prev=0@0 [] commit=0", false),
        ("n3@3→n1 higher term", false),
        ("n3@2→n1 vote granted", false),
    ] {
        let mut n1 = node(1).with_log([1]).in_term(2).following(2);
        assert_eq!(n1.hears(message).restarts_the_election_timer(), puts_off, "{message}");
        n1.times_out();
        assert!(n1.is_candidate());
    }
}

/// Figure 2, Candidates 1: "On conversion to candidate, start election: Increment currentTerm, Vote for self, Reset election timer, Send
/// RequestVote RPCs to all other servers". Departure: the requests leave when term and vote are on the disk, in one write.
#[test]
fn candidates_1_on_conversion_start_an_election() {
    let mut n1 = node(1).with_log([1]).with_slow_disk();
    let reaction = n1.times_out();
    assert_eq!((n1.term(), n1.vote()), (2, Some(1)));
    assert!(reaction.restarts_the_election_timer());
    assert_eq!(reaction.writes(), ["write term=2 vote=n1"]);
    assert_eq!(reaction.says_at_once(), [""; 0]);
    let requests = ["n1@2→n2 RequestVote last=1@1", "n1@2→n3 RequestVote last=1@1"];
    assert_eq!(reaction.says_after_writes(), requests);
}

/// Figure 2, Candidates 2: "If votes received from majority of servers: become leader".
#[test]
fn candidates_2_a_majority_of_votes_makes_a_leader() {
    let mut n1 = node(1).of(5).candidate_of(1);
    n1.hears("n4@1→n1 vote granted");
    assert!(!n1.is_leader());
    n1.hears("n2@1→n1 vote granted");
    assert!(n1.is_leader());
    let mut alone = node(1).of(1);
    alone.times_out();
    assert!(alone.is_leader(), "its own vote is a majority of one");
}

/// Figure 2, Candidates 3: "If AppendEntries RPC received from new leader: convert to follower". In the same term, and it obeys.
#[test]
fn candidates_3_append_entries_from_a_new_leader_makes_a_follower() {
    let mut n1 = node(1).candidate_of(2);
    let request = "n3@2→n1 AppendEntries prev=0@0 [1@2:x] commit=1";
    assert_eq!(n1.hears(request).says(), ["n1@2→n3 matched 1"]);
    assert_eq!(n1.node.to_string(), "n1@2 follower of n3 vote=n1 log=[1@2:x] commit=1");
}

/// Figure 2, Candidates 4: "If election timeout elapses: start new election".
#[test]
fn candidates_4_an_election_timeout_starts_a_new_election() {
    let mut n1 = node(1).of(5).candidate_of(2);
    n1.hears("n2@2→n1 vote granted");
    n1.times_out();
    assert_eq!(n1.node.to_string(), "n1@3 candidate votes={n1} vote=n1 log=[] commit=0", "from scratch");
}

/// Figure 2, Leaders 1: "Upon election: send initial empty AppendEntries RPCs (heartbeat) to each server; repeat during idle periods".
#[test]
fn leaders_1_send_heartbeats_upon_election_and_when_idle() {
    let mut n1 = node(1).with_log([1]).candidate_of(2);
    let heartbeats =
        ["n1@2→n2 AppendEntries prev=1@1 [] commit=0", "n1@2→n3 AppendEntries prev=1@1 [] commit=0"];
    assert_eq!(n1.hears("n2@2→n1 vote granted").says(), heartbeats);
    assert_eq!(n1.heartbeats().says(), heartbeats);
}

/// Figure 2, Leaders 1: "send initial empty AppendEntries RPCs". Departure: if the leader's log was empty, all logs are known to meet
/// before the first entry, and the initial heartbeat carries the no-op.
#[test]
fn leaders_1_the_first_heartbeat_of_an_empty_log_carries_the_no_op() {
    let mut n1 = node(1).candidate_of(1);
    let says = n1.hears("n2@1→n1 vote granted").says();
    assert_eq!(says[0], "n1@1→n2 AppendEntries prev=0@0 [1@1:-] commit=0");
}

/// Figure 2, Leaders 1, and §8: for reads, a leader commits "a blank no-op entry into the log at the start of its term". Departure:
/// always and at once, so that entries of earlier terms need not wait for a client's command to be committed.
#[test]
fn leaders_1_append_a_no_op_at_the_start_of_the_term() {
    assert_eq!(node(1).with_log([1]).leader_of(2).entries(), "[1@1:a 2@2:-]");
}

/// Figure 2, Leaders 2: "If command received from client: append entry to local log, respond after entry applied to state machine".
/// Departure: the node answers at once with the entry's place, and the driver responds when that very entry is applied.
#[test]
fn leaders_2_append_a_command_and_say_where() {
    let mut n1 = node(1).leader_of(1);
    let reaction = n1.is_asked('x');
    assert_eq!(reaction.writes(), ["write after=1 [2@1:x]"]);
    assert_eq!(reaction.answers(), ["appended 2@1"]);
    assert_eq!(n1.applied(), "[]");
    n1.hears("n2@1→n1 matched 2");
    assert_eq!(n1.applied(), "[1@1:- 2@1:x]");
}

/// Figure 2, Leaders 2: an entry that was lost with its leader is another at that place, or none: the client is not told otherwise.
#[test]
fn leaders_2_a_command_that_was_overwritten_is_not_at_its_place() {
    let mut n1 = node(1).leader_of(1);
    assert_eq!(n1.is_asked('x').answers(), ["appended 2@1"]);
    n1.hears("n2@2→n1 AppendEntries prev=0@0 [1@1:- 2@2:-] commit=2");
    assert_eq!(n1.applied(), "[1@1:- 2@2:-]", "2@2 is not 2@1");
}

/// Figure 2, Leaders 3: "If last log index ≥ nextIndex for a follower: send AppendEntries RPC with log entries starting at nextIndex".
#[test]
fn leaders_3_send_entries_from_next_index_to_those_who_lack_them() {
    let mut n1 = node(1).with_log([1, 1]).leader_of(2);
    n1.hears("n2@2→n1 matched 2");
    n1.hears("n3@2→n1 matched 3");
    assert_eq!((n1.progress_of(2), n1.progress_of(3)), ((2, 3), (3, 4)));
    assert_eq!(n1.replicates().says(), ["n1@2→n2 AppendEntries prev=2@1 [3@2:-] commit=3"]);
    n1.hears("n2@2→n1 matched 3");
    assert_eq!(n1.replicates().says(), [""; 0]);
}

/// Figure 2, Leaders 3: "If successful: update nextIndex and matchIndex for follower".
#[test]
fn leaders_3_a_success_updates_next_index_and_match_index() {
    let mut n1 = node(1).with_log([1, 1]).leader_of(2);
    n1.hears("n2@2→n1 matched 2");
    assert_eq!(n1.progress_of(2), (2, 3));
    n1.hears("n2@2→n1 matched 3");
    assert_eq!(n1.progress_of(2), (3, 4));
    assert_eq!(n1.progress_of(3), (0, 3), "nobody else's");
}

/// Figure 2, Leaders 3: "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry". Departure: by a term or
/// more at a time; the retry comes with the end of the batch of inputs, or the heartbeat.
#[test]
fn leaders_3_a_failure_moves_next_index_back_and_is_retried() {
    let mut n1 = node(1).with_log([1, 2, 2, 4, 4]).leader_of(5);
    let retry = ["conflict at 5 hint=5@3", "conflict at 3 hint=3@1"].map(|answer| {
        n1.hears(&format!("n2@5→n1 {answer}"));
        n1.replicates().says().remove(0)
    });
    assert_eq!(
        retry,
        ["n1@5→n2 AppendEntries prev=3@2 [] commit=0", "n1@5→n2 AppendEntries prev=1@1 [] commit=0"],
        "term 4 at once, then term 2"
    );
}

/// Figure 2, Leaders 3: a follower's log may be so different that the logs have nothing in common; nextIndex ends at 1.
#[test]
fn leaders_3_next_index_goes_back_to_the_first_entry_and_no_further() {
    let mut n1 = node(1).with_log([2, 2]).leader_of(3);
    n1.hears("n2@3→n1 conflict at 2 hint=1@1");
    assert_eq!(n1.progress_of(2), (0, 1));
    n1.hears("n2@3→n1 conflict at 0 hint=0@0");
    assert_eq!(n1.progress_of(2), (0, 1));
    let says = n1.replicates().says();
    assert_eq!(says[0], "n1@3→n2 AppendEntries prev=0@0 [1@2:a 2@2:b 3@3:-] commit=0");
}

/// Figure 2, Leaders 4: "If there exists an N such that N > commitIndex, a majority of matchIndex[i] ≥ N, and log[N].term ==
/// currentTerm: set commitIndex = N (§5.3, §5.4)."
#[test]
fn leaders_4_commit_index_is_the_highest_of_the_current_term_on_a_majority() {
    let mut n1 = node(1).of(5).with_log([1, 2]).leader_of(3);
    n1.is_asked('x');
    for (voter, matched, commit_index, why) in [
        (2, 4, 0, "two of five have 4"),
        (3, 2, 0, "three have 2, which is of term 2"),
        (3, 3, 3, "three have 3, which is of term 3"),
        (4, 1, 3, "and it stays"),
        (5, 4, 4, "three have 4"),
    ] {
        n1.hears(&format!("n{voter}@3→n1 matched {matched}"));
        assert_eq!(n1.commit_index(), commit_index, "{why}");
    }
}
