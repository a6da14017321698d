//! The processes of a cluster under one roof: what the kernel runs on each node.
//!
//! Broker, controller, producer and consumer are separate programs that meet only through messages; this enum is how they
//! share one kernel without dynamic dispatch.

use std::sync::Arc;

use ktrial_sim::actor::{Actor, Event};
use ktrial_sim::context::Context;

use crate::broker::{Broker, BrokerSpec, BrokerTimer};
use crate::client::consumer::{Consumer, ConsumerSpec, ConsumerTimer};
use crate::client::producer::{Producer, ProducerSpec, ProducerTimer};
use crate::controller::{Controller, ControllerSpec, ControllerTimer};
use crate::file::{FileEntry, FileName};
use crate::log::LogToken;
use crate::message::Message;
use crate::note::Note;
use crate::probe::Probe;

/// The hands of any process of a cluster.
pub type Ctx<'a> = Context<'a, Process>;

/// A running process.
#[derive(Clone, Debug)]
pub enum Process {
    /// Stores and replicates.
    Broker(Box<Broker>),
    /// Decides who leads.
    Controller(Box<Controller>),
    /// Sends records.
    Producer(Box<Producer>),
    /// Reads records.
    Consumer(Box<Consumer>),
}

/// What a process is started with.
#[derive(Clone, Debug)]
pub enum ProcessSpec {
    /// A broker's.
    Broker(Arc<BrokerSpec>),
    /// The controller's.
    Controller(Arc<ControllerSpec>),
    /// A producer's.
    Producer(Arc<ProducerSpec>),
    /// A consumer's.
    Consumer(Arc<ConsumerSpec>),
}

/// What a process's timer carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Timer {
    /// A broker's.
    Broker(BrokerTimer),
    /// The controller's.
    Controller(ControllerTimer),
    /// A producer's.
    Producer(ProducerTimer),
    /// A consumer's.
    Consumer(ConsumerTimer),
}

/// What a disk operation hands back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DiskToken {
    /// Of a broker's logs and their checkpoints.
    Log(LogToken),
    /// The controller's metadata log is durable up to this end offset.
    MetadataLog(u64),
}

impl From<LogToken> for DiskToken {
    fn from(token: LogToken) -> Self {
        DiskToken::Log(token)
    }
}

/// What the world outside asks of a process: nothing yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutsideRequest {}

impl Actor for Process {
    type Spec = ProcessSpec;
    type Message = Message;
    type Timer = Timer;
    type File = FileName;
    type Entry = FileEntry;
    type Token = DiskToken;
    type Note = Note;
    type Probe = Probe;
    type Request = OutsideRequest;

    fn boot(spec: &ProcessSpec, ctx: &mut Ctx<'_>) -> Self {
        match spec {
            ProcessSpec::Broker(spec) => Process::Broker(Box::new(Broker::boot(spec, ctx))),
            ProcessSpec::Controller(spec) => {
                Process::Controller(Box::new(Controller::boot(spec, ctx)))
            }
            ProcessSpec::Producer(spec) => Process::Producer(Box::new(Producer::boot(spec, ctx))),
            ProcessSpec::Consumer(spec) => Process::Consumer(Box::new(Consumer::boot(spec, ctx))),
        }
    }

    fn handle(&mut self, event: Event<Self>, ctx: &mut Ctx<'_>) {
        match self {
            Process::Broker(broker) => broker.handle(event, ctx),
            Process::Controller(controller) => controller.handle(event, ctx),
            Process::Producer(producer) => producer.handle(event, ctx),
            Process::Consumer(consumer) => consumer.handle(event, ctx),
        }
    }
}
