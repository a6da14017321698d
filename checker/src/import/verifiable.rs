//! What Kafka's system test clients print: `VerifiableProducer` and `VerifiableConsumer --verbose`, a JSON object a line.
//!
//! ```text
//! {"timestamp":1700000000000,"name":"producer_send_success","topic":"orders","partition":0,"offset":3,"key":null,"value":"7"}
//! {"timestamp":1700000000042,"name":"record_data","topic":"orders","partition":0,"offset":3,"key":null,"value":"7"}
//! ```
//! Only completions are printed, in milliseconds of a wall clock: each send was invoked no one knows when. A line
//! `startup_complete` begins a new process of whichever client prints next. Files of several clients can be read one after
//! the other as one (`cat producer.log consumer.log`), but not merged, for lines do not say whose they are. A record that
//! could not be sent is of a partition only if somebody read it.

use super::payload;
use crate::history::{
    Clock, GroupId, History, Key, Meta, Offset, Order, ProcessId, RebalanceKind, Source, Time,
    Value,
};
use crate::klog::{Imported, ReadError};
use crate::lines::Lines;
use crate::notation::{Problem, cut_line};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::BufRead;

/// How far wall clocks of well-kept machines may be apart.
const CLOCK_ERROR_NS: u64 = 1_000_000_000;

/// Reads what verifiable clients print.
pub(super) fn read(input: impl BufRead) -> Result<Imported, ReadError> {
    let mut log = Log::new();
    let cut_line = cut_line(log.lines(&mut Lines::of(input)))?;
    Ok(Imported { cut_line, ..log.finish() })
}

/// A line, with the fields of all kinds of lines.
#[derive(Debug, Deserialize)]
struct Line<'l> {
    #[serde(default)]
    timestamp: u64,
    #[serde(borrow)]
    name: Cow<'l, str>,
    #[serde(flatten, borrow)]
    record: Record<'l>,
    #[serde(default, borrow)]
    partitions: Vec<Record<'l>>,
    #[serde(default, borrow)]
    offsets: Vec<Record<'l>>,
    #[serde(default)]
    success: bool,
    #[serde(default, borrow)]
    exception: Option<Cow<'l, str>>,
}

/// A record, or as much of one as a line tells.
#[derive(Debug, Deserialize)]
struct Record<'l> {
    #[serde(default, borrow)]
    topic: Option<Cow<'l, str>>,
    #[serde(default)]
    partition: Option<u32>,
    #[serde(default)]
    offset: Option<u64>,
    #[serde(default, borrow)]
    value: Option<Cow<'l, str>>,
}

pub(super) struct Log {
    imported: Imported,
    group: GroupId,
    /// How the client is called whose file is read, if that is known.
    client: Option<String>,
    has_producer: bool,
    producer: Option<ProcessId>,
    consumer: Option<ProcessId>,
    /// When the line was printed that was read last.
    now: Time,
    /// What the consumer was handed since it last summed up.
    records: Vec<(Key, Offset, Value)>,
    /// Sends that failed, by their value: when, whether for certain, and the topic.
    failed: BTreeMap<Value, (ProcessId, Time, bool, String)>,
    /// Where such a record was read in spite of that.
    found: BTreeMap<Value, Key>,
}

/// Errors after which a record is certainly not in the log; any other leaves that open.
const DEFINITE: [&str; 7] = [
    "Authorization",
    "InvalidTopic",
    "UnknownTopicOrPartition",
    "InvalidReplicationFactor",
    "RecordTooLarge",
    "Serialization",
    "InvalidRecord",
];

impl Log {
    /// Reads the file of one client more; its last line, if the file ends in the middle of it.
    pub(super) fn read_file(
        &mut self,
        client: &str,
        input: impl BufRead,
    ) -> Result<Option<u64>, ReadError> {
        self.client = Some(client.to_owned());
        let cut_line = cut_line(self.lines(&mut Lines::of(input)))?;
        self.poll();
        (self.producer, self.consumer) = (None, None);
        Ok(cut_line)
    }

    fn lines(&mut self, lines: &mut Lines<impl BufRead>) -> Result<(), ReadError> {
        while let Some(line) = lines.next()? {
            if !line.text.is_empty() {
                self.line(line.text).map_err(|problem| problem.at(line.number, line.is_whole))?;
            }
        }
        Ok(())
    }

    pub(super) fn new() -> Self {
        let mut history = History::of(Meta {
            source: Source::Verifiable,
            clock: Clock::Wall,
            clock_error_ns: CLOCK_ERROR_NS,
            order: Order::PerProcess,
            ..Meta::default()
        });
        let group = history.group("verifiable");
        Log {
            imported: Imported { history, ..Imported::default() },
            group,
            client: None,
            has_producer: false,
            producer: None,
            consumer: None,
            now: Time(0),
            records: Vec::new(),
            failed: BTreeMap::new(),
            found: BTreeMap::new(),
        }
    }

