//! The producer against brokers that a test plays.

use ktrial_sim::time::Instant;

use super::ProducerSpec;
use super::workload::{Pace, Workload};
use crate::client::scripted::{Asked, ORDERS, ORDERS_0, World, at, cluster, metadata, stream};
use crate::config::{Config, ProducerConfig};
use crate::error_code::ErrorCode;
use crate::ids::{BrokerId, LeaderEpoch, Offset};
use crate::message::{
    ProducePartitionResponse, ProduceRequest, ProduceResponse, Request, Response,
};
use crate::mutant::Mutation;
use crate::note::Note;
use crate::record::RecordValue;

/// One partition; `records` records, as many outstanding as the producer lets; each a batch of its own.
fn producer(records: u64, config: &[(&str, &str)]) -> World {
    mutated_producer(records, config, Mutation::default())
}

fn mutated_producer(records: u64, config: &[(&str, &str)], mutation: Mutation) -> World {
    let defaults = [("batch.size", "0"), ("linger.ms", "0")];
    let unless_given =
        defaults.iter().filter(|(key, _)| config.iter().all(|(given, _)| given != key));
    let (config, _) = ProducerConfig::from_pairs(unless_given.chain(config).copied()).unwrap();
    World::of_producer(ProducerSpec {
        cluster: cluster(1, mutation),
        config,
        workload: Workload {
            topics: vec![ORDERS],
            records,
            pace: Pace::Outstanding(100),
            keys: 0,
            record_size_bytes: 100,
            stop_at: Instant::NEVER,
        },
        stream: stream(),
    })
}

/// Answers metadata requests: broker 1 leads in epoch 1.
fn leader_1(asked: &Asked) -> Option<Response> {
    matches!(asked.request, Request::Metadata)
        .then(|| metadata(&cluster(1, Mutation::default()), BrokerId(1), 1))
}

fn produce(asked: &Asked) -> Option<&ProduceRequest> {
    if let Request::Produce(request) = &asked.request { Some(request) } else { None }
}

/// Numbers of the records in a request for the one partition.
fn records(request: &ProduceRequest) -> Vec<u32> {
    let values = request.batches[0].1.records.iter().map(|record| record.value);
    values
        .map(|value| if let RecordValue::Data(id) = value { id.number() } else { unreachable!() })
        .collect()
}

fn produced(error: ErrorCode, base_offset: Option<u64>) -> Response {
    let answer = ProducePartitionResponse {
        partition: ORDERS_0,
        error,
        base_offset: base_offset.map(Offset),
        current_leader: None,
    };
    Response::Produce(ProduceResponse { partitions: vec![answer] })
}

/// What the application was told, in order.
fn outcomes(world: &World) -> Vec<(u32, String)> {
    let outcome = |note: &Note| match note {
        Note::SendOk { record, offset } => {
            Some((record.number(), format!("ok {}", offset.map_or(-1, |o| o.0 as i64))))
        }
        Note::SendFailed { record, error } => Some((record.number(), format!("failed {error}"))),
        Note::SendUnknown { record, error } => Some((record.number(), format!("unknown {error}"))),
        _ => None,
    };
    world.notes().filter_map(outcome).collect()
}

fn told(expected: &[(u32, &str)]) -> Vec<(u32, String)> {
    expected.iter().map(|&(record, outcome)| (record, outcome.to_owned())).collect()
}

#[test]
fn every_record_is_acknowledged_with_its_offset() {
    let mut world = producer(3, &[("batch.size", "16384")]);
    let mut requests = Vec::new();
    world.run(at(1_000), |asked| {
        requests.extend(produce(asked).map(records));
        leader_1(asked).or_else(|| produce(asked).map(|_| produced(ErrorCode::None, Some(40))))
    });
    assert_eq!(requests, [[0, 1, 2]], "one batch, since it waited for metadata");
    assert_eq!(outcomes(&world), told(&[(0, "ok 40"), (1, "ok 41"), (2, "ok 42")]));
}

#[test]
fn no_more_requests_are_in_flight_than_allowed() {
    let mut world = producer(10, &[("max.in.flight.requests.per.connection", "5")]);
    let mut requests = 0;
    world.run(at(1_000), |asked| {
        requests += u32::from(produce(asked).is_some());
        leader_1(asked)
    });
    assert_eq!(requests, 5);
}

/// PB3: the first batch fails while the second is appended; the retry of the first comes after it.
#[test]
fn a_retry_reorders_when_more_than_one_request_is_in_flight() {
    let mut world = producer(2, &[]);
    let mut log = Vec::new();
    let mut is_first = true;
    world.run(at(5_000), |asked| {
        leader_1(asked).or_else(|| {
            if std::mem::take(&mut is_first) {
                return Some(produced(ErrorCode::NotEnoughReplicas, None));
            }
            log.extend(records(produce(asked)?));
            Some(produced(ErrorCode::None, Some(log.len() as u64 - 1)))
        })
    });
    assert_eq!(log, [1, 0]);
    assert_eq!(outcomes(&world), told(&[(1, "ok 0"), (0, "ok 1")]));
}

