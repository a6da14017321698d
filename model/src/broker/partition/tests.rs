//! One broker's partition, driven by hand: requests in, decisions out, on a real disk.

mod laws;
#[cfg(feature = "mutants")]
mod mutants;

use std::collections::BTreeMap;

use ktrial_sim::time::Duration;

use super::*;
use crate::log::LogToken;
use crate::log::test_host::{PARTITION, TestHost, batch, config, open};
use crate::message::{
    AlterPartitionWish, EpochEndOffset, FetchPartition, Fetcher, ListOffsetsTarget, RequiredAcks,
};

const LEADER: BrokerId = BrokerId(1);
const B2: BrokerId = BrokerId(2);
const B3: BrokerId = BrokerId(3);
const LAG_MS: u64 = 1_000;

/// A metadata cache in which every broker is alive, in its incarnation 10 times its id, until it is said otherwise.
struct Brokers(BTreeMap<BrokerId, (BrokerEpoch, BrokerState)>);

impl Brokers {
    fn all_active() -> Self {
        Brokers(
            [LEADER, B2, B3].map(|broker| (broker, (epoch_of(broker), BrokerState::Active))).into(),
        )
    }

    fn set(&mut self, broker: BrokerId, state: BrokerState) {
        self.0.insert(broker, (epoch_of(broker), state));
    }
}

impl BrokerRegistrations for Brokers {
    fn registration(&self, broker: BrokerId) -> Option<(BrokerEpoch, BrokerState)> {
        self.0.get(&broker).copied()
    }
}

fn epoch_of(broker: BrokerId) -> BrokerEpoch {
    BrokerEpoch(u64::from(broker.0) * 10)
}

/// One broker's view of the partition, with its process.
struct Fixture {
    partition: Partition,
    brokers: Brokers,
    host: TestHost,
}

impl Fixture {
    /// Broker 1 of three, `min.insync.replicas` 2, without a role.
    fn new() -> Self {
        Fixture::with(config())
    }

    fn with(log: LogConfig) -> Self {
        let mut host = TestHost::new(5);
        let config = PartitionConfig {
            min_insync_replicas: 2,
            replica_lag_time_max: Duration::from_millis(LAG_MS),
            mutation: Mutation::default(),
        };
        let log = open(log, &mut host);
        Fixture {
            partition: Partition::new(LEADER, config, log),
            brokers: Brokers::all_active(),
            host,
        }
    }

    /// As leader of epoch 1 with this ISR.
    fn leading(isr: &[BrokerId]) -> Self {
        let mut fixture = Fixture::new();
        fixture.lead(1, 1, isr);
        fixture
    }

    fn lead(
        &mut self,
        leader_epoch: u32,
        partition_epoch: u32,
        isr: &[BrokerId],
    ) -> Option<BecameLeader> {
        let state = state(LEADER, leader_epoch, partition_epoch, isr);
        self.partition.make_leader(&state, &self.brokers, &mut self.host).unwrap()
    }

    fn follow(&mut self, leader_epoch: u32, partition_epoch: u32) -> Option<BecameFollower> {
        let state = state(B2, leader_epoch, partition_epoch, &[B2]);
        self.partition.make_follower(&state, &mut self.host)
    }

    fn produce(&mut self, count: u64) -> LeaderAppend {
        self.try_produce(count, RequiredAcks::One).unwrap()
    }

    fn try_produce(&mut self, count: u64, acks: RequiredAcks) -> Result<LeaderAppend, ErrorCode> {
        self.partition.append_records_to_leader(&batch(count), acks, &self.brokers, &mut self.host)
    }

    fn try_fetch(&mut self, fetch: FetchPartition, fetcher: Fetcher) -> Result<LogRead, ErrorCode> {
        let params =
            FetchParams { fetcher, max_bytes: u32::MAX, is_one_wanted: true, is_progress: true };
        self.partition.fetch_records(&fetch, params, &self.brokers, &mut self.host)
    }

