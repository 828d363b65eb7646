//! How many states a second the checker goes through: `seaworthy-model` beside stateright's own way to write such a model, on one thread.
//!
//! ```console
//! $ cargo bench -p seaworthy-benches --bench checker
//! ```
//!
//! The tiny protocol is an election among three nodes in one term, by `seaworthy_protocol::Node<u8>`, the shipped transition functions, on
//! either side. One side is `seaworthy-model` with a box that small; the other is an `ActorModel` whose actors are those nodes, with
//! stateright's network that duplicates and never forgets. Time-outs, heartbeats and deliveries are the same, disks complete at once, and
//! both judge that a term has one leader at most. Before anything is measured both are counted: without reductions they have the very same
//! 6,374 states.
//!
//! What can be compared is the time until the end: the same states of the same protocol, found by the same engine (stateright's breadth
//! first search) on one thread. What cannot, or not without thinking:
//!
//! - *Generated states a second*, which is what the throughput shows. Stateright's network remembers what was delivered last, so that it
//!   takes five times as many states for different, and most of those that it generates are repetitions.
//! - `seaworthy-model` judges a dozen properties more at each state, and keeps what they need. It takes states that differ only in the
//!   nodes' names for one and forgets dead messages, if it is let: far fewer states, which cost more each.
//! - Not measured: more threads, and memory. Every repetition leaves the parts of its states behind (`interned.rs` says why), which are few
//!   here.
//!
//! Last comes `smoke`, with a log, a crash, and the calm schedule that is run from every state: nothing stands beside that.

use criterion::{BatchSize, Criterion, Throughput};
use seaworthy_model::bounds::{Batching, Bounds};
use seaworthy_model::check::{Engine, Options, Until, run};
use seaworthy_model::system::Raft;
use seaworthy_protocol::{
    Config, Durable, Effects, Entry, Envelope, Input, Node, NodeId, NodeSet, Recording, Term,
};
use stateright::actor::{Actor, ActorModel, ActorModelState, Id, Out, model_timeout};
use stateright::{Checker, Expectation, Model};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::hint::black_box;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NODES: u8 = 3;
const MAX_TERM: Term = Term(1);

type Sent = Envelope<Vec<Entry<u8>>>;

/// A shipped node as one of stateright's actors.
struct Server(Config);

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Timer {
    Election,
    Heartbeat,
    /// What a driver feeds after each batch of inputs.
    Replicate,
}

impl Server {
    /// One step, and what the disk's completion brings about. A step that comes to nothing leaves the state borrowed, and stateright counts
    /// none.
    fn step(&self, state: &mut Cow<'_, Node<u8>>, input: Input<u8>, out: &mut Out<Self>) {
        let mut node = state.as_ref().clone();
        let mut fx = Effects::new(Recording::default());
        node.step(&self.0, input, &mut fx);
        while let Some(ack) = fx.ack.take() {
            node.step(&self.0, Input::<u8>::WritesDurable(ack), &mut fx);
        }
        let Effects { sink: Recording { now, after_writes, .. }, .. } = fx;
        for envelope in now.into_iter().chain(after_writes) {
            out.send(Id::from(usize::from(envelope.to.get()) - 1), envelope);
        }
        if node != **state {
            *state.to_mut() = node;
        }
    }
}

impl Actor for Server {
    type Msg = Sent;
    type Random = ();
    type State = Node<u8>;
    type Storage = ();
    type Timer = Timer;

    fn on_start(&self, id: Id, _: &Option<()>, out: &mut Out<Self>) -> Node<u8> {
        for timer in [Timer::Election, Timer::Heartbeat, Timer::Replicate] {
            out.set_timer(timer, model_timeout());
        }
        let number = u8::try_from(usize::from(id) + 1).ok();
        Node::restart(number.and_then(NodeId::new).expect("1 to 3"), Durable::default())
    }

    fn on_msg(&self, _: Id, state: &mut Cow<'_, Node<u8>>, _: Id, message: Sent, out: &mut Out<Self>) {
        self.step(state, Input::Receive(message), out);
    }

