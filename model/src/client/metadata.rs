//! What a client knows of the cluster: who leads which partition, and when to ask again. As Kafka's `Metadata` and the
//! metadata updater of `NetworkClient`.
//!
//! The knowledge is as old as the last answer, and the broker that gave it may be behind as well. What is known to be
//! older than what the client already has, by leader epoch, is not taken (KIP-320).

use ktrial_sim::actor::Actor;
use ktrial_sim::context::Context;
use ktrial_sim::random::Stream;
use ktrial_sim::time::{Duration, Instant};

use crate::client::backoff::ExponentialBackoff;
use crate::client::connections::{Connections, Destination};
use crate::cluster::Cluster;
use crate::ids::{BrokerId, LeaderEpoch, TopicId, TopicPartition};
use crate::message::{Message, MetadataResponse, Request};

/// Who leads a partition, by the newest epoch heard of.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct LeaderAndEpoch {
    /// The leader; none during an election.
    pub leader: Option<BrokerId>,
    /// Its epoch.
    pub epoch: LeaderEpoch,
}

/// A client's view of the cluster.
#[derive(Clone, Debug)]
pub struct ClientMetadata {
    bootstrap: Vec<BrokerId>,
    brokers: Vec<BrokerId>,
    partitions: Vec<Vec<Option<LeaderAndEpoch>>>,
    refresh: Refresh,
}

/// When to ask for metadata again.
#[derive(Clone, Debug)]
struct Refresh {
    max_age: Duration,
    backoff: ExponentialBackoff,
    requested: bool,
    in_flight: bool,
    /// Failed requests in a row.
    failures: u32,
    /// Answers in a row that told nothing new.
    fruitless: u32,
    /// Not before.
    allowed_at: Instant,
    /// When the knowledge is too old.
    expires_at: Instant,
}

impl ClientMetadata {
    /// Knows the bootstrap servers and the names of the topics, and wants to know more at once. `max_age_ms` is
    /// `metadata.max.age.ms`, `backoff` that of `retry.backoff.ms`.
    pub fn new(cluster: &Cluster, max_age_ms: u64, backoff: ExponentialBackoff) -> Self {
        ClientMetadata {
            bootstrap: cluster.brokers.clone(),
            brokers: cluster.brokers.clone(),
            partitions: cluster
                .topics
                .iter()
                .map(|topic| vec![None; topic.assignment.len()])
                .collect(),
            refresh: Refresh {
                max_age: Duration::from_millis(max_age_ms),
                backoff,
                requested: true,
                in_flight: false,
                failures: 0,
                fruitless: 0,
                allowed_at: Instant::START,
                expires_at: Instant::START,
            },
        }
    }

    /// Whom to ask: the brokers that were alive by the last answer.
    pub fn brokers(&self) -> &[BrokerId] {
        &self.brokers
    }

    /// None of the known brokers can be reached: begins again from the bootstrap servers (KIP-899).
    pub fn rebootstrap(&mut self) {
        self.brokers.clone_from(&self.bootstrap);
    }

    /// Who leads the partition, if the client has heard of it.
    pub fn leader_and_epoch(&self, partition: TopicPartition) -> Option<LeaderAndEpoch> {
        self.partitions[usize::from(partition.topic.0)][usize::from(partition.partition)]
    }

    /// Who leads the partition, if it is known and anyone does.
    pub fn leader(&self, partition: TopicPartition) -> Option<(BrokerId, LeaderEpoch)> {
        let known = self.leader_and_epoch(partition)?;
        Some((known.leader?, known.epoch))
    }

    /// Whether any broker has told of the topic.
    pub fn knows(&self, topic: TopicId) -> bool {
        self.partitions[usize::from(topic.0)].iter().any(Option::is_some)
    }

    /// How many partitions the topic has.
    pub fn partition_count(&self, topic: TopicId) -> u32 {
        self.partitions[usize::from(topic.0)].len() as u32
    }

    /// The topic's partitions that have a leader.
    pub fn available_partitions(&self, topic: TopicId) -> impl Iterator<Item = TopicPartition> {
        let has_leader =
            |known: Option<LeaderAndEpoch>| known.is_some_and(|known| known.leader.is_some());
        let known = (0..).zip(&self.partitions[usize::from(topic.0)]);
        known
            .filter(move |&(_, &known)| has_leader(known))
            .map(move |(number, _)| TopicPartition::new(topic, number))
    }

