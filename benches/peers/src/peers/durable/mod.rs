//! The cores with a disk: what each wants to be durable, and what it lets go before that.

pub(crate) mod null_core;
pub(crate) mod omnipaxos;
pub(crate) mod raft_rs;
pub(crate) mod seaworthy_core;
