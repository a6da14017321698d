//! What makes a plan wrong for a fleet, told before the trial starts.

use std::collections::BTreeSet;

use super::fleet::Fleet;
use super::kind::Fault;
use super::plan::{Anchor, CorePhase, FaultPlan, Heal, PlannedFault};
use crate::node_id::NodeId;

/// Why a plan cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Two faults share an id.
    #[error("fault #{id} is there twice; ids are unique in a plan")]
    DuplicateId {
        /// The id.
        id: u32,
    },
    /// A fault or its anchor names a node that the fleet does not have.
    #[error("fault #{id} ({name}) names {node}, but the fleet has only {known}")]
    UnknownNode {
        /// The fault.
        id: u32,
        /// Its kind.
        name: &'static str,
        /// The unknown node.
        node: NodeId,
        /// The nodes there are, as a list.
        known: String,
    },
    /// An anchor waits for a message kind or a probe that no actor has.
    #[error("fault #{id} ({fault}) waits for {sort} \"{name}\", but there is only {known}")]
    UnknownMoment {
        /// The fault.
        id: u32,
        /// Its kind.
        fault: &'static str,
        /// What it waits for: a message kind or a probe.
        sort: &'static str,
        /// The unknown name.
        name: String,
        /// The names there are, as a list.
        known: String,
    },
    /// The fault's own numbers make no sense.
    #[error("fault #{id} ({name}): {reason}")]
    Senseless {
        /// The fault.
        id: u32,
        /// Its kind.
        name: &'static str,
        /// What is wrong and what would be right.
        reason: &'static str,
    },
    /// A fault begins when the core phase has begun.
    #[error("fault #{id} ({name}) begins at or after the core phase, when nothing breaks any more")]
    AfterCore {
        /// The fault.
        id: u32,
        /// Its kind.
        name: &'static str,
    },
    /// The core phase is not possible.
    #[error("core phase: {reason}")]
    Core {
        /// What is wrong.
        reason: String,
    },
}

impl FaultPlan {
    /// Checks that the plan can be carried out on `fleet`.
    ///
    /// # Errors
    /// The first thing that is wrong, in plan order.
    pub fn validate(&self, fleet: &Fleet) -> Result<(), PlanError> {
        let known = fleet.nodes();
        let mut ids = BTreeSet::new();
        for fault in &self.faults {
            if !ids.insert(fault.id) {
                return Err(PlanError::DuplicateId { id: fault.id });
            }
            validate_fault(fault, known)?;
        }
        self.core.as_ref().map_or(Ok(()), |core| validate_core(core, &self.faults, known))
    }

    /// Checks that every moment an anchor waits for has one of the names that the actors give to message kinds and probes.
    ///
    /// # Errors
    /// The first unknown name, in plan order.
    pub fn validate_moments(&self, kinds: &[&str], probes: &[&str]) -> Result<(), PlanError> {
        self.faults.iter().try_for_each(|fault| {
            let (sort, name, known) = match &fault.begin {
                Anchor::At(_) => return Ok(()),
                Anchor::Message { kind, .. } => ("message kind", kind, kinds),
                Anchor::Probe { name, .. } => ("probe", name, probes),
            };
            if known.contains(&name.as_str()) {
                return Ok(());
            }
            let (id, fault, known) = (fault.id, fault.kind.name(), known.join(", "));
            Err(PlanError::UnknownMoment { id, fault, sort, name: name.clone(), known })
        })
    }
}

fn validate_fault(fault: &PlannedFault, known: &BTreeSet<NodeId>) -> Result<(), PlanError> {
    let (id, name) = (fault.id, fault.kind.name());
    let named = fault.kind.nodes().into_iter().chain(anchor_nodes(&fault.begin));
    if let Some(node) = named.into_iter().find(|node| !known.contains(node)) {
        return Err(PlanError::UnknownNode { id, name, node, known: listed(known) });
    }
    let reasons =
        [senseless_kind(&fault.kind), senseless_heal(fault), senseless_anchor(&fault.begin)];
    reasons
        .into_iter()
        .flatten()
        .next()
        .map_or(Ok(()), |reason| Err(PlanError::Senseless { id, name, reason }))
}