    /// Something does not fit what is known: ask again as soon as the backoff allows.
    pub fn request_refresh(&mut self) {
        self.refresh.requested = true;
    }

    /// When to ask next; never while an answer is awaited.
    pub fn next_refresh_at(&self) -> Instant {
        let refresh = &self.refresh;
        match (refresh.in_flight, refresh.requested) {
            (true, _) => Instant::NEVER,
            (false, true) => refresh.allowed_at,
            (false, false) => refresh.expires_at.max(refresh.allowed_at),
        }
    }

    /// A request is on its way.
    pub fn refresh_sent(&mut self) {
        self.refresh.in_flight = true;
        self.refresh.requested = false;
    }

    /// The request got no answer.
    pub fn refresh_failed(&mut self, now: Instant, stream: &mut Stream) {
        let refresh = &mut self.refresh;
        refresh.in_flight = false;
        refresh.requested = true;
        refresh.fruitless = 0;
        refresh.failures += 1;
        refresh.allowed_at = now + refresh.backoff.after(refresh.failures, stream);
    }

    /// Takes an answer: whatever of it is not older than what is known.
    pub fn update(&mut self, response: &MetadataResponse, now: Instant, stream: &mut Stream) {
        if !response.brokers.is_empty() {
            self.brokers.clone_from(&response.brokers);
        }
        let mut news = false;
        for partition in &response.partitions {
            news |= self.learn(
                partition.partition,
                LeaderAndEpoch { leader: partition.leader, epoch: partition.leader_epoch },
            );
        }
        self.refresh_succeeded(news, now, stream);
    }

    fn learn(&mut self, partition: TopicPartition, told: LeaderAndEpoch) -> bool {
        let known =
            &mut self.partitions[usize::from(partition.topic.0)][usize::from(partition.partition)];
        let is_news = known.is_none_or(|known| told.epoch >= known.epoch && told != known);
        if is_news {
            *known = Some(told);
        }
        is_news
    }

    fn refresh_succeeded(&mut self, news: bool, now: Instant, stream: &mut Stream) {
        let refresh = &mut self.refresh;
        refresh.in_flight = false;
        refresh.failures = 0;
        refresh.fruitless = if news { 0 } else { refresh.fruitless + 1 };
        refresh.allowed_at = now + refresh.backoff.after(refresh.fruitless, stream);
        refresh.expires_at = now + refresh.max_age;
    }

    /// Takes the leader that came with an error (KIP-951), if it is a newer one. Whether it was.
    pub fn update_leader(
        &mut self,
        partition: TopicPartition,
        leader: BrokerId,
        epoch: LeaderEpoch,
    ) -> bool {
        let is_newer = self.leader_and_epoch(partition).is_none_or(|known| epoch > known.epoch);
        is_newer && self.learn(partition, LeaderAndEpoch { leader: Some(leader), epoch })
    }
}

