//! A stage for tests of the rules: a cluster of three brokers whose every move the test makes itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use ktrial_sim::fault::{Fault, FlushErrorMode};
use ktrial_sim::node_id::NodeId;
use ktrial_sim::observer::{Death, FaultPhase, Stamp};
use ktrial_sim::time::Instant;
use ktrial_sim::trace::EventId;

use super::{Invariant, Monitor};
use crate::cluster::{Cluster, Topic};
use crate::config::{BrokerConfig, TopicConfig};
use crate::controller::partition_change_builder::Elected;
use crate::ids::{
    BrokerEpoch, BrokerId, LeaderEpoch, Offset, PartitionEpoch, RecordId, TopicId, TopicPartition,
};
use crate::log::EpochStart;
use crate::metadata::{BrokerState, PartitionState};
use crate::mutant::Mutation;
use crate::note::Note;
use crate::record::{Batch, Record, RecordValue};

/// The partition it is all about.
pub(super) const ORDERS: TopicPartition = TopicPartition::new(TopicId(1), 0);

/// The controller's node; brokers 1, 2, 3 are on the nodes of the same number.
const CONTROLLER: u16 = 0;

/// The cluster as the test has it, and the monitor that watches.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) monitor: Monitor,
    /// Each broker's log of `ORDERS`, in batches of one record.
    pub(super) logs: BTreeMap<u16, Vec<Batch>>,
    pub(super) state: PartitionState,
    event: u64,
    next_record: u64,
    next_broker_epoch: u64,
    /// By broker, as which incarnation its last process registers.
    incarnations: BTreeMap<u16, u64>,
    /// All that the controller has announced.
    announced: Vec<Note>,
}

/// Three brokers, `orders` with one partition on all of them and `min.insync.replicas` 2.
pub(super) fn cluster() -> Cluster {
    let config = TopicConfig { min_insync_replicas: 2, ..TopicConfig::default() };
    let brokers = ids(&[1, 2, 3]);
    let topic = |name: &str, assignment| Topic {
        name: name.to_owned(),
        config: config.clone(),
        assignment,
    };
    Cluster {
        controller: NodeId(CONTROLLER),
        topics: vec![
            topic("__consumer_offsets", Vec::new()),
            topic("orders", vec![brokers.clone()]),
        ],
        brokers,
        groups: Vec::new(),
        config: BrokerConfig::default(),
        eligible_leader_replicas: true,
        mutation: Mutation::default(),
    }
}

pub(super) fn ids(brokers: &[u16]) -> Vec<BrokerId> {
    brokers.iter().map(|&broker| BrokerId(broker)).collect()
}

/// Nothing of the old state changes but what a test names.
pub(super) struct Change<'a> {
    pub(super) leader: Option<u16>,
    pub(super) isr: &'a [u16],
    pub(super) elr: &'a [u16],
}

impl Stage {
    /// All brokers run, are in sync, and follow broker 1 in epoch 0.
    pub(super) fn new() -> Self {
        Stage::of(cluster())
    }

    pub(super) fn of(cluster: Cluster) -> Self {
        let mut stage = Stage::empty(cluster);
        for broker in [1, 2, 3] {
            stage.boot(broker);
            stage.load(broker, false, 0, 0);
            stage.register(broker, false);
            stage.activate(broker);
        }
        stage.announce_state(Elected::Unchanged);
        for broker in [1, 2, 3] {
            stage.apply(broker);
        }
        stage
    }

    fn empty(cluster: Cluster) -> Self {
        Stage {
            monitor: Monitor::new(&Arc::new(cluster)),
            logs: [1, 2, 3].map(|broker| (broker, Vec::new())).into(),
            state: PartitionState {
                replicas: ids(&[1, 2, 3]),
                isr: ids(&[1, 2, 3]),
                elr: Vec::new(),
                last_known_elr: Vec::new(),
                leader: Some(BrokerId(1)),
                leader_epoch: LeaderEpoch(0),
                partition_epoch: PartitionEpoch(0),
                recovering: false,
            },
            event: 0,
            next_record: 0,
            next_broker_epoch: 0,
            incarnations: BTreeMap::new(),
            announced: Vec::new(),
        }
    }

    /// The numbers of the rules that were broken, in order.
    pub(super) fn broken(&self) -> Vec<Invariant> {
        self.monitor.violations().iter().map(|violation| violation.invariant).collect()
    }

    /// The one violation, as people read it.
    pub(super) fn sentence(&self) -> String {
        let [violation] = self.monitor.violations() else { panic!("{:?}", self.broken()) };
        violation.to_string()
    }

    pub(super) fn stamp(&mut self, node: u16) -> Stamp {
        self.event += 1;
        let event = EventId(self.event);
        Stamp { at: Instant::START, event, cause: event, node: NodeId(node) }
    }

