//! Figure 13, the InstallSnapshot RPC, rule by rule.

use crate::server::{Server, node};

const SNAPSHOT: &str = "3@1/9#7";

/// A leader of term 2 that knows that n2 lacks what its snapshot of three entries covers, and sends it in pieces of 4 bytes.
fn leader() -> Server {
    let mut n1 = node(1).with_chunks_of(4).with_log([1, 1, 1]).with_snapshot(SNAPSHOT).leader_of(2);
    n1.hears("n2@2→n1 conflict at 3 hint=1@1");
    n1
}

/// A follower of its that has one entry.
fn follower() -> Server {
    node(2).with_log([1]).in_term(2).following(1)
}

/// All bytes of the snapshot have arrived there.
fn follower_with_all_bytes() -> Server {
    let mut n2 = follower();
    n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4");
    n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=4 length=5");
    n2
}

/// Figure 13: "Invoked by leader to send chunks of a snapshot to a follower. Leaders always send chunks in order."
#[test]
fn a_leader_sends_chunks_in_order() {
    let mut n1 = leader();
    assert_eq!(n1.replicates().says()[0], "n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4");
    n1.hears("n2@2→n1 snapshot 3@1/9#7 from=0 received=4");
    assert_eq!(n1.replicates().says()[0], "n1@2→n2 InstallSnapshot 3@1/9#7 from=4 length=4");
    n1.hears("n2@2→n1 snapshot 3@1/9#7 from=4 received=8");
    assert_eq!(n1.replicates().says()[0], "n1@2→n2 InstallSnapshot 3@1/9#7 from=8 length=1", "the last");
}

