//! The shortest cycle of a kind, by breadth-first search from each edge that such a cycle must have.
//!
//! O(E) for each edge tried, so that the search, unlike the components, has a budget: when it is used up, the shortest
//! cycle found so far is the answer.

use super::{Graph, Relations, components};

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
    let [first, somewhere] = kind.required;
    let steps = Steps { first, others: kind.allowed, somewhere };
    shortest_of(graph, vertices, steps, budget)
}

/// As [`shortest_cycle`], but of the cycles of which just one edge needs one of the relations `one`, and every other edge
/// has one of `others`. It begins with that edge.
pub(crate) fn shortest_cycle_with_one(
    graph: &Graph,
    vertices: &[u32],
    one: Relations,
    others: Relations,
    budget: &mut Budget,
) -> Option<Vec<u32>> {
    let steps = Steps { first: one, others, somewhere: one };
    shortest_of(graph, vertices, steps, budget)
}

fn shortest_of(
    graph: &Graph,
    vertices: &[u32],
    steps: Steps,
    budget: &mut Budget,
) -> Option<Vec<u32>> {
    let inner = graph.within(vertices);
    let mut shortest: Option<Vec<u32>> = None;
    for component in components(&inner, steps.first.with(steps.others)) {
        let part = inner.within(&component);
        if let Some(cycle) = Search::new(&part, steps, budget).shortest()
            && shortest.as_ref().is_none_or(|shortest| cycle.len() < shortest.len())
        {
            let of_graph = |place: usize| vertices[component[place] as usize];
            shortest = Some(cycle.into_iter().map(of_graph).collect());
        }
    }
    shortest
}

/// Which edges make up a cycle.
#[derive(Clone, Copy)]
struct Steps {
    /// The first has one of these.
    first: Relations,
    /// Every other has one of these.
    others: Relations,
    /// The first or another one has one of these.
    somewhere: Relations,
}

/// A vertex, and whether an edge on the way had one of the relations that some edge must have.
type State = (usize, bool);

/// The search in a strongly connected graph.
struct Search<'s> {
    graph: &'s Graph,
    steps: Steps,
    budget: &'s mut Budget,
    /// By state: how the search under way came there.
    came_from: Vec<[Option<State>; 2]>,
    /// The states that it came to, in order, with the number of vertices on the way.
    reached: Vec<(State, usize)>,
}

impl<'s> Search<'s> {
    fn new(graph: &'s Graph, steps: Steps, budget: &'s mut Budget) -> Self {
        let (came_from, reached) = (vec![[None; 2]; graph.len()], Vec::new());
        Search { graph, steps, budget, came_from, reached }
    }

    fn shortest(&mut self) -> Option<Vec<usize>> {
        let graph = self.graph;
        let mut shortest: Option<Vec<usize>> = None;
        for from in 0..graph.len() {
            for &(to, relations) in graph.edges(from as u32) {
                let limit = shortest.as_ref().map_or(usize::MAX, Vec::len);
                if limit <= 2 || self.budget.0 == 0 {
                    return shortest;
                }
                if relations.meets(self.steps.first) {
                    let is_complete = relations.meets(self.steps.somewhere);
                    shortest = self.back(from, (to as usize, is_complete), limit).or(shortest);
                }
            }
        }
        shortest
    }

    /// The cycle that begins with the edge from `first` to `start`, if it has fewer than `limit` vertices.
    fn back(&mut self, first: usize, start: State, limit: usize) -> Option<Vec<usize>> {
        let goal = (first, true);
        self.reach(start, start, 2);
        let mut next = 0;
        let mut found = None;
        while let Some(&(state, len)) = self.reached.get(next).filter(|_| found.is_none()) {
            next += 1;
            if state == goal {
                found = Some(self.path(start, goal));
            } else if len >= limit {
                break;
            } else {
                self.step(state, len, goal);
            }
        }
        for (state, _) in self.reached.drain(..) {
            self.came_from[state.0][usize::from(state.1)] = None;
        }
        found
    }

    fn step(&mut self, state: State, len: usize, goal: State) {
        let graph = self.graph;
        for &(to, relations) in graph.edges(state.0 as u32) {
            self.budget.0 = self.budget.0.saturating_sub(1);
            if relations.meets(self.steps.others) {
                let next = (to as usize, state.1 || relations.meets(self.steps.somewhere));
                // The way back to the first vertex adds none.
                self.reach(next, state, len + usize::from(next != goal));
            }
        }
    }

    fn reach(&mut self, state: State, from: State, len: usize) {
        let known = &mut self.came_from[state.0][usize::from(state.1)];
        if known.is_none() {
            *known = Some(from);
            self.reached.push((state, len));
        }
    }

    fn path(&self, start: State, goal: State) -> Vec<usize> {
        let mut path = Vec::new();
        let mut state = goal;
        while state != start {
            state =
                self.came_from[state.0][usize::from(state.1)].expect("the search came this way");
            path.push(state.0);
        }
        path.push(goal.0);
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
    fn just_one_edge_may_be_of_a_kind() {
        let edges = [(0, 1, RT), (1, 2, RT), (2, 0, WW), (1, 3, WW), (3, 4, WR), (4, 0, WW)];
        let one = |edges: &[(u32, u32, Relations)]| {
            let graph = Graph::new(10, edges.to_vec());
            let vertices: Vec<u32> = (0..10).collect();
            shortest_cycle_with_one(&graph, &vertices, RT, WW.with(WR), &mut Budget(10_000))
        };
        assert_eq!(one(&edges), Some(vec![0, 1, 3, 4]));
        assert_eq!(one(&edges[..3]), None);
    }

    #[test]
    fn a_spent_budget_ends_the_search() {
        let graph = Graph::new(2, vec![(0, 1, WW), (1, 0, WW)]);
        let kind = CycleKind { allowed: WW, required: [WW, WW] };
        assert_eq!(shortest_cycle(&graph, &[0, 1], kind, &mut Budget(0)), None);
    }
}
