//! Claim: the operations can be put into one order that the model allows and that respects real time.

use super::case::{Operations, indices, whole};
use super::counterexample::counterexample;
use super::model::Model;
use super::search::{Found, solve};
use super::tell::Teller;
use super::verdict::{Budget, Verdict};
use std::collections::BTreeMap;

/// Judges a history against a model.
///
/// Partitions are judged one by one, the smaller first; each may use an equal share of what is left of the budget. The
/// first that is not linearizable ends it.
///
/// # Panics
///
/// If an operation returned before it was invoked, or there are 2^32 operations or more.
pub fn check<M: Model>(model: &M, operations: &Operations<M>, budget: Budget) -> Verdict {
    let partitions = partitions(model, operations);
    let mut smallest_first: Vec<_> = partitions.iter().enumerate().collect();
    smallest_first.sort_by_key(|(_, (_, ops))| ops.len());

    let mut orders = vec![Vec::new(); partitions.len()];
    let (mut left, mut unknown) = (budget.configurations, None);
    for (shares_taken, (index, (key, ops))) in smallest_first.into_iter().enumerate() {
        let case = whole(operations, ops.iter().copied());
        let share = left / (partitions.len() - shares_taken) as u64;
        let mut unspent = share;
        let teller = Teller { model, operations, partition: key.as_ref().map(M::Key::to_string) };
        match solve(model, operations, &case, &mut unspent) {
            Found::Linearization(order) => orders[index] = indices(&order),
            Found::Nothing { op } => {
                return Verdict::Illegal(Box::new(counterexample(teller, &case, op, budget)));
            }
            Found::Exhausted { op, frontier, partial } => {
                let progress = teller.progress(&case, op, frontier, indices(&partial));
                unknown = unknown.or(Some(progress));
            }
        }
        left -= share - unspent;
    }
    match unknown {
        Some(progress) => Verdict::Unknown(Box::new(progress)),
        None => Verdict::Ok { orders },
    }
}

/// The operations by partition; all together if one of them has none.
fn partitions<M: Model>(
    model: &M,
    operations: &Operations<M>,
) -> BTreeMap<Option<M::Key>, Vec<u32>> {
    let ops = 0..u32::try_from(operations.len()).expect("fewer than 2^32 operations");
    let mut partitions = BTreeMap::<_, Vec<u32>>::new();
    for (op, operation) in ops.clone().zip(operations) {
        let returned = operation.returned().unwrap_or(u64::MAX);
        assert!(operation.invoked <= returned, "operation {op} returned before it was invoked");
        partitions.entry(model.partition(&operation.input)).or_default().push(op);
    }
    if partitions.contains_key(&None) {
        partitions = BTreeMap::from([(None, ops.collect())]);
    }
    partitions
}
