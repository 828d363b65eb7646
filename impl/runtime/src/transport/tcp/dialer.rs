//! The way to one peer: a thread that keeps a connection to it and writes all that waits.

use super::Shared;
use super::handshake::{HandshakeError, greet};
use super::resolver::Resolver;
use super::sockets::{Socket, notice_death};
use crate::sync::Receiver;
use seaworthy_protocol::NodeId;
use std::io::{self, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Between two attempts, at first and at most. Each time it is doubled, and drawn from its upper half, so that nodes which lost each
/// other together do not come back together.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// A connection that held so long was a good one: after it the attempts begin anew.
const GOOD: Duration = Duration::from_secs(1);
/// Frames that wait while a connection is made are sent on it, unless that took longer: then they are stale.
const FRESH: Duration = Duration::from_millis(200);
/// After so long without a write it is looked whether the peer has closed the connection: a write would not tell, the first time.
const QUIET: Duration = Duration::from_millis(100);
/// Where nothing is to be written, how often that is looked.
const IDLE: Duration = Duration::from_secs(1);
/// So many bytes are written at once, if as many wait. Longer frames are written as they are.
const COALESCED: usize = 256 << 10;

/// What a dialer is told.
pub(super) enum Order {
    Send(Vec<u8>),
    Stop,
}

/// The thread is to end.
struct Stopped;

/// Why there is no connection.
enum Failure {
    Stopped,
    Lost(HandshakeError),
}

impl<E: Into<HandshakeError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Lost(error.into())
    }
}

pub(super) struct Dialer {
    shared: Shared,
    peer: NodeId,
    resolver: Resolver,
    inbox: Receiver<Order>,
    /// Room for what is taken out of the inbox.
    orders: Vec<Order>,
    /// What is written next.
    coalesced: Vec<u8>,
    /// How many frames that is.
    frames: u64,
}

impl Dialer {
    pub(super) fn new(shared: Shared, peer: NodeId, address: String, inbox: Receiver<Order>) -> Self {
        let (orders, coalesced) = (Vec::new(), Vec::new());
        Self { shared, peer, resolver: Resolver::new(address), inbox, orders, coalesced, frames: 0 }
    }

    /// Until it is stopped.
    pub(super) fn run(mut self) {
        let mut attempts = 0_u32;
        loop {
            let began = Instant::now();
            match self.attempt() {
                Failure::Stopped => return,
                Failure::Lost(error) => self.tell(&error),
            }
            attempts = if began.elapsed() < GOOD { attempts.saturating_add(1) } else { 0 };
            if self.pause(back_off(attempts)).is_err() {
                return;
            }
        }
    }

    /// Connects, and writes until that fails.
    fn attempt(&mut self) -> Failure {
        let began = Instant::now();
        let socket = match self.dial() {
            Ok(socket) => socket,
            Err(failure) => return failure,
        };
        if began.elapsed() > FRESH && self.discard().is_err() {
            return Failure::Stopped;
        }
        let (peer, address) = (self.peer.get(), self.resolver.address());
        tracing::info!(peer, address, "connected");
        self.shared.counters.with(|counters| counters.connects += 1);
        let failure = self.serve(socket.stream());
        if let Failure::Lost(error) = &failure {
            tracing::info!(peer, address = self.resolver.address(), %error, "the connection was lost");
        }
        failure
    }

    /// A peer that is down is nothing to worry an operator with; one that is not what it should be is.
    fn tell(&self, error: &HandshakeError) {
        let address = self.resolver.address();
        if error.is_absence() {
            tracing::debug!(peer = self.peer.get(), address, %error, "there is no connection");
        } else {
            self.shared.counters.with(|counters| counters.refusals += 1);
            self.shared.faults.report(Some(self.peer), &address, error);
        }
    }