    /// A follower fetches at `offset`, with everything else as it should be.
    fn fetch(&mut self, broker: BrokerId, offset: u64) -> LogRead {
        let fetch = fetch_at(offset, self.partition.leader_epoch());
        self.try_fetch(fetch, Fetcher::Replica(broker, epoch_of(broker))).unwrap()
    }

    fn shrink(&mut self) -> Option<AlterPartitionWish> {
        self.partition.maybe_shrink_isr(&self.brokers, &mut self.host)
    }

    fn answer(
        &mut self,
        wish: &AlterPartitionWish,
        answer: Result<&PartitionState, ErrorCode>,
    ) -> AlterPartitionOutcome {
        self.partition.alter_partition_completed(wish, answer, &self.brokers, &mut self.host)
    }

    fn accept(&mut self, wish: &AlterPartitionWish) -> AlterPartitionOutcome {
        let isr: Vec<BrokerId> = wished(wish);
        let state = state(LEADER, wish.leader_epoch.0, wish.partition_epoch.0 + 1, &isr);
        self.answer(wish, Ok(&state))
    }

    fn high_watermark(&self) -> u64 {
        self.partition.log().high_watermark().0
    }

    fn isr(&self) -> &[BrokerId] {
        self.partition.in_sync_replicas().committed()
    }

    fn maximal_isr(&self) -> Vec<BrokerId> {
        self.partition.in_sync_replicas().maximal().collect()
    }
}

fn state(
    leader: BrokerId,
    leader_epoch: u32,
    partition_epoch: u32,
    isr: &[BrokerId],
) -> PartitionState {
    PartitionState {
        replicas: vec![LEADER, B2, B3],
        isr: isr.to_vec(),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader: Some(leader),
        leader_epoch: LeaderEpoch(leader_epoch),
        partition_epoch: PartitionEpoch(partition_epoch),
        recovering: false,
    }
}

fn fetch_at(offset: u64, current_leader_epoch: Option<LeaderEpoch>) -> FetchPartition {
    FetchPartition {
        partition: PARTITION,
        fetch_offset: Offset(offset),
        current_leader_epoch,
        last_fetched_epoch: None,
        log_start_offset: Offset::ZERO,
        max_bytes: u32::MAX,
    }
}

fn wished(wish: &AlterPartitionWish) -> Vec<BrokerId> {
    wish.new_isr.iter().map(|&(broker, _)| broker).collect()
}

#[test]
fn before_the_first_metadata_the_partition_is_unknown() {
    let mut fixture = Fixture::new();
    let unknown = ErrorCode::UnknownTopicOrPartition;
    assert_eq!(fixture.try_produce(1, RequiredAcks::One), Err(unknown));
    assert_eq!(fixture.try_fetch(fetch_at(0, None), Fetcher::Consumer).map(drop), Err(unknown));
}

#[test]
fn a_new_leader_begins_its_epoch_at_its_log_end_and_keeps_its_high_watermark() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    fixture.produce(3);
    fixture.follow(2, 2);
    let became = fixture.lead(3, 3, &[LEADER, B2]).unwrap();
    assert_eq!(
        became,
        BecameLeader { is_new_leader: true, is_new_epoch: true, high_watermark_advanced: false }
    );
    assert_eq!(fixture.partition.log().latest_epoch(), Some(LeaderEpoch(3)));
    assert_eq!(
        (fixture.partition.log().log_end_offset(), fixture.high_watermark()),
        (Offset(3), 0)
    );
}

#[test]
fn an_older_state_changes_nothing() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    fixture.lead(1, 5, &[LEADER]);
    assert_eq!(fixture.lead(1, 4, &[LEADER, B2]), None);
    assert_eq!(fixture.follow(2, 4), None);
    assert_eq!(fixture.isr(), [LEADER]);
    assert!(fixture.partition.is_leader());
}

#[test]
fn the_same_epoch_with_another_isr_keeps_what_is_known_of_followers() {
    let mut fixture = Fixture::leading(&[LEADER, B2, B3]);
    fixture.produce(2);
    fixture.fetch(B2, 2);
    let became = fixture.lead(1, 2, &[LEADER, B2]).unwrap();
    assert!(!became.is_new_epoch && !became.is_new_leader);
    assert!(became.high_watermark_advanced, "B3 need not be waited for: it never fetched");
    assert_eq!(fixture.partition.followers()[0].log_end_offset(), Some(Offset(2)));
}

