//! What the protocol takes from Ongaro's dissertation: leadership transfer (§3.10) and reads without the log (§6.4), step by step.

use crate::cluster::cluster;
use crate::server::{Server, node};

/// The leader of term 1 among three; both others have its no-op.
fn leader() -> Server {
    let mut n1 = node(1).leader_of(1);
    n1.hears("n2@1→n1 matched 1");
    n1.hears("n3@1→n1 matched 1");
    n1
}

/// A leader with two reads of its own and one of n2, and a round for them on its way.
fn leader_in_a_round() -> Server {
    let mut n1 = leader();
    n1.is_asked_to_read(1);
    n1.is_asked_to_read(2);
    n1.hears("n2@1→n1 ReadIndex r7");
    assert_eq!(n1.replicates().says(), ["n1@1→n2 ReadRound 1", "n1@1→n3 ReadRound 1"]);
    n1
}

/// Thesis §3.10, 1: "The prior leader stops accepting new client requests."
#[test]
fn a_leader_in_transfer_stops_accepting_commands() {
    let mut n1 = leader();
    n1.is_told_to_transfer_to(2);
    let reaction = n1.is_asked('x');
    assert_eq!((reaction.answers(), reaction.writes()), (vec!["transferring to n2".to_owned()], vec![]));
}

/// Thesis §3.10, 1, of requests to commit something. Departure: it goes on answering reads, which delay nothing.
#[test]
fn a_leader_in_transfer_goes_on_answering_reads() {
    let mut n1 = leader();
    n1.is_told_to_transfer_to(2);
    n1.is_asked_to_read(1);
    n1.replicates();
    assert_eq!(n1.hears("n3@1→n1 following in round 1").answers(), ["readable r1 at 1"]);
}

/// Thesis §3.10, 2: "The prior leader fully updates the target server's log to match its own, using the normal log replication
/// mechanism".
#[test]
fn a_leader_brings_the_target_up_to_date_first() {
    let mut n1 = leader();
    n1.is_asked('x');
    assert_eq!(n1.is_told_to_transfer_to(2).says(), [""; 0]);
    let said = n1.replicates().says();
    assert_eq!(said[0], "n1@1→n2 AppendEntries prev=1@1 [2@1:x] commit=1");
    assert_eq!(n1.hears("n3@1→n1 matched 2").says(), [""; 0], "not the target");
    assert_eq!(n1.hears("n2@1→n1 matched 2").says(), ["n1@1→n2 TimeoutNow"]);
}

/// Thesis §3.10, 3: "The prior leader sends a TimeoutNow request to the target server."
#[test]
fn a_leader_tells_a_target_that_lacks_nothing_at_once() {
    let reaction = leader().is_told_to_transfer_to(2);
    assert_eq!(reaction.says_at_once(), ["n1@1→n2 TimeoutNow"]);
    assert_eq!(reaction.answers(), [""; 0]);
}

/// Thesis §3.10, 3: TimeoutNow "has the same effect as the target server's election timer firing: the target server starts a new
/// election (incrementing its term and becoming a candidate)". Also where an election timer that fires begins with a pre-vote.
#[test]
fn a_target_starts_an_election_without_asking_first() {
    let mut n2 = node(2).with_log([1]).following(1).extended_as_in_the_thesis();
    let reaction = n2.hears("n1@1→n2 TimeoutNow");
    assert_eq!(reaction.says(), ["n2@2→n1 RequestVote last=1@1", "n2@2→n3 RequestVote last=1@1"]);
    assert_eq!((n2.is_candidate(), n2.term(), n2.vote()), (true, 2, Some(2)));
    assert!(reaction.restarts_the_election_timer());
}

/// Thesis §3.10: the target's "next message to the prior leader will include its new term number, causing the prior leader to step down.
/// At this point, leadership transfer is complete."
#[test]
fn a_transfer_is_complete_when_the_prior_leader_steps_down() {
    let mut three = cluster(3);
    three.campaign(1);
    three.propose(1, 'x');
    three.let_server(1, |n1| n1.is_told_to_transfer_to(3));
    three.settles();
    assert_eq!(three.leaders(), [3]);
    assert_eq!(three.server(3).term(), 2);
    assert_eq!(three.server(3).entries(), "[1@1:- 2@1:x 3@2:-]");
    assert_eq!(three.propose(3, 'y')[0], "n3@2→n1 AppendEntries prev=3@2 [4@2:y] commit=3");
}

