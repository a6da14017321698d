//! How a broker follows: it fetches from the leaders of its partitions, one request per leader at a time. As
//! `ReplicaFetcherManager`, `AbstractFetcherThread` and `RemoteLeaderEndPoint`.
//!
//! The answer to a fetch is taken only if the partition still follows in the epoch the fetch was sent in, and its log
//! still ends where it did (F13). The next fetch tells the leader how far this broker has got, so it is not sent before
//! what it claims is flushed, if `flush.messages` asks for that. Until then nothing is fetched from that leader: Kafka's
//! fetcher thread blocks, and without the partition a fetch could wait `replica.fetch.wait.max.ms` for the others.

use std::sync::Arc;

use ktrial_sim::network::ConnectionId;
use ktrial_sim::sorted_map::SortedMap;
use ktrial_sim::time::{Duration, Instant};

use super::partition::Partition;
use super::{Broker, BrokerTimer};
use crate::client::backoff::ExponentialBackoff;
use crate::client::connection_settings::ConnectionSettings;
use crate::client::connections::{Connections, Destination};
use crate::config::BrokerConfig;
use crate::error_code::ErrorCode;
use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, TopicPartition};
use crate::log::FlushRound;
use crate::message::{
    FetchPartition, FetchPartitionResponse, FetchRequest, FetchResponse, Fetcher,
    ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTarget, Request, Response,
};
use crate::probe::Probe;
use crate::process::{Ctx, Timer};
use crate::wake_up::WakeUp;

/// All fetching of a broker.
#[derive(Clone, Debug)]
pub struct ReplicaFetchers {
    settings: FetchSettings,
    connections: Connections<InFlight>,
    followed: SortedMap<TopicPartition, Followed>,
    /// To be fetched from as soon as possible.
    due: Leaders,
    /// Something may be due at another time than the timer is set for.
    is_deadline_stale: bool,
    wake_up: WakeUp,
}

/// Leaders, each once and in order: a set that keeps its room when it is emptied, as it is after each answer.
#[derive(Clone, Default, Debug)]
struct Leaders(Vec<BrokerId>);

impl Leaders {
    fn insert(&mut self, leader: BrokerId) {
        if let Err(place) = self.0.binary_search(&leader) {
            self.0.insert(place, leader);
        }
    }
}

#[derive(Copy, Clone, Debug)]
struct FetchSettings {
    local: BrokerId,
    max_wait: Duration,
    min_bytes: u32,
    response_max_bytes: u32,
    partition_max_bytes: u32,
    backoff: Duration,
}

/// A partition this broker follows (`PartitionFetchState`).
#[derive(Copy, Clone, Debug)]
struct Followed {
    leader: BrokerId,
    leader_epoch: LeaderEpoch,
    state: State,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum State {
    /// To be in the next fetch.
    Fetching,
    /// Not before then: something went wrong.
    BackingOff(Instant),
    /// Not before this flush has ended.
    Flushing(FlushRound),
    /// The leader does not have the offset wanted: where does its log begin or end (F15)?
    OutOfRange(ListOffsetsTarget),
    /// Not before new metadata comes.
    Failed,
}

impl State {
    /// The next fetch tells that this broker has what it appended, or cut: not before that is durable, if it has to be.
    fn after(flush: Option<FlushRound>) -> Self {
        flush.map_or(State::Fetching, State::Flushing)
    }
}

/// What a request under way is about.
#[derive(Clone, Debug)]
enum InFlight {
    /// Its answer counts for partitions that still are where they were fetched.
    Fetch(Arc<FetchRequest>),
    /// Of one partition out of range.
    ListOffset(TopicPartition, LeaderEpoch),
}

impl ReplicaFetchers {
    /// Follows nothing yet.
    pub fn new(local: BrokerId, config: &BrokerConfig) -> Self {
        let backoff = config.replica_fetch_backoff_ms;
        let connections = Connections::new(ConnectionSettings {
            max_in_flight: 1,
            request_timeout: Duration::from_millis(config.replica_socket_timeout_ms),
            reconnect_backoff: ExponentialBackoff::from_millis(backoff, backoff),
            setup_timeout: ExponentialBackoff::from_millis(
                config.socket_connection_setup_timeout_ms,
                config.socket_connection_setup_timeout_max_ms,
            ),
            max_idle: Duration::FOREVER,
        });
        let settings = FetchSettings {
            local,
            max_wait: Duration::from_millis(config.replica_fetch_wait_max_ms),
            min_bytes: config.replica_fetch_min_bytes,
            response_max_bytes: config.replica_fetch_response_max_bytes,
            partition_max_bytes: config.replica_fetch_max_bytes,
            backoff: Duration::from_millis(backoff),
        };
        ReplicaFetchers {
            settings,
            connections,
            followed: SortedMap::new(),
            due: Leaders::default(),
            is_deadline_stale: false,
            wake_up: WakeUp::default(),
        }
    }

