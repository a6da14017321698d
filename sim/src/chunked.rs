//! A growing sequence that is cheap to clone: elements are sealed into shared chunks, only the short tail is copied.
//!
//! This is what makes forking a world cheap: the clone of a log of any length costs one reference count and a copy of at
//! most [`CHUNK`]` - 1` elements. A sealed chunk is never written again, so the clones cannot see each other.

use std::cmp::Ordering;
use std::iter::FusedIterator;
use std::sync::Arc;

/// Elements per sealed chunk. Small, because the unsealed tail is what a clone copies.
pub const CHUNK: usize = 16;

/// A sequence with `push`, `truncate` and access by index, whose clone does not depend on its length.
///
/// ```
/// use ktrial_sim::chunked::Chunked;
///
/// let mut log: Chunked<u32> = (0..1000).collect();
/// let fork = log.clone();
/// log.truncate(500);
/// log.push(7);
/// assert_eq!((log.len(), log.get(500)), (501, Some(&7)));
/// assert_eq!((fork.len(), fork.get(500)), (1000, Some(&500)));
/// ```
#[derive(Clone, Debug)]
pub struct Chunked<T> {
    sealed: Arc<Vec<Arc<[T]>>>,
    tail: Vec<T>,
}

impl<T> Chunked<T> {
    /// The empty sequence.
    pub fn new() -> Self {
        Chunked { sealed: Arc::default(), tail: Vec::new() }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.sealed_len() + self.tail.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.tail.is_empty() && self.sealed.is_empty()
    }

    /// Adds `element` at the end.
    pub fn push(&mut self, element: T) {
        self.tail.push(element);
        if self.tail.len() == CHUNK {
            let chunk = self.tail.drain(..).collect();
            Arc::make_mut(&mut self.sealed).push(chunk);
        }
    }

    /// The element at `index`, or `None` past the end.
    pub fn get(&self, index: usize) -> Option<&T> {
        match self.sealed.get(index / CHUNK) {
            Some(chunk) => Some(&chunk[index % CHUNK]),
            None => self.tail.get(index - self.sealed_len()),
        }
    }

    /// The first element.
    pub fn first(&self) -> Option<&T> {
        self.get(0)
    }

    /// The last element.
    pub fn last(&self) -> Option<&T> {
        self.tail.last().or_else(|| self.sealed.last()?.last())
    }

    /// The elements in order.
    pub fn iter(&self) -> Iter<'_, T> {
        self.iter_from(0)
    }

    /// The elements from `index` on, in order; none if `index` is past the end.
    pub fn iter_from(&self, index: usize) -> Iter<'_, T> {
        let end = self.len();
        Iter { chunked: self, next: index.min(end), end }
    }

    /// The index of the first element for which `is_before` is false; elements must be partitioned by it. Whoever searches
    /// a log wants what is near its end, so the tail is asked first.
    pub fn partition_point(&self, mut is_before: impl FnMut(&T) -> bool) -> usize {
        if self.tail.first().is_some_and(&mut is_before) {
            return self.sealed_len() + self.tail.partition_point(is_before);
        }
        let chunk = self.sealed.partition_point(|chunk| is_before(&chunk[CHUNK - 1]));
        let within = self.sealed.get(chunk).map_or(0, |sealed| sealed.partition_point(is_before));
        chunk * CHUNK + within
    }

    /// As `slice::binary_search_by`: `Ok` with the index of an element that compares equal (the first one), else `Err`
    /// with the index where it would have to be.
    pub fn binary_search_by(
        &self,
        mut compare: impl FnMut(&T) -> Ordering,
    ) -> Result<usize, usize> {
        let index = self.partition_point(|element| compare(element).is_lt());
        match self.get(index) {
            Some(element) if compare(element).is_eq() => Ok(index),
            _ => Err(index),
        }
    }

    fn sealed_len(&self) -> usize {
        self.sealed.len() * CHUNK
    }
}

impl<T: Clone> Chunked<T> {
    /// Keeps the first `len` elements; does nothing if there are no more than that.
    pub fn truncate(&mut self, len: usize) {
        if len >= self.sealed_len() {
            self.tail.truncate(len - self.sealed_len());
            return;
        }
        self.tail.clear();
        self.tail.extend_from_slice(&self.sealed[len / CHUNK][..len % CHUNK]);
        Arc::make_mut(&mut self.sealed).truncate(len / CHUNK);
    }
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Chunked::new()
    }
}

