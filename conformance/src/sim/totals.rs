//! What many runs come to.

use super::cluster::Outcome;
use super::{ClientCounts, Coverage, DiskCounts, TroubleCounts};
use std::fmt;

/// Sums over runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Runs.
    pub runs: u64,
    /// Events.
    pub events: u64,
    /// How long the simulated world lasted.
    pub nanoseconds: u64,
    /// Entries committed.
    pub committed: u64,
    clients: ClientCounts,
    troubles: TroubleCounts,
    disks: DiskCounts,
    coverage: Coverage,
}

impl Totals {
    /// Adds a run.
    pub fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.events += outcome.events;
        self.nanoseconds += outcome.nanoseconds;
        self.committed += outcome.committed.0;
        self.clients.add(&outcome.clients);
        self.troubles.add(&outcome.troubles);
        self.disks.add(&outcome.disks);
        self.coverage.add(&outcome.coverage);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, events, nanoseconds, committed, clients, troubles, disks, coverage } = self;
        let simulated = *nanoseconds as f64 / 1e9;
        writeln!(
            f,
            "{runs} runs, {events} events, {simulated:.1} s simulated, {committed} entries committed"
        )?;
        writeln!(f, "nodes: {coverage}")?;
        writeln!(f, "clients: {clients}")?;
        writeln!(f, "troubles: {troubles}")?;
        write!(f, "disks: {disks}")
    }
}

/// Sums and names fields, so that none is left out of either.
macro_rules! sums {
    ($($kind:ty { $($field:ident),* $(,)? })*) => {
        $(
            impl $kind {
                /// Adds another's.
                pub fn add(&mut self, other: &Self) {
                    let Self { $($field),* } = other;
                    $(self.$field += $field;)*
                }
            }

            impl fmt::Display for $kind {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    let Self { $($field),* } = self;
                    let fields = [$((stringify!($field), *$field)),*];
                    for (position, (name, count)) in fields.iter().enumerate() {
                        let comma = if position == 0 { "" } else { ", " };
                        write!(f, "{comma}{} {count}", name.replace('_', " "))?;
                    }
                    Ok(())
                }
            }
        )*
    };
}

sums! {
    ClientCounts { begun, written, read, refused, unknown }
    Coverage { elections, compactions, installations, restores, chunks }
    TroubleCounts {
        sent, lost, cut, duplicated, late, partitions, one_way, kills, crashes, crashes_in_write, cuts, full, errors, rotten, damaged,
        pauses, slow, transfers, stopped,
    }
    DiskCounts {
        writes, bytes, syncs, crashes, lost_sectors, torn_pages, lost_names, refused, failed_writes, failed_syncs,
    }
}
