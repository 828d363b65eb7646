//! What must come of a damage, by what `docs/durability.md` says.

use super::deed::{Deed, Part, Way};
use super::harm::Harm;
use super::part::named;
use super::records::{HEADER, end, records};
use seaworthy::wal::FileName;
use std::ops::RangeInclusive;

/// What must come of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Due {
    /// The node does not start, and says why.
    Refused(Told),
    /// It starts, and has all that it had promised.
    Whole,
    /// It starts, and has not: nothing that it can see tells.
    Lacking,
    /// It starts, and its peers do not listen to it.
    ByPeers,
}

/// What must be said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Told {
    /// One of these is in the sentence.
    pub(super) names: Vec<String>,
    /// And an offset that is not above this.
    pub(super) offset: Option<usize>,
}

impl Told {
    fn of(name: &str, offset: Option<usize>) -> Self {
        Self { names: vec![name.to_owned()], offset }
    }

    /// Does a sentence say it?
    pub(super) fn is_said_by(&self, sentence: &str) -> bool {
        let offset = sentence.split("at byte ").nth(1).map(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<usize>()
        });
        let is_near = |limit| matches!(offset, Some(Ok(offset)) if offset <= limit);
        self.names.iter().any(|name| sentence.contains(name.as_str())) && self.offset.is_none_or(is_near)
    }
}

/// What must come of this. `named` are the segments that the identity says must be there.
pub(super) fn due(deed: Deed, harm: &Harm, named: &RangeInclusive<u64>) -> Due {
    let Some(file) = &harm.file else { return due_of_all(deed.way) };
    // Killed before the identity knew: nobody was told of what is in it, and it may be gone.
    let is_new = matches!(FileName::parse(file), Some(FileName::Segment(number)) if number > *named.end());
    let Some(after) = &harm.after else {
        return if is_new { Due::Lacking } else { Due::Refused(Told::of(file, None)) };
    };
    let Some(first) = first_difference(&harm.before, after) else { return Due::Whole };
    match deed.part {
        Part::Identity => due_of_identity(deed.way, named, (&harm.before, after), first),
        // Its checksum is of all of it.
        Part::Peers if !deed.way.is_older() => Due::Refused(Told::of(file, None)),
        // What it has forgotten matters when a peer comes back to an old copy, too.
        Part::Peers => Due::Whole,
        Part::Snapshot => Due::Refused(Told::of(file, Some(first))),
        Part::OldSegment | Part::LastSegment => {
            if deed.way == Way::AnotherNodes {
                // It says whose it is.
                return Due::Refused(Told::of(file, None));
            }
            if after.len() < size(&harm.before) {
                // Without its header it is one of which nothing is known, but for what the identity says.
                let is_unknown = is_new && after.len() < HEADER;
                return if is_unknown {
                    Due::Lacking
                } else {
                    Due::Refused(Told::of(file, Some(after.len())))
                };
            }
            let due = due_of_segment(deed.part, file, &harm.before, after, first);
            if is_new && due != Due::Whole { Due::Lacking } else { due }
        }
        Part::Directory => due_of_all(deed.way),
    }
}

/// The space that was made for a segment, as its header has it.
fn size(segment: &[u8]) -> usize {
    let size = segment.get(12..16).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
    usize::try_from(size).unwrap_or(usize::MAX)
}

fn due_of_segment(part: Part, file: &str, before: &[u8], after: &[u8], first: usize) -> Due {
    let parts = records(before);
    if first >= end(&parts) {
        return Due::Whole;
    }
    let refused = |offset| Due::Refused(Told::of(file, Some(offset)));
    let is_damaged = |range: &std::ops::Range<usize>| before.get(range.clone()) != after.get(range.clone());
    if part == Part::OldSegment || first < HEADER {
        return refused(first.max(32));
    }
    match parts.iter().position(|record| is_damaged(&record.range)) {
        None => Due::Whole,
        // The identity knows that this segment was begun, so its first record was durable.
        Some(0) => refused(first),
        Some(position) => {
            let bad = parts[position].range.start;
            let tells = parts[position..].iter().any(|it| !is_damaged(&it.range) && it.synced > bad);
            if tells { refused(bad) } else { Due::Lacking }
        }
    }
}

