//! The word that was probably meant.

/// The candidate most like `word`, if any is like it at all.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.into_iter().map(|candidate| (likeness(word, candidate), candidate));
    let best = scored.filter(|(score, _)| *score >= 650).max_by_key(|(score, _)| *score);
    best.map(|(_, candidate)| candidate)
}

/// How alike two words are, from 0 to 1000 for equal ones.
fn likeness(word: &str, candidate: &str) -> u32 {
    let likeness = strsim::jaro_winkler(&word.to_lowercase(), &candidate.to_lowercase());
    (likeness * 1000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_what_was_meant_and_does_not_guess_wildly() {
        let words = ["partitions", "replication-factor", "name"];
        assert_eq!(nearest("partition", words), Some("partitions"));
        assert_eq!(nearest("replicaton-factor", words), Some("replication-factor"));
        assert_eq!(nearest("zzz", words), None);
    }
}
