//! The way from all peers: a thread that lets them in, and one for each that reads what it writes.

use super::buffer::Buffer;
use super::handshake::{answer, hear, judge};
use super::sockets::{Socket, notice_death};
use super::{Delivered, Received, Shared};
use crate::Command;
use crate::codec::{Frame, FrameError, decode_frame};
use crate::sync::Receiver;
use seaworthy_protocol::NodeId;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use thiserror::Error;

/// Where the system has no room for another connection, it is asked again after this.
const NO_ROOM: Duration = Duration::from_millis(50);

/// Why a connection is given up that was one.
#[derive(Debug, Error)]
enum Fault {
    #[error("closed the connection: {0}")]
    Frame(#[from] FrameError),
    #[error("closed the connection: node {peer} sent a frame from node {from} to node {to}")]
    Forged { peer: u8, from: u8, to: u8 },
}

/// How a connection ended that was one.
enum Ended {
    /// The node takes nothing any more.
    Closed,
    /// By the peer, or by the network.
    Lost(io::Error),
    Fault(Fault),
}

pub(super) struct Listener<D> {
    pub(super) shared: Shared,
    pub(super) listener: TcpListener,
    /// Says that the node stops, while there is no room for a connection.
    pub(super) stop: Receiver<()>,
    pub(super) deliver: D,
}

impl<D> Listener<D> {
    /// Until the node stops, and all who read have ended.
    pub(super) fn run<C>(mut self)
    where
        C: Command + Send + 'static,
        D: Fn(Received<C>) -> Delivered + Clone + Send + 'static,
    {
        let mut readers = Vec::new();
        loop {
            let accepted = self.listener.accept();
            if self.shared.sockets.is_closing() {
                break;
            }
            join(&mut readers, |reader| reader.is_finished());
            match accepted.and_then(|(stream, address)| self.admit(stream, address, readers.len())) {
                Ok(reader) => readers.extend(reader),
                Err(error) => {
                    self.shared.faults.report(None, &"incoming", &error);
                    self.stop.wait(Some(NO_ROOM));
                }
            }
        }
        join(&mut readers, |_| true);
    }

