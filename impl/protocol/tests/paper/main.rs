//! The paper as tests: one for each sentence that states a rule, in sections 5.1 to 5.6, 7 and 8 and Figures 2, 3 and 13 of the
//! extended version of "In Search of an Understandable Consensus Algorithm". `thesis` has what comes from Ongaro's dissertation, and
//! `flow_control` what comes from neither.
//!
//! Each is written from the paper and not from the code. `docs/paper.md` leads from a sentence to the function that implements it
//! and to its test; the test shows the exchange of messages, in the one notation, when its output is not captured:
//!
//! ```console
//! $ cargo test --package seaworthy-protocol --test paper a_split_vote -- --nocapture
//! ```

mod cluster;
mod figure_13;
mod figure_2;
mod figure_2_rules;
mod figure_3;
mod flow_control;
mod notation;
mod section_5_1;
mod section_5_2;
mod section_5_3;
mod section_5_3_logs;
mod section_5_4;
mod section_5_5;
mod section_5_6;
mod section_7;
mod section_8;
mod server;
mod table;
mod thesis;
