//! Clients, and whether what they are told is true.
//!
//! Linearizability is judged against the order in which commands were applied: a write says where that was, a read up to where the
//! state machine had come. If these positions agree with real time (whatever began after another had ended comes no earlier), and
//! each read saw the last write before its position, the order is a linearization. Searching for an order, as general
//! checkers do, grows with the history; checking one that is given does not.

use super::judge::{Breach, Judge};
use super::kv;
use super::machine::Said;
use seaworthy::{Request, RequestError, Token};
use seaworthy_protocol::{Index, NodeId};

/// Tokens are commands, and for reads they could be: numbers that no two operations share.
#[derive(Clone, Copy, Debug)]
struct Operation {
    number: u64,
    is_write: bool,
    /// How far operations had got that had ended when it began.
    floor: Index,
}

/// One client: it does one thing after the other.
#[derive(Clone, Debug)]
pub(super) struct Client {
    running: Option<Operation>,
    /// Whom it asks.
    asks: NodeId,
}

/// All clients.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    clients: Vec<Client>,
    last_number: u64,
    /// How far operations have got that have ended.
    floor: Index,
    pub(super) counts: Counts,
}

/// What clients did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Writes and reads that were begun.
    pub begun: u64,
    /// Writes that were confirmed.
    pub written: u64,
    /// Reads that were answered.
    pub read: u64,
    /// Definitely not applied.
    pub refused: u64,
    /// Of which nothing is known.
    pub unknown: u64,
}

impl Clients {
    pub(super) fn new(count: usize, first: NodeId) -> Self {
        let clients = vec![Client { running: None, asks: first }; count];
        Self { clients, last_number: 0, floor: Index(0), counts: Counts::default() }
    }

    /// The client's next operation. One that runs still is given up: it may take effect at any time.
    pub(super) fn begin(
        &mut self,
        client: usize,
        is_write: bool,
        asks: Option<NodeId>,
    ) -> (NodeId, Token, Request<u64>) {
        if self.clients[client].running.is_some() {
            self.counts.unknown += 1;
        }
        self.last_number += 1;
        self.counts.begun += 1;
        // The client is part of the number, so that an answer finds it.
        let number =
            (self.last_number * 64 + client as u64) * kv::KEYS as u64 + self.last_number % kv::KEYS as u64;
        let client = &mut self.clients[client];
        client.running = Some(Operation { number, is_write, floor: self.floor });
        client.asks = asks.unwrap_or(client.asks);
        let request = if is_write { Request::Propose(number) } else { Request::Read };
        (client.asks, Token(number), request)
    }

    /// Is this what the client waits for?
    pub(super) fn waits_for(&self, client: usize, token: Token) -> bool {
        self.clients[client].running.is_some_and(|running| running.number == token.0)
    }

    /// A client is told something. Answers which one, if it had waited for it.
    pub(super) fn hear(
        &mut self,
        token: Token,
        said: Said,
        judge: &mut Judge,
    ) -> Result<Option<usize>, Breach> {
        let client = usize::try_from(token.0 / kv::KEYS as u64 % 64).unwrap_or_default();
        let Some(running) = self.clients[client].running.filter(|running| running.number == token.0) else {
            // It has given up. What it hears must be true all the same.
            self.check_late(token, said, judge)?;
            return Ok(None);
        };
        self.clients[client].running = None;
        match said {
            Said::Applied(index) => {
                judge.confirm(running.number, index)?;
                self.counts.written += 1;
                self.order(running, index)?;
            }
            Said::Read(value, index) => {
                self.counts.read += 1;
                if value != judge.value_at(kv::key(token.0), index) {
                    return Err(Breach::NotLinearizable);
                }
                self.order(running, index)?;
            }
            Said::Refused(error) => self.refuse(client, running, error, judge)?,
            Said::Transferred => return Err(Breach::AnsweredTwice),
        }
        Ok(Some(client))
    }

    fn check_late(&mut self, token: Token, said: Said, judge: &mut Judge) -> Result<(), Breach> {
        match said {
            Said::Applied(index) => judge.confirm(token.0, index),
            Said::Read(value, index) if value != judge.value_at(kv::key(token.0), index) => {
                Err(Breach::NotLinearizable)
            }
            Said::Read(..) | Said::Transferred => Ok(()),
            Said::Refused(error) if is_definite(error) => judge.disown(token.0),
            Said::Refused(_) => Ok(()),
        }
    }

    fn refuse(
        &mut self,
        client: usize,
        running: Operation,
        error: RequestError,
        judge: &mut Judge,
    ) -> Result<(), Breach> {
        if let RequestError::NotLeader { leader: Some(leader) } = error {
            self.clients[client].asks = leader;
        }
        if is_definite(error) {
            self.counts.refused += 1;
            if running.is_write {
                judge.disown(running.number)?;
            }
        } else {
            self.counts.unknown += 1;
        }
        Ok(())
    }

    /// An operation has ended, with its place in the order.
    fn order(&mut self, operation: Operation, place: Index) -> Result<(), Breach> {
        if place < operation.floor {
            return Err(Breach::NotLinearizable);
        }
        self.floor = self.floor.max(place);
        Ok(())
    }
}

/// Does it say that a command will never be applied?
fn is_definite(error: RequestError) -> bool {
    matches!(error, RequestError::NotLeader { .. } | RequestError::Overloaded | RequestError::NotApplied)
}