    /// Gives a connection a thread, unless there are too many already.
    fn admit<C>(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        readers: usize,
    ) -> io::Result<Option<JoinHandle<()>>>
    where
        C: Command + Send + 'static,
        D: Fn(Received<C>) -> Delivered + Clone + Send + 'static,
    {
        let shared = self.shared.clone();
        let strangers = shared.settings.max_handshakes;
        // Of each peer there may be an old connection that has not ended yet: its last frame waits for room.
        let all = shared.peers.len().saturating_mul(2).saturating_add(strangers);
        let stream = Arc::new(stream);
        let socket = if readers < all { shared.sockets.accepted(&stream, strangers) } else { None };
        let Some(socket) = socket else {
            if shared.sockets.is_closing() {
                return Ok(None);
            }
            shared.counters.with(|counters| counters.refusals += 1);
            shared.faults.report(None, &address, &"refused a connection: too many wait to say who they are");
            return Ok(None);
        };
        let deliver = self.deliver.clone();
        let reader = move || serve(&shared, &socket, address, deliver);
        thread::Builder::new().name("seaworthy-reader".to_owned()).spawn(reader).map(Some)
    }
}

/// Joins those threads that are to be.
fn join(readers: &mut Vec<JoinHandle<()>>, which: impl Fn(&JoinHandle<()>) -> bool) {
    let (ended, running) = std::mem::take(readers).into_iter().partition(which);
    *readers = running;
    let ended: Vec<_> = ended;
    for reader in ended {
        // A panic of the node has been told where it happened.
        let _ = reader.join();
    }
}

/// Hears who connected, and reads until one of the two ends it.
fn serve<C: Command>(
    shared: &Shared,
    socket: &Socket,
    address: SocketAddr,
    deliver: impl Fn(Received<C>) -> Delivered,
) {
    let Some(peer) = let_in(shared, socket, address) else { return };
    match read(shared, peer, socket.stream(), deliver) {
        Ended::Closed => {}
        Ended::Lost(error) => tracing::debug!(peer = peer.get(), %address, %error, "the peer is gone"),
        Ended::Fault(fault) => {
            shared.counters.with(|counters| counters.refusals += 1);
            shared.faults.report(Some(peer), &address, &fault);
        }
    }
}

/// The handshake. Nobody, if it fails.
fn let_in(shared: &Shared, socket: &Socket, address: SocketAddr) -> Option<NodeId> {
    let (stream, settings) = (socket.stream(), &shared.settings);
    let prepared =
        stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(Some(settings.handshake_timeout)));
    if let Err(error) = prepared {
        tracing::debug!(%address, %error, "a connection ended at once");
        return None;
    }
    let hello = match hear(stream, settings.handshake_timeout) {
        Ok(hello) => hello,
        Err(error) if error.is_absence() => {
            tracing::debug!(%address, %error, "somebody connected, and did not say who it is");
            return None;
        }
        Err(fault) => {
            shared.counters.with(|counters| counters.refusals += 1);
            shared.faults.report(None, &address, &fault);
            return None;
        }
    };
    let verdict = judge(&hello, &settings.identity, shared.peers, &shared.pins);
    match &verdict {
        Ok((peer, _)) => socket.belongs_to(*peer),
        Err(fault) => {
            shared.counters.with(|counters| counters.refusals += 1);
            let claimed = NodeId::new(hello.from).filter(|&from| shared.peers.contains(from));
            shared.faults.report(claimed, &address, fault);
        }
    }
    let answered = answer(stream, settings, &verdict);
    let (peer, _) = verdict.ok()?;
    if let Err(error) = answered {
        tracing::debug!(peer = peer.get(), %address, %error, "the peer is gone");
        return None;
    }
    notice_death(stream, settings.write_timeout);
    tracing::debug!(peer = peer.get(), %address, "the peer has connected");
    Some(peer)
}

/// Reads frames and delivers them. While the node has no room, nothing is read, and the peer has to wait in the end.
fn read<C: Command>(
    shared: &Shared,
    peer: NodeId,
    mut stream: &TcpStream,
    deliver: impl Fn(Received<C>) -> Delivered,
) -> Ended {
    let mut buffer = Buffer::new(shared.settings.frame_limit);
    loop {
        let count = match buffer.fill(&mut stream) {
            Ok(0) => return Ended::Lost(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Ended::Lost(error),
        };
        let mut frames = 0;
        let ended = deliver_whole(&mut buffer, peer, shared.settings.identity.node, &deliver, &mut frames);
        shared.counters.with(|counters| {
            counters.frames_received += frames;
            counters.bytes_received += count as u64;
        });
        if let Some(ended) = ended {
            return ended;
        }
    }
}

/// Delivers what is whole, and counts it.
fn deliver_whole<C: Command>(
    buffer: &mut Buffer,
    peer: NodeId,
    own: NodeId,
    deliver: impl Fn(Received<C>) -> Delivered,
    frames: &mut u64,
) -> Option<Ended> {
    loop {
        match next(buffer, peer, own) {
            Ok(Some(received)) => match deliver(received) {
                Delivered::Taken => *frames += 1,
                Delivered::Closed => return Some(Ended::Closed),
            },
            Ok(None) => return None,
            Err(fault) => return Some(Ended::Fault(fault)),
        }
    }
}

fn next<C: Command>(buffer: &mut Buffer, peer: NodeId, own: NodeId) -> Result<Option<Received<C>>, Fault> {
    let Some(bytes) = buffer.next_frame()? else { return Ok(None) };
    let Frame { envelope, chunk } = decode_frame(bytes)?;
    if envelope.from != peer || envelope.to != own {
        let (from, to) = (envelope.from.get(), envelope.to.get());
        return Err(Fault::Forged { peer: peer.get(), from, to });
    }
    Ok(Some(Received { envelope, chunk: chunk.to_vec(), weight: bytes.len() }))
}
