//! Whose data directory this is. Made once; a directory that is lost is not made again, for its votes are lost with it.

use super::error::{DiskError, OpenError};
use super::files::{FileName, Files};
use super::segment::VERSION;
use seaworthy_protocol::NodeId;
use std::ops::RangeInclusive;

const MAGIC: &[u8; 8] = b"seaworid";
const LENGTH: usize = 64;

/// Who a node is, and how often it has started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The cluster. Two clusters never share a number, so that their nodes cannot mix.
    pub cluster: u128,
    /// The node's name in it.
    pub node: NodeId,
    /// Drawn when the directory was made: a copy of it, or a new one for the same node, can be told from it.
    pub directory: u128,
    /// How often a node has started on it, this time included. What bears this number was not said by an earlier run.
    pub starts: u64,
}

impl Identity {
    /// The bytes, with the numbers of the segments that must be there: from the one with which recovery begins to the last that is durable.
    fn encode(&self, segments: &RangeInclusive<u64>) -> [u8; LENGTH] {
        let field = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[10] = self.node.get();
        bytes[12..16].copy_from_slice(&field(*segments.start()));
        bytes[16..32].copy_from_slice(&self.cluster.to_le_bytes());
        bytes[32..48].copy_from_slice(&self.directory.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.starts.to_le_bytes());
        bytes[56..60].copy_from_slice(&field(*segments.end()));
        let checksum = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; LENGTH]) -> Result<(Self, RangeInclusive<u64>), OpenError> {
        let damaged = |what| OpenError::Damaged { file: FileName::Identity, offset: 0, what };
        let [a, b, c, d] = [bytes[60], bytes[61], bytes[62], bytes[63]];
        if bytes[..8] != MAGIC[..] || crc32c::crc32c(&bytes[..60]) != u32::from_le_bytes([a, b, c, d]) {
            return Err(damaged("it is no identity, or its checksum is wrong"));
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if version != VERSION {
            return Err(OpenError::UnknownVersion { file: FileName::Identity, version, known: VERSION });
        }
        let wide = |start: usize| {
            let mut number = [0; 16];
            number.copy_from_slice(&bytes[start..start + 16]);
            u128::from_le_bytes(number)
        };
        let mut starts = [0; 8];
        starts.copy_from_slice(&bytes[48..56]);
        let oldest = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
        let newest = u32::from_le_bytes([bytes[56], bytes[57], bytes[58], bytes[59]]);
        let identity = Self {
            cluster: wide(16),
            node: NodeId::new(bytes[10]).ok_or_else(|| damaged("it names no node"))?,
            directory: wide(32),
            starts: u64::from_le_bytes(starts),
        };
        Ok((identity, oldest.into()..=newest.into()))
    }

    /// Who it is, and the segments that must be there.
    pub(super) fn read(files: &impl Files) -> Result<(Self, RangeInclusive<u64>), OpenError> {
        let name = FileName::Identity;
        let mut bytes = [0; LENGTH];
        let length = files.read(name, 0, &mut bytes).map_err(OpenError::failing("read", name))?;
        if length < LENGTH {
            return Err(OpenError::Damaged { file: name, offset: length as u64, what: "it ends too early" });
        }
        Self::decode(&bytes)
    }

    /// Puts it in the place of the one before, durably.
    pub(super) fn write(
        &self,
        segments: &RangeInclusive<u64>,
        files: &mut impl Files,
    ) -> Result<(), DiskError> {
        let name = FileName::NewIdentity;
        let names = files.list().map_err(DiskError::failing("list the directory of", name))?;
        if names.contains(&name) {
            // A crash has left half of one. That must be gone for certain: after another one, it could be what gets the name.
            files.remove(name).map_err(DiskError::failing("remove", name))?;
            files.sync_directory().map_err(DiskError::failing("sync the directory of", name))?;
        }
        files.create(name).map_err(DiskError::writing("create", name))?;
        files.write(name, 0, &self.encode(segments)).map_err(DiskError::writing("write", name))?;
        files.sync(name).map_err(DiskError::failing("sync", name))?;
        files.rename(name, FileName::Identity).map_err(DiskError::writing("rename", name))?;
        files.sync_directory().map_err(DiskError::failing("sync the directory of", FileName::Identity))
    }
}
