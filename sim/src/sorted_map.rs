//! A map for few keys: a vector of pairs in the order of the keys.
//!
//! Adding and removing move what comes after, so it is for maps that change seldom and are asked all the time. It has the
//! part of the interface of `BTreeMap` that is needed.

/// A map from `K` to `V`, iterated in the order of the keys.
///
/// ```
/// use ktrial_sim::sorted_map::SortedMap;
///
/// let mut map = SortedMap::new();
/// assert_eq!(map.insert("b", 1), None);
/// assert_eq!(map.insert("a", 2), None);
/// assert_eq!(map.insert("b", 3), Some(1));
/// assert_eq!(map.get(&"b"), Some(&3));
/// assert_eq!(map.iter().collect::<Vec<_>>(), [(&"a", &2), (&"b", &3)]);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SortedMap<K, V> {
    entries: Vec<(K, V)>,
}

impl<K, V> SortedMap<K, V> {
    /// Without a key.
    pub const fn new() -> Self {
        SortedMap { entries: Vec::new() }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// All pairs in the order of the keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// All values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// All values in the order of their keys.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// The value of `key`.
    #[inline]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.place(key).ok().map(|place| &self.entries[place].1)
    }

    /// The value of `key`.
    #[inline]
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.place(key).ok().map(|place| &mut self.entries[place].1)
    }

    /// Whether `key` has a value.
    pub fn contains_key(&self, key: &K) -> bool {
        self.place(key).is_ok()
    }

    /// Gives `key` a value; returns the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(place) => Some(std::mem::replace(&mut self.entries[place].1, value)),
            Err(place) => {
                self.entries.insert(place, (key, value));
                None
            }
        }
    }

    /// Takes `key` out; returns the value it had.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.place(key).ok().map(|place| self.entries.remove(place).1)
    }

    fn place(&self, key: &K) -> Result<usize, usize> {
        self.entries.binary_search_by(|(other, _)| other.cmp(key))
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        SortedMap::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Copy, Clone, Debug)]
    enum Step {
        Insert(u8, u32),
        Change(u8, u32),
        Remove(u8),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (0..20u8, any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
            1 => (0..20u8, any::<u32>()).prop_map(|(key, value)| Step::Change(key, value)),
            2 => (0..20u8).prop_map(Step::Remove),
        ];
        prop::collection::vec(step, 0..100)
    }

    proptest! {
        #[test]
        fn behaves_as_a_tree(steps in steps()) {
            let (mut map, mut tree) = (SortedMap::new(), BTreeMap::new());
            for step in steps {
                match step {
                    Step::Insert(key, value) => prop_assert_eq!(map.insert(key, value), tree.insert(key, value)),
                    Step::Change(key, value) => {
                        let (mine, its) = (map.get_mut(&key), tree.get_mut(&key));
                        prop_assert_eq!(&mine, &its);
                        mine.into_iter().chain(its).for_each(|known| *known = value);
                    }
                    Step::Remove(key) => prop_assert_eq!(map.remove(&key), tree.remove(&key)),
                }
                prop_assert!(map.iter().eq(tree.iter()) && map.values().eq(tree.values()));
                prop_assert!(map.values_mut().eq(tree.values_mut()));
                prop_assert_eq!((map.len(), map.is_empty()), (tree.len(), tree.is_empty()));
                prop_assert!((0..20).all(|key| map.get(&key) == tree.get(&key)));
                prop_assert!((0..20).all(|key| map.contains_key(&key) == tree.contains_key(&key)));
            }
            map.clear();
            prop_assert!(map.is_empty());
        }
    }
}