    fn on_timeout(&self, _: Id, state: &mut Cow<'_, Node<u8>>, timer: &Timer, out: &mut Out<Self>) {
        // It runs on, whatever comes of it: timers are no part of what states differ by.
        out.set_timer(*timer, model_timeout());
        match timer {
            Timer::Election if !state.is_leader() && state.current_term() < MAX_TERM => {
                self.step(state, Input::ElectionTimeout, out);
            }
            Timer::Heartbeat if state.is_leader() => self.step(state, Input::HeartbeatTimeout, out),
            Timer::Replicate if state.is_leader() => self.step(state, Input::Replicate, out),
            Timer::Election | Timer::Heartbeat | Timer::Replicate => {}
        }
    }
}

fn actors() -> ActorModel<Server> {
    let config = Config::new(NodeSet::first(NODES)).expect("three voters");
    let config = config.with_pre_vote(false).with_check_quorum(false).with_window(None);
    ActorModel::new((), ())
        .actors((0..NODES).map(|_| Server(config)))
        .property(Expectation::Always, "election safety", |_, state| {
            state.actor_states.iter().filter(|node| node.is_leader()).count() <= 1
        })
        .property(Expectation::Sometimes, "somebody is elected", |_, state| {
            state.actor_states.iter().any(|node| node.is_leader())
        })
}

/// `smoke` without its value and its crash.
fn election(is_reduced: bool) -> Bounds {
    Bounds {
        max_term: MAX_TERM,
        proposals: 0,
        crashes: 0,
        calm_rounds: 0,
        symmetry: is_reduced,
        removes_dead_messages: is_reduced,
        ..smoke()
    }
}

fn smoke() -> Bounds {
    let smoke = Bounds::all().into_iter().find(|bounds| bounds.name == "smoke");
    Bounds { batching: Batching::One, ..smoke.expect("there is such a box") }
}

/// Generated and distinct states of a box.
fn exhaust(model: Raft) -> (u64, u64) {
    let options = Options { engine: Engine::Bfs, threads: 1, until: Until::Violation, ..Options::default() };
    let report = run(model, options);
    assert!(report.verdicts.iter().all(|verdict| verdict.counterexample.is_none()), "no property falls");
    (report.generated, report.distinct)
}

/// The same of the actors.
fn exhaust_actors(model: ActorModel<Server>) -> (u64, u64) {
    let checker = model.checker().threads(1).spawn_bfs().join();
    checker.assert_properties();
    (checker.state_count() as u64, checker.unique_state_count() as u64)
}

/// How many states the actors have, when what was delivered last does not make another of them.
fn different_states() -> u64 {
    let model = actors();
    let essence = |state: &ActorModelState<Server>| {
        let sent: BTreeSet<Sent> = state.network.iter_all().map(|envelope| envelope.msg.clone()).collect();
        (state.actor_states.clone(), sent)
    };
    let mut waiting = model.init_states();
    let mut seen: HashSet<_> = waiting.iter().map(essence).collect();
    while let Some(state) = waiting.pop() {
        waiting.extend(model.next_states(&state).into_iter().filter(|next| seen.insert(essence(next))));
    }
    seen.len() as u64
}

fn main() {
    // A few minutes for all benches; `--measurement-time` on the command line takes longer.
    let (warm_up, measured) = (Duration::from_millis(500), Duration::from_millis(1_500));
    let criterion = Criterion::default().warm_up_time(warm_up).measurement_time(measured);
    let mut criterion = criterion.configure_from_args();
    let mut group = criterion.benchmark_group("checker, generated states");
    group.sample_size(10);

    let (generated, distinct) = exhaust_actors(actors());
    let different = different_states();
    println!(
        "election, ActorModel: {generated} states generated, {distinct} distinct, {different} different"
    );
    assert_eq!(different, exhaust(Raft::new(election(false))).1, "both go through the same states");
    group.throughput(Throughput::Elements(generated));
    group.bench_function("election, ActorModel", |bencher| {
        bencher.iter_batched(actors, |model| exhaust_actors(black_box(model)), BatchSize::PerIteration);
    });
    for (name, bounds) in [
        ("election, seaworthy-model without its reductions", election(false)),
        ("election, seaworthy-model", election(true)),
        ("smoke, seaworthy-model", smoke()),
    ] {
        let (generated, distinct) = exhaust(Raft::new(bounds));
        println!("{name}: {generated} states generated, {distinct} distinct");
        group.throughput(Throughput::Elements(generated));
        group.bench_function(name, |bencher| {
            let setup = || Raft::new(black_box(bounds));
            bencher.iter_batched(setup, exhaust, BatchSize::PerIteration);
        });
    }
    group.finish();
    criterion.final_summary();
}