    /// Follows `leader` in `leader_epoch` from now on, whatever was before (F9).
    pub fn follow(&mut self, name: TopicPartition, leader: BrokerId, leader_epoch: LeaderEpoch) {
        let followed = Followed { leader, leader_epoch, state: State::Fetching };
        let before = self.followed.insert(name, followed);
        self.due.insert(leader);
        self.awaits_no_more(before);
    }

    /// Follows nobody.
    pub fn unfollow(&mut self, name: TopicPartition) {
        let before = self.followed.remove(&name);
        self.awaits_no_more(before);
    }

    /// The others of its leader waited for its flush.
    fn awaits_no_more(&mut self, before: Option<Followed>) {
        if let Some(Followed { leader, state: State::Flushing(_), .. }) = before {
            self.due.insert(leader);
        }
    }

    /// Follows nobody in any partition.
    pub fn stop(&mut self) {
        self.followed.clear();
        self.due.0.clear();
    }

    /// A flush of the log has ended.
    pub fn flushed(&mut self, name: TopicPartition, partition: &Partition) {
        if let Some(followed) = self.followed.get_mut(&name)
            && let State::Flushing(round) = followed.state
            && partition.log().has_flushed(round)
        {
            followed.state = State::Fetching;
            self.due.insert(followed.leader);
        }
    }

    fn back_off(&mut self, name: TopicPartition, now: Instant) {
        let until = now + self.settings.backoff;
        if let Some(followed) = self.followed.get_mut(&name)
            && followed.state != State::Failed
        {
            followed.state = State::BackingOff(until);
            self.is_deadline_stale = true;
        }
    }

    /// Back-offs that are over end; their leaders are due.
    fn end_back_offs(&mut self, now: Instant) {
        for followed in self.followed.values_mut() {
            if matches!(followed.state, State::BackingOff(until) if until <= now) {
                followed.state = State::Fetching;
                self.due.insert(followed.leader);
            }
        }
    }

    fn next_deadline(&self) -> Instant {
        let back_offs = self.followed.values().filter_map(|followed| match followed.state {
            State::BackingOff(until) => Some(until),
            _ => None,
        });
        back_offs.min().unwrap_or(Instant::NEVER).min(self.connections.next_deadline())
    }

    fn set_state(&mut self, name: TopicPartition, state: State) {
        self.followed.get_mut(&name).expect("it is followed").state = state;
        self.is_deadline_stale = true;
    }

    /// The state of a partition that still follows `leader` in `epoch`.
    fn following(
        &mut self,
        name: TopicPartition,
        leader: BrokerId,
        epoch: LeaderEpoch,
    ) -> Option<&mut Followed> {
        self.followed
            .get_mut(&name)
            .filter(|followed| followed.leader == leader && followed.leader_epoch == epoch)
    }
}

impl Broker {
    /// Sends every fetch that is due.
    pub(super) fn send_fetches(&mut self, ctx: &mut Ctx<'_>) {
        if self.fetchers.due.0.is_empty() && !self.fetchers.is_deadline_stale {
            return;
        }
        let Some(epoch) = self.control.broker_epoch() else { return };
        self.fetchers.is_deadline_stale = false;
        let mut due = std::mem::take(&mut self.fetchers.due);
        for leader in due.0.drain(..) {
            let to = Destination::Broker(leader);
            if !self.fetchers.connections.ready(to, ctx) {
                continue;
            }
            let Some((request, in_flight)) = self.next_request(leader, epoch) else { continue };
            if let Err(unsent) = self.fetchers.connections.send(to, request, in_flight, ctx) {
                self.fetch_lost(unsent, ctx);
            }
        }
        self.fetchers.due = due;
        let deadline = self.fetchers.next_deadline();
        let timer = Timer::Broker(BrokerTimer::ReplicaFetchers);
        self.fetchers.wake_up.no_later_than(deadline, timer, ctx);
    }