    pub(super) fn note(&mut self, broker: u16, note: Note) {
        let stamp = self.stamp(broker);
        self.monitor.noted(stamp, &note);
    }

    // Replicas.

    fn end(&self, broker: u16) -> Offset {
        Offset(self.logs[&broker].len() as u64)
    }

    fn epoch(&self) -> LeaderEpoch {
        self.state.leader_epoch
    }

    /// A broker appends a batch, which it puts into its log as it is.
    pub(super) fn append(&mut self, broker: u16, batch: Batch, as_leader: bool) {
        self.logs.get_mut(&broker).expect("there is such a broker").push(batch.clone());
        self.note(broker, Note::Appended { partition: ORDERS, batch, as_leader });
    }

    /// A batch of one new record at the end of a broker's log.
    pub(super) fn new_batch(&mut self, broker: u16, epoch: u32) -> Batch {
        self.next_record += 1;
        let value = RecordValue::Data(RecordId(self.next_record));
        let record = Record { key: None, value, size_bytes: 10, timestamp_ms: 0 };
        Batch::new([record].into()).stamped(self.end(broker), LeaderEpoch(epoch))
    }

    /// A leader appends new records, one by one, in the current epoch.
    pub(super) fn produce(&mut self, broker: u16, records: u64) {
        for _ in 0..records {
            let batch = self.new_batch(broker, self.epoch().0);
            self.append(broker, batch, true);
        }
    }

    /// A follower copies what another has and it has not.
    pub(super) fn copy(&mut self, follower: u16, from: u16) {
        let missing = self.logs[&from][self.logs[&follower].len()..].to_vec();
        for batch in missing {
            self.append(follower, batch, false);
        }
    }

    /// A replica's high watermark moves, in the current epoch.
    pub(super) fn high_watermark(&mut self, broker: u16, to: u64, as_leader: bool) {
        let note = Note::HighWatermark {
            partition: ORDERS,
            high_watermark: Offset(to),
            leader_epoch: self.epoch(),
            as_leader,
        };
        self.note(broker, note);
    }

    /// The current leader appends records and the others copy them; all call them committed.
    pub(super) fn commit(&mut self, records: u64) {
        let leader = self.state.leader.expect("there is a leader").0;
        self.produce(leader, records);
        let followers: Vec<u16> =
            self.state.isr.iter().map(|it| it.0).filter(|&it| it != leader).collect();
        for &follower in &followers {
            self.copy(follower, leader);
        }
        let end = self.end(leader).0;
        self.high_watermark(leader, end, true);
        for follower in followers {
            self.high_watermark(follower, end, false);
        }
    }

    pub(super) fn cut(&mut self, broker: u16, end: u64) {
        self.logs.get_mut(&broker).expect("there is such a broker").truncate(end as usize);
        let epochs = self.epochs(broker);
        let note = Note::Truncated {
            partition: ORDERS,
            log_end_offset: Offset(end),
            high_watermark_before: Offset(0),
            epochs,
        };
        self.note(broker, note);
    }

    pub(super) fn flush(&mut self, broker: u16) {
        let recovery_point = self.end(broker);
        self.note(broker, Note::Flushed { partition: ORDERS, recovery_point });
    }

    /// Where each epoch of a log begins.
    pub(super) fn epochs(&self, broker: u16) -> Vec<EpochStart> {
        let mut starts: Vec<EpochStart> = Vec::new();
        for batch in &self.logs[&broker] {
            if starts.last().is_none_or(|last| last.epoch != batch.leader_epoch) {
                let start_offset = batch.base_offset;
                starts.push(EpochStart { epoch: batch.leader_epoch, start_offset });
            }
        }
        starts
    }

    // Processes and hosts.

    pub(super) fn boot(&mut self, node: u16) {
        let stamp = self.stamp(node);
        self.monitor.booted(stamp);
        if node != CONTROLLER {
            let incarnation = self.event;
            self.incarnations.insert(node, incarnation);
            self.note(node, Note::BrokerStarted { incarnation });
        }
    }

    pub(super) fn crash(&mut self, node: u16) {
        let stamp = self.stamp(node);
        self.monitor.died(stamp, Death::Crash);
    }

    /// As the kernel tells it: first the fault, then the death of a process, if there was one.
    pub(super) fn lose_power(&mut self, node: u16) {
        self.begin(&Fault::PowerLoss { nodes: vec![NodeId(node)] });
        let stamp = self.stamp(node);
        self.monitor.died(stamp, Death::PowerLoss);
    }

    pub(super) fn begin(&mut self, fault: &Fault) {
        self.monitor.fault(fault, FaultPhase::Begins);
    }

