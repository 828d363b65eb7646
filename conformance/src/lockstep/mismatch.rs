//! What the two sides do not agree about.

use similar::TextDiff;
use std::fmt::{self, Display, Formatter};

/// A difference between the model and production.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mismatch {
    /// What is different.
    pub what: &'static str,
    /// After what, in the one notation.
    pub action: String,
    /// As the model has it.
    pub model: String,
    /// As production has it.
    pub production: String,
}

impl Mismatch {
    pub(super) const fn new(what: &'static str, model: String, production: String) -> Self {
        Self { what, action: String::new(), model, production }
    }

    pub(super) fn after(self, action: impl Display) -> Self {
        Self { action: action.to_string(), ..self }
    }
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "after \"{}\" {} is not the same:", self.action, self.what)?;
        let (model, production) = (self.model.clone() + "\n", self.production.clone() + "\n");
        let diff = TextDiff::from_lines(&model, &production);
        write!(f, "{}", diff.unified_diff().context_radius(100).header("model", "production"))
    }
}