    fn next_request(&self, leader: BrokerId, epoch: BrokerEpoch) -> Option<(Request, InFlight)> {
        let settings = &self.fetchers.settings;
        let fetcher = Fetcher::Replica(settings.local, epoch);
        let from_leader = || {
            let followed = self.fetchers.followed.iter();
            followed.filter(move |(_, followed)| followed.leader == leader)
        };
        for (&name, followed) in from_leader() {
            match followed.state {
                State::Flushing(_) => return None,
                State::OutOfRange(target) => {
                    let partitions = vec![(name, target, Some(followed.leader_epoch))];
                    let request = ListOffsetsRequest { fetcher, partitions };
                    let in_flight = InFlight::ListOffset(name, followed.leader_epoch);
                    return Some((Request::ListOffsets(Box::new(request)), in_flight));
                }
                State::Fetching | State::BackingOff(_) | State::Failed => {}
            }
        }
        let mut partitions = Vec::with_capacity(self.fetchers.followed.len());
        for (&name, followed) in from_leader() {
            if followed.state == State::Fetching {
                partitions.push(self.fetch_partition(name, followed));
            }
        }
        if partitions.is_empty() {
            return None;
        }
        let request = Arc::new(FetchRequest {
            fetcher,
            max_wait: settings.max_wait,
            min_bytes: settings.min_bytes,
            max_bytes: settings.response_max_bytes,
            partitions,
        });
        Some((Request::Fetch(request.clone()), InFlight::Fetch(request)))
    }

    fn fetch_partition(&self, name: TopicPartition, followed: &Followed) -> FetchPartition {
        let partition = self.partitions.get(name).expect("only local partitions are followed");
        let (fetch_offset, last_fetched_epoch) = partition.fetch_position();
        FetchPartition {
            partition: name,
            fetch_offset,
            current_leader_epoch: Some(followed.leader_epoch),
            last_fetched_epoch,
            log_start_offset: partition.log().log_start_offset(),
            max_bytes: self.fetchers.settings.partition_max_bytes,
        }
    }

    /// Whether a connection was opened to a leader.
    pub(super) fn leader_connected(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        self.fetchers.is_deadline_stale = true;
        self.fetchers.connections.connected(connection, ctx.now());
        self.all_leaders_due();
    }

    /// A leader could not be reached.
    pub(super) fn leader_unreachable(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        self.fetchers.is_deadline_stale = true;
        let now = ctx.now();
        let failed = self.fetchers.connections.connect_failed(connection, now, ctx.random());
        if let Some(destination) = failed {
            self.back_off_from(destination.broker(), now);
        }
    }

    /// The connection to a leader is gone.
    pub(super) fn leader_lost(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        self.fetchers.is_deadline_stale = true;
        let now = ctx.now();
        let lost = self.fetchers.connections.closed(connection, now, ctx.random());
        if let Some((destination, _)) = lost {
            self.back_off_from(destination.broker(), now);
        }
    }

    /// Requests that waited too long are given up; back-offs that are over end.
    pub(super) fn replica_fetchers_woke_up(&mut self, ctx: &mut Ctx<'_>) {
        self.fetchers.is_deadline_stale = true;
        self.fetchers.wake_up.fired(ctx);
        while let Some((destination, _)) = self.fetchers.connections.time_out(ctx) {
            ctx.probe(Probe::ReplicaFetchTimedOut);
            self.back_off_from(destination.broker(), ctx.now());
        }
        self.fetchers.connections.housekeep(ctx);
        self.fetchers.end_back_offs(ctx.now());
        // Some may have waited for a reconnect back-off.
        self.all_leaders_due();
    }

    fn all_leaders_due(&mut self) {
        let leaders = self.fetchers.followed.values().map(|followed| followed.leader);
        leaders.for_each(|leader| self.fetchers.due.insert(leader));
    }

    fn back_off_from(&mut self, leader: BrokerId, now: Instant) {
        let names: Vec<TopicPartition> = self
            .fetchers
            .followed
            .iter()
            .filter(|(_, followed)| followed.leader == leader)
            .map(|(&name, _)| name)
            .collect();
        names.into_iter().for_each(|name| self.fetchers.back_off(name, now));
    }

    fn fetch_lost(&mut self, in_flight: InFlight, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        match in_flight {
            InFlight::Fetch(sent) => {
                let sent = sent.partitions.iter();
                sent.for_each(|fetch| self.fetchers.back_off(fetch.partition, now));
            }
            InFlight::ListOffset(name, _) => self.fetchers.back_off(name, now),
        }
    }