/// Thesis §3.10: a request that is lost is repeated with each heartbeat; one that comes late is of a past term.
#[test]
fn timeout_now_is_repeated_until_the_term_is_over() {
    let mut n1 = leader();
    n1.is_told_to_transfer_to(2);
    assert_eq!(n1.heartbeats().says().last().unwrap(), "n1@1→n2 TimeoutNow");
    let mut n2 = node(2).in_term(2);
    assert_eq!(n2.hears("n1@1→n2 TimeoutNow").says(), [""; 0]);
    assert_eq!(n2.term(), 2);
}

/// Thesis §3.10: "If leadership transfer does not complete after about an election timeout, the prior leader aborts the transfer and
/// resumes accepting client requests."
#[test]
fn a_transfer_that_takes_an_election_timeout_is_given_up() {
    let mut n1 = leader();
    assert!(n1.is_told_to_transfer_to(2).restarts_the_election_timer(), "so that it is a whole one");
    n1.times_out();
    assert!(n1.is_leader());
    assert_eq!(n1.is_asked('x').answers(), ["appended 2@1"]);
    assert!(!n1.hears("n2@1→n1 matched 2").says().contains(&"n1@1→n2 TimeoutNow".to_owned()));
}

/// Thesis §3.10: "about an election timeout", which begins with the transfer: who asks for the same again and again must not keep a
/// leader from looking for its majority.
#[test]
fn a_transfer_that_is_asked_for_again_takes_no_longer() {
    let mut n1 = leader();
    assert!(n1.is_told_to_transfer_to(2).restarts_the_election_timer());
    assert!(!n1.is_told_to_transfer_to(2).restarts_the_election_timer());
    assert!(n1.is_told_to_transfer_to(3).restarts_the_election_timer(), "another takes a time of its own");
    assert_eq!(n1.node.transfers_to().map(|target| target.get()), Some(3), "the last one counts");
    n1.times_out();
    assert!(n1.is_told_to_transfer_to(2).restarts_the_election_timer(), "a new one");
}

/// Thesis §3.10, 3: one "TimeoutNow request to the target server", when it is up to date: what others acknowledge says nothing about it.
#[test]
fn an_acknowledgement_of_another_server_sends_no_timeout_now() {
    let mut n1 = leader();
    n1.is_asked('x');
    n1.is_told_to_transfer_to(2);
    n1.replicates();
    assert_eq!(n1.hears("n2@1→n1 matched 2").says(), ["n1@1→n2 TimeoutNow"]);
    assert_eq!(n1.hears("n3@1→n1 matched 2").says(), [""; 0]);
}

/// Thesis §3.10: the target is another server, and only a leader has something to transfer.
#[test]
fn a_transfer_is_from_a_leader_to_another_server() {
    assert_eq!(leader().is_told_to_transfer_to(1).answers(), ["cannot transfer to n1"]);
    assert_eq!(leader().is_told_to_transfer_to(4).answers(), ["cannot transfer to n4"]);
    assert_eq!(node(2).in_term(1).following(1).is_told_to_transfer_to(3).answers(), ["not leader, try n1"]);
    let fault = ["n2 claims to lead a term that has another leader"];
    assert_eq!(leader().hears_nonsense("n2@1→n1 TimeoutNow"), fault);
    assert_eq!(node(3).in_term(1).following(1).hears_nonsense("n2@1→n3 TimeoutNow"), fault);
}

/// Thesis §3.10, of a leader that should not lead any more. Departure: one whose disk refuses writes steps down at once, and tells an
/// heir that has its whole log.
#[test]
fn a_leader_that_cannot_write_steps_down_and_tells_an_heir_that_has_its_whole_log() {
    let mut n1 = leader();
    assert_eq!(n1.cannot_write(Some(2)).says(), ["n1@1→n2 TimeoutNow"]);
    assert!(n1.is_follower());
    let mut n1 = leader();
    n1.is_asked('x');
    assert_eq!(n1.cannot_write(Some(2)).says(), [""; 0], "n2 lacks x");
    assert!(n1.is_follower());
    assert_eq!(leader().cannot_write(None).says(), [""; 0]);
    let mut n2 = node(2).in_term(1).following(1);
    assert_eq!(n2.cannot_write(Some(3)).says(), [""; 0], "who does not lead has nothing to hand over");
}

