//! A tiny language for hand-made histories: every step takes a millisecond, partitions are `orders-0` and `orders-1`.

use ktrial_checker::anomaly::{AnomalyKind, Role};
use ktrial_checker::contract::Contract;
use ktrial_checker::history::{
    GroupId, History, Isolation, Key, KeyBounds, LogBound, MessageKey, Meta, Offset, OpId,
    PositionedBy, ProcessId, Source, Time, Value,
};
use ktrial_checker::verdict::{Judgement, Property};

/// Partition `orders-0`.
pub const P0: Key = Key(0);
/// Partition `orders-1`.
pub const P1: Key = Key(1);
/// The group `app`.
pub const APP: GroupId = GroupId(0);

/// A history being written.
pub struct Script {
    pub history: History,
    now: u64,
}

impl Script {
    pub fn new() -> Self {
        Self::of(Meta::default())
    }

    /// A history whose consumers read with this `isolation.level`.
    pub fn at(isolation: Isolation) -> Self {
        Self::of(Meta { isolation: Some(isolation), ..Meta::default() })
    }

    /// A history that an application recorded.
    pub fn recorded() -> Self {
        Self::of(Meta { source: Source::App, ..Meta::default() })
    }

    pub fn of(meta: Meta) -> Self {
        let mut history = History::of(meta);
        assert_eq!([history.key("orders", 0), history.key("orders", 1)], [P0, P1]);
        assert_eq!(history.group("app"), APP);
        Script { history, now: 0 }
    }

    pub fn tick(&mut self) -> Time {
        self.now += 1_000_000;
        Time(self.now)
    }

    pub fn producer(&mut self) -> ProcessId {
        let client = self.history.client("producer");
        self.history.open_session(client, None)
    }

    /// A consumer of no group, assigned `key` and positioned at offset 0.
    pub fn reader(&mut self, key: Key) -> ProcessId {
        let client = self.history.client("reader");
        let process = self.history.open_session(client, None);
        self.start(process, key, 0, PositionedBy::Seek);
        process
    }

    /// A consumer of the group `app`, assigned `key` and positioned.
    pub fn member(&mut self, key: Key, offset: i64, by: PositionedBy) -> ProcessId {
        let client = self.history.client("member");
        let process = self.history.open_session(client, Some(APP));
        self.start(process, key, offset, by);
        process
    }

    fn start(&mut self, process: ProcessId, key: Key, offset: i64, by: PositionedBy) {
        let time = self.tick();
        self.history.assigned(process, time, [key]);
        self.position(process, key, offset, by);
    }

    pub fn position(&mut self, process: ProcessId, key: Key, offset: i64, by: PositionedBy) {
        let time = self.tick();
        self.history.positioned(process, time, key, Offset(offset), by);
    }

    pub fn send(&mut self, process: ProcessId, key: Key, value: u64) -> OpId {
        let time = self.tick();
        self.history.send_invoked(process, time, key, Value(value))
    }

    pub fn ack(&mut self, send: OpId, offset: i64) {
        let time = self.tick();
        self.history.send_ok(send, time, Some(Offset(offset)));
    }

    pub fn ack_without_offset(&mut self, send: OpId) {
        let time = self.tick();
        self.history.send_ok(send, time, None);
    }

    pub fn fail(&mut self, send: OpId) {
        let time = self.tick();
        self.history.send_failed(send, time);
    }

    pub fn give_up(&mut self, send: OpId) {
        let time = self.tick();
        self.history.send_unknown(send, time);
    }

    /// Sends and acknowledges.
    pub fn sent(&mut self, process: ProcessId, key: Key, value: u64, offset: i64) {
        let send = self.send(process, key, value);
        self.ack(send, offset);
    }

    pub fn poll(&mut self, process: ProcessId, key: Key, records: &[(i64, u64)]) -> OpId {
        let (invoked, time) = (self.tick(), self.tick());
        self.history.polled(process, invoked, time, in_partition(key, records))
    }

