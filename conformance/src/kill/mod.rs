//! A cluster of real processes on real disks that are killed and stopped in the middle of their work, and clients that write down what
//! they were told. `seaworthy-kill` is the command line.
//!
//! | file           | holds                                                                    |
//! |----------------|--------------------------------------------------------------------------|
//! | `store.rs`     | what the nodes replicate, and what it remembers for the judgement        |
//! | `pipe.rs`      | what is said on the pipes to a node's process                            |
//! | `node.rs`      | the node's end of them: a process                                        |
//! | `process.rs`   | the other end: one process, from its start to its death                  |
//! | `cluster.rs`   | all of them, with their directories                                      |
//! | `progress.rs`  | what was acknowledged, and what was refused                              |
//! | `clients.rs`   | clients: one operation after the other, each recorded                    |
//! | `run.rs`       | a whole run: clients at work while something goes wrong                  |
//! | `rounds.rs`    | what goes wrong                                                          |
//! | `ending.rs`    | what must hold in the end                                                |

mod clients;
mod cluster;
mod ending;
mod node;
mod pipe;
mod process;
mod progress;
mod rounds;
mod run;
mod store;

pub(crate) use clients::Clients;
pub(crate) use cluster::Cluster;
pub(crate) use ending::check;
pub use node::{NodeSettings, node};
pub(crate) use pipe::{Answer, Request};
pub use rounds::Trouble;
pub(crate) use rounds::go_on;
pub(crate) use run::at_work;
pub use run::{Failure, Report, Settings, run};

use std::error::Error;
use std::time::Duration;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Nothing takes so long. Whatever is waited for longer is an error that says who did not answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How many nodes there are.
const NODES: usize = 3;
