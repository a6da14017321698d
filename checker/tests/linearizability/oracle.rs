//! Linearizability by its definition: try all orders. Exponential, and for tiny histories only.

use ktrial_checker::linearizability::{Model, Operation};
use std::collections::BTreeMap;

/// Whether some order of the operations respects real time and the model, in each partition. Calls without response may
/// be left out.
pub fn is_linearizable<M: Model>(model: &M, operations: &[Operation<M::Input, M::Output>]) -> bool {
    let mut partitions = BTreeMap::<_, Vec<_>>::new();
    for operation in operations {
        partitions.entry(model.partition(&operation.input)).or_default().push(operation);
    }
    if partitions.contains_key(&None) {
        return place(model, &model.init(), &operations.iter().collect::<Vec<_>>());
    }
    partitions.values().all(|operations| place(model, &model.init(), operations))
}

fn place<M: Model>(model: &M, state: &M::State, left: &[&Operation<M::Input, M::Output>]) -> bool {
    let Some(first_return) = left.iter().filter_map(|operation| operation.returned()).min() else {
        return true;
    };
    let can_be_next = |index: &usize| left[*index].invoked <= first_return;
    (0..left.len()).filter(can_be_next).any(|index| {
        let (next, mut rest) = (left[index], left.to_vec());
        rest.remove(index);
        let successors = model.step(state, &next.input, next.output()).into_iter();
        successors.collect::<Vec<_>>().iter().any(|after| place(model, after, &rest))
    })
}

/// Whether an order that the engine gives is one: each operation once, all that returned among them, in real time, and
/// as the model has it.
pub fn explains<M: Model>(
    model: &M,
    operations: &[Operation<M::Input, M::Output>],
    order: &[usize],
) -> bool {
    let mut placed = vec![false; operations.len()];
    let once = order.iter().all(|&op| !std::mem::replace(&mut placed[op], true));
    let complete = operations
        .iter()
        .zip(&placed)
        .all(|(operation, placed)| *placed || operation.returned().is_none());
    let mut latest_invocation = 0;
    let in_real_time = order.iter().all(|&op| {
        latest_invocation = latest_invocation.max(operations[op].invoked);
        operations[op].returned().is_none_or(|returned| returned >= latest_invocation)
    });
    once && complete && in_real_time && is_run(model, operations, order)
}

/// Whether the model can take these steps in this order.
pub fn is_run<M: Model>(
    model: &M,
    operations: &[Operation<M::Input, M::Output>],
    order: &[usize],
) -> bool {
    let mut states = vec![model.init()];
    for &op in order {
        let next = &operations[op];
        let step = |state: &M::State| {
            let successors = model.step(state, &next.input, next.output()).into_iter();
            successors.collect::<Vec<_>>()
        };
        states = states.iter().flat_map(step).collect();
    }
    !states.is_empty()
}
