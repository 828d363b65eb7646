//! The libraries, each behind the same trait, each with its best settings.

pub(crate) mod durable;
mod memory_log;
pub(crate) mod null_core;
pub(crate) mod omnipaxos;
pub(crate) mod openraft_0_10;
pub(crate) mod openraft_0_9;
pub(crate) mod raft_rs;
pub(crate) mod seaworthy;
pub(crate) mod seaworthy_core;