fn anchor_nodes(anchor: &Anchor) -> Vec<NodeId> {
    match anchor {
        Anchor::At(_) => vec![],
        Anchor::Message { from, to, .. } => vec![*from, *to],
        Anchor::Probe { node, .. } => node.iter().copied().collect(),
    }
}

fn senseless_kind(kind: &Fault) -> Option<&'static str> {
    match kind {
        Fault::PowerLoss { nodes } => {
            (nodes.is_empty() || has_twins(nodes)).then_some("names at least one node, each once")
        }
        Fault::Partition { left, right, .. } => {
            let both: Vec<NodeId> = left.iter().chain(right).copied().collect();
            (left.is_empty() || right.is_empty() || has_twins(&both))
                .then_some("each side has at least one node, and each node is on one side, once")
        }
        Fault::FlappingLink { a, b, up, down } => (a == b || up.is_zero() || down.is_zero())
            .then_some("has two ends and is up and down above 0 ns each time"),
        Fault::SlowLink { from, to, extra_latency_mean, .. } => (from == to
            || extra_latency_mean.is_zero())
        .then_some("has two ends and an extra latency above 0 ns"),
        Fault::ConnectionReset { a, b } | Fault::OneSidedClose { node: a, peer: b } => {
            (a == b).then_some("has two different ends")
        }
        Fault::SlowDisk { factor, .. } | Fault::SlowCpu { factor, .. } => {
            (*factor < 2).then_some("the factor is at least 2")
        }
        Fault::BitRot { sectors, .. } => (*sectors == 0).then_some("hits at least one sector"),
        Fault::ClockJump { by_ms, .. } => {
            (*by_ms == 0).then_some("jumps by something other than 0 ms")
        }
        Fault::ClockDrift { ppm, .. } => (*ppm == 0 || *ppm <= -1_000_000)
            .then_some("drifts by something other than 0 ppm and above -1000000 ppm"),
        Fault::Crash { .. }
        | Fault::Shutdown { .. }
        | Fault::Pause { .. }
        | Fault::Isolate { .. }
        | Fault::DiskStall { .. }
        | Fault::WriteError { .. }
        | Fault::FlushError { .. }
        | Fault::FullDisk { .. }
        | Fault::DiskLoss { .. } => None,
    }
}

fn senseless_heal(fault: &PlannedFault) -> Option<&'static str> {
    match (fault.kind.is_instantaneous(), fault.heal) {
        (_, Heal::After(length)) if length.is_zero() => {
            Some("is healed before it began; after_ns is above 0")
        }
        (true, Heal::After(_) | Heal::Never) => {
            Some("happens at one instant; its heal is \"instantaneous\"")
        }
        (false, Heal::Instantaneous) => Some("lasts; its heal is {\"after_ns\": ...} or \"never\""),
        (true, Heal::Instantaneous) | (false, Heal::After(_) | Heal::Never) => None,
    }
}

fn senseless_anchor(anchor: &Anchor) -> Option<&'static str> {
    match anchor {
        Anchor::Message { nth: 0, .. } | Anchor::Probe { nth: 0, .. } => Some("nth counts from 1"),
        Anchor::Message { .. } | Anchor::Probe { .. } | Anchor::At(_) => None,
    }
}

fn validate_core(
    core: &CorePhase,
    faults: &[PlannedFault],
    known: &BTreeSet<NodeId>,
) -> Result<(), PlanError> {
    let wrong = |reason: String| Err(PlanError::Core { reason });
    if let Some(node) = core.core.iter().find(|node| !known.contains(node)) {
        return wrong(format!("names {node}, but the fleet has only {}", listed(known)));
    }
    if core.core.is_empty() || has_twins(&core.core) {
        return wrong("names at least one node, each once".to_owned());
    }
    if core.deadline.is_zero() {
        return wrong("the deadline is above 0 ns".to_owned());
    }
    let late =
        |fault: &&PlannedFault| matches!(fault.begin, Anchor::At(begin) if begin >= core.heal_at);
    match faults.iter().find(late) {
        Some(fault) => Err(PlanError::AfterCore { id: fault.id, name: fault.kind.name() }),
        None => Ok(()),
    }
}

