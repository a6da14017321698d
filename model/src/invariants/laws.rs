//! Laws of the monitor: whatever a cluster does that keeps Kafka's rules, no rule is reported as broken. The cluster here
//! is a toy with one partition that takes every step at once, its controller with ELR: what it does wrong by accident the
//! monitor would tell, and what it is made to do wrong the monitor has to.

use proptest::prelude::*;

use super::Invariant;
use super::stage::{Change, ORDERS, Stage, power_loss, process_crash};
use crate::ids::{BrokerId, Offset};

/// What may happen next; the numbers choose among what is possible.
#[derive(Clone, Debug)]
enum Step {
    Produce(u8),
    /// A follower fetches once: it is cut where it differs, else it copies.
    Fetch(usize),
    /// The leader commits what its in-sync replicas have.
    Advance,
    /// A follower learns the high watermark.
    Learn(usize),
    Shrink(usize),
    Expand(usize),
    Flush(usize),
    Crash(usize),
    /// Power goes, and of what was not durable this many records survive.
    LosePower(usize, u8),
    Restart(usize),
    MoveLeader(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let broker = 0..3usize;
    prop_oneof![
        4 => (1..4u8).prop_map(Step::Produce),
        8 => broker.clone().prop_map(Step::Fetch),
        4 => Just(Step::Advance),
        3 => broker.clone().prop_map(Step::Learn),
        1 => broker.clone().prop_map(Step::Shrink),
        4 => broker.clone().prop_map(Step::Expand),
        1 => broker.clone().prop_map(Step::Flush),
        1 => broker.clone().prop_map(Step::Crash),
        1 => (broker.clone(), 0..4u8).prop_map(|(broker, kept)| Step::LosePower(broker, kept)),
        4 => broker.clone().prop_map(Step::Restart),
        1 => broker.prop_map(Step::MoveLeader),
    ]
}

/// A cluster that keeps the rules.
#[derive(Clone)]
struct Toy {
    stage: Stage,
    is_up: [bool; 3],
    /// What each flushed, and the high watermarks, by broker.
    durable: [usize; 3],
    high_watermarks: [usize; 3],
    /// Whether only faults within the budget happen.
    is_guarded: bool,
    /// The rule of ISR and high watermark it breaks, if any.
    trusts_followers_blindly: bool,
}

impl Toy {
    fn new(is_guarded: bool) -> Self {
        Toy {
            stage: Stage::new(),
            is_up: [true; 3],
            durable: [0; 3],
            high_watermarks: [0; 3],
            is_guarded,
            trusts_followers_blindly: false,
        }
    }

    fn leader(&self) -> Option<u16> {
        self.stage.state.leader.map(|leader| leader.0)
    }

    fn isr(&self) -> Vec<u16> {
        self.stage.state.isr.iter().map(|broker| broker.0).collect()
    }

    fn elr(&self) -> Vec<u16> {
        self.stage.state.elr.iter().map(|broker| broker.0).collect()
    }

    fn end(&self, broker: u16) -> usize {
        self.stage.logs[&broker].len()
    }

    /// How much of its log a follower has in common with the leader.
    fn common(&self, follower: u16, leader: u16) -> usize {
        let (ours, theirs) = (&self.stage.logs[&follower], &self.stage.logs[&leader]);
        ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count()
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Produce(records) => self.produce(records),
            Step::Fetch(index) => self.fetch(index as u16 + 1),
            Step::Advance => self.advance(),
            Step::Learn(index) => self.learn(index as u16 + 1),
            Step::Shrink(index) => self.shrink(index as u16 + 1),
            Step::Expand(index) => self.expand(index as u16 + 1),
            Step::Flush(index) => self.flush(index as u16 + 1),
            Step::Crash(index) => self.crash(index as u16 + 1),
            Step::LosePower(index, kept) => self.lose_power(index as u16 + 1, kept.into()),
            Step::Restart(index) => self.restart(index as u16 + 1),
            Step::MoveLeader(index) => self.move_leader(index as u16 + 1),
        }
    }

    fn produce(&mut self, records: u8) {
        if let Some(leader) = self.leader() {
            self.stage.produce(leader, records.into());
        }
    }

    /// The follower's place and its leader, if it is up and has one.
    fn follows(&self, follower: u16) -> Option<u16> {
        let leader = self.leader()?;
        (leader != follower && self.is_up[usize::from(follower) - 1]).then_some(leader)
    }

    fn fetch(&mut self, follower: u16) {
        let Some(leader) = self.follows(follower) else { return };
        let common = self.common(follower, leader);
        if common < self.end(follower) {
            self.stage.cut(follower, common as u64);
            let index = usize::from(follower) - 1;
            self.durable[index] = self.durable[index].min(common);
            self.high_watermarks[index] = self.high_watermarks[index].min(common);
            // The cut is flushed at once.
            self.flush(follower);
        } else {
            self.stage.copy(follower, leader);
        }
    }

