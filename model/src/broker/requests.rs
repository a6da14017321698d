//! Every request that is not produce or fetch. As `KafkaApis`.

use super::Broker;
use super::request_channel::ReplyTo;
use crate::error_code::ErrorCode;
use crate::ids::{GroupId, Offset};
use crate::message::{
    ListOffsetsRequest, ListOffsetsResponse, MetadataResponse, OffsetCommitRequest,
    OffsetsForLeaderEpochRequest, OffsetsForLeaderEpochResponse, PartitionMetadata, Request,
    RequiredAcks, Response,
};
use crate::process::Ctx;

impl Broker {
    /// Handles a request whose turn has come.
    pub(super) fn serve(&mut self, reply: ReplyTo, request: Request, ctx: &mut Ctx<'_>) {
        let response = match request {
            Request::Produce(request) => return self.produce(reply, *request, ctx),
            Request::Fetch(request) => return self.fetch(reply, request, ctx),
            Request::OffsetCommit(request) => return self.commit_offsets(reply, &request, ctx),
            Request::OffsetFetch(request) => {
                self.is_purgatory_deadline_stale = true;
                let answer = self.coordinator.offset_fetch(&request, reply, ctx.now());
                return self.respond_all(answer.into_iter().collect(), ctx);
            }
            Request::ListOffsets(request) => self.list_offsets(&request),
            Request::OffsetsForLeaderEpoch(request) => self.leader_epoch_ends(&request),
            Request::Metadata => self.metadata(),
            Request::FindCoordinator(group) => self.find_coordinator(group),
            Request::AlterPartition(_)
            | Request::BrokerRegistration(_)
            | Request::BrokerHeartbeat(_)
            | Request::MetadataFetch(_) => unreachable!("only the controller is asked this"),
        };
        self.channels.respond(reply, response, ctx);
    }

    fn list_offsets(&self, request: &ListOffsetsRequest) -> Response {
        let list = |&(name, target, epoch)| {
            let listed = match self.partitions.get(name) {
                Some(partition) => partition.list_offset(target, epoch, request.fetcher),
                None => Err(ErrorCode::UnknownTopicOrPartition),
            };
            match listed {
                Ok(offset) => (name, ErrorCode::None, Some(offset)),
                Err(error) => (name, error, None),
            }
        };
        let partitions = request.partitions.iter().map(list).collect();
        Response::ListOffsets(Box::new(ListOffsetsResponse { partitions }))
    }

    fn leader_epoch_ends(&self, request: &OffsetsForLeaderEpochRequest) -> Response {
        let end = |asked: &crate::message::OffsetForLeaderEpoch| {
            let name = asked.partition;
            let found = match self.partitions.get(name) {
                Some(partition) => partition.last_offset_for_leader_epoch(asked),
                None => Err(ErrorCode::UnknownTopicOrPartition),
            };
            match found {
                Ok(end) => (name, ErrorCode::None, end),
                Err(error) => (name, error, None),
            }
        };
        let partitions = request.partitions.iter().map(end).collect();
        Response::OffsetsForLeaderEpoch(Box::new(OffsetsForLeaderEpochResponse { partitions }))
    }

    /// What this broker believes: a leader that is fenced is no leader to a client.
    fn metadata(&self) -> Response {
        let cache = self.control.cache();
        let brokers: Vec<_> = cache.alive_brokers().collect();
        let partition = |(partition, state): (_, &crate::metadata::PartitionState)| {
            let leader = state.leader.filter(|leader| brokers.contains(leader));
            PartitionMetadata {
                partition,
                error: if leader.is_some() {
                    ErrorCode::None
                } else {
                    ErrorCode::LeaderNotAvailable
                },
                leader,
                leader_epoch: state.leader_epoch,
            }
        };
        let partitions = cache.partitions().map(partition).collect();
        Response::Metadata(Box::new(MetadataResponse { brokers, partitions }))
    }

    fn find_coordinator(&self, group: GroupId) -> Response {
        let cache = self.control.cache();
        let offsets_partition = self.spec.cluster.offsets_partition(group);
        let leader = cache.partition(offsets_partition).and_then(|state| state.leader);
        match leader.filter(|&leader| cache.alive_brokers().any(|alive| alive == leader)) {
            Some(leader) => Response::FindCoordinator(ErrorCode::None, Some(leader)),
            None => Response::FindCoordinator(ErrorCode::CoordinatorNotAvailable, None),
        }
    }

    /// Appends the commit to the group's partition; the coordinator answers once it is committed there.
    fn commit_offsets(&mut self, reply: ReplyTo, request: &OffsetCommitRequest, ctx: &mut Ctx<'_>) {
        let append = match self.coordinator.offset_commit(request, ctx.wall_clock_ms()) {
            Ok(append) => append,
            Err(response) => {
                let response = Response::OffsetCommit(Box::new(response));
                return self.channels.respond(reply, response, ctx);
            }
        };
        let name = append.partition;
        let partition = self.partitions.get_mut(name).expect("a coordinator has the partition");
        let cache = self.control.cache();
        let appended =
            partition.append_records_to_leader(&append.batch, RequiredAcks::One, cache, ctx);
        let end: Result<Offset, ErrorCode> = match appended {
            Ok(appended) => {
                self.changes.appended(name);
                self.changes.high_watermark(name, appended.high_watermark_advanced);
                Ok(appended.info.next_offset)
            }
            Err(error) => Err(self.halted_by(error, ctx)),
        };
        self.is_purgatory_deadline_stale = true;
        let answer = self.coordinator.on_appended(request, &append, end, reply, ctx.now());
        self.respond_all(answer.into_iter().collect(), ctx);
    }
}
