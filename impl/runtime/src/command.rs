//! Commands as the log and the wire hold them, bytes; and as a state machine takes them.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A command that can be written down and read back.
///
/// Its bytes are copied verbatim into the write-ahead log and into messages, and never looked into on the way.
///
/// ```
/// use seaworthy::Command;
/// use std::sync::Arc;
///
/// let command: Arc<[u8]> = Arc::from(&b"set x 1"[..]);
/// let mut bytes = Vec::new();
/// command.encode(&mut bytes);
/// assert_eq!(bytes.len(), command.encoded_len());
/// assert_eq!(Arc::<[u8]>::decode(&bytes), Some(command));
/// ```
pub trait Command: Sized {
    /// Appends its bytes, exactly [`encoded_len`](Self::encoded_len) of them.
    fn encode(&self, out: &mut Vec<u8>);

    /// How many bytes [`encode`](Self::encode) appends, below 2^32.
    fn encoded_len(&self) -> usize;

    /// Reads it back from what [`encode`](Self::encode) wrote; nothing from any other bytes.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// What production holds: bytes behind one pointer, cloned by counting.
impl Command for Arc<[u8]> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn encoded_len(&self) -> usize {
        self.len()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(bytes.into())
    }
}

/// What simulations hold: a value that can be copied, and with it a whole cluster.
impl Command for u64 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn encoded_len(&self) -> usize {
        size_of::<Self>()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_le_bytes)
    }
}

/// What the model checker's nodes hold, which are compared with these.
impl Command for u8 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn encoded_len(&self) -> usize {
        1
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        if let [value] = bytes { Some(*value) } else { None }
    }
}

/// A command as a state machine takes it, and as the log holds it.
///
/// With the feature `serde`, which is on by default, every type of serde's is one, written down by `postcard`. Its encoding is
/// for ever: what an older version has put into the log, a newer one must read. [`Raw`] takes what is bytes already.
pub trait Loggable: Sized {
    /// What the log holds.
    type Logged: Command + Clone + fmt::Debug;

    /// What is put into the log.
    ///
    /// # Errors
    ///
    /// If it cannot be written down.
    fn to_log(&self) -> Result<Self::Logged, CommandError>;

    /// Reads it back from what some node has put into the log.
    ///
    /// # Errors
    ///
    /// If this is none, which the same version never writes; the node stops.
    fn from_log(logged: &Self::Logged) -> Result<Self, CommandError>;
}

/// What is wrong with a command that cannot be written down or read back.
pub type CommandError = Box<dyn Error + Send + Sync>;

/// A command that the log holds as it is.
///
/// ```
/// use seaworthy::{Loggable, Raw};
/// use std::sync::Arc;
///
/// let bytes: Arc<[u8]> = Arc::from(&b"set x 1"[..]);
/// let logged = Raw(bytes.clone()).to_log()?;
/// assert!(Arc::ptr_eq(&logged, &bytes), "nothing is copied");
/// # Ok::<(), seaworthy::CommandError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Raw<C>(pub C);

impl<C: Command + Clone + fmt::Debug> Loggable for Raw<C> {
    type Logged = C;

    fn to_log(&self) -> Result<C, CommandError> {
        Ok(self.0.clone())
    }

    fn from_log(logged: &C) -> Result<Self, CommandError> {
        Ok(Self(logged.clone()))
    }
}

#[cfg(feature = "serde")]
impl<T: serde::Serialize + serde::de::DeserializeOwned> Loggable for T {
    type Logged = Arc<[u8]>;

    fn to_log(&self) -> Result<Arc<[u8]>, CommandError> {
        Ok(postcard::to_stdvec(self)?.into())
    }

    fn from_log(logged: &Arc<[u8]>) -> Result<Self, CommandError> {
        Ok(postcard::from_bytes(logged)?)
    }
}
