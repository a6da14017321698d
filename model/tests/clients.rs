//! Producers and consumers against real brokers: what the applications see while leaders and coordinators fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ktrial_model::broker::BrokerSpec;
use ktrial_model::client::consumer::application::{ManualCommit, Processing};
use ktrial_model::client::consumer::{ConsumerRole, ConsumerSpec};
use ktrial_model::client::producer::ProducerSpec;
use ktrial_model::client::producer::workload::{Pace, Workload};
use ktrial_model::cluster::{Cluster, Topic};
use ktrial_model::config::{BrokerConfig, Config, ConsumerConfig, ProducerConfig, TopicConfig};
use ktrial_model::controller::ControllerSpec;
use ktrial_model::error_code::ErrorCode;
use ktrial_model::ids::{BrokerId, GroupId, Offset, RecordId, TopicId, TopicPartition};
use ktrial_model::mutant::Mutation;
use ktrial_model::note::Note;
use ktrial_model::process::{Process, ProcessSpec};
use ktrial_sim::fault::preset::SERVERS;
use ktrial_sim::fault::{Anchor, Fault, FaultPlan, Fleet, Heal, PlannedFault, Preset, generate};
use ktrial_sim::node_id::NodeId;
use ktrial_sim::observer::{Observer, Stamp};
use ktrial_sim::random::{Address, Purpose, Streams};
use ktrial_sim::sim::Sim;
use ktrial_sim::time::{Duration, Instant};
use ktrial_sim::{NodeSetup, Options};

const BROKERS: u16 = 3;
/// The producer and the consumer.
const CLIENTS: [NodeId; 2] = [NodeId(4), NodeId(5)];
const CONSUMER: NodeId = CLIENTS[1];
const ORDERS: TopicId = TopicId(1);
const SECOND: Duration = Duration::from_secs(1);

fn at(secs: u64) -> Instant {
    Instant::START + SECOND * secs
}

/// What the applications have seen.
#[derive(Clone, Default, Debug)]
struct History {
    invoked: BTreeSet<RecordId>,
    /// When each was sent that has no outcome yet.
    under_way: BTreeMap<RecordId, Instant>,
    /// The longest that an acknowledgement took of what was sent once the cluster was formed.
    slowest_ack: Duration,
    acked: BTreeMap<RecordId, Offset>,
    failed: BTreeMap<RecordId, ErrorCode>,
    unknown: BTreeMap<RecordId, ErrorCode>,
    processed: BTreeMap<RecordId, u32>,
    resumed_at: Vec<(Instant, TopicPartition, Offset)>,
    acked_commits: Vec<(Instant, TopicPartition, Offset)>,
    commits: BTreeMap<u32, Vec<(TopicPartition, Offset)>>,
    log: BTreeMap<TopicPartition, Vec<(Offset, RecordId)>>,
    drained: BTreeSet<TopicPartition>,
}

impl Observer<Process> for History {
    fn noted(&mut self, stamp: Stamp, note: &Note) {
        match note.clone() {
            Note::SendInvoked { record, .. } => {
                assert!(self.invoked.insert(record), "ids are unique");
                self.under_way.insert(record, stamp.at);
            }
            Note::SendOk { record, offset } => {
                let sent_at = self.under_way.remove(&record).expect("it was sent");
                if sent_at > at(5) {
                    self.slowest_ack = self.slowest_ack.max(stamp.at - sent_at);
                }
                self.acked.insert(record, offset.unwrap_or_default());
            }
            Note::SendFailed { record, error } => {
                self.failed.insert(record, error);
            }
            Note::SendUnknown { record, error } => {
                self.unknown.insert(record, error);
            }
            Note::PositionResolved { partition, position, .. } => {
                self.resumed_at.push((stamp.at, partition, position));
            }
            Note::Processed { record, .. } => *self.processed.entry(record).or_default() += 1,
            Note::CommitInvoked { commit, offsets, .. } => {
                self.commits.insert(commit, offsets);
            }
            Note::CommitEnded { commit, error: Some(ErrorCode::None), .. } => {
                let committed = &self.commits[&commit];
                self.acked_commits.extend(
                    committed.iter().map(|&(partition, offset)| (stamp.at, partition, offset)),
                );
            }
            Note::FinalRead { partition, records } => {
                self.log.entry(partition).or_default().extend(records)
            }
            Note::Drained { partition, .. } => assert!(self.drained.insert(partition)),
            _ => {}
        }
    }
}

