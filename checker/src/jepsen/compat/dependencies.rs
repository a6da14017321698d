//! Who depends on whom: the edges of Jepsen's graph, between completions. O(V + E), for realtime edges O(n · processes).
//!
//! - write-write: adjacent values of a partition have different writers (only if `ww-deps` is asked for);
//! - write-read: one polled what the other sent;
//! - realtime: one completed ok before the other was invoked. Of these only a transitive reduction is kept.
//!
//! Jepsen has no read-write edges, for a poll is no snapshot of a log's end, and no process edges of their own, for realtime
//! implies them.

use super::analysis::Analysis;
use crate::graph::{Graph, Relation, Relations};
use crate::jepsen::{Kind, Value};

/// Edges, before they are a graph.
type Edges = Vec<(u32, u32, Relations)>;

/// The graph of a history. Its vertices are the places of the operations.
pub(super) fn graph(analysis: &Analysis<'_>, ww_deps: bool) -> Graph {
    let mut edges = Edges::new();
    if ww_deps {
        write_write(analysis, &mut edges);
    }
    write_read(analysis, &mut edges);
    realtime(analysis, &mut edges);
    Graph::new(analysis.ops.list.len(), edges)
}

fn write_write(analysis: &Analysis<'_>, edges: &mut Edges) {
    for (value, writer) in (0..).map(Value).zip(&analysis.writer_of) {
        let order = analysis.order(analysis.ops.names.key_of(value));
        let before = order.previous(value).and_then(|before| analysis.writer_of[before.0 as usize]);
        if let (Some(before), Some(writer)) = (before, *writer) {
            link(before, writer, Relation::WriteWrite, edges);
        }
    }
}

fn write_read(analysis: &Analysis<'_>, edges: &mut Edges) {
    for (writer, readers) in analysis.writer_of.iter().zip(&analysis.readers_of) {
        if let Some(writer) = *writer {
            readers.iter().for_each(|&reader| link(writer, reader, Relation::WriteRead, edges));
        }
    }
}

/// Each completion is linked to those invoked after it until one of these completes, which then stands for it.
fn realtime(analysis: &Analysis<'_>, edges: &mut Edges) {
    let mut completed: Vec<usize> = Vec::new();
    let mut linked_from: Vec<Vec<usize>> = vec![Vec::new(); analysis.ops.list.len()];
    for (place, op) in analysis.ops().filter(|(_, op)| op.f.has_micro_ops()) {
        match op.kind {
            Kind::Invoke => {
                if let Some(completion) = analysis.ops.partner(place) {
                    completed
                        .iter()
                        .for_each(|&before| link(before, completion, Relation::Realtime, edges));
                    linked_from[completion].clone_from(&completed);
                }
            }
            Kind::Ok => {
                let implied = std::mem::take(&mut linked_from[place]);
                completed.retain(|before| implied.binary_search(before).is_err());
                completed.push(place);
            }
            Kind::Fail | Kind::Info => {}
        }
    }
}

fn link(from: usize, to: usize, relation: Relation, edges: &mut Edges) {
    if from != to {
        let vertex = |place: usize| u32::try_from(place).expect("operations have 32-bit numbers");
        edges.push((vertex(from), vertex(to), Relations::of(&[relation])));
    }
}
