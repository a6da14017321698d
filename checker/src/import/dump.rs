//! Plain dumps of records, `topic partition offset key value`, as one reader's polls.
//!
//! ```text
//! orders  0  17  alice  {"order":3}
//! % Reached end of topic orders [0] at offset 18
//! ```
//! Fields are separated by tabs, or else by blanks, of which the value may have some. `kcat -e -f '%t\t%p\t%o\t%k\t%s\n'`
//! prints such lines, and says on its error output when it comes to the end of a partition: keep that (`2>&1`), for the
//! reader is known to have read everything then. Other lines that begin with `%` or `#` are passed over.

use super::payload;
use crate::history::{Clock, History, Key, Meta, Offset, Order, ProcessId, Source, Time, Value};
use crate::klog::{Imported, ReadError};
use crate::lines::Lines;
use crate::notation::{Problem, cut_line};
use std::io::BufRead;

/// Reads a dump.
pub(super) fn read(input: impl BufRead) -> Result<Imported, ReadError> {
    let mut dump = Dump::new();
    let cut_line = dump.read_file("reader", input)?;
    Ok(Imported { cut_line, ..dump.imported })
}

/// So many records are told as one poll.
const POLL_RECORDS: usize = 500;
/// What kcat says at the end of a partition, between the topic and the offset.
const END: [&str; 3] = ["% Reached end of topic ", " [", "] at offset "];

pub(super) struct Dump {
    pub(super) imported: Imported,
    reader: ProcessId,
    records: Vec<(Key, Offset, Value)>,
    now: Time,
}

impl Dump {
    /// Reads what one reader saw; the last line, if the file ends in the middle of it.
    pub(super) fn read_file(
        &mut self,
        reader: &str,
        input: impl BufRead,
    ) -> Result<Option<u64>, ReadError> {
        let client = self.imported.history.client(reader);
        self.reader = self.imported.history.open_session(client, None);
        let cut_line = cut_line(self.lines(&mut Lines::of(input)))?;
        self.poll();
        Ok(cut_line)
    }

    fn lines(&mut self, lines: &mut Lines<impl BufRead>) -> Result<(), ReadError> {
        while let Some(line) = lines.next()? {
            self.now = Time(line.number);
            self.line(line.text).map_err(|problem| problem.at(line.number, line.is_whole))?;
        }
        Ok(())
    }

    pub(super) fn new() -> Self {
        let (clock, order) = (Clock::PerProcess, Order::PerProcess);
        let meta = Meta { source: Source::App, clock, order, reads_only: true, ..Meta::default() };
        let imported = Imported { history: History::of(meta), ..Imported::default() };
        Dump { imported, reader: ProcessId(0), records: Vec::new(), now: Time(0) }
    }

    fn line(&mut self, text: &str) -> Result<(), Problem> {
        if text.is_empty() {
            return Ok(());
        }
        if text.starts_with(['%', '#']) {
            self.remark(text);
            return Ok(());
        }
        let record = self.record(text)?;
        self.records.push(record);
        if self.records.len() == POLL_RECORDS {
            self.poll();
        }
        Ok(())
    }

    fn remark(&mut self, text: &str) {
        let Some((topic, partition, end)) = end_of_partition(text) else {
            *self.imported.ignored.entry("remark".to_owned()).or_default() += 1;
            return;
        };
        self.poll();
        let key = self.imported.history.key(topic, partition);
        self.imported.history.drained(self.reader, self.now, key, end);
    }

    fn record(&mut self, text: &str) -> Result<(Key, Offset, Value), Problem> {
        let fields = fields(text);
        let [topic, partition, offset, _, value] = fields[..] else {
            return Err(Problem::new(format!(
                "expected `topic partition offset key value`, found {} of these",
                fields.len()
            )));
        };
        let partition = number(text, partition, "a partition's number")?;
        let offset = number(text, offset, "an offset from 0 to 2^53")?;
        let history = &mut self.imported.history;
        Ok((history.key(topic, partition), Offset(offset), payload(history, value)))
    }

    /// What was read since the last poll was a poll.
    fn poll(&mut self) {
        if !self.records.is_empty() {
            let records = self.records.drain(..);
            self.imported.history.polled(self.reader, self.now, self.now, records);
        }
    }
}