#[test]
fn one_request_in_flight_keeps_the_order() {
    let mut world = producer(3, &[("max.in.flight.requests.per.connection", "1")]);
    let mut log = Vec::new();
    let mut attempts = 0;
    world.run(at(5_000), |asked| {
        leader_1(asked).or_else(|| {
            let records = records(produce(asked)?);
            attempts += 1;
            if attempts % 2 == 1 {
                return Some(produced(ErrorCode::NotEnoughReplicas, None));
            }
            log.extend(records);
            Some(produced(ErrorCode::None, Some(log.len() as u64 - 1)))
        })
    });
    assert_eq!(log, [0, 1, 2]);
}

/// PB3: a lost connection fails its requests oldest first, and each goes back to the head.
#[test]
fn a_lost_connection_brings_its_batches_back_reversed() {
    let mut world = producer(2, &[]);
    let mut in_flight = Vec::new();
    world.run(at(100), |asked| {
        in_flight.extend(produce(asked).map(|_| asked.clone()));
        leader_1(asked)
    });
    assert_eq!(in_flight.len(), 2);
    world.close(&in_flight[0]);
    let mut log = Vec::new();
    world.run(at(5_000), |asked| {
        log.extend(produce(asked).map(records).unwrap_or_default());
        leader_1(asked).or_else(|| produce(asked).map(|_| produced(ErrorCode::None, Some(7))))
    });
    assert_eq!(log, [1, 0]);
}

/// V17: the first attempt may have been appended, so the refusal of the second proves nothing.
#[test]
fn what_was_perhaps_appended_once_never_fails() {
    let mut world = producer(1, &[("retries", "1")]);
    let mut answers = vec![ErrorCode::NotEnoughReplicas, ErrorCode::NotEnoughReplicasAfterAppend];
    world.run(at(5_000), |asked| {
        leader_1(asked).or_else(|| produce(asked).map(|_| produced(answers.pop().unwrap(), None)))
    });
    assert_eq!(outcomes(&world), told(&[(0, "unknown NOT_ENOUGH_REPLICAS")]));
}

#[test]
fn what_was_refused_each_time_has_failed() {
    let mut world = producer(1, &[("retries", "1")]);
    let refuse =
        |asked: &Asked| produce(asked).map(|_| produced(ErrorCode::NotEnoughReplicas, None));
    world.run(at(5_000), |asked| leader_1(asked).or_else(|| refuse(asked)));
    assert_eq!(outcomes(&world), told(&[(0, "failed NOT_ENOUGH_REPLICAS")]));
}

#[test]
fn a_batch_in_flight_whose_time_is_over_is_unknown_whatever_comes_after() {
    let config = [("delivery.timeout.ms", "300"), ("request.timeout.ms", "300")];
    let mut world = producer(1, &config);
    let mut late = None;
    world.run(at(290), |asked| {
        late = late.take().or_else(|| produce(asked).map(|_| asked.clone()));
        leader_1(asked)
    });
    world.run(at(302), |_| None);
    assert_eq!(outcomes(&world), told(&[(0, "unknown REQUEST_TIMED_OUT")]));
    world.answer(&late.unwrap(), produced(ErrorCode::None, Some(3)));
    world.run(at(5_000), leader_1);
    assert_eq!(outcomes(&world).len(), 1, "the late answer changes nothing");
    assert_eq!(world.producer().unwrap().sender.outstanding(), 0);
}

#[test]
fn a_batch_that_never_left_has_failed_when_its_time_is_over() {
    let config =
        [("delivery.timeout.ms", "1000"), ("request.timeout.ms", "1000"), ("max.block.ms", "500")];
    let mut world = producer(1, &config);
    let leaderless = |asked: &Asked| {
        let Some(Response::Metadata(mut metadata)) = leader_1(asked) else { return None };
        metadata.partitions.iter_mut().for_each(|partition| partition.leader = None);
        Some(Response::Metadata(metadata))
    };
    world.run(at(5_000), leaderless);
    assert_eq!(outcomes(&world), told(&[(0, "failed REQUEST_TIMED_OUT")]));
}

#[test]
fn send_fails_when_there_is_no_metadata_within_max_block_ms() {
    let mut world = producer(1, &[("max.block.ms", "500")]);
    world.run(at(499), |_| None);
    assert_eq!(outcomes(&world), []);
    world.run(at(502), |_| None);
    assert_eq!(outcomes(&world), told(&[(0, "failed REQUEST_TIMED_OUT")]));
}

