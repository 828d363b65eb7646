//! Every interleaving of the threads that share something. Each model is refuted by loom when its twin is planted: a line of what it is
//! about made wrong (`conformance/mutants/`, layer "loom").

use super::{Abandoned, Published, Watermark, mailbox, slot};
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Takes until so many have come. loom reports a thread that sleeps for ever.
fn take_all<T>(inbox: &mut super::Receiver<T>, count: usize) -> Vec<T> {
    let mut all = Vec::new();
    while all.len() < count {
        let mut some = Vec::new();
        inbox.take(&mut some);
        if some.is_empty() {
            inbox.wait(None);
        }
        all.append(&mut some);
    }
    all
}

/// Three threads have more interleavings than minutes: those with up to three preemptions are tried.
fn model_of_three(threads: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(threads);
}

#[test]
fn who_sleeps_is_woken_and_takes_all_in_order() {
    loom::model(|| {
        let (outbox, mut inbox) = mailbox(1);
        let sender = thread::spawn(move || {
            assert_eq!([1, 2, 3].map(|item| outbox.push(item)), [Ok(()); 3]);
        });
        assert_eq!(take_all(&mut inbox, 3), [1, 2, 3]);
        sender.join().unwrap();
    });
}

#[test]
fn who_sleeps_is_woken_by_either_of_two() {
    model_of_three(|| {
        let (outbox, mut inbox) = mailbox(1);
        let other = outbox.clone();
        let first = thread::spawn(move || assert_eq!(outbox.push(1), Ok(())));
        let second = thread::spawn(move || assert_eq!(other.push(2), Ok(())));
        assert_eq!(take_all(&mut inbox, 2).iter().sum::<i32>(), 3);
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn who_waits_for_room_gets_it() {
    model_of_three(|| {
        let (outbox, mut inbox) = mailbox(1);
        let other = outbox.clone();
        let first = thread::spawn(move || assert_eq!(outbox.push_weighing(1, 1), Ok(())));
        let second = thread::spawn(move || assert_eq!(other.push_weighing(2, 1), Ok(())));
        assert_eq!(take_all(&mut inbox, 2).iter().sum::<i32>(), 3);
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// The shutdown against the responder: a request that comes while the node stops is answered, by one of the two, once.
#[test]
fn what_is_put_into_a_mailbox_that_closes_is_given_back_or_dropped() {
    loom::model(|| {
        let (outbox, mut inbox) = mailbox(1);
        let client = thread::spawn(move || {
            let (completer, waiter) = slot::<u8>();
            let given_back = outbox.push(completer).is_err();
            (given_back, waiter.wait())
        });
        let mut taken = Vec::new();
        inbox.take(&mut taken);
        let was_served = !taken.is_empty();
        taken.drain(..).for_each(|completer| completer.complete(7));
        drop(inbox);
        let (given_back, answer) = client.join().unwrap();
        assert_eq!(answer, if was_served { Ok(7) } else { Err(Abandoned) });
        assert!(!(given_back && was_served));
    });
}

/// Those who wait for room are not forgotten when the node stops.
#[test]
fn who_waits_for_room_in_a_mailbox_that_closes_is_let_go() {
    loom::model(|| {
        let (outbox, inbox) = mailbox(1);
        outbox.push_weighing(1, 1).unwrap();
        let peer = thread::spawn(move || outbox.push_weighing(2, 1));
        drop(inbox);
        assert_eq!(peer.join().unwrap(), Err(2));
    });
}

#[test]
fn who_waits_for_an_answer_is_woken_as_a_thread() {
    loom::model(|| {
        let (completer, waiter) = slot();
        let node = thread::spawn(move || completer.complete(5));
        assert_eq!(waiter.wait(), Ok(5));
        node.join().unwrap();
    });
}

#[test]
fn who_waits_for_an_answer_is_woken_as_a_task() {
    loom::model(|| {
        let (completer, waiter) = slot();
        let node = thread::spawn(move || completer.complete(5));
        assert_eq!(loom::future::block_on(waiter), Ok(5));
        node.join().unwrap();
    });
}

/// A node that panics drops what it was to answer.
#[test]
fn who_waits_for_an_answer_of_a_node_that_dies_is_told() {
    loom::model(|| {
        let (completer, waiter) = slot::<u8>();
        let node = thread::spawn(move || drop(completer));
        assert_eq!(waiter.wait(), Err(Abandoned));
        node.join().unwrap();
    });
}

/// An installation against what is applied: the number jumps, also over what is waited for.
#[test]
fn who_waits_for_something_to_be_applied_is_woken_when_it_is_passed() {
    loom::model(|| {
        let applied = Watermark::new();
        let seen = Arc::new(AtomicUsize::new(0));
        let (node, restored) = (applied.clone(), Arc::clone(&seen));
        let node = thread::spawn(move || {
            node.raise(1);
            restored.store(5, Ordering::Relaxed);
            node.raise(5);
        });
        assert_eq!(applied.reach(3).wait(), Ok(5));
        assert_eq!(seen.load(Ordering::Relaxed), 5, "the state is there before it is told of");
        node.join().unwrap();
    });
}

#[test]
fn who_waits_for_something_to_be_applied_by_a_node_that_stops_is_told() {
    loom::model(|| {
        let applied = Watermark::new();
        let node = applied.clone();
        let node = thread::spawn(move || node.close());
        assert_eq!(applied.reach(3).wait(), Err(Abandoned));
        node.join().unwrap();
    });
}

#[test]
fn who_watches_misses_no_change() {
    loom::model(|| {
        let status = Published::new(1);
        let node = status.clone();
        let node = thread::spawn(move || {
            node.show(2);
            node.show(3);
            node.close();
        });
        let (mut value, mut version) = status.get_versioned();
        while status.change_after(version).wait().is_ok() {
            let seen = status.get_versioned();
            assert!(seen > (value, version), "it changes forwards");
            (value, version) = seen;
        }
        assert_eq!(value, 3);
        node.join().unwrap();
    });
}
