//! §5.2, Leader election.

use crate::cluster::cluster;
use crate::server::{Server, node};
use seaworthy_protocol::Input;

/// §5.2: "When servers start up, they begin as followers." Those that led before they crashed, too.
#[test]
fn servers_begin_as_followers_when_they_start_up() {
    assert!(node(1).is_follower());
    let mut n1 = node(1).leader_of(2);
    n1.crashes_and_restarts();
    assert_eq!(n1.node.to_string(), "n1@2 follower vote=n1 log=[1@2:-] commit=0");
}

/// §5.2: "A server remains in follower state as long as it receives valid RPCs from a leader or candidate": each puts off the
/// time-out that would end it.
#[test]
fn a_server_remains_follower_while_it_hears_from_a_leader_or_grants_votes() {
    let mut n1 = node(1).in_term(2).following(2);
    for request in ["n2@2→n1 AppendEntries prev=0@0 [1@2] commit=0", "n3@3→n1 RequestVote last=1@2"] {
        assert!(n1.hears(request).restarts_the_election_timer(), "{request}");
        assert!(n1.is_follower());
    }
}

/// §5.2: "valid RPCs": those of a past term, and those of a candidate that the server denies its vote, put nothing off.
#[test]
fn a_stale_leader_or_a_denied_candidate_does_not_put_off_an_election() {
    let mut n1 = node(1).with_log([1, 1]).in_term(2).voted_for(3);
    for request in [
        "n2@1→n1 AppendEntries prev=0@0 [] commit=0",
        "n2@2→n1 RequestVote last=2@1", // it has voted for n3
        "n2@3→n1 RequestVote last=1@1", // its own log is longer
    ] {
        assert!(!n1.hears(request).restarts_the_election_timer(), "{request}");
    }
}

/// §5.2: "Leaders send periodic heartbeats (AppendEntries RPCs that carry no log entries) to all followers": to those who lack
/// nothing.
#[test]
fn a_leader_sends_heartbeats_without_entries_to_all_followers() {
    let mut three = cluster(3);
    three.campaign(1);
    let heartbeats = three.let_server(1, Server::heartbeats).says();
    assert_eq!(
        heartbeats,
        ["n1@1→n2 AppendEntries prev=1@1 [] commit=1", "n1@1→n3 AppendEntries prev=1@1 [] commit=1"]
    );
}

/// §5.2: heartbeats are "AppendEntries RPCs that carry no log entries". Departure: to a follower known to lack entries the
/// heartbeat carries them, which is how they are retried.
#[test]
fn a_heartbeat_carries_what_the_follower_is_known_to_lack() {
    let mut n1 = node(1).leader_of(1);
    n1.hears("n2@1→n1 matched 1");
    n1.is_asked('x');
    let says = n1.heartbeats().says();
    assert_eq!(says[0], "n1@1→n2 AppendEntries prev=1@1 [2@1:x] commit=1");
}

/// §5.2: a follower that hears nothing over an election timeout "assumes there is no viable leader and begins an election".
#[test]
fn a_follower_that_hears_nothing_begins_an_election() {
    let mut n1 = node(1).in_term(1).following(2);
    n1.times_out();
    assert!(n1.is_candidate());
    assert_eq!(n1.is_asked('x').answers(), ["not leader"], "nor does it send clients to the old one");
}

/// §5.2: "To begin an election, a follower increments its current term and transitions to candidate state."
#[test]
fn to_begin_an_election_a_follower_increments_its_term_and_becomes_candidate() {
    let mut n1 = node(1).in_term(4);
    n1.times_out();
    assert_eq!((n1.term(), n1.is_candidate()), (5, true));
}

/// §5.2: "It then votes for itself and issues RequestVote RPCs in parallel to each of the other servers".
#[test]
fn a_candidate_votes_for_itself_and_asks_each_of_the_others() {
    let mut n2 = node(2);
    assert_eq!(n2.times_out().says(), ["n2@1→n1 RequestVote last=0@0", "n2@1→n3 RequestVote last=0@0"]);
    assert_eq!(n2.vote(), Some(2));
    assert_eq!(n2.on_disk(), "term=1 vote=n2 log=[]");
}

/// §5.2: a candidate's own vote is a vote. Departure: it counts once it is durable, so that nobody leads, not even with the votes of
/// all others, by a vote that a crash could take back.
#[test]
fn a_candidates_own_vote_counts_once_it_is_durable() {
    let mut n1 = node(1).with_slow_disk();
    n1.times_out();
    n1.hears("n2@1→n1 vote granted");
    n1.hears("n3@1→n1 vote granted");
    assert!(n1.is_candidate());
    n1.completes_its_writes();
    assert!(n1.is_leader());
}

