//! Bytes that are read from the front, each step checked, with the offset for whoever has to find the fault.

use super::error::DecodeError;

/// What is left of some bytes.
pub(super) struct Reader<'a> {
    whole: usize,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { whole: bytes.len(), rest: bytes }
    }

    /// How many bytes were read: where the next field begins.
    pub(super) const fn offset(&self) -> usize {
        self.whole - self.rest.len()
    }

    /// What was not read yet. It stays unread.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.truncated(count))?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Nothing may be left.
    pub(super) const fn finish(&self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(DecodeError::Trailing { offset: self.offset(), count }),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(|| self.truncated(N))?;
        self.rest = rest;
        Ok(*array)
    }

    const fn truncated(&self, wanted: usize) -> DecodeError {
        DecodeError::Truncated { offset: self.offset(), wanted, left: self.rest.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_little_endian() {
        let mut reader = Reader::new(&[1, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!((reader.u8(), reader.u16(), reader.u32(), reader.u64()), (Ok(1), Ok(2), Ok(3), Ok(4)));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn what_is_not_there_is_not_read() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u16(), Ok(0x0201));
        assert_eq!(reader.u32(), Err(DecodeError::Truncated { offset: 2, wanted: 4, left: 1 }));
        let wanted = usize::MAX;
        assert_eq!(reader.bytes(wanted), Err(DecodeError::Truncated { offset: 2, wanted, left: 1 }));
        assert_eq!(reader.finish(), Err(DecodeError::Trailing { offset: 2, count: 1 }));
        assert_eq!((reader.bytes(1), reader.bytes(0), reader.finish()), (Ok(&[3][..]), Ok(&[][..]), Ok(())));
    }
}
