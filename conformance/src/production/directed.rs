//! What the thread of a node does that a script directs: one thing after the other, when it is told to.

use super::behind::Behind;
use super::output::Output;
use super::stepper::{Stepper, Stepping};
use super::tape::Tape;
use crate::subject::Event as Happening;
use seaworthy::wal::Batch;
use seaworthy::{BlockingWorld, Done, Driver, Event, NodeLoop, Part, RequestError, Stop, Token, Work};
use seaworthy_protocol::{Chunk, Node, Snapshot};
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// It wakes up for what comes, not for the time.
const UNTIL_SOMETHING_COMES: Duration = Duration::from_secs(3600);

/// How a node is after something has happened to it, and what came of that.
pub(super) struct Seen {
    pub(super) node: Node<u8>,
    pub(super) tape: Tape,
    pub(super) stepper: Stepper,
    pub(super) output: Output,
}

/// A script's ends: where it says what is to happen, and sees what came of it.
pub(super) struct Ends {
    pub(super) orders: Sender<Happening>,
    pub(super) seen: Receiver<Seen>,
}

/// The driver of a node's thread.
pub(super) struct Directed {
    orders: Receiver<Happening>,
    seen: Sender<Seen>,
    stepper: Stepper,
    next: Next,
    /// What peers and clients have sent while the node waited for its disk.
    coming: VecDeque<Event<u8>>,
    /// Chunks of a leader's snapshot, before they are given to the disk: on the way there a bit may change.
    staged: Vec<(Chunk, Vec<u8>)>,
}

enum Next {
    /// The node has just started.
    Start,
    Happen(Happening),
    /// The script has let go: the node does what comes, which is that it is to stop.
    End,
}

impl Directed {
    /// A driver, and the ends of it that the script has.
    pub(super) fn new(stepper: Stepper) -> (Self, Ends) {
        let ((orders, taken), (shown, seen)) = (channel(), channel());
        let (coming, staged) = (VecDeque::new(), Vec::new());
        let directed = Self { orders: taken, seen: shown, stepper, next: Next::Start, coming, staged };
        (directed, Ends { orders, seen })
    }

    fn show(&self, node: &NodeLoop<Tape>, output: Output) {
        let tape = node.state_machine().copied().unwrap_or_default();
        let seen = Seen { node: node.node().clone(), tape, stepper: self.stepper.clone(), output };
        // A script that has let go looks no more.
        let _ = self.seen.send(seen);
    }
}

impl Driver<Tape> for Directed {
    fn turn(&mut self, node: &mut NodeLoop<Tape>, world: &mut impl BlockingWorld<Tape>) -> Result<(), Stop> {
        let mut output = Output::default();
        let outcome = match &self.next {
            Next::End => return node.turn_in_part(Part::Events, world),
            Next::Start => {
                self.stepper.note_start(node);
                output.resets_timer = node.next_timer() > Duration::ZERO;
                Ok(())
            }
            Next::Happen(happening) => {
                let (coming, staged) = (&mut self.coming, &mut self.staged);
                let behind = &mut Threaded { world, coming, staged };
                let (stepper, output) = (&mut self.stepper, &mut output);
                Stepping { stepper, node, behind, output }.happen(happening)
            }
        };
        output.stopped = outcome.as_ref().err().map(ToString::to_string);
        self.show(node, output);
        outcome
    }

    fn wait(&mut self, _: &NodeLoop<Tape>, world: &mut impl BlockingWorld<Tape>) {
        if matches!(self.next, Next::End) {
            return world.wait(world.now() + UNTIL_SOMETHING_COMES);
        }
        self.next = self.orders.recv().map_or(Next::End, Next::Happen);
    }
}

/// The threads around a node's: what it hands over, they do, and it waits for them.
struct Threaded<'a, W> {
    world: &'a mut W,
    coming: &'a mut VecDeque<Event<u8>>,
    staged: &'a mut Vec<(Chunk, Vec<u8>)>,
}

impl<W: BlockingWorld<Tape>> Threaded<'_, W> {
    /// Has the disk's thread do something, and waits for what it says.
    fn work(&mut self, work: Work) -> Done {
        self.world.submit(work);
        loop {
            match self.world.next_event() {
                Some(Event::Disk(done)) => return done,
                Some(other) => self.coming.push_back(other),
                None => self.world.wait(self.world.now() + UNTIL_SOMETHING_COMES),
            }
        }
    }
}

impl<W: BlockingWorld<Tape>> Behind for Threaded<'_, W> {
    fn next_event(&mut self) -> Option<Event<u8>> {
        self.coming.pop_front().or_else(|| self.world.next_event())
    }

    fn append(&mut self, number: u64, batch: Batch) -> Done {
        self.work(Work::Append { number, batch })
    }

    fn stage(&mut self, chunk: Chunk, bytes: Vec<u8>) -> Option<Done> {
        self.staged.push((chunk, bytes));
        None
    }

    fn keep_staged(&mut self, snapshot: Snapshot, is_damaged: bool) -> Done {
        for (chunk, mut bytes) in self.staged.drain(..) {
            if let (true, true, Some(byte)) = (is_damaged, chunk.offset == 0, bytes.first_mut()) {
                *byte ^= 1;
            }
            self.world.submit(Work::Stage { chunk, bytes });
        }
        self.work(Work::KeepStaged(snapshot))
    }

    fn save(&mut self, snapshot: Snapshot, bytes: &[u8]) -> Done {
        self.work(Work::Save { snapshot, bytes: bytes.to_vec() })
    }

    fn read_snapshot(&mut self, chunk: Chunk) -> Option<Vec<u8>> {
        self.world.read_snapshot(chunk)
    }

    fn answer(&mut self, token: Token, answer: Result<(), RequestError>) {
        self.world.answer(token, answer);
    }

    fn read(&mut self, token: Token, tape: &Tape) {
        self.world.read(token, tape);
    }

    fn transferred(&mut self, token: Token) {
        self.world.transferred(token);
    }
}
