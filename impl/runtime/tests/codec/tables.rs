//! The tables of `docs/wire.md`, and bytes cut into fields as they say.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The page: what stands below each heading.
pub(crate) struct Page(Vec<(String, String)>);

impl Page {
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(package().join("../../docs/wire.md")).unwrap();
        let section = |section: &str| {
            let (heading, body) = section.split_once('\n').unwrap();
            (heading.trim_start_matches('#').trim().to_owned(), body.to_owned())
        };
        Self(text.split("\n#").map(section).collect())
    }

    pub(crate) fn has(&self, heading: &str) -> bool {
        self.0.iter().any(|(name, _)| name == heading)
    }

    /// The kinds of a section: its numbered headings.
    pub(crate) fn kinds(&self, section: &str) -> Vec<&str> {
        let mut headings = self.0.iter().map(|(heading, _)| heading.as_str());
        headings.find(|heading| *heading == section).unwrap();
        headings.take_while(|heading| heading.starts_with(|first: char| first.is_ascii_digit())).collect()
    }

    /// The rows of the table below a heading: `at`, `type`, `field`.
    fn rows(&self, heading: &str) -> Vec<[&str; 3]> {
        let section = self.0.iter().find(|(name, _)| name == heading);
        let (_, body) = section.unwrap_or_else(|| panic!("no section {heading}"));
        let rows = body.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| at "));
        rows.map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            cells.try_into().unwrap_or_else(|cells| panic!("{heading}: {cells:?}"))
        })
        .collect()
    }
}

/// Bytes on their way into lines, one for each field.
pub(crate) struct Cut<'a> {
    page: &'a Page,
    bytes: &'a [u8],
    at: usize,
    lines: String,
}

impl<'a> Cut<'a> {
    pub(crate) const fn new(page: &'a Page, bytes: &'a [u8]) -> Self {
        Self { page, bytes, at: 0, lines: String::new() }
    }

    /// Cuts off the fields of a table, whose offsets count from `begin`.
    pub(crate) fn fields(&mut self, heading: &str, begin: usize) {
        let mut number = 0;
        for [at, kind, field] in self.page.rows(heading) {
            assert!(
                at == "…" || at == (self.at - begin).to_string(),
                "{heading}: {field} is at {}",
                self.at - begin
            );
            match kind {
                "u8" => number = self.number(1, field),
                "u16" => number = self.number(2, field),
                "u32" => number = self.number(4, field),
                "u64" => number = self.number(8, field),
                "bytes" => drop(self.line(number, field)),
                "entries" => (0..number).for_each(|_| self.fields("Entry", self.at)),
                "snapshots" => (0..number).for_each(|_| self.fields("Snapshot", self.at)),
                _ => panic!("{heading}: {field} is of type {kind}"),
            }
        }
    }

    /// The lines, if nothing is left.
    pub(crate) fn finish(self) -> String {
        assert_eq!(self.at, self.bytes.len(), "fields are missing in the table:\n{}", self.lines);
        self.lines
    }

    fn number(&mut self, size: usize, field: &str) -> usize {
        let mut number = [0; 8];
        number[..size].copy_from_slice(self.line(size, field));
        // Only those that count something are looked at, and they are small.
        usize::try_from(u64::from_le_bytes(number)).unwrap()
    }

    fn line(&mut self, size: usize, field: &str) -> &'a [u8] {
        let bytes = &self.bytes[self.at..self.at + size];
        self.at += size;
        if size > 0 {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            self.lines.push_str(&format!("{hex:16} # {field}\n"));
        }
        bytes
    }
}
