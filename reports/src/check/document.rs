//! Histories that were judged, as a document: what `ktrial check --report json=PATH` writes, `ktrial schema check` describes
//! and every other report of a check is made from.

use std::collections::BTreeMap;

use ktrial_checker::anomaly::{self, AnomalyKind, OpRole, Severity};
use ktrial_checker::contract::Contract;
use ktrial_checker::excuse::Excused;
use ktrial_checker::history::History;
use ktrial_checker::klog::Imported;
use ktrial_checker::settings::Setting;
use ktrial_checker::verdict::{Found, Judgement, Property, Verdict};
use ktrial_checker::window::{self, Content, windows};
use ktrial_scenarios::KTRIAL_VERSION;
use schemars::JsonSchema;
use serde::Serialize;

use crate::number::counted;

/// The schema that checks are written by; the number before the dot changes when a reader of the old one would err.
pub const CHECK_SCHEMA: &str = "ktrial-check/1.0";

/// The verdict on a file that could not be read.
pub(super) const UNREAD: &str = "unread";

/// Histories, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    /// `ktrial-check/1.0`.
    pub schema: &'static str,
    /// The version of ktrial that judged.
    pub ktrial_version: &'static str,
    /// The worst answer of all files.
    pub answer: Answer,
    /// The files, in the order in which they were named.
    pub files: Vec<FileCheck>,
}

/// What a check says in one word; greater is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Everything that could be judged holds, or is broken in a way that the contract permits.
    Held,
    /// Some property could not be judged, or none had anything to be judged on.
    Inconclusive,
    /// A promise was broken.
    Violated,
    /// A file could not be read.
    Unread,
}

/// One history, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileCheck {
    /// The file as it was named.
    pub file: String,
    /// What this history says.
    pub answer: Answer,
    /// The number of events of the history.
    pub events: u64,
    /// What must be known of the file before the verdicts are believed, a sentence each.
    pub warnings: Vec<String>,
    /// What was promised, by setting.
    pub contract: Vec<SettingValue>,
    /// Who says so.
    pub promised_by: PromisedBy,
    /// The verdict on each property.
    pub properties: Vec<PropertyCheck>,
    /// What was found, the most severe first.
    pub anomalies: Vec<KindCheck>,
    /// What is no anomaly, because the log was told to keep records no longer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excused: Vec<ExcusedCheck>,
    /// How much there was to judge.
    pub coverage: BTreeMap<&'static str, u64>,
}

/// Records of one partition that are gone, or were passed over, with an excuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExcusedCheck {
    /// The anomaly that each of them would be otherwise, `truncated-tail`.
    pub kind: &'static str,
    /// What excuses them.
    pub excuse: &'static str,
    /// The partition, as `topic-partition`.
    pub key: String,
    /// How many there are.
    pub count: u64,
    /// All that in a sentence, with how it is known.
    pub explain: String,
}

impl ExcusedCheck {
    fn new(excused: &Excused) -> Self {
        ExcusedCheck {
            kind: excused.kind.name(),
            excuse: excused.excuse.name(),
            key: excused.key.clone(),
            count: excused.count,
            explain: excused.to_string(),
        }
    }
}

/// A setting of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SettingValue {
    /// The setting, `min.insync.replicas`.
    pub key: &'static str,
    /// Its value.
    pub value: String,
    /// Whether that is Kafka's default.
    pub is_default: bool,
}

/// Who says what was promised; the command line has the last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PromisedBy {
    /// Nobody: Kafka's defaults are assumed.
    Defaults,
    /// The header of the file.
    File,
    /// `--contract`, on top of the file or of Kafka's defaults.
    CommandLine,
    /// `--model`: not a log's promises, but that the operations are linearizable.
    Model,
}

/// A verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PropertyCheck {
    /// The property, `acked-durability`.
    pub property: &'static str,
    /// `valid`, `vacuous`, `unknown`, `invalid`, or `unread` if the file is no history.
    pub verdict: &'static str,
    /// Whether it is invalid, but only by anomalies that the contract permits.
    pub permitted: bool,
    /// Why it is unknown, vacuous or unread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How much it was put to the test.
    pub looked_at: BTreeMap<&'static str, u64>,
}

/// All anomalies of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KindCheck {
    /// The kind, `lost-write`.
    pub kind: &'static str,
    /// The property it belongs to.
    pub property: &'static str,
    /// `error` breaks a promise, `warning` is permitted by the contract, `info` breaks no property.
    pub severity: &'static str,
    /// How many there are.
    pub count: u64,
    /// The setting that permits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_by: Option<String>,
    /// The smallest change of the configuration that prevents it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prevented_by: Option<String>,
    /// Some of them, the most telling first.
    pub examples: Vec<Example>,
}

