//! A list that only grows, and whose versions share what they have in common.
//!
//! Appending, cloning and hashing are O(1), reaching an element O(log n): every node also points to one further back, as
//! in a skew-binary list. Comparing two versions is O(length of what they do not share).

use super::{TOLD_MAX, told_end};
use crate::linearizability::interner::hash_of;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A list; its clones are cheap.
pub struct List<V>(Option<Arc<Node<V>>>);

struct Node<V> {
    value: V,
    len: u64,
    hash: u64,
    before: List<V>,
    jump: List<V>,
}

impl<V> Default for List<V> {
    fn default() -> Self {
        List(None)
    }
}

impl<V> Clone for List<V> {
    fn clone(&self) -> Self {
        List(self.0.clone())
    }
}

impl<V> List<V> {
    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.as_ref().map_or(0, |node| node.len)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The elements, the last first.
    pub fn backwards(&self) -> impl Iterator<Item = &V> {
        std::iter::successors(self.0.as_deref(), |node| node.before.0.as_deref())
            .map(|node| &node.value)
    }

    /// The last elements in words, and how many there are before them.
    #[must_use]
    pub fn told(&self, tell: impl Fn(&V) -> String) -> String {
        let mut told: Vec<_> = self.backwards().take(TOLD_MAX).map(tell).collect();
        told.reverse();
        told_end(self.len() - told.len() as u64, &told)
    }

    /// The list of the first `len` elements.
    fn truncated(&self, len: u64) -> &List<V> {
        let mut list = self;
        while let Some(node) = list.0.as_deref().filter(|node| node.len > len) {
            list = if node.jump.len() >= len { &node.jump } else { &node.before };
        }
        list
    }

    /// Whether elements that `are` these values stand from index `from` on.
    #[must_use]
    pub fn holds<W>(&self, from: u64, values: &[W], are: impl Fn(&V, &W) -> bool) -> bool {
        let end = from.saturating_add(values.len() as u64);
        let mut there = self.truncated(end).backwards().zip(values.iter().rev());
        end <= self.len() && there.all(|(element, value)| are(element, value))
    }

    fn jump(&self) -> &List<V> {
        self.0.as_ref().map_or(self, |node| &node.jump)
    }

    fn hash_so_far(&self) -> u64 {
        self.0.as_ref().map_or(0, |node| node.hash)
    }
}

impl<V: Hash> List<V> {
    /// The list with one more element.
    #[must_use]
    pub fn with(&self, value: V) -> Self {
        let (near, far) = (self.jump(), self.jump().jump());
        let equal_jumps = self.len() - near.len() == near.len() - far.len();
        let jump = if equal_jumps && !self.is_empty() { far } else { self }.clone();
        let hash = hash_of(&(self.hash_so_far(), &value));
        List(Some(Arc::new(Node { value, len: self.len() + 1, hash, before: self.clone(), jump })))
    }
}

impl<V: PartialEq> PartialEq for List<V> {
    fn eq(&self, other: &Self) -> bool {
        let (mut mine, mut others) = (&self.0, &other.0);
        loop {
            match (mine, others) {
                (None, None) => return true,
                (Some(a), Some(b)) if Arc::ptr_eq(a, b) => return true,
                (Some(a), Some(b)) if (a.len, a.hash) == (b.len, b.hash) && a.value == b.value => {
                    (mine, others) = (&a.before.0, &b.before.0);
                }
                _ => return false,
            }
        }
    }
}

impl<V: Eq> Eq for List<V> {}

impl<V> Hash for List<V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.len());
        state.write_u64(self.hash_so_far());
    }
}

impl<V: Hash> FromIterator<V> for List<V> {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        values.into_iter().fold(List::default(), |list, value| list.with(value))
    }
}

impl<V: Debug> Debug for List<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut values: Vec<_> = self.backwards().collect();
        values.reverse();
        f.debug_list().entries(values).finish()
    }
}

/// Frees a long list without a call stack as deep as the list is long.
impl<V> Drop for List<V> {
    fn drop(&mut self) {
        let mut last = self.0.take();
        while let Some(mut node) = last.and_then(Arc::into_inner) {
            last = node.before.0.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_list_holds_what_a_vector_holds(
            values in proptest::collection::vec(0_u8..4, 0..80),
            from in 0_usize..80,
            wanted in proptest::collection::vec(0_u8..4, 0..3),
        ) {
            let list: List<u8> = values.iter().copied().collect();
            let there = values.get(from..).is_some_and(|rest| rest.starts_with(&wanted));
            prop_assert_eq!(list.holds(from as u64, &wanted, u8::eq), there);
            prop_assert_eq!(format!("{list:?}"), format!("{values:?}"));
            for end in 0..=values.len() {
                prop_assert!(list.holds(0, &values[..end], u8::eq));
            }
        }

        #[test]
        fn lists_are_equal_if_their_elements_are(
            a in proptest::collection::vec(0_u8..2, 0..5),
            b in proptest::collection::vec(0_u8..2, 0..5),
        ) {
            let [one, other] = [&a, &b].map(|values| values.iter().copied().collect::<List<u8>>());
            prop_assert_eq!(one == other, a == b);
            prop_assert_eq!(hash_of(&one) == hash_of(&other), a == b);
        }
    }

    #[test]
    fn a_million_elements_are_reached_quickly_and_freed_without_recursion() {
        let list: List<u64> = (0..1_000_000).collect();
        for from in (0..1_000_000).step_by(997) {
            assert!(list.holds(from, &[from], u64::eq));
        }
        drop(list);
    }
}
