//! Keeps the committed offsets of consumer groups. As Kafka's `CoordinatorRuntime` and `OffsetMetadataManager`, for groups
//! without members.
//!
//! A group's offsets live in one partition of `__consumer_offsets`; its leader coordinates the group (G1). The log is the
//! truth: a new leader replays it, a commit is a record appended to it, and nobody is told of a commit, nor of what it
//! changed, before the high watermark has passed it.
//!
//! ```text
//!   OffsetCommit --> append at 41 --> state changed --> ... --> high watermark 42 --> answered: none
//!   OffsetFetch  --------------------> state read ----> ... --> high watermark 42 --> answered: offsets
//!                                                       or a time-out, or another leader: an error, outcome unknown
//! ```
//!
//! This is a pure state machine: the broker appends, reads the log and sends; `R` is how it finds back to whom to answer.
//! Commits are not gathered into common batches (`group.coordinator.append.linger.ms`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ktrial_sim::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::error_code::ErrorCode;
use crate::ids::{GroupId, LeaderEpoch, Offset, TopicPartition};
use crate::message::{
    CommittedOffset, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest,
    OffsetFetchResponse, Response,
};
use crate::mutant::Mutant;
use crate::record::{Batch, OffsetCommitValue, Record, RecordValue};

/// Bytes of a record in `__consumer_offsets`: group and topic name, partition, offset, epoch, timestamp, roughly.
const OFFSET_COMMIT_RECORD_BYTES: u32 = 100;

/// A response and to whom it goes.
pub type Answer<R> = (R, Response);

/// All groups that a broker coordinates.
#[derive(Clone, Debug)]
pub struct GroupCoordinator<R> {
    cluster: Arc<Cluster>,
    commit_timeout: Duration,
    shards: BTreeMap<TopicPartition, Shard<R>>,
}

/// The groups of one partition of `__consumer_offsets` that this broker leads.
#[derive(Clone, Debug)]
struct Shard<R> {
    epoch: LeaderEpoch,
    state: State,
    committed: BTreeMap<(GroupId, TopicPartition), CommittedOffset>,
    /// The offset after the last record that `committed` has in it.
    last_written: Offset,
    high_watermark: Offset,
    /// In the order of the offsets they wait for.
    pending: VecDeque<Pending<R>>,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum State {
    Loading,
    Active,
}

/// A response that waits for the high watermark to reach `required_offset`.
#[derive(Clone, Debug)]
struct Pending<R> {
    required_offset: Offset,
    deadline: Instant,
    reply: R,
    response: Response,
}

/// A batch to append to a partition of `__consumer_offsets`, if this broker still leads it in this epoch.
#[derive(Clone, Debug)]
pub struct AppendBatch {
    /// The partition.
    pub partition: TopicPartition,
    /// The epoch the coordinator leads in.
    pub leader_epoch: LeaderEpoch,
    /// One record per committed offset.
    pub batch: Batch,
}

impl<R> GroupCoordinator<R> {
    /// Coordinates nothing yet.
    pub fn new(cluster: Arc<Cluster>) -> Self {
        let commit_timeout = Duration::from_millis(cluster.config.offsets_commit_timeout_ms);
        GroupCoordinator { cluster, commit_timeout, shards: BTreeMap::new() }
    }

    /// This broker leads a partition of `__consumer_offsets` in `epoch`. It answers COORDINATOR_LOAD_IN_PROGRESS until
    /// [`GroupCoordinator::load`]. Whether there is anything to load: not if it led the partition before, for then it has
    /// every record already.
    pub fn on_leader(&mut self, partition: TopicPartition, epoch: LeaderEpoch) -> bool {
        let shard = self.shards.entry(partition).or_insert_with(|| Shard::loading(epoch));
        assert!(shard.epoch <= epoch, "leader epochs of {partition} only grow");
        shard.epoch = epoch;
        shard.state == State::Loading
    }