impl History {
    fn read(&self) -> BTreeSet<RecordId> {
        self.log.values().flatten().map(|&(_, record)| record).collect()
    }
}

/// What breaks.
#[derive(Clone)]
enum Faults {
    /// From a millisecond on, this, for so many milliseconds.
    Planned(Vec<(u64, Fault, u64)>),
    /// Whatever a seed draws from a preset.
    Drawn(Preset),
}

impl Faults {
    fn plan(&self, seed: u64) -> FaultPlan {
        match self {
            Faults::Planned(faults) => {
                FaultPlan { faults: (0..).zip(faults).map(planned).collect(), core: None }
            }
            Faults::Drawn(preset) => {
                let fleet = Fleet::new()
                    .with_role(SERVERS, (0..BROKERS).map(NodeId))
                    .with_role("clients", CLIENTS);
                generate(&preset.profile(), &fleet, &Streams::new(seed))
            }
        }
    }
}

fn planned((id, (begin_ms, kind, length_ms)): (u32, &(u64, Fault, u64))) -> PlannedFault {
    PlannedFault {
        id,
        begin: Anchor::At(Instant::START + Duration::from_millis(*begin_ms)),
        heal: Heal::After(Duration::from_millis(*length_ms)),
        kind: kind.clone(),
    }
}

/// A trial: three brokers, two partitions, one producer, one consumer; a final read at `drain_at_secs`.
struct Trial {
    records: u64,
    interval_ms: u64,
    producer: Vec<(&'static str, &'static str)>,
    orders: TopicConfig,
    commit: ManualCommit,
    faults: Faults,
    drain_at_secs: u64,
}

impl Default for Trial {
    fn default() -> Self {
        Trial {
            records: 500,
            interval_ms: 20,
            producer: Vec::new(),
            orders: topic_config(),
            commit: ManualCommit::AfterProcessing,
            faults: Faults::Planned(Vec::new()),
            drain_at_secs: 60,
        }
    }
}

impl Trial {
    fn run(&self, seed: u64) -> History {
        let cluster = cluster(self.orders.clone());
        let mut sim =
            Sim::new(seed, Options::default(), self.nodes(seed, &cluster), History::default());
        sim.install(self.faults.plan(seed));
        sim.run_until(at(self.drain_at_secs + 10));
        sim.observer().clone()
    }

    fn nodes(&self, seed: u64, cluster: &Arc<Cluster>) -> Vec<NodeSetup<Process>> {
        let node =
            |name: String, spec| NodeSetup { name, spec: Some(spec), start_at: Instant::START };
        let cluster = || Arc::clone(cluster);
        let broker = |id| {
            let spec = BrokerSpec { id: BrokerId(id), cluster: cluster() };
            node(format!("broker-{id}"), ProcessSpec::Broker(Arc::new(spec)))
        };
        let controller = ProcessSpec::Controller(Arc::new(ControllerSpec { cluster: cluster() }));
        let producer = ProducerSpec {
            cluster: cluster(),
            config: ProducerConfig::from_pairs(self.producer.iter().copied()).unwrap().0,
            workload: self.workload(),
            stream: Streams::new(seed).stream(Address::new(Purpose::Workload, 0)),
        };
        let consumer =
            ConsumerSpec { cluster: cluster(), config: consumer_config(), role: self.group() };
        let role = ConsumerRole::Drain { start_at: at(self.drain_at_secs) };
        let drain = ConsumerSpec { cluster: cluster(), config: consumer_config(), role };
        let clients = [
            node("controller".to_owned(), controller),
            node("producer".to_owned(), ProcessSpec::Producer(Arc::new(producer))),
            node("consumer".to_owned(), ProcessSpec::Consumer(Arc::new(consumer))),
            node("reader".to_owned(), ProcessSpec::Consumer(Arc::new(drain))),
        ];
        (0..BROKERS).map(broker).chain(clients).collect()
    }