/// One anomaly with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Example {
    /// The partition, `orders-0`.
    pub key: String,
    /// The offsets it is about.
    pub offsets: Vec<i64>,
    /// The operations that prove it.
    pub ops: Vec<Operation>,
    /// The records that were not seen where they belong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// The proof, in sentences.
    pub explain: Vec<String>,
    /// The operations around it.
    pub window: Window,
}

/// An operation and its part in an anomaly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Operation {
    /// The operation's number: the event that began it, counted from 0.
    pub op: u32,
    /// When it was recorded, in nanoseconds.
    pub time_ns: u64,
    /// Its part: `writer`, `reader`.
    #[schemars(with = "String")]
    pub role: anomaly::Role,
}

/// A record that was not seen where it belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Missing {
    /// Where it belongs.
    pub offset: i64,
    /// The record.
    pub value: String,
}

/// Operations by offsets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Window {
    /// The offsets, a column each.
    pub offsets: Vec<i64>,
    /// The operations, in the order in which they began.
    pub rows: Vec<Row>,
    /// How many more operations wrote or read at these offsets.
    pub others: u64,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Row {
    /// The operation's number.
    pub op: u32,
    /// When it was invoked, in nanoseconds.
    pub invoked_ns: u64,
    /// When it completed, in nanoseconds; absent if it never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_ns: Option<u64>,
    /// Whose it is.
    pub process: String,
    /// What it is: `send, ok`, `poll`.
    pub what: String,
    /// Whether it is one of those that prove the anomaly.
    pub proves: bool,
    /// What it wrote or read, a cell for each offset; null where it did neither.
    pub cells: Vec<Option<Cell>>,
}

/// What an operation wrote or read at an offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cell {
    /// What is there.
    #[serde(flatten)]
    pub content: CellContent,
    /// Whether the anomaly is about this cell.
    pub conflicts: bool,
}

/// What an operation says of an offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "is", content = "value", rename_all = "kebab-case")]
pub enum CellContent {
    /// This record is there.
    Record(String),
    /// It was read over: there was no record.
    Passed,
    /// The log has ended.
    End,
    /// The group or the consumer goes on from here.
    Next,
}

impl Check {
    /// The check of several files.
    #[must_use]
    pub fn of(files: Vec<FileCheck>) -> Self {
        let answer = files.iter().map(|file| file.answer).max().unwrap_or(Answer::Inconclusive);
        Check { schema: CHECK_SCHEMA, ktrial_version: KTRIAL_VERSION, answer, files }
    }

    /// Whether no file at all could be read.
    #[must_use]
    pub fn nothing_was_read(&self) -> bool {
        self.files.iter().all(|file| file.answer == Answer::Unread)
    }
}

impl FileCheck {
    /// The check of one file by its judgement under a contract.
    #[must_use]
    pub fn new(
        file: &str,
        imported: &Imported,
        judgement: &Judgement,
        contract: &Contract,
        promised_by: PromisedBy,
    ) -> Self {
        let property = |(property, verdict)| PropertyCheck::new(judgement, property, verdict);
        FileCheck {
            file: file.to_owned(),
            answer: answer(judgement),
            events: imported.history.len() as u64,
            warnings: warnings(imported),
            contract: settings(contract),
            promised_by,
            properties: judgement.properties.iter().map(property).collect(),
            anomalies: anomalies(&imported.history, judgement),
            excused: judgement.excused.iter().map(ExcusedCheck::new).collect(),
            coverage: judgement.coverage.counters().into(),
        }
    }

    /// A file that could not be read: it has one property, that of being a history.
    #[must_use]
    pub fn unread(file: &str, error: &str) -> Self {
        let property = PropertyCheck {
            property: "history",
            verdict: UNREAD,
            permitted: false,
            reason: Some(error.to_owned()),
            looked_at: BTreeMap::new(),
        };
        FileCheck {
            file: file.to_owned(),
            answer: Answer::Unread,
            events: 0,
            warnings: Vec::new(),
            contract: Vec::new(),
            promised_by: PromisedBy::Defaults,
            properties: vec![property],
            anomalies: Vec::new(),
            excused: Vec::new(),
            coverage: BTreeMap::new(),
        }
    }
}

fn settings(contract: &Contract) -> Vec<SettingValue> {
    let default = Contract::default();
    let value = |((setting, value), (_, default)): ((&Setting, String), (_, String))| {
        SettingValue { key: setting.key, is_default: value == default, value }
    };
    contract.settings().zip(default.settings()).map(value).collect()
}

fn answer(judgement: &Judgement) -> Answer {
    let is_violated = judgement.anomalies.values().any(|found| found.severity == Severity::Error);
    let verdicts = || judgement.properties.values();
    let is_unknown = verdicts().any(|verdict| matches!(verdict, Verdict::Unknown { .. }));
    let is_vacuous = verdicts().all(|verdict| matches!(verdict, Verdict::Vacuous { .. }));
    match (is_violated, is_unknown || is_vacuous) {
        (true, _) => Answer::Violated,
        (false, true) => Answer::Inconclusive,
        (false, false) => Answer::Held,
    }
}

