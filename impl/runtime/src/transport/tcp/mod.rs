//! Frames over TCP. A node dials each of its peers and only writes on that connection; it accepts one from each and only reads.
//!
//! ```text
//! node thread ── send ──▶ mailbox ──▶ dialer (one thread per peer) ══ TCP ══▶ reader (one thread per peer) ── deliver ──▶ node thread
//! ```
//!
//! Two connections between two nodes, not one: neither side has to find out which of the two survives when both dial at once, and a
//! peer that stalls stops one thread that has nothing else to do.

mod buffer;
mod dialer;
mod faults;
mod handshake;
mod listener;
pub(crate) mod pins;
mod resolver;
mod sockets;

use self::dialer::{Dialer, Order};
use self::faults::Faults;
use self::listener::Listener;
use self::pins::Pins;
use self::sockets::Sockets;
use crate::Command;
use crate::sync::{Guarded, Sender, mailbox};
use crate::wal::Identity;
use seaworthy_protocol::{Entry, Envelope, NodeId, NodeSet};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a node's connections may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpSettings {
    /// Who this node is.
    pub(crate) identity: Identity,
    /// Drawn at this start: of two runs with the same number of starts, one is on a copy of the other's directory.
    pub(crate) run: u32,
    /// So many bytes may wait for one peer. What comes then is dropped.
    pub(crate) queue_bytes: usize,
    /// The longest frame that is taken.
    pub(crate) frame_limit: usize,
    /// So long an attempt to connect takes at most. A shutdown may have to wait for it.
    pub(crate) connect_timeout: Duration,
    /// So long a peer has to say who it is.
    pub(crate) handshake_timeout: Duration,
    /// So long a peer may take nothing of what is written, or acknowledge nothing, before it is given up.
    pub(crate) write_timeout: Duration,
    /// So many connections may be open that have not said yet whose they are.
    pub(crate) max_handshakes: usize,
}

impl TcpSettings {
    pub(crate) const fn new(identity: Identity, run: u32) -> Self {
        Self {
            identity,
            run,
            queue_bytes: 64 << 20,
            frame_limit: 80 << 20,
            connect_timeout: Duration::from_millis(500),
            handshake_timeout: Duration::from_secs(2),
            write_timeout: Duration::from_secs(5),
            max_handshakes: 64,
        }
    }
}

/// A message that a peer has sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Received<C> {
    pub(crate) envelope: Envelope<Vec<Entry<C>>>,
    /// The bytes that come with a part of a snapshot.
    pub(crate) chunk: Vec<u8>,
    /// How many bytes it had on the wire.
    pub(crate) weight: usize,
}

/// What the node did with a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Delivered {
    Taken,
    /// It takes nothing any more.
    Closed,
}

/// What has happened since the start. Frames that the system took and the network lost count as sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TransportCounters {
    /// Messages that the system took.
    pub frames_sent: u64,
    /// Those for which there was no room, or no connection.
    pub frames_dropped: u64,
    /// Messages that came, and were what they should be.
    pub frames_received: u64,
    /// Bytes of the messages that were sent.
    pub bytes_sent: u64,
    /// Bytes that came after the handshakes.
    pub bytes_received: u64,
    /// Connections that this node made.
    pub connects: u64,
    /// Connections that were given up, on either side, because the peer was not what it should be or did not send what it should.
    pub refusals: u64,
}

/// What all threads have in common.
#[derive(Clone)]
struct Shared {
    settings: Arc<TcpSettings>,
    peers: NodeSet,
    pins: Pins,
    sockets: Sockets,
    faults: Faults,
    counters: Guarded<TransportCounters>,
}

/// A node's connections to its peers.
pub(crate) struct Tcp {
    shared: Shared,
    outboxes: BTreeMap<NodeId, Sender<Order>>,
    door: Door,
    threads: Vec<JoinHandle<()>>,
}

