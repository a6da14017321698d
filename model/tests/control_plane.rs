//! The controller on the kernel, with brokers played from outside: nothing but their control planes.

use std::collections::BTreeMap;
use std::sync::Arc;

use ktrial_model::broker::BrokerTimer;
use ktrial_model::broker::alter_partition_manager::IsrAnswer;
use ktrial_model::broker::control_plane::{ControlPlane, ControlPlaneEvent};
use ktrial_model::broker::lifecycle::{LifecycleEvent, LifecycleState};
use ktrial_model::broker::metadata_cache::MetadataCache;
use ktrial_model::broker::partition::BrokerRegistrations;
use ktrial_model::cluster::{Cluster, Topic};
use ktrial_model::config::{BrokerConfig, TopicConfig};
use ktrial_model::controller::ControllerSpec;
use ktrial_model::error_code::ErrorCode;
use ktrial_model::ids::{BrokerEpoch, BrokerId, TopicId, TopicPartition};
use ktrial_model::message::{AlterPartitionWish, Message};
use ktrial_model::metadata::{BrokerState, PartitionState};
use ktrial_model::mutant::Mutation;
use ktrial_model::note::Note;
use ktrial_model::probe::Probe;
use ktrial_model::process::{Process, ProcessSpec, Timer};
use ktrial_sim::actor::Event;
use ktrial_sim::fault::{Anchor, Direction, Fault, FaultPlan, FlushErrorMode, Heal, PlannedFault};
use ktrial_sim::node_id::NodeId;
use ktrial_sim::observer::{Observer, Stamp};
use ktrial_sim::sim::Sim;
use ktrial_sim::time::{Duration, Instant};
use ktrial_sim::{NodeSetup, Options};
use proptest::prelude::*;

const CONTROLLER: NodeId = NodeId(3);
const PARTITION: TopicPartition = TopicPartition::new(TopicId(0), 0);
const LEADER: BrokerId = BrokerId(0);
const OTHER: BrokerId = BrokerId(1);
const SECOND: Duration = Duration::from_secs(1);

/// What the controller has announced.
#[derive(Clone, Default)]
struct Announced {
    partitions: Vec<(Instant, PartitionState)>,
    fenced: Vec<(Instant, BrokerId)>,
}

impl Observer<Process> for Announced {
    fn noted(&mut self, stamp: Stamp, note: &Note) {
        match note {
            Note::PartitionChanged { state, .. } => {
                self.partitions.push((stamp.at, PartitionState::clone(state)))
            }
            Note::BrokerChanged { broker, state: BrokerState::Fenced } => {
                self.fenced.push((stamp.at, *broker))
            }
            _ => {}
        }
    }
}

/// One controller, three brokers played from outside, one partition that all of them replicate.
struct World {
    sim: Sim<Process, Announced>,
    cluster: Arc<Cluster>,
    brokers: Vec<Option<ControlPlane>>,
    lives: Vec<(BrokerId, LifecycleEvent)>,
    answers: Vec<IsrAnswer>,
    /// How many partitions changed, each time a broker was told of news.
    published: Vec<(BrokerId, usize)>,
}

impl World {
    fn of(seed: u64, faults: Vec<PlannedFault>, mutation: Mutation) -> Self {
        let brokers: Vec<BrokerId> = (0..3).map(BrokerId).collect();
        let config = TopicConfig { min_insync_replicas: 2, ..TopicConfig::default() };
        let cluster = Arc::new(Cluster {
            controller: CONTROLLER,
            brokers: brokers.clone(),
            topics: vec![Topic { name: "orders".to_owned(), config, assignment: vec![brokers] }],
            groups: Vec::new(),
            config: BrokerConfig::default(),
            eligible_leader_replicas: true,
            mutation,
        });
        let spec =
            ProcessSpec::Controller(Arc::new(ControllerSpec { cluster: Arc::clone(&cluster) }));
        let node =
            |name: &str, spec| NodeSetup { name: name.to_owned(), spec, start_at: Instant::START };
        let nodes = vec![
            node("b0", None),
            node("b1", None),
            node("b2", None),
            node("controller", Some(spec)),
        ];
        let mut sim = Sim::new(seed, Options::default(), nodes, Announced::default());
        sim.install(FaultPlan { faults, core: None });
        World {
            sim,
            cluster,
            brokers: vec![None, None, None],
            lives: Vec::new(),
            answers: Vec::new(),
            published: Vec::new(),
        }
    }

