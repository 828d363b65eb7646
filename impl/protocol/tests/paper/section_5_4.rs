//! §5.4, Safety: the election restriction (§5.4.1), entries of previous terms (§5.4.2), and what the argument rests on (§5.4.3).

use crate::cluster::{Cluster, cluster, cluster_of};
use crate::notation::id;
use crate::server::{Server, node};
use seaworthy_protocol::{NodeSet, is_majority};

/// §5.4: without a restriction a follower "might be unavailable while the leader commits several log entries, then it could be
/// elected leader and overwrite these entries with new ones".
#[test]
fn a_server_that_was_away_while_entries_were_committed_is_not_elected() {
    let mut three = cluster(3);
    three.campaign(1);
    three.away([3]);
    three.propose(1, 'x');
    three.away([1]);
    let said = three.campaign(3);
    assert!(said.contains(&"n2@2→n3 vote denied".to_owned()), "{said:?}");
    assert!(!three.server(3).is_leader());
    three.campaign(2);
    assert_eq!(three.server(3).entries(), "[1@1:- 2@1:x 3@3:-]");
}

/// §5.4.1: "all the committed entries from previous terms are present on each new leader from the moment of its election, without
/// the need to transfer those entries to the leader".
#[test]
fn a_new_leader_has_all_committed_entries_from_the_moment_of_its_election() {
    for successor in [2, 3, 4, 5] {
        let mut five = cluster(5);
        five.campaign(1);
        five.away([4, 5]);
        five.propose(1, 'x');
        five.away([1]);
        five.let_server(successor, Server::times_out);
        while let Some(_reaction) = five.deliver_next() {
            if five.leaders().contains(&successor) {
                break;
            }
        }
        let server = five.server(successor);
        assert_eq!(server.is_leader(), successor <= 3, "n4 and n5 lack x");
        assert!(!server.is_leader() || server.entries() == "[1@1:- 2@1:x 3@2:-]", "{}", server.node);
    }
}

/// §5.4.1: "log entries only flow in one direction, from leaders to followers": no answer to a leader carries any, and to requests of
/// others it does not listen.
#[test]
fn entries_flow_from_leaders_to_followers_only() {
    let mut n1 = node(1).with_log([1]).leader_of(2);
    n1.hears_nonsense("n2@2→n1 AppendEntries prev=1@1 [2@2:y] commit=2");
    n1.hears("n3@1→n1 AppendEntries prev=0@0 [1@1:z] commit=1");
    assert_eq!(n1.entries(), "[1@1:a 2@2:-]");
    let mut candidate = node(1).with_log([1]).candidate_of(2);
    candidate.hears("n2@2→n1 vote granted");
    assert_eq!(candidate.entries(), "[1@1:a 2@2:-]", "a vote brings none");
}

/// §5.4.1: "the RPC includes information about the candidate's log": index and term of its last entry.
#[test]
fn a_request_for_a_vote_tells_the_candidates_last_entry() {
    assert_eq!(node(1).with_log([1, 1, 4]).times_out().says()[0], "n1@5→n2 RequestVote last=3@4");
}

/// §5.4.1: "the voter denies its vote if its own log is more up-to-date than that of the candidate".
#[test]
fn a_voter_denies_its_vote_if_its_own_log_is_more_up_to_date() {
    let mut n1 = node(1).with_log([1, 2]);
    assert_eq!(n1.hears("n2@3→n1 RequestVote last=1@1").says(), ["n1@3→n2 vote denied"]);
    assert_eq!(n1.vote(), None, "another may have it");
    assert_eq!(n1.hears("n3@3→n1 RequestVote last=2@2").says(), ["n1@3→n3 vote granted"]);
}

/// §5.4.1: "If the logs have last entries with different terms, then the log with the later term is more up-to-date."
#[test]
fn the_log_with_the_later_last_term_is_more_up_to_date() {
    let vote = |last: &str| {
        node(1).with_log([1, 2, 2]).hears(&format!("n2@4→n1 RequestVote last={last}")).says().remove(0)
    };
    assert_eq!(vote("1@3"), "n1@4→n2 vote granted", "though shorter");
    assert_eq!(vote("9@1"), "n1@4→n2 vote denied", "though longer");
}

/// §5.4.1: "If the logs end with the same term, then whichever log is longer is more up-to-date."
#[test]
fn of_two_logs_that_end_with_the_same_term_the_longer_is_more_up_to_date() {
    let vote = |last: &str| {
        node(1).with_log([1, 2, 2]).hears(&format!("n2@4→n1 RequestVote last={last}")).says().remove(0)
    };
    assert_eq!(vote("4@2"), "n1@4→n2 vote granted");
    assert_eq!(vote("3@2"), "n1@4→n2 vote granted", "equal is at least as up-to-date");
    assert_eq!(vote("2@2"), "n1@4→n2 vote denied");
}

