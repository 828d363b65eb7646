//! Messages as bytes and back, and the check that no frame passes without.
//!
//! ```console
//! $ cargo bench -p seaworthy-benches --bench codec
//! ```
//!
//! The buffer that is encoded into keeps its room, as a node's does. Decoding makes what a follower keeps: a vector, and one allocation for
//! each command; they are dropped after the clock has stopped.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use seaworthy::codec::{Frame, FrameError, decode_frame, encode_frame, frame_len};
use seaworthy_benches::disk_log::entries;
use seaworthy_benches::workload::Command;
use seaworthy_protocol::{Entry, Envelope, Index, LogId, Message, NodeId, Term};
use std::hint::black_box;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Sent = Envelope<Vec<Entry<Command>>>;

/// The messages, each with its name.
fn messages() -> Vec<(String, Sent)> {
    let last_log = LogId { term: Term(1), index: Index(70_000) };
    let mut messages = vec![("vote".to_owned(), sent(Message::RequestVote { last_log }))];
    for (count, size) in [(1, 64), (1, 1_024), (64, 64), (64, 1_024)] {
        let entries = entries(count, size);
        let message = Message::AppendEntries { prev_log: last_log, entries, leader_commit: Index(69_000) };
        messages.push((format!("{count} of {size} bytes"), sent(message)));
    }
    messages
}

fn sent(message: Message<Vec<Entry<Command>>>) -> Sent {
    let node = |number| NodeId::new(number).expect("1 and 2 are nodes");
    Envelope { from: node(1), to: node(2), term: Term(3), message }
}

fn encoded(envelope: &Sent) -> Vec<u8> {
    let mut frame = Vec::new();
    encode_frame(&envelope.borrowed(), &[], &mut frame);
    frame
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for (name, envelope) in messages() {
        let frame = encoded(&envelope);
        group.throughput(Throughput::Bytes(frame.len() as u64));
        let mut out = Vec::new();
        group.bench_function(BenchmarkId::from_parameter(&name), |bencher| {
            bencher.iter(|| {
                out.clear();
                encode_frame(&black_box(&envelope).borrowed(), &[], &mut out);
                black_box(out.as_slice());
            });
        });
        assert!(out.is_empty() || out == frame, "{name}: the same bytes each time");
    }
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for (name, envelope) in messages() {
        let frame = encoded(&envelope);
        assert_eq!(decode_frame(&frame), Ok(Frame { envelope, chunk: &[] }), "{name} comes back as it was");
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(&name), |bencher| {
            let decode = |()| decode_frame::<Command>(black_box(&frame));
            bencher.iter_batched(|| (), decode, BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// What every frame costs before anything in it is read: its length, and its checksum, which is wrong here.
fn check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("refuse a damaged frame");
    for (name, envelope) in messages() {
        let mut frame = encoded(&envelope);
        if let Some(byte) = frame.last_mut() {
            *byte ^= 1;
        }
        assert_eq!(frame_len(&frame, 1 << 20), Ok(Some(frame.len())));
        assert!(matches!(decode_frame::<Command>(&frame), Err(FrameError::Checksum { .. })), "{name}");
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(&name), |bencher| {
            bencher.iter(|| {
                let frame = black_box(frame.as_slice());
                (frame_len(frame, 1 << 20), decode_frame::<Command>(frame).is_err())
            });
        });
    }
    group.finish();
}

fn main() {
    // A few minutes for all benches; `--measurement-time` on the command line takes longer.
    let (warm_up, measured) = (Duration::from_millis(500), Duration::from_millis(1_500));
    let criterion = Criterion::default().warm_up_time(warm_up).measurement_time(measured);
    let mut criterion = criterion.configure_from_args();
    encode(&mut criterion);
    decode(&mut criterion);
    check(&mut criterion);
    criterion.final_summary();
}
