//! What the monitor reports: which rule was broken, by whom, at which event.

use std::fmt;

use ktrial_sim::observer::Stamp;

use crate::ids::{BrokerId, Offset, TopicPartition};

/// Defines the invariants with number and name in one place.
macro_rules! invariants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A rule that the cluster keeps, by its number in `INVARIANTS.md`.
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Invariant {
            $($(#[$doc])* $variant,)*
        }

        impl Invariant {
            /// Every invariant, by number.
            pub const ALL: &'static [Invariant] = &[$(Invariant::$variant,)*];

            /// Its number, as `W3`.
            pub fn number(self) -> &'static str {
                match self {
                    $(Invariant::$variant => stringify!($variant),)*
                }
            }

            /// Its name, as `LeaderCandidateCompleteness`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Invariant::$variant => $name,)*
                }
            }
        }
    };
}

invariants! {
    /// Two replicas agree below both their high watermarks.
    W1 = "LogMatching",
    /// A new leader has every committed record.
    W2 = "LeaderCompleteness",
    /// Whoever may be elected cleanly has every committed record.
    W3 = "LeaderCandidateCompleteness",
    /// The controller's in-sync replicas have what a leader calls committed.
    W4 = "StrongIsr",
    /// Offsets keep their order.
    W7 = "OffsetOrder",
    /// Leader epochs do not fall along a log, and the epoch cache says where they begin.
    W8 = "EpochMonotonicity",
    /// An epoch has one leader and each of its offsets one record.
    W9 = "OneLeaderPerEpoch",
    /// Metadata moves forward only.
    W10 = "MetadataMonotonicity",
    /// In-sync and eligible replicas fit together.
    W11 = "ValidIsr",
    /// Every committed record is on some replica's disk.
    W12 = "NoGlobalLoss",
    /// Who may have lost data leaves the in-sync and eligible replicas before it takes part again.
    W13 = "UncleanExclusion",
    /// Who a leader counts on has what the leader calls committed.
    W14 = "HighWatermarkJustification",
    /// No replica cuts committed records off.
    W15 = "TruncationSafety",
    /// A log that is opened is the one that was closed.
    W16 = "Recovery",
    /// The high-watermark checkpoint is complete and is used.
    W17 = "Checkpoint",
    /// acks=all is answered once the record is committed.
    W19 = "Purgatory",
}

/// `W3 LeaderCandidateCompleteness`
impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.name())
    }
}

/// A broken invariant, at the event that broke it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The rule.
    pub invariant: Invariant,
    /// When, where and because of what.
    pub stamp: Stamp,
    /// Whose log; `None` if it is about a broker.
    pub partition: Option<TopicPartition>,
    /// The replica that is wrong, or the broker.
    pub broker: Option<BrokerId>,
    /// The first record concerned, if there is one.
    pub offset: Option<Offset>,
    /// What was found and what was expected, in a sentence.
    pub text: String,
}

impl Violation {
    /// Who and what, without the rule: `broker 2: ...`
    pub fn sentence(&self) -> String {
        match self.broker {
            Some(broker) => format!("broker {broker}: {}", self.text),
            None => self.text.clone(),
        }
    }
}

/// `W3 LeaderCandidateCompleteness broken: broker 2: ...`
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} broken: {}", self.invariant, self.sentence())
    }
}

/// A rule's judgement of something that just happened. Nearly always good, so it is no larger than a pointer.
pub(super) type Verdict = Result<(), Box<Broken>>;

/// What a rule knows of its violation; the monitor adds when and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Broken {
    pub(super) invariant: Invariant,
    pub(super) broker: Option<BrokerId>,
    pub(super) offset: Option<Offset>,
    pub(super) text: String,
}

impl Broken {
    /// A violation by a replica.
    pub(super) fn by(invariant: Invariant, broker: BrokerId, text: String) -> Self {
        Broken { invariant, broker: Some(broker), offset: None, text }
    }

    /// A violation by no broker in particular.
    pub(super) fn by_nobody(invariant: Invariant, text: String) -> Self {
        Broken { invariant, broker: None, offset: None, text }
    }

    /// The first record concerned.
    pub(super) fn at(self, offset: Offset) -> Self {
        Broken { offset: Some(offset), ..self }
    }
}

/// `Ok` if `holds`, else what `broken` says.
pub(super) fn ensure(holds: bool, broken: impl FnOnce() -> Broken) -> Verdict {
    if holds { Ok(()) } else { Err(Box::new(broken())) }
}
