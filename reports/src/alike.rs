//! Sentences that differ in their numbers only, told as one.

use std::collections::BTreeMap;

/// A sentence, cut at its numbers.
type Pattern<'a> = Vec<&'a str>;

/// Adds up the counts of sentences that differ in their numbers only, each of which becomes the span of what was said:
/// `3 to 17 records are left`.
pub(crate) fn as_one(sentences: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut alike: BTreeMap<Pattern<'_>, (Vec<Span>, u64)> = BTreeMap::new();
    for (sentence, count) in sentences {
        let (pattern, numbers) = cut(sentence);
        let (spans, sum) = alike
            .entry(pattern)
            .or_insert_with(|| (numbers.iter().map(|&number| Span::of(number)).collect(), 0));
        spans.iter_mut().zip(numbers).for_each(|(span, number)| span.include(number));
        *sum += count;
    }
    alike.into_iter().map(|(pattern, (spans, sum))| (join(&pattern, &spans), sum)).collect()
}

/// The smallest and the largest number at a place.
struct Span {
    min: u64,
    max: u64,
}

impl Span {
    fn of(number: u64) -> Self {
        Span { min: number, max: number }
    }

    fn include(&mut self, number: u64) {
        self.min = self.min.min(number);
        self.max = self.max.max(number);
    }

    fn text(&self) -> String {
        match self.min == self.max {
            true => self.min.to_string(),
            false => format!("{} to {}", self.min, self.max),
        }
    }
}

/// The words around the numbers, one more than there are numbers. A number stands between spaces; others belong to words.
fn cut(sentence: &str) -> (Pattern<'_>, Vec<u64>) {
    let (mut pattern, mut numbers, mut from) = (Vec::new(), Vec::new(), 0);
    let mut at = 0;
    for word in sentence.split(' ') {
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        if let (true, Ok(number)) = (is_number, word.parse()) {
            pattern.push(&sentence[from..at]);
            numbers.push(number);
            from = at + word.len();
        }
        at += word.len() + 1;
    }
    pattern.push(&sentence[from..]);
    (pattern, numbers)
}

fn join(pattern: &[&str], spans: &[Span]) -> String {
    let (first, rest) = pattern.split_first().expect("a sentence has a beginning");
    let rest = spans.iter().zip(rest).map(|(span, words)| span.text() + words);
    rest.fold((*first).to_owned(), |sentence, next| sentence + &next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sentences: &[(&str, u64)]) -> Vec<(String, u64)> {
        as_one(&sentences.iter().map(|&(text, count)| (text.to_owned(), count)).collect())
    }

    #[test]
    fn sentences_that_differ_in_a_number_are_one() {
        let sentences =
            [("at 17 records of 5", 1), ("at 3 records of 5", 2), ("orders-1 was lost", 4)];
        let one = [("at 3 to 17 records of 5".to_owned(), 3), ("orders-1 was lost".to_owned(), 4)];
        assert_eq!(told(&sentences), one);
    }

    #[test]
    fn a_number_within_a_word_is_part_of_it() {
        let sentences = [("broker-1 is down", 1), ("broker-2 is down", 1)];
        assert_eq!(told(&sentences).len(), 2);
    }

    #[test]
    fn what_stands_alone_is_told_as_it_is() {
        for sentence in ["", "7", "no number", "1 at both ends 2", "two  spaces 3"] {
            assert_eq!(told(&[(sentence, 1)]), [(sentence.to_owned(), 1)]);
        }
    }
}