/// §5.4.2: "an entry from its current term is committed once that entry is stored on a majority of the servers", and the leader
/// knows.
#[test]
fn a_leader_knows_an_entry_of_its_term_committed_once_a_majority_stores_it() {
    let mut n1 = node(1).of(5).with_log([1]).leader_of(2);
    n1.is_asked('x');
    n1.hears("n2@2→n1 matched 3");
    n1.hears("n3@2→n1 matched 2");
    assert_eq!(n1.commit_index(), 2, "x is on two servers only");
    n1.hears("n4@2→n1 matched 3");
    assert_eq!(n1.commit_index(), 3);
}

/// §5.4.2: "If a leader crashes before committing an entry, future leaders will attempt to finish replicating the entry."
#[test]
fn a_later_leader_finishes_replicating_what_a_crashed_one_left() {
    let mut three = cluster(3);
    three.campaign(1);
    three.let_server(1, |n1| n1.is_asked('x'));
    three.let_server(1, Server::replicates);
    three.deliver(1, 2);
    three.away([1]);
    three.campaign(2);
    assert_eq!(three.server(2).applied(), "[1@1:- 2@1:x 3@2:-]");
    assert_eq!(three.server(3).entries(), "[1@1:- 2@1:x 3@2:-]");
}

/// §5.4.2: "a leader cannot immediately conclude that an entry from a previous term is committed once it is stored on a majority".
#[test]
fn an_entry_of_an_earlier_term_is_not_committed_by_counting_replicas() {
    let mut n1 = node(1).with_log([1, 2]).leader_of(4);
    n1.hears("n2@4→n1 matched 2");
    n1.hears("n3@4→n1 matched 2");
    assert_eq!(n1.commit_index(), 0, "on all three");
}

/// §5.4.2: once an entry of the current term is committed, "then all prior entries are committed indirectly".
#[test]
fn an_entry_of_the_current_term_commits_all_prior_ones_indirectly() {
    let mut n1 = node(1).with_log([1, 2]).leader_of(4);
    n1.hears("n2@4→n1 matched 3");
    assert_eq!(n1.applied(), "[1@1:a 2@2:b 3@4:-]");
}

/// §5.4.2: "log entries retain their original term numbers when a leader replicates entries from previous terms".
#[test]
fn entries_retain_their_terms_when_a_later_leader_replicates_them() {
    let mut three = cluster_of([node(1).with_log([1, 2, 3]), node(2), node(3)]);
    three.campaign(1);
    assert_eq!(three.server(2).log(), [1, 2, 3, 4]);
    assert_eq!(three.server(2).entries(), three.server(1).entries());
}

/// Figure 8 up to (c): S1 leads term 4, its entry of term 2 at index 2 is on S1, S2 and S3, and S5 holds one of term 3 there. S1
/// appends in term 4 what has not left it yet. (The paper's S1 appends a client's command; here that is its no-op.)
fn figure_8() -> Cluster {
    let mut five = cluster_of(
        [
            node(1).with_log([1, 2]).in_term(3),
            node(2).with_log([1, 2]),
            node(3).with_log([1]),
            node(4).with_log([1]),
            node(5).with_log([1, 3]),
        ]
        .map(|server| server.with_entries_per_append(1)),
    );
    five.away([5]);
    five.let_server(1, Server::times_out);
    for voter in [2, 3, 4] {
        five.deliver(1, voter);
        five.deliver(voter, 1);
    }
    // S3 is asked where the logs part, and gets the entry of term 2, and that alone.
    for _ in 0..3 {
        five.deliver(1, 3);
        five.deliver(3, 1);
        five.let_server(1, Server::replicates);
    }
    assert_eq!(
        (five.server(1).log(), five.server(2).log(), five.server(3).log()),
        (vec![1, 2, 4], vec![1, 2], vec![1, 2])
    );
    five.lose_all_messages();
    five
}

/// §5.4.2, Figure 8 (d): the entry of term 2 "is stored on a majority of servers, yet can still be overwritten by a future leader".
#[test]
fn in_figure_8_an_old_entry_on_a_majority_is_overwritten_and_was_never_committed() {
    let mut five = figure_8();
    assert_eq!(five.server(1).commit_index(), 0, "(c)");
    five.away([1]);
    five.campaign(5);
    five.campaign(5); // its first term was S1's, and no one's vote was left
    assert_eq!(five.leaders(), [1, 5]);
    for number in [2, 3, 4] {
        assert_eq!(five.server(number).log()[..2], [1, 3], "(d) at n{number}");
    }
}

/// §5.4.2, Figure 8 (e): once the entry of term 4 is on a majority, "then this entry is committed (S5 cannot win an election)", and
/// "all preceding entries in the log are committed as well".
#[test]
fn in_figure_8_an_entry_of_the_current_term_on_a_majority_commits_the_old_one() {
    let mut five = figure_8();
    five.away([4, 5]);
    five.heartbeat(1);
    assert_eq!(five.server(1).applied(), "[1@1:a 2@2:b 3@4:-]", "(e)");
    five.away([1]);
    five.campaign(5);
    five.campaign(5);
    assert!(!five.server(5).is_leader(), "n4 alone votes for it");
}

