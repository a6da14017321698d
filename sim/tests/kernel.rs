//! The kernel's promises, tested on the example protocol: determinism, forks, independence of draws, two phases.

mod ledger;

use ktrial_sim::Options;
use ktrial_sim::fault::{Anchor, CorePhase, Fault, FaultPlan, Heal, MessagePoint, PlannedFault};
use ktrial_sim::node_id::NodeId;
use ktrial_sim::order::Order;
use ktrial_sim::random::Purpose;
use ktrial_sim::sim::Stop;
use ktrial_sim::time::{Duration, Instant};
use ktrial_sim::trace::TraceHash;
use ledger::{
    BACKUP, CLIENT, LedgerSim, PRIMARY, acknowledged, at, crash, ledger_on, ledger_world, plan,
};
use proptest::prelude::*;

const DEADLINE: Instant = Instant::from_nanos(60_000_000_000);

fn stormy(seed: u64) -> LedgerSim {
    let mut sim = ledger_world(seed, 200);
    sim.install(plan(vec![
        (at(20), Heal::After(Duration::from_secs(2)), crash(PRIMARY)),
        (at(5_000), Heal::After(Duration::from_secs(1)), Fault::PowerLoss { nodes: vec![BACKUP] }),
        (at(9_000), Heal::After(Duration::from_secs(3)), Fault::Pause { node: PRIMARY }),
    ]));
    sim
}

fn finished(mut sim: LedgerSim) -> (TraceHash, u64) {
    sim.run_until(DEADLINE);
    (sim.trace_hash(), sim.events())
}

#[test]
fn the_same_seed_gives_the_same_trial_and_another_seed_another() {
    assert_eq!(finished(stormy(1)), finished(stormy(1)));
    assert_ne!(finished(stormy(1)).0, finished(stormy(2)).0);
}

