//! A fault as people read it: a noun phrase with its nodes by name, `power loss of broker-1 and broker-2`.

use std::fmt;

use super::kind::{Direction, Fault, FlushErrorMode, Traffic};
use crate::node_id::NodeId;

/// A fault in words; the nodes are called what the embedding program calls them.
pub struct Phrase<'a> {
    fault: &'a Fault,
    name_of: &'a dyn Fn(NodeId) -> String,
}

impl Fault {
    /// This fault as a noun phrase in which `name_of` says what a node is called.
    pub fn phrase<'a>(&'a self, name_of: &'a dyn Fn(NodeId) -> String) -> Phrase<'a> {
        Phrase { fault: self, name_of }
    }
}

/// With nodes by number: `power loss of n1 and n2`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.phrase(&|node| node.to_string()).fmt(f)
    }
}

/// Long: one arm per kind of fault.
impl fmt::Display for Phrase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |node: &NodeId| (self.name_of)(*node);
        let names = |nodes: &[NodeId]| list(nodes.iter().map(name));
        match self.fault {
            Fault::Crash { node } => write!(f, "crash of {}", name(node)),
            Fault::Shutdown { node } => write!(f, "shutdown of {}", name(node)),
            Fault::PowerLoss { nodes } => write!(f, "power loss of {}", names(nodes)),
            Fault::Pause { node } => write!(f, "pause of {}", name(node)),
            Fault::Partition { left, right, direction } => {
                let (left, right) = (names(left), names(right));
                match direction {
                    Direction::Both => write!(f, "partition of {left} from {right}"),
                    Direction::LeftToRight => {
                        write!(f, "one-way partition: {left} not heard by {right}")
                    }
                }
            }
            Fault::Isolate { node, traffic } => {
                let senses = match traffic {
                    Traffic::Both => "",
                    Traffic::Inbound => ": deaf",
                    Traffic::Outbound => ": mute",
                };
                write!(f, "isolation of {}{senses}", name(node))
            }
            Fault::FlappingLink { a, b, up, down } => {
                let (a, b) = (name(a), name(b));
                write!(f, "flapping link between {a} and {b} ({down} down, {up} up)")
            }
            Fault::SlowLink { from, to, extra_latency_mean, both_ways } => {
                let (from, to) = (name(from), name(to));
                let way = if *both_ways { "and back" } else { "one way" };
                let extra = format_args!("{extra_latency_mean} more on average");
                write!(f, "slow link from {from} to {to} {way} ({extra})")
            }
            Fault::ConnectionReset { a, b } => {
                write!(f, "reset of connections between {} and {}", name(a), name(b))
            }
            Fault::OneSidedClose { node, peer } => {
                write!(f, "close by {} of connections to {}, untold", name(node), name(peer))
            }
            Fault::SlowDisk { node, factor } => {
                write!(f, "slow disk of {} ({factor} times as slow)", name(node))
            }
            Fault::DiskStall { node } => write!(f, "disk stall of {}", name(node)),
            Fault::WriteError { node } => write!(f, "write errors on the disk of {}", name(node)),
            Fault::FlushError { node, mode } => {
                let mark = match mode {
                    FlushErrorMode::KeepsDirty => "",
                    FlushErrorMode::MarksClean => " that mark pages clean",
                };
                write!(f, "flush errors on the disk of {}{mark}", name(node))
            }
            Fault::FullDisk { node, left_bytes } => {
                write!(f, "full disk of {} ({left_bytes} bytes left)", name(node))
            }
            Fault::DiskLoss { node } => write!(f, "loss of the disk of {}", name(node)),
            Fault::BitRot { node, sectors } => {
                write!(f, "bit rot in sectors of {} ({sectors} of them)", name(node))
            }
            Fault::ClockJump { node, by_ms } => {
                write!(f, "clock jump of {} by {by_ms:+} ms", name(node))
            }
            Fault::ClockDrift { node, ppm } => {
                write!(f, "clock drift of {} by {ppm:+} ppm", name(node))
            }
            Fault::SlowCpu { node, factor } => {
                write!(f, "slow CPU of {} ({factor} times as slow)", name(node))
            }
        }
    }
}

/// As a sentence lists them: `n1, n2 and n3`.
pub(super) fn list(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    match names.pop() {
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} and {last}", names.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes<const N: usize>(ids: [u16; N]) -> Vec<NodeId> {
        ids.map(NodeId).to_vec()
    }

    #[test]
    fn a_fault_reads_as_a_noun_phrase() {
        let phrase = |fault: Fault| fault.to_string();
        assert_eq!(phrase(Fault::Shutdown { node: NodeId(1) }), "shutdown of n1");
        assert_eq!(phrase(Fault::PowerLoss { nodes: nodes([1]) }), "power loss of n1");
        assert_eq!(
            phrase(Fault::PowerLoss { nodes: nodes([1, 2, 3]) }),
            "power loss of n1, n2 and n3"
        );
        assert_eq!(
            phrase(Fault::ClockJump { node: NodeId(4), by_ms: -200 }),
            "clock jump of n4 by -200 ms"
        );
    }

    #[test]
    fn nodes_are_called_what_the_program_calls_them() {
        let partition = Fault::Partition {
            left: nodes([1, 2]),
            right: nodes([4]),
            direction: Direction::LeftToRight,
        };
        let name_of = |node: NodeId| format!("host-{}", node.0);
        assert_eq!(
            partition.phrase(&name_of).to_string(),
            "one-way partition: host-1 and host-2 not heard by host-4"
        );
    }
}
