//! What a state machine has applied, and what its snapshots stand for: task by task, as whoever runs the loop hands them over.

use seaworthy::{Applier, Commanded, Index, LogId, Raw, StateMachine, Stop, Term, Token, Work};
use seaworthy_protocol::Snapshot;
use std::error::Error;

/// All that it was told, in order.
#[derive(Clone, Debug, Default)]
struct Heard(Vec<(u64, u64)>);

impl StateMachine for Heard {
    type Command = Raw<u64>;
    type Response = usize;

    fn apply(&mut self, index: Index, Raw(command): Raw<u64>) -> usize {
        self.0.push((index.0, command));
        self.0.len()
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let heard = self.0.clone();
        move |out| {
            for (index, command) in heard {
                out.extend(index.to_le_bytes());
                out.extend(command.to_le_bytes());
            }
        }
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let number =
            |bytes: &[u8]| Ok::<_, Box<dyn Error + Send + Sync>>(u64::from_le_bytes(bytes.try_into()?));
        let pairs = snapshot.chunks(16).map(|pair| {
            let (index, command) = pair.split_at_checked(8).ok_or("half a number")?;
            Ok((number(index)?, number(command)?))
        });
        self.0 = pairs.collect::<Result<_, Box<dyn Error + Send + Sync>>>()?;
        Ok(())
    }
}

fn commands(indexes: impl IntoIterator<Item = u64>) -> Vec<Commanded<u64>> {
    let command = |index| Commanded { index: Index(index), command: 100 + index, client: Some(Token(index)) };
    indexes.into_iter().map(command).collect()
}

fn applied(indexes: impl IntoIterator<Item = u64>, through: u64) -> Applier<Heard> {
    let mut applier = Applier::new(Heard::default());
    applier.apply(commands(indexes), Index(through), |_, _| ()).unwrap();
    applier
}

/// What a machine is made into, as the disk would save it.
fn saved(applier: &Applier<Heard>, index: u64) -> (Snapshot, Vec<u8>) {
    let last = LogId { term: Term(1), index: Index(index) };
    let Work::Save { snapshot, bytes } = applier.snapshot(last).finish() else { panic!("it is to be saved") };
    (snapshot, bytes)
}

#[test]
fn commands_are_applied_in_order_and_who_waits_is_told() {
    let mut applier = Applier::new(Heard::default());
    let mut told = Vec::new();
    applier.apply(commands([2, 3]), Index(3), |token, count| told.push((token.0, count))).unwrap();
    assert_eq!(told, [(2, 1), (3, 2)]);
    assert_eq!(applier.state_machine().0, [(2, 102), (3, 103)]);
    assert_eq!(applier.applied(), Index(3));
}

/// Or who waits for its index would wait for ever.
#[test]
fn an_entry_without_a_command_is_passed_over() {
    let mut applier = applied([2, 3], 5);
    assert_eq!(applier.applied(), Index(5));
    applier.apply(Vec::new(), Index(6), |_, _| ()).unwrap();
    assert_eq!(applier.applied(), Index(6));
}

#[test]
fn a_snapshot_takes_the_place_of_the_state() {
    let (snapshot, bytes) = saved(&applied([1, 4], 5), 5);
    let mut other = applied([1, 2, 3], 3);
    other.restore(snapshot, Some(&bytes)).unwrap();
    assert_eq!(other.state_machine().0, [(1, 101), (4, 104)]);
    assert_eq!(other.applied(), Index(5));
}

#[test]
fn a_snapshot_is_of_the_moment_at_which_it_was_asked_for() {
    let mut applier = applied([1, 2], 2);
    let last = LogId { term: Term(1), index: Index(2) };
    let building = applier.snapshot(last);
    applier.apply(commands([3]), Index(3), |_, _| ()).unwrap();
    assert_eq!(building.last(), last);
    let Work::Save { snapshot, bytes } = building.finish() else { panic!("it is to be saved") };
    assert_eq!((snapshot.last, snapshot.length), (last, bytes.len() as u64));
    let mut other = Applier::new(Heard::default());
    other.restore(snapshot, Some(&bytes)).unwrap();
    assert_eq!(other.state_machine().0, [(1, 101), (2, 102)]);
}

/// Nor is one without its bytes, or one that the machine does not understand; and nothing changes then.
#[test]
fn a_snapshot_of_a_later_version_is_not_taken_on() {
    let (snapshot, bytes) = saved(&applied([7], 7), 7);
    let mut later = bytes.clone();
    later[0] += 1;
    let mut applier = applied([1], 1);
    for unusable in [None, Some(&later[..]), Some(&[])] {
        let refused = applier.restore(snapshot, unusable);
        assert!(matches!(refused, Err(Stop::NoSnapshot(Index(7)))), "{refused:?}");
    }
    let refused = applier.restore(snapshot, Some(&bytes[..bytes.len() - 1]));
    assert!(matches!(refused, Err(Stop::Restore(_))), "{refused:?}");
    assert_eq!((applier.applied(), applier.state_machine().0.as_slice()), (Index(1), &[(1, 101)][..]));
}
