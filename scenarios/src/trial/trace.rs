//! A trial told line by line: when, where, what, and because of which event.

use ktrial_model::controller::partition_change_builder::Elected;
use ktrial_model::message::{Fetcher, Message, Request, Response};
use ktrial_model::note::Note;
use ktrial_model::process::Process;
use ktrial_sim::actor::Event;
use ktrial_sim::fault::PlannedFault;
use ktrial_sim::node_id::NodeId;
use ktrial_sim::observer::{Death, FaultPhase, Observer, Stamp};
use ktrial_sim::time::Instant;

use super::recorder::WentBack;
use super::topology::Topology;
use crate::run::{TraceLine, Until};

/// Collects the lines of one trial.
#[derive(Clone, Debug)]
pub struct Teller {
    topology: Topology,
    until: Option<Until>,
    lines: Vec<TraceLine>,
    is_over: bool,
}

impl Teller {
    /// Tells everything up to `until`.
    pub fn new(topology: Topology, until: Option<Until>) -> Self {
        Teller { topology, until, lines: Vec::new(), is_over: false }
    }

    /// Whether `until` was reached.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// What was told.
    pub fn take_lines(&mut self) -> Vec<TraceLine> {
        std::mem::take(&mut self.lines)
    }

    fn tell(&mut self, stamp: Stamp, node: String, what: String) {
        if self.is_over || self.is_past(stamp) {
            self.is_over = true;
            return;
        }
        self.lines.push(Self::line(stamp, node, what));
    }

    fn line(stamp: Stamp, node: String, what: String) -> TraceLine {
        let cause = (stamp.cause.0 > 0).then_some(stamp.cause.0);
        TraceLine { event: stamp.event.0, cause, at_ns: stamp.at.as_nanos(), node, what }
    }

    /// Tells, after the other lines of the event that showed it, that a log went back.
    pub fn insert(&mut self, went_back: &WentBack) {
        let WentBack { stamp, sentence } = went_back;
        let place = self.lines.partition_point(|line| line.event <= stamp.event.0);
        if !self.is_past(*stamp) {
            let what = format!("   a log goes back here: {sentence}");
            self.lines.insert(place, Self::line(*stamp, self.name(stamp.node), what));
        }
    }

    fn is_past(&self, stamp: Stamp) -> bool {
        match self.until {
            None => false,
            Some(Until::Event(last)) => stamp.event.0 > last,
            Some(Until::Time(last)) => stamp.at > Instant::from_nanos(last.nanos),
        }
    }

    fn name(&self, node: NodeId) -> String {
        self.topology.node_name(node)
    }

    fn partition(&self, partition: ktrial_model::ids::TopicPartition) -> String {
        self.topology.cluster.partition_name(partition)
    }

    /// An event in words; `None` for timers, which are told by what they lead to.
    fn describe(&self, event: &Event<Process>, peer: Option<NodeId>) -> Option<String> {
        let peer = peer.map_or_else(|| "nobody".to_owned(), |peer| self.name(peer));
        Some(match event {
            Event::Message(_, message) => format!("<- {peer}: {}", self.message(message)),
            Event::Connected(_) => format!("connected to {peer}"),
            Event::ConnectFailed(_, error) => format!("could not connect to {peer}: {error:?}"),
            Event::Accepted(..) => format!("accepted a connection of {peer}"),
            Event::Closed(_, reason) => format!("lost the connection to {peer}: {reason:?}"),
            Event::Disk(token, Ok(())) => format!("on disk: {token:?}"),
            Event::Disk(token, Err(error)) => format!("disk error: {token:?}: {error}"),
            Event::Shutdown => "is asked to stop".to_owned(),
            Event::Timer(_) | Event::Request(_) => return None,
        })
    }

    fn message(&self, message: &Message) -> String {
        match message {
            Message::Request(id, request) => format!("{} #{id}", self.request(request)),
            Message::Response(id, response) => format!("{} #{id}", self.response(response)),
        }
    }