#[test]
fn acknowledged_numbers_are_on_both_disks_after_crashes_and_a_power_loss() {
    for seed in 0..50 {
        let mut sim = stormy(seed);
        sim.run_until(DEADLINE);
        let acknowledged = acknowledged(&sim);
        assert_eq!(acknowledged.len(), 200, "seed {seed}: the client got through");
        for node in [PRIMARY, BACKUP] {
            let lines = ledger_on(&sim, node);
            assert!(acknowledged.iter().all(|number| lines.contains(number)), "seed {seed}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_fork_at_any_moment_goes_on_like_the_original(seed in 0u64..1_000, steps in 0usize..4_000) {
        let mut original = stormy(seed);
        for _ in 0..steps {
            original.step();
        }
        let fork = original.clone();
        prop_assert_eq!(finished(original), finished(fork));
    }
}

#[test]
fn a_fork_with_other_draws_goes_another_way_and_leaves_the_past_alone() {
    let mut original = stormy(3);
    (0..300).for_each(|_| _ = original.step());
    let past = original.trace_hash();
    let fork = original.fork_varying(&[Purpose::LinkLatency]);
    assert_eq!(fork.trace_hash(), past);
    assert_ne!(finished(fork).0, finished(original).0);
}

/// When each message of a kind was handled, in nanoseconds.
fn first_latencies(sim: &mut LedgerSim, between: (NodeId, NodeId)) -> Vec<u64> {
    sim.run_until(DEADLINE);
    sim.observer().latencies(between)
}

#[test]
fn taking_a_fault_out_leaves_every_other_draw_as_it_was() {
    let with = |faults| {
        let mut sim = ledger_world(11, 50);
        sim.install(plan(faults));
        first_latencies(&mut sim, (CLIENT, PRIMARY))
    };
    let late_crash = (at(30_000), Heal::Never, crash(BACKUP));
    let early_jump = (at(1), Heal::Instantaneous, Fault::ClockJump { node: BACKUP, by_ms: 5 });
    let both = with(vec![early_jump, late_crash.clone()]);
    assert_eq!(both, with(vec![late_crash]));
    assert!(both.len() >= 50);
}

#[test]
fn taking_a_client_out_leaves_the_others_latencies_as_they_were() {
    let alone = first_latencies(&mut ledger_world(5, 20), (CLIENT, PRIMARY));
    let mut crowded = ledger::world_with_second_client(5, 20);
    let beside_another = first_latencies(&mut crowded, (CLIENT, PRIMARY));
    let flight_times = |handled: &[u64]| handled.len();
    assert_eq!(flight_times(&alone), 20);
    assert_eq!(alone[0], beside_another[0], "the first segment's latency is the link's own draw");
}

#[test]
fn an_anchored_fault_begins_at_its_logical_moment() {
    let mut sim = ledger_world(1, 50);
    let begin = Anchor::Message {
        kind: "copy".into(),
        from: PRIMARY,
        to: BACKUP,
        nth: 3,
        point: MessagePoint::Sent,
        after: Duration::ZERO,
    };
    sim.install(plan(vec![(begin, Heal::Never, crash(PRIMARY))]));
    sim.run_until(DEADLINE);
    assert!(sim.process(PRIMARY).is_none());
    assert_eq!(ledger_on(&sim, PRIMARY).len(), 3, "it dies with the third copy sent");
    let concrete = sim.concrete_plan();
    assert!(matches!(concrete.faults[0].begin, Anchor::At(_)));
}

#[test]
fn a_concrete_plan_replays_what_its_anchors_did() {
    let mut anchored = ledger_world(1, 50);
    let begin = Anchor::Probe { name: "retried".into(), node: None, nth: 1, after: Duration::ZERO };
    let faults = vec![
        (at(20), Heal::After(Duration::from_secs(3)), crash(PRIMARY)),
        (begin, Heal::After(Duration::from_secs(1)), Fault::Pause { node: CLIENT }),
    ];
    anchored.install(plan(faults));
    anchored.run_until(DEADLINE);
    let concrete = anchored.concrete_plan();
    assert_eq!(concrete.faults.len(), 2);
    let mut replayed = ledger_world(1, 50);
    replayed.install(concrete);
    replayed.run_until(DEADLINE);
    assert_eq!(acknowledged(&replayed), acknowledged(&anchored));
}

#[test]
fn healing_the_core_makes_the_rest_permanent() {
    let mut sim = ledger_world(2, 2_000);
    let mut faults = plan(vec![
        (at(10), Heal::Never, crash(PRIMARY)),
        (at(10), Heal::After(Duration::from_secs(20)), crash(CLIENT)),
    ]);
    faults.core = Some(CorePhase {
        heal_at: Instant::START + Duration::from_secs(5),
        core: vec![PRIMARY, BACKUP],
        deadline: Duration::from_secs(30),
    });
    sim.install(faults);
    sim.run_until(DEADLINE);
    assert!(sim.process(PRIMARY).is_some(), "in the core: healed although it was for good");
    assert!(sim.process(CLIENT).is_none(), "outside: permanent although it was for 20 s");
}

#[test]
fn other_orders_of_simultaneous_events_give_other_trials_of_the_same_promise() {
    let horizon = Duration::from_micros(200);
    let orders =
        [Order::Fifo, Order::Random { horizon }, Order::Pct { horizon, depth: 3, events: 2_000 }];
    let hashes = orders.map(|order| {
        let options = Options { order, ..Options::default() };
        let mut sim = ledger::world_with_options(4, 100, options);
        assert_eq!(sim.run_until(DEADLINE), Stop::Idle);
        assert_eq!(acknowledged(&sim).len(), 100);
        sim.trace_hash()
    });
    assert_ne!(hashes[0], hashes[1]);
    assert_ne!(hashes[1], hashes[2]);
}

#[test]
fn a_trial_driven_from_outside_is_the_trial_that_runs_by_itself() {
    let mut driven = stormy(8);
    while let Some(at) = driven.next_event_at().filter(|&at| at <= DEADLINE) {
        driven.step();
        assert_eq!(driven.now(), at);
    }
    assert_eq!((driven.trace_hash(), driven.events()), finished(stormy(8)));
}

#[test]
fn planned_faults_are_reported_with_their_phase() {
    let mut sim = ledger_world(1, 10);
    sim.install(FaultPlan {
        faults: vec![PlannedFault {
            id: 7,
            begin: at(1),
            heal: Heal::After(Duration::from_millis(5)),
            kind: Fault::Isolate { node: BACKUP, traffic: ktrial_sim::fault::Traffic::Both },
        }],
        core: None,
    });
    sim.run_until(DEADLINE);
    assert_eq!(sim.observer().faults, ["7 Begins", "7 Heals"]);
}
