//! §5.1, Raft basics: servers, terms, and the two kinds of requests.

use crate::cluster::{Cluster, cluster};
use crate::server::{Reaction, Server, node};
use seaworthy_protocol::Message;

/// §5.1: five servers are a typical cluster, "which allows the system to tolerate two failures".
#[test]
fn five_servers_tolerate_two_failures_and_not_three() {
    let mut five = cluster(5);
    five.away([4, 5]);
    five.campaign(1);
    five.propose(1, 'x');
    assert_eq!(five.server(1).commit_index(), 2, "the no-op and x");
    five.away([3, 4, 5]);
    five.propose(1, 'y');
    assert_eq!(five.server(1).commit_index(), 2);
}

/// §5.1: "At any given time each server is in one of three states: leader, follower, or candidate."
#[test]
fn a_server_is_a_follower_or_a_candidate_or_a_leader() {
    let mut n1 = node(1);
    assert_eq!((n1.is_follower(), n1.is_candidate(), n1.is_leader()), (true, false, false));
    n1.times_out();
    assert_eq!((n1.is_follower(), n1.is_candidate(), n1.is_leader()), (false, true, false));
    n1.hears("n2@1→n1 vote granted");
    assert_eq!((n1.is_follower(), n1.is_candidate(), n1.is_leader()), (false, false, true));
}

/// §5.1: "In normal operation there is exactly one leader and all of the other servers are followers."
#[test]
fn in_normal_operation_one_server_leads_and_all_others_follow() {
    let mut five = cluster(5);
    five.campaign(2);
    five.propose(2, 'x');
    five.heartbeat(2);
    assert_eq!(five.leaders(), [2]);
    assert_eq!(five.all().filter(|server| server.is_follower()).count(), 4);
}

/// §5.1: followers "issue no requests on their own but simply respond to requests from leaders and candidates".
#[test]
fn followers_are_passive() {
    let mut n1 = node(1).with_log([1]).following(2);
    assert_eq!(n1.heartbeats().says(), [""; 0]);
    assert_eq!(n1.replicates().says(), [""; 0]);
    assert_eq!(n1.is_asked('x').says(), [""; 0]);
    assert_eq!(n1.hears("n2@1→n1 AppendEntries prev=1@1 [] commit=1").says(), ["n1@1→n2 matched 1"]);
    assert_eq!(n1.hears("n3@2→n1 RequestVote last=1@1").says(), ["n1@2→n3 vote granted"]);
}

/// §5.1: "The leader handles all client requests (if a client contacts a follower, the follower redirects it to the leader)."
#[test]
fn the_leader_handles_client_requests_and_a_follower_redirects_them() {
    assert_eq!(node(1).leader_of(1).is_asked('x').answers(), ["appended 2@1"]);
    assert_eq!(node(1).in_term(1).following(2).is_asked('x').answers(), ["not leader, try n2"]);
}

/// §5.1: terms "are numbered with consecutive integers".
#[test]
fn terms_are_consecutive_integers() {
    let mut n1 = node(1);
    let terms = [(); 4].map(|()| {
        n1.times_out();
        n1.term()
    });
    assert_eq!(terms, [1, 2, 3, 4]);
}

/// §5.1: "Each term begins with an election": nothing else that a server does by itself begins one.
#[test]
fn each_term_begins_with_an_election() {
    let mut leader = node(1).leader_of(2);
    leader.heartbeats();
    leader.is_asked('x');
    leader.replicates();
    assert_eq!(leader.term(), 2);
    let mut follower = node(1).in_term(2);
    follower.heartbeats();
    follower.is_asked('x');
    assert_eq!(follower.term(), 2);
    assert_eq!(follower.times_out().says(), ["n1@3→n2 RequestVote last=0@0", "n1@3→n3 RequestVote last=0@0"]);
}

/// §5.1: "If a candidate wins the election, then it serves as leader for the rest of the term."
#[test]
fn a_winner_serves_as_leader_for_the_rest_of_its_term() {
    let mut n1 = node(1).of(5).with_log([1]).leader_of(3);
    n1.times_out();
    n1.hears("n4@3→n1 vote denied");
    n1.hears("n5@3→n1 RequestVote last=1@1");
    n1.hears("n5@2→n1 AppendEntries prev=0@0 [] commit=0");
    n1.hears("n2@3→n1 conflict at 1 hint=0@0");
    assert!(n1.is_leader());
    assert_eq!(n1.term(), 3);
}