    fn workload(&self) -> Workload {
        Workload {
            topics: vec![ORDERS],
            records: self.records,
            pace: Pace::Interval { interval: Duration::from_millis(self.interval_ms), burst: 1 },
            keys: 16,
            record_size_bytes: 100,
            stop_at: at(self.drain_at_secs),
        }
    }

    fn group(&self) -> ConsumerRole {
        let partitions = (0..2).map(|number| TopicPartition::new(ORDERS, number)).collect();
        let processing =
            Processing { commit: self.commit, time_per_record: Duration::from_millis(1) };
        ConsumerRole::Group { group: GroupId(0), partitions, processing }
    }
}

fn consumer_config() -> ConsumerConfig {
    let pairs = [
        ("group.id", "readers"),
        ("auto.offset.reset", "earliest"),
        ("enable.auto.commit", "false"),
    ];
    ConsumerConfig::from_pairs(pairs).unwrap().0
}

fn topic_config() -> TopicConfig {
    TopicConfig { min_insync_replicas: 2, ..TopicConfig::default() }
}

fn cluster(orders: TopicConfig) -> Arc<Cluster> {
    let brokers: Vec<_> = (0..BROKERS).map(BrokerId).collect();
    let topic = |name: &str, config, partitions: u16| Topic {
        name: name.to_owned(),
        config,
        assignment: (0..partitions).map(|first| rotated(&brokers, first)).collect(),
    };
    Arc::new(Cluster {
        controller: NodeId(BROKERS),
        topics: vec![topic("__consumer_offsets", topic_config(), 1), topic("orders", orders, 2)],
        groups: vec!["readers".to_owned()],
        config: BrokerConfig::default(),
        eligible_leader_replicas: true,
        mutation: Mutation::default(),
        brokers,
    })
}

fn rotated(brokers: &[BrokerId], first: u16) -> Vec<BrokerId> {
    let mut replicas = brokers.to_vec();
    replicas.rotate_left(usize::from(first) % brokers.len());
    replicas
}

fn crash(begin_ms: u64, node: NodeId, length_ms: u64) -> (u64, Fault, u64) {
    (begin_ms, Fault::Crash { node }, length_ms)
}

#[test]
fn in_calm_every_record_is_acknowledged_processed_once_and_in_the_log_once() {
    let history = Trial::default().run(1);
    assert_eq!(
        history.acked.len(),
        500,
        "failed {:?} unknown {:?}",
        history.failed,
        history.unknown
    );
    assert_eq!(history.drained.len(), 2);
    assert_eq!(history.log.values().map(Vec::len).sum::<usize>(), 500);
    assert_eq!(history.read(), history.invoked);
    assert!(history.processed.len() == 500 && history.processed.values().all(|&times| times == 1));
}

#[test]
fn followers_that_flush_each_record_do_not_wait_for_those_that_do_not() {
    let orders = TopicConfig { flush_messages: 1, ..topic_config() };
    let history = Trial { orders, ..Trial::default() }.run(1);
    assert_eq!(history.acked.len(), 500);
    let slowest = history.slowest_ack;
    assert!(slowest < Duration::from_millis(100), "a fetch waits up to 500 ms: {slowest}");
}

#[test]
fn no_acknowledged_record_is_lost_when_leaders_crash_one_after_the_other() {
    for seed in 0..20 {
        let faults = Faults::Planned(vec![
            crash(3_000, NodeId(0), 4_000),
            crash(20_000, NodeId(1), 4_000),
            crash(35_000, NodeId(2), 4_000),
        ]);
        let trial = Trial { records: 2_000, faults, drain_at_secs: 90, ..Trial::default() };
        let history = trial.run(seed);
        let read = history.read();
        assert_eq!(history.drained.len(), 2, "seed {seed}");
        assert!(history.acked.keys().all(|record| read.contains(record)), "seed {seed}");
        assert!(history.failed.keys().all(|record| !read.contains(record)), "seed {seed}");
        assert!(history.acked.len() > 1_900, "seed {seed}: {} acknowledged", history.acked.len());
        let unprocessed =
            read.iter().filter(|record| !history.processed.contains_key(record)).count();
        assert_eq!(unprocessed, 0, "seed {seed}: at least once");
    }
}

