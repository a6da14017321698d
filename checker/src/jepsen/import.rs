//! Jepsen's history in EDN as a [`History`](crate::history::History).
//!
//! The names of fields and operations are those of `klog/1`, so each map becomes a line of it, and one reader reads both.
//! What EDN has and `klog/1` has not is bent: partitions and values that are keywords become strings, `:rebalance-log`
//! becomes `rebalance`. An operation without a time has its place as its time, and then times of different processes are
//! not compared; all operations without a process are one's.

use crate::klog::{Imported, Reader};
use crate::notation::convert::KeptHeader;
use crate::notation::names::{self, KeyType};
use crate::notation::{Problem, ReadError, Token, Tokens, edn, json};
use std::io::{BufRead, Read};

/// So many operations pass before progress is told again.
const PROGRESS_OPS: u64 = 4096;

/// Reads a history: one map a line, or all in one vector. If it was made of a `klog/1` file, with that file's header.
///
/// # Errors
/// Those of `input`, and the first value that is no EDN or no operation.
pub fn read(input: impl BufRead) -> Result<Imported, ReadError> {
    read_with_progress(input, &mut |_| {})
}

/// Reads a history and tells now and then how many bytes of it are read.
///
/// # Errors
/// Those of `input`, and the first value that is no EDN or no operation.
pub fn read_with_progress(
    mut input: impl BufRead,
    progress: &mut dyn FnMut(u64),
) -> Result<Imported, ReadError> {
    let kept = KeptHeader::read(&mut input)?;
    let mut forms = edn::Forms::new(kept.line.as_bytes().chain(input));
    let (mut tokens, mut line, mut reader) = (Tokens::new(), String::new(), Reader::default());
    let key_type = kept.header.as_ref().map_or(KeyType::Int, |header| header.key_type);
    if let Some(header) = &kept.header {
        reader.line(&header.text).map_err(|problem| problem.at(1, true))?;
    }
    let mut place = 0;
    while forms.next(&mut tokens)? {
        if place == 0 && kept.header.is_none() {
            reader.line(header(&tokens)).expect("this header is whole");
        }
        as_klog(&mut tokens, key_type, place, &mut line);
        reader.line(&line).map_err(|problem| Problem::new(problem.text).at(forms.line(), true))?;
        place += 1;
        if place.is_multiple_of(PROGRESS_OPS) {
            progress(forms.bytes_read());
        }
    }
    progress(forms.bytes_read());
    reader
        .finish()
        .map_err(|_| Problem::new("expected an operation, found an empty file").at(1, true))
}

fn header(first: &Tokens) -> &'static str {
    match first.form().untagged().get("time") {
        Some(_) => r#"{"h":"klog/1","source":"jepsen"}"#,
        None => r#"{"h":"klog/1","source":"jepsen","clock":"per-process"}"#,
    }
}

/// Writes the operation as a line of `klog/1`.
fn as_klog(op: &mut Tokens, key_type: KeyType, place: u64, line: &mut String) {
    names::to_klog(op, key_type);
    op.plain();
    rename_rebalances(op);
    line.clear();
    let op = op.form().untagged();
    json::write(op, line);
    let lacks = |name| op.entries().is_some() && op.get(name).is_none();
    if lacks("time") {
        add_field(line, &format!("\"time\":{place}"));
    }
    if lacks("process") {
        add_field(line, "\"process\":\"unnamed\"");
    }
}

fn rename_rebalances(op: &mut Tokens) {
    let op_form = op.form().untagged();
    let mut names = op_form.entries().into_iter().flatten().map(|(name, _)| name);
    if let Some(at) =
        names.find(|name| name.text() == Some("rebalance-log")).map(|name| name.index())
    {
        let rebalance = op.keep("rebalance");
        op.replace(at, Token::Str(rebalance));
    }
}

/// Adds a field at the end of an object.
fn add_field(line: &mut String, field: &str) {
    line.pop();
    if !line.ends_with('{') {
        line.push(',');
    }
    line.push_str(field);
    line.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Clock, Source, Time};

    #[test]
    fn a_history_without_times_and_processes_is_read_in_its_order() {
        let text = "{:type :invoke, :f :send, :value [[:send :x :a]]}\n{:type :ok, :f :send, :value [[:send :x [3 :a]]]}";
        let history = read(text.as_bytes()).unwrap().history;
        assert_eq!(
            (history.meta().source, history.meta().clock),
            (Source::Jepsen, Clock::PerProcess)
        );
        let times: Vec<_> = history.events().map(|(_, event)| event.time).collect();
        assert_eq!(times, [Time(0), Time(1)]);
        assert_eq!(history.keys()[0].topic, "x");
    }

    #[test]
    fn errors_name_the_line() {
        let error = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error(""), "line 1: expected an operation, found an empty file");
        assert_eq!(
            error("{:f :send, :time 1, :process 0}"),
            "line 1: expected a field `type`, found none"
        );
        assert_eq!(
            error("{:f :poll, :type :invoke, :process 0}\n[]"),
            "line 2: expected an object, found `[`"
        );
    }
}
