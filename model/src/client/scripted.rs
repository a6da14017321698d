//! A world for tests: one client in the simulation, brokers played by the test.

use std::sync::Arc;

use ktrial_sim::actor::Event;
use ktrial_sim::network::ConnectionId;
use ktrial_sim::node_id::NodeId;
use ktrial_sim::observer::{Observer, Stamp};
use ktrial_sim::random::{Address, Purpose, Stream, Streams};
use ktrial_sim::sim::Sim;
use ktrial_sim::time::{Duration, Instant};
use ktrial_sim::{NodeSetup, Options};

use crate::client::consumer::{Consumer, ConsumerSpec};
use crate::client::producer::{Producer, ProducerSpec};
use crate::cluster::{Cluster, Topic};
use crate::config::{BrokerConfig, TopicConfig};
use crate::ids::{BrokerId, LeaderEpoch, TopicId, TopicPartition};
use crate::message::{
    CorrelationId, Message, MetadataResponse, PartitionMetadata, Request, Response,
};
use crate::mutant::Mutation;
use crate::note::Note;
use crate::process::{Process, ProcessSpec};

/// The topic that clients use; `__consumer_offsets` has one partition.
pub const ORDERS: TopicId = TopicId(1);
/// Its first partition.
pub const ORDERS_0: TopicPartition = TopicPartition::new(ORDERS, 0);

/// `millis` milliseconds after the start.
pub fn at(millis: u64) -> Instant {
    Instant::START + Duration::from_millis(millis)
}

/// Three brokers; the topic `orders` with `partitions` partitions, and the group `readers`.
pub fn cluster(partitions: usize, mutation: Mutation) -> Arc<Cluster> {
    let brokers: Vec<_> = (0..3).map(BrokerId).collect();
    let topic = |name: &str, partitions| Topic {
        name: name.to_owned(),
        config: TopicConfig::default(),
        assignment: vec![brokers.clone(); partitions],
    };
    Arc::new(Cluster {
        controller: NodeId(0),
        topics: vec![topic("__consumer_offsets", 1), topic("orders", partitions)],
        groups: vec!["readers".to_owned()],
        config: BrokerConfig::default(),
        eligible_leader_replicas: true,
        mutation,
        brokers,
    })
}

/// The workload stream of a test's client.
pub fn stream() -> Stream {
    Streams::new(7).stream(Address::new(Purpose::Workload, 0))
}

/// Metadata in which `leader` leads every partition.
pub fn metadata(cluster: &Cluster, leader: BrokerId, epoch: u32) -> Response {
    let partition = |(partition, _)| PartitionMetadata {
        partition,
        error: crate::error_code::ErrorCode::None,
        leader: Some(leader),
        leader_epoch: LeaderEpoch(epoch),
    };
    let partitions = cluster.partitions().map(partition).collect();
    Response::Metadata(MetadataResponse { brokers: cluster.brokers.clone(), partitions }.into())
}

/// A request that reached a broker.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When.
    pub at: Instant,
    /// Whom.
    pub broker: NodeId,
    connection: ConnectionId,
    correlation: CorrelationId,
    /// What.
    pub request: Request,
}

/// Remembers what the client tells.
#[derive(Clone, Default)]
pub struct Notes(pub Vec<(Instant, Note)>);

impl Observer<Process> for Notes {
    fn noted(&mut self, stamp: Stamp, note: &Note) {
        self.0.push((stamp.at, note.clone()));
    }
}

/// The client and its brokers.
pub struct World {
    sim: Sim<Process, Notes>,
    client: NodeId,
}

impl World {
    fn new(spec: ProcessSpec, brokers: usize) -> Self {
        let broker =
            |number| NodeSetup { name: format!("b{number}"), spec: None, start_at: Instant::START };
        let client =
            NodeSetup { name: "client".to_owned(), spec: Some(spec), start_at: Instant::START };
        let setups = (0..brokers).map(broker).chain([client]).collect();
        let options = Options { boot_time: Duration::ZERO, ..Options::default() };
        World {
            sim: Sim::new(1, options, setups, Notes::default()),
            client: NodeId(brokers as u16),
        }
    }

    /// A world with this producer.
    pub fn of_producer(spec: ProducerSpec) -> Self {
        let brokers = spec.cluster.brokers.len();
        Self::new(ProcessSpec::Producer(Arc::new(spec)), brokers)
    }

    /// A world with this consumer.
    pub fn of_consumer(spec: ConsumerSpec) -> Self {
        let brokers = spec.cluster.brokers.len();
        Self::new(ProcessSpec::Consumer(Arc::new(spec)), brokers)
    }

    /// Runs until `deadline`. Every request goes to `serve`, which answers at once or not at all.
    pub fn run(&mut self, deadline: Instant, mut serve: impl FnMut(&Asked) -> Option<Response>) {
        while self.sim.next_event_at().is_some_and(|next| next <= deadline) {
            self.sim.step();
            for asked in self.asked() {
                if let Some(response) = serve(&asked) {
                    self.answer(&asked, response);
                }
            }
        }
    }

    fn asked(&mut self) -> Vec<Asked> {
        let mut asked = Vec::new();
        for broker in (0..self.client.0).map(NodeId) {
            for (at, event) in self.sim.take_answers(broker) {
                if let Event::Message(connection, Message::Request(correlation, request)) = event {
                    asked.push(Asked { at, broker, connection, correlation, request });
                }
            }
        }
        asked
    }

    /// Answers a request, now.
    pub fn answer(&mut self, asked: &Asked, response: Response) {
        let message = Message::Response(asked.correlation, response);
        self.sim.act_as(asked.broker, |ctx| ctx.send(asked.connection, message));
    }

    /// The broker closes the connection that a request came on.
    pub fn close(&mut self, asked: &Asked) {
        self.sim.act_as(asked.broker, |ctx| ctx.close(asked.connection));
    }

    /// Asks the client to stop in good order.
    pub fn shut_down(&mut self) {
        self.sim.shut_down(self.client);
    }

    /// What the client has told so far.
    pub fn notes(&self) -> impl Iterator<Item = &Note> {
        self.sim.observer().0.iter().map(|(_, note)| note)
    }

    /// The client, if it runs.
    pub fn producer(&self) -> Option<&Producer> {
        match self.sim.process(self.client) {
            Some(Process::Producer(producer)) => Some(producer),
            _ => None,
        }
    }

    /// The client, if it runs.
    pub fn consumer(&self) -> Option<&Consumer> {
        match self.sim.process(self.client) {
            Some(Process::Consumer(consumer)) => Some(consumer),
            _ => None,
        }
    }
}