    fn advance(&mut self) {
        let Some(leader) = self.leader() else { return };
        let isr = self.isr();
        if isr.len() < 2 {
            return;
        }
        let has = |broker: u16| match self.trusts_followers_blindly {
            true => self.end(leader),
            false => self.common(broker, leader),
        };
        let replicated =
            isr.iter().map(|&broker| has(broker)).min().expect("the leader is in sync");
        let high_watermark = &mut self.high_watermarks[usize::from(leader) - 1];
        if replicated > *high_watermark {
            *high_watermark = replicated;
            self.stage.high_watermark(leader, replicated as u64, true);
        }
    }

    fn learn(&mut self, follower: u16) {
        let Some(leader) = self.follows(follower) else { return };
        if self.common(follower, leader) < self.end(follower) {
            return;
        }
        let told = self.high_watermarks[usize::from(leader) - 1].min(self.end(follower));
        self.high_watermarks[usize::from(follower) - 1] = told;
        self.stage.high_watermark(follower, told as u64, false);
    }

    /// The partition's next state with this ISR; the controller elects, keeps an ELR, remembers the last leader.
    fn set_isr(&mut self, isr: &[u16], lost: Option<u16>) {
        let was: Vec<u16> = self.isr().into_iter().chain(self.elr()).collect();
        let mut isr = isr.to_vec();
        let mut elr: Vec<u16> = match isr.len() {
            0 | 1 => was.into_iter().filter(|it| !isr.contains(it) && Some(*it) != lost).collect(),
            _ => Vec::new(),
        };
        let is_up = |broker: &u16| self.is_up[usize::from(*broker) - 1];
        let mut leader = self.leader().filter(|leader| isr.contains(leader));
        leader = leader.or_else(|| isr.iter().copied().find(is_up));
        if leader.is_none() && isr.is_empty() {
            leader = elr.iter().copied().find(is_up);
            let last = self.stage.state.last_known_elr.first().map(|last| last.0);
            leader = leader.or(last.filter(|last| elr.is_empty() && is_up(last)));
            isr.extend(leader);
            elr.retain(|it| Some(*it) != leader);
        }
        let changes = leader != self.leader() || isr != self.isr() || elr != self.elr();
        if changes {
            let moves = leader != self.leader();
            let change = Change { leader, isr: &isr, elr: &elr };
            if moves {
                self.stage.elect(change)
            } else {
                self.stage.change(change)
            }
            if let Some(leader) = leader {
                self.stage.note_maximal_isr(leader, &isr);
            }
        }
    }

    fn shrink(&mut self, follower: u16) {
        if self.leader().is_some_and(|leader| leader != follower) {
            let isr: Vec<u16> = self.isr().into_iter().filter(|&it| it != follower).collect();
            self.set_isr(&isr, None);
        }
    }

    /// Whether the follower's next fetch is at the leader's end. With a tail of its own it would be told to cut that first,
    /// and a leader counts fetches that it has answered with records only.
    fn is_caught_up(&self, follower: u16, leader: u16) -> bool {
        let common = self.common(follower, leader);
        common == self.end(leader) && common == self.end(follower)
    }

    fn expand(&mut self, follower: u16) {
        let Some(leader) = self.follows(follower) else { return };
        let isr = self.isr();
        let joins = self.is_caught_up(follower, leader) || self.trusts_followers_blindly;
        if joins && !isr.contains(&follower) {
            let wider: Vec<u16> = isr.into_iter().chain([follower]).collect();
            self.set_isr(&wider, None);
        }
    }

    fn flush(&mut self, broker: u16) {
        if self.is_up[usize::from(broker) - 1] {
            self.durable[usize::from(broker) - 1] = self.end(broker);
            self.stage.flush(broker);
        }
    }

    /// The controller notices at once.
    fn stopped(&mut self, broker: u16) {
        self.is_up[usize::from(broker) - 1] = false;
        let isr: Vec<u16> = self.isr().into_iter().filter(|&it| it != broker).collect();
        self.set_isr(&isr, None);
    }

    fn crash(&mut self, broker: u16) {
        let is_up = self.is_up[usize::from(broker) - 1];
        if is_up && (!self.is_guarded || self.stage.monitor.permits(&process_crash(broker))) {
            self.stage.crash(broker);
            self.stopped(broker);
        }
    }

    fn lose_power(&mut self, broker: u16, kept: usize) {
        let index = usize::from(broker) - 1;
        let fault = power_loss(&[broker]);
        if !self.is_up[index] || (self.is_guarded && !self.stage.monitor.permits(&fault)) {
            return;
        }
        self.stage.lose_power(broker);
        let end = (self.durable[index] + kept).min(self.end(broker));
        self.stage.logs.get_mut(&broker).expect("there is such a broker").truncate(end);
        self.durable[index] = end;
        self.stopped(broker);
    }

