//! How a partition's state changes: who stays in sync, who stays eligible, who leads, which epochs move.
//!
//! A pure function from the old state and what is wanted to the new state, as `PartitionChangeBuilder` with eligible
//! leader replicas (KIP-966) and the leader recovery state (KIP-704); K1 to K7 and K9 name its rules. Partitions are not
//! reassigned. The ISR shrinks without a new leader epoch, as since metadata version 3.6 (KAFKA-15021).
//!
//! `last_known_elr` holds at most the last leader: Kafka's balanced recovery, the only one that is built, uses the field
//! for that.

use std::collections::BTreeSet;

use crate::ids::BrokerId;
use crate::metadata::PartitionState;
use crate::mutant::{Mutant, Mutation};

/// How far the controller goes to give a partition a leader (K4).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Election {
    /// Move leadership to the first assigned replica if it is in sync, else keep the partition online.
    Preferred,
    /// Keep the leader if it may lead, else elect one that has every committed record.
    Online,
    /// As [`Election::Online`], but rather a leader that lost records than none.
    Unclean,
}

/// How a partition came by its leader.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Elected {
    /// The leader did not change.
    Unchanged,
    /// There is no leader any more.
    Nobody,
    /// From the ISR.
    FromIsr,
    /// From the eligible leader replicas.
    FromElr,
    /// Who led last, when nobody is in sync or eligible (K7): it may have lost committed records.
    LastKnownLeader,
    /// From the other replicas: committed records may be lost.
    Uncleanly,
}

impl Elected {
    /// What happened between two successive states of a partition.
    pub fn between(before: &PartitionState, after: &PartitionState) -> Self {
        match after.leader {
            _ if after.leader_epoch == before.leader_epoch => Elected::Unchanged,
            None => Elected::Nobody,
            Some(leader) => {
                let is_clean = before.recovering || !after.recovering;
                match leader {
                    _ if is_clean && before.isr.contains(&leader) => Elected::FromIsr,
                    _ if is_clean && before.elr.contains(&leader) => Elected::FromElr,
                    _ if before.last_known_elr.contains(&leader) => Elected::LastKnownLeader,
                    _ => Elected::Uncleanly,
                }
            }
        }
    }

    /// Whether there is a leader that may lack committed records.
    pub fn may_lose_records(self) -> bool {
        matches!(self, Elected::LastKnownLeader | Elected::Uncleanly)
    }
}

/// What holds for all changes of one topic's partitions.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct ChangeRules {
    /// The effective `min.insync.replicas`: no more than there are replicas.
    pub min_isr: usize,
    /// Whether eligible leader replicas are kept (KIP-966).
    pub eligible_leader_replicas: bool,
    /// A deliberate defect.
    pub mutation: Mutation,
}

/// What is wanted of one partition.
pub struct PartitionChangeBuilder<'a> {
    partition: &'a PartitionState,
    is_acceptable_leader: &'a dyn Fn(BrokerId) -> bool,
    rules: ChangeRules,
    election: Election,
    target_isr: Vec<BrokerId>,
    target_recovering: Option<bool>,
    unclean_shutdown_replica: Option<BrokerId>,
}

impl<'a> PartitionChangeBuilder<'a> {
    /// No change but an [`Election::Online`], should there be no valid leader. `is_acceptable_leader` tells whether a
    /// broker is alive.
    pub fn new(
        partition: &'a PartitionState,
        is_acceptable_leader: &'a dyn Fn(BrokerId) -> bool,
        rules: ChangeRules,
    ) -> Self {
        PartitionChangeBuilder {
            partition,
            is_acceptable_leader,
            rules,
            election: Election::Online,
            target_isr: partition.isr.clone(),
            target_recovering: None,
            unclean_shutdown_replica: None,
        }
    }

    /// The election to hold.
    pub fn election(mut self, election: Election) -> Self {
        self.election = election;
        self
    }

    /// The ISR wanted.
    pub fn target_isr(mut self, isr: Vec<BrokerId>) -> Self {
        self.target_isr = isr;
        self
    }

    /// Whether the leader is still to recover from an unclean election.
    pub fn target_recovering(mut self, recovering: bool) -> Self {
        self.target_recovering = Some(recovering);
        self
    }

    /// A replica that may have lost committed records: it leaves the ELR too.
    pub fn unclean_shutdown_replica(mut self, replica: BrokerId) -> Self {
        self.unclean_shutdown_replica = Some(replica);
        self
    }

