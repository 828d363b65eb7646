//! What a fuzzer feeds, and what must hold whatever it feeds: each function panics if it does not.
//!
//! The fuzzer is in `conformance/fuzz` ([docs/testing.md](../../../docs/testing.md) says how it is run); `conformance/tests/fuzz.rs` feeds the same
//! functions from seeds. Bytes stand for choices, so that a change of one byte is a small change of what is done.
//!
//! | function | is fed | must hold |
//! |----------|--------|-----------|
//! | [`wire`] | frames and bodies of records | what can be read is written down again as the same bytes |
//! | [`recovery`] | records, crashes, bits that turn | what is found was there once; nothing is lost unless a bit has turned |
//! | [`snapshot`] | chunks in any order | a snapshot is kept if, and only if, it is what was announced |
//! | [`step`] | inputs of a node, messages of anyone among them | no invariant breaks, the disk holds what the node does |

mod recovery;
mod snapshot;
mod step;
mod wire;

pub use recovery::recovery;
pub use snapshot::snapshot;
pub use step::step;
pub use wire::wire;
