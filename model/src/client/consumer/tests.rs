//! The consumer against brokers that a test plays.

use std::sync::Arc;

use ktrial_sim::time::{Duration, Instant};

use super::application::{ManualCommit, Processing};
use super::{ConsumerRole, ConsumerSpec};
use crate::client::scripted::{Asked, ORDERS_0, World, at, cluster, metadata};
use crate::cluster::Cluster;
use crate::config::{Config, ConsumerConfig};
use crate::error_code::ErrorCode;
use crate::ids::{BrokerId, GroupId, LeaderEpoch, Offset, RecordId};
use crate::message::{
    EpochEndOffset, FetchPartitionResponse, FetchRequest, FetchResponse, ListOffsetsResponse,
    ListOffsetsTarget, OffsetCommitResponse, OffsetFetchResponse, OffsetsForLeaderEpochResponse,
    Request, Response,
};
use crate::mutant::Mutation;
use crate::note::Note;
use crate::record::{Batch, Record, RecordValue};

/// What the played brokers know and do. Broker 1 leads and coordinates; record n says n.
struct Kafka {
    cluster: Arc<Cluster>,
    leader_epoch: u32,
    log_end_offset: u64,
    committed: Option<u64>,
    commits: Vec<u64>,
    /// What the next commits are answered with, last first; afterwards they succeed.
    commit_errors: Vec<ErrorCode>,
    /// The same for fetches.
    fetch_errors: Vec<ErrorCode>,
    /// The same for lookups of an end of the log.
    list_errors: Vec<ErrorCode>,
    /// Where the epochs before the leader's end.
    epoch_end: Option<EpochEndOffset>,
    lookups: u32,
}

impl Kafka {
    fn new(log_end_offset: u64) -> Self {
        Kafka {
            cluster: cluster(1, Mutation::default()),
            leader_epoch: 1,
            log_end_offset,
            committed: None,
            commits: Vec::new(),
            commit_errors: Vec::new(),
            fetch_errors: Vec::new(),
            list_errors: Vec::new(),
            epoch_end: None,
            lookups: 0,
        }
    }

    fn serve(&mut self, asked: &Asked) -> Option<Response> {
        match &asked.request {
            Request::Metadata => Some(metadata(&self.cluster, BrokerId(1), self.leader_epoch)),
            Request::FindCoordinator(_) => {
                self.lookups += 1;
                Some(Response::FindCoordinator(ErrorCode::None, Some(BrokerId(1))))
            }
            Request::OffsetFetch(request) => {
                let committed = self.committed.map(|offset| (Offset(offset), Some(LeaderEpoch(1))));
                let offsets =
                    request.partitions.iter().map(|&partition| (partition, committed)).collect();
                Some(Response::OffsetFetch(
                    OffsetFetchResponse { error: ErrorCode::None, offsets }.into(),
                ))
            }
            Request::ListOffsets(request) => Some(self.list_offsets(request.partitions[0].1)),
            Request::OffsetsForLeaderEpoch(_) => {
                let partitions = vec![(ORDERS_0, ErrorCode::None, self.epoch_end)];
                Some(Response::OffsetsForLeaderEpoch(
                    OffsetsForLeaderEpochResponse { partitions }.into(),
                ))
            }
            Request::Fetch(request) => Some(self.fetch(request)),
            Request::OffsetCommit(request) => {
                let error = self.commit_errors.pop().unwrap_or(ErrorCode::None);
                if error == ErrorCode::None {
                    self.commits.push(request.offsets[0].1.0);
                }
                let partitions = vec![(ORDERS_0, error)];
                Some(Response::OffsetCommit(OffsetCommitResponse { partitions }.into()))
            }
            request => unreachable!("a consumer does not ask for {request:?}"),
        }
    }

    fn list_offsets(&mut self, target: ListOffsetsTarget) -> Response {
        let error = self.list_errors.pop().unwrap_or(ErrorCode::None);
        let end = match target {
            ListOffsetsTarget::Earliest => 0,
            ListOffsetsTarget::Latest => self.log_end_offset,
        };
        let offset = Some(Offset(end)).filter(|_| error == ErrorCode::None);
        Response::ListOffsets(
            ListOffsetsResponse { partitions: vec![(ORDERS_0, error, offset)] }.into(),
        )
    }