/// PB5: the connection is given up with everything on it.
#[test]
fn an_unanswered_request_is_sent_again_on_a_new_connection() {
    let mut world = producer(1, &[("request.timeout.ms", "200"), ("delivery.timeout.ms", "2000")]);
    let mut attempts = Vec::new();
    world.run(at(1_500), |asked| {
        attempts.extend(produce(asked).map(|_| asked.at.as_millis()));
        leader_1(asked)
            .or_else(|| (attempts.len() == 3).then(|| produced(ErrorCode::None, Some(0))))
    });
    assert_eq!(outcomes(&world), told(&[(0, "ok 0")]));
    assert!(
        attempts.windows(2).all(|pair| pair[1] - pair[0] >= 280),
        "time-out and backoff between {attempts:?}"
    );
}

/// PB6.
#[test]
fn with_acks_0_written_is_sent() {
    let mut world = producer(3, &[("acks", "0")]);
    let mut log = Vec::new();
    world.run(at(1_000), |asked| {
        log.extend(produce(asked).map(records).unwrap_or_default());
        leader_1(asked)
    });
    assert_eq!(log, [0, 1, 2]);
    assert_eq!(outcomes(&world), told(&[(0, "ok -1"), (1, "ok -1"), (2, "ok -1")]));
}

/// PB7.
#[test]
fn a_batch_that_is_too_large_is_split_and_sent_again_in_order() {
    let mut world = producer(4, &[("batch.size", "16384")]);
    let mut log = Vec::new();
    world.run(at(2_000), |asked| {
        leader_1(asked).or_else(|| {
            let records = records(produce(asked)?);
            if records.len() > 2 {
                return Some(produced(ErrorCode::MessageTooLarge, None));
            }
            let base_offset = log.len() as u64;
            log.extend(records);
            Some(produced(ErrorCode::None, Some(base_offset)))
        })
    });
    assert_eq!(log, [0, 1, 2, 3]);
    assert_eq!(outcomes(&world), told(&[(0, "ok 0"), (1, "ok 1"), (2, "ok 2"), (3, "ok 3")]));
}

/// KIP-951: the refusal names the new leader, which is tried without backoff and without asking for metadata.
#[test]
fn a_new_leader_named_by_a_refusal_is_tried_at_once() {
    let mut world = producer(1, &[("retry.backoff.ms", "1000")]);
    let mut attempts = Vec::new();
    world.run(at(5_000), |asked| {
        leader_1(asked).or_else(|| {
            produce(asked)?;
            attempts.push((asked.broker.0, asked.at.as_millis()));
            let Response::Produce(mut answer) = produced(ErrorCode::NotLeaderOrFollower, None)
            else {
                unreachable!()
            };
            answer.partitions[0].current_leader = Some((BrokerId(2), LeaderEpoch(2)));
            let is_leader = asked.broker == BrokerId(2).node();
            Some(if is_leader {
                produced(ErrorCode::None, Some(0))
            } else {
                Response::Produce(answer)
            })
        })
    });
    assert_eq!(attempts.iter().map(|(broker, _)| *broker).collect::<Vec<_>>(), [1, 2]);
    assert!(attempts[1].1 - attempts[0].1 < 100, "{attempts:?}");
    assert_eq!(outcomes(&world), told(&[(0, "ok 0")]));
}

#[test]
fn a_producer_that_is_asked_to_stop_sends_what_it_has_and_ends() {
    let mut world = producer(
        1_000,
        &[("linger.ms", "60000"), ("batch.size", "1048576"), ("delivery.timeout.ms", "120000")],
    );
    world.run(at(200), leader_1);
    assert_eq!(outcomes(&world), []);
    world.shut_down();
    world.run(at(400), |asked| {
        leader_1(asked).or_else(|| produce(asked).map(|_| produced(ErrorCode::None, Some(0))))
    });
    assert_eq!(outcomes(&world).len(), 100);
    assert!(world.producer().is_none(), "the process has ended");
}

#[test]
fn a_full_buffer_blocks_the_application() {
    let mut world = producer(10, &[("buffer.memory", "322"), ("max.block.ms", "60000")]);
    world.run(at(1_000), leader_1);
    let invoked = world.notes().filter(|note| matches!(note, Note::SendInvoked { .. })).count();
    assert_eq!(invoked, 3, "two batches of 161 bytes fit, the third call blocks");
}

#[cfg(feature = "mutants")]
#[test]
fn the_mutant_takes_a_time_out_for_a_failure() {
    let mutation = Mutation::of(crate::mutant::Mutant::ClassifyTimeoutAsFailed);
    let config = [("delivery.timeout.ms", "300"), ("request.timeout.ms", "300")];
    let mut world = mutated_producer(1, &config, mutation);
    world.run(at(1_000), leader_1);
    assert_eq!(outcomes(&world), told(&[(0, "failed REQUEST_TIMED_OUT")]));
}
