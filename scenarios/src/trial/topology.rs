//! From a scenario to the nodes of a simulated world: one controller, brokers, producers, consumers, and a last reader
//! who waits until everything has settled.
//!
//! Nodes are numbered as [`Scenario::nodes`] says; node 0 is the last reader.

use std::collections::BTreeSet;
use std::sync::Arc;

use ktrial_model::broker::BrokerSpec;
use ktrial_model::client::consumer::application::{ManualCommit, Processing};
use ktrial_model::client::consumer::{ConsumerRole, ConsumerSpec};
use ktrial_model::client::producer::ProducerSpec;
use ktrial_model::client::producer::workload::{Pace, Workload};
use ktrial_model::cluster::{Cluster, Topic};
use ktrial_model::config::{BrokerConfig, ConsumerConfig, ProducerConfig};
use ktrial_model::controller::ControllerSpec;
use ktrial_model::ids::{BrokerId, GroupId, TopicId, TopicPartition};
use ktrial_model::mutant::Mutation;
use ktrial_model::process::{Process, ProcessSpec};
use ktrial_sim::disk::DiskOptions;
use ktrial_sim::network::{LatencyModel, NetworkOptions};
use ktrial_sim::node_id::NodeId;
use ktrial_sim::random::{Address, Purpose, Streams};
use ktrial_sim::time::{Duration, Instant};
use ktrial_sim::{NodeSetup, Options};

use crate::format::{self, Commit, Nodes, Scenario};

/// Reads everything at the end.
const LAST_READER: NodeId = NodeId(0);

/// The cluster and everybody around it.
#[derive(Clone, Debug)]
pub struct Topology {
    /// The cluster's description.
    pub cluster: Arc<Cluster>,
    /// Network, disks, clocks.
    pub options: Options,
    /// The node that reads everything at the end.
    pub drain: NodeId,
    /// Who has which number.
    pub nodes: Nodes,
    /// Which partitions each group reads: all of them.
    pub group_partitions: Vec<TopicPartition>,
    /// Whether faults that would harm the last sound copy of a committed record are left out.
    pub spares_last_copy: bool,
    producers: Vec<Producer>,
    consumers: Vec<(Duration, Arc<ConsumerSpec>)>,
    drain_spec: Arc<ConsumerSpec>,
}

#[derive(Clone, Debug)]
struct Producer {
    config: ProducerConfig,
    workload: Workload,
    start: Duration,
}

impl Topology {
    /// The topology of a checked scenario, whose cluster runs this mutant, if any.
    pub fn of(scenario: &Scenario, mutation: Mutation) -> Self {
        let config = scenario.config();
        let cluster = Arc::new(cluster(scenario, &config, mutation));
        let group_partitions: Vec<TopicPartition> = application_partitions(&cluster).collect();
        Topology {
            options: options(scenario),
            drain: LAST_READER,
            nodes: scenario.nodes(),
            spares_last_copy: scenario.spares_last_copy(),
            producers: producers(scenario, &config.producer, &cluster),
            consumers: consumers(scenario, &config.consumer, &cluster, &group_partitions),
            drain_spec: Arc::new(ConsumerSpec {
                cluster: cluster.clone(),
                config: config.consumer,
                role: ConsumerRole::Drain { start_at: Instant::START },
            }),
            group_partitions,
            cluster,
        }
    }

    /// The nodes of one seed: only the producers' streams differ.
    pub fn setups(&self, seed: u64) -> Vec<NodeSetup<Process>> {
        let streams = Streams::new(seed);
        let last_reader = ProcessSpec::Consumer(self.drain_spec.clone());
        let mut nodes = vec![node("last-reader".to_owned(), last_reader, Instant::NEVER)];
        nodes.extend(self.cluster.brokers.iter().map(|&broker| self.broker(broker)));
        nodes.push(self.controller());
        for (index, producer) in self.producers.iter().enumerate() {
            nodes.push(self.producer(index, producer, &streams));
        }
        for ((start, spec), number) in self.consumers.iter().zip(self.nodes.consumers.clone()) {
            let spec = ProcessSpec::Consumer(spec.clone());
            nodes.push(node(self.node_name(NodeId(number)), spec, Instant::START + *start));
        }
        nodes
    }