#[test]
fn a_deposed_leader_forgets_its_leadership() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    fixture.produce(1);
    let became = fixture.follow(2, 2).unwrap();
    assert_eq!(became, BecameFollower { was_leader: true, is_new_epoch: true });
    assert_eq!(fixture.try_produce(1, RequiredAcks::One), Err(ErrorCode::NotLeaderOrFollower));
    let check = fixture.partition.check_enough_replicas_reach(Offset(1));
    assert_eq!(check, Some(Err(ErrorCode::NotLeaderOrFollower)));
    assert!(fixture.isr().is_empty() && fixture.partition.followers().is_empty());
    assert_eq!(fixture.shrink(), None);
}

#[test]
fn the_high_watermark_is_what_every_in_sync_replica_has_fetched_beyond() {
    let mut fixture = Fixture::leading(&[LEADER, B2, B3]);
    fixture.produce(2);
    fixture.produce(2);
    assert!(!fixture.fetch(B2, 4).progress.high_watermark_advanced, "B3 has not fetched");
    let read = fixture.fetch(B3, 2);
    assert!(read.progress.high_watermark_advanced);
    assert_eq!(read.response.high_watermark, Offset(0), "F6: the follower learns it a round later");
    assert_eq!(fixture.high_watermark(), 2);
    fixture.fetch(B3, 4);
    assert_eq!(fixture.high_watermark(), 4);
}

#[test]
fn the_high_watermark_does_not_fall_when_a_follower_fetches_further_back() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    fixture.host.pass(LAG_MS + 1);
    fixture.produce(2);
    fixture.fetch(B2, 2);
    assert_eq!(fixture.high_watermark(), 2);
    fixture.fetch(B2, 0);
    assert_eq!(fixture.high_watermark(), 2);
}

#[test]
fn the_high_watermark_stands_still_below_min_isr() {
    let mut fixture = Fixture::leading(&[LEADER]);
    assert!(!fixture.produce(1).high_watermark_advanced);
    assert!(fixture.host.probes.contains(&Probe::HighWatermarkHeldByMinIsr));
    assert_eq!(fixture.high_watermark(), 0);
}

#[test]
fn a_caught_up_follower_out_of_the_isr_is_waited_for_unless_it_is_fenced() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    fixture.brokers.set(B3, BrokerState::InControlledShutdown);
    fixture.produce(1);
    assert_eq!(fixture.fetch(B3, 1).progress.isr_change, None, "a stopping broker does not join");
    assert!(fixture.host.probes.contains(&Probe::IneligibleFollower));
    fixture.brokers.set(B3, BrokerState::Active);
    fixture.produce(1);
    fixture.fetch(B2, 2);
    assert_eq!(fixture.high_watermark(), 1, "B3 is caught up and may join");
    fixture.brokers.set(B3, BrokerState::Fenced);
    fixture.produce(1);
    fixture.fetch(B2, 3);
    assert_eq!(fixture.high_watermark(), 3);
}

#[test]
fn a_flush_that_is_waited_for_holds_the_high_watermark_back() {
    let mut fixture = Fixture::with(LogConfig { flush_messages: 1, ..config() });
    fixture.partition.config.min_insync_replicas = 1;
    fixture.lead(1, 1, &[LEADER]);
    let append = fixture.produce(1);
    let round = append.info.flush.expect("every record is flushed");
    assert!(!append.high_watermark_advanced);
    let mut completed = Vec::new();
    for (token, result) in fixture.host.complete_flushes() {
        if let LogToken::Flush(_, round) = token {
            let Fixture { partition, brokers, host } = &mut fixture;
            completed.push(partition.flush_completed(round, result, brokers, host).unwrap());
        }
    }
    assert_eq!(
        completed,
        [FlushCompleted { has_round_ended: true, high_watermark_advanced: true }]
    );
    assert!(fixture.partition.log().has_flushed(round));
    assert_eq!(fixture.high_watermark(), 1);
}

