//! What each fault does to the network, the processes, the disks and the clocks, seen from the actors.

mod ledger;

use ktrial_sim::actor::Event;
use ktrial_sim::example::{Ledger, LedgerMessage, PATIENCE, Role};
use ktrial_sim::fault::{Anchor, CorePhase, Direction, Fault, FlushErrorMode, Heal, Traffic};
use ktrial_sim::network::{ConnectError, NetworkOptions};
use ktrial_sim::node_id::NodeId;
use ktrial_sim::observer::Death;
use ktrial_sim::sim::{Sim, Stop};
use ktrial_sim::time::{Duration, Instant};
use ktrial_sim::{NodeSetup, Options};
use ledger::{
    BACKUP, CLIENT, LedgerSim, PRIMARY, Witness, acknowledged, at, crash, ledger_on, ledger_world,
    plan, world_with_options,
};

const SECOND: Duration = Duration::from_secs(1);

/// With this seed a copy, and no answer to one, is under way between primary and backup when the fault begins.
const SEED: u64 = 2;

/// A world in which `fault` is in force from 10 ms on, run for a minute.
fn after(fault: Fault, heal: Heal) -> LedgerSim {
    after_with(Options::default(), fault, heal)
}

fn after_with(options: Options, fault: Fault, heal: Heal) -> LedgerSim {
    let mut sim = world_with_options(SEED, 1_000, options);
    sim.install(plan(vec![(at(600), heal, fault)]));
    sim.run_until(Instant::START + SECOND * 60);
    sim
}

fn cut(direction: Direction) -> Fault {
    Fault::Partition { left: vec![PRIMARY], right: vec![BACKUP], direction }
}

fn probe(sim: &LedgerSim, name: &str) -> u32 {
    sim.probes()[name]
}

#[test]
fn a_short_partition_only_makes_traffic_late() {
    let sim = after(cut(Direction::Both), Heal::After(SECOND));
    assert!(probe(&sim, "segment-held") > 0);
    assert_eq!(probe(&sim, "segments-released"), 1);
    assert_eq!(probe(&sim, "connection-timed-out"), 0);
    assert_eq!(acknowledged(&sim).len(), 1_000);
    assert_eq!(sim.observer().count(PRIMARY, "Closed"), 0);
}

#[test]
fn a_long_partition_times_each_side_out_on_its_own() {
    let sim = after(cut(Direction::Both), Heal::After(SECOND * 50));
    assert!(probe(&sim, "connection-timed-out") >= 1);
    assert!(sim.observer().count(PRIMARY, "TimedOut") >= 1, "it had copies under way");
    assert_eq!(sim.observer().count(BACKUP, "TimedOut"), 0, "the idle side learns nothing");
}

#[test]
fn a_one_way_partition_lets_the_other_way_through_but_not_its_acknowledgement() {
    let backup_to_primary = Fault::Partition {
        left: vec![BACKUP],
        right: vec![PRIMARY],
        direction: Direction::LeftToRight,
    };
    let sim = after(backup_to_primary, Heal::Never);
    let before_the_cut = acknowledged(&sim).len();
    assert!(ledger_on(&sim, BACKUP).len() > before_the_cut, "copies still arrive");
    assert!(sim.observer().count(PRIMARY, "TimedOut") >= 1, "their acknowledgements do not");
}

#[test]
fn a_host_that_came_back_resets_connections_it_does_not_know() {
    let sim = after(Fault::PowerLoss { nodes: vec![PRIMARY] }, Heal::After(SECOND));
    assert!(probe(&sim, "unknown-connection-reset") >= 1);
    assert!(sim.observer().count(CLIENT, "Closed") >= 1);
    assert_eq!(acknowledged(&sim).len(), 1_000);
}