    pub fn process(&mut self, process: ProcessId, key: Key, records: &[(i64, u64)]) -> OpId {
        let time = self.tick();
        self.history.processed(process, time, in_partition(key, records))
    }

    /// Polls and processes.
    pub fn consume(&mut self, process: ProcessId, key: Key, records: &[(i64, u64)]) {
        self.poll(process, key, records);
        self.process(process, key, records);
    }

    pub fn commit(&mut self, process: ProcessId, key: Key, offset: i64) {
        let commit = self.commit_unanswered(process, key, offset);
        let time = self.tick();
        self.history.commit_ok(commit, time);
    }

    pub fn commit_unanswered(&mut self, process: ProcessId, key: Key, offset: i64) -> OpId {
        let time = self.tick();
        self.history.commit_invoked(process, time, APP, [(key, Offset(offset))])
    }

    pub fn committed(&mut self, process: ProcessId, key: Key, answer: Option<i64>) {
        let question = self.ask_committed(process);
        self.answer_committed(question, key, answer);
    }

    pub fn ask_committed(&mut self, process: ProcessId) -> OpId {
        let time = self.tick();
        self.history.committed_invoked(process, time, APP)
    }

    pub fn answer_committed(&mut self, question: OpId, key: Key, answer: Option<i64>) {
        let time = self.tick();
        self.history.committed_ok(question, time, [(key, answer.map(Offset))]);
    }

    pub fn crash(&mut self, process: ProcessId) {
        let time = self.tick();
        self.history.crashed(process, time);
    }

    /// At rest, a fresh reader reads the partition from 0 to `end`.
    pub fn drain(&mut self, key: Key, records: &[(i64, u64)], end: i64) -> OpId {
        let client = self.history.client("drain");
        let process = self.history.open_session(client, None);
        let op = self.poll(process, key, records);
        let time = self.tick();
        self.history.drained(process, time, key, Offset(end));
        op
    }

    pub fn dump(&mut self, key: Key, records: &[(i64, u64)]) {
        let client = self.history.client("oracle");
        let process = self.history.open_session(client, None);
        let time = self.tick();
        let records = records.iter().map(|&(offset, value)| (Offset(offset), Value(value)));
        self.history.log_dumped(process, time, key, records);
    }

    pub fn judge(&self) -> Judgement {
        ktrial_checker::judge(&self.history, &Contract::default())
    }

    /// Sends with a message key and acknowledges.
    pub fn sent_keyed(&mut self, process: ProcessId, key: Key, value: u64, offset: i64, of: u64) {
        let send = self.send(process, key, value);
        self.history.send_told(Some(MessageKey(of)), None);
        self.ack(send, offset);
    }

    /// Sends a tombstone of a message key and acknowledges.
    pub fn deleted(&mut self, process: ProcessId, key: Key, value: u64, offset: i64, of: u64) {
        let send = self.send(process, key, value);
        self.history.send_told(Some(MessageKey(of)), None);
        self.history.send_is_tombstone();
        self.ack(send, offset);
    }

    /// Asks where the partition begins and is answered.
    pub fn begins(&mut self, process: ProcessId, key: Key, start: i64) {
        let time = self.tick();
        let question = self.history.list_offsets_invoked(process, time, LogBound::Earliest, [key]);
        let time = self.tick();
        self.history.list_offsets_ok(question, time, [(key, Offset(start))]);
    }

    /// What is excused under a contract, in sentences.
    pub fn excused(&self, contract: &Contract) -> String {
        let judgement = ktrial_checker::judge(&self.history, contract);
        let told: Vec<_> = judgement.excused.iter().map(ToString::to_string).collect();
        told.join("\n")
    }

    /// Exactly these kinds are found, this often.
    #[track_caller]
    pub fn finds(&self, expected: &[(AnomalyKind, u64)]) {
        let found: Vec<_> =
            self.judge().anomalies.iter().map(|(&kind, found)| (kind, found.count)).collect();
        assert_eq!(found, expected);
    }

