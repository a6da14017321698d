//! An append-only list that is cheap to push to and cheap to clone.
//!
//! Full chunks are sealed and shared between clones; only the tail is copied. A forked trial therefore copies at most
//! one chunk of each list of its history, whatever the history's length.

use std::sync::Arc;

const CHUNK_BITS: u32 = 9;
/// Elements of a sealed chunk, and so the most that a clone copies.
const CHUNK: usize = 1 << CHUNK_BITS;

/// An append-only list of plain data in shared chunks.
#[derive(Clone, Debug)]
pub(crate) struct Chunked<T> {
    sealed: Vec<Arc<[T; CHUNK]>>,
    tail: Vec<T>,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Chunked { sealed: Vec::new(), tail: Vec::new() }
    }
}

impl<T: Copy> Chunked<T> {
    /// The number of elements.
    pub(crate) fn len(&self) -> usize {
        (self.sealed.len() << CHUNK_BITS) + self.tail.len()
    }

    /// Appends `element` and returns its index.
    pub(crate) fn push(&mut self, element: T) -> u32 {
        let index =
            u32::try_from(self.len()).expect("a history holds fewer than 2^32 elements of a kind");
        if self.tail.len() == CHUNK {
            self.seal();
        }
        self.tail.push(element);
        index
    }

    fn seal(&mut self) {
        let sealed = Arc::<[T]>::from(self.tail.as_slice()).try_into();
        self.sealed.push(sealed.ok().expect("a chunk is sealed when it is full"));
        self.tail.clear();
    }

    /// The element at `index`; panics when there is none.
    pub(crate) fn get(&self, index: u32) -> &T {
        let (chunk, place) = (index as usize >> CHUNK_BITS, index as usize & (CHUNK - 1));
        self.sealed.get(chunk).map_or_else(|| &self.tail[place], |sealed| &sealed[place])
    }

    fn chunk(&self, chunk: usize) -> &[T] {
        self.sealed.get(chunk).map_or(&self.tail, |sealed| &sealed[..])
    }

    /// All elements in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let sealed = self.sealed.iter().map(|sealed| &sealed[..]);
        sealed.chain([&self.tail[..]]).flatten()
    }

    /// The `len` elements from `start` on, as the slices they are stored in.
    pub(crate) fn slices(&self, start: u32, len: u32) -> impl Iterator<Item = &[T]> {
        let (mut at, end) = (start as usize, (start + len) as usize);
        std::iter::from_fn(move || {
            (at < end).then(|| {
                let (chunk, from) = (at >> CHUNK_BITS, at & (CHUNK - 1));
                let to = CHUNK.min(from + end - at);
                at += to - from;
                &self.chunk(chunk)[from..to]
            })
        })
    }

    /// The `len` elements from `start` on.
    pub(crate) fn range(&self, start: u32, len: u32) -> impl Iterator<Item = &T> {
        self.slices(start, len).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn behaves_like_a_vector(len in 0_u32..1800, start in 0_u32..1800, take in 0_u32..1800) {
            let mut list = Chunked::default();
            for element in 0..len {
                prop_assert_eq!(list.push(element), element);
            }
            let (start, take) = (start.min(len), take.min(len - start.min(len)));
            prop_assert_eq!(list.len(), len as usize);
            prop_assert!(list.iter().copied().eq(0..len));
            prop_assert!(list.range(start, take).copied().eq(start..start + take));
            prop_assert!((0..len).all(|index| *list.get(index) == index));
        }
    }

    #[test]
    fn a_clone_shares_sealed_chunks_and_goes_its_own_way() {
        let mut list = Chunked::default();
        for element in 0..1100_u32 {
            list.push(element);
        }
        let mut fork = list.clone();
        fork.push(7);
        list.push(8);
        assert!(Arc::ptr_eq(&list.sealed[0], &fork.sealed[0]));
        assert_eq!((*list.get(1100), *fork.get(1100)), (8, 7));
    }
}
