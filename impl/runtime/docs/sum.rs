// What the examples of the documentation begin with: a machine that adds up, and a node that leads.

use seaworthy::{Builder, Index, Network, NodeId, NodeSet, Raft, StateMachine};
use std::error::Error;

/// Adds up.
#[derive(Default)]
pub struct Sum(pub u64);

impl StateMachine for Sum {
    type Command = u64;
    type Response = u64;

    fn apply(&mut self, _: Index, number: u64) -> u64 {
        self.0 += number;
        self.0
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let sum = self.0;
        move |out| out.extend(sum.to_le_bytes())
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0 = u64::from_le_bytes(snapshot.try_into()?);
        Ok(())
    }
}

/// A node that leads, alone.
pub fn leader() -> Raft<Sum> {
    let id = NodeId::new(1).unwrap();
    let raft = Builder::new(1, id, NodeSet::first(1), &Network::default()).start(Sum(0)).unwrap();
    while raft.propose(&0).wait().is_err() {}
    raft
}
