//! The shortest cycle of a kind, by breadth-first search from each edge that such a cycle must have.
//!
//! O(E) for each edge tried, so that the search, unlike the components, has a budget: when it is used up, the shortest
//! cycle found so far is the answer.

use super::{Graph, Relations, components};
use std::collections::VecDeque;

/// Which cycles are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CycleKind {
    /// Every edge has one of these.
    pub(crate) allowed: Relations,
    /// For each of these, some edge has one of its relations.
    pub(crate) required: [Relations; 2],
}

/// How many edges a search may still look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget(pub(crate) u64);

/// The shortest cycle of this kind among `vertices`, if there is one; of several, that of the smallest vertices. The first
/// vertex is not repeated at the end.
pub(crate) fn shortest_cycle(
    graph: &Graph,
    vertices: &[u32],
    kind: CycleKind,
    budget: &mut Budget,
) -> Option<Vec<u32>> {
    let is_in = |vertex: u32| vertices.binary_search(&vertex).is_ok();
    let mut shortest: Option<Vec<u32>> = None;
    for component in components(graph, kind.allowed, is_in) {
        let mut search = Search { graph, kind, component: &component, budget };
        if let Some(cycle) = search.shortest()
            && shortest.as_ref().is_none_or(|shortest| cycle.len() < shortest.len())
        {
            shortest = Some(cycle);
        }
    }
    shortest
}

struct Search<'s> {
    graph: &'s Graph,
    kind: CycleKind,
    component: &'s [u32],
    budget: &'s mut Budget,
}

/// A vertex, by its place in the component, and whether an edge on the way had the second required relation.
type State = (usize, bool);

impl Search<'_> {
    fn shortest(&mut self) -> Option<Vec<u32>> {
        let mut shortest: Option<Vec<u32>> = None;
        for &from in self.component {
            for (to, relations) in self.edges(from) {
                let limit = shortest.as_ref().map_or(usize::MAX, Vec::len);
                if limit <= 2 || self.budget.0 == 0 {
                    return shortest;
                }
                if relations.meets(self.kind.required[0]) {
                    let is_complete = relations.meets(self.kind.required[1]);
                    shortest = self.back(from, to, is_complete, limit).or(shortest);
                }
            }
        }
        shortest
    }

    fn edges(&self, from: u32) -> Vec<(u32, Relations)> {
        let is_inside = |&(to, relations): &(u32, Relations)| {
            relations.meets(self.kind.allowed) && self.component.binary_search(&to).is_ok()
        };
        let allowed = |(to, relations): (u32, Relations)| (to, relations.and(self.kind.allowed));
        self.graph.edges(from).iter().copied().filter(is_inside).map(allowed).collect()
    }

    /// The cycle that begins with the edge from `first` to `second`, if it has fewer than `limit` vertices.
    fn back(
        &mut self,
        first: u32,
        second: u32,
        is_complete: bool,
        limit: usize,
    ) -> Option<Vec<u32>> {
        let place =
            |vertex| self.component.binary_search(&vertex).expect("only edges inside are followed");
        let (start, goal) = ((place(second), is_complete), (place(first), true));
        let mut came_from: Vec<[Option<State>; 2]> = vec![[None; 2]; self.component.len()];
        came_from[start.0][usize::from(start.1)] = Some(start);
        let mut queue = VecDeque::from([(start, 2)]);
        while let Some((state, len)) = queue.pop_front() {
            if state == goal {
                return Some(self.path(&came_from, start, goal));
            }
            if len >= limit {
                return None;
            }
            for (to, relations) in self.edges(self.component[state.0]) {
                self.budget.0 = self.budget.0.saturating_sub(1);
                let next = (
                    self.component.binary_search(&to).expect("only edges inside are followed"),
                    state.1 || relations.meets(self.kind.required[1]),
                );
                let known = &mut came_from[next.0][usize::from(next.1)];
                if known.is_none() {
                    *known = Some(state);
                    // The way back to the first vertex adds none.
                    queue.push_back((next, len + usize::from(next != goal)));
                }
            }
        }
        None
    }

    fn path(&self, came_from: &[[Option<State>; 2]], start: State, goal: State) -> Vec<u32> {
        let mut path = Vec::new();
        let mut state = goal;
        while state != start {
            state = came_from[state.0][usize::from(state.1)].expect("the search came this way");
            path.push(self.component[state.0]);
        }
        path.push(self.component[goal.0]);
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::super::Relation;
    use super::*;

    const WW: Relations = Relations::of(&[Relation::WriteWrite]);
    const WR: Relations = Relations::of(&[Relation::WriteRead]);
    const RT: Relations = Relations::of(&[Relation::Realtime]);

    fn shortest(
        edges: &[(u32, u32, Relations)],
        allowed: Relations,
        required: [Relations; 2],
    ) -> Option<Vec<u32>> {
        let vertices: Vec<u32> = (0..10).collect();
        let graph = Graph::new(10, edges.to_vec());
        shortest_cycle(&graph, &vertices, CycleKind { allowed, required }, &mut Budget(10_000))
    }

    #[test]
    fn the_shortest_cycle_wins() {
        let edges = [(0, 1, WW), (1, 2, WW), (2, 0, WW), (2, 3, WW), (3, 2, WW)];
        assert_eq!(shortest(&edges, WW, [WW, WW]), Some(vec![2, 3]));
        assert_eq!(shortest(&edges[..3], WW, [WW, WW]), Some(vec![0, 1, 2]));
        assert_eq!(shortest(&edges[..2], WW, [WW, WW]), None);
    }

    #[test]
    fn a_required_relation_must_be_on_the_way() {
        let edges = [(0, 1, WW), (1, 0, WW), (1, 2, WW), (2, 0, WR)];
        let both = WW.with(WR);
        assert_eq!(shortest(&edges, both, [WR, both]), Some(vec![2, 0, 1]));
        assert_eq!(shortest(&edges[..3], both, [WR, both]), None);
    }

    #[test]
    fn two_required_relations_may_need_a_detour() {
        let edges = [(0, 1, WR), (1, 0, WW), (1, 2, WW), (2, 1, RT)];
        let all = WW.with(WR).with(RT);
        assert_eq!(shortest(&edges, all, [WR, RT]), Some(vec![0, 1, 2, 1]));
        assert_eq!(shortest(&edges[..3], all, [WR, RT]), None);
    }

    #[test]
    fn a_spent_budget_ends_the_search() {
        let graph = Graph::new(2, vec![(0, 1, WW), (1, 0, WW)]);
        let kind = CycleKind { allowed: WW, required: [WW, WW] };
        assert_eq!(shortest_cycle(&graph, &[0, 1], kind, &mut Budget(0)), None);
    }
}
