//! §8, Client interaction: as far as it is the protocol's. How a read proceeds, step by step, is in `thesis.rs`.

use crate::cluster::cluster;
use crate::server::{Server, node};

/// The leader of term 1 among five, all of whom have its no-op.
fn leader_of_five() -> Server {
    let mut n1 = node(1).of(5).leader_of(1);
    for follower in [2, 3, 4, 5] {
        n1.hears(&format!("n{follower}@1→n1 matched 1"));
    }
    n1
}

/// §8: "that server will reject the client's request and supply information about the most recent leader it has heard from".
#[test]
fn a_follower_rejects_a_command_and_names_the_leader() {
    assert_eq!(node(2).in_term(1).following(3).is_asked('x').answers(), ["not leader, try n3"]);
    assert_eq!(node(2).in_term(1).is_asked('x').answers(), ["not leader"]);
}

/// §8: clients send their requests to the leader. Departure: not their reads; a follower passes them on, and a server that knows no
/// leader says so.
#[test]
fn a_follower_passes_a_read_on_and_whoever_knows_no_leader_says_so() {
    let reaction = node(2).in_term(1).following(3).is_asked_to_read(5);
    assert_eq!((reaction.says(), reaction.answers()), (vec!["n2@1→n3 ReadIndex r5".to_owned()], vec![]));
    for mut server in [node(2), node(2).candidate_of(1)] {
        let reaction = server.is_asked_to_read(5);
        assert_eq!((reaction.says(), reaction.answers()), (vec![], vec!["cannot read r5".to_owned()]));
    }
}

/// §8: a client whose leader crashes after it committed the command retries, "causing it to be executed a second time"; it needs to know
/// first. What became of its command can be asked of any server that knows it to be decided.
#[test]
fn what_became_of_a_command_can_be_asked_once_its_place_is_decided() {
    use seaworthy_protocol::{Index, LogId, Outcome, Term};
    let proposal = LogId { term: Term(1), index: Index(2) };
    let mut n1 = node(1).leader_of(1);
    n1.is_asked('x');
    assert_eq!(n1.node.outcome(proposal), Outcome::Pending);
    let (mut kept, mut replaced) =
        (node(1).with_log([1, 1]).following(2), node(1).with_log([1, 2]).following(2));
    assert_eq!(kept.node.outcome(proposal), Outcome::Unknown, "it does not lead");
    assert_eq!(
        replaced.node.outcome(proposal),
        Outcome::Unknown,
        "who has another entry there knows nothing either"
    );
    kept.hears("n2@1→n1 AppendEntries prev=2@1 [] commit=2");
    replaced.hears("n2@2→n1 AppendEntries prev=2@2 [] commit=2");
    assert_eq!(kept.node.outcome(proposal), Outcome::Committed);
    assert_eq!(replaced.node.outcome(proposal), Outcome::NotCommitted);
    kept.compacts("2@1/4#1", 2);
    assert_eq!(kept.node.outcome(proposal), Outcome::Committed, "the last that is compacted is known");
    kept.hears("n2@1→n1 AppendEntries prev=2@1 [3@1] commit=3");
    kept.compacts("3@1/4#2", 3);
    assert_eq!(kept.node.outcome(proposal), Outcome::Unknown, "known from a snapshot alone");
}

/// §8: "Read-only operations can be handled without writing anything into the log."
#[test]
fn a_read_writes_nothing() {
    let mut n1 = leader_of_five();
    let before = n1.on_disk();
    n1.is_asked_to_read(1);
    n1.replicates();
    n1.hears("n2@1→n1 following in round 1");
    let done = n1.hears("n3@1→n1 following in round 1");
    assert_eq!((done.answers(), done.writes()), (vec!["readable r1 at 1".to_owned()], vec![]));
    assert_eq!(n1.on_disk(), before);
}

/// §8: "this would run the risk of returning stale data, since the leader responding to the request might have been superseded by a
/// newer leader of which it is unaware".
#[test]
fn a_leader_that_has_been_superseded_answers_no_read() {
    let mut three = cluster(3);
    three.campaign(1);
    three.away([1]);
    three.campaign(2);
    three.propose(2, 'x');
    assert_eq!(three.leaders(), [1, 2]);
    assert_eq!(three.let_server(1, |n1| n1.is_asked_to_read(1)).answers(), [""; 0]);
    three.let_server(1, Server::replicates);
    three.away([]);
    while let Some(reaction) = three.deliver_next() {
        assert_eq!(reaction.answers(), [""; 0], "n1 would miss x");
    }
    assert_eq!(three.leaders(), [2]);
}

