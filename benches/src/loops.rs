//! A few node loops in one thread, and a world of a few vectors around them that asks the allocator for nothing once it has grown.
//!
//! Messages are encoded and decoded as on a wire, disks complete at once and hold nothing, and time stands still unless it is told to pass.
//! So what is counted is the loop, the protocol in it, and the codec.

use crate::workload::{Checksum, Command};
use seaworthy::codec::decode_frame;
use seaworthy::{
    Building, Compaction, Done, Event, NodeLoop, Raw, Request, RequestError, Settings, StateMachine, Task,
    Timing, Token, Work, World,
};
use seaworthy_protocol::{Chunk, Config, Durable, Index, NodeId, NodeSet, PeerFault};
use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

impl StateMachine for Checksum {
    type Command = Raw<Command>;
    type Response = u64;

    fn apply(&mut self, _: Index, Raw(command): Raw<Command>) -> u64 {
        Self::apply(self, &command);
        self.applied
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let parts = self.to_parts();
        move |out| parts.iter().for_each(|part| out.extend_from_slice(&part.to_le_bytes()))
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        Err("nobody is so far behind as to need a snapshot".into())
    }
}

/// Whose work something is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// A turn of the leader's loop.
    Leader,
    /// A turn of a follower's.
    Follower,
    /// What comes from a peer is decoded: the work of a thread of its own.
    Wire,
}

/// The world around one node.
struct Port {
    now: Duration,
    /// The first node loses patience first.
    is_first: bool,
    inbox: VecDeque<Event<Command>>,
    /// Frames that were sent, one behind the other; to whom each goes, and where it ends.
    frames: Vec<u8>,
    ends: Vec<(NodeId, usize)>,
    answered: u64,
}

impl World<Checksum> for Port {
    fn now(&self) -> Duration {
        self.now
    }

    fn draw(&mut self, from: Duration, to: Duration) -> Duration {
        if self.is_first { from } else { to }
    }

    fn next_event(&mut self) -> Option<Event<Command>> {
        self.inbox.pop_front()
    }

    fn send(&mut self, to: NodeId, frame: &[u8]) {
        self.frames.extend_from_slice(frame);
        self.ends.push((to, self.frames.len()));
    }

    fn submit(&mut self, work: Work) {
        let Work::Append { number, batch: mut space } = work else {
            unreachable!("nobody makes a snapshot: {work:?}")
        };
        space.clear();
        self.inbox.push_back(Event::Disk(Done::Appended { number, space }));
    }

    fn build(&mut self, building: Building) {
        unreachable!("nobody makes a snapshot: {building:?}");
    }

    fn apply(&mut self, task: Task<Command>) {
        unreachable!("the state machines are in their loops: {task:?}");
    }

    fn read_snapshot(&mut self, _: Chunk) -> Option<Vec<u8>> {
        None
    }

    fn answer(&mut self, token: Token, answer: Result<u64, RequestError>) {
        assert_eq!(answer, Ok(token.0 + 1), "commands are applied in the order in which they were proposed");
        self.answered += 1;
    }

    fn read(&mut self, token: Token, _: &Checksum) {
        unreachable!("nobody reads: {token:?}");
    }

    fn transferred(&mut self, token: Token) {
        unreachable!("nobody hands the leadership over: {token:?}");
    }

    fn fault(&mut self, fault: PeerFault) {
        unreachable!("{fault}: all nodes run the same protocol");
    }
}

/// Nodes, the first of which leads.
pub struct Loops {
    nodes: Vec<NodeLoop<Checksum>>,
    ports: Vec<Port>,
    proposed: u64,
}

