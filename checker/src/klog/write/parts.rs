//! The fields and values that lines are made of.

use super::super::words;
use super::Writer;
use super::text::quoted;
use crate::history::{
    Event, Generation, GroupId, Key, KeyBounds, LogBound, LogEntry, LogEntryKind, Offset, OpId,
    Producer, RebalanceKind, Spans, Time, Value, What,
};
use std::io::Write;

/// From so many records of a partition on, a poll is written in the compact form.
const COMPACT_RECORDS: usize = 8;

impl<W: Write> Writer<'_, W> {
    /// A value or message key: the number or the scalar it stands for.
    fn scalar(&mut self, number: u64) {
        match self.history.scalar_json(number) {
            Some(json) => self.line.push(json),
            None => self.line.show(number),
        }
    }

    fn key(&mut self, Key(key): Key) {
        self.line.push(&self.keys[key as usize]);
    }

    pub(super) fn group(&mut self, GroupId(group): GroupId) {
        self.line.field("group", &self.groups[group as usize]);
    }

    /// `[["send",key,value]]` or, acknowledged, `[["send",key,[offset,value]]]`, with details if `event` has some.
    pub(super) fn send(&mut self, event: OpId, key: Key, value: Value, acked: Option<Offset>) {
        self.line.name("value");
        self.line.push("[[\"send\",");
        self.key(key);
        self.line.push(",");
        if let Some(offset) = acked {
            self.line.push("[");
            self.offset(offset, 0);
            self.line.push(",");
        }
        self.scalar(value.0);
        self.line.push(if acked.is_some() { "]" } else { "" });
        self.detail(event);
        self.line.push("]]");
    }

    /// `,{"seq":0,"key":"alice","tombstone":true,"in":[[key,offset],...]}`, or nothing if there is nothing to tell.
    fn detail(&mut self, event: OpId) {
        let mut before = ",{";
        let detail = self.history.send_detail(event);
        if let Some(sequence) = detail.and_then(|detail| detail.sequence) {
            self.part(&mut before, "\"seq\":");
            self.line.show(sequence);
        }
        if let Some(key) = detail.and_then(|detail| detail.message_key) {
            self.part(&mut before, "\"key\":");
            self.scalar(key.0);
        }
        if self.history.is_tombstone(event) {
            self.part(&mut before, "\"tombstone\":");
            self.line.push("true");
        }
        let mut inputs = self.history.send_inputs(event).peekable();
        if inputs.peek().is_some() {
            self.part(&mut before, "\"in\":");
            let names = &self.keys;
            self.line.list(["[", "]"], inputs, |line, (Key(key), offset)| {
                line.show(format_args!("[{},{offset}]", names[key as usize]));
            });
        }
        self.line.push(if before == "," { "}" } else { "" });
    }

    /// What comes before a part, then its name.
    fn part(&mut self, before: &mut &str, name: &str) {
        self.line.push(std::mem::replace(before, ","));
        self.line.push(name);
    }

    pub(super) fn producer(&mut self, producer: &Producer) {
        self.line.name("producer");
        self.line.push("{\"pid\":");
        self.line.show(producer.id);
        self.line.field("epoch", producer.epoch);
        if let Some(id) = producer.transactional_id {
            self.line.field("txid", quoted(&self.history.transactional_ids()[id.0 as usize]));
        }
        self.line.push("}");
    }

    /// Begins the line that decides a transaction.
    pub(super) fn decided(
        &mut self,
        event: &Event,
        kind: &str,
        txn: OpId,
        commit_invoked_at: Time,
    ) {
        self.call(event, kind, "txn", txn);
        if let Some(time) = commit_invoked_at.known() {
            self.line.name("txn_t");
            self.line.push("{\"commit_inv\":");
            self.line.show(time.0);
            self.line.push("}");
        }
    }

    /// `[["poll",records]]`
    pub(super) fn poll(&mut self, records: Spans) {
        self.line.name("value");
        self.line.push("[[\"poll\",");
        self.records(records);
        self.line.push("]]");
    }

    /// Records by partition, each partition's in their order.
    pub(super) fn records(&mut self, spans: Spans) {
        let mut by_key: Vec<(Key, Vec<(Offset, Value)>)> = Vec::new();
        for span in self.history.spans(spans) {
            let place = by_key.iter().position(|(key, _)| *key == span.key).unwrap_or_else(|| {
                by_key.push((span.key, Vec::new()));
                by_key.len() - 1
            });
            by_key[place].1.extend(self.history.records(span));
        }
        self.line.push("{");
        for (place, (key, records)) in by_key.iter().enumerate() {
            self.line.push(if place > 0 { "," } else { "" });
            self.key(*key);
            self.line.push(":");
            match records.len() {
                0..COMPACT_RECORDS => self.pairs(records),
                _ => self.compact(records),
            }
        }
        self.line.push("}");
    }

    /// `[[offset,value],...]`
    fn pairs(&mut self, records: &[(Offset, Value)]) {
        self.line.push("[");
        for (place, &(offset, value)) in records.iter().enumerate() {
            self.line.push(if place > 0 { ",[" } else { "[" });
            self.line.show(offset);
            self.line.push(",");
            self.scalar(value.0);
            self.line.push("]");
        }
        self.line.push("]");
    }

    /// `{"s":offset,"gaps":[[index,offset],...],"v":[value,...]}`
    fn compact(&mut self, records: &[(Offset, Value)]) {
        self.line.push("{\"s\":");
        self.line.show(records[0].0);
        let gaps = (1..records.len()).filter(|&at| records[at].0 != records[at - 1].0.next());
        let gaps: Vec<_> = gaps.map(|at| (at, records[at].0)).collect();
        if !gaps.is_empty() {
            self.line.name("gaps");
            self.line.list(["[", "]"], gaps, |line, (at, offset)| {
                line.show(format_args!("[{at},{offset}]"));
            });
        }
        self.line.name("v");
        self.line.push("[");
        for (place, (_, value)) in records.iter().enumerate() {
            self.line.push(if place > 0 { "," } else { "" });
            self.scalar(value.0);
        }
        self.line.push("]}");
    }

    /// `,"name":[key,...]`
    pub(super) fn key_list(&mut self, name: &str, keys: impl Iterator<Item = (Key, Offset)>) {
        let names = &self.keys;
        self.line.name(name);
        self.line.list(["[", "]"], keys, |line, (Key(key), _)| line.push(&names[key as usize]));
    }

    fn offset(&mut self, offset: Offset, above: i64) {
        match offset.known() {
            Some(Offset(offset)) => self.line.show(offset - above),
            None => self.line.push("null"),
        }
    }

    /// `,"name":{key:offset,...}`, each offset lowered by `above`.
    pub(super) fn offsets(
        &mut self,
        name: &str,
        offsets: impl IntoIterator<Item = (Key, Offset)>,
        above: i64,
    ) {
        self.line.name(name);
        self.line.push("{");
        for (place, (key, offset)) in offsets.into_iter().enumerate() {
            self.line.push(if place > 0 { "," } else { "" });
            self.key(key);
            self.line.push(":");
            self.offset(offset, above);
        }
        self.line.push("}");
    }

    pub(super) fn rebalance(
        &mut self,
        kind: RebalanceKind,
        generation: Generation,
        keys: impl Iterator<Item = (Key, Offset)>,
    ) {
        self.line.name("rebalance");
        self.line.push("[{\"kind\":");
        self.line.show(quoted(words::REBALANCE.word(kind)));
        if let Some(Generation(generation)) = generation.known() {
            self.line.field("gen", generation);
        }
        self.key_list("keys", keys);
        self.line.push("}]");
    }

    /// `,"value":{key:{"o":offset,"which":bound},...}`
    pub(super) fn log_bounds(
        &mut self,
        of: LogBound,
        bounds: impl Iterator<Item = (Key, Option<Offset>)>,
    ) {
        let names = &self.keys;
        let which = words::BOUND.word(of);
        self.line.name("value");
        self.line.list(["{", "}"], bounds, |line, (Key(key), offset)| {
            line.push(&names[key as usize]);
            line.push(":{");
            if let Some(offset) = offset {
                line.show(format_args!("\"o\":{offset},"));
            }
            line.show(format_args!("\"which\":\"{which}\"}}"));
        });
    }

    /// What is told of an operation beside itself.
    pub(super) fn more(&mut self, more: What) {
        let history = self.history;
        match more {
            What::PositionsTold { offsets, .. } => self.offsets("pos", history.offsets(offsets), 0),
            What::BoundsTold { bounds, .. } => {
                let told = |bound: fn(&KeyBounds) -> i64| {
                    let all =
                        history.bounds(bounds).map(move |told| (told.key, Offset(bound(told))));
                    all.filter(|(_, bound)| bound.known().is_some()).collect::<Vec<_>>()
                };
                self.bound("hw", told(|told| told.high_watermark.0));
                self.bound("lso", told(|told| told.last_stable_offset.0));
                self.bound("log_start", told(|told| told.log_start_offset.0));
                self.bound("leader_epoch", told(|told| i64::from(told.leader_epoch.0)));
            }
            other => unreachable!("{other:?} tells of no operation"),
        }
    }

    fn bound(&mut self, name: &str, told: Vec<(Key, Offset)>) {
        if !told.is_empty() {
            self.offsets(name, told, 0);
        }
    }

    /// `,"value":{key:[[offset,value or null,kind,producer,epoch],...]}`
    pub(super) fn log(&mut self, key: Key, records: Spans, notes: Option<What>) {
        self.line.name("value");
        self.line.push("{");
        self.key(key);
        self.line.push(":[");
        for (place, entry) in self.log_entries(records, notes).iter().enumerate() {
            self.line.push(if place > 0 { ",[" } else { "[" });
            self.log_entry(entry);
        }
        self.line.push("]}");
    }

    /// The records of a log, and what is noted of them and between them, in the order of their offsets.
    fn log_entries(&self, records: Spans, notes: Option<What>) -> Vec<LogEntry> {
        let history = self.history;
        let records = history.spans(records).flat_map(|span| history.records(span));
        let plain = |(offset, value)| LogEntry {
            offset,
            value: Some(value),
            producer_id: -1,
            producer_epoch: -1,
            kind: LogEntryKind::Data,
        };
        let mut entries: Vec<LogEntry> = records.map(plain).collect();
        if let Some(What::LogAnnotated { entries: notes, .. }) = notes {
            let mut noted: Vec<Offset> =
                history.log_entries(notes).map(|note| note.offset).collect();
            noted.sort_unstable();
            entries.retain(|entry| noted.binary_search(&entry.offset).is_err());
            entries.extend(history.log_entries(notes));
            entries.sort_by_key(|entry| entry.offset);
        }
        entries
    }

    /// `offset,value or null,kind,producer,epoch]`, of which a plain record has only the first two.
    fn log_entry(&mut self, entry: &LogEntry) {
        self.line.show(entry.offset);
        self.line.push(",");
        match entry.value {
            Some(value) => self.scalar(value.0),
            None => self.line.push("null"),
        }
        if entry.kind != LogEntryKind::Data || entry.producer_id >= 0 {
            let kind = words::ENTRY.word(entry.kind);
            let (id, epoch) = (entry.producer_id, entry.producer_epoch);
            self.line.show(format_args!(",\"{kind}\",{id},{epoch}"));
        }
        self.line.push("]");
    }
}
