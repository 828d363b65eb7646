//! Instructions of fixed runs, counted by callgrind and compared with what was recorded: a guard for machines on which nobody can measure
//! time.
//!
//! `cargo run --release -p seaworthy-benches --bin instructions` carries them out. A count is valid where it was recorded: for one
//! compiler, one kind of processor, one C library, one valgrind ([`Environment`]). Elsewhere nothing is compared, and that is said.

mod callgrind;
mod checking;
mod comparison;
mod environment;
mod runs;

pub use callgrind::{CountError, count, counted_work};
pub use comparison::{Change, Comparison, Counts, Recorded, RecordedError, TOLERANCE_PERCENT};
pub use environment::{Difference, Environment};
pub use runs::{Counted, Run};
