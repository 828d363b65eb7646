//! Actions and states in the one notation, one line each. Stateright's explorer prints states with `{:#?}`, so the state's
//! `Debug` is this notation too.

use crate::disk::Disk;
use crate::server::{Event, Server};
use crate::system::{Action, Spent, State};
use seaworthy_protocol::ReadId;
use seaworthy_protocol::invariants::clients::Clients;
use seaworthy_protocol::invariants::history::Commitment;
use seaworthy_protocol::notation::show;
use std::fmt::{Debug, Display, Formatter, Result};

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let node = self.node;
        match self.event {
            Event::ElectionTimeout => write!(f, "{node} election timeout"),
            Event::HeartbeatTimeout => write!(f, "{node} heartbeat"),
            Event::Propose(value) => write!(f, "{node} propose {value}"),
            Event::Replicate => write!(f, "{node} replicate"),
            Event::CannotWrite { heir: None } => write!(f, "{node} cannot write"),
            Event::CannotWrite { heir: Some(heir) } => write!(f, "{node} cannot write, heir {heir}"),
            Event::Read(read) => write!(f, "{node} read {}", ReadId(read.into())),
            Event::Transfer(to) => write!(f, "{node} transfer to {to}"),
            Event::Compact { snapshot, through } => write!(f, "{node} compact {snapshot} through {through}"),
            Event::Stage { is_intact: true } => write!(f, "{node} snapshot staged"),
            Event::Stage { is_intact: false } => write!(f, "{node} snapshot damaged"),
            Event::Deliver(packet) => write!(f, "deliver {}", show::<_, u8>(packet.value())),
            Event::Complete => write!(f, "{node} disk completes"),
            Event::Confirm => write!(f, "{node} disk confirms"),
            Event::Crash { kept: 0 } => write!(f, "{node} crash"),
            Event::Crash { kept } => write!(f, "{node} crash keeping {kept}"),
        }
    }
}

impl Display for Server {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}", self.node)?;
        let Disk { durable, queue, unconfirmed, staged, whole } = &self.disk;
        if durable != self.node.durable() {
            write!(f, "\n   disk {durable}")?;
        }
        if let Some(ack) = unconfirmed {
            write!(f, "\n   not confirmed {ack}")?;
        }
        if !staged.is_empty() {
            write!(f, "\n   staged, by digest {staged:?}")?;
        }
        if let Some(snapshot) = whole {
            write!(f, "\n   to be made durable {snapshot}")?;
        }
        for batch in queue {
            for write in &batch.writes {
                write!(f, "\n   waiting {}", show::<_, u8>(write))?;
            }
            for packet in &batch.after_writes {
                write!(f, "\n   then send {}", show::<_, u8>(packet))?;
            }
        }
        Ok(())
    }
}

impl Debug for State {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for server in self.servers() {
            writeln!(f, "{}", server.value())?;
        }
        for packet in self.network().packets() {
            writeln!(f, "in flight {}", show::<_, u8>(packet.value()))?;
        }
        f.write_str("committed")?;
        for Commitment { entry, term } in self.committed() {
            write!(f, " {}@{}(in {term})", entry.payload, entry.term)?;
        }
        let Spent { proposals, crashes, compactions, damages, reads, transfers } = self.spent();
        write!(f, "\nspent proposals={proposals} crashes={crashes}")?;
        let others =
            [("compactions", compactions), ("damages", damages), ("reads", reads), ("transfers", transfers)];
        for (what, count) in others {
            if count > 0 {
                write!(f, " {what}={count}")?;
            }
        }
        if *self.clients() != Clients::default() {
            write!(f, "\nclients {:?}", self.clients())?;
        }
        if let Some(broken) = self.broken() {
            write!(f, "\nbroken {broken:?}")?;
        }
        Ok(())
    }
}
