//! Turns what clients tell into the checker's history, keeps count of what is still to come, and sees when a log goes back.
//!
//! Groups have no rebalances here: each consumer is assigned its partitions by hand, for all of its life.

use std::collections::BTreeMap;

use ktrial_checker::history::{
    ClientId, GroupId, History, Key, OpId, PositionedBy, ProcessId, Time,
};
use ktrial_checker::history::{Offset, Value};
use ktrial_checker::online::Sweep;
use ktrial_model::cluster::Cluster;
use ktrial_model::ids::{self, RecordId, TopicId, TopicPartition};
use ktrial_model::note::{Note, PositionSource};
use ktrial_sim::node_id::NodeId;
use ktrial_sim::observer::Stamp;
use ktrial_sim::time::Instant;

use super::topology::Topology;

/// Records the history of one trial.
#[derive(Clone, Debug)]
pub struct Recorder {
    history: History,
    sweep: Sweep,
    went_back: Option<WentBack>,
    /// Who says that all faults are over.
    observer: ClientId,
    /// By node: the client, its group, and the session of its present process; none where no client runs.
    clients: Vec<Option<Client>>,
    /// By topic and partition.
    keys: Vec<Vec<Key>>,
    /// By the producer's process, and by how many records it had sent before.
    sends: BTreeMap<u32, Vec<OpId>>,
    commits: BTreeMap<(ProcessId, u32), OpId>,
    /// The last question of each process for its group's committed offsets.
    questions: BTreeMap<ProcessId, OpId>,
    invoked: u64,
    decided: u64,
    acked: u64,
    has_unknown_sends: bool,
    /// Of the partitions of the final read, where they end.
    drained: BTreeMap<TopicPartition, ids::Offset>,
    /// How far the group has processed.
    positions: BTreeMap<TopicPartition, ids::Offset>,
}

/// The event that showed that a log gave away a place below one that it had reached before.
#[derive(Clone, Debug)]
pub struct WentBack {
    /// The event that showed it.
    pub stamp: Stamp,
    /// What it showed.
    pub sentence: String,
}

#[derive(Clone, Debug)]
struct Client {
    id: ClientId,
    group: Option<GroupId>,
    partitions: Vec<TopicPartition>,
    session: Option<ProcessId>,
    /// Records that its application was handed and has not processed.
    in_hand: u64,
}

impl Client {
    fn session(&self) -> ProcessId {
        self.session.expect("a process that speaks is running")
    }
}

impl Recorder {
    /// An empty history of a topology.
    pub fn new(topology: &Topology) -> Self {
        let mut history = History::new();
        let cluster = &topology.cluster;
        let keys = keys(&mut history, cluster);
        let group = cluster.groups.first().map(|name| history.group(name));
        let applications = topology.nodes.producers.start..topology.nodes.consumers.end;
        let mut clients = vec![None; usize::from(applications.end)];
        for node in applications.map(NodeId).chain([topology.drain]) {
            let id = history.client(&topology.node_name(node));
            let group = group.filter(|_| topology.nodes.consumers.contains(&node.0));
            let partitions = topology.assigned_partitions(node);
            clients[node.index()] =
                Some(Client { id, group, partitions, session: None, in_hand: 0 });
        }
        let observer = history.client("faults");
        Recorder {
            history,
            sweep: Sweep::default(),
            went_back: None,
            observer,
            clients,
            keys,
            sends: BTreeMap::new(),
            commits: BTreeMap::new(),
            questions: BTreeMap::new(),
            invoked: 0,
            decided: 0,
            acked: 0,
            has_unknown_sends: false,
            drained: BTreeMap::new(),
            positions: BTreeMap::new(),
        }
    }

    /// What happened so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Where a log first went back, if one did. Whether a record is lost by that or only out of order, the whole history tells.
    pub fn went_back(&self) -> Option<&WentBack> {
        self.went_back.as_ref()
    }

    /// How many records were acknowledged.
    pub fn acked(&self) -> u64 {
        self.acked
    }

    /// How many sends have an outcome.
    pub fn decided(&self) -> u64 {
        self.decided
    }

    /// How many sends were invoked and have none.
    pub fn undecided(&self) -> u64 {
        self.invoked - self.decided
    }

    /// Whether some send may still arrive although its producer has given up on it, or died.
    pub fn has_unknown_sends(&self) -> bool {
        self.has_unknown_sends
    }

    /// Partitions that the final read has read to their end.
    pub fn drained(&self) -> &BTreeMap<TopicPartition, ids::Offset> {
        &self.drained
    }

