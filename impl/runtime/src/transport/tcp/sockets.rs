//! The open connections, so that one thread can end what another one waits for.

use crate::sync::Guarded;
use seaworthy_protocol::NodeId;
use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// All open connections of a node.
#[derive(Clone)]
pub(super) struct Sockets(Guarded<Table>);

#[derive(Default)]
struct Table {
    is_closing: bool,
    last: u64,
    open: BTreeMap<u64, Open>,
}

struct Open {
    stream: Arc<TcpStream>,
    side: Side,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Side {
    /// This node made it, and writes.
    Dialed,
    /// Somebody made it, and has not said who it is.
    Stranger,
    /// A peer made it, and writes.
    Peer(NodeId),
}

impl Sockets {
    pub(super) fn new() -> Self {
        Self(Guarded::new(Table::default()))
    }

    /// Keeps a connection that this node made; closes it if the node stops.
    pub(super) fn dialed(&self, stream: TcpStream) -> Option<Socket> {
        self.keep(Arc::new(stream), Side::Dialed, usize::MAX)
    }

    /// Keeps a connection that somebody made; not if the node stops, or if as many others have not said yet who they are.
    pub(super) fn accepted(&self, stream: &Arc<TcpStream>, strangers: usize) -> Option<Socket> {
        self.keep(Arc::clone(stream), Side::Stranger, strangers)
    }

    fn keep(&self, stream: Arc<TcpStream>, side: Side, limit: usize) -> Option<Socket> {
        let id = self.0.with(|table| {
            let alike = table.open.values().filter(|open| open.side == side).count();
            if table.is_closing || alike >= limit {
                return None;
            }
            table.last += 1;
            table.open.insert(table.last, Open { stream: Arc::clone(&stream), side });
            Some(table.last)
        })?;
        Some(Socket { id, stream, sockets: self.clone() })
    }

    pub(super) fn is_closing(&self) -> bool {
        self.0.with(|table| table.is_closing)
    }

    /// Ends all connections, those that come later too. Whoever waits for one of them is let go.
    pub(super) fn close(&self) {
        self.0.with(|table| {
            table.is_closing = true;
            table.open.values().for_each(Open::end);
        });
    }
}

impl Open {
    fn end(&self) {
        // It may have ended by itself.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// An open connection: closed when this is dropped.
pub(super) struct Socket {
    id: u64,
    stream: Arc<TcpStream>,
    sockets: Sockets,
}

impl Socket {
    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The connection turned out to be a peer's. An older one of the same peer is ended: a peer that comes again has given it up, even
    /// if nothing has told so.
    pub(super) fn belongs_to(&self, peer: NodeId) {
        self.sockets.0.with(|table| {
            table.open.values().filter(|open| open.side == Side::Peer(peer)).for_each(Open::end);
            if let Some(open) = table.open.get_mut(&self.id) {
                open.side = Side::Peer(peer);
            }
        });
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(self.sockets.0.with(|table| table.open.remove(&self.id)));
    }
}

/// Makes the system notice a peer whose machine is gone: by what it does not acknowledge, and by probes while nothing is sent. Best
/// effort: without it a dead connection is noticed later, by a time-out of the system.
#[cfg(target_os = "linux")]
pub(super) fn notice_death(stream: &TcpStream, patience: Duration) {
    use rustix::net::sockopt;
    let milliseconds = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    let _ = sockopt::set_tcp_user_timeout(stream, milliseconds);
    let probes = patience.max(Duration::from_secs(1));
    let _ = sockopt::set_tcp_keepidle(stream, probes);
    let _ = sockopt::set_tcp_keepintvl(stream, probes);
    let _ = sockopt::set_tcp_keepcnt(stream, 3);
    let _ = sockopt::set_socket_keepalive(stream, true);
}

/// Elsewhere the probes come when the system likes.
#[cfg(not(target_os = "linux"))]
pub(super) fn notice_death(stream: &TcpStream, _patience: Duration) {
    let _ = rustix::net::sockopt::set_socket_keepalive(stream, true);
}
