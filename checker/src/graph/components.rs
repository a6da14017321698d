//! Strongly connected components, by Tarjan's algorithm with a stack of its own. O(V + E).

use super::{Graph, Relations};

/// Not visited yet.
const NEW: u32 = u32::MAX;

/// The components of more than one vertex that edges of the `allowed` relations make. Vertices are in increasing order,
/// components in the order of their first vertices.
pub(crate) fn components(graph: &Graph, allowed: Relations) -> Vec<Vec<u32>> {
    let mut search = Search {
        graph,
        allowed,
        numbers: vec![NEW; graph.len()],
        lows: vec![NEW; graph.len()],
        is_open: vec![false; graph.len()],
        open: Vec::new(),
        next: 0,
        found: Vec::new(),
    };
    for root in 0..graph.len() as u32 {
        if search.numbers[root as usize] == NEW {
            search.from(root);
        }
    }
    search.found.sort_unstable();
    search.found
}

struct Search<'g> {
    graph: &'g Graph,
    allowed: Relations,
    numbers: Vec<u32>,
    /// The lowest number that a vertex is known to reach among the open ones.
    lows: Vec<u32>,
    is_open: Vec<bool>,
    /// Visited vertices whose component is not complete.
    open: Vec<u32>,
    next: u32,
    found: Vec<Vec<u32>>,
}

impl Search<'_> {
    fn from(&mut self, root: u32) {
        // Vertices on the way from the root, each with the number of its edges that were followed.
        let mut path = vec![(root, 0)];
        self.visit(root);
        while let Some((vertex, followed)) = path.last_mut() {
            let (vertex, edge) = (*vertex, self.graph.edges(*vertex).get(*followed));
            *followed += 1;
            match edge {
                Some(&(to, relations)) if relations.meets(self.allowed) => {
                    if self.numbers[to as usize] == NEW {
                        self.visit(to);
                        path.push((to, 0));
                    } else if self.is_open[to as usize] {
                        self.lower(vertex, self.numbers[to as usize]);
                    }
                }
                Some(_) => {}
                None => {
                    path.pop();
                    self.leave(vertex);
                    if let Some(&(before, _)) = path.last() {
                        self.lower(before, self.lows[vertex as usize]);
                    }
                }
            }
        }
    }

    fn visit(&mut self, vertex: u32) {
        self.numbers[vertex as usize] = self.next;
        self.lows[vertex as usize] = self.next;
        self.next += 1;
        self.is_open[vertex as usize] = true;
        self.open.push(vertex);
    }

    fn lower(&mut self, vertex: u32, low: u32) {
        let lowest = &mut self.lows[vertex as usize];
        *lowest = low.min(*lowest);
    }

    /// Closes the component that `vertex` was the first of, if it was.
    fn leave(&mut self, vertex: u32) {
        if self.lows[vertex as usize] != self.numbers[vertex as usize] {
            return;
        }
        let first =
            self.open.iter().rposition(|&other| other == vertex).expect("it is open until here");
        let mut component = self.open.split_off(first);
        component.iter().for_each(|&vertex| self.is_open[vertex as usize] = false);
        if component.len() > 1 {
            component.sort_unstable();
            self.found.push(component);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Relation;
    use super::*;
    use proptest::prelude::*;

    const WW: Relations = Relations::of(&[Relation::WriteWrite]);
    const WR: Relations = Relations::of(&[Relation::WriteRead]);

    #[test]
    fn other_relations_and_vertices_left_out_connect_nothing() {
        let graph = Graph::new(3, vec![(0, 1, WW), (1, 2, WR), (2, 0, WW), (1, 0, WW)]);
        assert_eq!(components(&graph, WW), [[0, 1]]);
        assert_eq!(components(&graph, WW.with(WR)), [[0, 1, 2]]);
        assert!(components(&graph.within(&[1, 2]), WW.with(WR)).is_empty());
    }

    #[test]
    fn a_long_cycle_needs_no_deep_stack() {
        let len = 1_000_000;
        let graph = Graph::new(
            len,
            (0..len as u32).map(|from| (from, (from + 1) % len as u32, WW)).collect(),
        );
        assert_eq!(components(&graph, WW)[0].len(), len);
    }

    proptest! {
        #[test]
        fn two_vertices_are_in_one_component_when_each_reaches_the_other(
            edges in proptest::collection::vec((0_u32..6, 0_u32..6), 0..12),
        ) {
            let graph = Graph::new(6, edges.iter().map(|&(from, to)| (from, to, WW)).collect());
            let found = components(&graph, WW);
            let closure = closure(&edges);
            for a in 0..6_u32 {
                for b in (0..6).filter(|&b| b != a) {
                    let together = found.iter().any(|component| component.contains(&a) && component.contains(&b));
                    let expected = closure[a as usize][b as usize] && closure[b as usize][a as usize];
                    prop_assert_eq!(together, expected, "{} {}", a, b);
                }
            }
        }
    }

    fn closure(edges: &[(u32, u32)]) -> [[bool; 6]; 6] {
        let mut reach = [[false; 6]; 6];
        for &(from, to) in edges {
            reach[from as usize][to as usize] = true;
        }
        for via in 0..6 {
            for from in 0..6 {
                for to in 0..6 {
                    reach[from][to] |= reach[from][via] && reach[via][to];
                }
            }
        }
        reach
    }
}
