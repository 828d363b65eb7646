//! Every interleaving of a node with its disk, its peers and its clients. What runs is shipped: the loop, its thread, its disk's, the
//! handle; only the clock stands still.

mod platter;
mod stage;

use super::Incoming;
use crate::error::{ProposeError, ReadError};
use crate::raft::Raft;
use crate::{Index, Raw, Term};
use loom::thread;
use seaworthy_protocol::Message;
use stage::{Numbers, Stage, append, at, from, install, matched};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Of the many interleavings of so many threads those with up to two preemptions are tried.
fn model(threads: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(threads);
}

/// An entry is being written when the leader of the next term replaces it: the disk says that the first is durable, and that is nothing
/// about the second. Either acknowledgement leaves when its own entry is on the platter.
#[test]
fn an_entry_that_replaces_another_is_not_acknowledged_by_its_write() {
    model(|| {
        let (stage, platter) = Stage::on_platter(3);
        for peer in [2, 3] {
            let (platter, home) = (platter.clone(), stage.home.clone());
            stage.listen(peer, move |term, message| {
                assert_eq!(message, matched(1));
                let durable = platter.durable();
                let holds = durable.current_term() > term || durable.log().term_at(Index(1)) == Some(term);
                assert!(holds, "acknowledged in {term:?}, and the disk holds {durable:?}");
                if term == Term(2) {
                    assert!(home.push(Incoming::Stop).is_ok());
                }
            });
        }
        let home = stage.home.clone();
        let (node, disk) = stage.split();
        let disk = thread::spawn(move || disk.unwrap().run());
        let peers = thread::spawn(move || {
            assert!(home.push(from(2, 1, append(at(0, 0), &[(1, 11)], 0))).is_ok());
            assert!(home.push(from(3, 2, append(at(0, 0), &[(2, 22)], 0))).is_ok());
        });
        node.run().unwrap();
        peers.join().unwrap();
        disk.join().unwrap();
    });
}

/// A leader has proposed 7 as entry 2, and hears of a newer one. What its client is told, and what it applies.
fn depose(
    by: impl Fn() -> Vec<Incoming<Numbers>> + Send + Sync + 'static,
    judge: impl Fn(Result<u64, ProposeError>, &[u64]) + Send + Sync + 'static,
) {
    let (by, judge) = (Arc::new(by), Arc::new(judge));
    model(move || {
        let mut stage = Stage::in_memory(3);
        stage.lead();
        let (raft, home) = (stage.raft(), stage.home.clone());
        let (node, _) = stage.split();
        let node = thread::spawn(move || node.run().unwrap());
        let reply = raft.propose(&Raw(7));
        let news = by();
        let peers = thread::spawn(move || news.into_iter().for_each(|said| assert!(home.push(said).is_ok())));
        let answer = reply.wait();
        peers.join().unwrap();
        let seen = raft.read_stale(|numbers| numbers.all.clone()).wait().unwrap();
        judge(answer, &seen);
        drop(raft);
        node.join().unwrap();
    });
}

/// The newer leader has the entry, and commits it: "definitely not applied" would be a lie.
#[test]
fn who_proposed_to_a_leader_that_is_deposed_is_not_told_what_nobody_knows() {
    depose(
        || vec![from(3, 2, append(at(1, 2), &[], 1)), from(3, 2, append(at(1, 2), &[(2, 9)], 3))],
        |answer, applied| {
            assert!(matches!(answer, Ok(7) | Err(ProposeError::Unknown)), "{answer:?}");
            if answer.is_ok() {
                assert_eq!(applied.first(), Some(&7));
            }
        },
    );
}

/// The newer leader commits another entry in its place: an acknowledgement after the step-down would be a lie.
#[test]
fn who_proposed_what_another_leader_replaced_is_never_told_that_it_is_applied() {
    depose(
        || vec![from(3, 2, append(at(1, 1), &[], 1)), from(3, 2, append(at(1, 1), &[(2, 9)], 2))],
        |answer, applied| {
            assert!(matches!(answer, Err(ProposeError::NotApplied | ProposeError::Unknown)), "{answer:?}");
            assert!(!applied.contains(&7));
        },
    );
}

/// A round of reads is under way when another node is elected and commits something: who asks after that must not be answered by that
/// round, whose answer still comes.
#[test]
fn a_read_is_not_answered_by_a_round_that_began_before_it() {
    model(|| {
        let mut stage = Stage::in_memory(3);
        stage.lead();
        let home = stage.home.clone();
        let is_asked = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_asked);
        stage.listen(2, move |term, message| {
            let Message::ReadRound { round } = message else { return };
            // Node 2 answers the first round and then elects node 3, in whose term something is committed at once.
            if !asked.swap(true, Ordering::Relaxed) {
                assert!(home.push(from(2, term.0, Message::ReadRoundReply { round })).is_ok());
            }
        });
        let raft = stage.raft();
        let (node, _) = stage.split();
        let node = thread::spawn(move || node.run().unwrap());
        let first = raft.read(|_| ());
        while !is_asked.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        let second = raft.read(|_| ());
        assert_eq!(first.wait(), Ok(()));
        assert!(raft.shutdown().is_ok());
        assert!(matches!(second.wait(), Err(ReadError::Unavailable | ReadError::Stopped)));
        node.join().unwrap();
    });
}