fn warnings(imported: &Imported) -> Vec<String> {
    let cut = imported.cut_line.map(|line| {
        format!("the file ends in the middle of line {line}; what is before it was judged")
    });
    cut.into_iter().chain(remarks(imported)).collect()
}

/// What of a file is in doubt, and what says nothing that can be judged, a sentence each.
pub fn remarks(imported: &Imported) -> impl Iterator<Item = String> {
    let doubts = imported.doubts.iter().map(|(doubt, count)| doubt.sentence(*count));
    doubts.chain(imported.ignored.iter().map(|(what, count)| {
        let lines = counted(*count, "line");
        match what.starts_with("field ") {
            true => format!("nothing can be judged by {what} of {lines}"),
            false => format!("nothing can be judged by {lines} of `{what}`"),
        }
    }))
}

/// The kinds that were found: the most severe first, of equal ones those of the graver property.
fn anomalies(history: &History, judgement: &Judgement) -> Vec<KindCheck> {
    let mut found: Vec<_> = judgement.anomalies.iter().collect();
    found.sort_by_key(|(kind, found)| (std::cmp::Reverse(found.severity), !kind.is_loss(), **kind));
    let examples = found.iter().flat_map(|(_, found)| &found.examples);
    let mut windows = windows(history, examples).into_iter();
    let check =
        |(kind, found): (&AnomalyKind, &Found)| KindCheck::new(history, *kind, found, &mut windows);
    found.into_iter().map(check).collect()
}

impl PropertyCheck {
    fn new(judgement: &Judgement, property: &Property, verdict: &Verdict) -> Self {
        let mut found = judgement.anomalies.iter().filter(|(kind, _)| kind.property() == *property);
        let is_error = found.any(|(_, found)| found.severity == Severity::Error);
        let reason = match verdict {
            Verdict::Vacuous { reason } | Verdict::Unknown { reason } => Some(reason.clone()),
            Verdict::Valid | Verdict::Invalid => None,
        };
        PropertyCheck {
            property: property.name(),
            verdict: verdict.name(),
            permitted: *verdict == Verdict::Invalid && !is_error,
            reason,
            looked_at: judgement.coverage.of(*property).collect(),
        }
    }
}

impl KindCheck {
    fn new(
        history: &History,
        kind: AnomalyKind,
        found: &Found,
        windows: &mut impl Iterator<Item = window::Window>,
    ) -> Self {
        let first = found.examples.first();
        let example = |(anomaly, window)| Example::new(history, anomaly, window);
        KindCheck {
            kind: kind.name(),
            property: kind.property().name(),
            severity: match found.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "info",
            },
            count: found.count,
            allowed_by: first.and_then(|anomaly| anomaly.allowed_by.clone()),
            prevented_by: first.and_then(|anomaly| anomaly.prevented_by.clone()),
            examples: found.examples.iter().zip(windows).map(example).collect(),
        }
    }
}

impl Example {
    fn new(history: &History, anomaly: &anomaly::Anomaly, window: window::Window) -> Self {
        let operation =
            |&OpRole { op, time, role }: &OpRole| Operation { op: op.0, time_ns: time.0, role };
        let missing = anomaly.missing.iter();
        Example {
            key: anomaly.key.clone(),
            offsets: anomaly.offsets.iter().map(|offset| offset.0).collect(),
            ops: anomaly.ops.iter().map(operation).collect(),
            missing: missing
                .map(|(offset, value)| Missing {
                    offset: offset.0,
                    value: history.value_name(*value).to_string(),
                })
                .collect(),
            explain: anomaly.explain.clone(),
            window: Window::of(window),
        }
    }
}

impl Window {
    fn of(window: window::Window) -> Self {
        Window {
            offsets: window.offsets.iter().map(|offset| offset.0).collect(),
            rows: window.rows.into_iter().map(Row::of).collect(),
            others: window.others,
        }
    }
}

impl Row {
    fn of(row: window::Row) -> Self {
        let cell = |cell: window::Cell| Cell {
            content: match cell.content {
                Content::Record(value) => CellContent::Record(value),
                Content::Passed => CellContent::Passed,
                Content::End => CellContent::End,
                Content::Next => CellContent::Next,
            },
            conflicts: cell.conflicts,
        };
        Row {
            op: row.op.0,
            invoked_ns: row.invoked_at.0,
            completed_ns: row.completed_at.map(|time| time.0),
            process: row.process,
            what: row.what,
            proves: row.proves,
            cells: row.cells.into_iter().map(|it| it.map(cell)).collect(),
        }
    }
}
