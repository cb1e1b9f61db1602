//! What was odd in a feed that was nevertheless stored.

use std::fmt;

/// Kinds of oddity, each with how often it occurred and where first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<(String, usize, String)>);

impl Problems {
    /// Notes one occurrence; `kind` reads after a count, as in "3 × entry without an id".
    pub fn note(&mut self, kind: &str, example: &str) {
        match self.0.iter_mut().find(|(known, ..)| known == kind) {
            Some((_, count, _)) => *count += 1,
            None => self.0.push((kind.to_owned(), 1, example.to_owned())),
        }
    }

    /// Whether nothing was odd.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The message for the ledger and the log; `None` where nothing was odd.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        (!self.is_empty()).then(|| self.to_string())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (kind, count, example)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            if *count > 1 {
                write!(f, "{count} × {kind} (first: {example})")?;
            } else if example.is_empty() {
                f.write_str(kind)?;
            } else {
                write!(f, "{kind}: {example}")?;
            }
        }
        Ok(())
    }
}
