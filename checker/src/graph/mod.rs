//! Dependency graphs of operations: who must come before whom, why, and whether that runs in a circle.
//!
//! Vertices are small numbers, edges carry the [`Relation`]s they stand for. [`components`] finds what is strongly connected
//! (Tarjan, O(V + E)), [`shortest_cycle`] the shortest proof inside a component. Nothing recurses.

mod components;
mod cycle;

pub(crate) use components::components;
pub(crate) use cycle::{Budget, CycleKind, shortest_cycle, shortest_cycle_with_one};

/// Why one operation comes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Relation {
    /// Its record is next to, and before, the other's in a log.
    WriteWrite,
    /// The other read its record.
    WriteRead,
    /// It completed before the other was invoked.
    Realtime,
    /// It read a log to its end, and the other wrote what came next.
    ReadWrite,
}

/// A set of relations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Relations(u8);

impl Relations {
    /// All of `relations`.
    pub(crate) const fn of(relations: &[Relation]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < relations.len() {
            bits |= 1 << relations[at] as u8;
            at += 1;
        }
        Relations(bits)
    }

    /// Whether the two have a relation in common.
    pub(crate) fn meets(self, other: Relations) -> bool {
        self.0 & other.0 != 0
    }

    /// Those in both.
    pub(crate) fn and(self, other: Relations) -> Relations {
        Relations(self.0 & other.0)
    }

    pub(crate) fn with(self, other: Relations) -> Relations {
        Relations(self.0 | other.0)
    }
}

/// Edges from one vertex to others, in the order of the latter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    /// Where in `targets` each vertex's edges begin; one more than there are vertices.
    starts: Vec<u32>,
    targets: Vec<(u32, Relations)>,
}

impl Graph {
    /// The graph of so many vertices with these edges, the same ones merged. O(E log E).
    pub(crate) fn new(vertices: usize, mut edges: Vec<(u32, u32, Relations)>) -> Self {
        edges.sort_unstable();
        edges.dedup_by(|next, kept| {
            let is_same = (kept.0, kept.1) == (next.0, next.1);
            if is_same {
                kept.2 = kept.2.with(next.2);
            }
            is_same
        });
        let mut starts = vec![0; vertices + 1];
        for &(from, ..) in &edges {
            starts[from as usize + 1] += 1;
        }
        for vertex in 0..vertices {
            starts[vertex + 1] += starts[vertex];
        }
        Graph {
            starts,
            targets: edges.into_iter().map(|(_, to, relations)| (to, relations)).collect(),
        }
    }

    /// The graph of some of the vertices, which come in increasing order and are numbered anew. O(E of them * log vertices).
    pub(crate) fn within(&self, vertices: &[u32]) -> Graph {
        let mut inner = Graph { starts: vec![0], targets: Vec::new() };
        for &vertex in vertices {
            let edges = self.edges(vertex).iter();
            inner.targets.extend(edges.filter_map(|&(to, relations)| {
                Some((vertices.binary_search(&to).ok()? as u32, relations))
            }));
            inner.starts.push(inner.targets.len() as u32);
        }
        inner
    }

    /// The number of vertices.
    pub(crate) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Whether there is no edge.
    pub(crate) fn has_no_edge(&self) -> bool {
        self.targets.is_empty()
    }

    /// The edges from `vertex`: where to, and why.
    pub(crate) fn edges(&self, vertex: u32) -> &[(u32, Relations)] {
        &self.targets
            [self.starts[vertex as usize] as usize..self.starts[vertex as usize + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_between_the_same_vertices_are_one() {
        let (ww, wr) =
            (Relations::of(&[Relation::WriteWrite]), Relations::of(&[Relation::WriteRead]));
        let graph = Graph::new(3, vec![(1, 2, wr), (0, 1, ww), (1, 2, ww), (1, 0, wr)]);
        assert_eq!(graph.edges(1), [(0, wr), (2, ww.with(wr))]);
        assert!(graph.edges(2).is_empty());
    }
}
