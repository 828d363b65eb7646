//! Before anybody is timed: is anything answered before it is durable?
//!
//! A short load runs on files that remember what a crash would leave of them. At each answer, in the very thread that gives it, the logs
//! that a crash at this moment would leave are recovered, and two of the three must have all that is answered.

use super::image::Image;
use super::observed::{Observed, Watched};
use super::{Writes, place};
use crate::lanes::channel::Channel;
use crate::lanes::durable::{self, Durable, DurableCore, NAMES};
use crate::measure::{Failure, Load, measure};
use seaworthy::wal::{Directory, Layout, Wal};
use seaworthy_benches::workload::{Command, payload};
use seaworthy_protocol::Payload;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Small segments, so that the next is begun while somebody looks.
const LAYOUT: Layout = Layout { segment_size: 1 << 18, piece_size: 1 << 16 };
/// The bytes of an entry.
const PAYLOAD: usize = 64;
/// How many are under way, and how many there are.
const LOADS: [(u64, u64); 2] = [(1, 200), (64, 4_000)];

/// What the gate says of a way to run a library.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Whatever it answered was durable.
    Durable,
    /// It was not, and this is what was seen. It is not timed.
    NotDurable(String),
    /// Nobody could look, and why.
    NotTried(String),
}

/// Who sees what is durable, and hears what is answered.
pub(crate) struct Witness {
    watched: [Watched; 3],
    /// How many entries the log of each was known to hold, at which version of its files.
    known: Mutex<[(u64, u64); 3]>,
    answers: AtomicU64,
    /// What was answered first without being durable.
    complaint: Mutex<Option<String>>,
}

impl Witness {
    /// One of these files.
    pub(crate) fn of(watched: &[Watched; 3]) -> Arc<Self> {
        Arc::new(Self {
            watched: watched.clone(),
            known: Mutex::default(),
            answers: AtomicU64::new(0),
            complaint: Mutex::default(),
        })
    }

    /// So many entries are about to be answered.
    fn answered(&self, count: u64) {
        self.answers.store(count, Ordering::Relaxed);
        let mut known = self.known.lock().expect("nobody panics with it");
        for (known, watched) in known.iter_mut().zip(&self.watched) {
            let (version, held) = known;
            // Looking takes longer than anything else here.
            if *held < count {
                let image = watched.0.lock().expect("nobody panics with it");
                if image.version > *version {
                    (*version, *held) = (image.version, entries_after_a_crash(&image));
                }
            }
        }
        let mut held = known.map(|(_, held)| held);
        held.sort_unstable();
        if held[1] < count {
            let complaint = format!(
                "{count} entries were answered when two of three disks held no more than {}",
                held[1]
            );
            self.complaint.lock().expect("nobody panics with it").get_or_insert(complaint);
        }
    }

    /// The way to tell it.
    pub(crate) fn listening(self: &Arc<Self>) -> durable::Witness {
        let witness = Arc::clone(self);
        Arc::new(move |count| witness.answered(count))
    }

    /// How many entries were answered in all.
    pub(crate) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// What it has to say.
    ///
    /// # Errors
    ///
    /// What was answered first without being durable.
    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        self.complaint.lock().expect("nobody panics with it").clone().map_or(Ok(()), |it| Err(it.into()))
    }
}

/// How many of the client's entries, from the first on, a crash would leave. Nothing yet if it would leave no log.
fn entries_after_a_crash(image: &Image) -> u64 {
    let Ok((_, recovery)) = Wal::open::<Command>(image.after_a_crash(), LAYOUT) else { return 0 };
    let entries = recovery.durable.log().entries().iter();
    let commands = entries.filter_map(|entry| match &entry.payload {
        Payload::Command(command) => Some(command),
        Payload::Noop => None,
    });
    let whole = commands.zip(0..).take_while(|(command, number)| **command == payload(*number, PAYLOAD));
    whole.count() as u64
}

/// Puts a core to the test. One that cannot do the work does not pass either.
pub(crate) fn hold<C, K>(is_apart: bool) -> Verdict
where
    C: DurableCore<Writes = Writes> + Send + 'static,
    C::Message: Send + 'static,
    K: Channel,
{
    match look::<C, K>(is_apart) {
        Ok(()) => Verdict::Durable,
        Err(failure) => Verdict::NotDurable(failure.to_string()),
    }
}

