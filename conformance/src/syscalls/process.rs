//! A process to look at: one node with a disk and with connections, told on its standard input what to do.
//!
//! | told | answers |
//! |------|---------|
//! | – | `node ID PROCESS DIRECTORY`, before anything else |
//! | `put NUMBER` | `ok NUMBER INDEX`, `at NUMBER LEADER` if it does not lead (0 if nobody is known to), `no NUMBER WHY` |
//! | `get` | `has COUNT`, `no 0 WHY` |
//! | `give ID` | `gave ID`, `no 0 WHY` |
//!
//! Answers come in the order of the questions. When its input ends, it stops.

use seaworthy::{
    Builder, Compaction, Index, NodeId, NodeSet, ProposeError, Raft, Raw, ReadError, Reply, StateMachine,
    TransferError, init,
};
use std::error::Error;
use std::io::{self, Write, stdin, stdout};
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// How many numbers were written, and a digest of them in their order.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    count: u64,
    digest: u64,
}

impl StateMachine for Numbers {
    type Command = Raw<u64>;
    type Response = Index;

    fn apply(&mut self, index: Index, Raw(number): Raw<u64>) -> Index {
        self.count += 1;
        self.digest = self.digest.rotate_left(5) ^ number;
        index
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let Self { count, digest } = *self;
        move |out| [count, digest].iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (count, digest) = snapshot.split_at_checked(8).ok_or("a snapshot has 16 bytes")?;
        self.count = u64::from_le_bytes(count.try_into()?);
        self.digest = u64::from_le_bytes(digest.try_into()?);
        Ok(())
    }
}

/// An answer that is on its way.
enum Answer {
    Put(u64, Reply<Index, ProposeError>),
    Get(Reply<u64, ReadError>),
    Give(NodeId, Reply<(), TransferError>),
}

impl Answer {
    fn wait(self) -> String {
        match self {
            Self::Put(number, reply) => match reply.wait() {
                Ok(index) => format!("ok {number} {index}"),
                Err(ProposeError::NotLeader { leader }) => {
                    format!("at {number} {}", leader.map_or(0, NodeId::get))
                }
                Err(error) => format!("no {number} {error}"),
            },
            Self::Get(reply) => {
                reply.wait().map_or_else(|error| format!("no 0 {error}"), |count| format!("has {count}"))
            }
            Self::Give(to, reply) => {
                reply.wait().map_or_else(|error| format!("no 0 {error}"), |()| format!("gave {}", to.get()))
            }
        }
    }
}

/// Runs a node until the standard input ends. `every` is after how many entries it makes a snapshot; a directory that is not there is
/// made.
///
/// # Errors
///
/// Whatever keeps it from starting; a line that it does not understand.
pub fn serve(id: NodeId, directory: &Path, every: u64, addresses: &[String]) -> Result<(), Box<dyn Error>> {
    // Whoever looks on must know the directory before anything happens to it.
    println!("node {} {} {}", id.get(), std::process::id(), directory.display());
    if !directory.exists() {
        init(directory, 1, id)?;
    }
    let voters = NodeSet::first(u8::try_from(addresses.len())?).iter().zip(addresses.to_owned());
    // So that a snapshot is more than one message.
    let chunk = NonZeroU64::new(8).ok_or("eight is not zero")?;
    let raft: Raft<Numbers> = Builder::tcp(1, id, voters)
        .directory(directory)
        .compaction(Compaction { every, keep: every / 10, keep_for_slow: every })
        .config(|config| config.with_max_bytes_per_chunk(chunk))
        .start(Numbers::default())?;
    let (answers, waiting) = channel();
    let speaker = thread::spawn(move || speak(&waiting));
    for line in stdin().lines() {
        // Whoever does not listen any more is about to close the input.
        let _ = answers.send(ask(&raft, &line?)?);
    }
    drop(answers);
    raft.shutdown()?;
    speaker.join().map_err(|_| "the speaker has panicked")??;
    Ok(())
}

fn ask(raft: &Raft<Numbers>, line: &str) -> Result<Answer, Box<dyn Error>> {
    Ok(match line.split_once(' ') {
        None if line == "get" => Answer::Get(raft.read(|numbers| numbers.count)),
        Some(("put", number)) => {
            let number = number.parse()?;
            Answer::Put(number, raft.propose(&Raw(number)))
        }
        Some(("give", id)) => {
            let id = NodeId::new(id.parse()?).ok_or("a node has a number from 1 to 64")?;
            Answer::Give(id, raft.transfer_leadership(id))
        }
        Some(_) | None => return Err(format!("\"{line}\" is none of put, get and give").into()),
    })
}

fn speak(waiting: &Receiver<Answer>) -> io::Result<()> {
    waiting.iter().try_for_each(|answer| writeln!(stdout(), "{}", answer.wait()))
}
