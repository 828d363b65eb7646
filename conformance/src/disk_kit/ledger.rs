//! What a log was asked to hold, and what it said it holds: by this it is judged. Shares no code with any log, but `redo`, the
//! protocol's own definition of what a record means.

use seaworthy::wal::digest;
use seaworthy_protocol::{Durable, LogId, Snapshot};

/// All that a log may hold after a crash.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// What was there in the beginning; then what is there after each record that was asked for.
    states: Vec<Durable<u64>>,
    /// Up to here it was acknowledged.
    acknowledged: usize,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { states: vec![Durable::default()], acknowledged: 0 }
    }
}

impl Ledger {
    /// What is there when all that was asked for is.
    ///
    /// # Panics
    ///
    /// Never: there is a beginning.
    #[must_use]
    pub fn latest(&self) -> &Durable<u64> {
        self.states.last().expect("the beginning")
    }

    /// Records are asked for.
    pub fn ask(&mut self, states: &[Durable<u64>]) {
        self.states.extend(states.iter().cloned());
    }

    /// All that was asked for is durable, says the log.
    pub fn acknowledge(&mut self) {
        self.acknowledged = self.states.len() - 1;
    }

    /// The log says that this is what it holds, after a restart. From now on it is held to it.
    ///
    /// # Errors
    ///
    /// If that lacks something that was acknowledged, or is nothing that was asked for.
    pub fn find(&mut self, found: &Durable<u64>) -> Result<(), String> {
        let allowed = &self.states[self.acknowledged..];
        if !allowed.contains(found) {
            let is_older = self.states[..self.acknowledged].contains(found);
            let fault = if is_older { "something acknowledged is missing" } else { "nobody asked for this" };
            let least = short(&allowed[0]);
            return Err(format!("{fault}: found {}, and at least {least} was acknowledged", short(found)));
        }
        *self = Self { states: vec![found.clone()], acknowledged: 0 };
        Ok(())
    }
}

/// Without the entries, of which there are hundreds.
fn short(durable: &Durable<u64>) -> String {
    let (base, last) = (durable.log().base(), durable.log().last());
    let vote = durable.voted_for().map_or(0, seaworthy_protocol::NodeId::get);
    let snapshot = durable.snapshot().map_or_else(|| "none".to_owned(), |snapshot| snapshot.to_string());
    format!("[term {}, vote {vote}, snapshot {snapshot}, entries {base} to {last}]", durable.current_term().0)
}

/// The bytes of the snapshot that ends with an entry: some pages, no two snapshots alike.
#[must_use]
pub fn snapshot_bytes(last: LogId) -> Vec<u8> {
    let seed = last.index.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ last.term.0;
    (0..700_u64).flat_map(|number| (seed.wrapping_mul(number | 1) | 1).to_le_bytes()).collect()
}

/// The snapshot that ends with an entry.
#[must_use]
pub fn snapshot_of(last: LogId) -> Snapshot {
    let bytes = snapshot_bytes(last);
    Snapshot { last, length: bytes.len() as u64, digest: digest(&bytes) }
}