fn look<C, K>(is_apart: bool) -> Result<(), Failure>
where
    C: DurableCore<Writes = Writes> + Send + 'static,
    C::Message: Send + 'static,
    K: Channel,
{
    for (in_flight, entries) in LOADS {
        let (place, watched) = (place(), <[Watched; 3]>::default());
        let witness = Witness::of(&watched);
        let mut files = Vec::new();
        for (name, watched) in NAMES.into_iter().zip(watched) {
            files.push(Observed::watched(Directory::open(&place.join(name))?, watched));
        }
        let cluster = Durable::<C, K>::on_files(files, LAYOUT, is_apart, Some(&witness.listening()))?;
        measure(cluster, &Load { payload: PAYLOAD, in_flight, entries })?;
        witness.verdict()?;
        if witness.answers() < entries {
            return Err(format!("the witness heard of {} answers", witness.answers()).into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::channel::Std;
    use crate::lanes::durable::Outbox;
    use crate::measure::{Cluster, Latencies};
    use crate::peers::durable::null_core::DurableNull;
    use crate::peers::null_core::Message;
    use seaworthy::wal::{FileName, Files};
    use seaworthy_benches::memory_files::MemoryFiles;
    use seaworthy_benches::workload::Checksum;
    use std::io;
    use std::sync::Condvar;
    use std::time::Duration;

    /// Does a disk hang? Whoever waits for it is told when it does no more.
    type Hangs = Arc<(Mutex<bool>, Condvar)>;

    fn set(hangs: &Hangs, does: bool) {
        *hangs.0.lock().expect("nobody panics with it") = does;
        hangs.1.notify_all();
    }

    /// Files whose syncs take as long as it is wanted.
    struct Hanging(MemoryFiles, Hangs);

    impl Files for Hanging {
        fn list(&self) -> io::Result<Vec<FileName>> {
            self.0.list()
        }

        fn create(&mut self, name: FileName) -> io::Result<()> {
            self.0.create(name)
        }

        fn len(&self, name: FileName) -> io::Result<u64> {
            self.0.len(name)
        }

        fn read(&self, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(name, offset, buffer)
        }

        fn write(&mut self, name: FileName, offset: u64, bytes: &[u8]) -> io::Result<()> {
            self.0.write(name, offset, bytes)
        }

        fn sync(&mut self, name: FileName) -> io::Result<()> {
            let (hangs, news) = &*self.1;
            let hangs = hangs.lock().expect("nobody panics with it");
            drop(news.wait_while(hangs, |hangs| *hangs).expect("nobody panics with it"));
            self.0.sync(name)
        }

        fn sync_directory(&mut self) -> io::Result<()> {
            self.0.sync_directory()
        }

        fn rename(&mut self, from: FileName, to: FileName) -> io::Result<()> {
            self.0.rename(from, to)
        }

        fn remove(&mut self, name: FileName) -> io::Result<()> {
            self.0.remove(name)
        }
    }

    /// A null core that counts what it has written before that is durable: as a follower only, or as a leader too.
    struct Hasty<const LEADER_TOO: bool>(DurableNull<Command>);

    impl<const LEADER_TOO: bool> DurableCore for Hasty<LEADER_TOO> {
        type Payload = Command;
        type Message = Message<Command>;
        type Writes = Writes;
        const TICK: Duration = DurableNull::<Command>::TICK;

        fn three() -> [Self; 3] {
            DurableNull::three().map(Self)
        }

        fn nudge(&mut self, _: usize) {}

        fn is_settled(_: &[Self; 3], _: usize) -> bool {
            true
        }

        fn propose(&mut self, payload: Command) {
            self.0.propose(payload);
        }

        fn receive(&mut self, message: Self::Message) {
            self.0.receive(message);
        }

        fn tick(&mut self) {}

        fn flush(&mut self, outbox: &mut Outbox<Self::Message>, state_machine: &mut Checksum) {
            if LEADER_TOO || !self.0.leads() {
                self.0.count_what_is_not_durable();
            }
            self.0.flush(outbox, state_machine);
        }

        fn take_writes(&mut self, writes: &mut Writes) {
            self.0.take_writes(writes);
        }

        fn on_durable(&mut self, count: u64) {
            self.0.on_durable(count);
        }
    }

    /// What the witness says of such a core, when the disks hang of those that do not wait for them.
    fn verdict_on<const LEADER_TOO: bool>() -> Result<(), Failure> {
        let (watched, hangs) = (<[Watched; 3]>::default(), Hangs::default());
        let witness = Witness::of(&watched);
        let of_leader = if LEADER_TOO { Arc::clone(&hangs) } else { Hangs::default() };
        let hang = [of_leader, Arc::clone(&hangs), Arc::clone(&hangs)];
        let files = watched
            .into_iter()
            .zip(hang)
            .map(|(watched, hangs)| Observed::watched(Hanging(MemoryFiles::default(), hangs), watched));
        let cluster = Durable::<Hasty<LEADER_TOO>, Std>::on_files(
            files.collect(),
            LAYOUT,
            true,
            Some(&witness.listening()),
        );
        let mut cluster = cluster?;
        set(&hangs, true);
        let load = Load { payload: PAYLOAD, in_flight: 1, entries: 10 };
        let outcome = cluster.run(0..10, &load, &mut Latencies::new()?);
        set(&hangs, false);
        outcome?;
        let states = cluster.finish()?;
        assert_eq!(states.map(|state| state.applied), [10; 3], "it does the work all the same");
        witness.verdict()
    }

    #[test]
    fn who_answers_before_the_sync_is_caught() {
        for verdict in [verdict_on::<true>(), verdict_on::<false>()] {
            let complaint = verdict.expect_err("two disks held nothing").to_string();
            assert_eq!(complaint, "1 entries were answered when two of three disks held no more than 0");
        }
    }
}
