//! Every step of a server is taken once and remembered.
//!
//! A step depends on the server and the event alone, and millions of states share few of either.

use crate::bounds::{Bounds, DiskKind};
use crate::contract;
use crate::driver::Driver;
use crate::interned::{Arena, Interned};
use crate::network::Packet;
use crate::server::{Event, Server, Step};
use crate::symmetry::Permutation;
use dashmap::DashMap;
use seaworthy_protocol::Config;
use std::cell::RefCell;

/// Each thread's own recent steps, so that most look-ups touch no lock. Addresses are never reused, so an entry of another
/// model can never be mistaken for one of this.
const RECENT_SLOTS: usize = 1 << 15;
type Recent = Vec<Option<((Interned<Server>, Event), &'static Step)>>;
thread_local! {
    static RECENT: RefCell<Recent> = RefCell::new(vec![None; RECENT_SLOTS]);
}

/// The steps of servers under one configuration, each taken once.
pub struct Steps {
    config: Config,
    disk: DiskKind,
    driver: Driver,
    permutations: Vec<Permutation>,
    servers: Arena<Server>,
    packets: Arena<Packet>,
    taken: DashMap<(Interned<Server>, Event), &'static Step, ahash::RandomState>,
}

impl Steps {
    /// No steps taken yet.
    #[must_use]
    pub fn new(bounds: &Bounds, driver: Driver, permutations: Vec<Permutation>) -> Self {
        let (servers, packets) = (Arena::new(bounds.salt), Arena::new(bounds.salt));
        let (config, disk) = (bounds.config(), bounds.disk);
        Self { config, disk, driver, permutations, servers, packets, taken: DashMap::default() }
    }

    /// The renamings under which digests are kept.
    #[must_use]
    pub fn permutations(&self) -> &[Permutation] {
        &self.permutations
    }

    /// How the contract is carried out.
    #[must_use]
    pub const fn driver(&self) -> Driver {
        self.driver
    }

    /// The address of a server.
    pub fn server(&self, server: Server) -> Interned<Server> {
        self.servers.intern(server, &self.permutations)
    }

    /// The address of a message.
    pub fn packet(&self, packet: Packet) -> Interned<Packet> {
        self.packets.intern(packet, &self.permutations)
    }

    /// How many different servers, messages and steps there are so far.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.servers.count(), self.packets.count(), self.taken.len())
    }

    /// Takes a step, or remembers it.
    pub fn take(&self, server: Interned<Server>, event: Event) -> &'static Step {
        RECENT.with_borrow_mut(|recent| {
            let key = (server, event);
            let slot = &mut recent[self.slot(key)];
            match slot {
                Some((taken, step)) if *taken == key => step,
                _ => slot.insert((key, self.take_shared(key))).1,
            }
        })
    }

    fn take_shared(&self, key: (Interned<Server>, Event)) -> &'static Step {
        if let Some(step) = self.taken.get(&key) {
            return *step;
        }
        let step = Box::leak(Box::new(self.compute(&key.0, key.1)));
        *self.taken.entry(key).or_insert(step)
    }

    fn slot(&self, key: (Interned<Server>, Event)) -> usize {
        usize::try_from(self.taken.hasher().hash_one(key) % RECENT_SLOTS as u64).unwrap_or(0)
    }

    fn compute(&self, server: &Server, event: Event) -> Step {
        let outcome = contract::carry_out(&self.config, self.driver, self.disk, server, event);
        Step {
            server: self.server(outcome.server),
            sent: outcome.sent.into_iter().map(|packet| self.packet(packet)).collect(),
            violation: outcome.violation,
            stopped: outcome.stopped,
            fault: outcome.fault,
            resets_election_timer: outcome.resets_election_timer,
            answers: outcome.answers.into(),
            spoils_snapshot: outcome.spoils_snapshot,
        }
    }
}
