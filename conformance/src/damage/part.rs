//! The parts of a data directory, as they are found.

use super::deed::Part;
use super::held::Held;
use crate::kill::Outcome;
use rand::Rng;
use rand_pcg::Pcg64Mcg;
use seaworthy::wal::FileName;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

/// The name of the file that is this part; nothing if there is none.
pub(super) fn find(
    part: Part,
    directory: &Path,
    held: &Held,
    dice: &mut Pcg64Mcg,
) -> Outcome<Option<String>> {
    let segments = || segments(directory);
    Ok(match part {
        Part::Identity => Some("identity".to_owned()),
        Part::Peers => Some("peers".to_owned()),
        Part::OldSegment => match segments()?.split_last() {
            Some((_, old)) if !old.is_empty() => Some(old[dice.random_range(0..old.len())].clone()),
            Some(_) | None => None,
        },
        Part::LastSegment => segments()?.pop(),
        Part::Snapshot => held.snapshot().map(|snapshot| FileName::Snapshot(snapshot).to_string()),
        Part::Directory => None,
    })
}

/// The segments that an identity says must be there.
pub(super) fn named(identity: &[u8]) -> Outcome<RangeInclusive<u64>> {
    let field = |at: usize| identity.get(at..).and_then(|rest| rest.first_chunk()).copied();
    let (oldest, newest) = field(12).zip(field(56)).ok_or("an identity is too short")?;
    Ok(u32::from_le_bytes(oldest).into()..=u32::from_le_bytes(newest).into())
}

/// The segments that count, in order: from the oldest on that the identity names.
pub(super) fn segments(directory: &Path) -> Outcome<Vec<String>> {
    let oldest = *named(&fs::read(directory.join("identity"))?)?.start();
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        if let Some(FileName::Segment(number)) = entry?.file_name().to_str().and_then(FileName::parse) {
            numbers.push(number);
        }
    }
    numbers.retain(|number| *number >= oldest);
    numbers.sort_unstable();
    Ok(numbers.into_iter().map(|number| FileName::Segment(number).to_string()).collect())
}
