//! Scenarios: scripts in the one notation, each followed by what must come of it, that show one rule of Raft each.
//!
//! `docs/scenarios.md` has the language, an example and an index of the scripts in `conformance/scenarios/`.
//!
//! | file           | holds                                                                 |
//! |----------------|-----------------------------------------------------------------------|
//! | [`scenario`]   | a script as a file: header, cluster, commands, golden outcomes        |
//! | [`command`]    | what a script can say                                                 |
//! | [`notation`]   | reading messages, entries and disks back from the one notation        |
//! | [`subject`]    | what is run: nodes with their disks, whoever implements them          |
//! | [`memory`]     | the one subject so far: the shipped protocol with a driver in memory  |
//! | [`network`]    | all that was ever sent, and what became of it                         |
//! | [`stage`]      | runs a script: one command after the other                            |
//! | [`judge`]      | the properties of Raft after every event                              |
//! | [`mutants`]    | bugs of loop, log and codec, planted in copies of the source           |
//! | [`sim`]        | whole clusters in a simulated world                                   |
//! | [`trace`]      | what running nodes have recorded, done again and judged               |
//! | [`syscalls`]   | real processes under strace, and what they said before it was durable |
//! | [`production`] | one shipped node, simulated or on its threads, told what happens      |
//! | [`lockstep`]   | production beside the model, step by step                            |
//! | [`outcome`]    | what a command changed, in words                                      |
//! | [`golden`]     | outcomes compared with the golden ones, or written anew               |
//! | [`disk_kit`]   | whether a write-ahead log keeps its promises, and disks that break them |
//! | [`history`]    | what clients were told, and whether an order explains it              |
//! | [`kill`]       | real processes, killed in the middle of their work                    |
//! | [`damage`]     | real processes that come back to damaged directories                  |
//!
//! The driver here shares no code with the model's, so that a mistake in one of the two shows as a difference.
//!
//! ```
//! use seaworthy_conformance::{memory::Memory, scenario::Scenario, stage};
//!
//! let text = "\
//! ## Who votes for itself alone in a cluster of one leads it.
//! ## Source: §5.2
//! cluster 1
//!
//! n1 election timeout
//! ";
//! let scenario = Scenario::parse(text)?;
//! let run = stage::run(&scenario, Memory::new(&scenario.setup));
//! assert_eq!(run.breach, None);
//! assert_eq!(run.outcomes[0], ["n1@1 leader vote=n1 log=[1@1:-] commit=1 timer reset"]);
//! # Ok::<(), seaworthy_conformance::scenario::Mistake>(())
//! ```

pub mod command;
pub mod damage;
pub mod disk_kit;
pub mod fuzz;
pub mod golden;
pub mod history;
pub mod judge;
pub mod kill;
pub mod lockstep;
pub mod memory;
pub mod mutants;
pub mod network;
pub mod notation;
pub mod outcome;
pub mod production;
pub mod scenario;
pub mod sim;
pub mod stage;
pub mod subject;
pub mod syscalls;
pub mod trace;

use seaworthy_protocol::OwnedEntries;

/// A message of a scenario. Commands are small numbers, as in the model.
pub type Envelope = seaworthy_protocol::Envelope<OwnedEntries<u8>>;

/// A write of a scenario.
pub type Write = seaworthy_protocol::Write<OwnedEntries<u8>>;
