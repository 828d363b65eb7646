//! The paper as tests: one for each sentence that states a rule, in sections 5.1 to 5.6 and Figures 2 and 3 of the extended
//! version of "In Search of an Understandable Consensus Algorithm".
//!
//! Each is written from the paper and not from the code. `docs/paper.md` leads from a sentence to the function that implements it
//! and to its test; the test shows the exchange of messages, in the one notation, when its output is not captured:
//!
//! ```console
//! $ cargo test --package seaworthy-protocol --test paper a_split_vote -- --nocapture
//! ```

mod cluster;
mod figure_2;
mod figure_2_rules;
mod figure_3;
mod notation;
mod section_5_1;
mod section_5_2;
mod section_5_3;
mod section_5_3_logs;
mod section_5_4;
mod section_5_5;
mod section_5_6;
mod server;
mod table;
