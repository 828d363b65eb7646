//! The parts of a data directory, as they are found.

use super::deed::Part;
use super::held::Held;
use super::records;
use crate::kill::Outcome;
use rand::Rng;
use rand_pcg::Pcg64Mcg;
use seaworthy::wal::FileName;
use std::fs;
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

/// The last segment that the identity knows of.
pub(super) fn begun(directory: &Path) -> Outcome<u64> {
    let identity = fs::read(directory.join("identity"))?;
    let number = identity.get(56..).and_then(|rest| rest.first_chunk()).ok_or("an identity is too short")?;
    Ok(u32::from_le_bytes(*number).into())
}

/// The segments that count, in order: from the last one on that needs none before it.
pub(super) fn segments(directory: &Path) -> Outcome<Vec<String>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        if let Some(FileName::Segment(number)) = entry?.file_name().to_str().and_then(FileName::parse) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    let mut counted = Vec::new();
    for number in numbers.into_iter().rev() {
        let name = FileName::Segment(number).to_string();
        let is_start = records::is_start(&fs::read(directory.join(&name))?);
        counted.push(name);
        if is_start {
            break;
        }
    }
    counted.reverse();
    Ok(counted)
}
