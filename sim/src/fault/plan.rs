//! The fault plan: intervals with begin and heal, and the phase in which a core is healed.
//!
//! ```text
//!   begin                 heal            core.heal_at        + deadline
//!     |---- fault 1 --------|                  |                   |
//!            |---- fault 2, in the core -------| healed            |
//!                    |---- fault 3, outside ---+-- permanent ------|
//!     safety is judged --------------------------------------------|
//!                                              | progress demanded |
//! ```
//!
//! A begin is anchored at a time or at a logical moment; logical anchors survive the shrinking of unrelated events, times
//! do not. [`FaultPlan::concretised`] replaces all anchors by the times at which they came true.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::Fault;
use super::phrase::list;
use crate::node_id::NodeId;
use crate::time::{Duration, Instant};

/// Everything that is going to break in a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// The faults. Generated plans list them by begin; the order has no meaning.
    pub faults: Vec<PlannedFault>,
    /// The second phase, if the trial demands progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<CorePhase>,
}

/// One fault with its begin and its heal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// Names the fault in traces, reports and while shrinking; unique in its plan.
    pub id: u32,
    /// When it begins.
    pub begin: Anchor,
    /// When it is whole again.
    pub heal: Heal,
    /// What breaks.
    pub kind: Fault,
}

/// The moment at which a fault begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Anchor {
    /// A point in simulated time.
    #[serde(rename = "at_ns")]
    At(#[schemars(with = "u64")] Instant),
    /// The n-th message of a kind between two nodes.
    Message {
        /// The name of the message's kind, as the actor gives it: `fetch-request`.
        kind: String,
        /// The sender.
        from: NodeId,
        /// The receiver.
        to: NodeId,
        /// Which of them, counted from 1.
        nth: u64,
        /// Whether sending or delivery counts.
        point: MessagePoint,
        /// How long after that.
        #[serde(rename = "after_ns", default)]
        #[schemars(with = "u64")]
        after: Duration,
    },
    /// The n-th hit of a probe.
    Probe {
        /// The probe's name, as the actor gives it.
        name: String,
        /// The node that must hit it; any node if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<NodeId>,
        /// Which hit, counted from 1.
        nth: u64,
        /// How long after that.
        #[serde(rename = "after_ns", default)]
        #[schemars(with = "u64")]
        after: Duration,
    },
}

/// The end of a message's way that an anchor waits for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MessagePoint {
    /// The sender hands it to its connection.
    Sent,
    /// The receiver handles it.
    Delivered,
}

/// When a fault is whole again.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Heal {
    /// So long after its begin.
    #[serde(rename = "after_ns")]
    After(#[schemars(with = "u64")] Duration),
    /// Not in this trial, unless the core phase heals it.
    Never,
    /// There is nothing to heal: the fault happens at one instant.
    Instantaneous,
}

/// The second phase: what keeps a core from working is healed, everything else becomes permanent, and the core must make
/// progress. Finds the livelocks that faults which always heal would hide (the idea is TigerBeetle's).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorePhase {
    /// When the phase begins; no fault begins from then on.
    #[serde(rename = "heal_at_ns")]
    #[schemars(with = "u64")]
    pub heal_at: Instant,
    /// The nodes that work from then on, and the links between them.
    pub core: Vec<NodeId>,
    /// Simulated time within which the core must make progress.
    #[serde(rename = "deadline_ns")]
    #[schemars(with = "u64")]
    pub deadline: Duration,
}

impl FaultPlan {
    /// Whether all is whole again at some time: no fault lasts for good, and no core is all that heals.
    #[must_use]
    pub fn heals(&self) -> bool {
        self.core.is_none() && self.faults.iter().all(|fault| fault.heal != Heal::Never)
    }

    /// This plan without the fault `id`; the others keep their ids.
    #[must_use]
    pub fn without(&self, id: u32) -> FaultPlan {
        let faults = self.faults.iter().filter(|fault| fault.id != id).cloned().collect();
        FaultPlan { faults, core: self.core.clone() }
    }

    /// The faults that name at least one of `nodes`, in plan order.
    pub fn touching<'a>(
        &'a self,
        nodes: &'a BTreeSet<NodeId>,
    ) -> impl Iterator<Item = &'a PlannedFault> {
        self.faults.iter().filter(|fault| !fault.kind.nodes().is_disjoint(nodes))
    }

    /// This plan as it came true: faults in `began` begin at the time given there, all others (never reached, or vetoed)
    /// are gone.
    #[must_use]
    pub fn concretised(&self, began: &BTreeMap<u32, Instant>) -> FaultPlan {
        let fired = |fault: &PlannedFault| {
            let begin = Anchor::At(*began.get(&fault.id)?);
            Some(PlannedFault { begin, ..fault.clone() })
        };
        let mut faults: Vec<PlannedFault> = self.faults.iter().filter_map(fired).collect();
        faults.sort_by_key(|fault| (began[&fault.id], fault.id));
        FaultPlan { faults, core: self.core.clone() }
    }

    /// The plan as lines for people, one per fault and one for the core phase.
    pub fn describe(&self) -> Vec<String> {
        let faults = self.faults.iter().map(ToString::to_string);
        faults.chain(self.core.iter().map(ToString::to_string)).collect()
    }
}

impl Heal {
    /// When a fault that began at `begin` is whole again: `begin` if it happens at one instant, [`Instant::NEVER`] if it
    /// never heals.
    pub fn of(self, begin: Instant) -> Instant {
        match self {
            Heal::After(length) => begin + length,
            Heal::Never => Instant::NEVER,
            Heal::Instantaneous => begin,
        }
    }
}

impl fmt::Display for PlannedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {}: {}{}", self.id, self.begin, self.kind, self.heal)
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Anchor::At(time) => write!(f, "at {time}"),
            Anchor::Message { kind, from, to, nth, point, after } => {
                let point = match point {
                    MessagePoint::Sent => "sent",
                    MessagePoint::Delivered => "delivered",
                };
                write!(f, "{}when {kind} no. {nth} from {from} to {to} is {point}", Delay(*after))
            }
            Anchor::Probe { name, node, nth, after } => {
                write!(f, "{}at hit no. {nth} of {name}", Delay(*after))?;
                node.map_or(Ok(()), |node| write!(f, " on {node}"))
            }
        }
    }
}

/// The optional delay of a logical anchor: `0.500000s after `, or nothing.
struct Delay(Duration);

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() { Ok(()) } else { write!(f, "{} after the moment ", self.0) }
    }
}

/// What follows the fault in a sentence: ` for 2.000000s`.
impl fmt::Display for Heal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Heal::After(length) => write!(f, " for {length}"),
            Heal::Never => write!(f, " for good"),
            Heal::Instantaneous => Ok(()),
        }
    }
}

impl fmt::Display for CorePhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CorePhase { heal_at, core, deadline } = self;
        write!(
            f,
            "from {heal_at}: {} work, other faults stay, progress within {deadline}",
            list(core.iter().map(ToString::to_string))
        )
    }
}
