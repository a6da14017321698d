//! From "there is no linearization" to a reason that fits on a page.
//!
//! 1. *The minimal failing prefix.* The search ends at a response that nothing explains, but it knew from each invocation
//!    on what the call would return. Without that, the contradiction may show only later, so the first response that makes
//!    a prefix illegal is looked for by bisection: a longer prefix does not become legal again.
//! 2. *The 1-minimal core.* Responses are taken as unknown, many at once and then fewer (delta debugging), as long as
//!    what remains is still not linearizable. A call is never dropped: it may then take effect at any moment after its
//!    invocation, or never. So what remains is a proof, whatever the other operations did; dropping the write of a value
//!    would only make a contradiction of every read of it.

use super::case::{CaseCall, Moment, Operations, indices, moments, prefix};
use super::model::Model;
use super::search::{Found, solve, states_before};
use super::tell::Teller;
use super::verdict::{Budget, Counterexample, STATES_SHOWN};

/// A single question may use this part of the budget.
const QUESTION_SHARE: u64 = 8;
/// To set up a search over so many calls takes as long as handling a configuration.
const CALLS_PREPARED: u64 = 4;

/// Questions about a case, within a budget.
struct Minimizer<'a, M: Model> {
    model: &'a M,
    operations: &'a Operations<M>,
    budget: u64,
    question: u64,
    /// Whether a question had to go without an answer.
    unsure: bool,
}

/// Explains why a case is not linearizable; `stuck` is the operation at which its search ended.
pub(super) fn counterexample<M: Model>(
    teller: Teller<'_, M>,
    case: &[CaseCall],
    stuck: u32,
    budget: Budget,
) -> Counterexample {
    let Teller { model, operations, .. } = teller;
    let (budget, question) = (budget.counterexample, budget.counterexample / QUESTION_SHARE);
    let mut minimizer = Minimizer { model, operations, budget, question, unsure: false };
    let failing = minimizer.first_failure(case, stuck);
    let is_earliest = !minimizer.unsure;
    let failed = prefix(operations, case, Moment::response(operations, failing));
    let states = minimizer.states(&failed, failing);
    let core = minimizer.core(&failed, failing);

    let core = indices(&core);
    let shown = states.iter().take(STATES_SHOWN).map(|state| model.describe_state(state)).collect();
    let mut counterexample = Counterexample {
        partition: None,
        failing: failing as usize,
        prefix: failed.len(),
        core,
        is_minimal: is_earliest && !minimizer.unsure,
        states: shown,
        states_count: states.len(),
        explain: Vec::new(),
    };
    counterexample.explain = teller.explain(&counterexample);
    counterexample.partition = teller.partition;
    counterexample
}

impl<M: Model> Minimizer<'_, M> {
    /// Whether a case has no linearization, as far as the budget lets one know.
    fn is_illegal(&mut self, case: &[CaseCall]) -> bool {
        let granted = self.question.min(self.budget);
        if granted == 0 {
            self.unsure = true;
            return false;
        }
        let mut unspent = granted;
        let found = solve(self.model, self.operations, case, &mut unspent);
        let prepared = case.len() as u64 / CALLS_PREPARED;
        self.budget = self.budget.saturating_sub(granted - unspent + prepared);
        self.unsure |= matches!(found, Found::Exhausted { .. });
        matches!(found, Found::Nothing { .. })
    }

    /// The operation whose response is the first that makes the case illegal: `stuck` or a later one.
    fn first_failure(&mut self, case: &[CaseCall], stuck: u32) -> u32 {
        let operations = self.operations;
        let from = Moment::response(operations, stuck);
        let later = moments(operations, case).into_iter().map(|(moment, _)| moment);
        let candidates: Vec<_> =
            later.filter(|moment| moment.is_return() && *moment >= from).collect();
        let mut fails =
            |index: usize| self.is_illegal(&prefix(operations, case, candidates[index]));
        if fails(0) {
            return stuck;
        }
        let (mut legal, mut illegal) = (0, candidates.len() - 1);
        while illegal - legal > 1 {
            let middle = legal.midpoint(illegal);
            *(if fails(middle) { &mut illegal } else { &mut legal }) = middle;
        }
        candidates[illegal].op()
    }

    /// The states just before the failing response, as far as the calls before it tell.
    fn states(&mut self, failed: &[CaseCall], failing: u32) -> Vec<M::State> {
        let granted = self.question.min(self.budget);
        let mut unspent = granted;
        let states = states_before(self.model, self.operations, failed, failing, &mut unspent);
        self.budget -= granted - unspent;
        states.unwrap_or_default()
    }

    /// The operations, by invocation, whose responses are needed for the contradiction.
    fn core(&mut self, failed: &[CaseCall], failing: u32) -> Vec<u32> {
        let mut case = failed.to_vec();
        let mut size = case.len().div_ceil(2);
        loop {
            let smaller = self.sweep(&mut case, failing, size);
            if size == 1 && !smaller {
                break;
            }
            if self.budget == 0 {
                self.unsure = true;
                break;
            }
            let is_read = |op: u32| self.model.read_only(&self.operations[op as usize].input, None);
            case.retain(|call| call.answered || !is_read(call.op));
            size = size.div_ceil(2);
        }
        let mut core: Vec<_> =
            case.iter().filter(|call| call.answered).map(|call| call.op).collect();
        core.sort_by_key(|&op| Moment::invocation(self.operations, op));
        core
    }

    /// Takes the responses of `size` calls at a time as unknown, and keeps it so where the rest is still illegal. Whether
    /// it was so anywhere.
    fn sweep(&mut self, case: &mut [CaseCall], failing: u32, size: usize) -> bool {
        let needed = |call: &CaseCall| call.answered && call.op != failing;
        let answered: Vec<_> = (0..case.len()).filter(|&index| needed(&case[index])).collect();
        let mut smaller = false;
        // Of the doubts only those of the last sweep, which ends in single responses, matter.
        self.unsure = false;
        for chunk in answered.chunks(size) {
            chunk.iter().for_each(|&index| case[index].answered = false);
            if self.is_illegal(case) {
                smaller = true;
            } else {
                chunk.iter().for_each(|&index| case[index].answered = true);
            }
        }
        smaller
    }
}
