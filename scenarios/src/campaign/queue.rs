//! Work shared among threads, its results handed over in the order of the work.
//!
//! The threads of a campaign live here and nowhere else: a trial is single-threaded, and what is done with its outcome
//! happens on the caller's thread, seed after seed, so that nothing depends on the number of threads.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The number of items a thread takes at a time: enough to make taking them cheap, few enough to stop soon.
const CHUNK: usize = 16;

/// A run of neighbouring results, with its place among the others.
type Chunk<R> = (usize, Vec<R>);

/// Runs `work` on every item, on `jobs` threads, and hands the results to `take` in the order of the items until it breaks.
pub(super) fn in_order<I, R>(
    jobs: usize,
    items: impl Iterator<Item = I> + Send,
    work: impl Fn(I) -> R + Sync,
    take: impl FnMut(R) -> ControlFlow<()>,
) where
    I: Send,
    R: Send,
{
    let chunks = Mutex::new(Chunks { items, index: 0 });
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (results, received) = channel::<Chunk<R>>();
        for _ in 0..jobs.max(1) {
            let (results, chunks, stop, work) = (results.clone(), &chunks, &stop, &work);
            scope.spawn(move || run_chunks(chunks, stop, work, &results));
        }
        drop(results);
        take_in_order(&received, take);
        stop.store(true, Ordering::Relaxed);
    });
}

/// What is left of the items.
struct Chunks<T> {
    items: T,
    index: usize,
}

impl<T: Iterator> Chunks<T> {
    fn next(&mut self) -> Chunk<T::Item> {
        let index = self.index;
        self.index += 1;
        (index, self.items.by_ref().take(CHUNK).collect())
    }
}

fn run_chunks<T: Iterator, R>(
    chunks: &Mutex<Chunks<T>>,
    stop: &AtomicBool,
    work: &(impl Fn(T::Item) -> R + Sync),
    results: &Sender<Chunk<R>>,
) {
    while !stop.load(Ordering::Relaxed) {
        let (index, items) = chunks.lock().unwrap_or_else(PoisonError::into_inner).next();
        let done: Vec<R> = items.into_iter().map(work).collect();
        if done.is_empty() || results.send((index, done)).is_err() {
            return;
        }
    }
}

/// Receives until every thread is done or `take` breaks; chunks that come early wait for those before them.
fn take_in_order<R>(received: &Receiver<Chunk<R>>, mut take: impl FnMut(R) -> ControlFlow<()>) {
    let mut early: BTreeMap<usize, Vec<R>> = BTreeMap::new();
    let mut next = 0;
    for (index, chunk) in received {
        early.insert(index, chunk);
        while let Some(chunk) = early.remove(&next) {
            next += 1;
            if chunk.into_iter().try_for_each(&mut take).is_break() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squares(jobs: usize, items: u64, until: u64) -> Vec<u64> {
        let mut taken = Vec::new();
        in_order(
            jobs,
            0..items,
            |item| item * item,
            |square| {
                taken.push(square);
                if square >= until { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        taken
    }

    #[test]
    fn results_come_in_the_order_of_the_items_whatever_the_number_of_threads() {
        let expected: Vec<u64> = (0..1_000).map(|item| item * item).collect();
        for jobs in [0, 1, 2, 7] {
            assert_eq!(squares(jobs, 1_000, u64::MAX), expected, "{jobs} jobs");
        }
    }

    #[test]
    fn stops_at_the_same_result_whatever_the_number_of_threads() {
        for jobs in [1, 3] {
            assert_eq!(squares(jobs, u64::MAX, 400).last(), Some(&400), "{jobs} jobs");
        }
    }

    #[test]
    fn nothing_to_do_is_done() {
        assert_eq!(squares(2, 0, 0), Vec::<u64>::new());
    }
}
