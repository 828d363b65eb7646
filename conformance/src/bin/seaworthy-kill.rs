//! Real processes on real disks, killed and stopped in the middle of their work, until so many rounds are over.

use clap::{Parser, Subcommand};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use seaworthy::{Builder, Index, NodeId, NodeSet, ProposeError, Raft, Raw, StateMachine, init};
use std::collections::BTreeSet;
use std::error::Error;
use std::io::{BufRead, BufReader, Write, stdin};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Kills the processes of a cluster, round after round, while a client writes numbers. Every number that was acknowledged must be there
/// in the end, on every node, and all nodes must have the same.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// `kill -9` of the leader, again and again: how long until the next write is acknowledged?
    Leader {
        /// How often
        #[arg(long, default_value_t = 50)]
        rounds: usize,
    },
    /// Any node is killed, or stops for a while, at any time
    Any {
        /// How often
        #[arg(long, default_value_t = 200)]
        rounds: usize,
        /// What happens when
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// One node, told on its standard input what to do
    #[command(hide = true)]
    Node { id: u8, directory: PathBuf, addresses: Vec<String> },
}

type Outcome<T> = Result<T, Box<dyn Error>>;

/// All numbers that were ever written.
#[derive(Default)]
struct Numbers(BTreeSet<u64>);

impl StateMachine for Numbers {
    type Command = Raw<u64>;
    type Response = ();

    fn apply(&mut self, _: Index, Raw(number): Raw<u64>) {
        self.0.insert(number);
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let numbers = self.0.clone();
        move |out| numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let numbers = snapshot.chunks(8).map(|bytes| bytes.try_into().map(u64::from_le_bytes));
        self.0 = numbers.collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// The process of one node: a line in, a line out.
fn node(id: u8, directory: &Path, addresses: &[String]) -> Outcome<()> {
    let id = NodeId::new(id).ok_or("a node has a number from 1 to 64")?;
    let count = u8::try_from(addresses.len())?;
    let voters = NodeSet::first(count).iter().zip(addresses.to_owned());
    let raft: Raft<Numbers> = Builder::tcp(1, id, voters).directory(directory).start(Numbers::default())?;
    for line in stdin().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("put", number)) => {
                let said = match raft.propose(&Raw(number.parse()?)).wait() {
                    Ok(()) => format!("ok {number}"),
                    Err(ProposeError::NotLeader { leader }) => {
                        format!("at {}", leader.map_or(0, NodeId::get))
                    }
                    Err(error) => format!("no {error}"),
                };
                println!("{said}");
            }
            Some((_, question)) => match raft.read(|numbers| numbers.0.clone()).wait() {
                Ok(numbers) => {
                    let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
                    println!("has {question} {}", texts.join(","));
                }
                Err(error) => println!("no {error}"),
            },
            None => return Err(format!("\"{line}\" is neither \"put NUMBER\" nor \"all QUESTION\"").into()),
        }
    }
    Ok(())
}

/// Nothing takes so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node's process, as the client sees it.
struct Process {
    child: Child,
    input: ChildStdin,
}

struct Cluster {
    directories: tempfile::TempDir,
    addresses: Vec<String>,
    processes: Vec<Option<Process>>,
    said: Receiver<(usize, String)>,
    says: Sender<(usize, String)>,
    next: u64,
    acknowledged: BTreeSet<u64>,
    /// Whom to ask first.
    leader: usize,
    questions: u64,
}

impl Cluster {
    fn start() -> Outcome<Self> {
        let directories = tempfile::tempdir()?;
        // The system chooses ports. Another process may take one before its node does; then the node says so.
        let listeners: Vec<TcpListener> =
            (0..3).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
        let address = |listener: &TcpListener| listener.local_addr().map(|address| address.to_string());
        let addresses = listeners.iter().map(address).collect::<Result<_, _>>()?;
        drop(listeners);
        let (says, said) = channel();
        let processes = vec![None, None, None];
        let (next, acknowledged) = (0, BTreeSet::new());
        let mut cluster = Self {
            directories,
            addresses,
            processes,
            said,
            says,
            next,
            acknowledged,
            leader: 0,
            questions: 0,
        };
        for place in 0..3 {
            let id = NodeId::new(u8::try_from(place + 1)?).ok_or("a node has a number")?;
            init(&cluster.directory(place), 1, id)?;
            cluster.launch(place)?;
        }
        Ok(cluster)
    }

    fn directory(&self, place: usize) -> PathBuf {
        self.directories.path().join((place + 1).to_string())
    }