fn has_twins(nodes: &[NodeId]) -> bool {
    nodes.iter().collect::<BTreeSet<_>>().len() < nodes.len()
}

fn listed(nodes: &BTreeSet<NodeId>) -> String {
    let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    nodes.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Duration, Instant};

    fn fleet() -> Fleet {
        Fleet::new().with_role("servers", [1, 2, 3].map(NodeId))
    }

    fn planned(kind: Fault, heal: Heal) -> PlannedFault {
        PlannedFault { id: 7, begin: Anchor::At(Instant::from_nanos(5)), heal, kind }
    }

    fn error_of(faults: Vec<PlannedFault>, core: Option<CorePhase>) -> String {
        FaultPlan { faults, core }.validate(&fleet()).expect_err("the plan is wrong").to_string()
    }

    fn crash(node: u16) -> PlannedFault {
        planned(Fault::Crash { node: NodeId(node) }, Heal::Never)
    }

    #[test]
    fn an_unknown_node_is_named_with_those_there_are() {
        assert_eq!(
            error_of(vec![crash(9)], None),
            "fault #7 (crash) names n9, but the fleet has only n1, n2, n3"
        );
    }

    #[test]
    fn an_anchor_names_only_nodes_there_are() {
        let begin = Anchor::Probe {
            name: "elected".into(),
            node: Some(NodeId(4)),
            nth: 1,
            after: Duration::ZERO,
        };
        let fault = PlannedFault { begin, ..crash(1) };
        assert_eq!(
            error_of(vec![fault], None),
            "fault #7 (crash) names n4, but the fleet has only n1, n2, n3"
        );
    }

    #[test]
    fn an_anchor_waits_for_what_can_happen() {
        let begin =
            Anchor::Probe { name: "electd".into(), node: None, nth: 1, after: Duration::ZERO };
        let plan = FaultPlan { faults: vec![PlannedFault { begin, ..crash(1) }], core: None };
        assert_eq!(plan.validate_moments(&[], &["elected", "electd"]), Ok(()));
        let error = plan.validate_moments(&["electd"], &["elected", "fenced"]).unwrap_err();
        let told = "fault #7 (crash) waits for probe \"electd\", but there is only elected, fenced";
        assert_eq!(error.to_string(), told);
    }

    #[test]
    fn a_fault_heals_after_it_began() {
        let fault = planned(Fault::Pause { node: NodeId(1) }, Heal::After(Duration::ZERO));
        assert_eq!(
            error_of(vec![fault], None),
            "fault #7 (pause): is healed before it began; after_ns is above 0"
        );
    }

    #[test]
    fn what_happens_at_once_has_nothing_to_heal() {
        let reset = Fault::ConnectionReset { a: NodeId(1), b: NodeId(2) };
        assert!(
            error_of(vec![planned(reset, Heal::Never)], None)
                .ends_with("its heal is \"instantaneous\"")
        );
        let stall = Fault::DiskStall { node: NodeId(1) };
        assert!(error_of(vec![planned(stall, Heal::Instantaneous)], None).contains("lasts"));
    }

    #[test]
    fn ids_are_unique() {
        assert_eq!(
            error_of(vec![crash(1), crash(2)], None),
            "fault #7 is there twice; ids are unique in a plan"
        );
    }

    #[test]
    fn nothing_begins_in_the_core_phase() {
        let core = CorePhase {
            heal_at: Instant::from_nanos(5),
            core: vec![NodeId(1), NodeId(2)],
            deadline: Duration::from_secs(1),
        };
        assert!(
            error_of(vec![crash(1)], Some(core.clone()))
                .contains("begins at or after the core phase")
        );
        let beyond = CorePhase { core: vec![NodeId(8)], ..core };
        assert_eq!(
            error_of(vec![], Some(beyond)),
            "core phase: names n8, but the fleet has only n1, n2, n3"
        );
    }

    #[test]
    fn a_sound_plan_passes() {
        let plan = FaultPlan { faults: vec![crash(1)], core: None };
        assert_eq!(plan.validate(&fleet()), Ok(()));
    }
}