    /// A broker opens its log, which ends at `end`.
    pub(super) fn load(&mut self, broker: u16, clean: bool, end: u64, high_watermark: u64) {
        self.logs.get_mut(&broker).expect("there is such a broker").truncate(end as usize);
        let note = Note::LogLoaded {
            partition: ORDERS,
            clean,
            log_end_offset: Offset(end),
            high_watermark: Offset(high_watermark),
        };
        self.note(broker, note);
    }

    /// A broker whose process died starts again and finds its log.
    pub(super) fn restart(&mut self, broker: u16) {
        let end = self.end(broker).0;
        self.boot(broker);
        self.load(broker, false, end, 0);
    }

    // The controller.

    fn announce(&mut self, note: Note) {
        self.announced.push(note.clone());
        self.note(CONTROLLER, note);
    }

    pub(super) fn register(&mut self, broker: u16, unclean: bool) {
        self.next_broker_epoch += 1;
        let broker_epoch = BrokerEpoch(self.next_broker_epoch);
        let incarnation = self.incarnations[&broker];
        let broker = BrokerId(broker);
        self.announce(Note::BrokerRegistered { broker, incarnation, broker_epoch, unclean });
    }

    pub(super) fn activate(&mut self, broker: u16) {
        let broker = BrokerId(broker);
        self.announce(Note::BrokerChanged { broker, state: BrokerState::Active });
    }

    fn announce_state(&mut self, elected: Elected) {
        let state = Box::new(self.state.clone());
        self.announce(Note::PartitionChanged { partition: ORDERS, state, elected });
    }

    /// The partition gets its next state.
    pub(super) fn change(&mut self, change: Change<'_>) {
        let before = self.state.clone();
        let leader = change.leader.map(BrokerId);
        let state = &mut self.state;
        if state.leader != leader {
            state.last_known_elr = state.leader.filter(|_| leader.is_none()).into_iter().collect();
            state.leader_epoch = state.leader_epoch.next();
        }
        state.leader = leader;
        state.isr = ids(change.isr);
        state.elr = ids(change.elr);
        state.partition_epoch = state.partition_epoch.next();
        self.announce_state(Elected::between(&before, &self.state));
    }

    /// A broker learns of the current state.
    pub(super) fn apply(&mut self, broker: u16) {
        let (partition, leader_epoch) = (ORDERS, self.epoch());
        if self.state.leader != Some(BrokerId(broker)) {
            let leader = self.state.leader;
            self.note(broker, Note::BecameFollower { partition, leader_epoch, leader });
            return;
        }
        let log_end_offset = self.end(broker);
        let mut epochs = self.epochs(broker);
        if epochs.last().is_none_or(|last| last.epoch != leader_epoch) {
            epochs.push(EpochStart { epoch: leader_epoch, start_offset: log_end_offset });
        }
        self.note(broker, Note::BecameLeader { partition, leader_epoch, log_end_offset, epochs });
        self.note_maximal_isr(broker, &self.state.isr.iter().map(|it| it.0).collect::<Vec<_>>());
    }

    /// Who a leader counts on.
    pub(super) fn note_maximal_isr(&mut self, broker: u16, maximal_isr: &[u16]) {
        let (leader_epoch, isr) = (self.epoch(), self.state.isr.clone());
        let maximal_isr = ids(maximal_isr);
        let partition = ORDERS;
        self.note(broker, Note::InSyncReplicas { partition, leader_epoch, isr, maximal_isr });
    }

    /// Leadership moves on, and all brokers that run learn of it.
    pub(super) fn elect(&mut self, change: Change<'_>) {
        self.change(change);
        for broker in [1, 2, 3] {
            if self.monitor.broker(BrokerId(broker)).is_running {
                self.apply(broker);
            }
        }
    }

    /// The controller starts again and announces the first `remembered` of its records once more.
    pub(super) fn restart_controller(&mut self, remembered: usize) {
        self.crash(CONTROLLER);
        self.boot(CONTROLLER);
        let again = self.announced[..remembered].to_vec();
        for note in again {
            self.note(CONTROLLER, note);
        }
    }

    /// How many metadata records there are.
    pub(super) fn metadata_records(&self) -> usize {
        self.announced.len()
    }
}

/// Faults by the node they strike.
pub(super) fn power_loss(nodes: &[u16]) -> Fault {
    Fault::PowerLoss { nodes: nodes.iter().map(|&node| NodeId(node)).collect() }
}

pub(super) fn process_crash(node: u16) -> Fault {
    Fault::Crash { node: NodeId(node) }
}

pub(super) fn disk_loss(node: u16) -> Fault {
    Fault::DiskLoss { node: NodeId(node) }
}

pub(super) fn lying_flush(node: u16) -> Fault {
    Fault::FlushError { node: NodeId(node), mode: FlushErrorMode::MarksClean }
}

pub(super) fn write_error(node: u16) -> Fault {
    Fault::WriteError { node: NodeId(node) }
}