#[test]
fn a_host_without_power_is_silent() {
    let sim = after(Fault::PowerLoss { nodes: vec![PRIMARY] }, Heal::Never);
    assert!(sim.observer().count(CLIENT, "TimedOut") >= 1);
    assert_eq!(sim.observer().count(CLIENT, "Reset"), 0);
    assert_eq!(sim.observer().count(CLIENT, "Refused"), 0);
}

#[test]
fn a_host_whose_process_is_down_refuses_at_once() {
    let sim = after(crash(PRIMARY), Heal::After(SECOND * 5));
    assert!(probe(&sim, "connect-refused") >= 1);
    assert_eq!(sim.observer().deaths, [(PRIMARY, Death::Crash)]);
    assert_eq!(acknowledged(&sim).len(), 1_000);
}

#[test]
fn connecting_through_a_partition_times_out_when_the_caller_says() {
    let mut sim = ledger_world(1, 1);
    sim.install(plan(vec![(at(0), Heal::Never, cut(Direction::Both))]));
    sim.run_until(Instant::START + SECOND * 20);
    let failures: Vec<&String> =
        sim.observer().lines.iter().filter(|line| line.contains("ConnectFailed")).collect();
    assert!(failures.iter().all(|line| line.contains("TimedOut")));
    // One attempt takes the primary's patience, the pause after it half of that.
    let expected = SECOND * 20 / PATIENCE.as_nanos() * 2 / 3 * 1_000_000_000;
    assert!(failures.len() as u64 >= expected.as_nanos() / 1_000_000_000 - 1, "{}", failures.len());
}

#[test]
fn a_connection_reset_reaches_both_ends_and_loses_a_suffix() {
    let lost = (0..20).map(|seed| {
        let mut sim = ledger_world(seed, 1_000);
        let reset = Fault::ConnectionReset { a: PRIMARY, b: BACKUP };
        sim.install(plan(vec![(at(600), Heal::Instantaneous, reset)]));
        sim.run_until(Instant::START + SECOND * 60);
        assert_eq!(sim.observer().count(PRIMARY, "Reset"), 1, "seed {seed}");
        assert_eq!(sim.observer().count(BACKUP, "Reset"), 1, "seed {seed}");
        assert_eq!(acknowledged(&sim).len(), 1_000, "seed {seed}");
        probe(&sim, "suffix-lost")
    });
    assert!(lost.sum::<u32>() > 0, "with something in flight, some suffix is lost in some seed");
}

#[test]
fn a_reset_while_connecting_is_told_to_the_opener() {
    for micros in (0..2_000).step_by(50) {
        let mut sim = ledger_world(1, 10);
        let begin = Anchor::At(Instant::from_nanos(micros * 1_000));
        let reset = Fault::ConnectionReset { a: PRIMARY, b: BACKUP };
        sim.install(plan(vec![(begin, Heal::Instantaneous, reset)]));
        sim.run_until(Instant::START + SECOND * 60);
        assert_eq!(acknowledged(&sim).len(), 10, "reset after {micros} us");
    }
}

#[test]
fn a_one_sided_close_is_learnt_by_the_other_side_on_its_next_segment() {
    let sim = after(Fault::OneSidedClose { node: BACKUP, peer: PRIMARY }, Heal::Instantaneous);
    assert_eq!(sim.observer().count(BACKUP, "Reset"), 1);
    assert!(sim.observer().count(PRIMARY, "Reset") >= 1);
    assert_eq!(acknowledged(&sim).len(), 1_000);
}

#[test]
fn a_paused_process_finds_its_mail_and_its_overdue_timers_on_waking() {
    let sim = after(Fault::Pause { node: PRIMARY }, Heal::After(SECOND * 3));
    assert!(probe(&sim, "handled-after-pause") > 0);
    assert!(sim.observer().deaths.is_empty());
    assert!(sim.observer().count(CLIENT, "Overdue") > 0);
    assert_eq!(acknowledged(&sim).len(), 1_000);
}