/// The five fields of a line, or as many as there are.
fn fields(text: &str) -> Vec<&str> {
    if text.contains('\t') {
        return text.splitn(5, '\t').collect();
    }
    let mut rest = text;
    let mut fields = Vec::new();
    while fields.len() < 4
        && let Some((field, after)) = rest.trim_start().split_once(char::is_whitespace)
    {
        fields.push(field);
        rest = after;
    }
    fields.push(rest.trim_start());
    fields
}

/// The number that `field`, a part of `text`, is.
fn number<N: TryFrom<u64>>(text: &str, field: &str, what: &str) -> Result<N, Problem> {
    let number = field.parse().ok().filter(|&number: &u64| number <= 1 << 53);
    number.and_then(|number| N::try_from(number).ok()).ok_or_else(|| {
        let at = field.as_ptr().addr() - text.as_ptr().addr();
        Problem::here(at, format!("expected {what}, found `{field}`"))
    })
}

fn end_of_partition(text: &str) -> Option<(&str, u32, Offset)> {
    let rest = text.strip_prefix(END[0])?;
    let (topic, rest) = rest.split_once(END[1])?;
    let (partition, rest) = rest.split_once(END[2])?;
    let end = rest.split(|after: char| !after.is_ascii_digit()).next()?;
    Some((topic, partition.parse().ok()?, Offset(end.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(dump: &str) -> Vec<(String, i64, String)> {
        let history = read(dump.as_bytes()).unwrap().history;
        let spans = history.events().filter_map(|(_, event)| match event.what {
            crate::history::What::Polled { poll } => Some(history.poll(poll).records),
            _ => None,
        });
        let spans = spans.flat_map(|spans| history.spans(spans));
        let record = |span: &crate::history::Span, (offset, value): (Offset, Value)| {
            let key = history.keys()[span.key.0 as usize].to_string();
            (key, offset.0, history.value_name(value).to_string())
        };
        spans.flat_map(|span| history.records(span).map(move |of| record(span, of))).collect()
    }

    #[test]
    fn fields_are_separated_by_blanks_or_tabs() {
        let one = |key: &str, offset, value: &str| (key.to_owned(), offset, value.to_owned());
        assert_eq!(
            records("orders 0  17 alice an order\norders 1 3 bob 7\n"),
            [one("orders-0", 17, "\"an order\""), one("orders-1", 3, "v7")]
        );
        assert_eq!(
            records("two words\t0\t17\t\tan\torder\n"),
            [one("two words-0", 17, "\"an\\torder\"")]
        );
    }

    #[test]
    fn the_reader_came_to_the_end_only_if_it_says_so() {
        let ends = |dump: &str| {
            let history = read(dump.as_bytes()).unwrap().history;
            let drained =
                |what| matches!(what, crate::history::What::Drained { end: Offset(18), .. });
            history.events().filter(|(_, event)| drained(event.what)).count()
        };
        assert_eq!(ends("orders 0 17 alice 3\n% Auto-selecting Consumer mode\n"), 0);
        assert_eq!(
            ends("orders 0 17 alice 3\n% Reached end of topic orders [0] at offset 18\n"),
            1
        );
        assert_eq!(
            ends("% Reached end of topic orders [0] at offset 18: exiting\norders 0 1 k 3\n"),
            1
        );
    }

    #[test]
    fn a_line_that_is_no_record_is_an_error() {
        let error = |dump: &str| read(dump.as_bytes()).unwrap_err().to_string();
        let errors = [
            error("orders 0 17\n"),
            error("orders 0 1 k v\norders x 17 alice 3\n"),
            error("orders 0 -1 alice 3\n"),
        ];
        insta::assert_snapshot!(errors.join("\n"), @r"
        line 1: expected `topic partition offset key value`, found 3 of these
        line 2, column 8: expected a partition's number, found `x`
        line 1, column 10: expected an offset from 0 to 2^53, found `-1`
        ");
    }

    #[test]
    fn records_that_nobody_is_known_to_have_sent_are_no_phantoms() {
        let dump =
            "orders 0 0 k 7\norders 0 1 k 8\n% Reached end of topic orders [0] at offset 2\n";
        let history = read(dump.as_bytes()).unwrap().history;
        let judgement = crate::judge(&history, &crate::contract::Contract::default());
        assert_eq!(judgement.anomalies.len(), 0, "{judgement:#?}");
    }
}