    fn launch(&mut self, place: usize) -> Outcome<()> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("node").arg((place + 1).to_string()).arg(self.directory(place)).args(&self.addresses);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take().ok_or("a pipe")?, child.stdout.take().ok_or("a pipe")?);
        let says = self.says.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if says.send((place, line)).is_err() {
                    return;
                }
            }
            let _ = says.send((place, "gone".to_owned()));
        });
        self.processes[place] = Some(Process { child, input });
        Ok(())
    }

    /// Says something to a node; false if it is not there.
    fn tell(&mut self, place: usize, line: &str) -> bool {
        let Some(process) = &mut self.processes[place] else { return false };
        writeln!(process.input, "{line}").and_then(|()| process.input.flush()).is_ok()
    }

    /// Takes in what a node says. Acknowledgements count whenever they come.
    fn hear(&mut self, patience: Duration) -> Option<(usize, String)> {
        let (place, line) = self.said.recv_timeout(patience).ok()?;
        if let Some(number) = line.strip_prefix("ok ").and_then(|number| number.parse().ok()) {
            self.acknowledged.insert(number);
            self.leader = place;
        }
        Some((place, line))
    }

    /// Writes the next number, to one node after the other, until one acknowledges one.
    fn write(&mut self) -> Outcome<()> {
        self.next += 1;
        let line = format!("put {}", self.next);
        let before = self.acknowledged.len();
        let began = Instant::now();
        let mut place = self.leader;
        while self.acknowledged.len() == before {
            if began.elapsed() > PATIENCE {
                return Err("no write was acknowledged for half a minute".into());
            }
            let mut named = None;
            if self.tell(place, &line) {
                // It answers at once if it does not lead, and otherwise when it knows: a stopped one does not answer at all.
                let asked = Instant::now();
                while asked.elapsed() < Duration::from_millis(500) {
                    match self.hear(Duration::from_millis(100)) {
                        Some((from, said)) if from == place => {
                            named = said.strip_prefix("at ").and_then(|id| id.parse::<usize>().ok());
                            break;
                        }
                        Some(_) | None => {}
                    }
                }
            }
            place = named.and_then(|id| id.checked_sub(1)).unwrap_or((place + 1) % 3);
            // Nobody leads for a while: what still comes is heard meanwhile.
            self.hear(Duration::from_millis(2));
        }
        Ok(())
    }

    fn kill(&mut self, place: usize) -> Outcome<()> {
        if let Some(mut process) = self.processes[place].take() {
            process.child.kill()?;
            process.child.wait()?;
        }
        Ok(())
    }

    fn signal(&self, place: usize, signal: &str) -> Outcome<()> {
        let Some(process) = &self.processes[place] else { return Ok(()) };
        let sent = Command::new("kill").args([signal, &process.child.id().to_string()]).status()?;
        if sent.success() { Ok(()) } else { Err(format!("kill {signal} failed").into()) }
    }

    /// Every node has the same, and all that was acknowledged before it was asked.
    fn check(&mut self) -> Outcome<usize> {
        self.write()?;
        let due = self.acknowledged.clone();
        let began = Instant::now();
        loop {
            let states: Vec<BTreeSet<u64>> = (0..3).map(|place| self.ask(place)).collect::<Result<_, _>>()?;
            for (place, state) in states.iter().enumerate() {
                let lost: Vec<&u64> = due.difference(state).collect();
                if !lost.is_empty() {
                    return Err(format!("node {} has lost {lost:?}", place + 1).into());
                }
            }
            if states.iter().all(|state| *state == states[0]) {
                return Ok(due.len());
            }
            // A write that nobody waits for any more may have come between two questions.
            if began.elapsed() > PATIENCE {
                return Err("the nodes differ for half a minute".into());
            }
        }
    }

    /// What a node has. It is asked until it answers; an answer to an earlier question says nothing about this one.
    fn ask(&mut self, place: usize) -> Outcome<BTreeSet<u64>> {
        self.questions += 1;
        let (question, answer) = (format!("all {}", self.questions), format!("has {} ", self.questions));
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            self.tell(place, &question);
            let asked = Instant::now();
            while asked.elapsed() < Duration::from_secs(2) {
                match self.hear(Duration::from_secs(1)) {
                    Some((from, said)) if from == place && said.starts_with("no ") => break,
                    Some((from, said)) if from == place && said.starts_with(&answer) => {
                        let numbers = said[answer.len()..].split(',').filter(|text| !text.is_empty());
                        return Ok(numbers.map(str::parse).collect::<Result<_, _>>()?);
                    }
                    Some(_) | None => {}
                }
            }
        }
        Err(format!("node {} says nothing for half a minute", place + 1).into())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        (0..3).for_each(|place| drop(self.kill(place)));
    }
}

fn leader(rounds: usize) -> Outcome<()> {
    let mut cluster = Cluster::start()?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        (0..50).try_for_each(|_| cluster.write())?;
        let leader = cluster.leader;
        cluster.kill(leader)?;
        let killed = Instant::now();
        cluster.write()?;
        times.push(killed.elapsed());
        cluster.launch(leader)?;
        cluster.check()?;
    }
    let acknowledged = cluster.check()?;
    times.sort();
    let (middle, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{rounds} leaders killed, {acknowledged} writes acknowledged, none lost, all nodes equal");
    println!(
        "to the next acknowledged write: median {middle:.0?}, at least {:.0?}, at most {longest:.0?}",
        times[0]
    );
    Ok(())
}

fn any(rounds: usize, seed: u64) -> Outcome<()> {
    let mut dice = Pcg64Mcg::seed_from_u64(seed);
    let mut cluster = Cluster::start()?;
    let (mut killed, mut stopped) = (0, 0);
    for _ in 0..rounds {
        let (place, kills) = (dice.random_range(0..3), dice.random_bool(0.7));
        let (before, during) = (dice.random_range(1..40), dice.random_range(1..40));
        (0..before).try_for_each(|_| cluster.write())?;
        if kills {
            killed += 1;
            // With a write on its way.
            cluster.next += 1;
            let line = format!("put {}", cluster.next);
            cluster.tell(cluster.leader, &line);
            cluster.kill(place)?;
        } else {
            stopped += 1;
            cluster.signal(place, "-STOP")?;
        }
        (0..during).try_for_each(|_| cluster.write())?;
        if kills { cluster.launch(place)? } else { cluster.signal(place, "-CONT")? }
    }
    let acknowledged = cluster.check()?;
    println!(
        "{killed} kills and {stopped} stops, {acknowledged} writes acknowledged, none lost, all nodes equal"
    );
    Ok(())
}

fn main() -> Outcome<()> {
    match Arguments::parse().command {
        Kind::Leader { rounds } => leader(rounds),
        Kind::Any { rounds, seed } => any(rounds, seed),
        Kind::Node { id, directory, addresses } => node(id, &directory, &addresses),
    }
}