/// §5.2: votes are cast anew in each term. Departure: so is the confirmation by the disk; that of an earlier vote, late, does not
/// count for the next.
#[test]
fn a_late_confirmation_of_an_earlier_vote_does_not_count_for_the_next() {
    let mut alone = node(1).of(1).with_slow_disk();
    let first = alone.times_out().0.ack.unwrap();
    alone.times_out();
    alone.feed(Input::WritesDurable(first));
    assert!(alone.is_candidate());
    alone.completes_its_writes();
    assert!(alone.is_leader());
}

/// §5.2: a candidate "continues in this state until" it wins, another server establishes itself as leader, or time goes by.
#[test]
fn a_candidate_stays_one_until_it_wins_or_another_leads_or_time_goes_by() {
    let mut n1 = node(1).of(5).candidate_of(3);
    n1.hears("n2@3→n1 vote granted");
    n1.hears("n3@3→n1 vote denied");
    n1.hears("n4@3→n1 RequestVote last=0@0");
    n1.hears("n5@2→n1 AppendEntries prev=0@0 [] commit=0");
    n1.hears("n5@3→n1 matched 0");
    n1.heartbeats();
    n1.is_asked('x');
    assert_eq!(n1.node.to_string(), "n1@3 candidate votes={n1 n2} vote=n1 log=[] commit=0");
}

/// §5.2: "A candidate wins an election if it receives votes from a majority of the servers in the full cluster for the same term."
#[test]
fn a_majority_of_the_full_cluster_elects() {
    for (count, votes_of_others) in [(2, 1), (3, 1), (4, 2), (5, 2), (7, 3)] {
        let mut n1 = node(1).of(count).candidate_of(1);
        for voter in 2..2 + votes_of_others {
            assert!(n1.is_candidate(), "{voter} of {count} have yet to vote");
            n1.hears(&format!("n{voter}@1→n1 vote granted"));
        }
        assert!(n1.is_leader(), "{count} servers");
    }
}

/// §5.2: the votes of a majority count "for the same term".
#[test]
fn votes_of_different_terms_do_not_add_up() {
    let mut n1 = node(1).of(5).candidate_of(1);
    n1.hears("n2@1→n1 vote granted");
    n1.times_out();
    n1.hears("n3@1→n1 vote granted"); // late
    n1.hears("n4@2→n1 vote granted");
    assert!(n1.is_candidate(), "n1 and n4 in term 2");
    n1.hears("n5@2→n1 vote granted");
    assert!(n1.is_leader());
}

/// §5.2: one server has one vote, however often the network delivers it.
#[test]
fn a_vote_that_arrives_twice_counts_once() {
    let mut n1 = node(1).of(5).candidate_of(1);
    n1.hears("n2@1→n1 vote granted");
    n1.hears("n2@1→n1 vote granted");
    assert!(n1.is_candidate());
}

/// §5.2: "Each server will vote for at most one candidate in a given term, on a first-come-first-served basis".
#[test]
fn a_server_votes_for_one_candidate_in_a_term_first_come_first_served() {
    let mut n1 = node(1);
    assert_eq!(n1.hears("n3@1→n1 RequestVote last=0@0").says(), ["n1@1→n3 vote granted"]);
    assert_eq!(n1.hears("n2@1→n1 RequestVote last=0@0").says(), ["n1@1→n2 vote denied"]);
    assert_eq!(n1.hears("n2@2→n1 RequestVote last=0@0").says(), ["n1@2→n2 vote granted"], "a new term");
}

/// §5.2: a candidate has voted for itself, and denies its vote to others of its term.
#[test]
fn a_candidate_denies_its_vote_to_others_of_its_term() {
    let mut n1 = node(1).candidate_of(1);
    assert_eq!(n1.hears("n2@1→n1 RequestVote last=0@0").says(), ["n1@1→n2 vote denied"]);
}

/// §5.2: "The majority rule ensures that at most one candidate can win the election for a particular term". Two candidates among
/// five; the three others hear them in each possible order.
#[test]
fn at_most_one_candidate_wins_a_term() {
    for first in 0..8_u8 {
        let mut five = cluster(5);
        five.let_server(1, Server::times_out);
        five.let_server(2, Server::times_out);
        for voter in 3..=5 {
            let prefers_n2 = first >> (voter - 3) & 1 == 1;
            five.deliver(if prefers_n2 { 2 } else { 1 }, voter);
        }
        five.settles();
        let winner = if first.count_ones() >= 2 { 2 } else { 1 };
        assert_eq!(five.leaders(), [winner], "votes {first:03b}");
    }
}

