//! Operations of a model from a file: JSON, one event a line, or EDN as Jepsen writes it.
//!
//! ```text
//!   {"process":0,"type":"invoke","f":"write","value":3}       {:process 0, :type :invoke, :f :write, :value 3}
//!   {"process":0,"type":"ok","f":"write","value":3}           {:process 0, :type :ok, :f :write, :value 3}
//! ```
//! A completion belongs to the open invocation of its process. `ok` happened, `fail` certainly did not, of `info`, and of
//! what never completes, nobody knows. Events of `nemesis` and a `klog/1` header are passed over. An instant is the place of
//! an event in the file, from 1.

use super::forms::{Expected, Readable};
use super::model::Model;
use super::operation::{Operation, Process};
use crate::lines::Lines;
use crate::notation::{Form, Problem, ReadError, Tokens, edn, json};
use std::collections::BTreeMap;
use std::io::BufRead;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// JSON, one event a line.
    Json,
    /// EDN, one event after the other or all in one vector.
    Edn,
}

/// The operations of a history of `M`.
type History<M> = Vec<Operation<<M as Model>::Input, <M as Model>::Output>>;

/// A history while it is read.
struct Pairing<M: Readable> {
    operations: History<M>,
    /// The open invocation of each process: its operation and its line.
    open: BTreeMap<Process, (usize, u64)>,
    /// Operations that failed for certain.
    failed: Vec<usize>,
    instant: u64,
}

/// Reads all operations of a file.
pub(super) fn read<M: Readable>(
    input: impl BufRead,
    notation: Notation,
) -> Result<History<M>, ReadError> {
    let mut pairing = Pairing::<M> {
        operations: Vec::new(),
        open: BTreeMap::new(),
        failed: Vec::new(),
        instant: 0,
    };
    match notation {
        Notation::Json => read_json(input, &mut pairing)?,
        Notation::Edn => read_edn(input, &mut pairing)?,
    }
    Ok(pairing.without_failed())
}

fn read_json<M: Readable>(input: impl BufRead, pairing: &mut Pairing<M>) -> Result<(), ReadError> {
    let (mut lines, mut tokens) = (Lines::of(input), Tokens::new());
    while let Some(line) = lines.next()? {
        if !line.text.is_empty() {
            json::read(line.text, &mut tokens)
                .and_then(|()| pairing.event(tokens.form(), line.number))
                .map_err(|problem| problem.at(line.number, line.is_whole))?;
        }
    }
    Ok(())
}

fn read_edn<M: Readable>(input: impl BufRead, pairing: &mut Pairing<M>) -> Result<(), ReadError> {
    let (mut forms, mut tokens) = (edn::Forms::new(input), Tokens::new());
    while forms.next(&mut tokens)? {
        let line = forms.line();
        pairing.event(tokens.form(), line).map_err(|problem| problem.at(line, true))?;
    }
    Ok(())
}

impl<M: Readable> Pairing<M> {
    fn event(&mut self, event: Form<'_>, line: u64) -> Result<(), Problem> {
        self.instant += 1;
        let event = event.untagged();
        if event.entries().is_none() {
            return Err(Problem::new("expected an event: a map with `process`, `type` and `f`"));
        }
        if event.get("h").is_some() || event.get("process").and_then(Form::text) == Some("nemesis")
        {
            return Ok(());
        }
        let process = process(field(event, "process")?)?;
        let kind = text(event, "type")?;
        match kind {
            "invoke" => self.invoked(event, process, line),
            "ok" | "fail" | "info" => self.completed(event, &process, kind),
            _ => Err(expected("`invoke`, `ok`, `fail` or `info` as its `type`", kind)),
        }
    }

    fn invoked(&mut self, event: Form<'_>, process: Process, line: u64) -> Result<(), Problem> {
        let f = text(event, "f")?;
        let input = match event.get("value") {
            Some(value) => M::input(f, value),
            None => return Err(Problem::new("expected a `value`; write null if there is none")),
        };
        let input = input.ok_or_else(|| expected(M::OPERATIONS, f))?;
        let input = input.map_err(|what| wrong_value(f, what))?;
        if let Some((_, since)) = self.open.get(&process) {
            return Err(Problem::new(format!(
                "process {process} invokes `{f}`, but what it invoked on line {since} has not returned"
            )));
        }
        self.open.insert(process.clone(), (self.operations.len(), line));
        self.operations.push(Operation::crashed(process, self.instant, input));
        Ok(())
    }

    fn completed(&mut self, event: Form<'_>, process: &Process, kind: &str) -> Result<(), Problem> {
        let Some((op, _)) = self.open.remove(process) else {
            return Err(Problem::new(format!(
                "`{kind}` for process {process}, which has invoked nothing that is open"
            )));
        };
        match kind {
            "ok" => {
                let (f, value) = (text(event, "f")?, field(event, "value")?);
                let output = M::output(f, value).map_err(|what| wrong_value(f, what))?;
                self.operations[op].complete(self.instant, output);
            }
            "fail" => self.failed.push(op),
            _ => {}
        }
        Ok(())
    }

    fn without_failed(mut self) -> History<M> {
        self.failed.sort_unstable();
        let mut op = 0..;
        let failed = &self.failed;
        self.operations.retain(|_| op.next().is_some_and(|op| failed.binary_search(&op).is_err()));
        self.operations
    }
}

fn process(form: Form<'_>) -> Result<Process, Problem> {
    let number = form.int().and_then(|int| u64::try_from(int).ok()).map(Process::Number);
    let name = || form.text().map(Process::from);
    number
        .or_else(name)
        .ok_or_else(|| Problem::new("expected a number or a string as its `process`"))
}

fn field<'t>(event: Form<'t>, name: &str) -> Result<Form<'t>, Problem> {
    event.get(name).ok_or_else(|| Problem::new(format!("expected an event with a `{name}`")))
}

fn text<'t>(event: Form<'t>, name: &str) -> Result<&'t str, Problem> {
    let text = field(event, name)?.text();
    text.ok_or_else(|| Problem::new(format!("expected a string as its `{name}`")))
}

fn expected(what: Expected, found: &str) -> Problem {
    Problem::new(format!("expected {what}, found `{found}`"))
}

fn wrong_value(f: &str, what: Expected) -> Problem {
    Problem::new(format!("expected {what} as the `value` of `{f}`"))
}
