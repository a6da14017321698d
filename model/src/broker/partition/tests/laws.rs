//! Laws of a partition: of any leader's high watermark and ISR, and of any two logs that are to become one.

use proptest::prelude::*;

use super::super::*;
use super::{B2, B3, Fixture, LAG_MS, LEADER, epoch_of, fetch_at, follower_with};
use crate::log::FetchIsolation;
use crate::message::{AlterPartitionWish, FetchPartition, FetchPartitionResponse, Fetcher};
use crate::record::Batch;

/// One step of a leader's life.
#[derive(Clone, Debug)]
enum Step {
    Produce(u64),
    Fetch(BrokerId, u64),
    Pass(u64),
    Shrink,
    Answer(Option<ErrorCode>),
    SetState(BrokerId, BrokerState),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let follower = || prop_oneof![Just(B2), Just(B3)];
    let state = prop_oneof![
        3 => Just(BrokerState::Active),
        1 => Just(BrokerState::Fenced),
        1 => Just(BrokerState::InControlledShutdown),
    ];
    let refusal = prop_oneof![Just(ErrorCode::IneligibleReplica), Just(ErrorCode::NotController)];
    let step = prop_oneof![
        4 => (1u64..3).prop_map(Step::Produce),
        6 => (follower(), 0u64..4).prop_map(|(broker, behind)| Step::Fetch(broker, behind)),
        2 => (0u64..LAG_MS).prop_map(Step::Pass),
        1 => Just(Step::Shrink),
        2 => prop::option::weighted(0.3, refusal).prop_map(Step::Answer),
        1 => (follower(), state).prop_map(|(broker, state)| Step::SetState(broker, state)),
    ];
    prop::collection::vec(step, 0..60)
}

/// Takes one step; returns the wish that is to be sent now.
fn take(
    fixture: &mut Fixture,
    step: &Step,
    sent: Option<AlterPartitionWish>,
) -> Option<AlterPartitionWish> {
    match *step {
        Step::Produce(count) => {
            fixture.produce(count);
            sent
        }
        Step::Fetch(broker, behind) => {
            let offset = fixture.partition.log().log_end_offset().0.saturating_sub(behind);
            fixture.fetch(broker, offset).progress.isr_change.map(|wish| *wish).or(sent)
        }
        Step::Pass(millis) => {
            fixture.host.pass(millis);
            sent
        }
        Step::Shrink => fixture.shrink().or(sent),
        Step::Answer(refusal) => {
            let wish = sent?;
            match refusal {
                Some(error) => fixture.answer(&wish, Err(error)).retry,
                None => fixture.accept(&wish).retry,
            }
        }
        Step::SetState(broker, state) => {
            fixture.brokers.set(broker, state);
            sent
        }
    }
}

proptest! {
    /// W7, W14, E3: the high watermark never falls; when it rises, everybody in the maximal ISR has everything below it
    /// and the ISR is large enough; a wish is out exactly while a change is pending; the leader is always in.
    #[test]
    fn the_high_watermark_is_justified_when_it_rises(steps in steps()) {
        let mut fixture = Fixture::leading(&[LEADER, B2, B3]);
        let mut sent = None;
        for step in &steps {
            let before = fixture.high_watermark();
            sent = take(&mut fixture, step, sent);
            prop_assert!(fixture.high_watermark() >= before);
            prop_assert_eq!(sent.is_some(), fixture.partition.in_sync_replicas().is_change_pending());
            prop_assert!(fixture.isr().contains(&LEADER));
            if fixture.high_watermark() > before {
                prop_assert!(fixture.isr().len() >= 2);
                for broker in fixture.maximal_isr().into_iter().filter(|&broker| broker != LEADER) {
                    let follower = fixture.partition.follower(broker).unwrap();
                    prop_assert!(follower.log_end_offset() >= Some(Offset(fixture.high_watermark())));
                }
            }
        }
    }

    /// KIP-101, KIP-279, KIP-595: from any two logs that share a beginning, fetching and truncating makes the follower's
    /// log the leader's, and nothing that both have is cut.
    #[test]
    fn a_diverged_follower_becomes_the_leaders_copy(
        shared in prop::collection::vec(0u32..2, 0..6),
        leaders in prop::collection::vec(0u32..3, 0..6),
        followers in prop::collection::vec(0u32..3, 0..6),
    ) {
        // Epochs ascend; after the shared part the leader's are even and the follower's odd, for an epoch has one leader.
        let ascend = |from: u32, steps: &[u32], stride: u32| -> Vec<u32> {
            steps.iter().scan(from, |epoch, step| { *epoch += step * stride; Some(*epoch) }).collect()
        };
        let shared_epochs = ascend(0, &shared, 2);
        let last = shared_epochs.last().copied().unwrap_or(0);
        let with_tail = |tail: Vec<u32>| [shared_epochs.clone(), tail].concat();
        let mut leader = follower_with(&with_tail(ascend(last + 2, &leaders, 2)));
        let mut follower = follower_with(&with_tail(ascend(last + 3, &followers, 2)));
        leader.lead(200, 200, &[LEADER]);

        for _ in 0..40 {
            let (offset, last_fetched_epoch) = follower.partition.fetch_position();
            let fetch = FetchPartition { last_fetched_epoch, ..fetch_at(offset.0, None) };
            match leader.try_fetch(fetch, Fetcher::Replica(B2, epoch_of(B2))).map(|read| read.response) {
                Ok(FetchPartitionResponse { diverging_epoch: Some(end), .. }) => {
                    follower.partition.truncate_to_divergence(end, &mut follower.host).unwrap();
                    prop_assert!(follower.partition.log().log_end_offset().0 >= shared.len() as u64);
                }
                Ok(response) => {
                    follower.partition.append_records_to_follower(response.batches, Offset(0), &mut follower.host).unwrap();
                }
                // The follower's log is longer and the leader knows none of its epochs (F15).
                Err(ErrorCode::OffsetOutOfRange) => {
                    let end = leader.partition.log().log_end_offset();
                    follower.partition.truncate_to(end, &mut follower.host).unwrap();
                }
                Err(error) => panic!("{error}"),
            }
        }
        prop_assert_eq!(epochs_of(&mut follower), epochs_of(&mut leader));
    }
}

/// The epoch of every record of a log.
fn epochs_of(fixture: &mut Fixture) -> Vec<u32> {
    let Fixture { partition, host, .. } = fixture;
    let all =
        partition.log().read(Offset(0), u32::MAX, true, FetchIsolation::LogEnd, host).unwrap();
    all.iter().map(|batch: &Batch| batch.leader_epoch.0).collect()
}