    /// Replays the whole log of a partition that [`GroupCoordinator::on_leader`] was called for: everything up to the log
    /// end offset, whether committed or not. From here on requests are served.
    ///
    /// Does nothing if the broker does not lead the partition any more.
    pub fn load<'a>(
        &mut self,
        partition: TopicPartition,
        batches: impl IntoIterator<Item = &'a Batch>,
        log_end_offset: Offset,
        high_watermark: Offset,
    ) {
        let skips_replay = self.cluster.mutation.is(Mutant::SkipOffsetReplay);
        let Some(shard) =
            self.shards.get_mut(&partition).filter(|shard| shard.state == State::Loading)
        else {
            return;
        };
        if !skips_replay {
            batches
                .into_iter()
                .flat_map(|batch| batch.records.iter())
                .for_each(|record| shard.apply(record));
        }
        shard.last_written = log_end_offset;
        shard.high_watermark = high_watermark;
        shard.state = State::Active;
    }

    /// This broker does not lead the partition any more: its groups are someone else's. Everything pending has failed, as
    /// far as this broker knows; the records may still be committed by the new leader.
    pub fn on_resigned(&mut self, partition: TopicPartition) -> Vec<Answer<R>> {
        let pending = self.shards.remove(&partition).map(|shard| shard.pending).unwrap_or_default();
        pending.into_iter().map(|pending| pending.fail(ErrorCode::NotCoordinator)).collect()
    }

    /// Turns a commit into a batch to append, or says why not. There is no check of the offsets: the last commit wins,
    /// even if it goes back (G8). The caller appends the batch with the semantics of acks=1 and says so by
    /// [`GroupCoordinator::on_appended`] before anything else happens.
    pub fn offset_commit(
        &self,
        request: &OffsetCommitRequest,
        timestamp_ms: i64,
    ) -> Result<AppendBatch, OffsetCommitResponse> {
        let partition = self.cluster.offsets_partition(request.group);
        let shard = self.active(partition).map_err(|error| commit_response(request, error))?;
        if request.offsets.is_empty() {
            return Err(commit_response(request, ErrorCode::None));
        }
        let record =
            |&(partition, offset, leader_epoch): &(TopicPartition, Offset, Option<LeaderEpoch>)| {
                Record {
                    key: None,
                    value: RecordValue::OffsetCommit(OffsetCommitValue {
                        group: request.group,
                        partition,
                        offset,
                        leader_epoch,
                    }),
                    size_bytes: OFFSET_COMMIT_RECORD_BYTES,
                    timestamp_ms,
                }
            };
        let batch = Batch::new(request.offsets.iter().map(record).collect());
        Ok(AppendBatch { partition, leader_epoch: shard.epoch, batch })
    }

    /// The batch of a commit is in the log, which now ends at `Ok(log end offset)`, or it could not be appended. Answers
    /// at once if it failed; otherwise when the high watermark has passed it.
    ///
    /// # Panics
    /// If this broker does not coordinate the group.
    pub fn on_appended(
        &mut self,
        request: &OffsetCommitRequest,
        appended: &AppendBatch,
        result: Result<Offset, ErrorCode>,
        reply: R,
        now: Instant,
    ) -> Option<Answer<R>> {
        let log_end_offset = match result {
            Ok(log_end_offset) => log_end_offset,
            Err(error) => {
                return Some((
                    reply,
                    Response::OffsetCommit(commit_response(request, refusal(error)).into()),
                ));
            }
        };
        let deadline = now + self.commit_timeout;
        let answers_early = self.cluster.mutation.is(Mutant::CommitOffsetBeforeHighWatermark);
        let shard =
            self.shards.get_mut(&appended.partition).expect("only a coordinator appends commits");
        appended.batch.records.iter().for_each(|record| shard.apply(record));
        shard.last_written = log_end_offset;
        let response = Response::OffsetCommit(commit_response(request, ErrorCode::None).into());
        if answers_early {
            Some((reply, response))
        } else {
            shard.answer_when_committed(reply, response, deadline)
        }
    }