/// §5.4.3: the server that is the voter exists because any majority that stores an entry and any that elects have one in common.
#[test]
fn any_two_majorities_share_a_server() {
    for count in 1..=7_u8 {
        let voters = NodeSet::first(count);
        let subset = |bits: u8| (1..=count).filter(|n| bits >> (n - 1) & 1 == 1).map(id).collect::<NodeSet>();
        let majorities: Vec<_> =
            (0..1_u8 << count).map(subset).filter(|set| is_majority(voters, *set)).collect();
        for (one, other) in majorities.iter().flat_map(|one| majorities.iter().map(move |other| (one, other)))
        {
            assert!(!one.intersection(*other).is_empty(), "{one} and {other} of {count}");
        }
    }
}

/// §5.4.3: had the voter voted first, "it would have rejected the AppendEntries request from leaderT (its current term would have been
/// higher than T)".
#[test]
fn a_server_that_voted_in_a_later_term_rejects_the_entries_of_an_earlier_one() {
    let mut n1 = node(1).in_term(1).following(2);
    n1.hears("n3@2→n1 RequestVote last=0@0");
    assert_eq!(n1.hears("n2@1→n1 AppendEntries prev=0@0 [1@1] commit=0").says(), ["n1@2→n2 higher term"]);
    assert_eq!(n1.log(), [0; 0]);
}

/// §5.4.3: "followers only remove entries if they conflict with the leader".
#[test]
fn a_follower_removes_entries_only_if_they_conflict_with_the_leaders() {
    let mut n2 = node(2).with_log([1, 1, 2]).in_term(3);
    for request in [
        "AppendEntries prev=0@0 [] commit=0",
        "AppendEntries prev=0@0 [1@1] commit=0",
        "AppendEntries prev=1@1 [2@1 3@2] commit=0",
        "AppendEntries prev=3@3 [4@3] commit=0",
        "AppendEntries prev=5@3 [6@3] commit=0",
    ] {
        n2.hears(&format!("n1@3→n2 {request}"));
        assert_eq!(n2.log(), [1, 1, 2], "{request}");
    }
    n2.hears("n1@3→n2 AppendEntries prev=2@1 [3@3] commit=0");
    assert_eq!(n2.log(), [1, 1, 3]);
}

/// §5.4.3: "leaderU's log must have been as up-to-date as the voter's". All candidates of up to three entries against a voter that
/// stored a committed entry: those it grants its vote hold the entry, or one of a later term, which only a leader that held the
/// entry could have made.
#[test]
fn a_voter_that_stored_a_committed_entry_elects_none_that_could_lack_it() {
    for (index, term) in (1..=3_u64).flat_map(|index| (1..=4_u64).map(move |term| (index, term))) {
        let mut voter = node(1).with_log([1, 2]);
        let says = voter.hears(&format!("n2@5→n1 RequestVote last={index}@{term}")).says();
        let may_hold_it = term > 2 || (term == 2 && index >= 2);
        assert_eq!(says, [if may_hold_it { "n1@5→n2 vote granted" } else { "n1@5→n2 vote denied" }]);
    }
}

/// §5.4.3: "at the time a server applies a log entry to its state machine, its log must be identical to the leader's log up through
/// that entry": what follows the entries that a message tells of is not applied, whatever the leader has committed.
#[test]
fn a_server_applies_only_what_it_knows_identical_to_the_leaders_log() {
    let mut n2 = node(2).with_log([1, 1, 1]).in_term(2);
    n2.hears("n1@2→n2 AppendEntries prev=1@1 [2@1] commit=3");
    assert_eq!(n2.applied(), "[1@1:a 2@1:b]", "the leader's third entry may be another");
    n2.hears("n1@2→n2 AppendEntries prev=2@1 [3@2:x] commit=3");
    assert_eq!(n2.applied(), "[1@1:a 2@1:b 3@2:x]");
}

/// §5.4.3: "Raft requires servers to apply entries in log index order", which with State Machine Safety means that all "apply exactly
/// the same set of log entries ..., in the same order".
#[test]
fn servers_apply_the_same_entries_in_the_same_order() {
    let mut three = cluster(3);
    for (leader, command) in [(1, 'x'), (2, 'y'), (3, 'z')] {
        three.campaign(leader);
        three.propose(leader, command);
        for server in three.all() {
            let longest = three.server(leader).applied();
            let common = server.applied();
            assert!(
                longest.starts_with(common.trim_end_matches(']')),
                "{common} is no beginning of {longest}"
            );
        }
    }
    three.heartbeat(3);
    assert_eq!(three.server(1).applied(), "[1@1:- 2@1:x 3@2:- 4@2:y 5@3:- 6@3:z]");
}
