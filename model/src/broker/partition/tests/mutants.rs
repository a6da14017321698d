//! The mutants of logs and partitions do what their names say: each test shows the right decision and the mutant's.

use super::super::*;
use super::{B2, B3, Fixture, LAG_MS, LEADER, fetch_at};
use crate::file::FileName;
use crate::log::log_loader::{LogCheckpoints, load};
use crate::log::test_host::{PARTITION, TestHost, batch, config, log_of};
use crate::message::{FetchPartition, Fetcher, RequiredAcks};

/// The configuration of the rule as it is, and of the mutant.
fn both(mutant: Mutant) -> [Mutation; 2] {
    [Mutation::default(), Mutation::of(mutant)]
}

/// What `decide` says of a leader with this ISR: rightly, and as the mutant.
fn as_leader<T>(mutant: Mutant, isr: &[BrokerId], decide: impl Fn(&mut Fixture) -> T) -> [T; 2] {
    both(mutant).map(|mutation| {
        let mut fixture = Fixture::with(LogConfig { mutation, ..config() });
        fixture.partition.config.mutation = mutation;
        fixture.lead(1, 1, isr);
        decide(&mut fixture)
    })
}

#[test]
fn ack_before_high_watermark() {
    let acked = as_leader(Mutant::AckBeforeHighWatermark, &[LEADER, B2], |leader| {
        let append = leader.try_produce(1, RequiredAcks::All).unwrap();
        leader.partition.check_enough_replicas_reach(append.info.next_offset)
    });
    assert_eq!(acked, [None, Some(Ok(()))]);
}

#[test]
fn high_watermark_from_log_end() {
    let advanced = as_leader(Mutant::HighWatermarkFromLogEnd, &[LEADER, B2], |leader| {
        leader.produce(1).high_watermark_advanced
    });
    assert_eq!(advanced, [false, true]);
}

#[test]
fn expand_isr_before_high_watermark() {
    let joins = as_leader(Mutant::ExpandIsrBeforeHighWatermark, &[LEADER, B2], |leader| {
        leader.host.pass(LAG_MS + 1);
        leader.produce(2);
        leader.fetch(B2, 2);
        leader.fetch(B3, 0).progress.isr_change.is_some()
    });
    assert_eq!(joins, [false, true]);
}

#[test]
fn count_fenced_follower() {
    let joins = as_leader(Mutant::CountFencedFollower, &[LEADER, B2], |leader| {
        leader.brokers.set(B3, BrokerState::Fenced);
        leader.fetch(B3, 0).progress.isr_change.is_some()
    });
    assert_eq!(joins, [false, true]);
}

#[test]
fn shrink_isr_unpersisted() {
    let counted = as_leader(Mutant::ShrinkIsrUnpersisted, &[LEADER, B2, B3], |leader| {
        leader.produce(1);
        leader.host.pass(LAG_MS + 1);
        leader.fetch(B2, 1);
        leader.shrink().expect("B3 lags");
        leader.maximal_isr().len()
    });
    assert_eq!(counted, [3, 2]);
}

#[test]
fn ignore_leader_epochs() {
    let answers = as_leader(Mutant::IgnoreLeaderEpochs, &[LEADER, B2], |leader| {
        let fetch = FetchPartition {
            last_fetched_epoch: Some(LeaderEpoch(9)),
            ..fetch_at(0, Some(LeaderEpoch(0)))
        };
        leader.try_fetch(fetch, Fetcher::Consumer).map(|read| read.response.diverging_epoch)
    });
    assert_eq!(answers, [Err(ErrorCode::FencedLeaderEpoch), Ok(None)]);
}

#[test]
fn skip_truncation() {
    let told = as_leader(Mutant::SkipTruncation, &[LEADER, B2], |fixture| {
        fixture.produce(1);
        fixture.follow(2, 2);
        fixture.partition.fetch_position().1
    });
    assert_eq!(told, [Some(LeaderEpoch(1)), None]);
}

#[test]
fn forget_the_flush() {
    let flushes = both(Mutant::ForgetTheFlush).map(|mutation| {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[], LogConfig { flush_messages: 1, mutation, ..config() }, host);
        let batch = &batch(1);
        log.append_as_leader(batch, LeaderEpoch(0), host).unwrap().flush.is_some()
    });
    assert_eq!(flushes, [true, false]);
}

#[test]
fn lose_a_checkpoint_entry() {
    let entries = both(Mutant::LoseACheckpointEntry).map(|mutation| {
        let host = &mut TestHost::new(1);
        let log = log_of(&[1], config(), host);
        let logs = LogManager::boot(mutation, host).unwrap();
        logs.checkpoint_high_watermarks([&log].into_iter(), host).unwrap();
        host.file(FileName::HighWatermarkCheckpoint).unwrap().len()
    });
    assert_eq!(entries, [1, 0]);
}

#[test]
fn skip_recovery_scan() {
    let ends = both(Mutant::SkipRecoveryScan).map(|mutation| {
        let host = &mut TestHost::new(1);
        log_of(&[1, 1, 1], config(), host);
        host.disk.corrupt(FileName::Segment(PARTITION, Offset(0)), 1);
        let checkpoints = LogCheckpoints {
            had_clean_shutdown: false,
            recovery_point: Offset(0),
            high_watermark: Offset(0),
        };
        let log = load(PARTITION, LogConfig { mutation, ..config() }, checkpoints, host).unwrap();
        log.log_end_offset().0
    });
    assert_eq!(ends, [1, 3]);
}

#[test]
fn keep_epoch_cache_on_truncate() {
    let epochs = both(Mutant::KeepEpochCacheOnTruncate).map(|mutation| {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[1], LogConfig { mutation, ..config() }, host);
        let batch = &batch(1);
        log.append_as_leader(batch, LeaderEpoch(4), host).unwrap();
        log.truncate_to(Offset(1), host).unwrap();
        log.latest_epoch()
    });
    assert_eq!(epochs, [Some(LeaderEpoch(0)), Some(LeaderEpoch(4))]);
}