    /// The verdicts on the first properties, in their order.
    #[track_caller]
    pub fn verdicts<const N: usize>(&self, expected: [&str; N]) {
        let judgement = self.judge();
        let verdict = |property: &Property| judgement.verdict(*property).name();
        let verdicts: Vec<_> = Property::ALL.iter().take(N).map(verdict).collect();
        assert_eq!(verdicts, expected, "{judgement:#?}");
    }

    /// The verdict on one property.
    #[track_caller]
    pub fn verdict(&self, property: Property, expected: &str) {
        assert_eq!(self.judge().verdict(property).name(), expected);
    }

    pub fn ask_end(&mut self, process: ProcessId, key: Key) -> OpId {
        let time = self.tick();
        self.history.list_offsets_invoked(process, time, LogBound::Latest, [key])
    }

    pub fn answer_end(&mut self, question: OpId, key: Key, end: i64) {
        let time = self.tick();
        self.history.list_offsets_ok(question, time, [(key, Offset(end))]);
    }

    /// Asks where the partition ends and is answered.
    pub fn end(&mut self, process: ProcessId, key: Key, end: i64) {
        let question = self.ask_end(process, key);
        self.answer_end(question, key, end);
    }

    /// A poll whose response tells bounds of `key`.
    pub fn poll_told(
        &mut self,
        process: ProcessId,
        key: Key,
        records: &[(i64, u64)],
        tell: impl FnOnce(&mut KeyBounds),
    ) {
        let op = self.poll(process, key, records);
        let mut bounds = KeyBounds::of(key);
        tell(&mut bounds);
        self.history.bounds_told(op, [bounds]);
    }

    pub fn heal(&mut self) {
        let client = self.history.client("nemesis");
        let process = self.history.open_session(client, None);
        let time = self.tick();
        self.history.healed(process, time);
    }

    /// Lets time pass.
    pub fn wait_ms(&mut self, ms: u64) {
        self.now += ms * 1_000_000;
    }

    /// The verdict on one property, with its reason.
    #[track_caller]
    pub fn tells(&self, property: Property, expected: &str) {
        assert_eq!(self.judge().verdict(property).to_string(), expected);
    }

    /// The operations of the only anomaly of this kind, and what is said of it.
    pub fn evidence(&self, kind: AnomalyKind) -> (Vec<(OpId, Role)>, String) {
        let judgement = self.judge();
        let [example] = &judgement.anomalies[&kind].examples[..] else { panic!("one {kind}") };
        let ops = example.ops.iter().map(|role| (role.op, role.role)).collect();
        (ops, example.explain.join("\n"))
    }

    pub fn begin(&mut self, process: ProcessId) -> OpId {
        let time = self.tick();
        self.history.txn_begun(process, time)
    }

    /// Asks for a commit and hears that it happened.
    pub fn commit_txn(&mut self, txn: OpId) -> OpId {
        let (asked, time) = (self.tick(), self.tick());
        self.history.txn_committed(txn, time, Some(asked));
        self.last()
    }

    pub fn abort_txn(&mut self, txn: OpId) -> OpId {
        let time = self.tick();
        self.history.txn_aborted(txn, time);
        self.last()
    }

    /// Asks for a commit and never hears what came of it.
    pub fn give_up_txn(&mut self, txn: OpId) -> OpId {
        let (asked, time) = (self.tick(), self.tick());
        self.history.txn_unknown(txn, time, Some(asked));
        self.last()
    }

    /// What happened last.
    pub fn last(&self) -> OpId {
        OpId(self.history.len() as u32 - 1)
    }
}

fn in_partition(key: Key, records: &[(i64, u64)]) -> impl Iterator<Item = (Key, Offset, Value)> {
    records.iter().map(move |&(offset, value)| (key, Offset(offset), Value(value)))
}