/// §5.2: "Once a candidate wins an election, it becomes leader. It then sends heartbeat messages to all of the other servers".
#[test]
fn a_winner_becomes_leader_and_sends_heartbeats_to_all_others() {
    let mut n1 = node(1).with_log([1, 1]).candidate_of(2);
    let says = n1.hears("n3@2→n1 vote granted").says();
    assert!(n1.is_leader());
    assert_eq!(
        says,
        ["n1@2→n2 AppendEntries prev=2@1 [] commit=0", "n1@2→n3 AppendEntries prev=2@1 [] commit=0"]
    );
}

/// §5.2: a winner's heartbeats "establish its authority and prevent new elections".
#[test]
fn a_winners_heartbeat_establishes_its_authority_and_prevents_new_elections() {
    for mut n1 in [node(1).in_term(1), node(1).in_term(2), node(1).candidate_of(2)] {
        let reaction = n1.hears("n2@2→n1 AppendEntries prev=0@0 [] commit=0");
        assert!(reaction.restarts_the_election_timer());
        assert_eq!(n1.is_asked('x').answers(), ["not leader, try n2"]);
    }
}

/// §5.2: "If the leader's term (included in its RPC) is at least as large as the candidate's current term, then the candidate
/// recognizes the leader as legitimate and returns to follower state."
#[test]
fn a_candidate_recognises_a_leader_of_its_term_or_a_later_one() {
    for term in [3, 4] {
        let mut n1 = node(1).candidate_of(3);
        let request = format!("n2@{term}→n1 AppendEntries prev=0@0 [] commit=0");
        assert_eq!(n1.hears(&request).says(), [format!("n1@{term}→n2 matched 0")]);
        assert!(n1.is_follower());
    }
}

/// §5.2: "If the term in the RPC is smaller than the candidate's current term, then the candidate rejects the RPC and continues in
/// candidate state."
#[test]
fn a_candidate_rejects_a_leader_of_an_earlier_term_and_continues() {
    let mut n1 = node(1).candidate_of(3);
    let request = "n2@2→n1 AppendEntries prev=0@0 [1@2] commit=1";
    assert_eq!(n1.hears(request).says(), ["n1@3→n2 higher term"]);
    assert!(n1.is_candidate());
    assert_eq!((n1.log(), n1.commit_index()), (vec![], 0));
}

/// §5.2: "if many followers become candidates at the same time, votes could be split so that no candidate obtains a majority".
#[test]
fn split_votes_elect_nobody() {
    for count in 2..=7 {
        let mut all = cluster(count);
        for number in 1..=count {
            all.let_server(number, Server::times_out);
        }
        all.settles();
        assert_eq!(all.leaders(), [0; 0], "one vote each of {count}");
    }
    for half in 1..=3 {
        let mut all = cluster(2 * half);
        all.let_server(1, Server::times_out);
        all.let_server(half + 1, Server::times_out);
        for voter in 2..=half {
            all.deliver(1, voter);
            all.deliver(half + 1, half + voter);
        }
        all.settles();
        assert_eq!(all.leaders(), [0; 0], "{half} votes each of {}", 2 * half);
    }
}

/// §5.2: after a split vote "each candidate will time out and start a new election by incrementing its term and initiating another
/// round of RequestVote RPCs".
#[test]
fn after_a_split_vote_each_candidate_starts_a_new_election() {
    let mut three = cluster(3);
    for candidate in [1, 2, 3] {
        three.let_server(candidate, Server::times_out);
    }
    three.settles();
    assert_eq!(three.all().filter(|server| server.is_candidate()).count(), 3);
    let again = three.let_server(2, Server::times_out).says();
    assert_eq!(again, ["n2@2→n1 RequestVote last=0@0", "n2@2→n3 RequestVote last=0@0"]);
    three.settles();
    assert_eq!(three.leaders(), [2]);
}

/// §5.2: "Each candidate restarts its randomized election timeout at the start of an election".
#[test]
fn a_candidate_restarts_its_election_timer_at_the_start_of_an_election() {
    let mut n1 = node(1);
    assert!(n1.times_out().restarts_the_election_timer(), "the first");
    assert!(n1.times_out().restarts_the_election_timer(), "and the next");
}

/// §5.2: "in most cases only a single server will time out; it wins the election and sends heartbeats before any other servers time
/// out".
#[test]
fn a_single_server_that_times_out_wins() {
    for first in 1..=5 {
        let mut five = cluster(5);
        let said = five.campaign(first);
        assert_eq!(five.leaders(), [first]);
        assert!(!said.iter().any(|line| line.ends_with("vote denied")));
    }
}