    fn line(&mut self, text: &str) -> Result<(), Problem> {
        let line: Line<'_> = serde_json::from_str(text)?;
        self.now = Time(line.timestamp.saturating_mul(1_000_000));
        if line.name != "record_data" {
            self.poll();
        }
        let time = self.now;
        match &*line.name {
            "startup_complete" => (self.producer, self.consumer) = (None, None),
            "producer_send_success" => self.sent(time, &line.record)?,
            "producer_send_error" => self.not_sent(time, &line)?,
            "record_data" => self.read(&line.record)?,
            "partitions_assigned" => self.rebalanced(time, RebalanceKind::Assigned, &line)?,
            "partitions_revoked" => self.rebalanced(time, RebalanceKind::Revoked, &line)?,
            "offsets_committed" => self.committed(time, &line)?,
            "records_consumed" | "shutdown_complete" => {}
            other => *self.imported.ignored.entry(other.to_owned()).or_default() += 1,
        }
        Ok(())
    }

    fn sent(&mut self, time: Time, record: &Record<'_>) -> Result<(), Problem> {
        let (key, value, process) = (self.key(record)?, self.value(record), self.producer());
        let history = &mut self.imported.history;
        let send = history.send_invoked(process, Time(0), key, value);
        history.send_ok(send, time, record.offset.map(|_| offset(record)).transpose()?);
        Ok(())
    }

    fn not_sent(&mut self, time: Time, line: &Line<'_>) -> Result<(), Problem> {
        let topic = line.record.topic.as_deref().ok_or_else(|| missing("topic"))?.to_owned();
        let (value, process) = (self.value(&line.record), self.producer());
        let exception = line.exception.as_deref().unwrap_or_default();
        let is_definite = DEFINITE.iter().any(|definite| exception.contains(definite));
        self.failed.insert(value, (process, time, is_definite, topic));
        Ok(())
    }

    fn read(&mut self, record: &Record<'_>) -> Result<(), Problem> {
        let (key, value) = (self.key(record)?, self.value(record));
        self.records.push((key, offset(record)?, value));
        Ok(())
    }

    /// The records that were printed since the last poll were a poll.
    fn poll(&mut self) {
        if self.records.is_empty() {
            return;
        }
        let process = self.consumer();
        for &(key, _, value) in &self.records {
            if self.failed.contains_key(&value) {
                self.found.entry(value).or_insert(key);
            }
        }
        self.imported.history.polled(process, Time(0), self.now, self.records.drain(..));
    }

    fn rebalanced(
        &mut self,
        time: Time,
        kind: RebalanceKind,
        line: &Line<'_>,
    ) -> Result<(), Problem> {
        let process = self.consumer();
        let keys: Vec<Key> =
            line.partitions.iter().map(|record| self.key(record)).collect::<Result<_, _>>()?;
        self.imported.history.rebalanced(process, time, kind, None, keys);
        Ok(())
    }

    fn committed(&mut self, time: Time, line: &Line<'_>) -> Result<(), Problem> {
        let process = self.consumer();
        let offsets = line.offsets.iter().map(|record| Ok((self.key(record)?, offset(record)?)));
        let offsets = offsets.collect::<Result<Vec<_>, Problem>>()?;
        let history = &mut self.imported.history;
        let commit = history.commit_invoked(process, time, self.group, offsets);
        match line.success {
            true => history.commit_ok(commit, time),
            false => history.commit_unknown(commit, time),
        }
        Ok(())
    }

    /// Records that could not be sent are told at the end, when it is known where they were read after all.
    pub(super) fn finish(mut self) -> Imported {
        self.poll();
        let history = &mut self.imported.history;
        if !self.has_producer {
            history.is_reads_only();
        }
        for (value, (process, time, is_definite, topic)) in self.failed {
            let key = self.found.get(&value).copied();
            let key = key.unwrap_or_else(|| history.key(&topic, 0));
            let send = history.send_invoked(process, Time(0), key, value);
            match is_definite {
                true => history.send_failed(send, time),
                false => history.send_unknown(send, time),
            }
        }
        self.imported
    }

    fn key(&mut self, record: &Record<'_>) -> Result<Key, Problem> {
        let topic = record.topic.as_deref().ok_or_else(|| missing("topic"))?;
        let partition = record.partition.ok_or_else(|| missing("partition"))?;
        Ok(self.imported.history.key(topic, partition))
    }

    fn value(&mut self, record: &Record<'_>) -> Value {
        let history = &mut self.imported.history;
        match record.value.as_deref() {
            Some(text) => payload(history, text),
            None => Value(history.scalar("null")),
        }
    }

