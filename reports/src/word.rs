//! The one word that says what a campaign found.

use anstyle::{AnsiColor, Style};
use ktrial_scenarios::campaign::{Campaign, Conclusion};
use ktrial_scenarios::outcome::{AnomalyKind, Property};
use ktrial_scenarios::violation::Violation;

/// What a campaign found, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// Nothing but what is allowed.
    Pass,
    /// Not enough was seen to say.
    Open,
    /// A record was stored or processed twice.
    Dup,
    /// Records are out of order, or readers disagree about them.
    Order,
    /// A record is gone, or a group never processed it.
    Loss,
    /// No progress after healing.
    Stuck,
    /// The model broke an invariant of its own.
    Broken,
    /// ktrial itself made a mistake.
    Bug,
}

impl Word {
    /// The word for a campaign: the worst that was found, leaving out what is merely allowed.
    #[must_use]
    pub fn of(campaign: &Campaign) -> Self {
        let expected =
            campaign.tally.anomalies.keys().filter(|kind| must_be_found(campaign, **kind));
        let expected = expected.map(|kind| Self::of_anomaly(*kind));
        let violations = campaign.tally.violations.keys().map(Self::of_violation);
        let open = matches!(
            campaign.judgement.conclusion,
            Conclusion::Inconclusive | Conclusion::NothingRan
        );
        let open = open.then_some(Self::Open);
        expected.chain(violations).chain(open).max().unwrap_or(Self::Pass)
    }

    /// The word for an anomaly.
    #[must_use]
    pub fn of_anomaly(kind: AnomalyKind) -> Self {
        match (kind, kind.property()) {
            (AnomalyKind::Duplicate, _) => Self::Dup,
            (AnomalyKind::SkippedInput, _) => Self::Loss,
            (_, property) => Self::of_property(property),
        }
    }

    fn of_property(property: Property) -> Self {
        match property {
            Property::PartitionOrder | Property::Linearizability | Property::Isolation => {
                Self::Order
            }
            Property::AckedDurability | Property::AtLeastOnce => Self::Loss,
            Property::AtMostOnce | Property::ExactlyOnce => Self::Dup,
            Property::Availability => Self::Stuck,
        }
    }

    fn of_violation(violation: &Violation) -> Self {
        match violation {
            Violation::Panic | Violation::Divergence => Self::Bug,
            Violation::Invariant(_) => Self::Broken,
            Violation::Stuck => Self::Stuck,
            Violation::Property(property) => Self::of_property(*property),
            Violation::Anomaly(kind) => Self::of_anomaly(*kind),
        }
    }

    /// The word as it is printed.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Open => "?",
            Self::Dup => "DUP",
            Self::Order => "ORDER",
            Self::Loss => "LOSS",
            Self::Stuck => "STUCK",
            Self::Broken => "BROKEN",
            Self::Bug => "BUG",
        }
    }

    /// The colour that goes with it.
    #[must_use]
    pub fn style(self) -> Style {
        let color = match self {
            Self::Pass => AnsiColor::Green,
            Self::Open | Self::Dup => AnsiColor::Yellow,
            Self::Order => AnsiColor::Magenta,
            Self::Loss | Self::Stuck | Self::Broken | Self::Bug => AnsiColor::Red,
        };
        color.on_default().bold()
    }
}

fn must_be_found(campaign: &Campaign, kind: AnomalyKind) -> bool {
    campaign.case.scenario.expect.finds.iter().any(|finding| finding.anomaly.means(kind))
}
