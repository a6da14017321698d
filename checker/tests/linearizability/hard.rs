//! Histories that are hard to search, and what becomes of them within a budget.

use crate::generator::{Shape, logs, queues, registers, stores};
use crate::oracle::{explains, is_run};
use ktrial_checker::linearizability::models::append_log::{AppendLog, Input, Output};
use ktrial_checker::linearizability::models::key_value::KeyValue;
use ktrial_checker::linearizability::models::queue::{self, Queue};
use ktrial_checker::linearizability::models::register::Register;
use ktrial_checker::linearizability::{Budget, Operation, Verdict, check};

/// Eighty operations of which a third is never answered: what etcd's tests with many faults look like.
const MANY_CRASHES: Shape = Shape { clients: 10, operations: 80, crash_percent: 20 };

#[test]
fn registers_with_many_crashed_writes_are_decided() {
    for seed in 0..100 {
        let operations = registers(seed, MANY_CRASHES);
        let Verdict::Ok { orders } = check(&Register::default(), &operations, Budget::default())
        else {
            panic!("seed {seed}: {operations:#?}");
        };
        assert!(explains(&Register::default(), &operations, &orders[0]), "seed {seed}");
    }
}

#[test]
fn a_log_of_two_hundred_clients_needs_masks_in_chunks() {
    let shape = Shape { clients: 200, operations: 4_000, crash_percent: 1 };
    let mut operations = logs(7, shape, false);
    let Verdict::Ok { orders } = check(&AppendLog::default(), &operations, Budget::default())
    else {
        panic!("linearizable by construction");
    };
    assert!(explains(&AppendLog::default(), &operations, &orders[0]));

    let last = operations.iter().filter_map(Operation::returned).max().unwrap();
    let stale = Output::Fetched { values: vec![], end: Some(0) };
    operations.push(Operation::completed(0_u64, last + 1, Input::Fetch(0), last + 2, stale));
    let verdict = check(&AppendLog::default(), &operations, Budget::default());
    let Verdict::Illegal(found) = verdict else {
        panic!("the log was not empty any more: {verdict:?}");
    };
    assert_eq!((found.failing, found.core.len()), (operations.len() - 1, 2), "{found:?}");
}

#[test]
fn a_store_is_judged_key_by_key() {
    let shape = Shape { clients: 50, operations: 2_000, crash_percent: 0 };
    let operations = stores(3, shape, 10);
    let Verdict::Ok { orders } = check(&KeyValue::default(), &operations, Budget::default()) else {
        panic!("linearizable by construction");
    };
    assert_eq!(orders.len(), 10);
    assert_eq!(orders.iter().map(Vec::len).sum::<usize>(), 2_000);
    assert!(orders.iter().all(|order| is_run(&KeyValue::default(), &operations, order)));
}

#[test]
fn a_queue_of_many_clients_is_decided() {
    let shape = Shape { clients: 20, operations: 2_000, crash_percent: 0 };
    for seed in 0..10 {
        let mut operations = queues(seed, shape);
        let Verdict::Ok { orders } = check(&Queue::default(), &operations, Budget::default())
        else {
            panic!("seed {seed}: linearizable by construction");
        };
        assert!(explains(&Queue::default(), &operations, &orders[0]), "seed {seed}");

        let takes = |operation: &Operation<_, _>| {
            matches!(operation.output(), Some(queue::Output::Taken(Some(_))))
        };
        let takings: Vec<usize> =
            (0..operations.len()).filter(|&index| takes(&operations[index])).collect();
        let (early, late) = (takings[takings.len() / 4], takings[takings.len() / 2]);
        let response = operations[early].response.take();
        operations[early].response = operations[late].response.clone();
        operations[late].response = response;
        for index in [early, late] {
            let returned = 1 + operations[index].invoked;
            let response = operations[index].response.as_mut().expect("a taking was answered");
            response.returned = response.returned.max(returned);
        }
        let verdict = check(&Queue::default(), &operations, Budget::default());
        assert_eq!(verdict.name(), "invalid", "seed {seed}");
    }
}

#[test]
fn a_small_budget_leaves_unknown_and_tells_how_far_it_came() {
    let operations = registers(11, MANY_CRASHES);
    let tiny = Budget { configurations: 20, counterexample: 0 };
    let Verdict::Unknown(progress) = check(&Register::default(), &operations, tiny) else {
        panic!("twenty configurations suffice?");
    };
    assert_eq!(progress.operations, 80);
    assert!(!progress.partial.is_empty() && progress.frontier > 0, "{progress:?}");
    assert!(is_run(&Register::default(), &operations, &progress.partial));
    assert!(!progress.partial.contains(&progress.reached), "{progress:?}");
    assert_eq!(check(&Register::default(), &operations, tiny), Verdict::Unknown(progress));
}

#[test]
fn the_verdict_does_not_depend_on_the_order_of_the_list() {
    for seed in 0..20 {
        let mut operations = registers(seed, MANY_CRASHES);
        let name =
            |operations: &[_]| check(&Register::default(), operations, Budget::default()).name();
        let forwards = name(&operations);
        operations.reverse();
        assert_eq!(name(&operations), forwards, "seed {seed}");
    }
}