#[test]
fn a_flapping_link_is_up_and_down_until_it_heals() {
    let (up, down) = (SECOND / 2, SECOND / 2);
    let flap = Fault::FlappingLink { a: PRIMARY, b: BACKUP, up, down };
    let sim = after(flap, Heal::After(SECOND * 10));
    assert!(probe(&sim, "segments-released") >= 2);
    assert_eq!(acknowledged(&sim).len(), 1_000);
}

#[test]
fn a_flapping_link_begins_with_a_cut() {
    let (up, down) = (SECOND * 20, SECOND / 2);
    let flap = Fault::FlappingLink { a: PRIMARY, b: BACKUP, up, down };
    let sim = after(flap, Heal::After(SECOND * 10));
    assert_eq!(probe(&sim, "segments-released"), 1, "the only cut there is time for");
}

#[test]
fn a_flapping_link_outside_the_core_flaps_on() {
    let (up, down) = (SECOND / 2, SECOND / 2);
    let flap = Fault::FlappingLink { a: PRIMARY, b: BACKUP, up, down };
    let mut faults = plan(vec![(at(600), Heal::After(SECOND * 2), flap)]);
    faults.core = Some(CorePhase {
        heal_at: Instant::START + SECOND,
        core: vec![PRIMARY],
        deadline: SECOND * 60,
    });
    let mut sim = world_with_options(SEED, 100_000, Options::default());
    sim.install(faults);
    sim.run_until(Instant::START + SECOND * 5);
    let early = probe(&sim, "segments-released");
    sim.run_until(Instant::START + SECOND * 15);
    assert!(probe(&sim, "segments-released") > early + 2, "down and up again, long after its heal");
}

#[test]
fn isolation_cuts_a_node_from_everybody() {
    let sim = after(Fault::Isolate { node: PRIMARY, traffic: Traffic::Both }, Heal::Never);
    assert!(acknowledged(&sim).len() < 1_000);
}

#[test]
fn a_slow_link_slows_and_recovers() {
    let slow = |heal| {
        let fault = Fault::SlowLink {
            from: CLIENT,
            to: PRIMARY,
            extra_latency_mean: Duration::from_millis(300),
            both_ways: true,
        };
        acknowledged(&after(fault, heal)).len()
    };
    assert!(slow(Heal::Never) < 400);
    assert_eq!(slow(Heal::After(SECOND)), 1_000);
}

#[test]
fn of_overlapping_faults_the_others_still_count_when_one_heals() {
    let slow = |extra_latency_mean| Fault::SlowLink {
        from: CLIENT,
        to: PRIMARY,
        extra_latency_mean,
        both_ways: true,
    };
    let write_error = Fault::WriteError { node: BACKUP };
    let pairs = [
        [slow(Duration::from_millis(400)), slow(Duration::from_millis(300))],
        [write_error.clone(), write_error],
        [
            Fault::SlowDisk { node: BACKUP, factor: 90 },
            Fault::SlowDisk { node: BACKUP, factor: 80 },
        ],
        [
            Fault::SlowCpu { node: PRIMARY, factor: 30_000 },
            Fault::SlowCpu { node: PRIMARY, factor: 20_000 },
        ],
        [
            Fault::FullDisk { node: BACKUP, left_bytes: 0 },
            Fault::FullDisk { node: BACKUP, left_bytes: 1 },
        ],
    ];
    for [first, second] in pairs {
        let finished = |heals: [Heal; 2]| {
            let mut sim = world_with_options(SEED, 1_000, Options::default());
            let faults = [first.clone(), second.clone()];
            let faults = faults.into_iter().zip(heals).map(|(fault, heal)| (at(600), heal, fault));
            sim.install(plan(faults.collect()));
            sim.run_until(Instant::START + SECOND * 10);
            acknowledged(&sim).len() == 1_000
        };
        assert!(!finished([Heal::After(SECOND), Heal::Never]), "{second} is still in force");
        assert!(finished([Heal::After(SECOND), Heal::After(SECOND)]), "{second} heals");
    }
}

