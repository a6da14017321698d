//! Words that stand for one thing among a few, shared by reader and writer so that they cannot disagree.

use crate::history::{LogBound, LogEntryKind, PositionedBy, RebalanceKind};
use crate::notation::{Cursor, Problem};

/// Some words with what they mean.
pub(super) struct Words<T: 'static> {
    what: &'static str,
    words: &'static [(&'static str, T)],
}

/// `kind` of a rebalance.
pub(super) const REBALANCE: Words<RebalanceKind> = Words {
    what: "kind of rebalance",
    words: &[
        ("assigned", RebalanceKind::Assigned),
        ("revoked", RebalanceKind::Revoked),
        ("lost", RebalanceKind::Lost),
        ("unknown", RebalanceKind::Unknown),
    ],
};

/// `by` of a seek.
pub(super) const POSITION: Words<PositionedBy> = Words {
    what: "way to be positioned",
    words: &[
        ("committed", PositionedBy::Committed),
        ("reset-earliest", PositionedBy::ResetEarliest),
        ("reset-latest", PositionedBy::ResetLatest),
        ("truncation", PositionedBy::Truncation),
        ("seek", PositionedBy::Seek),
    ],
};

/// `which` of a bound.
pub(super) const BOUND: Words<LogBound> = Words {
    what: "bound of a log",
    words: &[
        ("earliest", LogBound::Earliest),
        ("latest", LogBound::Latest),
        ("lso", LogBound::LastStable),
    ],
};

/// The third part of a log's entry.
pub(super) const ENTRY: Words<LogEntryKind> = Words {
    what: "kind of log entry",
    words: &[
        ("data", LogEntryKind::Data),
        ("commit", LogEntryKind::Commit),
        ("abort", LogEntryKind::Abort),
        ("aborted-data", LogEntryKind::AbortedData),
    ],
};

impl<T: Copy + PartialEq> Words<T> {
    /// The word for `meaning`.
    pub(super) fn word(&self, meaning: T) -> &'static str {
        let found = self.words.iter().find(|&&(_, other)| other == meaning);
        found.expect("every meaning has a word").0
    }

    /// What the word that comes next means.
    pub(super) fn read(&self, cursor: &mut impl Cursor) -> Result<T, Problem> {
        let at = cursor.place();
        let word = cursor.string(self.what)?;
        let found = self.words.iter().find(|&&(other, _)| other == &*word);
        found.map(|&(_, meaning)| meaning).ok_or_else(|| {
            let known: Vec<&str> = self.words.iter().map(|&(word, _)| word).collect();
            Problem::here(at, unknown_word(self.what, &word, &known))
        })
    }
}

/// The known word most like `found`, if one is like it at all: two typing errors, or one in a short word.
pub(crate) fn nearest<'w>(found: &str, known: &[&'w str]) -> Option<&'w str> {
    let distance = |word: &&&str| strsim::osa_distance(found, word);
    let nearest = known.iter().min_by_key(distance)?;
    (distance(&nearest) <= (nearest.len() / 3).clamp(1, 2)).then_some(nearest)
}

/// `expected one of these, found that`, with the nearest of these, if there is one.
pub(crate) fn unknown_word(what: &str, found: &str, known: &[&str]) -> String {
    match nearest(found, known) {
        Some(nearest) => format!("`{found}` is no {what}; did you mean `{nearest}`?"),
        None => format!("`{found}` is no {what}; there are `{}`", known.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_near_when_two_typing_errors_explain_it() {
        let known = ["send", "commit", "committed", "ok"];
        assert_eq!(nearest("sned", &known), Some("send"));
        assert_eq!(nearest("comit", &known), Some("commit"));
        assert_eq!(nearest("okk", &known), Some("ok"));
        assert_eq!(nearest("kill", &known), None);
    }
}