impl Tcp {
    /// Listens, and dials all peers: by host and port, looked up anew each time.
    ///
    /// What comes is delivered by several threads. While `deliver` waits, nothing more is read from that peer, and the shutdown waits
    /// as well: the node has to stop taking before this is shut down.
    pub(crate) fn start<C, D>(
        settings: TcpSettings,
        listener: TcpListener,
        peers: BTreeMap<NodeId, String>,
        pins: Pins,
        deliver: D,
    ) -> io::Result<Self>
    where
        C: Command + Send + 'static,
        D: Fn(Received<C>) -> Delivered + Clone + Send + 'static,
    {
        let own = settings.identity.node;
        let others = || peers.keys().copied().filter(|&peer| peer != own);
        let shared = Shared {
            settings: Arc::new(settings),
            peers: others().collect(),
            pins,
            sockets: Sockets::new(),
            faults: Faults::new(),
            counters: Guarded::new(TransportCounters::default()),
        };
        listener.set_nonblocking(false)?;
        let (stop, stopped) = mailbox(0);
        let door = Door { address: listener.local_addr()?, listener: listener.try_clone()?, stop };
        // From here on whatever was started is stopped again if something fails.
        let mut tcp = Self { shared, outboxes: BTreeMap::new(), door, threads: Vec::new() };
        let shared = tcp.shared.clone();
        let listener = Listener { shared, listener, stop: stopped, deliver };
        tcp.spawn("seaworthy-listener".to_owned(), move || listener.run::<C>())?;
        for (peer, address) in peers.into_iter().filter(|&(peer, _)| peer != own) {
            let (outbox, inbox) = mailbox(settings.queue_bytes);
            tcp.outboxes.insert(peer, outbox);
            let dialer = Dialer::new(tcp.shared.clone(), peer, address, inbox);
            tcp.spawn(format!("seaworthy-to-{}", peer.get()), move || dialer.run())?;
        }
        Ok(tcp)
    }

    fn spawn(&mut self, name: String, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name(name).spawn(run)?);
        Ok(())
    }

    /// Sends a frame if it can be: never waits, and drops it if too much waits already, or if there is no such peer.
    pub(crate) fn send(&mut self, to: NodeId, frame: &[u8]) {
        let sent = self
            .outboxes
            .get(&to)
            .is_some_and(|outbox| outbox.try_push_weighing(Order::Send(frame.to_vec()), frame.len()).is_ok());
        if !sent {
            self.shared.counters.with(|counters| counters.frames_dropped += 1);
        }
    }

    #[cfg(test)]
    pub(crate) fn counters(&self) -> TransportCounters {
        self.shared.counters.with(|counters| *counters)
    }

    /// What it counts, for whoever looks.
    pub(crate) fn shared_counters(&self) -> Guarded<TransportCounters> {
        self.shared.counters.clone()
    }

    /// Closes all connections, and waits until all threads have ended. What has not been sent is lost.
    #[cfg(test)]
    pub(crate) fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Tcp {
    fn drop(&mut self) {
        self.shared.sockets.close();
        for outbox in self.outboxes.values() {
            // A dialer that is gone needs no stopping.
            let _ = outbox.push(Order::Stop);
        }
        self.door.close();
        for thread in self.threads.drain(..) {
            // A panic has been told where it happened.
            let _ = thread.join();
        }
    }
}

/// What wakes the thread that waits for connections.
struct Door {
    address: SocketAddr,
    listener: TcpListener,
    stop: Sender<()>,
}

impl Door {
    /// The sockets are closing already: the thread looks for that whenever it wakes.
    fn close(&self) {
        let _ = self.stop.push(());
        // On Linux this ends the waiting; the standard library offers it for connections only.
        let shut = self
            .listener
            .try_clone()
            .and_then(|listener| TcpStream::from(OwnedFd::from(listener)).shutdown(Shutdown::Both));
        if shut.is_err() {
            // Elsewhere, one last connection does.
            let mut address = self.address;
            match address {
                SocketAddr::V4(ref mut v4) if v4.ip().is_unspecified() => v4.set_ip(Ipv4Addr::LOCALHOST),
                SocketAddr::V6(ref mut v6) if v6.ip().is_unspecified() => v6.set_ip(Ipv6Addr::LOCALHOST),
                SocketAddr::V4(_) | SocketAddr::V6(_) => {}
            }
            let _ = TcpStream::connect_timeout(&address, Duration::from_millis(500));
        }
    }
}

// What loom tries has no sockets.
#[cfg(all(test, not(seaworthy_loom)))]
mod tests;
