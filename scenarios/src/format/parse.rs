//! From the text of a scenario file to a scenario, or to the place where the text is wrong.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::Problem;
use super::{Scenario, nearest};

/// What is wrong with a scenario file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScenarioError {
    /// What is wrong.
    pub message: String,
    /// The nearest right thing, when one is known.
    pub help: Option<String>,
    /// The offending words, in bytes of the file.
    pub span: Range<usize>,
}

impl Scenario {
    /// Reads the text of a scenario file; `name` is what the scenario is called when the file does not say.
    ///
    /// # Errors
    /// When the text is not TOML, has an unknown key, or asks for what cannot be.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let mut scenario: Self = toml::from_str(text).map_err(|error| unreadable(&error, text))?;
        if scenario.name.is_empty() {
            name.clone_into(&mut scenario.name);
        }
        scenario.check().map_err(|problem| located(problem, text))?;
        Ok(scenario)
    }
}

fn unreadable(error: &toml::de::Error, text: &str) -> ScenarioError {
    let (message, help) = explain(error.message());
    ScenarioError { message, help, span: error.span().unwrap_or(0..text.len().min(1)) }
}

/// A message of the deserializer as a sentence for a person, and the nearest of the words it would have taken.
///
/// serde writes ``unknown field `x`, expected one of `a`, `b` ``: the offending word first, then the valid ones.
pub(super) fn explain(message: &str) -> (String, Option<String>) {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (Some(word), valid) = (quoted.next(), quoted.collect::<Vec<_>>()) else {
        return (message.to_owned(), None);
    };
    let subject = if message.starts_with("unknown field") {
        "key"
    } else if message.starts_with("unknown variant") {
        "word"
    } else {
        return (message.to_owned(), None);
    };
    (format!("unknown {subject} `{word}`"), Some(suggestion(word, &valid)))
}

/// One sentence that names the nearest valid word, or all of them when none is near.
pub(super) fn suggestion(word: &str, valid: &[&str]) -> String {
    match nearest(word, valid.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected one of `{}`", valid.join("`, `")),
    }
}

fn located(problem: Problem, text: &str) -> ScenarioError {
    let document = DeTable::parse(text).expect("a text that was read as a scenario is TOML");
    let place = in_table(document.get_ref(), &problem.path);
    let span =
        place.map_or(document.span(), |place| if problem.is_key { place.key } else { place.value });
    ScenarioError { message: problem.message, help: problem.help, span }
}

/// Where a key and its value stand. Of a table, only the key counts as its place.
struct Place {
    key: Range<usize>,
    value: Range<usize>,
}

/// Where the value at `path` stands; where its nearest table stands when the file leaves the value to its default.
fn in_table(table: &DeTable<'_>, path: &[String]) -> Option<Place> {
    let (step, rest) = path.split_first()?;
    for (key, value) in table {
        if key.get_ref() == step {
            return in_value(key.span(), value, rest);
        }
        let dotted =
            step.strip_prefix(key.get_ref().as_ref()).and_then(|tail| tail.strip_prefix('.'));
        if let (Some(tail), DeValue::Table(inner)) = (dotted, value.get_ref()) {
            return in_table(inner, &[tail.to_owned()]);
        }
    }
    None
}