    /// A world in which all brokers run, at 5 s.
    fn running(seed: u64, faults: Vec<PlannedFault>) -> Self {
        let mut world = World::of(seed, faults, Mutation::default());
        world.start_all();
        world
    }

    fn start_all(&mut self) {
        for broker in self.cluster.brokers.clone() {
            self.start(broker, None);
        }
        self.run_to_secs(5);
        assert!(
            self.cluster
                .brokers
                .iter()
                .all(|broker| self.state_of(*broker) == LifecycleState::Running)
        );
    }

    fn start(&mut self, broker: BrokerId, previous_epoch: Option<BrokerEpoch>) {
        let cluster = Arc::clone(&self.cluster);
        let started = self.sim.act_as(broker.node(), |ctx| {
            ControlPlane::start(broker, previous_epoch, &cluster, ctx)
        });
        self.brokers[usize::from(broker.0)] = Some(started);
    }

    /// The process is gone, its connections stay: what comes for it is lost.
    fn kill(&mut self, broker: BrokerId) {
        self.brokers[usize::from(broker.0)] = None;
    }

    fn run_to_secs(&mut self, secs: u64) {
        let deadline = Instant::START + SECOND * secs;
        while self.sim.next_event_at().is_some_and(|at| at <= deadline) {
            self.sim.step();
            self.hand_out();
        }
    }

    fn hand_out(&mut self) {
        for broker in self.cluster.brokers.clone() {
            for (_, event) in self.sim.take_answers(broker.node()) {
                self.hand_to(broker, event);
            }
        }
    }

    fn hand_to(&mut self, broker: BrokerId, event: Event<Process>) {
        let Some(plane) = &mut self.brokers[usize::from(broker.0)] else { return };
        let happened = self.sim.act_as(broker.node(), |ctx| match event {
            Event::Connected(connection) => {
                plane.on_connected(connection, ctx);
                None
            }
            Event::ConnectFailed(connection, _) => {
                plane.on_connect_failed(connection, ctx);
                None
            }
            Event::Closed(connection, _) => {
                plane.on_closed(connection, ctx);
                None
            }
            Event::Message(connection, Message::Response(correlation, response)) => {
                plane.on_response(connection, correlation, response, ctx)
            }
            Event::Timer(Timer::Broker(BrokerTimer::ControlPlane(timer))) => {
                plane.on_timer(timer, ctx)
            }
            other => panic!("a control plane has nothing to do with {other:?}"),
        });
        self.act_upon(broker, happened);
    }

    fn act_upon(&mut self, broker: BrokerId, happened: Option<ControlPlaneEvent>) {
        match happened {
            Some(ControlPlaneEvent::Lifecycle(event)) => self.lives.push((broker, event)),
            Some(ControlPlaneEvent::CaughtUp(all)) => {
                self.lives.push((broker, LifecycleEvent::CaughtUp));
                self.published.push((broker, all.partitions.len()));
                self.act(broker, |plane, ctx| plane.ready_to_unfence(ctx));
            }
            Some(ControlPlaneEvent::IsrAnswers(answers)) => self.answers.extend(answers),
            Some(ControlPlaneEvent::Metadata(delta)) => {
                self.published.push((broker, delta.partitions.len()))
            }
            None => {}
        }
    }