impl<T> std::ops::Index<usize> for Chunked<T> {
    type Output = T;

    /// # Panics
    /// If `index` is past the end.
    fn index(&self, index: usize) -> &T {
        self.get(index).expect("the index is below the length")
    }
}

impl<T: PartialEq> PartialEq for Chunked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Eq> Eq for Chunked<T> {}

impl<T> Extend<T> for Chunked<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, elements: I) {
        elements.into_iter().for_each(|element| self.push(element));
    }
}

impl<T> FromIterator<T> for Chunked<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut chunked = Chunked::new();
        chunked.extend(elements);
        chunked
    }
}

impl<'a, T> IntoIterator for &'a Chunked<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// The elements of a [`Chunked`], in order, from both ends.
#[derive(Debug)]
pub struct Iter<'a, T> {
    chunked: &'a Chunked<T>,
    next: usize,
    end: usize,
}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Iter { chunked: self.chunked, next: self.next, end: self.end }
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        if self.next == self.end {
            return None;
        }
        self.next += 1;
        self.chunked.get(self.next - 1)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.next, Some(self.end - self.next))
    }
}

impl<T> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.next == self.end {
            return None;
        }
        self.end -= 1;
        self.chunked.get(self.end)
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}
impl<T> FusedIterator for Iter<'_, T> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What can be done to a sequence.
    #[derive(Clone, Debug)]
    enum Step {
        Push(u8),
        Truncate(usize),
        Fork,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            12 => any::<u8>().prop_map(Step::Push),
            1 => (0..80usize).prop_map(Step::Truncate),
            1 => Just(Step::Fork),
        ];
        prop::collection::vec(step, 0..300)
    }

    proptest! {
        #[test]
        fn behaves_as_a_vec_and_forks_stay_apart(steps in steps()) {
            let (mut chunked, mut vec) = (Chunked::new(), Vec::new());
            let mut forks = Vec::new();
            for step in steps {
                match step {
                    Step::Push(element) => { chunked.push(element); vec.push(element); }
                    Step::Truncate(len) => { chunked.truncate(len); vec.truncate(len); }
                    Step::Fork => forks.push((chunked.clone(), vec.clone())),
                }
                prop_assert_eq!(chunked.len(), vec.len());
                prop_assert_eq!(chunked.last(), vec.last());
            }
            forks.push((chunked, vec));
            for (chunked, vec) in forks {
                prop_assert!(chunked.iter().eq(vec.iter()));
                prop_assert!(chunked.iter().rev().eq(vec.iter().rev()));
                prop_assert_eq!(chunked.is_empty(), vec.is_empty());
                prop_assert_eq!(chunked.first(), vec.first());
                prop_assert_eq!(chunked.get(vec.len()), None);
            }
        }

        #[test]
        fn searches_as_a_sorted_vec(mut vec in prop::collection::vec(any::<u8>(), 0..100), wanted: u8) {
            vec.sort_unstable();
            vec.dedup();
            let chunked: Chunked<u8> = vec.iter().copied().collect();
            prop_assert_eq!(chunked.binary_search_by(|e| e.cmp(&wanted)), vec.binary_search(&wanted));
            prop_assert_eq!(chunked.partition_point(|&e| e < wanted), vec.partition_point(|&e| e < wanted));
        }

        #[test]
        fn iterates_from_any_index(len in 0..100usize, from in 0..120usize) {
            let chunked: Chunked<usize> = (0..len).collect();
            prop_assert!(chunked.iter_from(from).copied().eq(from..len.max(from)));
            prop_assert_eq!(chunked.iter_from(from).len(), len.saturating_sub(from));
        }
    }

    #[test]
    fn a_clone_shares_every_sealed_chunk() {
        let element = Arc::new(());
        let mut chunked = Chunked::new();
        chunked.extend(vec![element.clone(); 10 * CHUNK + 3]);
        let before = Arc::strong_count(&element);
        let fork = chunked.clone();
        assert_eq!(Arc::strong_count(&element), before + 3);
        assert_eq!(fork.len(), chunked.len());
    }
}