#[test]
fn acks_all_needs_min_isr_before_the_append() {
    let mut fixture = Fixture::leading(&[LEADER]);
    assert_eq!(fixture.try_produce(1, RequiredAcks::All), Err(ErrorCode::NotEnoughReplicas));
    assert_eq!(fixture.partition.log().log_end_offset(), Offset(0), "nothing was appended");
    assert!(fixture.try_produce(1, RequiredAcks::One).is_ok());
}

#[test]
fn acks_all_is_earned_at_the_high_watermark() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    let required = fixture.try_produce(2, RequiredAcks::All).unwrap().info.next_offset;
    assert_eq!(fixture.partition.check_enough_replicas_reach(required), None);
    fixture.host.pass(LAG_MS + 1);
    fixture.fetch(B2, 2);
    assert_eq!(fixture.partition.check_enough_replicas_reach(required), Some(Ok(())));
}

#[test]
fn acks_all_fails_after_the_append_if_the_isr_has_become_too_small() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    fixture.host.pass(LAG_MS + 1);
    let required = fixture.try_produce(1, RequiredAcks::All).unwrap().info.next_offset;
    fixture.fetch(B2, 1);
    fixture.lead(1, 2, &[LEADER]);
    let check = fixture.partition.check_enough_replicas_reach(required);
    assert_eq!(check, Some(Err(ErrorCode::NotEnoughReplicasAfterAppend)));
}

#[test]
fn a_follower_joins_when_it_has_everything_committed_and_reached_the_epoch() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    fixture.produce(2);
    fixture.lead(2, 2, &[LEADER, B2]);
    assert_eq!(
        fixture.fetch(B3, 0).progress.isr_change,
        None,
        "HW is 0, but the epoch begins at 2 (KAFKA-7128)"
    );
    let wish = fixture.fetch(B3, 2).progress.isr_change.expect("it may join");
    assert_eq!(
        *wish,
        AlterPartitionWish {
            partition: PARTITION,
            leader_epoch: LeaderEpoch(2),
            partition_epoch: PartitionEpoch(2),
            new_isr: vec![(LEADER, Some(BrokerEpoch(10))), (B2, None), (B3, Some(BrokerEpoch(30)))],
            recovered: true,
        }
    );
    assert_eq!(fixture.isr(), [LEADER, B2]);
    assert_eq!(fixture.maximal_isr(), [LEADER, B2, B3]);
    assert_eq!(fixture.fetch(B3, 2).progress.isr_change, None, "one change at a time");
    fixture.accept(&wish);
    assert_eq!(fixture.isr(), [LEADER, B2, B3]);
    assert_eq!(fixture.partition.partition_epoch(), Some(PartitionEpoch(3)));
}

#[test]
fn a_follower_of_another_incarnation_does_not_join() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    let newer = Fetcher::Replica(B3, BrokerEpoch(31));
    let read = fixture.try_fetch(fetch_at(0, Some(LeaderEpoch(1))), newer).unwrap();
    assert_eq!(read.progress.isr_change, None, "this broker has not heard of that incarnation yet");
    let older = Fetcher::Replica(B3, BrokerEpoch(29));
    let refused = fixture.try_fetch(fetch_at(0, Some(LeaderEpoch(1))), older);
    assert_eq!(refused.map(drop), Err(ErrorCode::NotLeaderOrFollower));
}

#[test]
fn a_follower_about_to_join_holds_the_high_watermark_back() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    fixture.fetch(B3, 0).progress.isr_change.expect("it may join");
    fixture.host.pass(LAG_MS + 1);
    fixture.produce(1);
    fixture.fetch(B2, 1);
    assert_eq!(fixture.high_watermark(), 0);
}

