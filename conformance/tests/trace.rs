//! Traces of running nodes, and what is found in them: nothing in those of a cluster that is well, and each thing that is put into them.

#[path = "trace/by_hand.rs"]
mod by_hand;
#[path = "trace/cluster.rs"]
mod cluster;
#[path = "trace/command_line.rs"]
mod command_line;
#[path = "trace/tampered.rs"]
mod tampered;