/// Asks a broker for metadata if it is time to: the least loaded one. As `NetworkClient.DefaultMetadataUpdater`, which
/// opens no second connection for it while another is being opened. `request` is what to remember of the request.
pub fn refresh_if_due<R, A: Actor<Message = Message>>(
    metadata: &mut ClientMetadata,
    connections: &mut Connections<R>,
    request: R,
    ctx: &mut Context<'_, A>,
) {
    let now = ctx.now();
    if now < metadata.next_refresh_at() {
        return;
    }
    match connections.least_loaded(metadata.brokers(), now, ctx.random()).map(Destination::Broker) {
        Some(to) if connections.can_send(to) => {
            match connections.send(to, Request::Metadata, request, ctx) {
                Ok(()) => metadata.refresh_sent(),
                Err(_) => metadata.refresh_failed(now, ctx.random()),
            }
        }
        Some(to) if !connections.is_connecting() => {
            connections.ready(to, ctx);
        }
        Some(_) => {}
        None => {
            metadata.rebootstrap();
            for &broker in metadata.brokers() {
                connections.ready(Destination::Broker(broker), ctx);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{ORDERS, ORDERS_0, at, cluster, metadata, stream};
    use crate::message::Response;
    use crate::mutant::Mutation;

    fn client() -> ClientMetadata {
        let cluster = cluster(2, Mutation::default());
        ClientMetadata::new(&cluster, 300_000, ExponentialBackoff::from_millis(100, 1_000))
    }

    fn response(leader: u16, epoch: u32) -> MetadataResponse {
        let Response::Metadata(response) =
            metadata(&cluster(2, Mutation::default()), BrokerId(leader), epoch)
        else {
            unreachable!()
        };
        *response
    }

    fn leader(leader: u16, epoch: u32) -> Option<(BrokerId, LeaderEpoch)> {
        Some((BrokerId(leader), LeaderEpoch(epoch)))
    }

    #[test]
    fn an_answer_that_is_behind_is_not_believed() {
        let (mut client, mut stream) = (client(), stream());
        assert!(!client.knows(ORDERS));
        client.update(&response(1, 5), at(0), &mut stream);
        client.update(&response(0, 4), at(1), &mut stream);
        assert_eq!(client.leader(ORDERS_0), leader(1, 5));
        client.update(&response(2, 6), at(2), &mut stream);
        assert_eq!(client.leader(ORDERS_0), leader(2, 6));
    }

    /// KIP-951.
    #[test]
    fn a_leader_named_by_an_error_is_taken_only_if_it_is_newer() {
        let (mut client, mut stream) = (client(), stream());
        client.update(&response(1, 5), at(0), &mut stream);
        assert!(!client.update_leader(ORDERS_0, BrokerId(2), LeaderEpoch(5)));
        assert!(client.update_leader(ORDERS_0, BrokerId(2), LeaderEpoch(6)));
        assert_eq!(client.leader(ORDERS_0), leader(2, 6));
    }

    #[test]
    fn a_partition_without_leader_is_known_but_not_available() {
        let (mut client, mut stream) = (client(), stream());
        let mut response = response(1, 5);
        response
            .partitions
            .iter_mut()
            .filter(|known| known.partition == ORDERS_0)
            .for_each(|known| known.leader = None);
        client.update(&response, at(0), &mut stream);
        assert_eq!(client.leader(ORDERS_0), None);
        assert!(client.knows(ORDERS));
        let available: Vec<_> =
            client.available_partitions(ORDERS).map(|partition| partition.partition).collect();
        assert_eq!(available, [1]);
    }

    #[test]
    fn it_is_refreshed_when_asked_for_but_not_too_often_and_when_it_is_old() {
        let (mut client, mut stream) = (client(), stream());
        assert_eq!(client.next_refresh_at(), Instant::START, "at once, at first");
        client.refresh_sent();
        assert_eq!(client.next_refresh_at(), Instant::NEVER, "one request at a time");
        client.update(&response(1, 5), at(1_000), &mut stream);
        assert_eq!(client.next_refresh_at(), at(301_000));
        client.request_refresh();
        let pause_ms = client.next_refresh_at().as_millis() - 1_000;
        assert!((80..=120).contains(&pause_ms), "retry.backoff.ms after the last one: {pause_ms}");
    }

    #[test]
    fn answers_that_tell_nothing_new_make_the_pause_grow() {
        let (mut client, mut stream) = (client(), stream());
        for _ in 0..4 {
            client.update(&response(1, 5), at(0), &mut stream);
        }
        client.request_refresh();
        assert!(client.next_refresh_at() >= at(320), "three of them: {}", client.next_refresh_at());
        client.update(&response(1, 6), at(0), &mut stream);
        client.request_refresh();
        assert!(client.next_refresh_at() <= at(120), "news: {}", client.next_refresh_at());
    }

    #[test]
    fn a_request_without_answer_is_repeated_after_a_growing_pause() {
        let (mut client, mut stream) = (client(), stream());
        for _ in 0..5 {
            client.refresh_sent();
            client.refresh_failed(at(0), &mut stream);
        }
        assert!(
            (at(800)..=at(1_000)).contains(&client.next_refresh_at()),
            "{}",
            client.next_refresh_at()
        );
    }
}