impl Loops {
    /// So many nodes, the first of which was just elected.
    ///
    /// # Panics
    ///
    /// If the election fails.
    #[must_use]
    pub fn new(count: u8) -> Self {
        let voters = NodeSet::first(count);
        let settings = Settings {
            compaction: Compaction { every: u64::MAX, keep: 0, keep_for_slow: 0 },
            ..Settings::new(Config::new(voters).expect("1 to 64 voters"))
        };
        let mut loops = Self { nodes: Vec::new(), ports: Vec::new(), proposed: 0 };
        for id in voters.iter() {
            let mut port = Port {
                now: Duration::ZERO,
                is_first: id.get() == 1,
                inbox: VecDeque::new(),
                frames: Vec::new(),
                ends: Vec::new(),
                answered: 0,
            };
            let (durable, state_machine) = (Durable::default(), Checksum::default());
            let started = NodeLoop::start(id, 1, durable, state_machine, settings, &mut port);
            loops.nodes.push(started.expect("nothing is in a snapshot"));
            loops.ports.push(port);
        }
        loops.pass(Timing::default().election_min());
        assert!(loops.nodes[0].node().is_leader());
        loops
    }

    /// Keeps `in_flight` proposals under way until `count` more are answered; the commands are the caller's, by their number. `around` is
    /// given each piece of work, to carry it out. Answers in how many batches they were proposed: the leader takes in what clients and
    /// followers have said, each follower what the leader says to that, and when all of a batch is answered comes the next.
    ///
    /// # Panics
    ///
    /// If nothing moves any more.
    pub fn carry(
        &mut self,
        count: u64,
        in_flight: u64,
        mut command: impl FnMut(u64) -> Command,
        mut around: impl FnMut(Part, &mut dyn FnMut()),
    ) -> u64 {
        let (goal, mut batches, mut rounds) = (self.proposed + count, 0, 0);
        while self.ports[0].answered < goal {
            let window = in_flight - (self.proposed - self.ports[0].answered);
            let proposals = window.min(goal - self.proposed);
            for _ in 0..proposals {
                let request = Request::Propose(command(self.proposed));
                self.ports[0].inbox.push_back(Event::Request { token: Token(self.proposed), request });
                self.proposed += 1;
            }
            batches += u64::from(proposals > 0);
            self.round(&mut around);
            rounds += 1;
            assert!(rounds <= 2 * count, "nothing moves any more");
        }
        batches
    }

    fn round(&mut self, around: &mut impl FnMut(Part, &mut dyn FnMut())) {
        for node in 0..self.nodes.len() {
            let part = if node == 0 { Part::Leader } else { Part::Follower };
            while !self.ports[node].inbox.is_empty() {
                around(part, &mut || self.turn(node));
            }
            around(Part::Wire, &mut || self.deliver(node));
        }
    }

    fn turn(&mut self, node: usize) {
        self.nodes[node].turn(&mut self.ports[node]).expect("nothing is broken");
    }

    /// What a node has sent arrives.
    fn deliver(&mut self, node: usize) {
        // Taken out while others are told, and put back with the room that they have.
        let frames = std::mem::take(&mut self.ports[node].frames);
        let mut ends = std::mem::take(&mut self.ports[node].ends);
        let mut start = 0;
        for (to, end) in ends.drain(..) {
            let frame = decode_frame(&frames[start..end]).expect("it was encoded by the same version");
            let message = Event::Message { envelope: frame.envelope, chunk: Vec::new() };
            self.ports[usize::from(to.get()) - 1].inbox.push_back(message);
            start = end;
        }
        let port = &mut self.ports[node];
        (port.frames, port.ends) = (frames, ends);
        port.frames.clear();
    }

    /// Time passes, and all that comes of it happens.
    fn pass(&mut self, time: Duration) {
        self.ports.iter_mut().for_each(|port| port.now += time);
        self.turn(0);
        self.deliver(0);
        while self.ports.iter().any(|port| !port.inbox.is_empty()) {
            self.round(&mut |_, work| work());
        }
    }

    /// What the state machines came to, once a heartbeat has told all of them what is committed.
    ///
    /// # Panics
    ///
    /// Never: the state machines are in their loops.
    pub fn finish(mut self) -> Vec<Checksum> {
        self.pass(Timing::default().heartbeat());
        self.nodes.iter().map(|node| *node.state_machine().expect("it is in its loop")).collect()
    }
}
