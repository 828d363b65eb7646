//! A few nodes in vectors: time passes when it is told to, messages arrive when all is settled, disks work at once or not at all.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use seaworthy::codec::decode_frame;
use seaworthy::wal::DiskError;
use seaworthy::{
    Building, Compaction, Done, Event, Limits, NodeLoop, Raw, Request, RequestError, Settings, StateMachine,
    Status, Stop, Task, Token, Work, World,
};
use seaworthy_protocol::{Chunk, Config, Durable, Entry, Envelope, Index, NodeId, NodeSet, PeerFault};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::time::Duration;

/// How many proposals wait at a node here.
pub(crate) const LIMIT: u64 = 100;

pub(crate) fn n(count: u8) -> impl Iterator<Item = NodeId> {
    (1..=count).filter_map(NodeId::new)
}

/// All commands, in order.
#[derive(Default)]
struct List(Vec<u64>);

impl StateMachine for List {
    type Command = Raw<u64>;
    type Response = Index;

    fn apply(&mut self, index: Index, Raw(command): Raw<u64>) -> Index {
        self.0.push(command);
        index
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let list = self.0.clone();
        move |out| list.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let numbers = snapshot.chunks_exact(8).map(|bytes| bytes.try_into().map_or(0, u64::from_le_bytes));
        self.0 = numbers.collect();
        Ok(())
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Answered {
    Applied(u64),
    Read(Vec<u64>),
    Transferred,
    Refused(RequestError),
}

struct Port {
    inbox: VecDeque<Event<u64>>,
    disk: VecDeque<Work>,
    /// A batch for which there was no room.
    refused: Option<Work>,
}

pub(crate) struct Nodes {
    pub(crate) now: Duration,
    /// Every message that left a node.
    pub(crate) sent: Vec<Envelope<Vec<Entry<u64>>>>,
    /// How many batches were handed to disks.
    pub(crate) written: usize,
    pub(crate) disks_work: bool,
    /// Nobody reaches anybody.
    pub(crate) cut: bool,
    /// Whom nothing reaches.
    pub(crate) deaf: BTreeSet<NodeId>,
    /// Whose disk has no room.
    pub(crate) refuses: BTreeSet<NodeId>,
    loops: BTreeMap<NodeId, NodeLoop<List>>,
    ports: BTreeMap<NodeId, Port>,
    flying: Vec<Envelope<Vec<Entry<u64>>>>,
    answers: BTreeMap<Token, Answered>,
    last_token: u64,
    dice: StdRng,
}

struct View<'a> {
    now: Duration,
    dice: &'a mut StdRng,
    port: &'a mut Port,
    flying: &'a mut Vec<Envelope<Vec<Entry<u64>>>>,
    written: &'a mut usize,
    answers: &'a mut BTreeMap<Token, Answered>,
}

impl View<'_> {
    fn say(&mut self, token: Token, answered: Answered) {
        let before = self.answers.insert(token, answered);
        assert_eq!(before, None, "{token:?} was answered twice");
    }
}

impl World<List> for View<'_> {
    fn now(&self) -> Duration {
        self.now
    }

    fn draw(&mut self, from: Duration, to: Duration) -> Duration {
        self.dice.random_range(from..=to)
    }

    fn next_event(&mut self) -> Option<Event<u64>> {
        self.port.inbox.pop_front()
    }

    fn send(&mut self, _: NodeId, frame: &[u8]) {
        self.flying.push(decode_frame(frame).expect("it was encoded by the same version").envelope);
    }

    fn submit(&mut self, work: Work) {
        match work {
            Work::Retry => self.port.disk.extend(self.port.refused.take()),
            Work::Append { .. } => {
                *self.written += 1;
                self.port.disk.push_back(work);
            }
            Work::Stage { .. } | Work::KeepStaged(_) | Work::Save { .. } => self.port.disk.push_back(work),
        }
    }

    fn build(&mut self, building: Building) {
        self.submit(building.finish());
    }

    fn apply(&mut self, task: Task<u64>) {
        unreachable!("the state machines are in their loops: {task:?}");
    }

    fn read_snapshot(&mut self, _: Chunk) -> Option<Vec<u8>> {
        None
    }

    fn answer(&mut self, token: Token, answer: Result<Index, RequestError>) {
        let answered = answer.map_or_else(Answered::Refused, |index| Answered::Applied(index.0));
        self.say(token, answered);
    }

    fn read(&mut self, token: Token, state_machine: &List) {
        self.say(token, Answered::Read(state_machine.0.clone()));
    }

    fn transferred(&mut self, token: Token) {
        self.say(token, Answered::Transferred);
    }

    fn fault(&mut self, fault: PeerFault) {
        panic!("{fault}");
    }
}

impl Nodes {
    pub(crate) fn new(count: u8) -> Self {
        Self::with_command_bytes(count, Limits::default().command_bytes)
    }

    pub(crate) fn with_command_bytes(count: u8, command_bytes: usize) -> Self {
        let port = || Port { inbox: VecDeque::new(), disk: VecDeque::new(), refused: None };
        let mut nodes = Self {
            now: Duration::ZERO,
            sent: Vec::new(),
            written: 0,
            disks_work: true,
            cut: false,
            deaf: BTreeSet::new(),
            refuses: BTreeSet::new(),
            loops: BTreeMap::new(),
            ports: n(count).map(|id| (id, port())).collect(),
            flying: Vec::new(),
            answers: BTreeMap::new(),
            last_token: 0,
            dice: StdRng::seed_from_u64(1),
        };
        let limits = Limits { proposals: 100, command_bytes, ..Limits::default() };
        let settings = Settings { limits, ..Settings::new(Config::new(NodeSet::first(count)).unwrap()) };
        for id in n(count) {
            let (_, mut view) = nodes.view(id);
            let started = NodeLoop::start(id, 1, Durable::default(), List::default(), settings, &mut view);
            nodes.loops.insert(id, started.unwrap());
        }
        nodes
    }