/// Thesis §6.4, 1: "If the leader has not yet marked an entry from its current term committed, it waits until it has done so." Departure:
/// it does not wait; the read waits for the state machine to apply all that the leader holds.
#[test]
fn read_index_1_before_its_first_commit_a_leader_names_its_last_entry() {
    let mut n1 = node(1).with_log([1]).leader_of(2);
    n1.is_asked('x');
    n1.is_asked_to_read(1);
    n1.replicates();
    assert_eq!(n1.hears("n3@2→n1 following in round 1").answers(), ["readable r1 at 3"]);
}

/// Thesis §6.4, 2: "The leader saves its current commit index in a local variable readIndex." Departure: it takes it at the end of the
/// round, which is later and as true, and saves nothing.
#[test]
fn read_index_2_is_the_commit_index() {
    let mut n1 = leader();
    n1.is_asked_to_read(1);
    n1.is_asked('x');
    n1.is_asked('y');
    n1.replicates();
    n1.hears("n3@1→n1 matched 2");
    assert_eq!(n1.hears("n3@1→n1 following in round 1").answers(), ["readable r1 at 2"], "x is, y is not");
}

/// Thesis §6.4, 3: the leader "issues a new round of heartbeats and waits for their acknowledgments from a majority of the cluster".
#[test]
fn read_index_3_followers_of_the_leader_and_nobody_else_acknowledge_the_round() {
    let mut n2 = node(2).in_term(1);
    let reaction = n2.hears("n1@1→n2 ReadRound 4");
    assert_eq!(reaction.says_at_once(), ["n2@1→n1 following in round 4"]);
    assert!(reaction.restarts_the_election_timer(), "it is a sign of life");
    assert_eq!(n2.node.leader().map(|leader| leader.get()), Some(1));
    let mut deposed = node(2).in_term(2);
    assert_eq!(deposed.hears("n1@1→n2 ReadRound 4").says(), ["n2@2→n1 higher term"]);
    let mut candidate = node(2).candidate_of(1);
    assert_eq!(candidate.hears("n1@1→n2 ReadRound 4").says(), ["n2@1→n1 following in round 4"]);
    assert!(candidate.is_follower());
    let fault = ["n3 claims to lead a term that has another leader"];
    assert_eq!(n2.hears_nonsense("n3@1→n2 ReadRound 4"), fault);
    assert_eq!(leader().hears_nonsense("n3@1→n1 ReadRound 4"), fault);
}

/// Thesis §6.4, 3: an acknowledgement asserts the follower's term, which is on its disk before it leaves.
#[test]
fn read_index_3_an_acknowledgement_waits_until_the_term_is_durable() {
    let mut n2 = node(2).in_term(1).with_slow_disk();
    let reaction = n2.hears("n1@3→n2 ReadRound 4");
    assert_eq!(reaction.says_at_once(), [""; 0]);
    assert_eq!(reaction.says_after_writes(), ["n2@3→n1 following in round 4"]);
}

/// Thesis §6.4, 3: what is lost is asked again, with the next heartbeat, of those who have not answered.
#[test]
fn read_index_3_a_round_is_repeated_with_each_heartbeat() {
    let mut n1 = node(1).of(5).leader_of(1);
    n1.is_asked_to_read(1);
    n1.replicates();
    n1.hears("n3@1→n1 following in round 1");
    let said = n1.heartbeats().says();
    let asked: Vec<_> =
        said.iter().filter(|line| line.ends_with("ReadRound 1")).map(|line| &line[7..9]).collect();
    assert_eq!(asked, ["n2", "n4", "n5"]);
}

/// Thesis §6.4, 3: an acknowledgement of a round that the leader never began is nonsense.
#[test]
fn read_index_3_a_round_that_never_began_has_no_answer() {
    let fault = ["n2 answered about entries it was never sent"];
    assert_eq!(leader_in_a_round().hears_nonsense("n2@1→n1 following in round 2"), fault);
}

/// Thesis §6.4, 4 and 5: "The leader waits for its state machine to advance at least as far as the readIndex", and "issues the query".
/// Departure: both are the driver's. The answer says how far, and a read's answer stands for all before it.
#[test]
fn read_index_4_the_answer_says_how_far_the_state_machine_must_have_advanced() {
    let done = leader_in_a_round().hears("n3@1→n1 following in round 1");
    assert_eq!(done.answers(), ["readable r2 at 1"], "r1 too");
    assert_eq!(done.says(), ["n1@1→n2 readable r7 at 1"]);
}

