//! Several servers and the network between them, for the rules that take more than one.

use crate::notation::{Packet, id};
use crate::server::{Reaction, Server, node};
use seaworthy_protocol::NodeSet;
use std::collections::VecDeque;

/// Servers whose messages arrive in order, but for those from and to servers that are down or cut off.
pub(crate) struct Cluster {
    servers: Vec<Server>,
    in_flight: VecDeque<Packet>,
    away: NodeSet,
}

/// So many servers on their first boot.
pub(crate) fn cluster(count: u8) -> Cluster {
    cluster_of((1..=count).map(node))
}

/// These servers, which are numbered from 1.
pub(crate) fn cluster_of(servers: impl IntoIterator<Item = Server>) -> Cluster {
    let servers: Vec<_> = servers.into_iter().collect();
    let count = u8::try_from(servers.len()).unwrap();
    let servers = servers.into_iter().map(|server| server.of(count)).collect();
    Cluster { servers, in_flight: VecDeque::new(), away: NodeSet::default() }
}

impl Cluster {
    pub(crate) fn server(&self, number: u8) -> &Server {
        &self.servers[usize::from(number - 1)]
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter()
    }

    /// The servers that lead, by number.
    pub(crate) fn leaders(&self) -> Vec<u8> {
        self.all().filter(|server| server.is_leader()).map(Server::number).collect()
    }

    /// Nothing reaches these servers, and nothing of theirs arrives; everybody else is reached.
    pub(crate) fn away(&mut self, numbers: impl IntoIterator<Item = u8>) {
        self.away = numbers.into_iter().map(id).collect();
    }

    /// Does something to a server; what it says is on its way then.
    pub(crate) fn let_server(&mut self, number: u8, act: impl FnOnce(&mut Server) -> Reaction) -> Reaction {
        let reaction = act(&mut self.servers[usize::from(number - 1)]);
        self.in_flight.extend(reaction.0.sink.now.iter().cloned());
        self.in_flight.extend(reaction.0.sink.after_writes.iter().cloned());
        reaction
    }

    /// Delivers the oldest message that arrives at all; what was said in answer, unless there is none.
    pub(crate) fn deliver_next(&mut self) -> Option<Reaction> {
        while let Some(packet) = self.in_flight.pop_front() {
            if !self.away.contains(packet.from) && !self.away.contains(packet.to) {
                return Some(self.let_server(packet.to.get(), |server| server.receives(packet)));
            }
        }
        None
    }

    /// Delivers the oldest message from one server to another, whatever was said before it.
    pub(crate) fn deliver(&mut self, from: u8, to: u8) -> Reaction {
        let is_it = |packet: &Packet| (packet.from, packet.to) == (id(from), id(to));
        let position = self.in_flight.iter().position(is_it).unwrap();
        let packet = self.in_flight.remove(position).unwrap();
        self.let_server(to, |server| server.receives(packet))
    }

    /// Delivers all messages, the answers too, until nobody has anything more to say. What was said meanwhile.
    pub(crate) fn settles(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        loop {
            let mut has_delivered = false;
            while let Some(reaction) = self.deliver_next() {
                assert!(said.len() < 10_000, "they never come to rest");
                said.extend(reaction.says());
                has_delivered = true;
            }
            if !has_delivered {
                return said;
            }
            // The end of a batch of inputs, at which a driver lets a leader send what followers lack.
            for number in self.leaders() {
                said.extend(self.let_server(number, Server::replicates).says());
            }
        }
    }

    /// A server's election timer elapses, and the election takes its course.
    pub(crate) fn campaign(&mut self, number: u8) -> Vec<String> {
        self.let_server(number, Server::times_out);
        self.settles()
    }

    /// A client asks a server, and replication takes its course.
    pub(crate) fn propose(&mut self, number: u8, command: char) -> Vec<String> {
        self.let_server(number, |server| server.is_asked(command));
        let mut said = self.let_server(number, Server::replicates).says();
        said.extend(self.settles());
        said
    }

    pub(crate) fn heartbeat(&mut self, number: u8) -> Vec<String> {
        let mut said = self.let_server(number, Server::heartbeats).says();
        said.extend(self.settles());
        said
    }

    pub(crate) fn crash_and_restart(&mut self, number: u8) {
        self.servers[usize::from(number - 1)].crashes_and_restarts();
    }

    /// What is on its way is lost.
    pub(crate) fn lose_all_messages(&mut self) {
        self.in_flight.clear();
    }
}
