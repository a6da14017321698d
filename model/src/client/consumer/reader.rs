//! Reads partitions from their leaders: knows who leads, resets and validates positions, fetches. As Kafka's
//! `OffsetFetcher`, `Fetcher` and `ConsumerNetworkClient`; it knows nothing of groups and applications.

use ktrial_sim::time::Instant;

use crate::client::backoff::ExponentialBackoff;
use crate::client::connection_settings::ConnectionSettings;
use crate::client::connections::{Connections, Destination};
use crate::client::consumer::commit::CommitId;
use crate::client::consumer::fetcher::{Fetcher, PolledRecords};
use crate::client::consumer::position::{AssignedPartition, FetchState, Position, Validation};
use crate::client::metadata::{ClientMetadata, refresh_if_due};
use crate::cluster::Cluster;
use crate::config::ConsumerConfig;
use crate::error_code::ErrorCode;
use crate::ids::{BrokerId, GroupId, LeaderEpoch, Offset, TopicPartition};
use crate::message::{
    FetchPartition, FetchPartitionResponse, FetchResponse, Fetcher as FetchedBy,
    ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTarget, MetadataResponse,
    OffsetForLeaderEpoch, OffsetsForLeaderEpochRequest, OffsetsForLeaderEpochResponse, Request,
};
use crate::note::{Note, PositionSource};
use crate::probe::Probe;
use crate::process::Ctx;

/// What a consumer remembers of a request.
#[derive(Clone, Debug)]
pub enum InFlight {
    /// For metadata.
    Metadata,
    /// For records, from these offsets on.
    Fetch(Vec<(TopicPartition, Offset)>),
    /// For these ends of logs.
    ListOffsets(Vec<(TopicPartition, ListOffsetsTarget)>),
    /// For the ends of epochs, naming these leader epochs.
    OffsetsForLeaderEpoch(Vec<(TopicPartition, LeaderEpoch)>),
    /// For the group's coordinator.
    FindCoordinator,
    /// For the group's committed offsets.
    OffsetFetch,
    /// To commit.
    OffsetCommit(CommitId),
}

/// The reading half of a consumer.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Whose positions these are, for notes.
    group: Option<GroupId>,
    /// Where to go when a position is of no use; `None` is `auto.offset.reset = none`.
    reset_policy: Option<ListOffsetsTarget>,
    /// That of `retry.backoff.ms`.
    backoff: ExponentialBackoff,
    metadata: ClientMetadata,
    /// To the brokers.
    pub connections: Connections<InFlight>,
    /// What is read.
    pub partitions: Vec<AssignedPartition>,
    fetcher: Fetcher,
    is_lost: bool,
}