#[test]
fn a_narrow_network_takes_longer() {
    let finish = |bandwidth| {
        let network = NetworkOptions { bandwidth, ..NetworkOptions::default() };
        let mut sim = world_with_options(1, 100, Options { network, ..Options::default() });
        assert_eq!(sim.run_until(Instant::NEVER), Stop::Idle);
        sim.now()
    };
    assert!(finish(10_000) > finish(1_000_000_000));
}

#[test]
fn a_slow_cpu_and_a_slow_disk_take_longer() {
    let acknowledged_by = |fault| {
        let mut sim = ledger_world(1, 1_000);
        sim.install(plan(vec![(at(600), Heal::Never, fault)]));
        sim.run_until(Instant::START + SECOND * 2);
        acknowledged(&sim).len()
    };
    let healthy = acknowledged_by(Fault::ClockJump { node: CLIENT, by_ms: 1 });
    assert!(acknowledged_by(Fault::SlowCpu { node: PRIMARY, factor: 10_000 }) < healthy);
    assert!(acknowledged_by(Fault::SlowDisk { node: BACKUP, factor: 50 }) < healthy);
}

#[test]
fn a_stalled_disk_answers_when_the_stall_is_over() {
    let sim = after(Fault::DiskStall { node: BACKUP }, Heal::After(SECOND * 5));
    assert_eq!(acknowledged(&sim).len(), 1_000);
    let mut stalled = ledger_world(1, 1_000);
    let stall = Fault::DiskStall { node: BACKUP };
    stalled.install(plan(vec![(at(600), Heal::After(SECOND * 5), stall)]));
    stalled.run_until(Instant::START + SECOND * 5);
    assert!(acknowledged(&stalled).len() < 1_000);
}

#[test]
fn disk_errors_reach_the_process_which_is_started_again() {
    let faults = [
        Fault::WriteError { node: PRIMARY },
        Fault::FlushError { node: PRIMARY, mode: FlushErrorMode::KeepsDirty },
        Fault::FullDisk { node: PRIMARY, left_bytes: 1_000 },
    ];
    for fault in faults {
        let sim = after(fault.clone(), Heal::After(SECOND));
        assert_eq!(sim.observer().deaths.first(), Some(&(PRIMARY, Death::Exit)), "{fault}");
        assert!(sim.observer().boots.len() > 3, "{fault}: the supervisor starts it again");
        assert_eq!(acknowledged(&sim).len(), 1_000, "{fault}");
    }
}

#[test]
fn a_lost_disk_is_empty_after_the_restart() {
    let mut sim = ledger_world(1, 1_000);
    sim.install(plan(vec![(at(900), Heal::After(SECOND), Fault::DiskLoss { node: BACKUP })]));
    sim.run_until(Instant::START + Duration::from_millis(890));
    assert!(!ledger_on(&sim, BACKUP).is_empty());
    sim.run_until(Instant::START + Duration::from_millis(950));
    assert!(ledger_on(&sim, BACKUP).is_empty());
    sim.run_until(Instant::START + SECOND * 30);
    assert_eq!(ledger_on(&sim, BACKUP).len(), ledger_on(&sim, PRIMARY).len(), "it was caught up");
}

#[test]
fn rotten_sectors_stay_rotten() {
    let sim = after(Fault::BitRot { node: BACKUP, sectors: 3 }, Heal::Instantaneous);
    let file = sim.disk(BACKUP).file(ktrial_sim::example::LedgerFile).expect("it wrote");
    assert!(ledger_on(&sim, BACKUP).len() < file.len());
}

#[test]
fn a_shutdown_is_asked_for_and_the_process_ends_itself() {
    let options = Options { restart_after_exit: None, ..Options::default() };
    let mut sim = world_with_options(SEED, 1_000, options);
    sim.run_until(Instant::START + SECOND);
    sim.shut_down(BACKUP);
    sim.run_until(Instant::START + SECOND * 5);
    assert_eq!(sim.observer().deaths, [(BACKUP, Death::Exit)]);
    assert!(sim.observer().count(PRIMARY, "PeerClosed") >= 1, "the peer is told in good order");
}