    /// From now on all of them make snapshots like this.
    pub(crate) fn compact(&mut self, compaction: Compaction) {
        self.loops.values_mut().for_each(|node| node.set_compaction(compaction));
    }

    fn view(&mut self, id: NodeId) -> (Option<&mut NodeLoop<List>>, View<'_>) {
        let port = self.ports.get_mut(&id).unwrap();
        let Self { now, dice, flying, written, answers, .. } = self;
        (self.loops.get_mut(&id), View { now: *now, dice, port, flying, written, answers })
    }

    pub(crate) fn try_turn(&mut self, id: NodeId) -> Result<(), Stop> {
        let (node, mut view) = self.view(id);
        let outcome = node.unwrap().turn(&mut view);
        self.sent.extend(self.flying.iter().cloned());
        let flying = std::mem::take(&mut self.flying);
        if !self.cut {
            for envelope in flying {
                if !self.deaf.contains(&envelope.to) {
                    let inbox = &mut self.ports.get_mut(&envelope.to).unwrap().inbox;
                    inbox.push_back(Event::Message { envelope, chunk: Vec::new() });
                }
            }
        }
        outcome
    }

    pub(crate) fn turn(&mut self, id: NodeId) {
        self.try_turn(id).unwrap();
    }

    /// All that can happen without time passing happens.
    pub(crate) fn settle(&mut self) {
        let ids: Vec<NodeId> = self.ports.keys().copied().collect();
        while ids.iter().any(|id| self.work(*id) || !self.ports[id].inbox.is_empty()) {
            ids.iter().for_each(|id| self.turn(*id));
        }
    }

    /// A disk does all it has to do. True if there was something.
    fn work(&mut self, id: NodeId) -> bool {
        let refuses = self.refuses.contains(&id);
        if !self.disks_work {
            return false;
        }
        let port = self.ports.get_mut(&id).unwrap();
        let Some(work) = port.disk.pop_front() else { return false };
        match work {
            Work::Append { .. } if refuses => {
                port.refused = Some(work);
                port.inbox.push_back(Event::Disk(Done::Refused));
            }
            Work::Append { number, batch: mut space } => {
                space.clear();
                port.inbox.push_back(Event::Disk(Done::Appended { number, space }));
            }
            Work::Save { snapshot, .. } => port.inbox.push_back(Event::Disk(Done::Saved(snapshot))),
            Work::Stage { .. } | Work::KeepStaged(_) | Work::Retry => {}
        }
        true
    }

    /// Time passes, and what is due happens at its moment.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.pass_until(self.now + time);
    }

    pub(crate) fn pass_until(&mut self, end: Duration) {
        loop {
            self.settle();
            let (at, id) = self.loops.iter().map(|(id, node)| (node.next_timer(), *id)).min().unwrap();
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            self.turn(id);
        }
        self.now = end;
    }

    /// Time passes until somebody leads whom a majority hears.
    pub(crate) fn elect(&mut self) -> NodeId {
        for _ in 0..300 {
            let highest = self.loops.values().map(|node| node.status().term).max();
            let leads =
                |node: &&NodeLoop<List>| node.node().is_leader() && Some(node.status().term) == highest;
            if let Some(leader) = self.loops.values().find(leads).map(|node| node.status().id) {
                return leader;
            }
            self.pass(Duration::from_millis(10));
        }
        panic!("nobody was elected in three seconds");
    }

    pub(crate) fn lose_all(&mut self) {
        self.ports.values_mut().for_each(|port| port.inbox.clear());
    }

    pub(crate) fn fail_disk(&mut self, id: NodeId) {
        let failed = Done::Failed(DiskError::Poisoned);
        self.ports.get_mut(&id).unwrap().inbox.push_back(Event::Disk(failed));
    }

    fn ask(&mut self, id: NodeId, request: Request<u64>) -> Token {
        self.last_token += 1;
        let token = Token(self.last_token);
        self.ports.get_mut(&id).unwrap().inbox.push_back(Event::Request { token, request });
        token
    }

    pub(crate) fn ask_to_propose(&mut self, id: NodeId, command: u64) -> Token {
        self.ask(id, Request::Propose(command))
    }

    pub(crate) fn propose(&mut self, id: NodeId, command: u64) -> Token {
        let token = self.ask_to_propose(id, command);
        self.turn(id);
        token
    }

    pub(crate) fn ask_to_read(&mut self, id: NodeId) -> Token {
        self.ask(id, Request::Read)
    }

    pub(crate) fn ask_to_transfer(&mut self, id: NodeId, to: NodeId) -> Token {
        self.ask(id, Request::Transfer { to })
    }

    pub(crate) fn answer(&self, token: Token) -> Option<Answered> {
        self.answers.get(&token).cloned()
    }

    pub(crate) fn leads(&self, id: NodeId) -> bool {
        self.loops[&id].node().is_leader()
    }

    /// Where its log begins, and where it ends.
    pub(crate) fn log(&self, id: NodeId) -> (u64, u64) {
        let Status { base, last, .. } = self.loops[&id].status();
        (base.0, last.index.0)
    }

    pub(crate) fn timer(&self, id: NodeId) -> Duration {
        self.loops[&id].next_timer()
    }

    pub(crate) fn applied(&self, id: NodeId) -> &[u64] {
        &self.loops[&id].state_machine().expect("it is in its loop").0
    }
}
