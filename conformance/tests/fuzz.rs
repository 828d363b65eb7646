//! The functions that a fuzzer feeds, fed from seeds: they do not wait for somebody to fuzz.

use rand::{Rng, RngCore, SeedableRng};
use rand_pcg::Pcg64Mcg;
use seaworthy::codec::{Record, encode_frame, encode_record};
use seaworthy_conformance::fuzz;
use seaworthy_protocol::{Entry, Envelope, Index, LogId, Message, NodeId, Payload, Snapshot, Term};
use std::panic::catch_unwind;
use std::sync::Arc;

/// Feeds a function; a failure says with what.
fn feed(function: fn(&[u8]), count: u64, input: impl Fn(&mut Pcg64Mcg) -> Vec<u8>) {
    for seed in 0..count {
        let bytes = input(&mut Pcg64Mcg::seed_from_u64(seed));
        assert!(catch_unwind(|| function(&bytes)).is_ok(), "seed {seed}: {bytes:?}");
    }
}

fn any(length: usize) -> impl Fn(&mut Pcg64Mcg) -> Vec<u8> {
    move |dice| {
        let mut bytes = vec![0; dice.random_range(0..length)];
        dice.fill_bytes(&mut bytes);
        bytes
    }
}

/// A frame as a leader sends it, with some bytes changed.
fn nearly_a_frame(dice: &mut Pcg64Mcg) -> Vec<u8> {
    let id = |number| NodeId::new(number).unwrap();
    let entry = |command: &[u8]| Entry { term: Term(2), payload: Payload::Command(Arc::from(command)) };
    let entries = [entry(b"one"), entry(b"two"), Entry { term: Term(2), payload: Payload::Noop }];
    let prev_log = LogId { term: Term(1), index: Index(7) };
    let message = Message::AppendEntries { prev_log, entries: &entries[..], leader_commit: Index(8) };
    let mut frame = vec![];
    encode_frame(&Envelope { from: id(1), to: id(2), term: Term(2), message }, &[], &mut frame);
    // Sealed anew: or it would be the checksum that is tested.
    let mut bytes = vec![1];
    bytes.extend(&frame[8..]);
    for _ in 0..dice.random_range(0..4) {
        let place = dice.random_range(1..bytes.len());
        bytes[place] = dice.random();
    }
    bytes
}

/// The body of a record as a log writes it, with some bytes changed.
fn nearly_a_record(dice: &mut Pcg64Mcg) -> Vec<u8> {
    let entries = [1, 2].map(|number: u64| Entry { term: Term(2), payload: Payload::Command(number) });
    let base = LogId { term: Term(1), index: Index(7) };
    let (current_term, voted_for, entries) = (Term(2), NodeId::new(1), &entries[..]);
    let snapshot = Snapshot { last: base, length: 9, digest: 3 };
    let record = match dice.random_range(0..4) {
        0 => Record::TermAndVote { current_term, voted_for },
        1 => Record::Append { after: base.index, entries },
        2 => Record::Compact { snapshot, base },
        _ => Record::Install { snapshot },
    };
    let mut bytes = vec![2];
    encode_record(&record, &mut bytes);
    for _ in 0..dice.random_range(0..3) {
        let place = dice.random_range(1..bytes.len());
        bytes[place] = dice.random();
    }
    bytes
}

#[test]
fn what_comes_over_the_wire_is_read_or_refused() {
    feed(fuzz::wire, 20_000, any(200));
    feed(fuzz::wire, 20_000, nearly_a_frame);
    feed(fuzz::wire, 20_000, nearly_a_record);
}

#[test]
fn a_log_is_found_as_it_was_or_refused() {
    feed(fuzz::recovery, 1_500, any(200));
    feed(fuzz::recovery, 500, any(2_000));
}

#[test]
fn a_snapshot_is_kept_if_it_is_what_was_announced() {
    feed(fuzz::snapshot, 2_000, any(300));
}

#[test]
fn a_node_can_be_told_anything() {
    feed(fuzz::step, 20_000, any(600));
}