    /// The state after the change; `None` if nothing changes (K2).
    pub fn build(self) -> Option<PartitionState> {
        let Ballot { leader, unclean, isr, elr } = self.elect(self.target_elr());
        let mut state = PartitionState { leader, elr, ..self.partition.clone() };
        if !isr.is_empty() || self.rules.eligible_leader_replicas {
            state.isr = isr;
        }
        state.last_known_elr = self.last_known_leader(&state);
        state.recovering = self.target_recovering.unwrap_or(self.partition.recovering || unclean);
        if state == *self.partition {
            return None;
        }
        state.partition_epoch = state.partition_epoch.next();
        if leader != self.partition.leader {
            state.leader_epoch = state.leader_epoch.next();
        }
        Some(state)
    }

    /// K6: whoever left an ISR that is now too small stays eligible, unless it may have lost what it had.
    fn target_elr(&self) -> Vec<BrokerId> {
        if !self.rules.eligible_leader_replicas || self.target_isr.len() >= self.rules.min_isr {
            return Vec::new();
        }
        let candidates: BTreeSet<BrokerId> =
            self.partition.isr.iter().chain(&self.partition.elr).copied().collect();
        candidates
            .into_iter()
            .filter(|replica| {
                !self.target_isr.contains(replica)
                    && Some(*replica) != self.unclean_shutdown_replica
            })
            .collect()
    }

    /// K5: who leads, and what that makes of ISR and ELR.
    fn elect(&self, elr: Vec<BrokerId>) -> Ballot {
        let (leader, unclean) = self.find_leader(&elr);
        let isr = self.target_isr.clone();
        match leader.filter(|_| leader != self.partition.leader) {
            Some(elected) if unclean => {
                Ballot { leader, unclean, isr: vec![elected], elr: Vec::new() }
            }
            Some(elected) if elr.contains(&elected) => {
                let elr = elr.into_iter().filter(|replica| *replica != elected).collect();
                Ballot { leader, unclean, isr: vec![elected], elr }
            }
            Some(_) | None => Ballot { leader, unclean: false, isr, elr },
        }
    }

    /// K4: the leader, and whether it was found uncleanly.
    fn find_leader(&self, elr: &[BrokerId]) -> (Option<BrokerId>, bool) {
        let is_valid = |replica: &BrokerId| self.is_valid_new_leader(*replica, elr);
        let replicas = &self.partition.replicas;
        let preferred = replicas
            .first()
            .copied()
            .filter(|_| self.election == Election::Preferred)
            .filter(is_valid);
        let clean = preferred
            .or_else(|| self.partition.leader.filter(is_valid))
            .or_else(|| replicas.iter().copied().find(is_valid));
        if clean.is_some() {
            return (clean, false);
        }
        let unclean = self.last_leader_standing(elr).or_else(|| {
            let is_acceptable = |replica: &BrokerId| (self.is_acceptable_leader)(*replica);
            replicas
                .iter()
                .copied()
                .filter(|_| self.election == Election::Unclean)
                .find(is_acceptable)
        });
        (unclean, unclean.is_some())
    }

    /// K3: alive, and in the ISR, or eligible while nobody is in sync.
    fn is_valid_new_leader(&self, replica: BrokerId, elr: &[BrokerId]) -> bool {
        let has_committed_records = self.target_isr.contains(&replica)
            || self.target_isr.is_empty() && elr.contains(&replica);
        (has_committed_records || self.rules.mutation.is(Mutant::ElectOutOfIsr))
            && (self.is_acceptable_leader)(replica)
    }

    /// K7: the last leader may lead again when nobody is in sync or eligible; only alive, as since KAFKA-19522.
    fn last_leader_standing(&self, elr: &[BrokerId]) -> Option<BrokerId> {
        let [last] = self.partition.last_known_elr[..] else { return None };
        let nobody_else =
            self.rules.eligible_leader_replicas && self.target_isr.is_empty() && elr.is_empty();
        (nobody_else && (self.is_acceptable_leader)(last)).then_some(last)
    }

    /// K7: remembers who led last when the ISR becomes empty, and forgets it once there is a leader.
    fn last_known_leader(&self, state: &PartitionState) -> Vec<BrokerId> {
        match (state.leader, self.partition.leader) {
            (Some(_), _) => Vec::new(),
            (None, Some(last)) if state.isr.is_empty() => vec![last],
            (None, _) => self.partition.last_known_elr.clone(),
        }
    }
}

