//! Where everything stands: columns are nodes, rows are steps. A row is as high as what it has to say.

use super::boxes;
use super::canvas::{Area, pixels, wrapped};
use super::note::{BESIDE, Element, LABEL_LETTER, LETTER, Note, Stub, shortened};
use super::story::{Fate, Story};
use super::words;
use seaworthy_protocol::NodeId;

/// Room at the edges.
pub(super) const MARGIN: i32 = 16;
/// The column of the script.
pub(super) const SCRIPT: i32 = 236;
/// Letters of the script in a line.
const SCRIPT_LETTERS: usize = 31;
/// The height of a line of text.
pub(super) const LINE: i32 = 14;
/// From the top of a row to where messages arrive.
const ARRIVAL: i32 = 13;
/// From there to what is written.
pub(super) const BELOW: i32 = 5;

/// The picture's grid.
pub(super) struct Layout {
    pub(super) rows: Vec<Row>,
    pub(super) pitch: i32,
    pub(super) columns: usize,
    /// Where the diagram begins and ends.
    pub(super) top: i32,
    pub(super) bottom: i32,
}

/// One row.
pub(super) struct Row {
    pub(super) top: i32,
    pub(super) script: Vec<String>,
    /// What is written beside each node's line.
    pub(super) notes: Vec<Option<Note>>,
    /// Where messages leave.
    pub(super) departure: i32,
}

impl Row {
    /// Where messages arrive.
    pub(super) const fn arrival(&self) -> i32 {
        self.top + ARRIVAL
    }
}

impl Layout {
    pub(super) fn new(story: &Story<'_>, top: i32) -> Self {
        let columns = story.last().servers().len();
        let pitch = if columns <= 3 { 220 } else { 196 };
        let mut layout = Self { rows: Vec::new(), pitch, columns, top, bottom: top };
        let mut y = top;
        for index in 0..story.rows() {
            let script = story.step(index).map_or_else(Vec::new, |(_, action)| script(&action.to_string()));
            let notes: Vec<_> = (0..columns).map(|column| layout.note(story, index, column)).collect();
            let beside = notes.iter().flatten().map(|note| note.height(layout.width_beside())).max();
            let height = (ARRIVAL + BELOW + beside.unwrap_or(0)).max(pixels(script.len()) * LINE + 4);
            layout.rows.push(Row { top: y, script, notes, departure: y + height });
            y += height + 9;
        }
        layout.bottom = y + 4;
        layout
    }

    /// The time line of a column.
    pub(super) fn line(&self, column: usize) -> i32 {
        MARGIN + SCRIPT + 14 + pixels(column) * self.pitch
    }

    pub(super) fn line_of(&self, id: NodeId) -> i32 {
        self.line(usize::from(id.get() - 1))
    }

    /// The room to the right of a time line.
    pub(super) const fn width_beside(&self) -> i32 {
        self.pitch - 2 * BESIDE
    }

    pub(super) fn width(&self) -> i32 {
        self.line(self.columns) - 14 + MARGIN
    }

    /// The areas of what is written beside the lines: arrows' labels keep clear of them.
    pub(super) fn notes(&self) -> impl Iterator<Item = Area> {
        let width = self.width_beside();
        self.rows.iter().flat_map(move |row| {
            let notes = row.notes.iter().enumerate();
            notes.flat_map(move |(column, note)| {
                let at = (self.line(column) + BESIDE, row.arrival() + BELOW);
                note.iter().flat_map(move |note| note.areas(at, width))
            })
        })
    }

    fn note(&self, story: &Story<'_>, row: usize, column: usize) -> Option<Note> {
        let after = story.server(row, column);
        let stubs = stubs(story, row, after.node.id(), self.stub_letters());
        let Some((_, action)) = story.step(row) else {
            // What precedes the first step that is told. Every node begins as a follower of term 0: no need to say so.
            let mut elements = vec![Element::Sign(after), Element::Log(boxes::in_memory(after))];
            elements.extend(stubs);
            return (story.untold > 0).then_some(Note(elements));
        };
        if usize::from(action.node.get() - 1) != column {
            return None;
        }
        let before = story.server(row - 1, column);
        let mut elements: Vec<Element> = words::event(action.event).map(Element::Event).into_iter().collect();
        if words::changes_sign(before, after) {
            elements.push(Element::Sign(after));
        }
        let words = words::consequences(before, after, self.columns).join(", ");
        let letters = usize::try_from(self.width_beside()).unwrap_or(0) * 10 / LETTER + 1;
        let lines = if words.is_empty() { Vec::new() } else { wrapped(&words, letters) };
        elements.extend(lines.into_iter().map(Element::Line));
        let given_up = boxes::given_up(&before.node, &after.node);
        if !given_up.is_empty() {
            elements.push(Element::Log(given_up));
        }
        let log = boxes::in_memory(after);
        if !log.is_empty() && log != boxes::in_memory(before) {
            elements.push(Element::Log(log));
        }
        elements.extend(stubs);
        Some(Note(elements))
    }

    fn stub_letters(&self) -> usize {
        usize::try_from(self.width_beside() - 34).unwrap_or(0) * 10 / LABEL_LETTER
    }
}

/// Whatever a node sent in a row that did not arrive: one label for all that say the same.
fn stubs(story: &Story<'_>, row: usize, sender: NodeId, letters: usize) -> Vec<Element> {
    let mut stubs: Vec<Stub> = Vec::new();
    let unarrived = story.letters.iter().filter(|letter| {
        let of_the_row = letter.sent_in == row && letter.packet.from == sender;
        // What is past is not told: neither that it was sent, nor that it died.
        of_the_row && (letter.fate == Fate::InFlight || (letter.fate == Fate::Dead && row > 0))
    });
    for letter in unarrived {
        let (term, is_dead) = (letter.packet.term, letter.fate == Fate::Dead);
        let to = format!("→{}", letter.packet.to);
        let room = letters.saturating_sub(1 + to.chars().count());
        let says = shortened(&words::brief(&letter.packet), room);
        let says_the_same = |stub: &&mut Stub| {
            stub.term == term && stub.is_dead == is_dead && stub.text.starts_with(&format!("{says} →"))
        };
        match stubs.iter_mut().rfind(says_the_same) {
            Some(stub) if stub.text.split(' ').any(|word| word == to) => {}
            Some(stub) if stub.text.chars().count() <= room => stub.text += &format!(" {to}"),
            Some(_) | None => stubs.push(Stub { text: format!("{says} {to}"), term, is_dead }),
        }
    }
    stubs.into_iter().map(Element::Stub).collect()
}

/// An action over several lines: the envelope of a message, then what it says.
fn script(action: &str) -> Vec<String> {
    let is_short = action.chars().count() <= SCRIPT_LETTERS;
    match action.strip_prefix("deliver ").and_then(|packet| packet.split_once(' ')) {
        Some((envelope, message)) if !is_short => {
            let first = format!("deliver {envelope}");
            std::iter::once(first).chain(wrapped(message, SCRIPT_LETTERS)).collect()
        }
        Some(_) | None => wrapped(action, SCRIPT_LETTERS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_broken_after_its_envelope() {
        assert_eq!(script("n1 election timeout"), ["n1 election timeout"]);
        assert_eq!(
            script("deliver n1@1→n2 RequestVote last=0@0"),
            ["deliver n1@1→n2", "RequestVote last=0@0"]
        );
    }
}
