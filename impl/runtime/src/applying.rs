//! Where what is committed is carried out: in the node's loop, or elsewhere, by tasks, so that a slow state machine holds up no
//! heartbeat.

use crate::applier::Applier;
use crate::clients::Clients;
use crate::state_machine::{Logged, StateMachine};
use crate::world::{Commanded, RequestError, Stop, Task, Token, World};
use seaworthy_protocol::{Chunk, Index, LogId, Node, Payload};

/// So many entries may be handed over and not applied yet. The others stay in the log alone.
const AHEAD: usize = 4096;

/// The state machine, or the way to it.
#[derive(Clone, Debug)]
pub(crate) enum Applying<S> {
    Here(Applier<S>),
    Elsewhere {
        /// The last entry that was handed over.
        handed: Index,
        /// The last that is known to be applied.
        applied: Index,
    },
}

impl<S: StateMachine> Applying<S> {
    /// The last entry that the machine is known to have applied.
    pub(crate) const fn applied(&self) -> Index {
        match self {
            Self::Here(applier) => applier.applied(),
            Self::Elsewhere { applied, .. } => *applied,
        }
    }

    /// The last entry that the machine has applied, or will have when it gets to what comes next.
    pub(crate) const fn handed(&self) -> Index {
        match self {
            Self::Here(applier) => applier.applied(),
            Self::Elsewhere { handed, .. } => *handed,
        }
    }

    /// The machine elsewhere has applied up to an entry.
    pub(crate) fn has_applied(&mut self, index: Index) {
        match self {
            Self::Here(_) => {}
            Self::Elsewhere { applied, .. } => *applied = index.max(*applied),
        }
    }

    /// Carries out, or hands over, what is committed and was not yet, and answers those who waited for it.
    pub(crate) fn apply(
        &mut self,
        node: &Node<Logged<S>>,
        clients: &mut Clients,
        world: &mut impl World<S>,
    ) -> Result<(), Stop> {
        self.restore_if_behind(node, world)?;
        match self {
            Self::Here(applier) => apply_here(applier, node, clients, world)?,
            Self::Elsewhere { handed, applied } => {
                let limit = node.commit_index().min(applied.plus(AHEAD));
                hand_over(handed, limit, node, clients, world);
            }
        }
        let ready = self.handed();
        clients.take_ready_reads(ready, |token| self.read(token, world));
        Ok(())
    }

    /// What the log no longer holds is in the snapshot: after a restart, and when a leader's has been installed.
    pub(crate) fn restore_if_behind(
        &mut self,
        node: &Node<Logged<S>>,
        world: &mut impl World<S>,
    ) -> Result<(), Stop> {
        let base = node.log().base().index;
        if self.handed() >= base {
            return Ok(());
        }
        let snapshot = node.durable().snapshot().ok_or(Stop::NoSnapshot(base))?;
        match self {
            Self::Here(applier) => {
                let bytes = world.read_snapshot(Chunk { snapshot, offset: 0, length: snapshot.length });
                applier.restore(snapshot, bytes.as_deref())?;
            }
            Self::Elsewhere { handed, .. } => {
                *handed = snapshot.last.index;
                world.apply(Task::Restore(snapshot));
            }
        }
        Ok(())
    }

    /// Lets a client look at what was handed over.
    pub(crate) fn read(&self, token: Token, world: &mut impl World<S>) {
        match self {
            Self::Here(applier) => world.read(token, applier.state_machine()),
            Self::Elsewhere { .. } => world.apply(Task::Read(token)),
        }
    }

    /// Makes a snapshot of what was handed over: its last entry is this.
    pub(crate) fn snapshot(&self, last: LogId, world: &mut impl World<S>) {
        match self {
            Self::Here(applier) => world.build(applier.snapshot(last)),
            Self::Elsewhere { .. } => world.apply(Task::Snapshot(last)),
        }
    }
}

fn apply_here<S: StateMachine>(
    applier: &mut Applier<S>,
    node: &Node<Logged<S>>,
    clients: &mut Clients,
    world: &mut impl World<S>,
) -> Result<(), Stop> {
    let after = applier.applied();
    for (entry, index) in committed(node, after, node.commit_index()) {
        let response = match &entry.payload {
            Payload::Noop => {
                applier.pass(index);
                None
            }
            Payload::Command(logged) => Some(applier.command(index, logged)?),
        };
        let Some((token, is_its)) = clients.claim(LogId { term: entry.term, index }) else { continue };
        let answer = match response {
            Some(response) if is_its => Ok(response),
            Some(_) | None => Err(RequestError::NotApplied),
        };
        world.answer(token, answer);
    }
    Ok(())
}

fn hand_over<S: StateMachine>(
    handed: &mut Index,
    limit: Index,
    node: &Node<Logged<S>>,
    clients: &mut Clients,
    world: &mut impl World<S>,
) {
    let mut commands = Vec::new();
    let after = *handed;
    for (entry, index) in committed(node, after, limit) {
        *handed = index;
        let claim = clients.claim(LogId { term: entry.term, index });
        let (client, other) = match (claim, &entry.payload) {
            (Some((token, true)), Payload::Command(_)) => (Some(token), None),
            (Some((token, _)), _) => (None, Some(token)),
            (None, _) => (None, None),
        };
        if let Some(token) = other {
            world.answer(token, Err(RequestError::NotApplied));
        }
        match &entry.payload {
            Payload::Noop => {}
            Payload::Command(command) => {
                commands.push(Commanded { index, command: command.clone(), client });
            }
        }
    }
    if *handed > after {
        world.apply(Task::Apply { commands, through: *handed });
    }
}

/// The committed entries after one, up to another, with their indexes.
fn committed<C>(
    node: &Node<C>,
    after: Index,
    through: Index,
) -> impl Iterator<Item = (&seaworthy_protocol::Entry<C>, Index)> {
    let count = usize::try_from(through.0.saturating_sub(after.0)).unwrap_or(usize::MAX);
    node.log().after(after, count).iter().zip((1..).map(move |offset| after.plus(offset)))
}
