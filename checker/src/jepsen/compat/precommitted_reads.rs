//! `precommitted-read`: an operation polled a value that it sent itself, and so before it was committed. O(records).

use super::analysis::Analysis;
use super::case::{Case, Field};

/// The first such value of each operation.
pub(super) fn cases(analysis: &Analysis<'_>) -> Vec<Case> {
    analysis.ops().filter_map(|(place, _)| case(analysis, place)).collect()
}

fn case(analysis: &Analysis<'_>, place: usize) -> Option<Case> {
    analysis.writes[place].iter().find_map(|(key, sent)| {
        let (_, polled) = analysis.reads[place].iter().find(|(other, _)| other == key)?;
        let value = *sent.iter().find(|value| polled.contains(value))?;
        let case = vec![
            ("op", Field::Op(place)),
            ("key", Field::Key(*key)),
            ("value", Field::Value(value)),
        ];
        Some(Case::new(case))
    })
}
