//! From the name of a host to its addresses. The system's resolver can take many seconds and cannot be stopped, so it has a thread of
//! its own, which whoever stops does not wait for.

use crate::sync::{Waiter, slot};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::thread;
use std::time::Duration;

/// Finds a peer each time anew, for it may have moved.
pub(super) struct Resolver {
    /// As it was configured: host and port.
    address: String,
    /// A question that the system has not answered yet. There is one at most.
    asked: Option<Waiter<io::Result<Vec<SocketAddr>>>>,
}

impl Resolver {
    pub(super) const fn new(address: String) -> Self {
        Self { address, asked: None }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The addresses, if they are found in time. Later ones are there when this is asked again.
    pub(super) fn resolve(&mut self, timeout: Duration) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = self.address.parse() {
            return Ok(vec![address]);
        }
        let mut asked = match self.asked.take() {
            Some(asked) => asked,
            None => ask(self.address.clone())?,
        };
        match asked.wait_timeout(timeout) {
            Some(Ok(answer)) => answer,
            Some(Err(_)) => Err(io::Error::other("the resolver failed")),
            None => {
                self.asked = Some(asked);
                Err(io::Error::new(io::ErrorKind::TimedOut, "the name of the host is not resolved yet"))
            }
        }
    }
}

fn ask(address: String) -> io::Result<Waiter<io::Result<Vec<SocketAddr>>>> {
    let (completer, waiter) = slot();
    thread::Builder::new()
        .name("seaworthy-resolver".to_owned())
        .spawn(move || completer.complete(address.to_socket_addrs().map(Iterator::collect)))?;
    Ok(waiter)
}
