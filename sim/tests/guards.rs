//! Programs that misbehave: what never comes to an end is stopped, what is not deterministic is found.

use std::sync::atomic::{AtomicU64, Ordering};

use ktrial_sim::actor::{Actor, Event, Message, ProbeSet};
use ktrial_sim::context::Context;
use ktrial_sim::divergence::first_divergence;
use ktrial_sim::node_id::NodeId;
use ktrial_sim::sim::{Sim, Stop};
use ktrial_sim::time::{Duration, Instant};
use ktrial_sim::trace::TraceHasher;
use ktrial_sim::{NodeSetup, Options};

/// What is wrong with the process.
#[derive(Clone, Debug)]
enum Vice {
    /// It sets a timer again whenever it fires, after this long.
    NeverRests(Duration),
    /// After this many ticks of a second its pace depends on what other runs did.
    ForgetsItsSeed { after_ticks: u64 },
}

/// Shared by all runs of the test process: just what a deterministic program must not have.
static TICKS_OF_ALL_RUNS: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Debug)]
struct Sinner {
    vice: Vice,
    ticks: u64,
}

impl Sinner {
    fn pace(&self) -> Duration {
        match self.vice {
            Vice::NeverRests(pace) => pace,
            Vice::ForgetsItsSeed { after_ticks } if self.ticks < after_ticks => {
                Duration::from_secs(1)
            }
            Vice::ForgetsItsSeed { .. } => {
                let stolen = TICKS_OF_ALL_RUNS.fetch_add(1, Ordering::Relaxed);
                Duration::from_secs(1) + Duration::from_nanos(stolen)
            }
        }
    }
}

/// It talks to nobody.
#[derive(Clone, Debug)]
enum Silence {}

impl Message for Silence {
    const KINDS: &'static [&'static str] = &[];

    fn kind(&self) -> usize {
        match *self {}
    }

    fn size_bytes(&self) -> u64 {
        match *self {}
    }

    fn hash(&self, _: &mut TraceHasher) {
        match *self {}
    }
}

#[derive(Copy, Clone, Debug)]
enum NoProbe {}

impl ProbeSet for NoProbe {
    const NAMES: &'static [&'static str] = &[];

    fn index(self) -> usize {
        match self {}
    }
}

impl Actor for Sinner {
    type Spec = Vice;
    type Message = Silence;
    type Timer = &'static str;
    type File = ();
    type Entry = ();
    type Token = ();
    type Note = ();
    type Probe = NoProbe;
    type Request = ();

    fn boot(vice: &Vice, ctx: &mut Context<'_, Self>) -> Self {
        let sinner = Sinner { vice: vice.clone(), ticks: 0 };
        ctx.set_timer(sinner.pace(), "tick");
        sinner
    }

    fn handle(&mut self, event: Event<Self>, ctx: &mut Context<'_, Self>) {
        if let Event::Timer(tick) = event {
            self.ticks += 1;
            ctx.set_timer(self.pace(), tick);
        }
    }
}

fn world(vice: Vice, options: Options) -> Sim<Sinner> {
    let setup = NodeSetup { name: "sinner".to_owned(), spec: Some(vice), start_at: Instant::START };
    Sim::new(1, options, vec![setup], ())
}

const HOUR: Instant = Instant::from_nanos(3_600_000_000_000);

/// Clocks that run true and processes that take no time, so that nothing but the guard ends the instant.
fn ideal() -> Options {
    let mut options = Options { service_time: Duration::ZERO, ..Options::default() };
    options.clocks.drift_ppm_max = 0;
    options.clocks.offset_max = Duration::ZERO;
    options
}

#[test]
fn a_timer_of_no_time_set_again_and_again_is_stopped_though_time_stands_still() {
    let options = Options { events_per_instant_max: 1_000, ..ideal() };
    let mut sim = world(Vice::NeverRests(Duration::ZERO), options);
    assert_eq!(sim.run_until(HOUR), Stop::Zeno);
    assert!(sim.now() < HOUR);
    assert_eq!(sim.process(NodeId(0)).map(|process| process.ticks), Some(1_000), "and the boot");
}

#[test]
fn a_program_that_goes_on_for_ever_is_stopped_after_so_many_events() {
    let vice = Vice::NeverRests(Duration::from_micros(1));
    let stops_at = |events_max| {
        let mut sim = world(vice.clone(), Options { events_max, ..ideal() });
        (sim.run_until(HOUR), sim.events())
    };
    assert_eq!(stops_at(5_000), (Stop::Livelock, 5_001));
    let patient = Options { events_max: 5_000, ..ideal() };
    let mut sim = world(Vice::NeverRests(Duration::from_secs(1)), patient);
    assert_eq!(sim.run_until(HOUR), Stop::Deadline, "what rests between its events is not stopped");
}

#[test]
fn the_first_event_that_differs_is_named() {
    let make = || world(Vice::ForgetsItsSeed { after_ticks: 3 }, ideal());
    let found = first_divergence(make, make, HOUR).expect("the runs share a counter");
    assert_eq!(found.event_index, 4, "the boot and three ticks are alike");
    assert!(found.at >= Instant::START + Duration::from_secs(4));
    assert!(found.left.contains("tick") && found.right.contains("tick"), "{found}");
    assert_ne!(found.left, found.right);
}

#[test]
fn runs_that_are_alike_do_not_diverge() {
    let make = || world(Vice::NeverRests(Duration::from_secs(1)), Options::default());
    assert_eq!(first_divergence(make, make, HOUR), None);
}

#[test]
fn a_run_that_ends_earlier_diverges() {
    let restless = || world(Vice::NeverRests(Duration::from_secs(1)), ideal());
    let lazy = || world(Vice::NeverRests(Duration::from_secs(7_200)), ideal());
    let found = first_divergence(restless, lazy, HOUR).expect("one ticks, the other does not");
    assert_eq!(found.right, "nothing more before the deadline");
}
