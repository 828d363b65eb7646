//! The checker of histories: against histories written by hand, against a search through every order, against registers that are
//! atomic, and as its users meet it.

#[path = "history/by_hand.rs"]
mod by_hand;
#[path = "history/command_line.rs"]
mod command_line;
#[path = "history/every_order.rs"]
mod every_order;
#[path = "history/files.rs"]
mod files;
#[path = "history/random.rs"]
mod random;
