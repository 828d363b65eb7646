//! Which faults a run has, and how often. Each seed has a mix of its own (swarm testing, Groce et al. 2012): a run with all
//! faults at once hides those that need the others to be absent.

use rand::Rng;
use rand_pcg::Pcg64Mcg;
use seaworthy::{Compaction, Settings};
use seaworthy_protocol::{Config, NodeSet, Window};
use std::collections::BTreeSet;
use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What can go wrong.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

faults! {
    /// Messages get lost.
    Loss = "loss",
    /// Messages come twice.
    Duplication = "duplication",
    /// Messages overtake each other, some by far.
    Delay = "delay",
    /// Some nodes cannot reach some others.
    Partition = "partition",
    /// A link works in one direction.
    OneWay = "one-way",
    /// A process dies, and its system lives.
    Kill = "kill",
    /// A system dies: what was not synced may be lost.
    Crash = "crash",
    /// A system dies in the middle of a change of its disk, also while it recovers.
    CrashInWrite = "crash-in-write",
    /// A disk has no room for a while.
    Full = "full",
    /// A write fails.
    WriteError = "write-error",
    /// A sync fails, and the pages are lost though the next one succeeds.
    SyncError = "sync-error",
    /// A durable bit turns.
    Rot = "rot",
    /// Clocks run at different speeds.
    Skew = "skew",
    /// A process stands still for a while.
    Pause = "pause",
    /// A disk is slow for a while.
    SlowDisk = "slow-disk",
    /// Leaders are told to hand over.
    Transfer = "transfer",
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a run is made of. With the same one it is the same run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mix {
    /// The dice.
    pub seed: u64,
    /// How many nodes: 1 to 7.
    pub nodes: u8,
    /// How many clients: 1 to 64.
    pub clients: usize,
    /// How many events before the world heals.
    pub events: u64,
    /// What goes wrong.
    pub faults: BTreeSet<Fault>,
}

impl Mix {
    /// The mix of a seed.
    #[must_use]
    pub fn of_seed(seed: u64, events: u64) -> Self {
        let mut dice = Pcg64Mcg::new(u128::from(seed) << 1 | 1);
        let nodes = [1, 2, 3, 3, 3, 3, 4, 5, 5, 7][dice.random_range(0..10)];
        let clients = dice.random_range(1..=12);
        let faults = Fault::ALL.iter().copied().filter(|_| dice.random_ratio(2, 5)).collect();
        Self { seed, nodes, clients, events, faults }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, nodes, clients, events, faults } = self;
        let faults: Vec<&str> = faults.iter().map(|fault| fault.name()).collect();
        let faults = if faults.is_empty() { "none".to_owned() } else { faults.join(",") };
        write!(f, "--seed {seed} --nodes {nodes} --clients {clients} --events {events} --faults {faults}")
    }
}

/// Small limits, so that they are met: windows, messages, snapshots, segments.
pub(super) fn settings(voters: NodeSet, dice: &mut Pcg64Mcg) -> Settings {
    let entries = NonZeroUsize::new(dice.random_range(1..64)).unwrap_or(NonZeroUsize::MIN);
    let bytes = NonZeroUsize::new(dice.random_range(64..4096)).unwrap_or(NonZeroUsize::MIN);
    let window = dice.random_ratio(3, 4).then_some(Window { entries, bytes });
    let most = NonZeroUsize::new(dice.random_range(1..32)).unwrap_or(NonZeroUsize::MIN);
    let chunk = dice.random_range(16..200).try_into().unwrap_or(NonZeroU64::MIN);
    let config = Config::new(voters).unwrap_or_else(|error| unreachable!("{error}"));
    let config = config
        .with_pre_vote(dice.random_ratio(3, 4))
        .with_check_quorum(dice.random_ratio(3, 4))
        .with_window(window)
        .with_max_entries_per_append(most)
        .with_max_bytes_per_chunk(chunk);
    let (every, keep) = (dice.random_range(2..60), dice.random_range(0..20));
    let compaction = Compaction { every, keep, keep_for_slow: 3 * keep };
    Settings { compaction, ..Settings::new(config) }
}
