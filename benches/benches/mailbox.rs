//! What lies between a client and a node's thread: the mailbox by itself, and the way there and back through the public handle.
//!
//! ```console
//! $ cargo bench -p seaworthy-benches --bench mailbox
//! ```
//!
//! The mailbox is private to the library, and stays so: its source is compiled into this bench as it is. By itself it is used by one
//! thread, then by two, of which one puts in and one takes out. Then a cluster of one in memory is asked, by so many clients with so many
//! questions under way each: `reads what is applied` is the mailbox, a turn of the node in which nothing happens, and the reply; `proposes`
//! adds a log, a commit and a state machine.
//!
//! With more threads than processors the figures are the scheduler's.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use seaworthy::{Builder, Index, Limits, Network, NodeId, NodeSet, Raft, Raw, Reply, StateMachine};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt::Debug;
use std::hint::black_box;
use std::thread;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// The library's own source, of which the bench uses a part.
#[expect(dead_code, reason = "the library uses the rest")]
#[path = "../../impl/runtime/src/sync/mailbox.rs"]
mod mailbox;
#[expect(dead_code, unused_imports, reason = "the library uses the rest")]
#[path = "../../impl/runtime/src/sync/primitive.rs"]
mod primitive;

use mailbox::{Receiver, mailbox};
use std::time::Duration;

const LIMIT: usize = 1 << 20;

/// One thread puts in so many, and takes them out.
fn alone(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mailbox, one thread");
    for count in [1, 64] {
        group.throughput(Throughput::Elements(count));
        let (sender, mut receiver) = mailbox(LIMIT);
        let mut taken: Vec<u64> = Vec::new();
        let mut turn = || {
            taken.clear();
            (0..count).for_each(|item| sender.try_push_weighing(black_box(item), 1).expect("there is room"));
            receiver.take(&mut taken);
            taken.iter().sum::<u64>()
        };
        assert_eq!(turn(), count * (count - 1) / 2);
        group.bench_function(BenchmarkId::new("at a time", count), |bencher| bencher.iter(&mut turn));
    }
    group.finish();
}

/// One thread puts in, another takes out and waits when there is nothing.
fn hand_over(criterion: &mut Criterion) {
    const ITEMS: u64 = 100_000;
    let mut group = criterion.benchmark_group("mailbox, two threads");
    group.sample_size(20).throughput(Throughput::Elements(ITEMS));
    group.bench_function("handed over", |bencher| {
        bencher.iter_batched(
            || mailbox(LIMIT),
            |(sender, receiver)| {
                let receiving = thread::spawn(move || sum_of(receiver, ITEMS));
                (0..ITEMS).for_each(|item| sender.push_weighing(item, 1).expect("somebody takes it out"));
                assert_eq!(receiving.join().ok(), Some(ITEMS * (ITEMS - 1) / 2), "each arrives once");
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn sum_of(mut receiver: Receiver<u64>, items: u64) -> u64 {
    let (mut taken, mut count, mut sum) = (Vec::new(), 0, 0);
    while count < items {
        receiver.wait(None);
        receiver.take(&mut taken);
        count += taken.len() as u64;
        sum += taken.drain(..).sum::<u64>();
    }
    sum
}

/// Counts what it is told.
#[derive(Default)]
struct Counter(u64);

impl StateMachine for Counter {
    type Command = Raw<u64>;
    type Response = u64;

    fn apply(&mut self, _: Index, Raw(command): Raw<u64>) -> u64 {
        self.0 += 1;
        command
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let count = self.0;
        move |out| out.extend_from_slice(&count.to_le_bytes())
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0 = u64::from_le_bytes(snapshot.try_into()?);
        Ok(())
    }
}

/// A cluster of one, which leads.
fn one_node() -> Raft<Counter> {
    let limits = Limits { proposals: 1 << 20, reads: 1 << 20, ..Limits::default() };
    let id = NodeId::new(1).expect("1 is a node");
    let builder = Builder::new(1, id, NodeSet::first(1), &Network::default()).limits(limits);
    let raft = builder.start(Counter::default()).expect("nothing is on a disk");
    let mut leadership = raft.leadership();
    while leadership.wait().expect("it runs").id.is_none() {}
    raft
}

/// Asks so many times, with so many questions under way.
fn ask<T, E: Copy + Debug>(count: u64, in_flight: usize, question: impl Fn(u64) -> Reply<T, E>) {
    let mut flying = VecDeque::with_capacity(in_flight);
    let wait = |reply: Reply<T, E>| drop(black_box(reply.wait().expect("the node leads")));
    for number in 0..count {
        if flying.len() == in_flight {
            flying.pop_front().into_iter().for_each(wait);
        }
        flying.push_back(question(number));
    }
    flying.into_iter().for_each(wait);
}

fn ask_by_all<T, E: Copy + Debug>(
    clients: u64,
    in_flight: usize,
    question: impl Fn(u64) -> Reply<T, E> + Sync,
) {
    let each = QUESTIONS / clients;
    if clients == 1 {
        return ask(each, in_flight, question);
    }
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| ask(each, in_flight, &question));
        }
    });
}

/// How often a node is asked in all, so that starting threads is a small part.
const QUESTIONS: u64 = 8_192;

fn through_the_handle(criterion: &mut Criterion) {
    let raft = one_node();
    for (clients, in_flight) in [(1, 1), (1, 64), (1, 1_024), (4, 64)] {
        let name = format!("one node, clients {clients}, under way {in_flight}");
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20).throughput(Throughput::Elements(QUESTIONS));
        group.bench_function("reads what is applied", |bencher| {
            bencher.iter(|| ask_by_all(clients, in_flight, |_| raft.read_stale(|counter| counter.0)));
        });
        let before = raft.metrics().counters.proposals;
        let mut asked = 0;
        group.bench_function("proposes", |bencher| {
            bencher.iter(|| {
                asked += QUESTIONS;
                ask_by_all(clients, in_flight, |number| raft.propose(&Raw(number)));
            });
        });
        let applied = raft.read(|counter| counter.0).wait().expect("it leads");
        assert_eq!(applied, before + asked, "each was applied once");
        group.finish();
    }
    raft.shutdown().expect("it ran until now");
}

fn main() {
    // A few minutes for all benches; `--measurement-time` on the command line takes longer.
    let (warm_up, measured) = (Duration::from_millis(500), Duration::from_millis(1_500));
    let criterion = Criterion::default().warm_up_time(warm_up).measurement_time(measured);
    let mut criterion = criterion.configure_from_args();
    alone(&mut criterion);
    hand_over(&mut criterion);
    through_the_handle(&mut criterion);
    criterion.final_summary();
}