#[test]
fn a_follower_that_lags_too_long_is_to_leave_and_counts_until_it_has() {
    let mut fixture = Fixture::leading(&[LEADER, B2, B3]);
    fixture.produce(1);
    fixture.host.pass(LAG_MS);
    assert_eq!(fixture.shrink(), None, "in time");
    fixture.host.pass(1);
    fixture.fetch(B2, 1);
    let wish = fixture.shrink().expect("B3 never fetched");
    assert_eq!(wished(&wish), [LEADER, B2]);
    assert_eq!(fixture.shrink(), None, "one change at a time");
    assert_eq!(fixture.maximal_isr(), [LEADER, B2, B3]);
    assert_eq!(fixture.high_watermark(), 0);
    assert!(fixture.accept(&wish).high_watermark_advanced);
    assert_eq!((fixture.isr(), fixture.high_watermark()), (&[LEADER, B2][..], 1));
}

#[test]
fn a_follower_at_the_log_end_stays_however_long_it_is_silent() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    fixture.produce(1);
    fixture.fetch(B2, 1);
    fixture.host.pass(100 * LAG_MS);
    assert_eq!(fixture.shrink(), None);
}

#[test]
fn a_refusal_that_is_certain_is_rolled_back_and_others_stay_pending() {
    let refuse = |error| {
        let mut fixture = Fixture::leading(&[LEADER, B2]);
        let wish = fixture.fetch(B3, 0).progress.isr_change.unwrap();
        let outcome = fixture.answer(&wish, Err(error));
        (outcome.retry.is_some(), fixture.partition.in_sync_replicas().is_change_pending())
    };
    assert_eq!(refuse(ErrorCode::IneligibleReplica), (false, false));
    assert_eq!(refuse(ErrorCode::InvalidUpdateVersion), (false, true));
    assert_eq!(refuse(ErrorCode::FencedLeaderEpoch), (false, true));
    assert_eq!(refuse(ErrorCode::NotController), (true, true));
}

#[test]
fn an_answer_to_a_change_that_is_not_pending_any_more_is_ignored() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    let wish = fixture.fetch(B3, 0).progress.isr_change.unwrap();
    fixture.lead(1, 2, &[LEADER, B2]);
    fixture.accept(&wish);
    assert_eq!(fixture.isr(), [LEADER, B2]);
    assert_eq!(
        fixture.answer(&wish, Err(ErrorCode::NotController)),
        AlterPartitionOutcome::default()
    );
}

#[test]
fn whoever_believes_in_another_epoch_is_told_so() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    fixture.lead(3, 2, &[LEADER, B2]);
    let mut ask = |epoch| {
        fixture.try_fetch(fetch_at(0, Some(LeaderEpoch(epoch))), Fetcher::Consumer).map(drop)
    };
    assert_eq!(ask(2), Err(ErrorCode::FencedLeaderEpoch));
    assert_eq!(ask(3), Ok(()));
    assert_eq!(ask(4), Err(ErrorCode::UnknownLeaderEpoch));
}

#[test]
fn a_broker_that_is_no_replica_may_not_fetch_as_one() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    let stranger = Fetcher::Replica(BrokerId(9), BrokerEpoch(1));
    let mut ask = |epoch| fixture.try_fetch(fetch_at(0, epoch), stranger).map(drop);
    assert_eq!(ask(Some(LeaderEpoch(1))), Err(ErrorCode::UnknownLeaderEpoch));
    assert_eq!(ask(None), Err(ErrorCode::NotLeaderOrFollower));
}