/// §8: a leader "may not know which those are", the committed entries, at the start of its term; "it needs to commit an entry from its
/// term", the no-op. Departure: until then a read must see all that the leader holds, in which all that is committed lies.
#[test]
fn before_its_no_op_is_committed_a_leader_does_not_know_what_is() {
    let mut n1 = node(1).with_log([1, 1]).leader_of(2);
    n1.is_asked_to_read(1);
    n1.replicates();
    assert_eq!(n1.commit_index(), 0);
    assert_eq!(n1.hears("n2@2→n1 following in round 1").answers(), ["readable r1 at 3"], "up to the no-op");
    n1.hears("n2@2→n1 matched 3");
    n1.is_asked('x');
    n1.is_asked_to_read(2);
    n1.replicates();
    assert_eq!(n1.hears("n2@2→n1 following in round 2").answers(), ["readable r2 at 3"], "without x");
}

/// §8: each leader commits "a blank no-op entry into the log at the start of its term": that of an earlier term will not do, even if it
/// is known to be committed.
#[test]
fn what_an_earlier_leader_committed_is_not_all_that_is() {
    let mut n1 = node(1).with_log([1, 1]).following(3);
    n1.hears("n3@1→n1 AppendEntries prev=2@1 [] commit=1");
    n1.times_out();
    n1.hears("n2@2→n1 vote granted");
    assert_eq!((n1.is_leader(), n1.commit_index()), (true, 1));
    n1.is_asked_to_read(1);
    n1.replicates();
    assert_eq!(
        n1.hears("n2@2→n1 following in round 1").answers(),
        ["readable r1 at 3"],
        "2 may be committed"
    );
}

/// §8: "a leader must check whether it has been deposed before processing a read-only request": it exchanges "heartbeat messages with a
/// majority of the cluster before responding". Departure: with a message of its own, so that an answer tells to which round it belongs.
#[test]
fn a_read_is_answered_after_a_round_with_a_majority() {
    let mut n1 = leader_of_five();
    assert_eq!(n1.is_asked_to_read(1).says(), [""; 0]);
    let said = n1.replicates().says();
    assert_eq!(said, ["n2", "n3", "n4", "n5"].map(|peer| format!("n1@1→{peer} ReadRound 1")));
    assert_eq!(n1.hears("n2@1→n1 following in round 1").answers(), [""; 0], "two of five");
    assert_eq!(n1.hears("n4@1→n1 following in round 1").answers(), ["readable r1 at 1"], "three of five");
    assert_eq!(n1.hears("n5@1→n1 following in round 1").answers(), [""; 0], "nobody waits any more");
}

/// §8: a majority: one server that answers twice is one server.
#[test]
fn an_answer_to_a_round_that_arrives_twice_counts_once() {
    let mut n1 = leader_of_five();
    n1.is_asked_to_read(1);
    n1.replicates();
    n1.hears("n2@1→n1 following in round 1");
    assert_eq!(n1.hears("n2@1→n1 following in round 1").answers(), [""; 0]);
}

/// §8: a read must see what was committed before it was asked; so whatever was said before it was asked proves nothing for it.
#[test]
fn an_answer_to_an_earlier_round_proves_nothing() {
    let mut n1 = node(1).leader_of(1);
    n1.hears("n2@1→n1 matched 1");
    n1.is_asked_to_read(1);
    n1.replicates();
    n1.hears("n2@1→n1 following in round 1");
    n1.is_asked_to_read(2);
    assert_eq!(n1.hears("n3@1→n1 following in round 1").answers(), [""; 0], "late, and no round runs");
    n1.replicates();
    assert_eq!(n1.hears("n3@1→n1 following in round 1").answers(), [""; 0], "of the round before");
    assert_eq!(n1.hears("n3@1→n1 following in round 2").answers(), ["readable r2 at 1"]);
    assert_eq!(n1.hears("n2@1→n1 matched 1").answers(), [""; 0]);
}

/// §8: "clients to assign unique serial numbers to every command", so that one that comes twice is noticed. Departure: commands are the
/// state machine's; it is reads that bear one here, and one that comes late or twice begins no round.
#[test]
fn a_read_that_comes_late_or_twice_begins_no_round() {
    let mut n1 = node(1).leader_of(1);
    n1.hears("n2@1→n1 matched 1");
    n1.hears("n3@1→n1 matched 1");
    n1.hears("n2@1→n1 ReadIndex r5");
    assert_eq!(n1.replicates().says().len(), 2);
    assert_eq!(n1.hears("n3@1→n1 following in round 1").says(), ["n1@1→n2 readable r5 at 1"]);
    for old in ["r5", "r4"] {
        n1.hears(&format!("n2@1→n1 ReadIndex {old}"));
        assert_eq!(n1.replicates().says(), [""; 0], "{old}");
    }
    n1.hears("n3@1→n1 ReadIndex r4");
    assert_eq!(n1.replicates().says().len(), 2, "another server's fourth");
}

/// §8: a majority of one is the leader.
#[test]
fn a_leader_alone_answers_reads_at_once() {
    let mut n1 = node(1).of(1).leader_of(1);
    n1.is_asked_to_read(1);
    let reaction = n1.replicates();
    assert_eq!((reaction.answers(), reaction.says()), (vec!["readable r1 at 1".to_owned()], vec![]));
}