impl Reader {
    /// Reads `partitions`, once they have positions.
    pub fn new(
        cluster: &Cluster,
        config: &ConsumerConfig,
        group: Option<GroupId>,
        reset_policy: Option<ListOffsetsTarget>,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Self {
        let backoff =
            ExponentialBackoff::from_millis(config.retry_backoff_ms, config.retry_backoff_max_ms);
        Reader {
            group,
            reset_policy,
            backoff,
            metadata: ClientMetadata::new(cluster, config.metadata_max_age_ms, backoff),
            connections: Connections::new(ConnectionSettings::from(config)),
            partitions: partitions.into_iter().map(AssignedPartition::new).collect(),
            fetcher: Fetcher::new(config),
            is_lost: false,
        }
    }

    /// The pause between attempts.
    pub fn backoff(&self) -> ExponentialBackoff {
        self.backoff
    }

    /// A position is of no use and there is no policy for it: the application gets an exception from `poll()`.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Of the known brokers, the one with the least to do.
    pub fn least_loaded(&self, ctx: &mut Ctx<'_>) -> Option<Destination> {
        let broker =
            self.connections.least_loaded(self.metadata.brokers(), ctx.now(), ctx.random());
        broker.map(Destination::Broker)
    }

    /// Hands out up to `max_records` records.
    pub fn poll(&mut self, max_records: usize) -> Vec<PolledRecords> {
        self.fetcher.poll(&mut self.partitions, max_records)
    }

    /// The next record to read of each partition that has a position.
    pub fn positions(&self) -> impl Iterator<Item = (TopicPartition, Position)> {
        self.partitions.iter().filter_map(|assigned| {
            let is_valid = assigned.state() == FetchState::Fetching;
            assigned.position().filter(|_| is_valid).map(|position| (assigned.partition, position))
        })
    }

    /// The group has committed this position.
    pub fn resume(&mut self, partition: TopicPartition, position: Position, ctx: &mut Ctx<'_>) {
        if let Some(assigned) =
            self.assigned(partition).filter(|assigned| assigned.state() == FetchState::Initializing)
        {
            assigned.seek(position);
            self.resolved(partition, position.offset, PositionSource::Committed, ctx);
        }
    }

    /// The partition has no position to go on from.
    pub fn reset(&mut self, partition: TopicPartition, ctx: &mut Ctx<'_>) {
        let Some(policy) = self.reset_policy else {
            self.is_lost = true;
            return;
        };
        ctx.probe(Probe::OffsetReset);
        if let Some(assigned) = self.assigned(partition) {
            assigned.request_reset(policy);
        }
    }

    /// Metadata arrived.
    pub fn metadata_received(&mut self, response: &MetadataResponse, ctx: &mut Ctx<'_>) {
        self.metadata.update(response, ctx.now(), ctx.random());
    }

    /// Something does not fit what is known of the cluster.
    pub fn request_metadata(&mut self) {
        self.metadata.request_refresh();
    }

    /// A request of the reader got no answer.
    pub fn failed(&mut self, request: &InFlight, from: Destination, ctx: &mut Ctx<'_>) {
        match request {
            InFlight::Metadata => self.metadata.refresh_failed(ctx.now(), ctx.random()),
            InFlight::Fetch(_) => self.fetcher.ended(from),
            InFlight::ListOffsets(asked) => {
                asked.iter().for_each(|&(partition, _)| self.pause(partition, ctx))
            }
            InFlight::OffsetsForLeaderEpoch(asked) => {
                asked.iter().for_each(|&(partition, _)| self.pause(partition, ctx))
            }
            InFlight::FindCoordinator | InFlight::OffsetFetch | InFlight::OffsetCommit(_) => {}
        }
    }

    /// Records arrived.
    pub fn fetched(
        &mut self,
        asked: &[(TopicPartition, Offset)],
        response: FetchResponse,
        from: Destination,
        ctx: &mut Ctx<'_>,
    ) {
        self.fetcher.ended(from);
        for (&(partition, offset), answer) in asked.iter().zip(response.partitions) {
            assert_eq!(
                partition, answer.partition,
                "partitions are answered in the request's order"
            );
            self.partition_fetched(partition, offset, answer, ctx);
        }
    }

    fn partition_fetched(
        &mut self,
        partition: TopicPartition,
        offset: Offset,
        answer: FetchPartitionResponse,
        ctx: &mut Ctx<'_>,
    ) {
        let is_current = |assigned: &&mut AssignedPartition| {
            assigned.state() == FetchState::Fetching
                && assigned.position().is_some_and(|position| position.offset == offset)
        };
        let Some(assigned) = self.assigned(partition).filter(is_current) else { return };
        match answer.error {
            ErrorCode::None => {
                assigned.fetched();
                self.fetcher.completed(partition, offset, answer.batches);
            }
            ErrorCode::OffsetOutOfRange => self.reset(partition, ctx),
            error => {
                if error == ErrorCode::FencedLeaderEpoch {
                    ctx.probe(Probe::FencedFetch);
                }
                self.refused(partition, error, ctx);
            }
        }
    }

    /// Ends of logs arrived.
    pub fn offsets_listed(
        &mut self,
        asked: &[(TopicPartition, ListOffsetsTarget)],
        response: &ListOffsetsResponse,
        ctx: &mut Ctx<'_>,
    ) {
        for (&(partition, target), &(answered, error, offset)) in
            asked.iter().zip(&response.partitions)
        {
            assert_eq!(partition, answered, "partitions are answered in the request's order");
            match offset.filter(|_| error == ErrorCode::None) {
                Some(offset) => self.reset_to(partition, target, offset, ctx),
                None => self.refused(partition, error, ctx),
            }
        }
    }

    fn reset_to(
        &mut self,
        partition: TopicPartition,
        target: ListOffsetsTarget,
        offset: Offset,
        ctx: &mut Ctx<'_>,
    ) {
        let source = match target {
            ListOffsetsTarget::Earliest => PositionSource::ResetEarliest,
            ListOffsetsTarget::Latest => PositionSource::ResetLatest,
        };
        if self.assigned(partition).is_some_and(|assigned| assigned.reset_to(target, offset)) {
            self.resolved(partition, offset, source, ctx);
        }
    }

    /// Ends of epochs arrived.
    pub fn epochs_ended(
        &mut self,
        asked: &[(TopicPartition, LeaderEpoch)],
        response: &OffsetsForLeaderEpochResponse,
        ctx: &mut Ctx<'_>,
    ) {
        for (&(partition, leader_epoch), &(answered, error, end)) in
            asked.iter().zip(&response.partitions)
        {
            assert_eq!(partition, answered, "partitions are answered in the request's order");
            if error != ErrorCode::None {
                self.refused(partition, error, ctx);
                continue;
            }
            let Some(assigned) = self.assigned(partition) else { continue };
            match assigned.validated(leader_epoch, end) {
                Validation::Holds => {}
                Validation::Undefined => self.reset(partition, ctx),
                Validation::Truncated(offset) => self.truncated(partition, offset, ctx),
            }
        }
    }

    /// Without a policy, Kafka throws a `LogTruncationException`.
    fn truncated(&mut self, partition: TopicPartition, offset: Offset, ctx: &mut Ctx<'_>) {
        ctx.probe(Probe::PositionTruncated);
        self.is_lost |= self.reset_policy.is_none();
        self.resolved(partition, offset, PositionSource::Truncation, ctx);
    }

    fn resolved(
        &self,
        partition: TopicPartition,
        position: Offset,
        source: PositionSource,
        ctx: &mut Ctx<'_>,
    ) {
        if let Some(group) = self.group {
            ctx.note(Note::PositionResolved { group, partition, position, source });
        }
    }

    fn refused(&mut self, partition: TopicPartition, error: ErrorCode, ctx: &mut Ctx<'_>) {
        if error.invalidates_metadata() || error == ErrorCode::OffsetNotAvailable {
            self.metadata.request_refresh();
        }
        self.pause(partition, ctx);
    }

    fn pause(&mut self, partition: TopicPartition, ctx: &mut Ctx<'_>) {
        let backoff = self.backoff;
        if let Some(assigned) = self.assigned(partition) {
            assigned.failed(ctx.now() + backoff.after(assigned.failures() + 1, ctx.random()));
        }
    }

    fn assigned(&mut self, partition: TopicPartition) -> Option<&mut AssignedPartition> {
        self.partitions.iter_mut().find(|assigned| assigned.partition == partition)
    }

    /// Sends whatever can be sent.
    pub fn run(&mut self, ctx: &mut Ctx<'_>) {
        self.see_leaders(ctx.now());
        self.list_offsets(ctx);
        self.validate(ctx);
        self.fetch(ctx);
        refresh_if_due(&mut self.metadata, &mut self.connections, InFlight::Metadata, ctx);
    }

    fn see_leaders(&mut self, now: Instant) {
        for assigned in &mut self.partitions {
            let leader = self.metadata.leader(assigned.partition);
            assigned.see_leader(leader, now);
            if leader.is_none() {
                self.metadata.request_refresh();
            }
        }
    }

    fn list_offsets(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let wanted = self.by_leader(|assigned, leader_epoch| match assigned.state() {
            FetchState::AwaitReset(target) if assigned.can_be_asked(now) => {
                Some((assigned.partition, target, Some(leader_epoch)))
            }
            _ => None,
        });
        for (to, partitions) in wanted {
            let asked: Vec<_> =
                partitions.iter().map(|&(partition, target, _)| (partition, target)).collect();
            let request = Request::ListOffsets(
                ListOffsetsRequest { fetcher: FetchedBy::Consumer, partitions }.into(),
            );
            self.ask(
                to,
                request,
                asked.iter().map(|(partition, _)| *partition),
                InFlight::ListOffsets(asked.clone()),
                ctx,
            );
        }
    }

    fn validate(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let wanted = self.by_leader(|assigned, _| {
            let (leader_epoch, current_leader_epoch) =
                assigned.validation().filter(|_| assigned.can_be_asked(now))?;
            Some(OffsetForLeaderEpoch {
                partition: assigned.partition,
                current_leader_epoch,
                leader_epoch,
            })
        });
        for (to, partitions) in wanted {
            let asked: Vec<_> = partitions
                .iter()
                .map(|asked| (asked.partition, asked.current_leader_epoch))
                .collect();
            let request =
                Request::OffsetsForLeaderEpoch(OffsetsForLeaderEpochRequest { partitions }.into());
            let in_flight = InFlight::OffsetsForLeaderEpoch(asked.clone());
            self.ask(to, request, asked.iter().map(|(partition, _)| *partition), in_flight, ctx);
        }
    }

    /// Sends a request about the positions of some partitions, if it can be sent now.
    fn ask(
        &mut self,
        to: Destination,
        request: Request,
        about: impl Iterator<Item = TopicPartition>,
        in_flight: InFlight,
        ctx: &mut Ctx<'_>,
    ) {
        if self.connections.ready(to, ctx)
            && self.connections.send(to, request, in_flight, ctx).is_ok()
        {
            about.for_each(|partition| {
                self.assigned(partition).into_iter().for_each(AssignedPartition::asked)
            });
        }
    }

    fn fetch(&mut self, ctx: &mut Ctx<'_>) {
        for (broker, partitions) in self.fetcher.wanted(&self.partitions, &self.metadata, ctx.now())
        {
            let to = Destination::Broker(broker);
            if self.connections.ready(to, ctx) {
                let offset = |asked: &FetchPartition| (asked.partition, asked.fetch_offset);
                let asked = InFlight::Fetch(partitions.iter().map(offset).collect());
                let request = Request::Fetch(self.fetcher.request(partitions).into());
                if self.connections.send(to, request, asked, ctx).is_ok() {
                    self.fetcher.sent(broker);
                }
            }
        }
    }

    /// What is wanted of each partition that has a leader, by leader.
    fn by_leader<T>(
        &self,
        mut wanted: impl FnMut(&AssignedPartition, LeaderEpoch) -> Option<T>,
    ) -> Vec<(Destination, Vec<T>)> {
        let mut by_leader: Vec<(BrokerId, Vec<T>)> = Vec::new();
        for assigned in &self.partitions {
            let Some((leader, epoch)) = self.metadata.leader(assigned.partition) else { continue };
            let Some(wish) = wanted(assigned, epoch) else { continue };
            match by_leader.iter_mut().find(|(broker, _)| *broker == leader) {
                Some((_, wishes)) => wishes.push(wish),
                None => by_leader.push((leader, vec![wish])),
            }
        }
        by_leader
            .into_iter()
            .map(|(leader, wishes)| (Destination::Broker(leader), wishes))
            .collect()
    }

    /// When something is due that nothing else brings.
    pub fn next_deadline(&self, now: Instant) -> Instant {
        let retries = self.partitions.iter().map(AssignedPartition::retry_at);
        let due = retries.chain([self.metadata.next_refresh_at()]).filter(|&at| at > now);
        due.fold(self.connections.next_deadline(), Instant::min)
    }
}
