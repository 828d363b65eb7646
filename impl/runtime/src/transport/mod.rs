//! How frames get from node to node. Nothing that a peer sends can panic, and nothing that it fails to do stops the node.
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

pub(crate) mod memory;
pub(crate) mod tcp;
