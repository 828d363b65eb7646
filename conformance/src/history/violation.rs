//! What there is to say about a history: that there is an order, or which part of it has none, and why.

use super::event::{Shown, Value};
use super::reading::{History, Operation, Outcome};
use super::search::{Verdict, search};
use super::shrink::shrink;
use super::timeline;
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

/// What came of judging a history.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// How many keys there are.
    pub keys: usize,
    /// The most configurations that were left at once.
    pub configurations: usize,
    /// The part that has no order, of the first key that has one.
    pub violation: Option<Violation>,
}

/// Operations on one key that have no order, none of them there for nothing.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The key.
    pub key: String,
    /// The operations, in the order in which they began. Of what ended later than the event nothing is said.
    pub operations: Vec<Operation>,
    /// The line of the event at which no order was left.
    pub line: usize,
    /// What the key might have held then, in all orders that explain what had ended before.
    pub held: BTreeSet<Value>,
    /// How many operations there are on the key.
    pub of: usize,
}

impl History {
    /// Is there, for each key, an order of its operations in which each finds what it found, and in which whatever had ended before
    /// another began comes before that?
    #[must_use]
    pub fn judge(&self) -> Judgement {
        let by_key = self.by_key();
        let (keys, mut configurations) = (by_key.len(), 0);
        for (key, deeds) in by_key {
            match search(deeds.clone()) {
                Verdict::Linearizable(most) => configurations = most.max(configurations),
                Verdict::Violation(failure) => {
                    let (part, failure) = shrink(&deeds, failure);
                    let operations = part.iter().map(|deed| {
                        let operation = &self.operations[deed.operation];
                        let outcome = deed.end.map_or(Outcome::Unknown, |_| operation.outcome);
                        Operation { end: deed.end, outcome, ..operation.clone() }
                    });
                    let (line, held, of) = (failure.event, failure.held, deeds.len());
                    let operations = operations.collect();
                    let violation = Some(Violation { key: key.to_owned(), operations, line, held, of });
                    return Judgement { keys, configurations, violation };
                }
            }
        }
        Judgement { keys, configurations, violation: None }
    }
}

impl Violation {
    /// The operation whose end has no place in any order.
    #[must_use]
    pub fn culprit(&self) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.end == Some(self.line))
    }

    /// Why, in words.
    fn reason(&self) -> String {
        let Some(operation) = self.culprit() else { return String::new() };
        let (process, begin, line) = (operation.process, operation.begin, self.line);
        let held: Vec<String> = self.held.iter().map(|value| Shown(*value).to_string()).collect();
        let held = match held.split_last() {
            None => String::new(),
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
        };
        let did = match operation.outcome {
            Outcome::Found(value) => format!("read {}", Shown(value)),
            Outcome::Done | Outcome::Failed | Outcome::Unknown => format!("{} was done", operation.action),
        };
        format!(
            "process {process}: {did} (lines {begin} to {line}), but whatever order explains the answers before line {line}, \
             {:?} holds {held} there",
            self.key
        )
    }
}

impl Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "no order explains what was answered about {:?}\n", self.key)?;
        writeln!(f, "{}", timeline::draw(&self.operations))?;
        for operation in &self.operations {
            let Operation { process, begin, .. } = operation;
            let lines = operation.end.map_or_else(|| format!("{begin} …"), |end| format!("{begin} to {end}"));
            writeln!(f, "  lines {lines}: process {process}, {}", timeline::label(operation))?;
        }
        writeln!(f, "\n{}", self.reason())?;
        let (left, of) = (self.operations.len(), self.of);
        write!(
            f,
            "({left} of {of} operations on this key; without any one of them there is an order, or a write is missing)"
        )
    }
}