    /// The name of a node in traces.
    pub fn node_name(&self, node: NodeId) -> String {
        if node == self.drain { "last-reader".to_owned() } else { self.nodes.name(node) }
    }

    /// How many records all producers send together.
    pub fn records(&self) -> u64 {
        self.producers.iter().map(|producer| producer.workload.records).sum()
    }

    /// The partitions that the group's consumer on this node reads; none of any other node.
    pub fn assigned_partitions(&self, node: NodeId) -> Vec<TopicPartition> {
        let index = node.0.checked_sub(self.nodes.consumers.start).map(usize::from);
        let consumer = index.and_then(|index| self.consumers.get(index));
        match consumer.map(|(_, spec)| &spec.role) {
            Some(ConsumerRole::Group { partitions, .. }) => partitions.clone(),
            Some(ConsumerRole::Drain { .. }) | None => Vec::new(),
        }
    }

    fn controller(&self) -> NodeSetup<Process> {
        let spec = Arc::new(ControllerSpec { cluster: self.cluster.clone() });
        let name = self.node_name(self.cluster.controller);
        node(name, ProcessSpec::Controller(spec), Instant::START)
    }

    fn broker(&self, id: BrokerId) -> NodeSetup<Process> {
        let spec = Arc::new(BrokerSpec { id, cluster: self.cluster.clone() });
        node(self.node_name(id.node()), ProcessSpec::Broker(spec), Instant::START)
    }

    fn producer(&self, index: usize, producer: &Producer, streams: &Streams) -> NodeSetup<Process> {
        let spec = Arc::new(ProducerSpec {
            cluster: self.cluster.clone(),
            config: producer.config.clone(),
            workload: producer.workload.clone(),
            stream: streams.stream(Address::new(Purpose::Workload, index as u64)),
        });
        let name = self.node_name(NodeId(self.nodes.producers.start + index as u16));
        node(name, ProcessSpec::Producer(spec), Instant::START + producer.start)
    }
}

fn node(name: String, spec: ProcessSpec, start_at: Instant) -> NodeSetup<Process> {
    NodeSetup { name, spec: Some(spec), start_at }
}

fn span(duration: format::Duration) -> Duration {
    Duration::from_nanos(duration.nanos)
}

fn options(scenario: &Scenario) -> Options {
    let (network, disk) = (&scenario.network, &scenario.disk);
    Options {
        network: NetworkOptions {
            latency: LatencyModel {
                permanent_min: span(network.latency_min),
                permanent_max: span(network.latency_max),
                jitter_mean: span(network.jitter),
                tail_per_million: network.tail_per_million,
                tail_mean: span(network.tail),
            },
            ..NetworkOptions::default()
        },
        disk: DiskOptions {
            flush_latency: span(disk.flush_time),
            write_back_mean_min: span(disk.write_back),
            write_back_mean_max: span(disk.write_back) * 6,
            ..DiskOptions::default()
        },
        ..Options::default()
    }
}

fn cluster(scenario: &Scenario, config: &format::KafkaConfig, mutation: Mutation) -> Cluster {
    let brokers: Vec<BrokerId> = scenario.nodes().brokers.map(BrokerId).collect();
    let groups = if scenario.consumers.count > 0 {
        vec![scenario.consumers.group.clone()]
    } else {
        Vec::new()
    };
    let mut cluster = Cluster {
        controller: NodeId(scenario.nodes().controllers.start),
        topics: vec![offsets_topic(&config.broker)],
        brokers,
        groups,
        config: config.broker.clone(),
        eligible_leader_replicas: config.features.eligible_leader_replicas_version > 0,
        mutation,
    };
    assign_offsets_partitions(&mut cluster);
    for (topic, config) in scenario.topics.iter().zip(&config.topics) {
        let number = cluster.topics.len();
        let replicas = |partition| {
            assigned(&cluster.brokers, number + partition as usize, topic.replication_factor)
        };
        let assignment = (0..topic.partitions).map(replicas).collect();
        cluster.topics.push(Topic { name: topic.name.clone(), config: config.clone(), assignment });
    }
    cluster
}