    /// Reads committed offsets. They are read now and told once everything written before is committed (KIP-447: consumers
    /// ask for stable offsets only).
    pub fn offset_fetch(
        &mut self,
        request: &OffsetFetchRequest,
        reply: R,
        now: Instant,
    ) -> Option<Answer<R>> {
        let partition = self.cluster.offsets_partition(request.group);
        if let Err(error) = self.active(partition) {
            return Some((reply, Response::OffsetFetch(fetch_error(error).into())));
        }
        let deadline = now + self.commit_timeout;
        let shard = self.shards.get_mut(&partition).expect("an active shard exists");
        let offset = |&partition: &TopicPartition| {
            (partition, shard.committed.get(&(request.group, partition)).copied())
        };
        let offsets = request.partitions.iter().map(offset).collect();
        let response = OffsetFetchResponse { error: ErrorCode::None, offsets };
        shard.answer_when_committed(reply, Response::OffsetFetch(response.into()), deadline)
    }

    /// The high watermark moved while this broker led in `epoch`: what waited for it can be answered. A high watermark of
    /// another epoch says nothing (KAFKA-20634).
    pub fn on_high_watermark(
        &mut self,
        partition: TopicPartition,
        epoch: LeaderEpoch,
        high_watermark: Offset,
    ) -> Vec<Answer<R>> {
        let shard = self
            .shards
            .get_mut(&partition)
            .filter(|shard| shard.state == State::Active && shard.epoch == epoch);
        shard.map(|shard| shard.committed_up_to(high_watermark)).unwrap_or_default()
    }

    /// When the next pending response has waited for too long.
    pub fn next_deadline(&self) -> Instant {
        let oldest = self.shards.values().filter_map(|shard| shard.pending.front());
        oldest.map(|pending| pending.deadline).min().unwrap_or(Instant::NEVER)
    }

    /// Gives up what has waited for too long. The state stays as it is: the records are in the log.
    pub fn expire(&mut self, now: Instant) -> Vec<Answer<R>> {
        let mut expired = Vec::new();
        for shard in self.shards.values_mut() {
            // All wait equally long, so the oldest expire first.
            while shard.pending.front().is_some_and(|pending| pending.deadline <= now) {
                expired.extend(
                    shard
                        .pending
                        .pop_front()
                        .map(|pending| pending.fail(ErrorCode::RequestTimedOut)),
                );
            }
        }
        expired
    }

    fn active(&self, partition: TopicPartition) -> Result<&Shard<R>, ErrorCode> {
        match self.shards.get(&partition) {
            None => Err(ErrorCode::NotCoordinator),
            Some(shard) if shard.state == State::Loading => {
                Err(ErrorCode::CoordinatorLoadInProgress)
            }
            Some(shard) => Ok(shard),
        }
    }
}

impl<R> Shard<R> {
    fn loading(epoch: LeaderEpoch) -> Self {
        Shard {
            epoch,
            state: State::Loading,
            committed: BTreeMap::new(),
            last_written: Offset::ZERO,
            high_watermark: Offset::ZERO,
            pending: VecDeque::new(),
        }
    }

    fn apply(&mut self, record: &Record) {
        let RecordValue::OffsetCommit(commit) = record.value else {
            unreachable!("__consumer_offsets holds committed offsets")
        };
        self.committed
            .insert((commit.group, commit.partition), (commit.offset, commit.leader_epoch));
    }

    fn answer_when_committed(
        &mut self,
        reply: R,
        response: Response,
        deadline: Instant,
    ) -> Option<Answer<R>> {
        if self.high_watermark >= self.last_written {
            return Some((reply, response));
        }
        self.pending.push_back(Pending {
            required_offset: self.last_written,
            deadline,
            reply,
            response,
        });
        None
    }

    fn committed_up_to(&mut self, high_watermark: Offset) -> Vec<Answer<R>> {
        self.high_watermark = self.high_watermark.max(high_watermark);
        let ready =
            self.pending.partition_point(|pending| pending.required_offset <= self.high_watermark);
        self.pending.drain(..ready).map(|pending| (pending.reply, pending.response)).collect()
    }
}