#[test]
fn a_planned_shutdown_is_in_good_order_and_the_supervisor_starts_it_again() {
    let sim = after(Fault::Shutdown { node: BACKUP }, Heal::Instantaneous);
    assert_eq!(sim.observer().deaths, [(BACKUP, Death::Exit)]);
    assert_eq!(sim.observer().boots, [PRIMARY, BACKUP, CLIENT, BACKUP]);
    assert!(sim.observer().count(PRIMARY, "PeerClosed") >= 1, "the peer is told in good order");
    assert_eq!(acknowledged(&sim).len(), 1_000);
}

/// A world whose client is the test.
fn played_from_outside() -> Sim<Ledger, Witness> {
    let setup = |name: &str, spec| NodeSetup { name: name.into(), spec, start_at: Instant::START };
    let nodes = vec![
        setup("primary", Some(Role::Primary { backup: BACKUP })),
        setup("backup", Some(Role::Backup)),
        setup("you", None),
    ];
    Sim::new(1, Options::default(), nodes, Witness::default())
}

#[test]
fn a_refusal_that_a_cut_link_swallowed_is_heard_when_the_opener_asks_again() {
    let mut sim = played_from_outside();
    let unheard = Fault::Partition {
        left: vec![PRIMARY],
        right: vec![CLIENT],
        direction: Direction::LeftToRight,
    };
    let heal = Heal::After(SECOND);
    sim.install(plan(vec![(at(0), Heal::Never, crash(PRIMARY)), (at(0), heal, unheard)]));
    sim.run_until(Instant::START + SECOND / 2);
    sim.act_as(CLIENT, |ctx| ctx.connect(PRIMARY, SECOND * 30));
    sim.run_until(Instant::START + SECOND);
    assert_eq!(sim.take_answers(CLIENT).len(), 0);
    sim.run_until(Instant::START + SECOND * 2);
    let answers = sim.take_answers(CLIENT);
    assert!(matches!(answers[..], [(_, Event::ConnectFailed(_, ConnectError::Refused))]));
}

#[test]
fn a_node_can_be_played_from_outside() {
    let mut sim = played_from_outside();
    sim.run_until(Instant::START + SECOND);
    let connection = sim.act_as(CLIENT, |ctx| ctx.connect(PRIMARY, PATIENCE));
    sim.run_until(Instant::START + SECOND * 2);
    assert!(matches!(sim.take_answers(CLIENT)[..], [(_, Event::Connected(_))]));
    assert!(sim.act_as(CLIENT, |ctx| ctx.send(connection, LedgerMessage::Add(77))));
    sim.run_until(Instant::START + SECOND * 3);
    let answers = sim.take_answers(CLIENT);
    assert!(matches!(answers[..], [(_, Event::Message(_, LedgerMessage::Added(77)))]));
}

#[test]
fn a_request_from_outside_reaches_the_process() {
    let mut sim = ledger_world(1, 50);
    sim.inject(CLIENT, 7);
    sim.run_until(Instant::START + SECOND);
    assert_eq!(sim.observer().count(CLIENT, "Request(7)"), 0, "the process was not up yet");
    sim.inject(CLIENT, 49);
    sim.run_until(Instant::START + SECOND * 2);
    assert_eq!(sim.observer().count(CLIENT, "Request(49)"), 1);
}

#[test]
fn nodes_are_cut_off_by_number_not_by_order_of_start() {
    let nobody = Fault::Isolate { node: NodeId(1), traffic: Traffic::Inbound };
    let sim = after(nobody, Heal::After(SECOND));
    assert_eq!(acknowledged(&sim).len(), 1_000);
}