    fn producer(&mut self) -> ProcessId {
        self.has_producer = true;
        let history = &mut self.imported.history;
        *self.producer.get_or_insert_with(|| {
            let client = history.client(self.client.as_deref().unwrap_or("producer"));
            history.open_session(client, None)
        })
    }

    fn consumer(&mut self) -> ProcessId {
        let history = &mut self.imported.history;
        *self.consumer.get_or_insert_with(|| {
            let client = history.client(self.client.as_deref().unwrap_or("consumer"));
            history.open_session(client, Some(self.group))
        })
    }
}

fn offset(record: &Record<'_>) -> Result<Offset, Problem> {
    let offset = record.offset.ok_or_else(|| missing("offset"))?;
    i64::try_from(offset)
        .ok()
        .filter(|&offset| offset <= 1 << 53)
        .map(Offset)
        .ok_or_else(|| Problem::new(format!("expected an offset from 0 to 2^53, found {offset}")))
}

fn missing(field: &str) -> Problem {
    Problem::new(format!("expected a field `{field}`, found none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::AnomalyKind as Kind;
    use crate::contract::Contract;

    fn line(name: &str, rest: &str) -> String {
        format!("{{\"timestamp\":1700000000000,\"name\":\"{name}\"{rest}}}\n")
    }

    fn record(name: &str, offset: u64, value: &str) -> String {
        let rest = format!(
            ",\"topic\":\"t\",\"partition\":0,\"offset\":{offset},\"key\":null,\"value\":\"{value}\""
        );
        line(name, &rest)
    }

    fn counts(log: &str) -> Vec<(Kind, u64)> {
        let history = read(log.as_bytes()).unwrap().history;
        let judgement = crate::judge(&history, &Contract::default());
        judgement.anomalies.iter().map(|(&kind, found)| (kind, found.count)).collect()
    }

    #[test]
    fn a_producer_and_a_consumer_make_a_history() {
        let log = [
            line("startup_complete", ""),
            record("producer_send_success", 0, "0"),
            record("producer_send_success", 1, "1"),
            line("tool_data", ",\"sent\":2,\"acked\":2"),
            line("shutdown_complete", ""),
            line("startup_complete", ""),
            line("partitions_assigned", ",\"partitions\":[{\"topic\":\"t\",\"partition\":0}]"),
            record("record_data", 0, "0"),
            record("record_data", 1, "1"),
            line("records_consumed", ",\"count\":2,\"partitions\":[]"),
            line(
                "offsets_committed",
                ",\"offsets\":[{\"topic\":\"t\",\"partition\":0,\"offset\":2}],\"success\":true",
            ),
        ]
        .concat();
        let imported = read(log.as_bytes()).unwrap();
        assert_eq!(imported.ignored, [("tool_data".to_owned(), 1)].into());
        let judgement = crate::judge(&imported.history, &Contract::default());
        assert_eq!(judgement.anomalies.len(), 0);
        let coverage = judgement.coverage;
        assert_eq!((coverage.acked, coverage.records_read, coverage.commits), (2, 2, 1));
    }

    #[test]
    fn a_consumer_alone_proves_no_phantoms() {
        assert_eq!(counts(&record("record_data", 0, "0")), []);
    }

    #[test]
    fn a_record_read_elsewhere_than_acknowledged_is_found() {
        let log = [record("producer_send_success", 3, "7"), record("record_data", 3, "8")].concat();
        assert!(counts(&log).iter().any(|&(kind, _)| kind == Kind::Phantom));
    }

    #[test]
    fn a_failed_send_may_be_read_unless_its_error_is_definite() {
        let failed = |exception: &str| {
            let rest = format!(
                ",\"topic\":\"t\",\"key\":null,\"value\":\"7\",\"exception\":\"{exception}\""
            );
            [
                record("producer_send_success", 0, "1"),
                line("producer_send_error", &rest),
                record("record_data", 1, "7"),
            ]
            .concat()
        };
        assert_eq!(counts(&failed("class org.apache.kafka.common.errors.TimeoutException")), []);
        assert_eq!(
            counts(&failed("class org.apache.kafka.common.errors.RecordTooLargeException")),
            [(Kind::AbortedRead, 1)]
        );
    }

    #[test]
    fn a_line_without_what_it_needs_is_an_error() {
        let error = |log: &str| read(log.as_bytes()).unwrap_err().to_string();
        let errors = [
            error(&line("record_data", ",\"topic\":\"t\"")),
            error(&line("producer_send_success", ",\"topic\":7")),
            error("{\"timestamp\":1,"),
        ];
        insta::assert_snapshot!(errors.join("\n"), @r"
        line 1: expected a field `partition`, found none
        line 1, column 68: invalid type: integer `7`, expected a string
        line 1: the file ends in the middle of this line
        ");
    }
}