    /// Makes a connection, at the first address where there is one.
    fn dial(&mut self) -> Result<Socket, Failure> {
        let mut failure = Failure::Lost(io::Error::other("the host has no address").into());
        let patience = self.shared.settings.connect_timeout;
        for address in self.resolver.resolve(patience)? {
            if self.shared.sockets.is_closing() {
                return Err(Failure::Stopped);
            }
            match TcpStream::connect_timeout(&address, patience) {
                Ok(stream) => return self.introduce(stream),
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
    }

    fn introduce(&self, stream: TcpStream) -> Result<Socket, Failure> {
        let settings = &self.shared.settings;
        let socket = self.shared.sockets.dialed(stream).ok_or(Failure::Stopped)?;
        socket.stream().set_nodelay(true)?;
        socket.stream().set_write_timeout(Some(settings.write_timeout))?;
        notice_death(socket.stream(), settings.write_timeout);
        greet(socket.stream(), settings, self.peer, &self.shared.pins)?;
        Ok(socket)
    }

    /// Writes all that comes.
    fn serve(&mut self, stream: &TcpStream) -> Failure {
        let mut looked = Instant::now();
        loop {
            let mut orders = std::mem::take(&mut self.orders);
            self.inbox.take(&mut orders);
            if orders.iter().any(|order| matches!(order, Order::Stop)) {
                self.drop_all(orders);
                return Failure::Stopped;
            }
            if looked.elapsed() >= QUIET {
                if let Err(error) = look(stream) {
                    self.drop_all(orders);
                    return error.into();
                }
                looked = Instant::now();
            }
            if orders.is_empty() {
                self.orders = orders;
                self.inbox.wait(Some(IDLE));
                continue;
            }
            if let Err(error) = self.write(stream, &mut orders) {
                return error.into();
            }
            self.orders = orders;
            looked = Instant::now();
        }
    }

    /// Writes these frames, together as far as that saves calls, or drops them.
    fn write(&mut self, stream: &TcpStream, orders: &mut Vec<Order>) -> io::Result<()> {
        let mut left = orders.len();
        let mut written = Ok(());
        for order in orders.drain(..) {
            let Order::Send(frame) = order else { continue };
            self.frames += 1;
            left -= 1;
            if self.coalesced.is_empty() {
                // The usual frame is alone: nothing is copied.
                self.coalesced = frame;
            } else {
                self.coalesced.extend_from_slice(&frame);
            }
            if self.coalesced.len() >= COALESCED || left == 0 {
                written = self.flush(stream);
            }
            if written.is_err() {
                break;
            }
        }
        self.shared.counters.with(|counters| counters.frames_dropped += left as u64);
        written
    }

    fn flush(&mut self, mut stream: &TcpStream) -> io::Result<()> {
        let (coalesced, frames) = (std::mem::take(&mut self.coalesced), std::mem::take(&mut self.frames));
        let written = stream.write_all(&coalesced);
        self.shared.counters.with(|counters| match written {
            Ok(()) => {
                counters.frames_sent += frames;
                counters.bytes_sent += coalesced.len() as u64;
            }
            Err(_) => counters.frames_dropped += frames,
        });
        written
    }

    /// Waits for the next attempt. Frames that come meanwhile are dropped: when there is a connection again, they are stale.
    fn pause(&mut self, delay: Duration) -> Result<(), Stopped> {
        let end = Instant::now() + delay;
        loop {
            self.discard()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.inbox.wait(Some(left));
        }
    }

    /// Drops all frames that wait.
    fn discard(&mut self) -> Result<(), Stopped> {
        let mut orders = std::mem::take(&mut self.orders);
        self.inbox.take(&mut orders);
        let is_stopped = orders.iter().any(|order| matches!(order, Order::Stop));
        self.drop_all(orders);
        if is_stopped { Err(Stopped) } else { Ok(()) }
    }

    fn drop_all(&self, orders: Vec<Order>) {
        let frames = orders.iter().filter(|order| matches!(order, Order::Send(_))).count();
        self.shared.counters.with(|counters| counters.frames_dropped += frames as u64);
    }
}

/// Has the peer closed the connection? It never says anything on it.
fn look(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let peeked = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    match peeked {
        Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed the connection")),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "the peer spoke where it should only hear")),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
    }
}

fn back_off(attempts: u32) -> Duration {
    let (first, last) = BACK_OFF;
    let ceiling = first.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(last);
    rand::random_range(ceiling / 2..=ceiling)
}
