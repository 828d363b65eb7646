//! Commands as the log and the wire hold them: bytes.

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
