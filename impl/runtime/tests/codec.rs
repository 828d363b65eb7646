//! The bytes are those of `docs/wire.md`, they mean what was written, and no others are taken for them.

#[path = "codec/faults.rs"]
mod faults;
#[path = "codec/golden.rs"]
mod golden;
#[path = "codec/round_trips.rs"]
mod round_trips;
#[path = "codec/tables.rs"]
mod tables;
#[path = "codec/values.rs"]
mod values;