#[test]
fn a_follower_whose_log_differs_is_told_where_and_gets_no_credit() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    fixture.produce(2);
    fixture.lead(4, 2, &[LEADER, B2]);
    fixture.produce(2);
    let mut ask = |last_fetched_epoch: u32, offset| {
        let fetch = FetchPartition {
            last_fetched_epoch: Some(LeaderEpoch(last_fetched_epoch)),
            ..fetch_at(offset, Some(LeaderEpoch(4)))
        };
        fixture.try_fetch(fetch, Fetcher::Replica(B2, epoch_of(B2)))
    };
    let end = |epoch, end_offset| EpochEndOffset {
        epoch: LeaderEpoch(epoch),
        end_offset: Offset(end_offset),
    };
    assert_eq!(
        ask(3, 3).unwrap().response.diverging_epoch,
        Some(end(1, 2)),
        "the leader has no epoch 3"
    );
    assert_eq!(
        ask(1, 3).unwrap().response.diverging_epoch,
        Some(end(1, 2)),
        "epoch 1 ended before 3"
    );
    assert_eq!(
        ask(5, 3).map(drop),
        Err(ErrorCode::OffsetOutOfRange),
        "nothing is known of epoch 5"
    );
    assert!(ask(1, 2).unwrap().response.diverging_epoch.is_none());
    assert_eq!(fixture.partition.followers()[0].log_end_offset(), Some(Offset(2)));
}

#[test]
fn the_end_is_not_told_to_clients_while_it_could_go_back() {
    let mut fixture = Fixture::leading(&[LEADER, B2]);
    fixture.produce(2);
    fixture.lead(2, 2, &[LEADER, B2]);
    let ask =
        |fixture: &Fixture, target, fetcher| fixture.partition.list_offset(target, None, fetcher);
    let replica = Fetcher::Replica(B2, epoch_of(B2));
    let latest = ListOffsetsTarget::Latest;
    assert_eq!(ask(&fixture, latest, Fetcher::Consumer), Err(ErrorCode::OffsetNotAvailable));
    assert_eq!(ask(&fixture, latest, replica), Ok(Offset(2)));
    assert_eq!(ask(&fixture, ListOffsetsTarget::Earliest, Fetcher::Consumer), Ok(Offset(0)));
    fixture.host.pass(LAG_MS + 1);
    fixture.fetch(B2, 2);
    assert_eq!(ask(&fixture, latest, Fetcher::Consumer), Ok(Offset(2)));
}

#[test]
fn a_follower_takes_the_leaders_high_watermark_even_if_it_is_lower() {
    let mut fixture = Fixture::new();
    fixture.follow(1, 1);
    let batches = [batch(3).stamped(Offset(0), LeaderEpoch(1))];
    let Fixture { partition, host, .. } = &mut fixture;
    let append = partition.append_records_to_follower(batches, Offset(9), host).unwrap();
    assert!(append.high_watermark_changed);
    assert_eq!(partition.log().high_watermark(), Offset(3));
    partition.append_records_to_follower(Vec::new(), Offset(1), host).unwrap();
    assert_eq!(partition.log().high_watermark(), Offset(1));
    assert_eq!(partition.fetch_position(), (Offset(3), Some(LeaderEpoch(1))));
}

/// A follower's partition whose log holds one record of each of these epochs.
fn follower_with(epochs: &[u32]) -> Fixture {
    let mut fixture = Fixture::new();
    fixture.follow(100, 100);
    for (offset, &epoch) in epochs.iter().enumerate() {
        let batch = batch(1).stamped(Offset(offset as u64), LeaderEpoch(epoch));
        fixture
            .partition
            .append_records_to_follower(vec![batch], Offset(0), &mut fixture.host)
            .unwrap();
    }
    fixture
}

#[test]
fn a_follower_truncates_to_the_last_offset_both_logs_may_share() {
    let cut = |epochs: &[u32], epoch, end_offset| {
        let mut fixture = follower_with(epochs);
        let leader = EpochEndOffset { epoch: LeaderEpoch(epoch), end_offset: Offset(end_offset) };
        fixture.partition.truncate_to_divergence(leader, &mut fixture.host).unwrap();
        fixture.partition.log().log_end_offset().0
    };
    assert_eq!(cut(&[1, 1, 1, 2], 1, 2), 2, "the leader's epoch 1 is shorter");
    assert_eq!(cut(&[1, 1, 3, 3], 1, 3), 2, "the follower's is");
    assert_eq!(
        cut(&[1, 3, 3, 5], 4, 9),
        3,
        "the follower has no epoch 4: to the end of its epoch 3"
    );
    assert_eq!(cut(&[1, 1, 1], 2, 2), 2, "the follower knows nothing above epoch 1");
}