impl<R> Pending<R> {
    fn fail(self, error: ErrorCode) -> Answer<R> {
        let response = match self.response {
            Response::OffsetCommit(mut response) => {
                response.partitions.iter_mut().for_each(|(_, answer)| *answer = refusal(error));
                Response::OffsetCommit(response)
            }
            Response::OffsetFetch(_) => {
                Response::OffsetFetch(fetch_error(fetch_refusal(error)).into())
            }
            response => unreachable!("a coordinator never defers {response:?}"),
        };
        (self.reply, response)
    }
}

fn commit_response(request: &OffsetCommitRequest, error: ErrorCode) -> OffsetCommitResponse {
    OffsetCommitResponse {
        partitions: request.offsets.iter().map(|&(partition, ..)| (partition, error)).collect(),
    }
}

fn fetch_error(error: ErrorCode) -> OffsetFetchResponse {
    OffsetFetchResponse { error, offsets: Vec::new() }
}

/// How an error of the log is told to whom commits. As `CoordinatorOperationExceptionHelper`.
fn refusal(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge => ErrorCode::UnknownServerError,
        error => error,
    }
}

/// How it is told to whom fetches: consumers before 3.9 know only one error that makes them look for the coordinator.
fn fetch_refusal(error: ErrorCode) -> ErrorCode {
    match refusal(error) {
        ErrorCode::CoordinatorNotAvailable => ErrorCode::NotCoordinator,
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{ORDERS_0, at, cluster};
    use crate::ids::TopicId;
    use crate::mutant::Mutation;

    const GROUP: GroupId = GroupId(0);
    const OFFSETS_0: TopicPartition = TopicPartition::new(TopicId::CONSUMER_OFFSETS, 0);
    const EPOCH: LeaderEpoch = LeaderEpoch(3);

    /// A coordinator and the log it appends to. Replies are numbered.
    struct Fixture {
        coordinator: GroupCoordinator<u32>,
        log: Vec<Batch>,
    }

    impl Fixture {
        fn loading() -> Self {
            Self::with(Mutation::default())
        }

        fn with(mutation: Mutation) -> Self {
            let mut coordinator = GroupCoordinator::new(cluster(1, mutation));
            assert!(coordinator.on_leader(OFFSETS_0, EPOCH), "there is something to load");
            Fixture { coordinator, log: Vec::new() }
        }

        fn active() -> Self {
            let mut fixture = Self::loading();
            fixture.load(0);
            fixture
        }

        fn load(&mut self, high_watermark: u64) {
            let end = self.end();
            self.coordinator.load(OFFSETS_0, &self.log, end, Offset(high_watermark));
        }

        fn end(&self) -> Offset {
            self.log.last().map_or(Offset::ZERO, Batch::next_offset)
        }

        /// Commits `offset` of the first partition and appends what the coordinator wants to append.
        fn commit(&mut self, offset: u64, reply: u32, now: Instant) -> Option<Answer<u32>> {
            let request = commit_request(offset);
            match self.coordinator.offset_commit(&request, 0) {
                Err(refused) => Some((reply, Response::OffsetCommit(refused.into()))),
                Ok(append) => {
                    self.log.push(append.batch.stamped(self.end(), append.leader_epoch));
                    let end = self.end();
                    self.coordinator.on_appended(&request, &append, Ok(end), reply, now)
                }
            }
        }

        fn fetch(&mut self, reply: u32) -> Option<Answer<u32>> {
            let request = OffsetFetchRequest { group: GROUP, partitions: vec![ORDERS_0] };
            self.coordinator.offset_fetch(&request, reply, at(0))
        }

        fn committed(&mut self, high_watermark: u64) -> Vec<(u32, String)> {
            told(self.coordinator.on_high_watermark(OFFSETS_0, EPOCH, Offset(high_watermark)))
        }
    }

    fn commit_request(offset: u64) -> OffsetCommitRequest {
        OffsetCommitRequest {
            group: GROUP,
            offsets: vec![(ORDERS_0, Offset(offset), Some(LeaderEpoch(1)))],
        }
    }

    /// To whom which answer went.
    fn told(answers: impl IntoIterator<Item = Answer<u32>>) -> Vec<(u32, String)> {
        let tell = |response| match response {
            Response::OffsetCommit(response) => format!("commit {}", response.partitions[0].1),
            Response::OffsetFetch(response) if response.error != ErrorCode::None => {
                format!("fetch {}", response.error)
            }
            Response::OffsetFetch(response) => match response.offsets[0].1 {
                Some((offset, _)) => format!("fetch {offset}"),
                None => "fetch nothing".to_owned(),
            },
            response => unreachable!("{response:?}"),
        };
        answers.into_iter().map(|(reply, response)| (reply, tell(response))).collect()
    }

    fn expect(answers: &[(u32, &str)]) -> Vec<(u32, String)> {
        answers.iter().map(|&(reply, answer)| (reply, answer.to_owned())).collect()
    }

    /// G1.
    #[test]
    fn a_commit_is_acknowledged_when_the_high_watermark_has_passed_it() {
        let mut fixture = Fixture::active();
        assert_eq!(told(fixture.commit(7, 1, at(0))), []);
        assert_eq!(told(fixture.commit(9, 2, at(0))), []);
        assert_eq!(fixture.committed(1), expect(&[(1, "commit NONE")]));
        assert_eq!(fixture.committed(2), expect(&[(2, "commit NONE")]));
    }

    #[test]
    fn a_fetch_waits_until_what_it_has_read_is_committed() {
        let mut fixture = Fixture::active();
        assert_eq!(told(fixture.fetch(1)), expect(&[(1, "fetch nothing")]));
        fixture.commit(7, 2, at(0));
        assert_eq!(told(fixture.fetch(3)), []);
        fixture.commit(9, 4, at(0));
        assert_eq!(fixture.committed(1), expect(&[(2, "commit NONE"), (3, "fetch 7")]));
    }

    #[test]
    fn the_last_commit_wins_even_if_it_goes_back() {
        let mut fixture = Fixture::active();
        fixture.commit(9, 1, at(0));
        fixture.commit(7, 2, at(0));
        fixture.committed(2);
        assert_eq!(told(fixture.fetch(3)), expect(&[(3, "fetch 7")]));
    }

    /// G11.
    #[test]
    fn a_new_coordinator_serves_only_when_it_has_replayed_the_log() {
        let mut fixture = Fixture::active();
        fixture.commit(7, 1, at(0));
        fixture.commit(9, 2, at(0));
        fixture.coordinator = Fixture::loading().coordinator;
        assert_eq!(
            told(fixture.commit(11, 3, at(0))),
            expect(&[(3, "commit COORDINATOR_LOAD_IN_PROGRESS")])
        );
        assert_eq!(told(fixture.fetch(4)), expect(&[(4, "fetch COORDINATOR_LOAD_IN_PROGRESS")]));
        fixture.load(2);
        assert_eq!(told(fixture.fetch(5)), expect(&[(5, "fetch 9")]));
    }

    #[test]
    fn what_was_loaded_but_is_not_committed_yet_is_not_told() {
        let mut fixture = Fixture::active();
        fixture.commit(7, 1, at(0));
        fixture.coordinator = Fixture::loading().coordinator;
        fixture.load(0);
        assert_eq!(told(fixture.fetch(2)), []);
        assert_eq!(fixture.committed(1), expect(&[(2, "fetch 7")]));
    }

    #[test]
    fn who_does_not_lead_the_partition_does_not_coordinate() {
        let mut fixture = Fixture::active();
        fixture.commit(7, 1, at(0));
        fixture.fetch(2);
        let resigned = fixture.coordinator.on_resigned(OFFSETS_0);
        assert_eq!(
            told(resigned),
            expect(&[(1, "commit NOT_COORDINATOR"), (2, "fetch NOT_COORDINATOR")])
        );
        assert_eq!(told(fixture.commit(9, 3, at(0))), expect(&[(3, "commit NOT_COORDINATOR")]));
        assert_eq!(told(fixture.fetch(4)), expect(&[(4, "fetch NOT_COORDINATOR")]));
    }

    #[test]
    fn what_waits_too_long_is_given_up_but_stays_in_the_log() {
        let mut fixture = Fixture::active();
        fixture.commit(7, 1, at(100));
        fixture.fetch(2);
        assert_eq!(fixture.coordinator.next_deadline(), at(5_100));
        assert_eq!(told(fixture.coordinator.expire(at(5_099))), []);
        let expired = told(fixture.coordinator.expire(at(5_100)));
        assert_eq!(
            expired,
            expect(&[(1, "commit COORDINATOR_NOT_AVAILABLE"), (2, "fetch NOT_COORDINATOR")])
        );
        assert_eq!(fixture.committed(1), []);
        assert_eq!(told(fixture.fetch(3)), expect(&[(3, "fetch 7")]));
    }

    /// KAFKA-20634.
    #[test]
    fn a_high_watermark_of_another_epoch_acknowledges_nothing() {
        let mut fixture = Fixture::active();
        fixture.commit(7, 1, at(0));
        assert_eq!(
            told(fixture.coordinator.on_high_watermark(OFFSETS_0, EPOCH.next(), Offset(1))),
            []
        );
        assert_eq!(fixture.committed(1), expect(&[(1, "commit NONE")]));
    }

    #[test]
    fn a_leader_that_stays_leader_has_nothing_to_load() {
        let mut fixture = Fixture::active();
        fixture.commit(7, 1, at(0));
        assert!(!fixture.coordinator.on_leader(OFFSETS_0, EPOCH.next()));
        let answers = fixture.coordinator.on_high_watermark(OFFSETS_0, EPOCH.next(), Offset(1));
        assert_eq!(told(answers), expect(&[(1, "commit NONE")]));
    }

    #[test]
    fn errors_of_the_log_are_told_as_errors_of_the_coordinator() {
        for (error, answer) in [
            (ErrorCode::NotEnoughReplicas, "commit COORDINATOR_NOT_AVAILABLE"),
            (ErrorCode::UnknownTopicOrPartition, "commit COORDINATOR_NOT_AVAILABLE"),
            (ErrorCode::NotLeaderOrFollower, "commit NOT_COORDINATOR"),
            (ErrorCode::KafkaStorageError, "commit NOT_COORDINATOR"),
            (ErrorCode::MessageTooLarge, "commit UNKNOWN_SERVER_ERROR"),
        ] {
            let mut fixture = Fixture::active();
            let request = commit_request(7);
            let append = fixture.coordinator.offset_commit(&request, 0).unwrap();
            let answered = fixture.coordinator.on_appended(&request, &append, Err(error), 1, at(0));
            assert_eq!(told(answered), expect(&[(1, answer)]));
            assert_eq!(
                told(fixture.fetch(2)),
                expect(&[(2, "fetch nothing")]),
                "nothing was applied"
            );
        }
    }

    #[test]
    fn an_empty_commit_appends_nothing() {
        let fixture = Fixture::active();
        let request = OffsetCommitRequest { group: GROUP, offsets: Vec::new() };
        assert_eq!(fixture.coordinator.offset_commit(&request, 0).unwrap_err().partitions, []);
    }

    #[cfg(feature = "mutants")]
    #[test]
    fn the_mutants_do_what_they_say() {
        let mut early = Fixture::with(Mutation::of(Mutant::CommitOffsetBeforeHighWatermark));
        early.load(0);
        assert_eq!(told(early.commit(7, 1, at(0))), expect(&[(1, "commit NONE")]));
        let mut forgetful = Fixture::with(Mutation::of(Mutant::SkipOffsetReplay));
        forgetful.log = early.log;
        forgetful.load(1);
        assert_eq!(told(forgetful.fetch(2)), expect(&[(2, "fetch nothing")]));
    }
}