    /// A partition that the group has not processed up to where its log ends, with both offsets.
    pub fn behind(&self) -> Option<(TopicPartition, Option<ids::Offset>, ids::Offset)> {
        self.drained.iter().find_map(|(&partition, &end)| {
            let position = self.positions.get(&partition).copied();
            (position < Some(end) && end > ids::Offset::ZERO).then_some((partition, position, end))
        })
    }

    /// How many records the group's applications were handed and have not processed. A log that was cut off may end below them.
    pub fn in_hand(&self) -> u64 {
        self.clients.iter().flatten().map(|client| client.in_hand).sum()
    }

    /// All faults are over; none of the clients says so, but an observer of its own.
    pub fn healed(&mut self, now: Instant) {
        let observer = self.history.open_session(self.observer, None);
        self.history.healed(observer, Time(now.as_nanos()));
    }

    /// A process starts: a session of its own.
    pub fn booted(&mut self, stamp: Stamp) {
        let Some(client) = self.clients.get_mut(stamp.node.index()) else { return };
        let Some(client) = client else { return };
        let session = self.history.open_session(client.id, client.group);
        client.session = Some(session);
        if client.group.is_some() {
            let keys: Vec<Key> =
                client.partitions.iter().map(|&partition| key(&self.keys, partition)).collect();
            self.history.assigned(session, time(stamp), keys);
        }
    }

    /// A process ended; what it had not heard of stays open.
    pub fn died(&mut self, stamp: Stamp) {
        let Some(client) = self.clients.get_mut(stamp.node.index()) else { return };
        let Some(client) = client else { return };
        if let Some(session) = client.session.take() {
            self.history.crashed(session, time(stamp));
        }
        client.in_hand = 0;
        // An application that died will hear of none of its sends any more.
        if client.group.is_none() {
            self.has_unknown_sends |= self.decided < self.invoked;
            self.decided = self.invoked;
        }
    }

    /// A process said something.
    pub fn noted(&mut self, stamp: Stamp, note: &Note) {
        match note {
            Note::SendInvoked { .. }
            | Note::SendOk { .. }
            | Note::SendFailed { .. }
            | Note::SendUnknown { .. } => self.producer_said(stamp, note),
            Note::CommitInvoked { .. }
            | Note::CommitEnded { .. }
            | Note::CommittedInvoked { .. }
            | Note::CommittedFetched { .. } => self.committer_said(stamp, note),
            Note::PositionResolved { .. }
            | Note::Polled { .. }
            | Note::FinalRead { .. }
            | Note::Processed { .. }
            | Note::Drained { .. } => self.reader_said(stamp, note),
            // What brokers do is the monitor's business.
            _ => return,
        }
        self.look_back(stamp);
    }

    fn look_back(&mut self, stamp: Stamp) {
        if let Some(violation) =
            self.sweep.follow(&self.history).filter(|_| self.went_back.is_none())
        {
            let sentence = violation.sentence(&self.history);
            self.went_back = Some(WentBack { stamp, sentence });
        }
    }

    fn producer_said(&mut self, stamp: Stamp, note: &Note) {
        let now = time(stamp);
        match note {
            Note::SendInvoked { record, partition, .. } => {
                let session = self.session(stamp.node);
                let key = key(&self.keys, *partition);
                let op = self.history.send_invoked(session, now, key, value(*record));
                self.invoked += 1;
                self.remember(*record, op);
            }
            Note::SendOk { record, offset } => {
                let op = self.send(*record);
                self.history.send_ok(op, now, offset.map(at));
                self.decided += 1;
                self.acked += 1;
            }
            Note::SendFailed { record, .. } => {
                let op = self.send(*record);
                self.history.send_failed(op, now);
                self.decided += 1;
            }
            Note::SendUnknown { record, .. } => {
                let op = self.send(*record);
                self.history.send_unknown(op, now);
                self.decided += 1;
                self.has_unknown_sends = true;
            }
            _ => {}
        }
    }

