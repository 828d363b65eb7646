//! What happens to files, sockets and lines: each kind of it that would mislead a careless reader.

use super::story::{Process, escaped, parse, runs};
use super::{append, assert_found, at, command, entries, matched, three, verdict, violations};
use seaworthy::codec::Record;
use seaworthy::wal::FileName;
use seaworthy_conformance::disk_kit::{snapshot_bytes, snapshot_of};
use seaworthy_conformance::syscalls::{Bytes, ParseError, Trace, judge};
use seaworthy_protocol::{LogId, Message};

const GRANT: Message<&[seaworthy_protocol::Entry<u64>]> = Message::RequestVoteReply { vote_granted: true };

/// Node 1 grants its vote in term 1 to node 2, after whatever `before` does.
fn grants(before: impl FnOnce(&mut Process)) -> Vec<String> {
    let [mut one, two, three] = three();
    before(&mut one);
    one.send(2, 1, GRANT);
    violations([one, two, three])
}

/// That vote as lines of strace's: the write, and the sync.
fn lines_of_a_vote() -> (String, String) {
    let [mut one, ..] = three();
    let before = one.tape().lines().len();
    one.vote(1, 2);
    let text = |line: &String| line.splitn(3, ' ').nth(2).unwrap().to_owned();
    let lines = &one.tape().lines()[before..];
    assert_eq!(lines.len(), 2);
    (text(&lines[0]), text(&lines[1]))
}

/// A call in two halves.
fn halves(call: &str) -> (String, String) {
    let (arguments, outcome) = call.rsplit_once(") = ").unwrap();
    let (name, _) = call.split_once('(').unwrap();
    (format!("{arguments} <unfinished ...>"), format!("<... {name} resumed>) = {outcome}"))
}

