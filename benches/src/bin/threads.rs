//! Three nodes with threads, through the public API, in memory: entries per second, and what they cost.
//!
//! ```text
//! cargo run --release -p seaworthy-benches --bin threads -- IN_FLIGHT ENTRIES
//! cargo run --release -p seaworthy-benches --bin threads -- 0 SECONDS          # what an idle cluster costs
//! ```

use seaworthy::{Builder, Compaction, Index, Limits, Network, NodeSet, Raft, Raw, Reply, StateMachine};
use std::collections::VecDeque;
use std::error::Error;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// The state machine of the comparison: a counter, and a checksum over every word of every payload.
#[derive(Default)]
struct Checksum {
    count: u64,
    sum: u64,
}

impl StateMachine for Checksum {
    type Command = Raw<Arc<[u8]>>;
    type Response = u64;

    fn apply(&mut self, _: Index, Raw(payload): Self::Command) -> u64 {
        self.count += 1;
        for word in payload.chunks_exact(8) {
            let word = word.try_into().map_or(0, u64::from_le_bytes);
            self.sum = self.sum.rotate_left(1) ^ word;
        }
        self.count
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let numbers = [self.count, self.sum];
        move |out| numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (count, sum) = snapshot.split_at_checked(8).ok_or("too short")?;
        (self.count, self.sum) = (u64::from_le_bytes(count.try_into()?), u64::from_le_bytes(sum.try_into()?));
        Ok(())
    }
}

fn payload(number: u64, size: usize) -> Raw<Arc<[u8]>> {
    let mut bytes = vec![0x5e; size];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Raw(bytes.into())
}

type Pending = Reply<u64, seaworthy::ProposeError>;

fn run(leader: &Raft<Checksum>, in_flight: usize, entries: u64) -> Result<(), Box<dyn Error>> {
    let mut flying: VecDeque<Pending> = VecDeque::new();
    for number in 0..entries {
        if flying.len() == in_flight {
            if let Some(reply) = flying.pop_front() {
                reply.wait()?;
            }
        }
        flying.push_back(leader.propose(&payload(number, 64)));
    }
    flying.into_iter().try_for_each(|reply| reply.wait().map(drop))?;
    Ok(())
}

/// Seconds of all threads of this process.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> =
        stat.split_whitespace().skip(13).take(2).filter_map(|field| field.parse().ok()).collect();
    fields.iter().sum::<f64>() / 100.0
}

fn idle(seconds: u64) -> Result<(), Box<dyn Error>> {
    let before = cpu();
    thread::sleep(Duration::from_secs(seconds));
    println!("idle: {:.2} % of a core a node", 100.0 * (cpu() - before) / seconds as f64 / 3.0);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let in_flight: usize = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let entries: u64 = arguments.next().map_or(Ok(600_000), |text| text.parse())?;
    let (network, voters) = (Network::default(), NodeSet::first(3));
    let start = |id| {
        let compaction = Compaction { every: 4_096, keep: 8_192, keep_for_slow: 65_536 };
        let limits = Limits { proposals: 1 << 20, ..Limits::default() };
        Builder::new(1, id, voters, &network).compaction(compaction).limits(limits).start(Checksum::default())
    };
    let nodes: Vec<_> = voters.iter().map(start).collect::<Result<_, _>>()?;
    let mut leadership = nodes[0].leadership();
    let leader = loop {
        if let Some(id) = leadership.wait()?.id {
            break &nodes[usize::from(id.get()) - 1];
        }
    };
    if in_flight == 0 {
        return idle(entries);
    }
    run(leader, in_flight, entries / 10)?;
    let (began, cpu_before) = (Instant::now(), cpu());
    run(leader, in_flight, entries)?;
    let goal = leader.status().applied;
    nodes.iter().try_for_each(|raft| raft.wait_for_applied(goal).wait().map(drop))?;
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu() - cpu_before);
    let mut states = Vec::new();
    for raft in &nodes {
        states.push(raft.read(|state| (state.count, state.sum)).wait()?);
    }
    assert!(states.iter().all(|state| *state == states[0]), "the replicas differ: {states:?}");
    let per_entry = |seconds: f64| 1e9 * seconds / entries as f64;
    println!(
        "{in_flight} in flight: {:.0} entries/s, CPU {:.0} ns an entry",
        entries as f64 / seconds,
        per_entry(cpu)
    );
    Ok(())
}
