//! What a file says that its recorder hardly means: it is read all the same, and counted.

/// A kind of such a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// A send was completed with another value than it was invoked with; the completion's counts.
    OtherValue,
    /// An operation without a `call` was begun while another one of its process was open, which counts as never completed.
    LeftOpen,
}

impl Doubt {
    /// What happened so many times, and what was made of it.
    #[must_use]
    pub fn sentence(self, count: u64) -> String {
        match self {
            Doubt::OtherValue => format!(
                "sends completed with another value than they were invoked with: {count}; the completion's value counts"
            ),
            Doubt::LeftOpen => format!(
                "operations begun while another one of their process was open: {count}; the one before counts as never \
                 completed, so give operations that overlap a `call` each"
            ),
        }
    }
}
