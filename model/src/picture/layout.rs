//! Where everything stands: columns are nodes, rows are steps. A row is as high as what it has to say.

use super::boxes::{self, LogBox, SMALL};
use super::canvas::{Area, pixels, text_width, wrapped};
use super::story::{Fate, Story};
use super::words;
use crate::server::Server;
use seaworthy_protocol::NodeId;

/// Room at the edges.
pub(super) const MARGIN: i32 = 16;
/// The column of the script.
pub(super) const SCRIPT: i32 = 236;
/// Letters of the script in a line.
const SCRIPT_LETTERS: usize = 31;
/// The height of a line of text.
pub(super) const LINE: i32 = 14;
/// From a time line to what is written beside it.
pub(super) const BESIDE: i32 = 16;
/// The height of a role's sign.
pub(super) const SIGN: i32 = 19;
/// The height of a message's label.
pub(super) const LABEL: i32 = 15;
/// The tenths of a pixel that a letter of a label is wide.
pub(super) const LABEL_LETTER: usize = 61;
/// From the top of a row to where messages arrive.
const ARRIVAL: i32 = 13;

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

/// What is written beside a node's line.
pub(super) struct Note {
    pub(super) event: Option<String>,
    pub(super) sign: Option<&'static Server>,
    pub(super) lines: Vec<String>,
    pub(super) given_up: Vec<LogBox>,
    pub(super) log: Vec<LogBox>,
    pub(super) stubs: Vec<Stub>,
}

/// Messages that did not arrive: a label beside the sender.
pub(super) struct Stub {
    pub(super) text: String,
    pub(super) term: seaworthy_protocol::Term,
    pub(super) is_dead: bool,
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
            let height = (ARRIVAL + 5 + beside.unwrap_or(0)).max(pixels(script.len()) * LINE + 4);
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
        self.rows.iter().flat_map(move |row| {
            row.notes.iter().enumerate().filter_map(move |(column, note)| {
                let height = note.as_ref()?.height(self.width_beside());
                let x = self.line(column) + BESIDE - 2;
                Some(Area { x, y: row.arrival() + 5, width: self.width_beside(), height })
            })
        })
    }

    fn note(&self, story: &Story<'_>, row: usize, column: usize) -> Option<Note> {
        let after = story.server(row, column);
        let stubs = stubs(story, row, after.node.id(), self.stub_letters());
        let Some((_, action)) = story.step(row) else {
            // What precedes the first step that is told. Every node begins as a follower of term 0: no need to say so.
            let log = boxes::in_memory(after);
            let sign = Some(after);
            let note = Note { event: None, sign, lines: Vec::new(), given_up: Vec::new(), log, stubs };
            return (story.untold > 0).then_some(note);
        };
        if usize::from(action.node.get() - 1) != column {
            return None;
        }
        let before = story.server(row - 1, column);
        let words = words::consequences(before, after, self.columns).join(", ");
        let letters = usize::try_from(self.width_beside() / 6).unwrap_or(usize::MAX);
        let event = words::event(action.event);
        let lines = if words.is_empty() { Vec::new() } else { wrapped(&words, letters) };
        let shows_log =
            boxes::in_memory(before) != boxes::in_memory(after) && !after.node.log().entries().is_empty();
        let given_up = boxes::given_up(&before.node, &after.node);
        let log = if shows_log { boxes::in_memory(after) } else { Vec::new() };
        let sign = words::changes_sign(before, after).then_some(after);
        Some(Note { event, sign, lines, given_up, log, stubs })
    }

    fn stub_letters(&self) -> usize {
        usize::try_from(self.width_beside() - 34).unwrap_or(0) * 10 / LABEL_LETTER
    }
}

impl Note {
    pub(super) fn height(&self, width: i32) -> i32 {
        let Self { event, sign, lines, given_up, log, stubs } = self;
        let event = if event.is_some() { LINE + 1 } else { 0 };
        let sign = if sign.is_some() { SIGN + 4 } else { 0 };
        let logs =
            [given_up, log].map(|entries| boxes::height(entries.len(), SMALL, width)).iter().sum::<i32>();
        let air = if log.is_empty() && given_up.is_empty() { 0 } else { 3 };
        event + sign + pixels(lines.len()) * LINE + air + logs + pixels(stubs.len()) * (LABEL + 3) + 2
    }
}

impl Stub {
    pub(super) fn width(&self) -> i32 {
        label_width(&self.text)
    }
}

/// The width of a message's label: its term, then what it says.
pub(super) fn label_width(text: &str) -> i32 {
    LABEL + 9 + text_width(text, LABEL_LETTER)
}

/// Whatever a node sent in a row that did not arrive: one label for all that say the same.
fn stubs(story: &Story<'_>, row: usize, sender: NodeId, letters: usize) -> Vec<Stub> {
    let mut stubs: Vec<Stub> = Vec::new();
    let unarrived = story.letters.iter().filter(|letter| {
        let of_the_row = letter.sent_in == row && letter.packet.from == sender;
        // What is past is not told: neither that it was sent, nor that it died.
        of_the_row && (letter.fate == Fate::InFlight || (letter.fate == Fate::Dead && row > 0))
    });
    let mut said: Vec<(String, bool, seaworthy_protocol::Term)> = Vec::new();
    for letter in unarrived {
        let what = (words::brief(&letter.packet), letter.fate == Fate::Dead, letter.packet.term);
        let to = format!(" →{}", letter.packet.to);
        if let Some(position) = said.iter().position(|other| *other == what) {
            if !stubs[position].text.contains(&to) {
                stubs[position].text.push_str(&to);
            }
            continue;
        }
        stubs.push(Stub { text: what.0.clone() + &to, term: what.2, is_dead: what.1 });
        said.push(what);
    }
    for stub in &mut stubs {
        stub.text = shortened(&stub.text, letters);
    }
    stubs
}

/// Text of at most so many letters; the middle is left out, since a receiver stands at the end.
pub(super) fn shortened(text: &str, letters: usize) -> String {
    let count = text.chars().count();
    if count <= letters {
        return text.to_owned();
    }
    let tail = 6.min(letters / 2);
    let head: String = text.chars().take(letters.saturating_sub(tail + 1)).collect();
    let tail: String = text.chars().skip(count - tail).collect();
    format!("{head}…{tail}")
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
    fn a_long_text_keeps_its_beginning_and_its_end() {
        assert_eq!(shortened("heartbeat →n2", 20), "heartbeat →n2");
        assert_eq!(shortened("append 1@2:- 2@2:1 3@2:2 →n3", 20), "append 1@2:- …2 →n3");
        assert_eq!(shortened("append 1@2:- 2@2:1 3@2:2 →n3", 20).chars().count(), 19 + 1 - 1);
    }

    #[test]
    fn a_message_is_broken_after_its_envelope() {
        assert_eq!(script("n1 election timeout"), ["n1 election timeout"]);
        assert_eq!(
            script("deliver n1@1→n2 RequestVote last=0@0"),
            ["deliver n1@1→n2", "RequestVote last=0@0"]
        );
    }
}