    /// Answers at once, even if there is nothing.
    fn fetch(&mut self, request: &FetchRequest) -> Response {
        let from = request.partitions[0].fetch_offset;
        let error = self.fetch_errors.pop().unwrap_or(ErrorCode::None);
        let has_records = error == ErrorCode::None && from.0 < self.log_end_offset;
        let records = (from.0..self.log_end_offset).map(|id| Record {
            key: None,
            value: RecordValue::Data(RecordId(id)),
            size_bytes: 100,
            timestamp_ms: 0,
        });
        let batch = || Batch::new(records.collect()).stamped(from, LeaderEpoch(self.leader_epoch));
        let batches = if has_records { vec![batch()] } else { Vec::new() };
        let partition = FetchPartitionResponse {
            partition: ORDERS_0,
            error,
            high_watermark: Offset(self.log_end_offset),
            log_start_offset: Offset::ZERO,
            diverging_epoch: None,
            batches,
        };
        Response::Fetch(FetchResponse { partitions: vec![partition] })
    }
}

fn config(pairs: &[(&str, &str)]) -> ConsumerConfig {
    let defaults = [
        ("group.id", "readers"),
        ("auto.offset.reset", "earliest"),
        ("enable.auto.commit", "false"),
    ];
    let unless_given =
        defaults.iter().filter(|(key, _)| pairs.iter().all(|(given, _)| given != key));
    ConsumerConfig::from_pairs(unless_given.chain(pairs).copied()).unwrap().0
}

fn consumer(commit: ManualCommit, pairs: &[(&str, &str)]) -> World {
    World::of_consumer(ConsumerSpec {
        cluster: cluster(1, Mutation::default()),
        config: config(pairs),
        role: ConsumerRole::Group {
            group: GroupId(0),
            partitions: vec![ORDERS_0],
            processing: Processing { commit, time_per_record: Duration::from_millis(10) },
        },
    })
}

fn drain(start_at: Instant) -> World {
    World::of_consumer(ConsumerSpec {
        cluster: cluster(1, Mutation::default()),
        config: config(&[]),
        role: ConsumerRole::Drain { start_at },
    })
}

/// What the application sees, as a story.
fn story(world: &World) -> Vec<String> {
    let tell = |note: &Note| match note {
        Note::PositionResolved { position, source, .. } => format!("at {position} {source:?}"),
        Note::Polled { records, .. } => {
            format!("polled {}..{}", records[0].0, records[records.len() - 1].0 + 1)
        }
        Note::Processed { offset, record, .. } => {
            assert_eq!(offset.0, record.0);
            format!("processed {offset}")
        }
        Note::CommitInvoked { offsets, .. } => format!("commits {}", offsets[0].1),
        Note::CommitEnded { error, .. } => {
            format!("commit {}", error.map_or("unknown", ErrorCode::name))
        }
        Note::FinalRead { records, .. } => {
            format!("read {}..{}", records[0].0, records[records.len() - 1].0 + 1)
        }
        Note::Drained { end, .. } => format!("drained {end}"),
        note => unreachable!("a consumer does not tell {note:?}"),
    };
    world.notes().filter(|note| !is_about_committed_offsets(note)).map(tell).collect()
}

/// The position that the reader takes afterwards says the same.
fn is_about_committed_offsets(note: &Note) -> bool {
    matches!(note, Note::CommittedInvoked { .. } | Note::CommittedFetched { .. })
}

#[test]
fn it_tells_what_its_group_had_committed() {
    let (mut world, mut kafka) = (consumer(ManualCommit::AfterProcessing, &[]), Kafka::new(5));
    kafka.committed = Some(3);
    world.run(at(1_000), |asked| kafka.serve(asked));
    let told: Vec<&Note> = world.notes().filter(|note| is_about_committed_offsets(note)).collect();
    let [Note::CommittedInvoked { .. }, Note::CommittedFetched { offsets, .. }] = told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(offsets[0].1, Some(Offset(3)));
}

#[test]
fn without_a_committed_offset_it_starts_at_the_beginning_and_commits_what_it_has_processed() {
    let (mut world, mut kafka) = (consumer(ManualCommit::AfterProcessing, &[]), Kafka::new(2));
    world.run(at(1_000), |asked| kafka.serve(asked));
    let expected = [
        "at 0 ResetEarliest",
        "polled 0..2",
        "processed 0",
        "processed 1",
        "commits 2",
        "commit NONE",
    ];
    assert_eq!(story(&world), expected);
    assert_eq!(kafka.commits, [2]);
}

