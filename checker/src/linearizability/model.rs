//! What a user writes to have a system judged: its specification as a state machine of one thread.

use std::fmt::Display;
use std::hash::Hash;

/// A call as far as it counts: what a model may infer from.
#[derive(Debug)]
pub struct Call<'a, I, O> {
    /// What was asked.
    pub input: &'a I,
    /// What the client was told, if anything.
    pub output: Option<&'a O>,
    /// When it asked.
    pub invoked: u64,
    /// When it was told; `None` with the output.
    pub returned: Option<u64>,
}

/// A specification: what the system would do if it served one call at a time.
///
/// A model is a pure description. The engine asks it the same question many times and in any order, so a method may
/// depend on its arguments and on the model's own fields, and on nothing else.
pub trait Model {
    /// What a client asks for: `write 3`. Its order only serves to find equal calls.
    type Input: Ord;
    /// What the client was told: the value read, or that a write is done.
    type Output;
    /// Everything the system remembers. Clones are frequent: large states should share what they have in common.
    type State: Clone + Eq + Hash;
    /// What [`partition`](Model::partition) divides by. A model that does not divide can take `u64`.
    type Key: Clone + Ord + Display;

    /// The state in which a history begins.
    fn init(&self) -> Self::State;

    /// The states in which the system can be after `input` took effect in `state` and gave `output`; none, if it cannot
    /// have given that output there. Several successors make the specification nondeterministic.
    ///
    /// The output is `None` where nobody learnt it: then all outputs are possible.
    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> impl IntoIterator<Item = Self::State>;

    /// The part of the system that the call concerns, if it concerns only one and the parts are independent of each
    /// other (P-compositionality). The parts are then judged separately, each from [`init`](Model::init) on; a single
    /// `None` in a history keeps all of it together.
    fn partition(&self, _input: &Self::Input) -> Option<Self::Key> {
        None
    }

    /// Whether the call changes no state, whatever the state: [`step`](Model::step) gives the state it was given, or
    /// nothing. That it *happens* to change nothing in some state is not enough.
    fn read_only(&self, _input: &Self::Input, _output: Option<&Self::Output>) -> bool {
        false
    }

    /// A model for these calls alone, which knows what their outputs tell together: where a value stands in a log, say,
    /// because a later read shows it there.
    ///
    /// It may refuse steps that no linearization of just these calls takes, or all linearizations but one; the search then
    /// finds its way without trying. `None`, if there is nothing to know.
    fn informed_by(&self, _calls: &[Call<'_, Self::Input, Self::Output>]) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// Whether a call without a response may be left out, because no output of this history depends on whether it took
    /// effect. Asked of the model that [`informed_by`](Model::informed_by) returned.
    fn unobserved(&self, input: &Self::Input) -> bool {
        self.read_only(input, None)
    }

    /// Which calls can stand in for each other: two with the same number lead to the same states from every state,
    /// whichever of them is taken. Of those the search tries only the one that returns first. Calls that never returned
    /// and ask for the same need no number.
    fn symmetry(&self, _input: &Self::Input, _output: Option<&Self::Output>) -> Option<u64> {
        None
    }

    /// The call in words: `write 3`, `read -> 3`, `read -> ?`.
    fn describe(&self, input: &Self::Input, output: Option<&Self::Output>) -> String;

    /// The state in words.
    fn describe_state(&self, state: &Self::State) -> String;
}