/// Figure 13, arguments: term, leaderId, lastIncludedIndex and lastIncludedTerm, offset, data and done. Departure: the driver puts
/// the data behind the message; whether a chunk is the last follows from the snapshot's length, which each tells.
#[test]
fn install_snapshot_tells_its_last_entry_and_where_the_chunk_belongs() {
    let mut n1 = leader();
    let said = n1.replicates().says();
    assert_eq!(said[0], "n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4");
    let mut n2 = follower();
    n2.hears(&said[0]);
    assert_eq!(n2.node.leader().map(|leader| leader.get()), Some(1));
    assert!(n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=4 length=5").0.sink.staged[0].is_last());
}

/// Figure 13, result: "currentTerm, for leader to update itself". Departure: an answer tells which chunk it is about as well, and how
/// much has arrived.
#[test]
fn a_leader_goes_on_where_the_follower_says() {
    let mut n1 = leader();
    for (from, received) in [(0, 4), (4, 8), (8, 0), (0, 4)] {
        n1.hears(&format!("n2@2→n1 snapshot 3@1/9#7 from={from} received={received}"));
        let said = n1.replicates().says();
        assert!(
            said[0].starts_with(&format!("n1@2→n2 InstallSnapshot 3@1/9#7 from={received} ")),
            "{said:?}"
        );
    }
    n1.hears("n2@2→n1 snapshot 2@1/5#1 from=4 received=5");
    assert_eq!(n1.pace_of(2), "match=0,next=1,snapshot=4", "about another snapshot");
    n1.hears("n2@3→n1 snapshot 3@1/9#7 from=4 received=8");
    assert_eq!((n1.term(), n1.is_follower()), (3, true));
}

/// Figure 13, receiver 1: "Reply immediately if term < currentTerm". Departure: with the newer term and nothing else, as to each
/// request.
#[test]
fn install_snapshot_receiver_1_an_old_term_is_refused_in_every_role() {
    let servers = [node(1).in_term(3), node(1).candidate_of(3), node(1).leader_of(3)];
    for mut n1 in servers {
        let before = n1.node.to_string();
        let reaction = n1.hears("n2@2→n1 InstallSnapshot 3@1/9#7 from=0 length=9");
        assert_eq!(reaction.says_at_once(), ["n1@3→n2 higher term"]);
        assert_eq!((reaction.stages(), n1.node.to_string()), (vec![], before));
    }
}

/// Figure 13, receiver 2: "Create new snapshot file if first chunk (offset is 0)". No other chunk begins one.
#[test]
fn install_snapshot_receiver_2_the_first_chunk_begins_a_snapshot() {
    let mut n2 = follower();
    let reaction = n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=4 length=4");
    assert_eq!(
        (reaction.stages(), reaction.says()),
        (vec![], vec!["n2@2→n1 snapshot 3@1/9#7 from=4 received=0".to_owned()])
    );
    let reaction = n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4");
    assert_eq!(reaction.stages(), ["3@1/9#7 from=0 length=4"]);
}

/// Figure 13, receiver 3: "Write data into snapshot file at given offset". Departure: only where the file ends; a chunk that comes
/// again, or before its turn, is answered with what has arrived.
#[test]
fn install_snapshot_receiver_3_a_chunk_continues_what_has_arrived() {
    let mut n2 = follower();
    let mut hears = |from: u64, length: u64| {
        let reaction = n2.hears(&format!("n1@2→n2 InstallSnapshot 3@1/9#7 from={from} length={length}"));
        (reaction.stages().len(), reaction.says()[0].clone())
    };
    let answer =
        |from: u64, received: u64| format!("n2@2→n1 snapshot 3@1/9#7 from={from} received={received}");
    assert_eq!(hears(0, 4), (1, answer(0, 4)));
    assert_eq!(hears(0, 4), (0, answer(0, 4)), "again");
    assert_eq!(hears(8, 1), (0, answer(8, 4)), "before its turn");
    assert_eq!(hears(4, 4), (1, answer(4, 8)));
    assert_eq!(hears(8, 1), (1, answer(8, 9)));
}

/// Figure 13, receiver 4: "Reply and wait for more data chunks if done is false". Until then nothing changes.
#[test]
fn install_snapshot_receiver_4_waits_for_more_chunks() {
    let mut n2 = follower();
    let reaction = n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4");
    assert_eq!(reaction.says_at_once(), ["n2@2→n1 snapshot 3@1/9#7 from=0 received=4"]);
    assert_eq!(n2.on_disk(), "term=2 log=[1@1:a]");
    assert_eq!(n2.has_staged(SNAPSHOT).writes(), [""; 0], "whoever says that it is whole errs");
    assert_eq!(n2.node.receiving().unwrap().to_string(), "3@1/9#7 received=4");
}

/// Figure 13, receiver 5: "Save snapshot file, discard any existing or partial snapshot with a smaller index". Departure: the driver
/// saves it first, and says so.
#[test]
fn install_snapshot_receiver_5_saves_it_and_discards_the_existing_one() {
    let mut n2 = node(2).with_log([1]).with_snapshot("1@1/2#1").in_term(2).following(1);
    n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=9");
    assert_eq!(n2.on_disk(), "term=2 snapshot=1@1/2#1 log=[]");
    assert_eq!(n2.has_staged(SNAPSHOT).writes(), ["write snapshot=3@1/9#7 instead of the log"]);
    assert_eq!(n2.on_disk(), "term=2 snapshot=3@1/9#7 log=[]");
    assert_eq!(n2.node.receiving(), None);
}

/// Figure 13, receiver 5: "discard any [...] partial snapshot with a smaller index". What is late of the smaller one is ignored.
#[test]
fn install_snapshot_receiver_5_discards_a_partial_one_with_a_smaller_index() {
    let mut n2 = follower();
    n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4");
    let reaction = n2.hears("n1@2→n2 InstallSnapshot 5@2/6#8 from=4 length=2");
    assert_eq!(
        reaction.says(),
        ["n2@2→n1 snapshot 5@2/6#8 from=4 received=0"],
        "no chunk of the other is part of it"
    );
    n2.hears("n1@2→n2 InstallSnapshot 5@2/6#8 from=0 length=4");
    let late = n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=4 length=5");
    assert_eq!((late.says(), late.stages()), (vec![], vec![]));
    assert_eq!(n2.node.receiving().unwrap().to_string(), "5@2/6#8 received=4");
}

/// Figure 13, receiver 6: "If existing log entry has same index and term as snapshot's last included entry, retain log entries
/// following it and reply": also if entries have brought it while the driver saved the snapshot.
#[test]
fn install_snapshot_receiver_6_retains_what_follows_the_snapshots_last_entry() {
    let mut n2 = follower_with_all_bytes();
    n2.hears("n1@2→n2 AppendEntries prev=1@1 [2@1 3@1 4@2:x] commit=1");
    assert_eq!(n2.has_staged(SNAPSHOT).writes(), [""; 0]);
    assert_eq!(n2.entries(), "[1@1:a 2@1:b 3@1:c 4@2:x]");
    let again = n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4");
    assert_eq!(again.says(), ["n2@2→n1 matched 3"]);
}

/// Figure 13, receiver 7: "Discard the entire log", what lies beyond the snapshot too.
#[test]
fn install_snapshot_receiver_7_discards_the_entire_log() {
    let mut n2 = node(2).with_log([1, 2, 2, 2, 2]).in_term(4).following(1);
    n2.hears("n1@4→n2 InstallSnapshot 3@3/4#7 from=0 length=4");
    assert_eq!(n2.log(), [1, 2, 2, 2, 2]);
    n2.has_staged("3@3/4#7");
    assert_eq!(n2.on_disk(), "term=4 snapshot=3@3/4#7 log=[]");
}

/// Figure 13, receiver 8: "Reset state machine using snapshot contents". Departure: that is the driver's; the node says up to where,
/// with its commit index. There is no configuration in a snapshot: membership never changes.
#[test]
fn install_snapshot_receiver_8_the_state_machine_continues_after_the_snapshot() {
    let mut n2 = follower_with_all_bytes();
    assert_eq!(n2.commit_index(), 0);
    n2.has_staged(SNAPSHOT);
    assert_eq!((n2.commit_index(), n2.applied()), (3, "[]".to_owned()));
    n2.hears("n1@2→n2 AppendEntries prev=3@1 [4@2:x] commit=4");
    assert_eq!(n2.applied(), "[4@2:x]");
}

/// Figure 13, with Figure 2, "Updated on stable storage before responding to RPCs": a snapshot is acknowledged when the disk has put
/// it in the place of the log.
#[test]
fn a_snapshot_is_acknowledged_once_it_is_durable() {
    let mut n2 = follower_with_all_bytes().with_slow_disk();
    let reaction = n2.has_staged(SNAPSHOT);
    assert_eq!(
        (reaction.says_at_once(), reaction.says_after_writes()),
        (vec![], vec!["n2@2→n1 matched 3".to_owned()])
    );
    let asked_again = n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=9 length=0");
    assert_eq!(asked_again.says_at_once(), [""; 0], "nor is it when asked again");
    n2.crashes_and_restarts();
    assert_eq!(n2.on_disk(), "term=2 log=[1@1:a]");
}

/// §7: a snapshot is split into chunks, and "this gives the follower a sign of life with each chunk, so it can reset its election
/// timer".
#[test]
fn each_chunk_is_a_sign_of_life() {
    let mut n2 = follower();
    for (from, length) in [(0, 4), (4, 4), (4, 4), (8, 1), (9, 0)] {
        let reaction = n2.hears(&format!("n1@2→n2 InstallSnapshot 3@1/9#7 from={from} length={length}"));
        assert!(reaction.restarts_the_election_timer(), "from {from}");
    }
    let old = n2.hears("n1@1→n2 InstallSnapshot 3@1/9#7 from=0 length=4");
    assert!(!old.restarts_the_election_timer(), "of a past leader");
}

/// Figure 13, with Figure 2, Candidates 3: a chunk makes a follower of a candidate, and a second leader of a term is at fault.
#[test]
fn a_chunk_comes_from_the_leader_of_the_term() {
    let mut n2 = node(2).candidate_of(2);
    n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4");
    assert_eq!((n2.is_follower(), n2.node.leader().map(|leader| leader.get())), (true, Some(1)));
    let fault = ["n3 claims to lead a term that has another leader"];
    assert_eq!(n2.hears_nonsense("n3@2→n2 InstallSnapshot 3@1/9#7 from=4 length=4"), fault);
    assert_eq!(leader().hears_nonsense("n3@2→n1 InstallSnapshot 3@1/9#7 from=4 length=4"), fault);
}

/// Figure 13: a chunk lies within its snapshot, whose last entry is one that the leader can have.
#[test]
fn a_chunk_that_no_snapshot_has_is_refused() {
    let chunks = [
        "3@1/9#7 from=8 length=2",
        "3@1/9#7 from=18446744073709551615 length=2",
        "3@1/0#7 from=0 length=0",
        "0@0/9#7 from=0 length=4",
        "3@3/9#7 from=0 length=4",
    ];
    for chunk in chunks {
        let fault = follower().hears_nonsense(&format!("n1@2→n2 InstallSnapshot {chunk}"));
        assert_eq!(fault, ["n1 sent log positions that no log can have"], "{chunk}");
    }
    for answer in ["from=4 received=10", "from=10 received=4"] {
        let fault = leader().hears_nonsense(&format!("n2@2→n1 snapshot 3@1/9#7 {answer}"));
        assert_eq!(fault, ["n2 sent log positions that no log can have"], "more than there is: {answer}");
    }
}

/// Departure: a transfer goes on where it was interrupted, after a lost chunk or a lost answer; a follower that crashed has nothing,
/// and says so.
#[test]
fn a_transfer_is_resumed_where_it_was_interrupted() {
    let mut n1 = leader();
    let mut n2 = follower();
    n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4");
    n1.hears("n2@2→n1 snapshot 3@1/9#7 from=0 received=4");
    let second = "n1@2→n2 InstallSnapshot 3@1/9#7 from=4 length=4";
    assert_eq!(n1.replicates().says()[0], second, "and is lost");
    assert_eq!(n1.heartbeats().says()[0], second, "without a window there is no account of what was sent");
    assert_eq!(n2.hears(second).says(), ["n2@2→n1 snapshot 3@1/9#7 from=4 received=8"], "and this is lost");
    let again = n2.hears(second);
    assert_eq!(
        (again.stages(), again.says()),
        (vec![], vec!["n2@2→n1 snapshot 3@1/9#7 from=4 received=8".to_owned()])
    );
    n1.hears(&again.says()[0]);
    let third = n1.replicates().says().remove(0);
    assert_eq!(third, "n1@2→n2 InstallSnapshot 3@1/9#7 from=8 length=1");
    n2.crashes_and_restarts();
    let forgotten = n2.hears(&third).says().remove(0);
    assert_eq!(forgotten, "n2@2→n1 snapshot 3@1/9#7 from=8 received=0");
    n1.hears(&forgotten);
    assert_eq!(n1.replicates().says()[0], "n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4");
}

/// Departure: when all has arrived, the leader asks with each heartbeat, without data, until the follower says that it has installed
/// it.
#[test]
fn a_leader_asks_until_the_snapshot_is_installed() {
    let mut n1 = leader();
    n1.hears("n2@2→n1 snapshot 3@1/9#7 from=0 received=9");
    assert!(!n1.replicates().says()[0].contains("n1@2→n2"), "nothing more to send");
    let question = "n1@2→n2 InstallSnapshot 3@1/9#7 from=9 length=0";
    assert_eq!(n1.heartbeats().says()[0], question);
    let mut n2 = follower_with_all_bytes();
    assert_eq!(
        n2.hears(question).says(),
        ["n2@2→n1 snapshot 3@1/9#7 from=9 received=9"],
        "its driver is busy"
    );
    n2.has_staged(SNAPSHOT);
    assert_eq!(n2.hears(question).says(), ["n2@2→n1 matched 3"]);
    n1.hears("n2@2→n1 matched 3");
    assert_eq!(n1.replicates().says()[0], "n1@2→n2 AppendEntries prev=3@1 [4@2:-] commit=3");
}

/// Departure: if its bytes are not those that were announced, the transfer begins anew.
#[test]
fn a_damaged_snapshot_is_transferred_anew() {
    let mut n2 = follower_with_all_bytes();
    assert_eq!(n2.finds_damaged(SNAPSHOT).writes(), [""; 0]);
    let asked = n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=9 length=0");
    assert_eq!(asked.says(), ["n2@2→n1 snapshot 3@1/9#7 from=9 received=0"]);
    assert_eq!(n2.hears("n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4").stages().len(), 1);
}

/// Departure: a leader that makes a newer snapshot meanwhile begins anew with that one.
#[test]
fn a_newer_snapshot_takes_the_place_of_one_on_its_way() {
    let mut n1 = leader();
    n1.hears("n2@2→n1 snapshot 3@1/9#7 from=0 received=4");
    n1.hears("n3@2→n1 matched 4");
    n1.compacts("4@2/6#8", 4);
    n1.hears("n2@2→n1 snapshot 3@1/9#7 from=4 received=8");
    assert_eq!(n1.replicates().says()[0], "n1@2→n2 InstallSnapshot 4@2/6#8 from=0 length=4");
}

/// Departure: a transfer belongs to its leader: in a newer term it begins anew, even if the driver is about to say that all is there.
#[test]
fn a_transfer_ends_with_its_leaders_term() {
    let mut n2 = follower_with_all_bytes();
    n2.hears("n3@3→n2 AppendEntries prev=1@1 [] commit=0");
    assert_eq!(n2.node.receiving(), None);
    assert_eq!(n2.has_staged(SNAPSHOT).writes(), [""; 0]);
    assert_eq!(n2.log(), [1]);
}

/// Departure: a snapshot lies where a log can come. One that ends near the last of all indexes would leave none for what follows it.
#[test]
fn a_snapshot_that_ends_where_no_log_comes_is_refused() {
    let largest = u64::MAX / 2;
    for index in [largest + 1, u64::MAX - 1, u64::MAX] {
        let fault =
            follower().hears_nonsense(&format!("n1@2→n2 InstallSnapshot {index}@1/9#7 from=0 length=9"));
        assert_eq!(fault, ["n1 sent log positions that no log can have"], "{index}");
    }
    let mut n2 = follower();
    n2.hears(&format!("n1@2→n2 InstallSnapshot {largest}@1/9#7 from=0 length=9"));
    n2.has_staged(&format!("{largest}@1/9#7"));
    n2.times_out();
    n2.hears("n3@3→n2 vote granted");
    assert_eq!(n2.entries(), format!("[{}@3:-]", largest + 1), "there is room for what follows");
}

/// Departure: "Leaders always send chunks in order", and each when the one before is answered: a second answer to a chunk is no answer
/// to the next, which would go twice then, and so would all that follow.
#[test]
fn a_second_answer_to_a_chunk_sends_nothing_twice() {
    let mut n1 = node(1).with_window(4, 100).with_chunks_of(4);
    n1 = n1.with_log([1, 1, 1]).with_snapshot(SNAPSHOT).leader_of(2);
    n1.hears("n2@2→n1 conflict at 3 hint=1@1");
    n1.replicates();
    n1.hears("n2@2→n1 snapshot 3@1/9#7 from=0 received=4");
    assert_eq!(n1.replicates().says(), ["n1@2→n2 InstallSnapshot 3@1/9#7 from=4 length=4"]);
    n1.hears("n2@2→n1 snapshot 3@1/9#7 from=0 received=4");
    assert_eq!(n1.pace_of(2), "match=0,next=1,snapshot=4,asked", "the second is on its way still");
    assert_eq!(n1.replicates().says(), [""; 0]);
    n1.hears("n2@2→n1 snapshot 3@1/9#7 from=4 received=8");
    assert_eq!(n1.replicates().says(), ["n1@2→n2 InstallSnapshot 3@1/9#7 from=8 length=1"]);
    n1.hears("n2@2→n1 snapshot 3@1/9#7 from=4 received=8");
    assert_eq!(n1.replicates().says(), [""; 0]);
}