/// §5.1: after "a split vote", "the term will end with no leader; a new term (with a new election) will begin shortly".
#[test]
fn a_split_vote_ends_a_term_without_a_leader_and_a_new_term_begins() {
    let mut four = cluster(4);
    four.let_server(1, Server::times_out);
    four.let_server(2, Server::times_out);
    four.deliver(1, 3);
    four.deliver(2, 4);
    four.settles();
    assert_eq!(four.all().map(Server::vote).collect::<Vec<_>>(), [Some(1), Some(2), Some(1), Some(2)]);
    assert_eq!(four.leaders(), [0; 0]);
    four.campaign(1);
    assert_eq!((four.leaders(), four.server(1).term()), (vec![1], 2));
}

/// §5.1: "in some situations a server may not observe an election or even entire terms".
#[test]
fn a_server_may_miss_whole_terms() {
    let mut n1 = node(1).in_term(1).following(2);
    n1.hears("n3@7→n1 AppendEntries prev=0@0 [] commit=0");
    assert_eq!((n1.term(), n1.is_follower()), (7, true));
}

/// §5.1: terms "allow servers to detect obsolete information such as stale leaders".
#[test]
fn a_stale_leader_is_detected_by_its_term() {
    let mut three = cluster(3);
    three.campaign(1);
    three.away([1]);
    three.campaign(2);
    assert_eq!(three.leaders(), [1, 2], "one of term 1, who does not know, and one of term 2");
    three.away([2]);
    let said = three.heartbeat(1);
    assert!(said.contains(&"n3@2→n1 higher term".to_owned()), "{said:?}");
    assert_eq!(three.leaders(), [2]);
}

/// §5.1: a current term "increases monotonically over time".
#[test]
fn a_current_term_never_decreases() {
    let mut n1 = node(1).in_term(3);
    for message in [
        "RequestVote last=0@0",
        "AppendEntries prev=0@0 [] commit=0",
        "vote granted",
        "matched 0",
        "higher term",
    ] {
        n1.hears(&format!("n2@2→n1 {message}"));
        assert_eq!(n1.term(), 3, "{message}");
    }
    n1.crashes_and_restarts();
    assert_eq!(n1.term(), 3);
}

/// §5.1: "Current terms are exchanged whenever servers communicate".
#[test]
fn every_message_tells_its_senders_current_term() {
    let mut three = cluster(3);
    let check = |three: &Cluster, reaction: &Reaction| {
        for packet in reaction.0.sink.now.iter().chain(&reaction.0.sink.after_writes) {
            assert_eq!(packet.term, three.server(packet.from.get()).node.current_term());
        }
    };
    let campaign = three.let_server(1, Server::times_out);
    check(&three, &campaign);
    let mut messages = 0;
    while let Some(reaction) = three.deliver_next() {
        check(&three, &reaction);
        messages += 1;
    }
    assert_eq!(messages, 8, "to two servers each: a request, a vote, a heartbeat, an acknowledgement");
}

/// §5.1: "if one server's current term is smaller than the other's, then it updates its current term to the larger value".
#[test]
fn the_smaller_term_is_updated_to_the_larger_by_requests_and_by_replies() {
    for message in [
        "RequestVote last=0@0",
        "vote granted",
        "vote denied",
        "AppendEntries prev=0@0 [] commit=0",
        "AppendEntries prev=9@1 [] commit=0",
        "matched 0",
        "conflict at 1 hint=0@0",
        "higher term",
    ] {
        let mut n1 = node(1).in_term(1);
        n1.hears(&format!("n2@5→n1 {message}"));
        assert_eq!(n1.term(), 5, "{message}");
        assert!(n1.on_disk().starts_with("term=5"), "{message}");
    }
}

/// §5.1: "If a candidate ... discovers that its term is out of date, it immediately reverts to follower state."
#[test]
fn a_candidate_whose_term_is_out_of_date_reverts_to_follower() {
    for message in
        ["RequestVote last=0@0", "vote denied", "AppendEntries prev=0@0 [] commit=0", "higher term"]
    {
        let mut n1 = node(1).candidate_of(2);
        n1.hears(&format!("n2@3→n1 {message}"));
        assert!(n1.is_follower(), "{message}");
    }
}

