//! The present state: a card a node, under its line.

use super::boxes::{self, LARGE, LogBox};
use super::canvas::{Area, Canvas, wrapped};
use super::layout::{LINE, Layout};
use super::story::Story;
use super::style::{INK, role_sign};
use super::words;
use crate::network::Packet;
use crate::server::Server;
use seaworthy_protocol::notation::show;
use seaworthy_protocol::{Durable, Reads, Role};
use std::collections::{BTreeMap, BTreeSet};

/// The height of a card's head.
const HEAD: i32 = 24;
/// From a card's edge to what it says.
const INSIDE: i32 = 9;
/// The column of the names of things.
const NAMES: i32 = 52;

/// A line of a card.
enum Line {
    Text(&'static str, String),
    Boxes(&'static str, Vec<LogBox>),
}

/// Draws the cards. Answers where they end.
pub(super) fn draw(canvas: &mut Canvas, story: &Story<'_>, layout: &Layout) -> i32 {
    let width = layout.pitch - 12;
    let voters = layout.columns;
    let servers = story.last().servers();
    let cards: Vec<Vec<Line>> = servers.iter().map(|server| lines(server.value(), voters, width)).collect();
    let height_of = |lines: &Vec<Line>| lines.iter().map(|line| line.height(width)).sum::<i32>();
    let height = HEAD + 10 + cards.iter().map(height_of).max().unwrap_or(0);
    for (column, (server, lines)) in servers.iter().zip(&cards).enumerate() {
        let (x, y) = (layout.line(column) - 14, layout.bottom);
        let card = Area { x, y, width, height };
        canvas.rectangle(card, &format!(r##"rx="5" fill="#fbfcfd" stroke="{INK}""##));
        role_sign(canvas, Area { x, y, width, height: HEAD }, &server.node, "sw-h");
        let mut base = y + HEAD + 5;
        for line in lines {
            line.draw(canvas, x + INSIDE, base, width);
            base += line.height(width);
        }
    }
    layout.bottom + height
}

fn lines(server: &Server, voters: usize, width: i32) -> Vec<Line> {
    let node = &server.node;
    let mut lines = Vec::new();
    let vote = node.voted_for().map_or_else(|| "not in this term".to_owned(), |id| format!("for {id}"));
    lines.push(Line::Text("voted", vote));
    match node.role() {
        Role::Follower { leader: None } => lines.push(Line::Text("leader", "none heard of".to_owned())),
        Role::Follower { leader: Some(leader) } => lines.push(Line::Text("leader", leader.to_string())),
        Role::PreCandidate { votes_granted } => {
            lines.push(Line::Text("asks", format!("yes of {votes_granted}, needs {}", voters / 2 + 1)));
        }
        Role::Candidate { votes_granted } => {
            lines.push(Line::Text("votes", format!("from {votes_granted}, needs {}", voters / 2 + 1)));
        }
        Role::Leader { progress, heard, reads, transfer } => {
            if !heard.is_empty() {
                lines.push(Line::Text("heard", heard.to_string()));
            }
            lines.extend(transfer.map(|to| Line::Text("hands", format!("leadership to {to}"))));
            if *reads != Reads::default() {
                lines.push(Line::Text("reads", reads.to_string().trim().to_owned()));
            }
            for (position, (peer, progress)) in progress.iter().enumerate() {
                let name = if position == 0 { "peers" } else { "" };
                lines.push(Line::Text(name, format!("{peer}: {}", progress.to_string().replace(',', " "))));
            }
        }
    }
    lines.extend(node.receiving().map(|receiving| Line::Text("receives", receiving.to_string())));
    lines.extend(node.durable().snapshot().map(|snapshot| Line::Text("snapshot", snapshot.to_string())));
    lines.push(Line::Boxes("log", boxes::in_memory(server)));
    lines.push(Line::Text("commit", node.commit_index().to_string()));
    lines.extend(disk(server, width));
    lines
}

/// What is on the disk, if it is not what is in memory, and what waits.
fn disk(server: &Server, width: i32) -> Vec<Line> {
    let (memory, disk) = (server.node.durable(), &server.disk);
    if disk.is_idle() && memory == &disk.durable {
        return vec![Line::Text("disk", "has all of this".to_owned())];
    }
    let mut lines = Vec::new();
    let vote =
        |durable: &Durable<u8>| durable.voted_for().map_or_else(String::new, |id| format!(" vote={id}"));
    lines.push(Line::Text("disk", format!("term={}{}", disk.durable.current_term(), vote(&disk.durable))));
    if memory.snapshot() != disk.durable.snapshot() {
        let snapshot =
            disk.durable.snapshot().map_or_else(|| "none".to_owned(), |snapshot| snapshot.to_string());
        lines.push(Line::Text("snapshot", snapshot));
    }
    if memory.log() != disk.durable.log() {
        lines.push(Line::Boxes("", boxes::on_disk(server)));
    }
    let letters = usize::try_from((width - NAMES - 2 * INSIDE) * 10 / 66).unwrap_or(usize::MAX);
    let mut say = |name: &'static str, text: &str| {
        for (position, line) in wrapped(text, letters).into_iter().enumerate() {
            lines.push(Line::Text(if position == 0 { name } else { "" }, line));
        }
    };
    for batch in &disk.queue {
        for write in &batch.writes {
            say("waits", &show::<_, u8>(write).to_string());
        }
        for (words, receivers) in by_words(&batch.after_writes) {
            say("", &format!("then {words}{receivers}"));
        }
    }
    if let Some(ack) = disk.unconfirmed {
        say("not told", &ack.to_string());
    }
    lines
}

/// Messages that say the same, with their receivers.
fn by_words(packets: &BTreeSet<Packet>) -> BTreeMap<String, String> {
    packets.iter().fold(BTreeMap::new(), |mut said, packet| {
        said.entry(words::brief(packet)).or_default().push_str(&format!(" →{}", packet.to));
        said
    })
}

impl Line {
    fn height(&self, width: i32) -> i32 {
        match self {
            Self::Text(..) => LINE + 2,
            Self::Boxes(_, boxes) if boxes.is_empty() => LINE + 2,
            Self::Boxes(_, boxes) => boxes::height(boxes.len(), LARGE, width - NAMES - 2 * INSIDE) + 3,
        }
    }

    fn draw(&self, canvas: &mut Canvas, x: i32, y: i32, width: i32) {
        match self {
            Self::Text(name, value) => {
                canvas.text((x, y + 12), "sw-f", name);
                canvas.text((x + NAMES, y + 12), "sw-m", value);
            }
            Self::Boxes(name, boxes) if boxes.is_empty() => {
                canvas.text((x, y + 12), "sw-f", name);
                canvas.text((x + NAMES, y + 12), "sw-f", "empty");
            }
            Self::Boxes(name, boxes) => {
                canvas.text((x, y + 16), "sw-f", name);
                boxes::draw(canvas, (x + NAMES, y + 1), boxes, LARGE, width - NAMES - 2 * INSIDE);
            }
        }
    }
}