#[test]
fn a_call_in_two_halves_is_one_call() {
    let found = grants(|one| {
        let (write, sync) = lines_of_a_vote();
        let ((write_begins, write_ends), (sync_begins, sync_ends)) = (halves(&write), halves(&sync));
        for line in [write_begins, write_ends, sync_begins, sync_ends] {
            one.tape().line(&line);
        }
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_sync_counts_when_it_has_returned() {
    let [mut one, two, three] = three();
    let (write, sync) = lines_of_a_vote();
    let (begins, ends) = halves(&sync);
    one.tape().line(&write);
    one.tape().line(&begins);
    one.tape().thread(1);
    one.send(2, 1, GRANT);
    one.tape().thread(0);
    one.tape().line(&ends);
    one.send(2, 1, GRANT);
    assert_found(&violations([one, two, three]), 2, "vote granted: the disk ");
}

#[test]
fn a_sync_that_began_before_the_write_had_returned_makes_nothing_durable() {
    let found = grants(|one| {
        let (write, sync) = lines_of_a_vote();
        let ((write_begins, write_ends), (sync_begins, sync_ends)) = (halves(&write), halves(&sync));
        one.tape().line(&write_begins);
        one.tape().thread(1);
        one.tape().line(&sync_begins);
        one.tape().thread(0);
        one.tape().line(&write_ends);
        one.tape().thread(1);
        one.tape().line(&sync_ends);
        one.tape().thread(0);
    });
    assert_found(&found, 2, "vote granted: the disk ");
}

#[test]
fn a_sync_that_fails_or_never_returns_makes_nothing_durable() {
    for outcome in ["= -1 EIO (Input/output error) <0.000002>", "= ?"] {
        let found = grants(|one| {
            let (write, sync) = lines_of_a_vote();
            one.tape().line(&write);
            one.tape().line(&format!("{}) {outcome}", sync.rsplit_once(") =").unwrap().0));
        });
        assert_found(&found, 2, "vote granted: the disk ");
    }
}

#[test]
fn a_write_that_came_short_is_not_whole() {
    let found = grants(|one| {
        let (write, sync) = lines_of_a_vote();
        one.tape().line(&format!("{} = 30 <0.000002>", write.rsplit_once(" =").unwrap().0));
        one.tape().line(&sync);
    });
    assert_found(&found, 2, "vote granted: the disk ");
}

#[test]
fn a_new_segment_counts_when_its_name_is_durable() {
    let fill = |one: &mut Process| {
        let full: Vec<_> = (0..43).map(|number| command(1, number)).collect();
        one.write(&[append(0, &full)]);
    };
    let found = grants(|one| {
        fill(one);
        one.hold_syncs(false, true);
        one.vote(1, 2);
    });
    assert_found(&found, 2, "vote granted: the disk ");
    let found = grants(|one| {
        fill(one);
        one.vote(1, 2);
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn what_a_process_had_not_synced_the_next_must_write_again() {
    for (is_silent, count) in [(false, 0), (true, 3)] {
        let [mut one, two, three] = three();
        one.hold_syncs(true, false);
        one.vote(1, 2);
        let mut one = one.restart(is_silent);
        one.send(2, 1, GRANT);
        // Silence about the recovery is silence about the start that it counts, too.
        let report = verdict([one, two, three]).unwrap();
        assert_eq!(report.unsynced, 1);
        let found: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
        assert_found(&found, count, "node 1, process 2");
    }
}

#[test]
fn what_is_durable_stays_over_a_restart() {
    let [mut one, two, three] = three();
    one.vote(1, 2);
    let mut one = one.restart(false);
    one.send(2, 1, GRANT);
    assert_eq!(violations([one, two, three]), Vec::<String>::new());
}

/// A log of two entries is compacted up to the first.
fn compacted(one: &mut Process) {
    one.write(&[append(0, &[command(1, 7), command(1, 8)])]);
    one.write(&[Record::Compact { snapshot: snapshot_of(at(1, 1)), base: at(1, 1) }]);
}

#[test]
fn a_compacted_log_is_as_good_as_a_whole_one() {
    let [mut one, mut two, three] = three();
    let log = [command(1, 7), command(1, 8)];
    two.vote(1, 2);
    two.send(1, 1, entries(LogId::default(), &log, 0));
    one.vote(1, 2);
    one.wal.save_snapshot(snapshot_of(at(1, 1)), &snapshot_bytes(at(1, 1))).unwrap();
    compacted(&mut one);
    one.send(2, 1, matched(1));
    one.send(2, 1, matched(2));
    let mut one = one.restart(false);
    one.send(2, 1, matched(2));
    let report = verdict([one, two, three]).unwrap();
    assert_eq!(report.violations, []);
    assert_eq!((report.snapshots, report.records.get("compact")), (1, Some(&1)));
}

#[test]
fn a_log_may_not_name_a_snapshot_that_is_not_durable() {
    let found = grants(|one| {
        one.vote(1, 2);
        compacted(one);
    });
    assert_found(&found, 1, ".snapshot before that is durable");
}

#[test]
fn a_snapshot_gets_its_name_after_its_bytes() {
    let found = grants(|one| {
        one.vote(1, 2);
        one.hold_syncs(true, false);
        one.wal.save_snapshot(snapshot_of(at(1, 1)), &snapshot_bytes(at(1, 1))).unwrap();
    });
    assert_found(&found, 1, "is durable, and the bytes of that snapshot are not");
}

#[test]
fn what_recovery_needs_is_not_removed() {
    for name in [FileName::Segment(1), FileName::Identity] {
        let found = grants(|one| {
            one.vote(1, 2);
            let path = escaped(format!("/data/1/{name}").as_bytes());
            one.tape().line(&format!("unlink(\"{path}\") = 0 <0.000002>"));
        });
        assert!(found[0].contains("removes "), "{found:?}");
    }
}

#[test]
fn what_is_durable_is_not_overwritten() {
    let found = grants(|one| {
        one.vote(1, 2);
        let path = escaped(b"/data/1/0000000000000001.log");
        one.tape().line(&format!("pwrite64(7<{path}>, \"\\x01\\x01\", 2, 166) = 2 <0.000002>"));
    });
    assert_found(&found, 1, "overwrites durable bytes of 0000000000000001.log from 166 on");
}

#[test]
fn frames_are_found_however_they_are_cut() {
    let [mut one, two, three] = three();
    let socket = one.socket(2);
    let mut bytes = one.hello(2);
    for _ in 0..3 {
        bytes.extend(one.frame(2, 1, GRANT));
    }
    // One call takes less than it was given, another is interrupted, and the last has all that is left.
    let rest = &bytes[70..];
    let send = |bytes: &[u8], outcome: &str| {
        format!("sendto({socket}, \"{}\", {}, MSG_NOSIGNAL, NULL, 0) {outcome}", escaped(bytes), bytes.len())
    };
    one.tape().line(&send(&bytes, "= 70 <0.000002>"));
    one.tape().line(&send(rest, "= -1 EAGAIN (Resource temporarily unavailable) <0.000002>"));
    one.tape().line(&send(rest, "= ? ERESTARTSYS (To be restarted if SA_RESTART is set)"));
    one.tape().line(&send(rest, "= ?"));
    let report = verdict([one, two, three]).unwrap();
    assert_eq!(report.frames.get("vote granted"), Some(&3));
    assert_eq!(report.violations.len(), 6);
}

#[test]
fn calls_that_are_not_understood_are_not_passed_over() {
    for (call, expected) in [
        (
            "writev(9<socket:[121]>, [{iov_base=\"\\x01\", iov_len=1}], 1) = 1",
            "what writev does is not known here",
        ),
        ("ftruncate(7</data/1/0000000000000001.log>, 8) = 0", "what ftruncate does is not known here"),
        ("io_uring_setup(8, 0x7ffc) = 9", "what io_uring_setup does is not known here"),
        (
            "write(7</data/1/0000000000000001.log>, \"\\x01\", 1) = 1",
            "writes to a file of the log, and not at a place",
        ),
        ("write(1<pipe:[3]>, \"what?\\x0a\", 6) = 6", "says \"what?\""),
        ("sendto(9<socket:[121]>, \"\\x01\\0{99}\", 100, 0) = 100", "a connection begins with no handshake"),
        (
            "pwrite64(7</data/1/0000000000000007.log>, \"\\x01\", 1, 0) = 1",
            "was there before the trace began",
        ),
    ] {
        let [mut one, two, three] = three();
        one.tape().line(&format!("{call} <0.000002>"));
        let blind = judge(&runs([one, two, three])).unwrap_err();
        assert!(blind.to_string().contains(expected), "{call}: {blind}");
    }
}

#[test]
fn lines_that_are_not_whole_are_refused() {
    for (line, expected) in [
        ("fdatasync(7</f>) = 0 <0.000002>", "it names no thread"),
        ("12 fdatasync(7</f>) = 0 <0.000002>", "it has no time"),
        ("12 5.000001 fdatasync(7) = 0 <0.000002>", "a descriptor is not told"),
        ("12 5.000001 fdatasync(7</f>) = 0", "it does not say how long it took"),
        ("12 5.000001 fdatasync(7</f>)", "it has no outcome"),
        ("12 5.000001 <... fdatasync resumed>) = 0 <0.000002>", "what is resumed never began"),
        ("12 5.000001 write(1<p>, \"\\x01\"..., 9) = 9 <0.000002>", "its bytes are cut short"),
        ("12 5.000001 write(1<p>, \"\\x01\", 9) = 9 <0.000002>", "it has not as many bytes as it says"),
        ("12 5.000001 write(1<p>, \"\\n\", 1) = 1 <0.000002>", "its escapes are not those of -xx"),
    ] {
        match Trace::read(line.as_bytes()) {
            Err(ParseError::Line { line: 1, what }) => assert!(what.contains(expected), "{line}: {what}"),
            other => panic!("{line}: {other:?}"),
        }
    }
    let ends =
        ["12 5.000001 +++ killed by SIGKILL +++".to_owned(), format!("12 5.000002 {}", "--- SIGTERM ---")];
    assert_eq!(Trace::read(ends.join("\n").as_bytes()).unwrap().calls, []);
}

#[test]
fn zeros_take_no_room() {
    let zeros = format!("1 5.000001 write(1<p>, \"\\x07{}\\x09\", 70) = 70 <0.000002>", "\\x00".repeat(68));
    let few = "1 5.000002 write(1<p>, \"\\x00\\x00\\x01\", 3) = 3 <0.000002>".to_owned();
    let trace = parse(&[zeros, few]);
    assert_eq!(trace.calls.len(), 2);
    let bytes = Bytes::unescape("\\x07\\0{5}\\x09\\0{1000000000000}").unwrap();
    assert_eq!((bytes.head(), bytes.len()), (&[7, 0, 0, 0, 0, 0, 9][..], 1_000_000_000_007));
    assert_eq!(bytes.first(3).to_vec(), [7, 0, 0]);
    assert_eq!(bytes.first(9).to_vec(), [7, 0, 0, 0, 0, 0, 9, 0, 0]);
    assert_eq!(Bytes::unescape("\\q"), None);
}
