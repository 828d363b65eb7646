//! A thread for each core and one for the client, with a channel to each.

use super::Core;
use super::channel::Channel;
use super::client::{Address, BATCH, Client, Mail, Mailbox};
use crate::measure::{Cluster, Failure, Latencies, Load};
use seaworthy_benches::workload::Checksum;
use std::ops::Range;
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Three nodes that run.
pub(crate) struct ThreadPerNode<C, K>
where
    C: Core + Send + 'static,
    C::Message: Send,
    K: Channel,
{
    client: Client<K, C::Payload, C::Message>,
    threads: [JoinHandle<Checksum>; 3],
}

/// What a node's thread works with.
struct Node<C, K>
where
    C: Core + Send + 'static,
    C::Message: Send,
    K: Channel,
{
    core: C,
    mailbox: Mailbox<K, C::Payload, C::Message>,
    peers: [Address<K, C::Payload, C::Message>; 3],
    /// Only the leader's client wants to know.
    applied: Option<K::Sender<u64>>,
    reached: K::Sender<()>,
}

impl<C, K> Node<C, K>
where
    C: Core + Send + 'static,
    C::Message: Send,
    K: Channel,
{
    fn run(mut self) -> Checksum {
        let mut state_machine = Checksum::default();
        let (mut outbox, mut last_tick, mut goal) = (Vec::new(), Instant::now(), None);
        loop {
            let mut next = K::receive(&self.mailbox, C::TICK);
            let mut taken = 0;
            while let Some(mail) = next.take() {
                match mail {
                    Mail::Message(message) => self.core.receive(message),
                    Mail::Propose(payload) => self.core.propose(payload),
                    Mail::Report(count) => goal = Some(count),
                    Mail::Stop => return state_machine,
                }
                taken += 1;
                if taken < BATCH {
                    next = K::try_receive(&self.mailbox);
                }
            }
            if last_tick.elapsed() >= C::TICK {
                self.core.tick();
                last_tick = Instant::now();
            }
            let before = state_machine.applied;
            self.core.flush(&mut outbox, &mut state_machine);
            for (to, message) in outbox.drain(..) {
                K::send(&self.peers[to], Mail::Message(message));
            }
            if let (Some(client), true) = (&self.applied, state_machine.applied > before) {
                K::send(client, state_machine.applied);
            }
            if goal.is_some_and(|goal| state_machine.applied >= goal) {
                K::send(&self.reached, ());
                goal = None;
            }
        }
    }
}

impl<C, K> ThreadPerNode<C, K>
where
    C: Core + Send + 'static,
    C::Message: Send,
    K: Channel,
{
    /// Starts the threads of three cores.
    ///
    /// # Errors
    ///
    /// If the system has no thread.
    pub(crate) fn start() -> Result<Self, Failure> {
        let [(one, at_one), (two, at_two), (three, at_three)] = [(); 3].map(|()| K::open());
        let nodes = [one, two, three];
        let (applied_sender, applied) = K::open();
        let (reached_sender, reached) = K::open();
        let spawn = |core, mailbox, applied| {
            let node = Node::<C, K> {
                core,
                mailbox,
                peers: nodes.clone(),
                applied,
                reached: reached_sender.clone(),
            };
            thread::Builder::new().name("node".into()).spawn(move || node.run())
        };
        let [first, second, third] = C::three();
        let threads = [
            spawn(first, at_one, Some(applied_sender))?,
            spawn(second, at_two, None)?,
            spawn(third, at_three, None)?,
        ];
        Ok(Self { client: Client { nodes, applied, reached }, threads })
    }
}

impl<C, K> Cluster for ThreadPerNode<C, K>
where
    C: Core + Send + 'static,
    C::Message: Send,
    K: Channel,
{
    type States = [Checksum; 3];

    fn run(&mut self, numbers: Range<u64>, load: &Load, latencies: &mut Latencies) -> Result<(), Failure> {
        self.client.run(numbers, load, latencies)
    }

    fn finish(self) -> Result<Self::States, Failure> {
        self.client.stop();
        let mut states = [Checksum::default(); 3];
        for (state, thread) in states.iter_mut().zip(self.threads) {
            *state = thread.join().map_err(|_| "a node has panicked")?;
        }
        Ok(states)
    }
}
