//! Nodes on the loopback interface, and peers that misbehave, played by hand. Nothing here waits for time to pass, only for bytes.

use super::buffer::{Buffer, ROOM_MIN};
use super::faults::Limiter;
use super::handshake::{HELLO_LEN, Hello, Refusal, VERSIONS, WELCOME_LEN, Welcome, read_until};
use super::pins::{Pin, Pins};
use super::{Delivered, Received, Tcp, TcpSettings};
use crate::codec::{FrameError, encode_frame};
use crate::wal::Identity;
use seaworthy_protocol::{Envelope, Message, NodeId, Term};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longer than any test waits: who waits for such a time-out does not come back.
const NEVER: Duration = Duration::from_secs(3600);

/// Does something that must not wait for anybody.
fn without_waiting<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    outcome.recv_timeout(PATIENCE).expect("it waits for nobody")
}

/// Drawn, if this were no test.
const RUN: u32 = 77;

/// What comes before a test's own frames: until it arrives there is no connection.
const PROBE: u64 = 0;

fn node(number: u8) -> NodeId {
    NodeId::new(number).unwrap()
}

fn identity(number: u8, starts: u64) -> Identity {
    Identity { cluster: 7, node: node(number), directory: 100 + u128::from(number), starts }
}

fn settings(number: u8) -> TcpSettings {
    TcpSettings {
        handshake_timeout: NEVER,
        write_timeout: NEVER,
        ..TcpSettings::new(identity(number, 1), RUN)
    }
}

fn hello(from: u8, to: u8) -> Hello {
    let (oldest, newest) = VERSIONS.into_inner();
    Hello { oldest, newest, cluster: identity(from, 1).cluster, from, to, pin: Pin::own(&settings(from)) }
}

fn welcome(number: u8) -> Welcome {
    Welcome { outcome: Ok(*VERSIONS.end()), pin: Pin::own(&settings(number)) }
}

fn frame(from: u8, to: u8, round: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let message = Message::ReadRound { round };
    let envelope = Envelope { from: node(from), to: node(to), term: Term(1), message };
    encode_frame::<u64>(&envelope, &[], &mut bytes);
    bytes
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A port that no other test is given after this one has closed it.
fn listener_alone() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.2:0").or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// An address where nobody listens: the system gives this port to no test.
fn nobody() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

struct Running {
    tcp: Tcp,
    inbox: mpsc::Receiver<Received<u64>>,
    address: SocketAddr,
}

fn start(settings: TcpSettings, listener: TcpListener, pins: Pins, peers: &[(u8, SocketAddr)]) -> Running {
    let (outbox, inbox) = mpsc::channel();
    let address = listener.local_addr().unwrap();
    let peers = peers.iter().map(|(number, address)| (node(*number), address.to_string())).collect();
    let deliver = move |received| outbox.send(received).map_or(Delivered::Closed, |()| Delivered::Taken);
    Running { tcp: Tcp::start(settings, listener, peers, pins, deliver).unwrap(), inbox, address }
}

/// Node 1, whose peers 2 and 3 are played by hand and dial only.
fn alone(settings: TcpSettings) -> Running {
    start(settings, listener().0, Pins::in_memory(), &[(2, nobody()), (3, nobody())])
}

impl Running {
    fn next(&self) -> (u8, u64) {
        let received = self.inbox.recv_timeout(PATIENCE).expect("a frame comes");
        let Message::ReadRound { round } = received.envelope.message else { panic!("another message") };
        assert_eq!(received.weight, frame(1, 2, round).len());
        assert!(received.chunk.is_empty());
        (received.envelope.from.get(), round)
    }

    fn next_but_probes(&self) -> (u8, u64) {
        loop {
            let (from, round) = self.next();
            if round != PROBE {
                return (from, round);
            }
        }
    }
}

/// Sends until something arrives.
fn connect(from: &mut Running, to: &Running) {
    let (sender, receiver) =
        (from.tcp.shared.settings.identity.node.get(), to.tcp.shared.settings.identity.node);
    let end = Instant::now() + PATIENCE;
    loop {
        from.tcp.send(receiver, &frame(sender, receiver.get(), PROBE));
        if to.inbox.recv_timeout(Duration::from_millis(20)).is_ok() {
            return;
        }
        assert!(Instant::now() < end, "they never connect");
    }
}

/// A peer that is played by hand and dials.
fn dial(address: SocketAddr, hello: &Hello) -> (TcpStream, Welcome) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&hello.encode()).unwrap();
    let bytes = read_until::<WELCOME_LEN>(&stream, Instant::now() + PATIENCE).unwrap();
    (stream, Welcome::decode(&bytes).unwrap())
}