/// §5.1: "If a ... leader discovers that its term is out of date, it immediately reverts to follower state."
#[test]
fn a_leader_whose_term_is_out_of_date_reverts_to_follower() {
    for message in ["RequestVote last=0@0", "AppendEntries prev=0@0 [] commit=0", "matched 1", "higher term"]
    {
        let mut n1 = node(1).leader_of(2);
        n1.hears(&format!("n2@3→n1 {message}"));
        assert!(n1.is_follower(), "{message}");
        assert_eq!(n1.is_asked('x').answers().len(), 1, "it serves no client any more");
        assert_eq!(n1.log(), [2], "{message}");
    }
}

/// §5.1: "If a server receives a request with a stale term number, it rejects the request." Departure: with one message for both
/// kinds of requests, which says no more than the newer term, instead of `false` in a reply of each kind.
#[test]
fn a_request_with_a_stale_term_is_rejected() {
    for request in ["RequestVote last=9@1", "AppendEntries prev=0@0 [1@1 2@1] commit=2"] {
        let mut n1 = node(1).in_term(3);
        assert_eq!(n1.hears(&format!("n2@2→n1 {request}")).says(), ["n1@3→n2 higher term"]);
        assert_eq!(n1.node.to_string(), "n1@3 follower log=[] commit=0", "and does nothing else");
    }
}

/// §5.1: "RequestVote RPCs are initiated by candidates during elections", "AppendEntries RPCs are initiated by leaders".
#[test]
fn candidates_alone_ask_for_votes_and_leaders_alone_append() {
    type Act = fn(&mut Server) -> Reaction;
    let acts: [Act; 4] =
        [Server::times_out, Server::heartbeats, Server::replicates, |server| server.is_asked('x')];
    let servers: [fn() -> Server; 3] =
        [|| node(1).in_term(2), || node(1).candidate_of(2), || node(1).leader_of(2)];
    for (act, server) in acts.iter().flat_map(|act| servers.map(|server| (act, server))) {
        let mut server = server();
        let reaction = act(&mut server);
        for packet in reaction.0.sink.now.iter().chain(&reaction.0.sink.after_writes) {
            match packet.message {
                Message::RequestVote { .. } => assert!(server.is_candidate()),
                Message::AppendEntries { .. } => assert!(server.is_leader()),
                Message::RequestVoteReply { .. }
                | Message::PreVoteGranted
                | Message::AppendEntriesReply(_)
                | Message::InstallSnapshotReply { .. }
                | Message::ReadIndexReply { .. }
                | Message::ReadRoundReply { .. }
                | Message::HigherTerm => panic!("an answer without a question"),
                Message::PreVote { .. } => panic!("§5 has no pre-vote"),
                Message::InstallSnapshot(_) => panic!("nothing is compacted"),
                Message::ReadIndex { .. } | Message::ReadRound { .. } => panic!("nobody reads"),
                Message::TimeoutNow => panic!("nobody hands the leadership over"),
            }
        }
    }
}

/// §5.1: "Servers retry RPCs if they do not receive a response in a timely manner": a leader at its next heartbeat.
#[test]
fn a_leader_retries_what_was_not_answered() {
    let mut n1 = node(1).leader_of(1);
    let lost = n1.heartbeats().says();
    assert_eq!(lost[0], "n1@1→n2 AppendEntries prev=0@0 [1@1:-] commit=0");
    assert_eq!(n1.heartbeats().says(), lost);
}

/// §5.1: "Servers retry RPCs if they do not receive a response in a timely manner". Departure: a candidate does not ask again within
/// its term; it asks everyone anew when its election timer elapses, in the next term.
#[test]
fn a_candidate_asks_again_in_its_next_term() {
    let mut n1 = node(1).candidate_of(1);
    assert_eq!(n1.heartbeats().says(), [""; 0]);
    assert_eq!(n1.times_out().says(), ["n1@2→n2 RequestVote last=0@0", "n1@2→n3 RequestVote last=0@0"]);
}

/// §5.1: servers "issue RPCs in parallel": to all others in one step, without waiting for one's answer before the next.
#[test]
fn requests_to_all_others_are_issued_in_parallel() {
    assert_eq!(node(1).of(5).times_out().says().len(), 4);
    assert_eq!(node(1).of(5).leader_of(1).heartbeats().says().len(), 4);
}