#[test]
fn it_resumes_from_the_committed_offset() {
    let (mut world, mut kafka) = (consumer(ManualCommit::AfterProcessing, &[]), Kafka::new(5));
    kafka.committed = Some(3);
    kafka.epoch_end = Some(EpochEndOffset { epoch: LeaderEpoch(1), end_offset: Offset(5) });
    world.run(at(1_000), |asked| kafka.serve(asked));
    assert_eq!(story(&world)[..2], ["at 3 Committed", "polled 3..5"]);
}

#[test]
fn with_latest_it_starts_at_the_end_and_skips_what_was_there() {
    let config = [("auto.offset.reset", "latest")];
    let (mut world, mut kafka) = (consumer(ManualCommit::AfterProcessing, &config), Kafka::new(5));
    world.run(at(1_000), |asked| kafka.serve(asked));
    assert_eq!(story(&world), ["at 5 ResetLatest"]);
}

#[test]
fn committing_before_processing_acknowledges_what_nobody_has_worked_on() {
    let (mut world, mut kafka) = (consumer(ManualCommit::BeforeProcessing, &[]), Kafka::new(2));
    world.run(at(1_000), |asked| kafka.serve(asked));
    let expected = [
        "at 0 ResetEarliest",
        "polled 0..2",
        "commits 2",
        "commit NONE",
        "processed 0",
        "processed 1",
    ];
    assert_eq!(story(&world), expected);
}

/// C2.
#[test]
fn an_automatic_commit_covers_what_earlier_polls_returned() {
    let config = [
        ("enable.auto.commit", "true"),
        ("auto.commit.interval.ms", "50"),
        ("max.poll.records", "8"),
    ];
    let (mut world, mut kafka) = (consumer(ManualCommit::Never, &config), Kafka::new(16));
    world.run(at(150), |asked| kafka.serve(asked));
    let story = story(&world);
    let commit =
        story.iter().position(|line| line == "commits 8").expect("the first poll is committed");
    assert_eq!(story[commit - 1], "processed 7", "all of it was processed");
    assert_eq!(story[commit + 1], "polled 8..16", "by the poll that returned the next records");
    assert!(
        !story.contains(&"commits 16".to_owned()),
        "the second poll's records are not committed yet: {story:?}"
    );
}

#[test]
fn a_poll_returns_no_more_than_max_poll_records() {
    let config = [("max.poll.records", "2")];
    let (mut world, mut kafka) = (consumer(ManualCommit::Never, &config), Kafka::new(5));
    world.run(at(1_000), |asked| kafka.serve(asked));
    let polls: Vec<_> =
        story(&world).into_iter().filter(|line| line.starts_with("polled")).collect();
    assert_eq!(polls, ["polled 0..2", "polled 2..4", "polled 4..5"]);
}

/// H6: KIP-207.
#[test]
fn an_end_that_is_not_available_yet_is_asked_for_again() {
    let config = [("auto.offset.reset", "latest")];
    let (mut world, mut kafka) = (consumer(ManualCommit::Never, &config), Kafka::new(5));
    kafka.list_errors = vec![ErrorCode::OffsetNotAvailable, ErrorCode::NotLeaderOrFollower];
    world.run(at(2_000), |asked| kafka.serve(asked));
    assert_eq!(story(&world), ["at 5 ResetLatest"]);
    assert_eq!(kafka.list_errors, []);
}

/// CF4.
#[test]
fn a_position_out_of_range_goes_where_the_policy_says() {
    let config = [("auto.offset.reset", "latest")];
    let (mut world, mut kafka) = (consumer(ManualCommit::Never, &config), Kafka::new(5));
    kafka.committed = Some(9);
    kafka.epoch_end = Some(EpochEndOffset { epoch: LeaderEpoch(1), end_offset: Offset(9) });
    kafka.fetch_errors = vec![ErrorCode::OffsetOutOfRange];
    world.run(at(1_000), |asked| kafka.serve(asked));
    assert_eq!(story(&world), ["at 9 Committed", "at 5 ResetLatest"]);
}

#[test]
fn without_a_policy_it_ends() {
    let config = [("auto.offset.reset", "none")];
    let (mut world, mut kafka) = (consumer(ManualCommit::Never, &config), Kafka::new(5));
    world.run(at(1_000), |asked| kafka.serve(asked));
    assert!(world.consumer().is_none());
}

