//! Reading a history line by line.

mod calls;
mod consumer;
mod log;
mod producer;
mod values;

use super::doubt::Doubt;
use super::header::Header;
use super::line::{HEALED, Kind, Line, generation};
use super::words;
use super::words::nearest;
use crate::history::{
    CommitSemantics, Generation, GroupId, History, Key, OpId, ProcessId, Producer, RebalanceKind,
    Source,
};
use crate::interner::Interner;
use crate::lines::Lines;
use crate::notation::json::LineCursor;
use crate::notation::{Cursor, Form, Problem, ReadError, cut_line};
use calls::Calls;
use std::collections::BTreeMap;
use std::io::BufRead;

/// A history that was read.
#[derive(Debug, Default)]
pub struct Imported {
    /// The history.
    pub history: History,
    /// What the file says of the system's configuration, as it says it: `acks` is `all`.
    pub config: BTreeMap<String, String>,
    /// How many lines of which `f` and type, or which unknown fields, say nothing that can be judged and were left out.
    pub ignored: BTreeMap<String, u64>,
    /// What the file says that its recorder hardly means, and how often.
    pub doubts: BTreeMap<Doubt, u64>,
    /// The last line, if the file ends in the middle of it, as one does whose writer was killed. The history has what the
    /// lines before say.
    pub cut_line: Option<u64>,
}

/// Reads a `klog/1` file.
///
/// # Errors
/// Those of `input`, and the first line that is not what the format says.
pub fn read(input: impl BufRead) -> Result<Imported, ReadError> {
    let mut reader = Reader::default();
    reader.imported.cut_line = cut_line(reader.lines(&mut Lines::of(input)))?;
    reader.finish().map_err(|problem| problem.at(1, true))
}

/// A history being read. Takes its lines from wherever they come.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Lines after the header so far.
    position: u64,
    imported: Imported,
    has_header: bool,
    key_names: Interner,
    /// By number of the name.
    keys: Vec<Key>,
    process_names: Interner,
    /// By number of the name.
    processes: Vec<Process>,
    /// What a committed offset lacks to be the next to read.
    to_next: i64,
    scratch: values::Scratch,
}

/// What must be remembered of a process.
#[derive(Debug)]
struct Process {
    id: ProcessId,
    calls: Calls,
    generation: Option<Generation>,
    producer: Option<(i64, i16)>,
    txn: Option<OpId>,
}

/// An index into the processes met.
type Who = usize;

/// All names that `f` may have and that are read.
const OPERATIONS: &[&str] = &[
    "send",
    "poll",
    "txn",
    "assign",
    "subscribe",
    "unsubscribe",
    "seek",
    "commit",
    "committed",
    "list_offsets",
    "close",
    "crash",
    "init_producer",
    "rebalance",
    "log_dump",
    "nemesis",
    "processed",
    "send_offsets",
];

impl Reader {
    fn lines(&mut self, lines: &mut Lines<impl BufRead>) -> Result<(), ReadError> {
        while let Some(line) = lines.next()? {
            self.line(line.text).map_err(|problem| problem.at(line.number, line.is_whole))?;
        }
        Ok(())
    }