/// The outcome of an election and what it makes of ISR and ELR.
struct Ballot {
    leader: Option<BrokerId>,
    unclean: bool,
    isr: Vec<BrokerId>,
    elr: Vec<BrokerId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{LeaderEpoch, PartitionEpoch};

    fn brokers(ids: &[u16]) -> Vec<BrokerId> {
        ids.iter().map(|id| BrokerId(*id)).collect()
    }

    fn rules(eligible_leader_replicas: bool) -> ChangeRules {
        ChangeRules { min_isr: 2, eligible_leader_replicas, ..ChangeRules::default() }
    }

    /// Replicas 1, 2, 3 at leader epoch 5 and partition epoch 7.
    fn partition(
        leader: Option<u16>,
        isr: &[u16],
        elr: &[u16],
        last_known: &[u16],
    ) -> PartitionState {
        PartitionState {
            replicas: brokers(&[1, 2, 3]),
            isr: brokers(isr),
            elr: brokers(elr),
            last_known_elr: brokers(last_known),
            leader: leader.map(BrokerId),
            leader_epoch: LeaderEpoch(5),
            partition_epoch: PartitionEpoch(7),
            recovering: false,
        }
    }

    /// What a case changes: who is alive, the election, the ISR wanted, who shut down uncleanly.
    #[derive(Clone)]
    struct Case {
        alive: &'static [u16],
        election: Election,
        target_isr: Option<&'static [u16]>,
        unclean: Option<u16>,
        elr: bool,
    }

    const ONLINE: Case = Case {
        alive: &[1, 2, 3],
        election: Election::Online,
        target_isr: None,
        unclean: None,
        elr: true,
    };

    fn change(partition: &PartitionState, case: Case) -> Option<PartitionState> {
        let is_alive = |broker: BrokerId| case.alive.contains(&broker.0);
        let mut builder = PartitionChangeBuilder::new(partition, &is_alive, rules(case.elr))
            .election(case.election);
        if let Some(isr) = case.target_isr {
            builder = builder.target_isr(brokers(isr));
        }
        if let Some(replica) = case.unclean {
            builder = builder.unclean_shutdown_replica(BrokerId(replica));
        }
        builder.build()
    }

    /// Leader, ISR, ELR, last known ELR, leader epoch, and how the leader was found.
    type Outcome = (Option<u16>, Vec<u16>, Vec<u16>, Vec<u16>, u32, Elected);

    fn outcome(partition: &PartitionState, case: Case) -> Outcome {
        let state = change(partition, case).expect("the case changes something");
        let elected = Elected::between(partition, &state);
        assert_eq!(state.partition_epoch, PartitionEpoch(8), "K1: every change counts");
        let ids = |brokers: &[BrokerId]| brokers.iter().map(|broker| broker.0).collect::<Vec<_>>();
        let leader = state.leader.map(|leader| leader.0);
        (
            leader,
            ids(&state.isr),
            ids(&state.elr),
            ids(&state.last_known_elr),
            state.leader_epoch.0,
            elected,
        )
    }

    #[test]
    fn k1_the_leader_epoch_moves_with_the_leader_only() {
        let shrink = Case { target_isr: Some(&[1, 2]), ..ONLINE };
        let partition = partition(Some(1), &[1, 2, 3], &[], &[]);
        assert_eq!(
            outcome(&partition, shrink),
            (Some(1), vec![1, 2], vec![], vec![], 5, Elected::Unchanged)
        );
        let lost_leader = Case { target_isr: Some(&[2, 3]), alive: &[2, 3], ..ONLINE };
        assert_eq!(
            outcome(&partition, lost_leader),
            (Some(2), vec![2, 3], vec![], vec![], 6, Elected::FromIsr)
        );
    }

    #[test]
    fn k2_nothing_wanted_changes_nothing() {
        assert_eq!(change(&partition(Some(2), &[1, 2, 3], &[], &[]), ONLINE), None);
    }

    #[test]
    fn k3_a_dead_or_lagging_replica_is_no_valid_leader() {
        let only_lagging = Case { alive: &[3], target_isr: Some(&[2]), ..ONLINE };
        let partition = partition(Some(1), &[1, 2], &[], &[]);
        assert_eq!(
            outcome(&partition, only_lagging),
            (None, vec![2], vec![1], vec![], 6, Elected::Nobody)
        );
    }

