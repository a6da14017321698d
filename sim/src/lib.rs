//! The kernel: a world in which programs run on simulated time, network, disks and clocks, and in which things break. It
//! knows nothing of Kafka.
//!
//! A program is a state machine, an [`Actor`](actor::Actor): it gets [events](actor::Event) and acts through its
//! [`Context`](context::Context). Everything else is drawn from one seed, so the same seed is the same run, bit for bit:
//!
//! ```
//! use ktrial_sim::example::{Ledger, Role};
//! use ktrial_sim::fault::{Anchor, Fault, FaultPlan, Heal, PlannedFault};
//! use ktrial_sim::node_id::NodeId;
//! use ktrial_sim::sim::Sim;
//! use ktrial_sim::time::{Duration, Instant};
//! use ktrial_sim::{NodeSetup, Options};
//!
//! // A ledger with a primary and a backup, and a client that adds a hundred numbers.
//! let (primary, backup) = (NodeId(0), NodeId(1));
//! let roles = [Role::Primary { backup }, Role::Backup, Role::Client { primary, count: 100 }];
//! let node = |role| NodeSetup { name: format!("{role:?}"), spec: Some(role), start_at: Instant::START };
//! let run = |seed| {
//!     let mut sim: Sim<Ledger> =
//!         Sim::new(seed, Options::default(), roles.iter().cloned().map(node).collect(), ());
//!     // The primary loses power after 200 ms, for one second.
//!     let begin = Anchor::At(Instant::START + Duration::from_millis(200));
//!     let heal = Heal::After(Duration::from_secs(1));
//!     let kind = Fault::PowerLoss { nodes: vec![primary] };
//!     sim.install(FaultPlan { faults: vec![PlannedFault { id: 1, begin, heal, kind }], core: None });
//!     sim.run_until(Instant::START + Duration::from_secs(60));
//!     sim
//! };
//! let sim = run(7);
//! assert_eq!(sim.trace_hash(), run(7).trace_hash(), "one seed is one run");
//! assert_ne!(sim.trace_hash(), run(8).trace_hash());
//!
//! // A clone is a fork of the whole world: both go on alike.
//! let (mut one, mut other) = (sim.clone(), sim);
//! for world in [&mut one, &mut other] {
//!     world.run_until(Instant::START + Duration::from_secs(90));
//! }
//! assert_eq!(one.trace_hash(), other.trace_hash());
//! ```
//!
//! # A tour
//!
//! - What runs: [`actor`] and [`context`] are all a program sees; [`example`] is a small one.
//! - What drives it: [`sim`] owns a world, [`queue`] says what is next, [`order`] who goes first among equals.
//! - Chance: [`random`] gives every decision an address, so that taking something away moves nobody else's draws.
//! - [`network`]: connections that stall, die and lose an unknown suffix.
//! - [`disk`]: a page cache, and what a power loss leaves of it.
//! - [`fault`]: what breaks, as data: drawn from a profile, printed, stored, replayed.
//! - Watching: [`observer`] sees everything, [`probe`] counts rare things, [`trace`] reduces a run to a hash, and
//!   [`divergence`] names the first event in which two runs that should be one differ.
//! - [`time`], [`chunked`] and [`sorted_map`] are what all of it is made of.

pub mod actor;
pub mod chunked;
mod clock;
pub mod context;
pub mod disk;
pub mod divergence;
pub mod example;
pub mod fault;
mod kernel;
pub mod network;
pub mod node_id;
pub mod observer;
pub mod order;
pub mod probe;
pub mod queue;
pub mod random;
pub mod sim;
pub mod sorted_map;
pub mod time;
pub mod trace;

pub use kernel::{ClockOptions, NodeSetup, Options};