    /// A leader answered.
    pub(super) fn leader_answered(
        &mut self,
        connection: ConnectionId,
        correlation: u32,
        response: Response,
        ctx: &mut Ctx<'_>,
    ) {
        let now = ctx.now();
        let answered = self.fetchers.connections.answered(connection, correlation, now);
        let Some((destination, in_flight)) = answered else { return };
        let leader = destination.broker();
        self.fetchers.due.insert(leader);
        match (in_flight, response) {
            (InFlight::Fetch(sent), Response::Fetch(response)) => {
                self.take_fetched(leader, &sent.partitions, response, ctx);
            }
            (InFlight::ListOffset(name, epoch), Response::ListOffsets(response)) => {
                self.take_listed(name, leader, epoch, &response, ctx);
            }
            (in_flight, response) => panic!("{in_flight:?} was answered by {response:?}"),
        }
    }

    fn take_fetched(
        &mut self,
        leader: BrokerId,
        sent: &[FetchPartition],
        response: FetchResponse,
        ctx: &mut Ctx<'_>,
    ) {
        for (sent, fetched) in sent.iter().zip(response.partitions) {
            let name = sent.partition;
            assert_eq!(name, fetched.partition, "answers come in the request's order");
            let epoch = sent.current_leader_epoch.expect("followers name their leader's epoch");
            let Some(followed) = self.fetchers.following(name, leader, epoch) else { continue };
            let partition = self.partitions.get_mut(name).expect("it is followed");
            if partition.log().log_end_offset() != sent.fetch_offset {
                continue;
            }
            match take_partition(partition, fetched, ctx) {
                Ok(next) => followed.state = next,
                Err(error) => {
                    let next = self.state_after(error, ctx);
                    self.fetchers.set_state(name, next);
                }
            }
        }
    }

    /// What a follower does about an error (F14).
    fn state_after(&mut self, error: ErrorCode, ctx: &mut Ctx<'_>) -> State {
        match self.halted_by(error, ctx) {
            ErrorCode::OffsetOutOfRange => State::OutOfRange(ListOffsetsTarget::Latest),
            ErrorCode::FencedLeaderEpoch | ErrorCode::UnknownServerError => State::Failed,
            _ => State::BackingOff(ctx.now() + self.fetchers.settings.backoff),
        }
    }

    /// The leader said where its log ends or begins, and this log is not within (F15).
    fn take_listed(
        &mut self,
        name: TopicPartition,
        leader: BrokerId,
        epoch: LeaderEpoch,
        response: &ListOffsetsResponse,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(State::OutOfRange(target)) =
            self.fetchers.following(name, leader, epoch).map(|followed| followed.state)
        else {
            return;
        };
        let partition = self.partitions.get_mut(name).expect("it is followed");
        let local_end = partition.log().log_end_offset();
        ctx.probe(Probe::FollowerOutOfRange);
        let next = match (response.partitions.as_slice(), target) {
            ([(_, ErrorCode::None, Some(end))], ListOffsetsTarget::Latest) if *end < local_end => {
                partition.truncate_to(*end, ctx).map(State::after)
            }
            ([(_, ErrorCode::None, Some(_))], ListOffsetsTarget::Latest) => {
                Ok(State::OutOfRange(ListOffsetsTarget::Earliest))
            }
            ([(_, ErrorCode::None, Some(start))], ListOffsetsTarget::Earliest)
                if *start > local_end =>
            {
                partition.truncate_fully_and_start_at(*start, ctx).map(State::Flushing)
            }
            ([(_, ErrorCode::None, Some(_))], ListOffsetsTarget::Earliest) => Ok(State::Fetching),
            ([(_, error, _)], _) => Err(*error),
            (answers, _) => panic!("one offset was asked for, not {}", answers.len()),
        };
        let next = match next {
            Ok(next) => next,
            Err(error) => self.state_after(error, ctx),
        };
        self.fetchers.set_state(name, next);
    }
}

/// Appends what came, or truncates where the logs part ways.
fn take_partition(
    partition: &mut Partition,
    fetched: FetchPartitionResponse,
    ctx: &mut Ctx<'_>,
) -> Result<State, ErrorCode> {
    if fetched.error != ErrorCode::None {
        return Err(fetched.error);
    }
    if let Some(leader) = fetched.diverging_epoch {
        return partition.truncate_to_divergence(leader, ctx).map(State::after);
    }
    let append =
        partition.append_records_to_follower(fetched.batches, fetched.high_watermark, ctx)?;
    Ok(State::after(append.info.flush))
}