fn due_of_identity(
    way: Way,
    now: &RangeInclusive<u64>,
    (before, after): (&[u8], &[u8]),
    first: usize,
) -> Due {
    let starts = |bytes: &[u8]| bytes.get(48..56).map(<[u8]>::to_vec);
    let refused = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Due::Refused(Told { names, offset: None })
    };
    if way == Way::AnotherNodes {
        // It is what the segments do not fit.
        return refused(&["identity", ".log"]);
    }
    if !way.is_older() {
        return Due::Refused(Told::of("identity", Some(first)));
    }
    // It asks for segments that are gone since.
    if named(after).is_ok_and(|then| then.start() < now.start()) {
        return refused(&[".log"]);
    }
    // With the right number of starts, only the last segment that it names is an earlier one, and that is no lie.
    if starts(before) == starts(after) { Due::Whole } else { Due::ByPeers }
}

fn due_of_all(way: Way) -> Due {
    let refused = |sentence: &str| Due::Refused(Told::of(sentence, None));
    match way {
        Way::Removed => refused("there is no data here"),
        Way::AnotherNodes => refused("the data directory belongs to node"),
        Way::MadeAnew | Way::OlderOfEarlierRun => Due::ByPeers,
        Way::OlderOfThisRun => Due::Lacking,
        Way::Rubbish
        | Way::BitTurned
        | Way::BitOfLastBatch
        | Way::BitBehindEnd
        | Way::CutShort
        | Way::Emptied
        | Way::SectorZeroed => Due::Whole,
    }
}

/// Where two files differ first, if they do.
fn first_difference(one: &[u8], other: &[u8]) -> Option<usize> {
    let differs = one.iter().zip(other).position(|(one, other)| one != other);
    differs.or_else(|| (one.len() != other.len()).then(|| one.len().min(other.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_the_file_and_an_offset_before_the_damage() {
        let told = Told::of("0001.log", Some(100));
        assert!(told.is_said_by("0001.log is damaged at byte 100: it cannot be read"));
        assert!(!told.is_said_by("0001.log is damaged at byte 101: it cannot be read"));
        assert!(!told.is_said_by("0002.log is damaged at byte 100: it cannot be read"));
        assert!(!told.is_said_by("0001.log is damaged"));
        assert!(Told::of("peers", None).is_said_by("the pinned identities in /data/peers are damaged"));
    }

    fn of_all(way: Way) -> Due {
        let harm = Harm { file: None, before: Vec::new(), after: None };
        due(Deed { part: Part::Directory, way }, &harm, &(1..=1))
    }

    #[test]
    fn only_a_copy_on_which_nobody_has_started_since_is_taken_for_the_directory() {
        assert_eq!(of_all(Way::OlderOfThisRun), Due::Lacking);
        assert_eq!(of_all(Way::OlderOfEarlierRun), Due::ByPeers);
        assert_eq!(of_all(Way::MadeAnew), Due::ByPeers);
        assert_eq!(of_all(Way::Rubbish), Due::Whole);
    }

    /// Of a segment of 4 KiB whose header says so.
    fn of_segment(length: usize) -> Due {
        let mut before = vec![0; 4096];
        before[12..16].copy_from_slice(&4096_u32.to_le_bytes());
        let after = Some(before[..length].to_vec());
        let harm = Harm { file: Some("0000000000000001.log".to_owned()), before, after };
        due(Deed { part: Part::LastSegment, way: Way::CutShort }, &harm, &(1..=1))
    }

    #[test]
    fn a_segment_is_as_long_as_its_space() {
        assert_eq!(of_segment(4095), Due::Refused(Told::of("0000000000000001.log", Some(4095))));
        assert_eq!(of_segment(4096), Due::Whole);
    }

    #[test]
    fn a_segment_that_the_identity_knows_of_is_missed() {
        let harm = Harm { file: Some("0000000000000002.log".to_owned()), before: vec![0; 4096], after: None };
        let deed = Deed { part: Part::LastSegment, way: Way::Removed };
        assert_eq!(due(deed, &harm, &(1..=2)), Due::Refused(Told::of("0000000000000002.log", None)));
        assert_eq!(due(deed, &harm, &(1..=1)), Due::Lacking);
    }
}
