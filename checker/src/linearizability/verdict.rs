//! What the engine answers. It speaks of operations by their index in the history, whatever the model.

/// How much may be spent, in configurations: the same on every machine. A million take a second or less and some tens of
/// megabytes with small states; with more than 128 calls open at once, each counts for as many as it has such bundles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// To find out whether the history is linearizable.
    pub configurations: u64,
    /// To make a counterexample small, after that.
    pub counterexample: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { configurations: 4_000_000, counterexample: 1_000_000 }
    }
}

/// Whether a history is linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Ok {
        /// The proof: for each partition, in the order of their keys, operations in an order that explains all responses.
        /// Calls without a response that are in none did not need to take effect.
        orders: Vec<Vec<usize>>,
    },
    /// It is not.
    Illegal(Box<Counterexample>),
    /// The budget did not suffice.
    Unknown(Box<Progress>),
}

impl Verdict {
    /// The verdict in one word, as for all properties: `valid`, `invalid`, `unknown`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Verdict::Ok { .. } => "valid",
            Verdict::Illegal(_) => "invalid",
            Verdict::Unknown(_) => "unknown",
        }
    }
}

/// Why a history is not linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// The key of the partition, if the history was divided.
    pub partition: Option<String>,
    /// The operation whose response cannot be explained, the earliest there is: up to just before it, the history is
    /// linearizable.
    pub failing: usize,
    /// How many operations of the partition were invoked before that response: the minimal failing prefix.
    pub prefix: usize,
    /// Operations, by invocation, whose responses contradict each other, whatever all other operations did.
    pub core: Vec<usize>,
    /// Whether the budget sufficed to know that `failing` is the earliest, and that `core` is 1-minimal: were any one of
    /// its responses unknown, the others could be explained.
    pub is_minimal: bool,
    /// States in which the system can be just before the failing response, at most [`STATES_SHOWN`]; empty if finding
    /// them was too expensive.
    pub states: Vec<String>,
    /// How many such states there are.
    pub states_count: usize,
    /// The proof in sentences.
    pub explain: Vec<String>,
}

/// How many states a counterexample shows.
pub const STATES_SHOWN: usize = 8;

/// How far a search came whose budget did not suffice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The key of the partition, if the history was divided.
    pub partition: Option<String>,
    /// How many operations the partition has.
    pub operations: usize,
    /// The first operation whose response no way tried so far explains.
    pub reached: usize,
    /// How many configurations the breadth-first search had in hand.
    pub frontier: usize,
    /// The longest explanation found: operations in an order that explains all responses before that one.
    pub partial: Vec<usize>,
    /// The same in sentences.
    pub explain: Vec<String>,
}
