//! Clusters of real processes of which one, or a minority, comes back to a damaged data directory: it must refuse to start, or have all
//! that it had promised, or be refused by its peers; and the others go on without it. `seaworthy-kill damage` is the command line.
//!
//! | file           | holds                                                                    |
//! |----------------|--------------------------------------------------------------------------|
//! | `deed.rs`      | what can be done to which part of a directory                            |
//! | `copy.rs`      | copies of directories                                                    |
//! | `part.rs`      | the parts of a directory, as they are found                              |
//! | `records.rs`   | where a segment's records are                                            |
//! | `harm.rs`      | does it                                                                  |
//! | `due.rs`       | what must come of it                                                     |
//! | `held.rs`      | what a directory holds, and what is missing from it                      |
//! | `watch.rs`     | what came of it                                                          |
//! | `trial.rs`     | from the stop of a node to its return                                    |
//! | `lost.rs`      | the one way in which an entry is lost that was acknowledged              |
//! | `run.rs`       | one trial after the other, with clients at work                          |
//! | `table.rs`     | what came of all of them                                                 |

mod copy;
mod deed;
mod due;
mod harm;
mod held;
mod lost;
mod part;
mod records;
mod run;
mod table;
mod trial;
mod watch;

pub use deed::{Deed, Part, Way};
pub use run::{Report, Settings, run};
pub use table::{Seen, Table};