    fn request(&self, request: &Request) -> String {
        match request {
            Request::Produce(produce) => {
                let batches = produce.batches.iter().map(|(partition, batch)| {
                    format!("{} x{}", self.partition(*partition), batch.count())
                });
                format!("Produce acks={:?} {}", produce.acks, list(batches))
            }
            Request::Fetch(fetch) => {
                let who = match fetch.fetcher {
                    Fetcher::Consumer => "Fetch".to_owned(),
                    Fetcher::Replica(broker, _) => format!("Fetch by replica {broker}"),
                };
                let positions = fetch.partitions.iter().map(|fetch| {
                    format!("{}@{}", self.partition(fetch.partition), fetch.fetch_offset)
                });
                format!("{who} {}", list(positions))
            }
            Request::AlterPartition(alter) => {
                let wishes = alter.partitions.iter().map(|wish| {
                    let isr = wish.new_isr.iter().map(|(broker, _)| broker.to_string());
                    format!("{} isr {}", self.partition(wish.partition), list(isr))
                });
                format!("AlterPartition {}", list(wishes))
            }
            Request::OffsetCommit(commit) => {
                let offsets = commit.offsets.iter().map(|(partition, offset, _)| {
                    format!("{}@{offset}", self.partition(*partition))
                });
                format!("OffsetCommit {}", list(offsets))
            }
            other => first_word(other),
        }
    }

    fn response(&self, response: &Response) -> String {
        match response {
            Response::Produce(produce) => {
                let answers = produce.partitions.iter().map(|answer| {
                    let name = self.partition(answer.partition);
                    match answer.base_offset {
                        Some(offset) => format!("{name}@{offset}"),
                        None => format!("{name} {}", answer.error),
                    }
                });
                format!("Produced {}", list(answers))
            }
            Response::Fetch(fetch) => {
                let answers = fetch.partitions.iter().map(|answer| {
                    let name = self.partition(answer.partition);
                    match (answer.diverging_epoch, answer.batches.len()) {
                        (Some(end), _) => {
                            format!(
                                "{name} diverges: epoch {} ends at {}",
                                end.epoch, end.end_offset
                            )
                        }
                        (None, _) if answer.error != ktrial_model::error_code::ErrorCode::None => {
                            format!("{name} {}", answer.error)
                        }
                        (None, batches) => {
                            format!("{name} {batches} batches, hw {}", answer.high_watermark)
                        }
                    }
                });
                format!("Fetched {}", list(answers))
            }
            other => first_word(other),
        }
    }