    fn act<R>(
        &mut self,
        broker: BrokerId,
        act: impl FnOnce(&mut ControlPlane, &mut ktrial_model::process::Ctx<'_>) -> R,
    ) -> R {
        let plane = self.brokers[usize::from(broker.0)].as_mut().expect("the broker lives");
        self.sim.act_as(broker.node(), |ctx| act(plane, ctx))
    }

    fn shut_down(&mut self, broker: BrokerId) {
        let happened = self.act(broker, |plane, ctx| plane.begin_controlled_shutdown(ctx));
        self.act_upon(broker, happened);
    }

    fn plane(&self, broker: BrokerId) -> &ControlPlane {
        self.brokers[usize::from(broker.0)].as_ref().expect("the broker lives")
    }

    fn cache(&self, broker: BrokerId) -> &MetadataCache {
        self.plane(broker).cache()
    }

    fn state_of(&self, broker: BrokerId) -> LifecycleState {
        self.plane(broker).state()
    }

    /// The partition as the broker sees it.
    fn seen_by(&self, broker: BrokerId) -> &PartitionState {
        self.cache(broker).partition(PARTITION).expect("the topic exists")
    }

    /// The leader's wish for `isr`, based on what the asking broker sees.
    fn wish(&self, asker: BrokerId, isr: &[u16]) -> AlterPartitionWish {
        let state = self.seen_by(asker);
        AlterPartitionWish {
            partition: PARTITION,
            leader_epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
            new_isr: isr.iter().map(|id| (BrokerId(*id), None)).collect(),
            recovered: true,
        }
    }
}

fn fault(at_ms: u64, length: Duration, kind: Fault) -> PlannedFault {
    let begin = Anchor::At(Instant::START + Duration::from_millis(at_ms));
    PlannedFault { id: at_ms as u32, begin, heal: Heal::After(length), kind }
}

#[test]
fn a_cluster_comes_up_and_everyone_sees_the_same() {
    let world = World::running(1, Vec::new());
    for broker in &world.cluster.brokers {
        assert_eq!(world.seen_by(*broker).leader, Some(LEADER));
        assert_eq!(world.seen_by(*broker).isr, world.cluster.brokers);
        assert_eq!(world.cache(*broker).alive_brokers().count(), 3);
        let lived: Vec<_> =
            world.lives.iter().filter(|(who, _)| who == broker).map(|(_, event)| *event).collect();
        let epoch = world.plane(*broker).broker_epoch().expect("registered");
        use LifecycleEvent::{CaughtUp, Registered, Unfenced};
        assert_eq!(lived, [Registered(epoch), CaughtUp, Unfenced], "B2");
    }
}

#[test]
fn b3_a_silent_leader_is_fenced_after_its_session_and_succeeded() {
    let mut world = World::running(2, Vec::new());
    world.kill(LEADER);
    world.run_to_secs(20);
    let [(at, fenced)] = world.sim.observer().fenced[..] else { panic!("one broker is fenced") };
    let silence = at - (Instant::START + SECOND * 5);
    // The last heartbeat was up to 2 s before, and sessions are looked at eight times in their length.
    assert!(SECOND * 7 <= silence && silence <= SECOND * 11, "{silence}");
    assert_eq!(fenced, LEADER);
    assert_eq!(world.seen_by(OTHER).leader, Some(OTHER));
    assert_eq!(world.seen_by(OTHER).leader_epoch.0, 1);
    assert_eq!(
        world.cache(OTHER).registration(LEADER).map(|(_, state)| state),
        Some(BrokerState::Fenced)
    );
}

#[test]
fn b1_a_fast_restart_waits_for_its_own_old_session() {
    let mut world = World::running(3, Vec::new());
    world.kill(LEADER);
    world.run_to_secs(10);
    assert_eq!(world.seen_by(OTHER).leader, Some(LEADER), "nobody knows yet");
    world.published.clear();
    world.start(LEADER, None);
    world.run_to_secs(13);
    assert!(world.sim.probe_count(Probe::DuplicateRegistration) > 0);
    assert_eq!(world.state_of(LEADER), LifecycleState::Starting);
    assert_eq!(world.seen_by(LEADER).leader, Some(LEADER), "so it reads of itself, as it was");
    assert!(world.published.iter().all(|(who, _)| *who != LEADER), "but it may not act upon it");
    world.run_to_secs(40);
    assert_eq!(world.state_of(LEADER), LifecycleState::Running);
    assert_eq!(world.seen_by(LEADER).leader, Some(OTHER));
    assert!(
        !world.seen_by(LEADER).isr.contains(&LEADER),
        "W13: the leader lets it in again, nobody else"
    );
}

#[test]
fn b4_a_stopping_leader_hands_over_and_may_come_back_at_once() {
    let mut world = World::running(4, Vec::new());
    let epoch = world.plane(LEADER).broker_epoch();
    world.shut_down(LEADER);
    world.run_to_secs(8);
    assert_eq!(world.lives.last(), Some(&(LEADER, LifecycleEvent::ShouldShutDown)));
    assert_eq!(world.seen_by(OTHER).leader, Some(OTHER));
    world.kill(LEADER);
    world.run_to_secs(16);
    world.start(LEADER, epoch);
    world.run_to_secs(17);
    assert_eq!(world.sim.probe_count(Probe::DuplicateRegistration), 0);
    assert_eq!(world.sim.probe_count(Probe::BrokerRestartedUncleanly), 0);
    assert_eq!(world.cache(OTHER).alive_brokers().count(), 3);
}

/// Broker 2 goes, then broker 1: the leader is alone and broker 1 eligible. Then broker 1 comes back, having lost its
/// clean-shutdown file.
fn unclean_restart_of_an_eligible_replica(mutation: Mutation) -> World {
    let mut world = World::of(11, Vec::new(), mutation);
    world.start_all();
    world.kill(BrokerId(2));
    world.run_to_secs(17);
    world.kill(OTHER);
    world.run_to_secs(29);
    assert_eq!(
        (&world.seen_by(LEADER).isr[..], &world.seen_by(LEADER).elr[..]),
        (&[LEADER][..], &[OTHER][..])
    );
    world.start(OTHER, None);
    world.run_to_secs(31);
    assert_eq!(world.sim.probe_count(Probe::BrokerRestartedUncleanly), 1);
    world
}

#[test]
fn w13_an_eligible_replica_that_restarts_uncleanly_is_eligible_no_more() {
    assert_eq!(unclean_restart_of_an_eligible_replica(Mutation::default()).seen_by(LEADER).elr, []);
}

#[cfg(feature = "mutants")]
#[test]
fn w13_catches_a_controller_that_trusts_an_unclean_broker() {
    let mutation = Mutation::of(ktrial_model::mutant::Mutant::KeepUncleanBrokerInIsr);
    assert_eq!(unclean_restart_of_an_eligible_replica(mutation).seen_by(LEADER).elr, [OTHER]);
}

#[test]
fn a_stop_that_nobody_grants_ends_all_the_same() {
    let isolated = Fault::Crash { node: CONTROLLER };
    let mut world = World::running(5, vec![fault(5_000, SECOND * 10_000, isolated)]);
    world.run_to_secs(6);
    world.shut_down(LEADER);
    world.run_to_secs(305);
    assert_eq!(world.state_of(LEADER), LifecycleState::PendingControlledShutdown);
    world.run_to_secs(307);
    assert_eq!(world.state_of(LEADER), LifecycleState::ShuttingDown);
}

#[test]
fn e3_a_wish_is_granted_and_a_second_one_waits() {
    let mut world = World::running(6, Vec::new());
    let shrink = world.wish(LEADER, &[0, 1]);
    let expand = world.wish(LEADER, &[0, 1, 2]);
    assert_eq!(world.act(LEADER, |plane, ctx| plane.alter_partition(shrink.clone(), ctx)), Ok(()));
    let refused = world.act(LEADER, |plane, ctx| plane.alter_partition(expand.clone(), ctx));
    assert_eq!(refused, Err(ErrorCode::OperationNotAttempted));
    world.run_to_secs(6);
    let [IsrAnswer { wish, answer: Ok(state) }] = &world.answers[..] else {
        panic!("granted: {:?}", world.answers)
    };
    assert_eq!((wish, &state.isr[..]), (&shrink, &[LEADER, OTHER][..]));
    assert_eq!(world.seen_by(BrokerId(2)), state, "everyone learns of it");
    assert_eq!(world.act(LEADER, |plane, ctx| plane.alter_partition(expand, ctx)), Ok(()));
    world.run_to_secs(7);
    assert_eq!(
        world.answers[1].answer,
        Err(ErrorCode::InvalidUpdateVersion),
        "it was based on the old state"
    );
}

#[test]
fn a_wish_outlives_the_controller() {
    let crash = fault(5_000, SECOND * 5, Fault::Crash { node: CONTROLLER });
    let mut world = World::running(7, vec![crash]);
    let wish = world.wish(LEADER, &[0, 1]);
    assert_eq!(world.act(LEADER, |plane, ctx| plane.alter_partition(wish, ctx)), Ok(()));
    world.run_to_secs(9);
    assert_eq!(world.answers, []);
    world.run_to_secs(60);
    assert_eq!(world.answers.len(), 1);
    assert_eq!(world.seen_by(OTHER).isr, [LEADER, OTHER]);
    assert_eq!(world.sim.probe_count(Probe::ControllerRestarted), 1);
    assert_eq!(world.sim.observer().fenced, [], "sessions begin anew");
}

#[test]
fn news_reaches_the_brokers_without_polling() {
    let mut world = World::running(8, Vec::new());
    let wish = world.wish(LEADER, &[0, 1]);
    assert_eq!(world.act(LEADER, |plane, ctx| plane.alter_partition(wish, ctx)), Ok(()));
    let asked_at = world.sim.now();
    while world.seen_by(BrokerId(2)).isr.len() == 3 {
        world.sim.step();
        world.hand_out();
    }
    // 25 ms of linger, a flush and some hops; a fetch would have waited up to 500 ms.
    assert!(
        world.sim.now() - asked_at < Duration::from_millis(100),
        "{}",
        world.sim.now() - asked_at
    );
}

#[test]
fn a_controller_whose_disk_fails_stops_and_forgets_what_was_not_durable() {
    let failing = Fault::FlushError { node: CONTROLLER, mode: FlushErrorMode::MarksClean };
    let mut world = World::running(9, vec![fault(5_000, SECOND, failing)]);
    let wish = world.wish(LEADER, &[0, 1]);
    assert_eq!(world.act(LEADER, |plane, ctx| plane.alter_partition(wish, ctx)), Ok(()));
    world.run_to_secs(6);
    assert_eq!(world.seen_by(OTHER).isr.len(), 3, "nobody is told of what is not durable");
    world.run_to_secs(60);
    assert_eq!(world.sim.probe_count(Probe::ControllerRestarted), 1);
    assert_eq!(world.answers.len(), 1, "the leader asked again");
}

/// Whatever was told to anyone is still so after the controller lost power (W10): what comes later builds upon it. After a
/// restart everything is announced again, so only contradictions count.
fn assert_power_loss_forgets_nothing(world: &mut World) {
    world.run_to_secs(10);
    world.kill(OTHER);
    world.run_to_secs(30);
    let mut announced = BTreeMap::new();
    for (_, state) in &world.sim.observer().partitions {
        let known = announced.insert(state.partition_epoch, state);
        assert!(known.is_none_or(|known| known == state), "W10: {state:?} replaced {known:?}");
    }
    let newest = announced.into_values().next_back();
    for broker in [LEADER, BrokerId(2)] {
        assert_eq!(
            Some(world.seen_by(broker)),
            newest,
            "W10: {broker} sees what was announced last"
        );
    }
}

/// The leader asks for a smaller ISR at 5 s, and the controller loses power a little later.
fn power_loss_after_a_wish(seed: u64, after_ms: u64, mutation: Mutation) -> World {
    let power_loss = fault(5_000 + after_ms, SECOND, Fault::PowerLoss { nodes: vec![CONTROLLER] });
    let mut world = World::of(seed, vec![power_loss], mutation);
    world.start_all();
    let wish = world.wish(LEADER, &[0, 1]);
    assert_eq!(world.act(LEADER, |plane, ctx| plane.alter_partition(wish, ctx)), Ok(()));
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn w10_what_was_told_survives_a_power_loss_of_the_controller(seed: u64, after_ms in 0..60u64) {
        let mut world = power_loss_after_a_wish(seed, after_ms, Mutation::default());
        assert_power_loss_forgets_nothing(&mut world);
    }
}

#[cfg(feature = "mutants")]
#[test]
#[should_panic(expected = "W10")]
fn w10_catches_a_controller_that_does_not_flush() {
    for seed in 0..50 {
        let mutation = Mutation::of(ktrial_model::mutant::Mutant::SkipMetadataFlush);
        let mut world = power_loss_after_a_wish(seed, 40, mutation);
        assert_power_loss_forgets_nothing(&mut world);
    }
}

#[test]
fn b5_a_broker_that_is_cut_off_runs_on_and_is_unfenced_as_the_same() {
    let cut = Fault::Partition {
        left: vec![LEADER.node()],
        right: vec![CONTROLLER],
        direction: Direction::Both,
    };
    let mut world = World::running(10, vec![fault(5_000, SECOND * 20, cut)]);
    let epoch = world.plane(LEADER).broker_epoch();
    world.run_to_secs(24);
    assert_eq!(world.seen_by(OTHER).leader, Some(OTHER));
    assert_eq!(world.state_of(LEADER), LifecycleState::Running);
    assert_eq!(world.seen_by(LEADER).leader, Some(LEADER), "it has not heard of it");
    world.run_to_secs(60);
    assert_eq!(world.seen_by(LEADER).leader, Some(OTHER));
    assert_eq!(world.plane(LEADER).broker_epoch(), epoch);
    assert_eq!(world.cache(OTHER).alive_brokers().count(), 3);
}