fn in_value(key: Range<usize>, value: &Spanned<DeValue<'_>>, path: &[String]) -> Option<Place> {
    let here = || Place { key: key.clone(), value: key.clone() };
    match (path.split_first(), value.get_ref()) {
        (None, DeValue::Table(_)) => Some(here()),
        (None, _) => Some(Place { key, value: value.span() }),
        (Some(_), DeValue::Table(table)) => Some(in_table(table, path).unwrap_or_else(here)),
        (Some((index, rest)), DeValue::Array(items)) => {
            let item = items.get(index.parse::<usize>().ok()?)?;
            in_value(item.span(), item, rest)
        }
        (Some(_), _) => Some(here()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The error of a scenario file: what is wrong, the offending words, the help.
    fn error(text: &str) -> (String, String, Option<String>) {
        let error = Scenario::from_toml("test", text).expect_err("the file is wrong");
        let words = text[error.span.clone()].to_owned();
        (error.message, words, error.help)
    }

    fn wrong(message: &str, words: &str, help: &str) -> (String, String, Option<String>) {
        (message.to_owned(), words.to_owned(), Some(help.to_owned()))
    }

    const TOPIC: &str = "title = 'Why?'\n[[topics]]\nname = 'orders'\n";

    #[test]
    fn a_title_and_a_topic_are_enough() {
        let scenario = Scenario::from_toml("why", TOPIC).expect("valid");
        assert_eq!((scenario.name.as_str(), scenario.title.as_str()), ("why", "Why?"));
        assert_eq!((scenario.cluster.brokers, scenario.topics[0].replication_factor), (3, 3));
    }

    #[test]
    fn an_unknown_key_names_the_nearest_one() {
        let text = format!("{TOPIC}partition = 2\n");
        assert_eq!(
            error(&text),
            wrong("unknown key `partition`", "partition", "did you mean `partitions`?")
        );
    }

    #[test]
    fn an_unknown_word_names_the_nearest_one() {
        let text = format!("{TOPIC}[consumers]\ncommit = 'after'\n");
        let expected = wrong("unknown word `after`", "'after'", "did you mean `after-processing`?");
        assert_eq!(error(&text), expected);
    }

    #[test]
    fn a_wrong_duration_is_shown_with_its_place() {
        let (message, words, _) = error(&format!("{TOPIC}[producers]\ninterval = '5'\n"));
        assert_eq!(message, "expected a duration such as `500ms`, `2s` or `1m`, found `5`");
        assert_eq!(words, "'5'");
    }

    #[test]
    fn a_wrong_value_deep_in_the_file_is_located() {
        let (message, words, _) = error(&format!("{TOPIC}replication-factor = 4\n"));
        assert_eq!(message, "replication factor 4 needs 4 brokers, the cluster has 3");
        assert_eq!(words, "4");
    }

    #[test]
    fn an_unknown_kafka_key_is_itself_the_place_and_a_wrong_value_is_too() {
        let (_, words, _) = error(&format!("{TOPIC}[producers.config]\nack = 'all'\n"));
        assert_eq!(words, "ack");
        let (_, words, _) =
            error(&format!("{TOPIC}[cluster.config]\nmin.insync.replicas = 'two'\n"));
        assert_eq!(words, "'two'");
    }

    #[test]
    fn what_the_file_leaves_out_is_shown_at_its_table() {
        let (_, words, _) = error(&format!("{TOPIC}[network]\nlatency-max = '1us'\n"));
        assert_eq!(words, "network");
    }

    #[test]
    fn a_wrong_change_of_the_twin_is_located_with_either_kind_of_key() {
        for set in ["'brokers.acks' = 31", "brokers.acks = 31"] {
            let found = error(&format!("{TOPIC}[twin]\nholds = []\n[twin.set]\n{set}\n"));
            let expected =
                wrong("`brokers` is nothing that can be set", "31", "did you mean `broker`?");
            assert_eq!(found, expected);
        }
    }

    proptest! {
        #[test]
        fn a_mutated_catalogue_file_never_panics(
            entry in 0..crate::catalogue::ENTRIES.len(),
            at in any::<prop::sample::Index>(),
            length in 0..40usize,
            insert in "[\\[\\]=\"a-z0-9.\n ]{0,6}",
        ) {
            let mut text: Vec<char> = crate::catalogue::ENTRIES[entry].source.chars().collect();
            let from = at.index(text.len());
            let to = (from + length).min(text.len());
            text.splice(from..to, insert.chars());
            let text: String = text.into_iter().collect();
            if let Err(error) = Scenario::from_toml("mutant", &text) {
                prop_assert!(text.get(error.span).is_some());
            }
        }
    }
}