    fn reader_said(&mut self, stamp: Stamp, note: &Note) {
        let now = time(stamp);
        match note {
            Note::PositionResolved { partition, position, source, .. } => {
                let session = self.session(stamp.node);
                let (key, by) = (key(&self.keys, *partition), positioned_by(*source));
                self.history.positioned(session, now, key, at(*position), by);
                self.positions.insert(*partition, *position);
            }
            Note::Polled { partition, records, .. } | Note::FinalRead { partition, records } => {
                let client = self.client_mut(stamp.node);
                let session = client.session();
                client.in_hand += if client.group.is_some() { records.len() as u64 } else { 0 };
                let key = key(&self.keys, *partition);
                let records = records.iter().map(|&(offset, id)| (key, at(offset), value(id)));
                self.history.polled(session, now, now, records);
            }
            Note::Processed { partition, offset, record, .. } => {
                let client = self.client_mut(stamp.node);
                let session = client.session();
                client.in_hand -= 1;
                let key = key(&self.keys, *partition);
                self.history.processed(session, now, [(key, at(*offset), value(*record))]);
                self.positions.insert(*partition, *offset + 1);
            }
            Note::Drained { partition, end } => {
                let session = self.session(stamp.node);
                self.history.drained(session, now, key(&self.keys, *partition), at(*end));
                self.drained.insert(*partition, *end);
            }
            _ => {}
        }
    }

    fn committer_said(&mut self, stamp: Stamp, note: &Note) {
        let now = time(stamp);
        match note {
            Note::CommitInvoked { commit, offsets, .. } => {
                let session = self.session(stamp.node);
                let group = self.client(stamp.node).group.expect("only groups commit");
                let keys = &self.keys;
                let offsets = offsets.iter().map(|&(name, offset)| (key(keys, name), at(offset)));
                let op = self.history.commit_invoked(session, now, group, offsets);
                self.commits.insert((session, *commit), op);
            }
            Note::CommitEnded { commit, error, .. } => {
                let session = self.session(stamp.node);
                let op = self.commits.remove(&(session, *commit)).expect("it was invoked");
                self.commit_ended(op, now, *error);
            }
            Note::CommittedInvoked { .. } => {
                let session = self.session(stamp.node);
                let group = self.client(stamp.node).group.expect("only groups commit");
                let op = self.history.committed_invoked(session, now, group);
                self.questions.insert(session, op);
            }
            Note::CommittedFetched { offsets, .. } => {
                let op = self.questions[&self.session(stamp.node)];
                let keys = &self.keys;
                let offsets =
                    offsets.iter().map(|&(name, offset)| (key(keys, name), offset.map(at)));
                self.history.committed_ok(op, now, offsets);
            }
            _ => {}
        }
    }

    fn commit_ended(
        &mut self,
        op: OpId,
        now: Time,
        error: Option<ktrial_model::error_code::ErrorCode>,
    ) {
        match error {
            Some(ktrial_model::error_code::ErrorCode::None) => self.history.commit_ok(op, now),
            Some(_) => self.history.commit_failed(op, now),
            None => self.history.commit_unknown(op, now),
        }
    }

    fn session(&self, node: NodeId) -> ProcessId {
        self.client(node).session()
    }

    fn client(&self, node: NodeId) -> &Client {
        self.clients[node.index()].as_ref().expect("only clients speak to the recorder")
    }

    fn client_mut(&mut self, node: NodeId) -> &mut Client {
        self.clients[node.index()].as_mut().expect("only clients speak to the recorder")
    }

    fn remember(&mut self, record: RecordId, op: OpId) {
        if record.number() == 0 {
            self.history.name_series(record.process(), &record.process_name());
        }
        let ops = self.sends.entry(record.process()).or_default();
        assert_eq!(ops.len(), record.number() as usize, "a producer numbers its records in order");
        ops.push(op);
    }

    fn send(&self, record: RecordId) -> OpId {
        self.sends[&record.process()][record.number() as usize]
    }
}

fn keys(history: &mut History, cluster: &Cluster) -> Vec<Vec<Key>> {
    let mut keys = Vec::new();
    for (index, topic) in cluster.topics.iter().enumerate() {
        let is_internal = TopicId(index as u16) == TopicId::CONSUMER_OFFSETS;
        let partitions = if is_internal { 0 } else { topic.assignment.len() as u32 };
        keys.push((0..partitions).map(|partition| history.key(&topic.name, partition)).collect());
    }
    keys
}

fn key(keys: &[Vec<Key>], partition: TopicPartition) -> Key {
    keys[usize::from(partition.topic.0)][usize::from(partition.partition)]
}

fn time(stamp: Stamp) -> Time {
    Time(stamp.at.as_nanos())
}

fn at(offset: ids::Offset) -> Offset {
    Offset(offset.0 as i64)
}

fn value(record: RecordId) -> Value {
    Value(record.0)
}

fn positioned_by(source: PositionSource) -> PositionedBy {
    match source {
        PositionSource::Committed => PositionedBy::Committed,
        PositionSource::ResetEarliest => PositionedBy::ResetEarliest,
        PositionSource::ResetLatest => PositionedBy::ResetLatest,
        PositionSource::Truncation => PositionedBy::Truncation,
    }
}