fn ask(raft: &Raft<Numbers>) -> (Result<u64, ProposeError>, Result<Vec<u64>, ReadError>) {
    let (proposal, read) = (raft.propose(&Raw(7)), raft.read(|numbers| numbers.all.clone()));
    (proposal.wait(), read.wait())
}

/// Whoever asks while a node stops is answered, once; and when its threads have ended all that it had written down is durable.
#[test]
fn a_node_that_stops_answers_everyone_and_loses_nothing() {
    model(|| {
        let (mut stage, platter) = Stage::on_platter(1);
        stage.lead();
        let (raft, status) = (stage.raft(), stage.raft());
        let (node, disk) = stage.split();
        let node = thread::spawn(move || node.run().unwrap());
        let disk = thread::spawn(move || disk.unwrap().run());
        let client = raft.clone();
        let client = thread::spawn(move || ask(&client));
        assert!(raft.shutdown().is_ok());
        let (proposal, read) = client.join().unwrap();
        node.join().unwrap();
        disk.join().unwrap();
        let log = platter.durable();
        assert_eq!(log.log().last(), status.status().last);
        assert!(
            matches!(proposal, Ok(7) | Err(ProposeError::Stopped | ProposeError::Unknown)),
            "{proposal:?}"
        );
        assert!(proposal != Ok(7) || log.log().last() == at(1, 2));
        assert!(read.is_ok() || matches!(read, Err(ReadError::Stopped | ReadError::Unavailable)), "{read:?}");
    });
}

/// A disk's thread that dies takes its node with it, and nobody waits for ever.
#[test]
fn a_node_whose_disk_dies_stops_and_answers_everyone() {
    model(|| {
        let (mut stage, _) = Stage::on_platter(1);
        stage.lead();
        let raft = stage.raft();
        let (node, disk) = stage.split();
        let node = thread::spawn(move || node.run());
        let disk = thread::spawn(move || disk.unwrap().die());
        let (proposal, read) = ask(&raft);
        assert!(matches!(proposal, Err(ProposeError::Stopped | ProposeError::Unknown)), "{proposal:?}");
        assert!(read.is_ok() || matches!(read, Err(ReadError::Stopped | ReadError::Unavailable)), "{read:?}");
        assert!(node.join().unwrap().is_err());
        disk.join().unwrap();
    });
}

/// A snapshot of five numbers is installed while the first two are applied, on a thread of the state machine's: what is said to be applied
/// is, nothing is applied to the snapshot that it holds, and a read that is asked for later sees it.
#[test]
fn a_snapshot_is_installed_between_what_is_applied() {
    model(|| {
        let mut stage = Stage::apart(3);
        let (raft, home, state) = (stage.raft(), stage.home.clone(), stage.take_state());
        let (node, _) = stage.split();
        let numbers = Numbers::default();
        let witness = Arc::clone(&numbers.witness);
        let node = thread::spawn(move || node.run().unwrap());
        let state = thread::spawn(move || state.run(numbers));
        assert!(home.push(from(2, 1, append(at(0, 0), &[(1, 1), (1, 2)], 2))).is_ok());
        assert!(home.push(install(2, 1, &[1, 2, 3, 4, 5])).is_ok());
        assert_eq!(raft.wait_for_applied(Index(3)).wait(), Ok(Index(5)));
        assert_eq!(witness.load(Ordering::Relaxed), 5);
        assert_eq!(raft.read_stale(|numbers| numbers.all.clone()).wait(), Ok(vec![1, 2, 3, 4, 5]));
        drop(raft);
        node.join().unwrap();
        state.join().unwrap();
    });
}

/// The thread of a state machine that dies takes its node with it, and nobody waits for ever.
#[test]
fn a_node_whose_state_machine_dies_stops_and_answers_everyone() {
    model(|| {
        let mut stage = Stage::apart(3);
        let (raft, home, state) = (stage.raft(), stage.home.clone(), stage.take_state());
        let (node, _) = stage.split();
        let node = thread::spawn(move || node.run());
        let state = thread::spawn(move || state.die());
        // Unless the node has stopped by then.
        let _ = home.push(from(2, 1, append(at(0, 0), &[(1, 1)], 1)));
        assert!(raft.wait_for_applied(Index(1)).wait().is_err());
        assert_eq!(raft.read_stale(|_| ()).wait(), Err(ReadError::Stopped));
        assert!(node.join().unwrap().is_err());
        state.join().unwrap();
    });
}