/// Thesis §6.4: a leader "can use a single round of heartbeats for any number of read-only queries that it has accumulated". What comes
/// while a round runs waits for the next.
#[test]
fn one_round_is_for_any_number_of_reads() {
    let mut n1 = leader_in_a_round();
    for read in 3..1000 {
        n1.is_asked_to_read(read);
        assert_eq!(n1.replicates().says(), [""; 0], "one round at a time");
    }
    assert_eq!(n1.hears("n3@1→n1 following in round 1").answers(), ["readable r2 at 1"], "and none later");
    assert_eq!(n1.replicates().says(), ["n1@1→n2 ReadRound 2", "n1@1→n3 ReadRound 2"]);
    assert_eq!(n1.hears("n3@1→n1 following in round 2").answers(), ["readable r999 at 1"]);
}

/// Thesis §6.4: a follower "would issue a request to the leader that just asked for the current readIndex", and answer "on its own state
/// machine".
#[test]
fn a_follower_answers_a_read_after_a_round_of_the_leaders() {
    let mut three = cluster(3);
    three.campaign(1);
    three.propose(1, 'x');
    three.let_server(2, |n2| n2.is_asked_to_read(9));
    let mut answers = Vec::new();
    for _ in 0..2 {
        while let Some(reaction) = three.deliver_next() {
            answers.extend(reaction.answers());
        }
        three.let_server(1, Server::replicates);
    }
    assert_eq!(answers, ["readable r9 at 2"]);
}

/// Thesis §6.4: the readIndex is the leader's to give: from anyone else it is nonsense, for it might be too small. To whoever knows no
/// leader any more it is as good as before: it was the leader's when it left.
#[test]
fn a_read_index_comes_from_the_leader() {
    let fault = ["n3 claims to lead a term that has another leader"];
    let mut n2 = node(2).in_term(1).following(1);
    n2.is_asked_to_read(9);
    assert_eq!(n2.hears_nonsense("n3@1→n2 readable r9 at 1"), fault);
    assert_eq!(leader().hears_nonsense("n3@1→n1 readable r9 at 1"), fault);
    assert_eq!(n2.hears("n1@1→n2 readable r9 at 2").answers(), ["readable r9 at 2"]);
    n2.crashes_and_restarts();
    assert_eq!(
        n2.hears("n1@1→n2 readable r9 at 2").answers(),
        ["readable r9 at 2"],
        "its driver knows of no r9"
    );
}

/// Thesis §6.4, 3: a majority acknowledges each round anew.
#[test]
fn read_index_3_who_acknowledged_one_round_has_not_acknowledged_the_next() {
    let mut n1 = node(1).of(5).leader_of(1);
    for follower in [2, 3, 4, 5] {
        n1.hears(&format!("n{follower}@1→n1 matched 1"));
    }
    n1.is_asked_to_read(1);
    n1.replicates();
    n1.hears("n2@1→n1 following in round 1");
    assert_eq!(n1.hears("n3@1→n1 following in round 1").answers(), ["readable r1 at 1"]);
    n1.hears("n4@1→n1 following in round 1"); // late: none runs
    n1.is_asked_to_read(2);
    assert_eq!(n1.replicates().says().len(), 4, "everyone is asked");
    assert_eq!(n1.hears("n2@1→n1 following in round 2").answers(), [""; 0], "n3 and n4 have not said so yet");
    assert_eq!(n1.hears("n5@1→n1 following in round 2").answers(), ["readable r2 at 1"]);
}

/// Thesis §6.4: a leader that is deposed forgets the reads that wait. Those of others are asked again, with a new number, of a new leader.
#[test]
fn a_deposed_leader_answers_no_read_that_waits() {
    let mut n1 = leader_in_a_round();
    n1.hears("n3@2→n1 RequestVote last=1@1");
    let late = n1.hears("n3@1→n1 following in round 1");
    assert_eq!((late.answers(), late.says()), (vec![], vec![]));
    assert_eq!(n1.hears("n2@2→n1 ReadIndex r8").says(), [""; 0], "who does not lead says nothing");
}