/// A peer that is played by hand and is dialled.
fn accept(listener: &TcpListener, welcome: &Welcome) -> TcpStream {
    let listener = listener.try_clone().unwrap();
    let (mut stream, _) = without_waiting(move || listener.accept().unwrap());
    read_until::<HELLO_LEN>(&stream, Instant::now() + PATIENCE).unwrap();
    stream.write_all(&welcome.encode()).unwrap();
    stream
}

fn assert_closed(mut stream: &TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    match stream.read(&mut [0; 256]) {
        Ok(count) => assert_eq!(count, 0, "nothing more is said"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

/// Someone misbehaves at node 1, is closed, and peer 3, which was there before, does not notice.
fn others_go_on(settings: TcpSettings, misbehave: impl FnOnce(&Running)) {
    let running = alone(settings);
    let (mut other, answered) = dial(running.address, &hello(3, 1));
    assert_eq!(answered.outcome, Ok(1));
    other.write_all(&frame(3, 1, 1)).unwrap();
    assert_eq!(running.next(), (3, 1));
    misbehave(&running);
    other.write_all(&frame(3, 1, 2)).unwrap();
    assert_eq!(running.next(), (3, 2));
    assert_eq!(running.tcp.counters().refusals, 1);
}

fn is_refused(hello: Hello, refusal: Refusal) {
    others_go_on(settings(1), |running| {
        let (stream, answered) = dial(running.address, &hello);
        assert_eq!(answered.outcome, Err(refusal));
        assert_closed(&stream);
    });
}

/// After a good frame, the bytes that are no good one.
fn closes(bytes: &[u8]) {
    others_go_on(settings(1), |running| {
        let (mut stream, _) = dial(running.address, &hello(2, 1));
        stream.write_all(&frame(2, 1, 9)).unwrap();
        stream.write_all(bytes).unwrap();
        assert_eq!(running.next(), (2, 9));
        assert_closed(&stream);
    });
}

#[test]
fn frames_arrive_in_order_both_ways() {
    let ((first, first_address), (second, second_address)) = (listener(), listener());
    let pins = || Pins::in_memory();
    let mut one = start(settings(1), first, pins(), &[(1, first_address), (2, second_address)]);
    let mut two = start(settings(2), second, pins(), &[(1, first_address), (2, second_address)]);
    connect(&mut one, &two);
    connect(&mut two, &one);
    for round in 1..=1000 {
        one.tcp.send(node(2), &frame(1, 2, round));
        two.tcp.send(node(1), &frame(2, 1, round));
    }
    for round in 1..=1000 {
        assert_eq!(two.next_but_probes(), (1, round));
        assert_eq!(one.next_but_probes(), (2, round));
    }
    // What was written is counted after it, so the writers have to have ended.
    let counters = one.tcp.shared.counters.clone();
    one.tcp.shutdown();
    two.tcp.shutdown();
    let counters = counters.with(|counters| *counters);
    assert!(counters.frames_sent > 1000 && counters.frames_received > 1000);
    assert_eq!(counters.bytes_sent, counters.frames_sent * frame(1, 2, 0).len() as u64);
    assert_eq!((counters.connects, counters.refusals), (1, 0));
}

#[test]
fn a_node_of_another_cluster_is_refused() {
    is_refused(Hello { cluster: 8, ..hello(2, 1) }, Refusal::WrongCluster);
}

#[test]
fn a_version_that_is_not_known_is_refused() {
    let newest = VERSIONS.end() + 2;
    is_refused(Hello { oldest: newest - 1, newest, ..hello(2, 1) }, Refusal::NoCommonVersion);
    is_refused(Hello { oldest: 0, newest: 0, ..hello(2, 1) }, Refusal::NoCommonVersion);
}

#[test]
fn of_several_versions_the_newest_that_both_know_is_chosen() {
    let running = alone(settings(1));
    let hello = Hello { oldest: 0, newest: u16::MAX, ..hello(2, 1) };
    assert_eq!(dial(running.address, &hello).1.outcome, Ok(*VERSIONS.end()));
}

#[test]
fn who_means_another_node_is_refused() {
    is_refused(hello(2, 3), Refusal::WrongNode);
}

#[test]
fn who_is_no_peer_is_refused() {
    is_refused(hello(4, 1), Refusal::NotAPeer);
    is_refused(Hello { from: 0, ..hello(2, 1) }, Refusal::NotAPeer);
    is_refused(hello(1, 1), Refusal::NotAPeer);
}

#[test]
fn garbage_instead_of_a_handshake_is_closed_without_an_answer() {
    let mut damaged = hello(2, 1).encode();
    damaged[20] ^= 1;
    for bytes in [vec![b'x'; HELLO_LEN], damaged] {
        others_go_on(settings(1), |running| {
            let mut stream = TcpStream::connect(running.address).unwrap();
            stream.write_all(&bytes).unwrap();
            assert_closed(&stream);
        });
    }
}

#[test]
fn who_does_not_say_who_it_is_is_closed() {
    let running = alone(TcpSettings { handshake_timeout: Duration::from_millis(50), ..settings(1) });
    let mut stream = TcpStream::connect(running.address).unwrap();
    stream.write_all(&hello(2, 1).encode()[..HELLO_LEN - 1]).unwrap();
    assert_closed(&stream);
}

#[test]
fn of_those_who_do_not_say_who_they_are_only_so_many_are_let_in() {
    others_go_on(TcpSettings { max_handshakes: 1, ..settings(1) }, |running| {
        let _silent = TcpStream::connect(running.address).unwrap();
        assert_closed(&TcpStream::connect(running.address).unwrap());
    });
}

#[test]
fn an_oversized_frame_closes_the_connection() {
    closes(&u32::MAX.to_le_bytes());
}

#[test]
fn a_frame_with_a_wrong_checksum_closes_the_connection() {
    let mut bytes = frame(2, 1, 10);
    *bytes.last_mut().unwrap() ^= 1;
    closes(&bytes);
}

#[test]
fn a_frame_that_is_no_message_closes_the_connection() {
    closes(&[0; 64]);
}

#[test]
fn a_frame_in_the_name_of_another_node_closes_the_connection() {
    closes(&frame(3, 1, 10));
}

#[test]
fn a_frame_for_another_node_closes_the_connection() {
    closes(&frame(2, 3, 10));
}

#[test]
fn a_newer_connection_of_a_peer_ends_the_older() {
    let running = alone(settings(1));
    let (older, _) = dial(running.address, &hello(2, 1));
    let (mut newer, _) = dial(running.address, &hello(2, 1));
    assert_closed(&older);
    newer.write_all(&frame(2, 1, 1)).unwrap();
    assert_eq!(running.next(), (2, 1));
}

/// What it had begun to say is not continued by what it says now.
#[test]
fn half_a_frame_ends_with_its_connection() {
    let running = alone(settings(1));
    let (mut older, _) = dial(running.address, &hello(2, 1));
    older.write_all(&frame(2, 1, 1)).unwrap();
    older.write_all(&frame(2, 1, 2)[..10]).unwrap();
    assert_eq!(running.next(), (2, 1));
    drop(older);
    // Its reader has ended when this one is let in, or is ended by it.
    let (mut newer, _) = dial(running.address, &hello(2, 1));
    newer.write_all(&frame(2, 1, 3)).unwrap();
    assert_eq!(running.next(), (2, 3));
    assert_eq!(running.tcp.counters().refusals, 0);
}

#[test]
fn a_node_that_takes_nothing_any_more_closes_the_connections() {
    let mut running = alone(settings(1));
    let (mut stream, _) = dial(running.address, &hello(2, 1));
    running.inbox = mpsc::channel().1;
    stream.write_all(&frame(2, 1, 1)).unwrap();
    assert_closed(&stream);
}

#[test]
fn a_stalled_peer_stops_nobody_and_its_frames_are_dropped() {
    let ((stalled, stalled_address), (third, third_address)) = (listener(), listener());
    let pins = || Pins::in_memory();
    let limited = TcpSettings { queue_bytes: 1 << 20, ..settings(1) };
    let mut one = start(limited, listener().0, pins(), &[(2, stalled_address), (3, third_address)]);
    let three = start(settings(3), third, pins(), &[(1, one.address)]);
    let _never_read = accept(&stalled, &welcome(2));
    connect(&mut one, &three);
    let before = one.tcp.counters();
    let long = vec![0; 64 << 10];
    let mut one = without_waiting(move || {
        let mut sent = 0;
        while one.tcp.counters().frames_dropped < before.frames_dropped + 100 {
            one.tcp.send(node(2), &long);
            sent += 1;
            assert!(sent < 2_000, "no queue holds so much");
        }
        one
    });
    one.tcp.send(node(3), &frame(1, 3, 1));
    assert_eq!(three.next_but_probes(), (1, 1));
    without_waiting(move || one.tcp.shutdown());
}

#[test]
fn a_stalled_peer_is_given_up_and_dialled_again() {
    let (stalled, address) = listener();
    let impatient = TcpSettings { write_timeout: Duration::from_millis(100), ..settings(1) };
    let mut one = start(impatient, listener().0, Pins::in_memory(), &[(2, address)]);
    let _never_read = accept(&stalled, &welcome(2));
    let (again, dialled) = mpsc::channel();
    thread::spawn(move || again.send(accept(&stalled, &welcome(2))));
    let end = Instant::now() + PATIENCE;
    while dialled.recv_timeout(Duration::from_millis(1)).is_err() {
        assert!(Instant::now() < end, "it is never given up");
        one.tcp.send(node(2), &vec![0; 1 << 20]);
    }
}

#[test]
fn a_peer_that_starts_again_is_connected_again() {
    let ((first, first_address), (second, second_address)) = (listener(), listener_alone());
    let pins = || Pins::in_memory();
    let mut one = start(settings(1), first, pins(), &[(2, second_address)]);
    let mut two = start(settings(2), second, pins(), &[(1, first_address)]);
    connect(&mut one, &two);
    connect(&mut two, &one);
    two.tcp.shutdown();
    let restarted = TcpSettings { identity: identity(2, 2), ..settings(2) };
    let second = TcpListener::bind(second_address).unwrap();
    let mut two = start(restarted, second, pins(), &[(1, first_address)]);
    connect(&mut one, &two);
    connect(&mut two, &one);
    assert!(one.tcp.counters().connects >= 2);
    assert_eq!(one.tcp.counters().refusals, 0);
}

#[test]
fn a_peer_that_is_quiet_is_missed_when_it_closes() {
    let (second, address) = listener();
    let _one = start(settings(1), listener().0, Pins::in_memory(), &[(2, address)]);
    drop(accept(&second, &welcome(2)));
    accept(&second, &welcome(2));
}

#[test]
fn a_peer_is_found_by_the_name_of_its_host() {
    let (second, address) = listener();
    let deliver = |_: Received<u64>| Delivered::Taken;
    let peers = [(node(2), format!("localhost:{}", address.port()))].into();
    let tcp = Tcp::start(settings(1), listener().0, peers, Pins::in_memory(), deliver).unwrap();
    accept(&second, &welcome(2));
    tcp.shutdown();
}

#[test]
fn who_dials_with_another_directory_or_an_old_one_is_refused() {
    let seen = Pin { starts: 2, ..hello(2, 1).pin };
    let changed = Pin { directory: 5, starts: 9, run: 9 };
    let regressed = Pin { starts: 1, ..seen };
    // A copy that was made while the node stood still: it starts for the same time.
    let copied = Pin { run: RUN + 1, ..seen };
    for wrong in [changed, regressed, copied].map(|pin| Hello { pin, ..hello(2, 1) }) {
        others_go_on(settings(1), |running| {
            let (_stream, first) = dial(running.address, &Hello { pin: seen, ..hello(2, 1) });
            assert_eq!(first.outcome, Ok(1));
            let (stream, second) = dial(running.address, &wrong);
            assert_eq!(second.outcome, Err(Refusal::IdentityChanged));
            assert_closed(&stream);
        });
    }
}

#[test]
fn who_is_dialled_and_has_another_directory_is_left() {
    let (second, address) = listener();
    let pins = Pins::in_memory();
    pins.check(node(2), Pin { directory: 5, starts: 1, run: 1 }).unwrap();
    let one = start(settings(1), listener().0, pins, &[(2, address)]);
    assert_closed(&accept(&second, &welcome(2)));
    // It tries again: by then the refusal is counted.
    assert_closed(&accept(&second, &welcome(2)));
    assert!(one.tcp.counters().refusals >= 1);
    assert_eq!(one.tcp.counters().connects, 0);
}

#[test]
fn a_shutdown_waits_for_nobody() {
    let ((silent, silent_address), (idle, idle_address)) = (listener(), listener());
    let peers = [(2, silent_address), (3, idle_address), (4, nobody())];
    let one = start(settings(1), listener_alone().0, Pins::in_memory(), &peers);
    let _no_welcome = silent.accept().unwrap();
    let _nothing_to_write = accept(&idle, &welcome(3));
    let _no_hello = TcpStream::connect(one.address).unwrap();
    let (_nothing_to_read, _) = dial(one.address, &hello(2, 1));
    let address = one.address;
    without_waiting(move || one.tcp.shutdown());
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn an_announced_frame_takes_no_memory_before_it_comes() {
    let limit = 80 << 20;
    let mut buffer = Buffer::new(limit);
    let announced = u32::try_from(limit - 8).unwrap().to_le_bytes();
    buffer.fill(&mut &announced[..]).unwrap();
    assert_eq!(buffer.next_frame(), Ok(None));
    assert!(buffer.room() <= ROOM_MIN);
    let mut came = announced.len();
    let part = vec![0; 100_000];
    while came < 10 << 20 {
        came += buffer.fill(&mut &part[..]).unwrap();
        assert_eq!(buffer.next_frame(), Ok(None));
        assert!(buffer.room() <= (2 * came).max(ROOM_MIN), "room for {came} bytes");
    }
}

#[test]
fn a_frame_that_is_too_long_is_refused_by_its_length() {
    let mut buffer = Buffer::new(100);
    buffer.fill(&mut &93_u32.to_le_bytes()[..]).unwrap();
    assert_eq!(buffer.next_frame(), Err(FrameError::TooLong { announced: 101, limit: 100 }));
}

#[test]
fn frames_come_whole_wherever_they_are_cut() {
    let lengths = [0_u32, 1, 200_000, 7, 6_000_000, 3, 3];
    let stream: Vec<u8> = lengths
        .iter()
        .flat_map(|&length| {
            let mut frame = length.to_le_bytes().to_vec();
            frame.resize(8 + length as usize, length.to_le_bytes()[0]);
            frame
        })
        .collect();
    for part in [7, 4096, 70_000, stream.len()] {
        let mut buffer = Buffer::new(8 + 6_000_000);
        let mut found = Vec::new();
        for mut piece in stream.chunks(part) {
            while !piece.is_empty() {
                buffer.fill(&mut piece).unwrap();
                while let Some(frame) = buffer.next_frame().unwrap() {
                    found.extend_from_slice(frame);
                }
            }
        }
        assert!(found == stream, "in parts of {part} bytes");
        buffer.fill(&mut &[0; 1][..]).unwrap();
        assert!(buffer.room() <= 64 * ROOM_MIN, "a long frame does not keep its room");
    }
}

#[test]
fn faults_are_told_at_once_and_then_now_and_then() {
    let mut limiter = Limiter::default();
    let began = Instant::now();
    let after = |seconds| began + Duration::from_secs(seconds);
    assert_eq!(limiter.admit(began), Some(0));
    assert_eq!(limiter.admit(began), None);
    assert_eq!(limiter.admit(after(9)), None);
    assert_eq!(limiter.admit(after(10)), Some(2));
    assert_eq!(limiter.admit(after(11)), None);
    assert_eq!(limiter.admit(after(21)), Some(1));
}

/// `docs/wire.md` has the same offsets.
#[test]
fn the_handshake_has_the_bytes_of_the_page() {
    let pin = Pin { directory: 6, starts: 7, run: 8 };
    let hello = Hello { oldest: 1, newest: 2, cluster: 3, from: 4, to: 5, pin }.encode();
    assert_eq!(hello.len(), HELLO_LEN);
    assert_eq!(hello[..8], *b"seaworth");
    assert_eq!(
        [hello[8], hello[10], hello[12], hello[28], hello[29], hello[30], hello[46], hello[50]],
        [1, 2, 3, 4, 5, 6, 7, 8]
    );
    assert_eq!(hello[54..], crc32c::crc32c(&hello[..54]).to_le_bytes());
    let pin = Pin { directory: 8, starts: 9, run: 10 };
    let refused = Welcome { outcome: Err(Refusal::IdentityChanged), pin }.encode();
    assert_eq!(refused.len(), WELCOME_LEN);
    assert_eq!(refused[..8], *b"seaworth");
    assert_eq!([refused[8], refused[10], refused[11], refused[27], refused[31]], [0, 5, 8, 9, 10]);
    assert_eq!(refused[35..], crc32c::crc32c(&refused[..35]).to_le_bytes());
}