    /// What an actor told, in words; `None` for what the messages show already.
    ///
    /// Long: one arm per kind of note.
    fn note(&self, note: &Note) -> Option<String> {
        Some(match note {
            Note::SendInvoked { record, partition, .. } => {
                format!("send() of record {record} to {}", self.partition(*partition))
            }
            Note::SendOk { record, offset: Some(offset) } => {
                format!("record {record} is acknowledged at offset {offset}")
            }
            Note::SendOk { record, offset: None } => {
                format!("record {record} counts as sent")
            }
            Note::SendFailed { record, error } => format!("record {record} has failed: {error}"),
            Note::SendUnknown { record, error } => {
                format!("record {record}: outcome not known: {error}")
            }
            Note::PositionResolved { partition, position, source, .. } => {
                format!("reads {} from {position} on ({source:?})", self.partition(*partition))
            }
            Note::Polled { partition, records, .. } => {
                let offsets = records.iter().map(|(offset, _)| offset.to_string());
                format!("polled {} {}", self.partition(*partition), list(offsets))
            }
            Note::Processed { partition, offset, .. } => {
                format!("processed {}@{offset}", self.partition(*partition))
            }
            Note::CommittedInvoked { .. } => "asks what its group has committed".to_owned(),
            Note::CommittedFetched { offsets, .. } => {
                let offsets = offsets.iter().map(|(partition, offset)| match offset {
                    Some(offset) => format!("{}@{offset}", self.partition(*partition)),
                    None => format!("{} nothing", self.partition(*partition)),
                });
                format!("its group has committed {}", list(offsets))
            }
            Note::CommitInvoked { offsets, .. } => {
                let offsets = offsets
                    .iter()
                    .map(|(partition, offset)| format!("{}@{offset}", self.partition(*partition)));
                format!("commits {}", list(offsets))
            }
            Note::CommitEnded { error, .. } => match error {
                Some(error) => format!("the commit ended: {error}"),
                None => "the commit's outcome is not known".to_owned(),
            },
            Note::Truncated { partition, log_end_offset, high_watermark_before, .. } => format!(
                "truncated {} to {log_end_offset} (high watermark was {high_watermark_before})",
                self.partition(*partition)
            ),
            Note::HighWatermark { partition, high_watermark, .. } => {
                format!("high watermark of {} is {high_watermark}", self.partition(*partition))
            }
            Note::BecameLeader { partition, leader_epoch, log_end_offset, .. } => format!(
                "leads {} in epoch {leader_epoch}, log end {log_end_offset}",
                self.partition(*partition)
            ),
            Note::BecameFollower { partition, leader_epoch, leader } => format!(
                "follows {} in {} (epoch {leader_epoch})",
                leader.map_or_else(|| "nobody".to_owned(), |leader| format!("broker-{leader}")),
                self.partition(*partition)
            ),
            Note::InSyncReplicas { partition, isr, maximal_isr, .. } => format!(
                "in-sync replicas of {}: {}, at most {}",
                self.partition(*partition),
                list(isr.iter().map(ToString::to_string)),
                list(maximal_isr.iter().map(ToString::to_string))
            ),
            Note::LogLoaded { partition, clean, log_end_offset, high_watermark } => format!(
                "opened {} after {} shutdown: log end {log_end_offset}, high watermark {high_watermark}",
                self.partition(*partition),
                if *clean { "a clean" } else { "an unclean" }
            ),
            Note::CleanShutdown => "has its clean-shutdown file in place".to_owned(),
            Note::BrokerRegistered { broker, broker_epoch, unclean, .. } => format!(
                "registered broker-{broker}, epoch {broker_epoch}{}",
                if *unclean { ", after an unclean shutdown" } else { "" }
            ),
            Note::BrokerChanged { broker, state } => format!("broker-{broker} is now {state:?}"),
            Note::PartitionChanged { partition, state, elected } => format!(
                "{}: leader {}, epoch {}, isr {}, elr {}{}",
                self.partition(*partition),
                state.leader.map_or_else(|| "none".to_owned(), |leader| leader.to_string()),
                state.leader_epoch,
                list(state.isr.iter().map(ToString::to_string)),
                list(state.elr.iter().map(ToString::to_string)),
                manner(*elected)
            ),
            Note::FinalRead { .. }
            | Note::Drained { .. }
            | Note::Appended { .. }
            | Note::Flushed { .. }
            | Note::AcksAllCompleted { .. }
            | Note::BrokerStarted { .. }
            | Note::HighWatermarkCheckpoint { .. } => return None,
        })
    }
}

/// How a leader was elected, if it may lack committed records.
fn manner(elected: Elected) -> &'static str {
    match elected {
        Elected::LastKnownLeader => " (election of the last known leader)",
        Elected::Uncleanly => " (unclean election)",
        Elected::Unchanged | Elected::Nobody | Elected::FromIsr | Elected::FromElr => "",
    }
}

/// `[a b c]`
fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(" "))
}

/// The name of a variant, from its debug form.
fn first_word(value: &impl std::fmt::Debug) -> String {
    let debug = format!("{value:?}");
    debug.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

impl Observer<Process> for Teller {
    fn booted(&mut self, stamp: Stamp) {
        self.tell(stamp, self.name(stamp.node), "starts".to_owned());
    }

    fn handling(&mut self, stamp: Stamp, event: &Event<Process>, peer: Option<NodeId>) {
        if let Some(what) = self.describe(event, peer) {
            self.tell(stamp, self.name(stamp.node), what);
        }
    }

    fn noted(&mut self, stamp: Stamp, note: &Note) {
        if let Some(what) = self.note(note) {
            self.tell(stamp, self.name(stamp.node), format!("   {what}"));
        }
    }

    fn died(&mut self, stamp: Stamp, death: Death) {
        let what = match death {
            Death::Crash => "crashes",
            Death::PowerLoss => "loses power",
            Death::Exit => "ends",
        };
        self.tell(stamp, self.name(stamp.node), what.to_owned());
    }

    fn fault(&mut self, stamp: Stamp, fault: &PlannedFault, phase: FaultPhase) {
        let phase = match phase {
            FaultPhase::Begins => "begins",
            FaultPhase::Vetoed => "does not begin: it would exceed the damage budget",
            FaultPhase::Heals => "heals",
            FaultPhase::BecomesPermanent => "stays for good",
        };
        let what = fault.kind.phrase(&|node| self.name(node)).to_string();
        self.tell(stamp, "faults".to_owned(), format!("{what} {phase}"));
    }

    fn is_satisfied(&self) -> bool {
        self.is_over
    }
}
