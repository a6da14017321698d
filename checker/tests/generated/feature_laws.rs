//! What is drawn for a history happens in it, and each thing happens alone in some.

use super::SMALL;
use super::generator::{Feature, Features, valid_with};
use super::random::Random;
use super::step::{Records, Step, groups};
use ktrial_checker::history::{LogBound, PositionedBy, RebalanceKind};
use std::collections::{BTreeMap, BTreeSet};

/// Whether the steps show that the feature is at work.
fn shows(feature: Feature, steps: &[Step]) -> bool {
    let any = |is: fn(&Step) -> bool| steps.iter().any(is);
    let rebalanced = |of: RebalanceKind| {
        steps.iter().any(|step| matches!(step, Step::Rebalance { kind, .. } if *kind == of))
    };
    match feature {
        Feature::ControlRecords => has_gaps(steps, false),
        Feature::Retention => steps.iter().any(|step| {
            matches!(*step, Step::Position { offset, by: PositionedBy::ResetEarliest, .. } if offset > 0)
        }),
        Feature::Compaction => has_gaps(steps, true),
        Feature::Strays => has_arrived_late(steps),
        Feature::Elections => {
            steps.iter().any(|step| matches!(step, Step::Told { told, .. } if told.epoch > 0))
        }
        Feature::EagerRebalances => rebalanced(RebalanceKind::Revoked),
        Feature::CooperativeRebalances => {
            rebalanced(RebalanceKind::Revoked) && any(|step| matches!(step, Step::Join { .. }))
        }
        Feature::Sleepers => has_two_owners(steps),
        Feature::Deaths => has_open_commits(steps),
        Feature::Rewinds => has_member_that_seeks(steps),
        Feature::SilentProcessing => !any(|step| matches!(step, Step::Processed { .. })),
        Feature::Clocks => any(|step| matches!(step, Step::Clocks { .. })),
        Feature::SilentBystander => has_silent_group(steps),
    }
}

/// Whether a log at rest lacks offsets that were never acknowledged, or some that were.
fn has_gaps(steps: &[Step], acknowledged: bool) -> bool {
    let acked = |offset: i64| {
        steps
            .iter()
            .any(|step| matches!(*step, Step::Ack { offset: Some(acked), .. } if acked == offset))
    };
    let dumped = steps.iter().filter_map(|step| match step {
        Step::Dump { records, .. } => Some(records),
        _ => None,
    });
    let gaps = |records: &Records| {
        let offsets: BTreeSet<i64> = records.iter().map(|record| record.0).collect();
        let all = 0..records.last().map_or(0, |record| record.0);
        all.into_iter().any(|offset| !offsets.contains(&offset) && acked(offset) == acknowledged)
    };
    dumped.into_iter().any(gaps)
}

/// Whether a record lies where its log ended when its producer had given up on it already, or beyond.
fn has_arrived_late(steps: &[Step]) -> bool {
    let (mut given_up, mut asked) = (BTreeSet::new(), BTreeMap::new());
    let mut ends: BTreeMap<u64, i64> = BTreeMap::new();
    steps.iter().any(|step| {
        match *step {
            Step::GiveUp { value } => _ = given_up.insert(value),
            Step::AskBound { of: LogBound::Latest, key, id, .. } => {
                let is_of_key = |value: &&u64| steps.iter().any(|step| matches!(*step, Step::Send { value: sent, key: of, .. } if (sent, of) == (**value, key)));
                let lost: Vec<u64> = given_up.iter().filter(is_of_key).copied().collect();
                asked.insert(id, lost);
            }
            Step::AnswerBound { id, offset, .. } => {
                let lost = asked.remove(&id).unwrap_or_default();
                lost.into_iter().for_each(|value| _ = ends.entry(value).or_insert(offset));
            }
            _ => {}
        }
        let is_late = |(offset, value): &(i64, u64)| ends.get(value).is_some_and(|end| offset >= end);
        matches!(step, Step::Poll { records, .. } if records.iter().any(is_late))
    })
}

/// Whether one group tells what it processes, and another polls and does not.
fn has_silent_group(steps: &[Step]) -> bool {
    let group_of = groups(steps);
    let of = |is: fn(&Step) -> Option<u32>| -> BTreeSet<u32> {
        steps.iter().filter_map(is).filter_map(|process| group_of[process as usize]).collect()
    };
    let reporting = of(|step| match step {
        Step::Processed { process, .. } => Some(*process),
        _ => None,
    });
    let polling = of(|step| match step {
        Step::Poll { process, .. } => Some(*process),
        _ => None,
    });
    !reporting.is_empty() && polling.difference(&reporting).next().is_some()
}

/// Whether one member polls what another one was assigned last.
fn has_two_owners(steps: &[Step]) -> bool {
    let mut owners = [None; 2];
    let group_of = groups(steps);
    steps.iter().any(|step| match step {
        Step::Assign { process, keys } if group_of[*process as usize] == Some(0) => {
            keys.iter().for_each(|&key| owners[key as usize] = Some(*process));
            false
        }
        Step::Poll { process, key, .. } => {
            let owner = owners[*key as usize].filter(|_| group_of[*process as usize] == Some(0));
            owner.is_some_and(|owner| owner != *process)
        }
        _ => false,
    })
}

fn has_open_commits(steps: &[Step]) -> bool {
    let asked = steps.iter().filter_map(|step| match *step {
        Step::Commit { id, .. } => Some(id),
        _ => None,
    });
    let answers =
        |id| [Step::CommitOk { id }, Step::CommitFailed { id }, Step::CommitUnknown { id }];
    asked.into_iter().any(|id| !answers(id).iter().any(|answer| steps.contains(answer)))
}

fn has_member_that_seeks(steps: &[Step]) -> bool {
    let group_of = groups(steps);
    steps.iter().any(|step| match *step {
        Step::Position { process, by: PositionedBy::Seek, .. } => {
            group_of[process as usize].is_some()
        }
        _ => false,
    })
}

#[test]
fn every_feature_shows_in_histories_that_have_it_and_in_no_others() {
    for feature in Feature::ALL {
        let histories = (0..50).map(|seed| valid_with(seed, SMALL, Features::only(feature)));
        let showing = histories.into_iter().filter(|steps| shows(feature, steps)).count();
        assert!(showing >= 5, "{feature:?}: only in {showing} of 50");
        let without = (0..50).map(|seed| valid_with(seed, SMALL, Features::NONE));
        assert!(!without.into_iter().any(|steps| shows(feature, &steps)), "{feature:?} unbidden");
    }
}

#[test]
fn every_feature_is_drawn_alone_and_with_every_other() {
    let drawn: Vec<_> = (0..2_000).map(|seed| Features::drawn(&mut Random(seed))).collect();
    assert!(drawn.contains(&Features::NONE));
    for one in Feature::ALL {
        assert!(drawn.contains(&Features::only(one)), "{one:?} alone");
        for other in Feature::ALL {
            assert!(
                drawn.iter().any(|both| both.has(one) && both.has(other)),
                "{one:?}, {other:?}"
            );
        }
    }
}