/// CF5: KIP-320.
#[test]
fn a_log_that_was_truncated_below_the_position_takes_the_position_back() {
    let (mut world, mut kafka) = (consumer(ManualCommit::Never, &[]), Kafka::new(5));
    world.run(at(500), |asked| kafka.serve(asked));
    kafka.leader_epoch = 2;
    kafka.log_end_offset = 7;
    kafka.epoch_end = Some(EpochEndOffset { epoch: LeaderEpoch(1), end_offset: Offset(3) });
    kafka.fetch_errors = vec![ErrorCode::FencedLeaderEpoch];
    world.run(at(1_000), |asked| kafka.serve(asked));
    let story: Vec<_> =
        story(&world).into_iter().filter(|line| !line.starts_with("processed")).collect();
    assert_eq!(story, ["at 0 ResetEarliest", "polled 0..5", "at 3 Truncation", "polled 3..7"]);
}

#[test]
fn a_fetch_that_is_refused_is_sent_again_without_haste() {
    let (mut world, mut kafka) = (consumer(ManualCommit::Never, &[]), Kafka::new(1));
    kafka.fetch_errors = vec![ErrorCode::NotLeaderOrFollower; 3];
    let mut fetched_at = Vec::new();
    world.run(at(3_000), |asked| {
        let is_fetch = matches!(asked.request, Request::Fetch(_));
        fetched_at.extend(is_fetch.then(|| asked.at.as_millis()));
        kafka.serve(asked)
    });
    assert_eq!(story(&world)[1], "polled 0..1");
    assert!(
        fetched_at[1..4].iter().zip(&fetched_at).all(|(next, before)| next - before >= 80),
        "{fetched_at:?}"
    );
}

/// C4, C5.
#[test]
fn a_commit_that_the_coordinator_refuses_goes_to_the_next_coordinator() {
    let (mut world, mut kafka) = (consumer(ManualCommit::AfterProcessing, &[]), Kafka::new(1));
    kafka.commit_errors = vec![ErrorCode::CoordinatorLoadInProgress, ErrorCode::NotCoordinator];
    world.run(at(2_000), |asked| kafka.serve(asked));
    assert_eq!(story(&world)[3..], ["commits 1", "commit NONE"]);
    assert_eq!(kafka.lookups, 2, "only NOT_COORDINATOR makes it look for the coordinator");
}

#[test]
fn a_commit_that_was_perhaps_applied_ends_unknown_when_its_time_is_over() {
    let config = [("default.api.timeout.ms", "1000")];
    let (mut world, mut kafka) = (consumer(ManualCommit::AfterProcessing, &config), Kafka::new(1));
    kafka.commit_errors = vec![ErrorCode::CoordinatorLoadInProgress; 20];
    kafka.commit_errors.push(ErrorCode::CoordinatorNotAvailable);
    world.run(at(2_000), |asked| kafka.serve(asked));
    assert_eq!(story(&world)[3..], ["commits 1", "commit unknown"]);
}

#[test]
fn a_commit_that_was_certainly_not_applied_ends_with_its_error() {
    let config = [("default.api.timeout.ms", "1000")];
    let (mut world, mut kafka) = (consumer(ManualCommit::AfterProcessing, &config), Kafka::new(1));
    kafka.commit_errors = vec![ErrorCode::CoordinatorLoadInProgress; 20];
    world.run(at(2_000), |asked| kafka.serve(asked));
    assert_eq!(story(&world)[3..], ["commits 1", "commit COORDINATOR_LOAD_IN_PROGRESS"]);
}

#[test]
fn closing_commits_the_positions_if_commits_are_automatic() {
    let config = [("enable.auto.commit", "true")];
    let (mut world, mut kafka) = (consumer(ManualCommit::Never, &config), Kafka::new(2));
    world.run(at(1_000), |asked| kafka.serve(asked));
    world.shut_down();
    world.run(at(1_100), |asked| kafka.serve(asked));
    assert_eq!(kafka.commits, [2]);
    assert!(world.consumer().is_none(), "the process has ended");
}

#[test]
fn the_final_read_goes_from_the_beginning_to_the_end_and_no_further() {
    let (mut world, mut kafka) = (drain(at(200)), Kafka::new(5));
    world.run(at(199), |_| unreachable!("it has not started"));
    world.run(at(1_000), |asked| {
        let response = kafka.serve(asked);
        if matches!(asked.request, Request::ListOffsets(_)) {
            kafka.log_end_offset = 8;
        }
        response
    });
    assert_eq!(story(&world), ["read 0..8", "drained 5"]);
    assert!(world.consumer().unwrap().is_done());
}

#[test]
fn the_final_read_of_an_empty_log_is_over_at_once() {
    let (mut world, mut kafka) = (drain(Instant::START), Kafka::new(0));
    world.run(at(1_000), |asked| kafka.serve(asked));
    assert_eq!(story(&world), ["drained 0"]);
}