    /// Every restart is an unclean one.
    fn restart(&mut self, broker: u16) {
        let index = usize::from(broker) - 1;
        if self.is_up[index] {
            return;
        }
        self.high_watermarks[index] = 0;
        self.stage.restart(broker);
        self.stage.register(broker, true);
        let isr: Vec<u16> = self.isr().into_iter().filter(|&it| it != broker).collect();
        self.set_isr(&isr, Some(broker));
        self.is_up[index] = true;
        self.stage.activate(broker);
        self.stage.apply(broker);
        self.set_isr(&isr, None);
    }

    fn move_leader(&mut self, to: u16) {
        let isr = self.isr();
        if self.follows(to).is_some() && isr.contains(&to) {
            let elr = self.elr();
            self.stage.elect(Change { leader: Some(to), isr: &isr, elr: &elr });
        }
    }

    /// What the leaders of the whole history have committed, if nothing of it may be lost.
    fn committed(&self) -> Offset {
        self.stage.monitor.partitions[0].committed.end()
    }
}

proptest! {
    #[test]
    fn what_keeps_the_rules_breaks_none_whatever_is_lost(steps in prop::collection::vec(step(), 0..200)) {
        let mut toy = Toy::new(false);
        for step in &steps {
            toy.take(step);
            prop_assert_eq!(toy.stage.monitor.violations(), &[]);
        }
    }

    #[test]
    fn within_the_budget_the_promise_stays_in_force_and_nothing_is_lost(
        steps in prop::collection::vec(step(), 0..200)
    ) {
        let mut toy = Toy::new(true);
        let mut committed = Offset::ZERO;
        for step in &steps {
            toy.take(step);
            prop_assert!(toy.stage.monitor.is_durability_promised(ORDERS), "{:?}", step);
            prop_assert!(toy.committed() >= committed);
            prop_assert_eq!(toy.stage.monitor.violations(), &[]);
            committed = toy.committed();
            let leader = toy.leader();
            let leaders_end = leader.map(|leader| toy.end(leader) as u64);
            prop_assert!(leaders_end.is_none_or(|end| Offset(end) >= committed));
        }
    }

    /// A leader that takes its followers' word for what they have loses records sooner or later; the rules see it at the
    /// first high watermark that is not justified, or not at all if there was none.
    #[test]
    fn a_high_watermark_that_is_not_justified_is_told_at_once(
        steps in prop::collection::vec(step(), 0..200)
    ) {
        let mut toy = Toy::new(true);
        toy.trusts_followers_blindly = true;
        for step in &steps {
            let before = toy.high_watermarks;
            toy.take(step);
            let Some(leader) = toy.leader() else { continue };
            let high_watermark = toy.high_watermarks[usize::from(leader) - 1];
            let has_it = |broker: &BrokerId| toy.common(broker.0, leader) >= high_watermark;
            if matches!(step, Step::Advance) && before != toy.high_watermarks {
                let is_justified = toy.stage.state.isr.iter().all(has_it);
                let broken = toy.stage.broken();
                prop_assert_eq!(broken.contains(&Invariant::W14), !is_justified, "{:?}", broken);
            }
            if !toy.stage.broken().is_empty() {
                return Ok(());
            }
        }
    }
}

/// Broker 1 lost the records that it had committed with the others, and leads alone as the last leader known. Its empty
/// log is the truth then, and broker 2, which has two of them, is no replica of it before it is cut: had it joined the
/// ISR, it could lead next and tell broker 3 of a high watermark that is not of this log.
#[test]
fn who_has_a_tail_of_its_own_does_not_join_the_isr() {
    let mut toy = Toy::new(false);
    let with_a_tail = [
        Step::Produce(1),
        Step::Produce(1),
        Step::Fetch(2),
        Step::Shrink(1),
        Step::Fetch(1),
        Step::Produce(1),
        Step::Advance,
        Step::Produce(1),
        Step::Learn(1),
        Step::Crash(2),
        Step::LosePower(0, 0),
        Step::Restart(2),
        Step::Restart(0),
        Step::Expand(1),
    ];
    with_a_tail.iter().for_each(|step| toy.take(step));
    assert_eq!((toy.leader(), toy.isr(), toy.end(1)), (Some(1), vec![1], 0));
    assert_eq!((toy.committed(), toy.end(2), toy.high_watermarks[1]), (Offset::ZERO, 2, 2));

    [Step::Fetch(1), Step::Expand(1)].iter().for_each(|step| toy.take(step));
    assert_eq!((toy.isr(), toy.end(2), toy.high_watermarks[1]), (vec![1, 2], 0, 0));

    [Step::Crash(0), Step::Restart(0), Step::Learn(2)].iter().for_each(|step| toy.take(step));
    assert_eq!(toy.leader(), Some(2));
    assert_eq!(toy.stage.monitor.violations(), &[]);
}