#[test]
fn a_consumer_that_crashes_resumes_no_earlier_than_its_last_acknowledged_commit() {
    for seed in 0..20 {
        let faults = Faults::Planned(vec![
            crash(5_000, CONSUMER, 1_000),
            crash(8_000, NodeId(0), 4_000),
            crash(16_000, CONSUMER, 1_000),
        ]);
        let history = Trial { records: 1_500, faults, ..Trial::default() }.run(seed);
        let restarts = history.resumed_at.iter().filter(|(when, ..)| *when > at(5));
        for (when, partition, position) in restarts.clone() {
            let acked = history
                .acked_commits
                .iter()
                .filter(|(ended, of, _)| ended < when && of == partition);
            let last = acked.map(|&(_, _, offset)| offset).max().unwrap_or_default();
            assert!(
                *position >= last,
                "seed {seed}: {partition} resumed at {position} after a commit of {last}"
            );
        }
        assert!(restarts.count() >= 4, "seed {seed}: two restarts of two partitions");
        let unprocessed =
            history.acked.keys().filter(|record| !history.processed.contains_key(record)).count();
        assert_eq!(unprocessed, 0, "seed {seed}: at least once");
    }
}

#[test]
fn committing_before_processing_loses_records_when_the_consumer_crashes() {
    let lost = (0..20).filter(|&seed| {
        let faults =
            (0..8).map(|nth| crash(3_000 + nth * 2_000 + seed * 7, CONSUMER, 500)).collect();
        let commit = ManualCommit::BeforeProcessing;
        let trial = Trial {
            records: 4_000,
            interval_ms: 5,
            commit,
            faults: Faults::Planned(faults),
            ..Trial::default()
        };
        let history = trial.run(seed);
        history.acked.keys().any(|record| !history.processed.contains_key(record))
    });
    assert!(lost.count() > 0);
}

/// What every trial owes its applications if at most one copy of the data is lost at a time.
fn keeps_its_promises(history: &History, what: &str) {
    let read = history.read();
    assert_eq!(history.drained.len(), 2, "{what}: the final read gets to the end");
    let lost: Vec<_> = history.acked.keys().filter(|record| !read.contains(record)).collect();
    assert!(lost.is_empty(), "{what}: acknowledged but not in the log: {lost:?}");
    let risen: Vec<_> = history.failed.keys().filter(|record| read.contains(record)).collect();
    assert!(risen.is_empty(), "{what}: failed but in the log: {risen:?}");
    let told = history.acked.len() + history.failed.len() + history.unknown.len();
    assert_eq!(told, history.invoked.len(), "{what}: the application is told of every record");
    let skipped: Vec<_> =
        read.iter().filter(|record| !history.processed.contains_key(record)).collect();
    assert!(skipped.is_empty(), "{what}: in the log but not processed: {skipped:?}");
}

#[test]
fn clients_keep_their_promises_whatever_breaks_as_long_as_one_copy_is_left() {
    for preset in [Preset::Calm, Preset::Crashes, Preset::Network, Preset::Clocks] {
        for seed in 0..20 {
            let faults = Faults::Drawn(preset);
            let trial = Trial { records: 1_500, faults, drain_at_secs: 180, ..Trial::default() };
            keeps_its_promises(&trial.run(seed), &format!("{preset:?}, seed {seed}"));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let trial = || Trial {
        faults: Faults::Planned(vec![crash(3_000, NodeId(0), 4_000)]),
        ..Trial::default()
    };
    assert_eq!(format!("{:?}", trial().run(3)), format!("{:?}", trial().run(3)));
}
