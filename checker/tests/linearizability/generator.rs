//! Histories of a system that is linearizable by construction: every call takes effect at one moment between its
//! invocation and its response. What was seeded alike is alike.

use crate::random::Random;
use ktrial_checker::linearizability::Operation;
use ktrial_checker::linearizability::models::{append_log, key_value, queue, register};

/// How large and how bad a history is to be.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Clients with a call open at most at a time. A client that crashes is replaced.
    pub clients: usize,
    pub operations: usize,
    /// Of a hundred calls, how many never return.
    pub crash_percent: usize,
}

/// A call on its way.
struct Call<I, O> {
    process: u64,
    invoked: u64,
    input: I,
    /// What the system did, once it has.
    output: Option<O>,
    /// The client is gone, but its request may still be served.
    is_orphan: bool,
}

/// Lets clients `ask` a system that `serve`s them.
pub fn history<I: Clone, O: Clone>(
    random: &mut Random,
    shape: Shape,
    mut ask: impl FnMut(&mut Random) -> I,
    mut serve: impl FnMut(&I) -> O,
) -> Vec<Operation<I, O>> {
    let mut operations: Vec<Operation<I, O>> = Vec::with_capacity(shape.operations);
    let (mut open, mut idle): (Vec<Call<I, O>>, Vec<u64>) =
        (Vec::new(), (0..shape.clients as u64).collect());
    let (mut now, mut asked, mut processes) = (0, 0, shape.clients as u64);
    while asked < shape.operations || open.iter().any(|call| !call.is_orphan) {
        now += 1;
        let chosen = random.below(open.len() + idle.len());
        if chosen >= open.len() {
            let process = idle.swap_remove(chosen - open.len());
            if asked < shape.operations {
                let (input, output) = (ask(random), None);
                open.push(Call { process, invoked: now, input, output, is_orphan: false });
                asked += 1;
            }
            continue;
        }
        let call = &mut open[chosen];
        if random.percent(shape.crash_percent) && !call.is_orphan {
            operations.push(Operation::crashed(call.process, call.invoked, call.input.clone()));
            call.is_orphan = true;
            idle.push(processes);
            processes += 1;
            if call.output.is_none() {
                continue;
            }
        } else if call.output.is_none() {
            call.output = Some(serve(&call.input));
            continue;
        }
        let Call { process, invoked, input, output, is_orphan } = open.swap_remove(chosen);
        if let Some(output) = output.filter(|_| !is_orphan) {
            operations.push(Operation::completed(process, invoked, input, now, output));
            idle.push(process);
        }
    }
    operations
}

/// What is asked of a register here.
pub type RegisterInput = register::Input<u64>;
/// What it answers.
pub type RegisterOutput = register::Output<u64>;

/// A register under reads, writes and compare-and-sets of a few values, as in the tests of etcd.
pub fn registers(seed: u64, shape: Shape) -> Vec<Operation<RegisterInput, RegisterOutput>> {
    use register::{Input, Output};
    let (mut random, mut value) = (Random(seed), None);
    let ask = |random: &mut Random| match random.below(3) {
        0 => Input::Read,
        1 => Input::Write(random.below(5) as u64),
        _ => Input::CompareAndSet(random.below(5) as u64, random.below(5) as u64),
    };
    let serve = |input: &Input<u64>| match *input {
        Input::Read => Output::Value(value),
        Input::Write(new) => {
            value = Some(new);
            Output::Done
        }
        Input::CompareAndSet(expected, _) if value != Some(expected) => Output::Refused,
        Input::CompareAndSet(_, new) => {
            value = Some(new);
            Output::Done
        }
    };
    history(&mut random, shape, ask, serve)
}

/// A log whose acknowledgements tell offsets or not, fetched near its end, at most eight values at a time.
pub fn logs(
    seed: u64,
    shape: Shape,
    tells_offsets: bool,
) -> Vec<Operation<append_log::Input<u64>, append_log::Output<u64>>> {
    use append_log::{Input, Output};
    let (mut random, mut values, mut appends) = (Random(seed), Vec::new(), 0);
    let end = std::cell::Cell::new(0_u64);
    let ask = |random: &mut Random| {
        if random.percent(50) {
            appends += 1;
            Input::Append(appends)
        } else {
            Input::Fetch(end.get().saturating_sub(random.below(4) as u64))
        }
    };
    let serve = |input: &Input<u64>| match *input {
        Input::Append(value) => {
            values.push(value);
            end.set(values.len() as u64);
            Output::Appended(tells_offsets.then(|| end.get() - 1))
        }
        Input::Fetch(from) => {
            let fetched = values[from as usize..].iter().copied().take(8).collect();
            Output::Fetched { values: fetched, end: Some(end.get()) }
        }
    };
    history(&mut random, shape, ask, serve)
}

/// A store of lists under `keys` keys, with put, append and get.
pub fn stores(
    seed: u64,
    shape: Shape,
    keys: usize,
) -> Vec<Operation<key_value::Input<u64, u64>, key_value::Output<u64>>> {
    use key_value::{Input, Output};
    let (mut random, mut lists, mut appends) = (Random(seed), vec![Vec::new(); keys], 0);
    let ask = |random: &mut Random| {
        let key = random.below(keys) as u64;
        appends += 1;
        match random.below(10) {
            0 => Input::Put(key, appends),
            1..=4 => Input::Append(key, appends),
            _ => Input::Get(key),
        }
    };
    let serve = |input: &Input<u64, u64>| match *input {
        Input::Get(key) => Output::Values(lists[key as usize].clone()),
        Input::Put(key, value) => {
            lists[key as usize] = vec![value];
            Output::Done
        }
        Input::Append(key, value) => {
            lists[key as usize].push(value);
            Output::Done
        }
    };
    history(&mut random, shape, ask, serve)
}

/// A queue under enqueues and dequeues.
pub fn queues(seed: u64, shape: Shape) -> Vec<Operation<queue::Input<u64>, queue::Output<u64>>> {
    use queue::{Input, Output};
    let (mut random, mut waiting, mut enqueued) =
        (Random(seed), std::collections::VecDeque::new(), 0);
    let ask = |random: &mut Random| {
        if random.percent(50) {
            return Input::Dequeue;
        }
        enqueued += 1;
        Input::Enqueue(enqueued)
    };
    let serve = |input: &Input<u64>| match *input {
        Input::Enqueue(value) => {
            waiting.push_back(value);
            Output::Done
        }
        Input::Dequeue => Output::Taken(waiting.pop_front()),
    };
    history(&mut random, shape, ask, serve)
}
