//! The null core: the least that can replicate a log to three. No terms, no elections, no checks, no disk; what any
//! consensus core costs beyond it is the price of consensus.

use crate::one_thread::Core;
use crate::workload::Checksum;
use crate::workload::Command;

/// What null cores say to each other.
pub enum Message {
    /// The leader's new entries, and how many are committed.
    Append(Vec<Command>, usize),
    /// The length of a follower's log.
    Acknowledge(usize),
}

/// One of three.
pub struct NullCore {
    number: usize,
    log: Vec<Command>,
    sent: usize,
    committed: usize,
    applied: usize,
    beats: bool,
    acknowledges: bool,
}

impl NullCore {
    /// All three, the leader first.
    #[must_use]
    pub fn three() -> [Self; 3] {
        [0, 1, 2].map(|number| Self {
            number,
            log: Vec::new(),
            sent: 0,
            committed: 0,
            applied: 0,
            beats: false,
            acknowledges: false,
        })
    }
}

impl Core for NullCore {
    type Command = Command;
    type Message = Message;

    fn propose(&mut self, command: Command) {
        self.log.push(command);
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Append(mut entries, committed) => {
                self.log.append(&mut entries);
                self.committed = committed;
                self.acknowledges = true;
            }
            // The leader and the better follower are a majority of three.
            Message::Acknowledge(length) => self.committed = self.committed.max(length),
        }
    }

    fn heartbeat(&mut self) {
        self.beats = true;
    }

    fn flush(&mut self, outbox: &mut Vec<(usize, Message)>, state_machine: &mut Checksum) {
        if self.number == 0 && (self.sent < self.log.len() || self.beats) {
            for follower in 1..3 {
                outbox.push((follower, Message::Append(self.log[self.sent..].to_vec(), self.committed)));
            }
            self.sent = self.log.len();
            self.beats = false;
        } else if std::mem::take(&mut self.acknowledges) {
            outbox.push((0, Message::Acknowledge(self.log.len())));
        }
        self.log[self.applied..self.committed].iter().for_each(|command| state_machine.apply(command));
        self.applied = self.committed;
    }
}