/// `__consumer_offsets`, with no partition simulated yet.
fn offsets_topic(config: &BrokerConfig) -> Topic {
    Topic {
        name: "__consumer_offsets".to_owned(),
        config: config.offsets_topic(),
        assignment: vec![Vec::new(); config.offsets_topic_num_partitions as usize],
    }
}

/// Of `__consumer_offsets` only the partitions that some group uses are simulated.
fn assign_offsets_partitions(cluster: &mut Cluster) {
    let groups = (0..cluster.groups.len()).map(|group| GroupId(group as u16));
    let used: BTreeSet<u16> =
        groups.map(|group| cluster.offsets_partition(group).partition).collect();
    for partition in used {
        let factor = cluster.config.offsets_topic_replication_factor;
        let replicas = assigned(&cluster.brokers, usize::from(partition), factor);
        cluster.topics[usize::from(TopicId::CONSUMER_OFFSETS.0)].assignment
            [usize::from(partition)] = replicas;
    }
}

/// Replicas in a ring, so that leaderships are spread.
fn assigned(brokers: &[BrokerId], first: usize, factor: u32) -> Vec<BrokerId> {
    let factor = brokers.len().min(factor as usize);
    (0..factor).map(|replica| brokers[(first + replica) % brokers.len()]).collect()
}

fn application_partitions(cluster: &Cluster) -> impl Iterator<Item = TopicPartition> {
    cluster
        .partitions()
        .map(|(partition, _)| partition)
        .filter(|partition| partition.topic != TopicId::CONSUMER_OFFSETS)
}

fn producers(scenario: &Scenario, config: &ProducerConfig, cluster: &Cluster) -> Vec<Producer> {
    let producers = &scenario.producers;
    let interval = span(producers.interval);
    let pace = if interval.is_zero() {
        Pace::Outstanding(SATURATING_OUTSTANDING)
    } else {
        Pace::Interval { interval, burst: producers.burst }
    };
    let producer = Producer {
        config: config.clone(),
        workload: Workload {
            topics: (1..cluster.topics.len()).map(|topic| TopicId(topic as u16)).collect(),
            records: producers.records,
            pace,
            keys: producers.keys,
            record_size_bytes: producers.record_size,
            stop_at: Instant::NEVER,
        },
        start: span(producers.start),
    };
    vec![producer; producers.count as usize]
}

/// Records without an answer that a producer with `interval = "0s"` keeps under way.
const SATURATING_OUTSTANDING: u32 = 64;

fn consumers(
    scenario: &Scenario,
    config: &ConsumerConfig,
    cluster: &Arc<Cluster>,
    partitions: &[TopicPartition],
) -> Vec<(Duration, Arc<ConsumerSpec>)> {
    let consumers = &scenario.consumers;
    let count = consumers.count as usize;
    let processing = Processing {
        commit: match consumers.commit {
            Commit::Auto => ManualCommit::Never,
            Commit::BeforeProcessing => ManualCommit::BeforeProcessing,
            Commit::AfterProcessing => ManualCommit::AfterProcessing,
        },
        time_per_record: span(consumers.processing_time),
    };
    let consumer = |index| {
        let partitions = partitions.iter().copied().skip(index).step_by(count).collect();
        let role = ConsumerRole::Group { group: GroupId(0), partitions, processing };
        let spec = ConsumerSpec { cluster: cluster.clone(), config: config.clone(), role };
        (span(consumers.start), Arc::new(spec))
    };
    (0..count).map(consumer).collect()
}