    #[test]
    fn k4_online_keeps_the_leader_and_preferred_moves_it() {
        let partition = partition(Some(2), &[2, 1, 3], &[], &[]);
        assert_eq!(change(&partition, ONLINE), None);
        let preferred = Case { election: Election::Preferred, ..ONLINE };
        assert_eq!(
            outcome(&partition, preferred.clone()),
            (Some(1), vec![2, 1, 3], vec![], vec![], 6, Elected::FromIsr)
        );
        assert_eq!(
            change(&partition, Case { alive: &[2, 3], ..preferred }),
            None,
            "the preferred one is dead"
        );
    }

    #[test]
    fn k4_unclean_takes_the_first_living_replica_and_marks_it_recovering() {
        let partition = partition(Some(1), &[1], &[], &[]);
        let case = Case {
            alive: &[3],
            target_isr: Some(&[]),
            elr: false,
            election: Election::Unclean,
            ..ONLINE
        };
        assert_eq!(
            outcome(&partition, case.clone()),
            (Some(3), vec![3], vec![], vec![], 6, Elected::Uncleanly)
        );
        assert!(change(&partition, case).expect("an election").recovering);
    }

    #[test]
    fn k5_an_eligible_replica_leads_alone_and_cleanly() {
        let partition = partition(None, &[], &[1, 2], &[1]);
        let case = Case { alive: &[2], ..ONLINE };
        assert_eq!(
            outcome(&partition, case.clone()),
            (Some(2), vec![2], vec![1], vec![], 6, Elected::FromElr)
        );
        assert!(!change(&partition, case).expect("an election").recovering);
    }

    #[test]
    fn k6_who_leaves_too_small_an_isr_stays_eligible() {
        let healthy = partition(Some(1), &[1, 2], &[], &[]);
        let shrink = Case { target_isr: Some(&[1]), ..ONLINE };
        assert_eq!(
            outcome(&healthy, shrink),
            (Some(1), vec![1], vec![2], vec![], 5, Elected::Unchanged)
        );
        let small = partition(Some(1), &[1], &[2], &[]);
        let expand = Case { target_isr: Some(&[1, 3]), ..ONLINE };
        assert_eq!(
            outcome(&small, expand),
            (Some(1), vec![1, 3], vec![], vec![], 5, Elected::Unchanged)
        );
        let unclean = Case { unclean: Some(2), ..ONLINE };
        assert_eq!(
            outcome(&small, unclean),
            (Some(1), vec![1], vec![], vec![], 5, Elected::Unchanged)
        );
    }

    #[test]
    fn k7_the_last_leader_leads_again_when_nobody_is_eligible() {
        let last = partition(Some(1), &[1], &[], &[]);
        let lost = Case { alive: &[2, 3], target_isr: Some(&[]), unclean: Some(1), ..ONLINE };
        assert_eq!(outcome(&last, lost), (None, vec![], vec![], vec![1], 6, Elected::Nobody));
        let leaderless = partition(None, &[], &[], &[1]);
        assert_eq!(
            outcome(&leaderless, ONLINE),
            (Some(1), vec![1], vec![], vec![], 6, Elected::LastKnownLeader)
        );
        assert_eq!(
            change(&leaderless, Case { alive: &[2, 3], ..ONLINE }),
            None,
            "KAFKA-19522: it is dead"
        );
    }

    #[test]
    fn k7_the_last_leader_is_remembered_until_there_is_one() {
        let elr_of_two = partition(None, &[], &[2, 3], &[1]);
        let one_lost = Case { alive: &[], unclean: Some(2), ..ONLINE };
        assert_eq!(
            outcome(&elr_of_two, one_lost),
            (None, vec![], vec![3], vec![1], 5, Elected::Unchanged)
        );
    }

    #[test]
    fn k9_without_elr_the_last_in_sync_replica_stays() {
        let partition = partition(Some(1), &[1], &[], &[]);
        let case = Case { alive: &[2, 3], target_isr: Some(&[]), elr: false, ..ONLINE };
        assert_eq!(outcome(&partition, case), (None, vec![1], vec![], vec![], 6, Elected::Nobody));
    }

    #[test]
    fn a_recovered_leader_is_recovering_no_more() {
        let partition = PartitionState { recovering: true, ..partition(Some(1), &[1], &[], &[]) };
        let is_alive = |_| true;
        let change = PartitionChangeBuilder::new(&partition, &is_alive, rules(true))
            .target_recovering(false)
            .build();
        assert!(!change.expect("a change").recovering);
    }
}