    /// Reads the next line, the first of which is the header.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Problem> {
        match text {
            text if !self.has_header => self.header(text),
            "" => Ok(()),
            text => {
                let mut cursor = LineCursor::of(text);
                let line = self.parse(&mut cursor)?;
                cursor.end()?;
                self.event(&line)
            }
        }
    }

    /// Reads what is a line in `klog/1` and was written in another notation.
    pub(crate) fn form(&mut self, form: Form<'_>) -> Result<(), Problem> {
        let line = self.parse(&mut form.untagged().cursor())?;
        self.event(&line)
    }

    /// All that was read.
    pub(crate) fn finish(mut self) -> Result<Imported, Problem> {
        let left_open: u64 = self.processes.iter().map(|process| process.calls.left_open()).sum();
        if left_open > 0 {
            self.imported.doubts.insert(Doubt::LeftOpen, left_open);
        }
        match self.has_header {
            true => Ok(self.imported),
            false => Err(Problem::new("expected a header, found an empty file")),
        }
    }

    fn header(&mut self, text: &str) -> Result<(), Problem> {
        let header = Header::parse(text)?;
        let mut history = History::of(header.meta()?);
        for (name, key) in header.name_keys(&mut history) {
            match self.keys.get_mut(self.key_names.intern(name) as usize) {
                Some(named_twice) => *named_twice = key,
                None => self.keys.push(key),
            }
        }
        for group in &header.groups {
            history.group(group);
        }
        for (upper_half, name) in &header.value_series {
            history.name_series(*upper_half, name);
        }
        for (number, process) in header.processes.iter().enumerate() {
            let group = process.group.as_deref().map(|group| history.group(group));
            let client = history.client(&process.client);
            self.process_names.intern(&number.to_string());
            self.processes.push(Process::of(history.open_session(client, group)));
        }
        self.to_next = i64::from(header.commit_semantics == CommitSemantics::Last);
        let config = header.config.into_iter().map(|(name, value)| (name, in_words(&value)));
        self.imported.config = config.collect();
        self.imported.history = history;
        self.has_header = true;
        Ok(())
    }

    fn parse<C: Cursor>(&mut self, cursor: &mut C) -> Result<Line<C>, Problem> {
        let ignored = &mut self.imported.ignored;
        let mut unknown = |name: &str| count(ignored, format!("field `{name}`"));
        let is_by_hand = self.imported.history.meta().source == Source::Jepsen;
        let line = Line::parse(cursor, is_by_hand.then_some(self.position), &mut unknown)?;
        self.position += 1;
        Ok(line)
    }

    fn event(&mut self, line: &Line<impl Cursor>) -> Result<(), Problem> {
        if !self.is_read(line)? {
            return Ok(());
        }
        let who = self.process(line)?;
        self.identify(who, line)?;
        if let Some(op) = self.operation(who, line)? {
            self.tell_more(who, op, line)?;
        }
        match line.more.drained {
            Some(drained) => self.drained(who, line, drained),
            None => Ok(()),
        }
    }

    /// Whether the line says something that is read. One that seems to, but for a typing error, is an error.
    fn is_read(&mut self, line: &Line<impl Cursor>) -> Result<bool, Problem> {
        let f = &*line.f;
        if f == "nemesis" {
            let word = line.more.value.and_then(|mut value| value.string("a word").ok());
            let heals = word.is_some_and(|word| *word == *HEALED);
            return Ok(heals || self.ignore(line));
        }
        if OPERATIONS.contains(&f) {
            return Ok(true);
        }
        let is_client = line.process() != "\"nemesis\"";
        match nearest(f, OPERATIONS).filter(|_| is_client) {
            Some(nearest) => {
                let text = format!("`{f}` is no operation; did you mean `{nearest}`?");
                Err(Problem::here(line.f_at, text))
            }
            None => Ok(self.ignore(line)),
        }
    }

    /// Counts a line that says nothing here.
    fn ignore(&mut self, line: &Line<impl Cursor>) -> bool {
        let what = format!("{} {:?}", &*line.f, line.kind).to_lowercase();
        count(&mut self.imported.ignored, what);
        false
    }

    /// What the line does. Returns the operation that its responses tell more of, if it has one.
    fn operation(&mut self, who: Who, line: &Line<impl Cursor>) -> Result<Option<OpId>, Problem> {
        let (process, time) = (self.processes[who].id, line.time);
        match (&*line.f, line.kind) {
            ("send", Kind::Invoke) => self.send_invoked(who, line)?,
            ("send", _) => return self.send_completed(who, line).map(Some),
            ("txn", Kind::Invoke) => self.txn_begun(who, line)?,
            ("txn", _) => return self.txn_decided(who, line).map(Some),
            ("send_offsets", Kind::Ok) => self.offsets_sent(who, line)?,
            ("init_producer", Kind::Invoke) => self.init_invoked(who, line),
            ("init_producer", Kind::Ok) => self.initialized(who, line)?,
            ("init_producer", Kind::Fail | Kind::Info) => {
                self.processes[who].calls.complete(line.more.call);
            }
            ("poll", Kind::Invoke) => self.poll_invoked(who, line),
            ("poll", _) => return self.poll_completed(who, line),
            ("processed", Kind::Ok) => self.processed(process, line)?,
            ("assign" | "subscribe" | "unsubscribe", Kind::Ok | Kind::Info) => {
                self.assigned(process, line)?
            }
            ("seek", Kind::Ok | Kind::Info) => self.positioned(process, line)?,
            ("rebalance", _) => self.rebalanced(who, line, None)?,
            ("commit", Kind::Invoke) => self.commit_invoked(who, line)?,
            ("commit", _) => self.commit_completed(who, line)?,
            ("committed", Kind::Invoke) => self.committed_invoked(who, line)?,
            ("committed", _) => self.committed_completed(who, line)?,
            ("list_offsets", Kind::Invoke) => self.list_offsets_invoked(who, line)?,
            ("list_offsets", _) => return self.list_offsets_completed(who, line),
            ("crash", _) => self.imported.history.crashed(process, time),
            ("close", Kind::Ok | Kind::Info) => self.imported.history.closed(process, time),
            ("log_dump", Kind::Ok) => self.log_dumped(process, line)?,
            ("nemesis", _) => self.imported.history.healed(process, time),
            // Invocations of what is recorded at completion, and what did not happen, say nothing.
            _ => {}
        }
        Ok(None)
    }

    fn process(&mut self, line: &Line<impl Cursor>) -> Result<Who, Problem> {
        let who = self.process_names.intern(line.process()) as Who;
        if who == self.processes.len() {
            let client = match (&line.more.client, line.process().as_bytes()) {
                (Some(client), _) => (**client).to_owned(),
                (None, [b'"', ..]) => LineCursor::of(line.process()).string("a name")?.into_owned(),
                (None, _) => format!("process {}", line.process()),
            };
            let history = &mut self.imported.history;
            let client = history.client(&client);
            let group = line.more.group.as_deref().map(|group| history.group(group));
            self.processes.push(Process::of(history.open_session(client, group)));
        }
        Ok(who)
    }

    /// Any line may say which member or producer its process is at present.
    fn identify(&mut self, who: Who, line: &Line<impl Cursor>) -> Result<(), Problem> {
        if let Some(generation) = line.more.generation
            && *line.f != *"rebalance"
            && self.processes[who].generation != Some(generation)
        {
            self.joined(who, line, generation);
        }
        if let Some(mut cursor) = line.more.producer
            && *line.f != *"init_producer"
        {
            let producer = self.producer(&mut cursor)?;
            if self.processes[who].producer != Some((producer.id, producer.epoch)) {
                self.is_producer(who, line, producer);
            }
        }
        Ok(())
    }

    fn joined(&mut self, who: Who, line: &Line<impl Cursor>, generation: Generation) {
        let process = &mut self.processes[who];
        process.generation = Some(generation);
        self.imported.history.joined(process.id, line.time, generation);
    }

    fn is_producer(&mut self, who: Who, line: &Line<impl Cursor>, producer: Producer) {
        let process = &mut self.processes[who];
        process.producer = Some((producer.id, producer.epoch));
        self.imported.history.producer_initialized(process.id, line.time, producer);
    }

    /// What rebalances did inside a line's operation: all, or those inside one of its parts.
    fn rebalanced(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
        part: Option<u64>,
    ) -> Result<(), Problem> {
        let Some(mut entries) = line.more.rebalance else {
            if let ("rebalance", Some(generation)) = (&*line.f, line.more.generation) {
                self.joined(who, line, generation);
            }
            return Ok(());
        };
        entries.array("a list of rebalances", |cursor| {
            let entry = self.rebalance(cursor)?;
            if part.is_none_or(|part| entry.part == part) {
                self.record_rebalance(who, line, &entry);
            }
            Ok(())
        })
    }

    fn rebalance(&mut self, cursor: &mut impl Cursor) -> Result<Rebalance, Problem> {
        let mut entry = Rebalance::default();
        cursor.object("a rebalance", |cursor, name| {
            match name {
                "kind" => entry.kind = Some(words::REBALANCE.read(cursor)?),
                "gen" => entry.generation = Some(generation(cursor)?),
                "mop" => entry.part = super::line::natural(cursor, "a micro-operation's number")?,
                "keys" => self.key_list(cursor, &mut entry.keys)?,
                _ => cursor.skip()?,
            }
            Ok(())
        })?;
        Ok(entry)
    }

    fn record_rebalance(&mut self, who: Who, line: &Line<impl Cursor>, entry: &Rebalance) {
        let process = &mut self.processes[who];
        let kind = entry.kind.unwrap_or(RebalanceKind::Unknown);
        let generation = entry.generation.or(line.more.generation);
        if kind == RebalanceKind::Assigned {
            process.generation = generation.or(process.generation);
        }
        let keys = entry.keys.iter().copied();
        self.imported.history.rebalanced(process.id, line.time, kind, generation, keys);
    }

    fn key(&mut self, name: &str) -> Key {
        let number = self.key_names.intern(name) as usize;
        if number == self.keys.len() {
            let parts = name
                .rsplit_once('-')
                .and_then(|(topic, number)| Some((topic, number.parse().ok()?)));
            let (topic, partition) = parts.unwrap_or((name, 0));
            self.keys.push(self.imported.history.key(topic, partition));
        }
        self.keys[number]
    }

    fn group(&mut self, who: Who, line: &Line<impl Cursor>) -> Result<GroupId, Problem> {
        let own = self.imported.history.session(self.processes[who].id).group;
        match line.more.group.as_deref() {
            Some(group) => Ok(self.imported.history.group(group)),
            None => own.ok_or_else(|| Problem::new("expected a field `group`, found none")),
        }
    }
}

/// What one rebalance did to a member.
#[derive(Default)]
struct Rebalance {
    kind: Option<RebalanceKind>,
    generation: Option<Generation>,
    part: u64,
    keys: Vec<Key>,
}

impl Process {
    fn of(id: ProcessId) -> Self {
        Process { id, calls: Calls::default(), generation: None, producer: None, txn: None }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, what: String) {
    *counts.entry(what).or_default() += 1;
}

fn in_words(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn not_invoked(line: &Line<impl Cursor>) -> Problem {
    let f = &*line.f;
    let text = format!(
        "expected a `{f}` that this process invoked with this call, found none open; record when it was invoked, too"
    );
    Problem::here(line.f_at, text)
}
