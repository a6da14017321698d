//! Histories in whatever format they come.
//!
//! | format | by | what it is read as |
//! |---|---|---|
//! | [`Klog`](Format::Klog) | trials, applications | what it says ([`klog`]) |
//! | [`Edn`](Format::Edn) | Jepsen | the same operations |
//! | [`Verifiable`](Format::Verifiable) | Kafka's `VerifiableProducer`, `VerifiableConsumer` | completions whose invocations nobody timed |
//! | [`Dump`](Format::Dump) | `kcat`, `kafka-console-consumer` | what one reader saw |

mod dump;
mod edn;
mod merge;
mod text;
mod verifiable;

use crate::history::{History, Value};
use crate::klog;
pub use crate::klog::{Imported, ReadError};
pub use merge::Merged;
use std::fmt;
use std::io::BufRead;
pub use text::begin;

/// A format that histories come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `klog/1`, JSON lines.
    Klog,
    /// Jepsen's EDN: one operation a line, or all in one vector.
    Edn,
    /// What Kafka's verifiable clients print, one after the other or merged.
    Verifiable,
    /// `topic partition offset key value`, a record a line.
    Dump,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 4] = [Format::Klog, Format::Edn, Format::Verifiable, Format::Dump];

    /// How the command calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Klog => "jsonl",
            Format::Edn => "edn",
            Format::Verifiable => "verifiable",
            Format::Dump => "dump",
        }
    }

    /// The format of a file that begins with `start`, as it seems.
    #[must_use]
    pub fn guess(start: &[u8]) -> Format {
        let start = start.trim_ascii_start();
        let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let says = |word: &[u8]| line.windows(word.len()).any(|part| part == word);
        match start {
            [] => Format::Klog,
            [b'{', rest @ ..] => match rest.trim_ascii_start() {
                [b'"', ..] if !says(b"klog/") && says(b"\"name\"") => Format::Verifiable,
                [b'"' | b'}', ..] => Format::Klog,
                _ => Format::Edn,
            },
            // Nobody's EDN; klog/1 says best that it has a line for each event.
            [b'[', rest @ ..] if is_json_object(rest) => Format::Klog,
            [b'[' | b'(' | b';', ..] => Format::Edn,
            [b'#', next, ..] if !next.is_ascii_whitespace() => Format::Edn,
            _ => Format::Dump,
        }
    }
}

/// Whether an object of JSON comes next.
fn is_json_object(text: &[u8]) -> bool {
    let inside = text.trim_ascii_start().strip_prefix(b"{");
    inside.is_some_and(|inside| inside.trim_ascii_start().starts_with(b"\""))
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads a history in `format`, or in the one that it seems to be in.
///
/// # Errors
/// Those of `input`, and the first thing that the format does not have.
pub fn read(format: Option<Format>, mut input: impl BufRead) -> Result<Imported, ReadError> {
    begin(&mut input)?;
    let format = match format {
        Some(format) => format,
        None => Format::guess(input.fill_buf()?),
    };
    match format {
        Format::Klog => klog::read(input),
        Format::Edn => edn::read(input),
        Format::Verifiable => verifiable::read(input),
        Format::Dump => dump::read(input),
    }
}

/// The value of a record whose payload is `text`: the number that it is, if it is one, so that people read `v17`.
fn payload(history: &mut History, text: &str) -> Value {
    let is_number = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    match text.parse().ok().filter(|&number: &u64| is_number && number < 1 << 62) {
        Some(number) => Value(number),
        None => history.value_named(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_how_files_begin() {
        let guesses = [
            ("", Format::Klog),
            ("{\"h\":\"klog/1\"}\n", Format::Klog),
            ("{\"source\":\"app\",\"name\":1,\"h\":\"klog/1\"}\n", Format::Klog),
            (
                "{\"timestamp\":1443,\"name\":\"startup_complete\"}\n{\"h\":\"klog/1\"}",
                Format::Verifiable,
            ),
            ("{:type :invoke}", Format::Edn),
            ("{}", Format::Klog),
            ("[{:type :invoke}]", Format::Edn),
            ("[ {\"type\":\"invoke\"}]", Format::Klog),
            ("#jepsen.history.Op{:index 0}", Format::Edn),
            ("; a comment", Format::Edn),
            ("# a comment", Format::Dump),
            ("orders 0 17 alice 3", Format::Dump),
            ("% Reached end of topic orders [0] at offset 42", Format::Dump),
        ];
        for (start, format) in guesses {
            assert_eq!(Format::guess(start.as_bytes()), format, "{start}");
        }
    }

    #[test]
    fn payloads_that_are_numbers_are_these_numbers() {
        let mut history = History::new();
        assert_eq!(payload(&mut history, "17"), Value(17));
        assert_eq!(payload(&mut history, "0"), Value(0));
        for text in ["017", "+1", "x", "4611686018427387904"] {
            assert_eq!(payload(&mut history, text), history.value_named(text));
        }
    }
}
