//! A small protocol that is not Kafka, to understand and test the kernel by: a ledger with a primary and a backup.
//!
//! ```text
//!   client              primary                       backup
//!     | -- Add(7) ------> | append, flush               |
//!     |                   | -- Copy(n, 7) ------------> | append, flush
//!     |                   | <------------ Copied(n) --- |
//!     | <---- Added(7) -- | both have it on disk        |
//! ```
//!
//! The client sends one number after the other and sends again whatever it has no answer for after a second or when its
//! connection dies. The promise: **a number that was acknowledged is on both disks, whatever crashes**. (It may be there
//! twice: the protocol retries and does not recognise its own retries. That too is a thing the kernel's faults bring out.)

use crate::actor::{Actor, Event, Message, ProbeSet};
use crate::context::Context;
use crate::disk::Entry;
use crate::network::ConnectionId;
use crate::node_id::NodeId;
use crate::time::Duration;
use crate::trace::TraceHasher;

/// How long an end waits for a connection, and a client for an answer.
pub const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of one number on disk.
pub const ENTRY_BYTES: u32 = 512;

/// Who a process is.
#[derive(Clone, Debug)]
pub enum Role {
    /// Takes numbers and has them copied.
    Primary {
        /// Where copies go.
        backup: NodeId,
    },
    /// Takes copies.
    Backup,
    /// Adds the numbers `0..count`, one after the other.
    Client {
        /// Where to.
        primary: NodeId,
        /// How many.
        count: u64,
    },
}

/// What the processes say to each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LedgerMessage {
    /// Client to primary: put this number into the ledger.
    Add(u64),
    /// Primary to client: it is on both disks.
    Added(u64),
    /// Primary to backup: line `0` of the ledger says `1`.
    Copy(u64, u64),
    /// Backup to primary: this many lines are on my disk.
    Copied(u64),
}

/// What a client noticed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LedgerNote {
    /// The number was acknowledged.
    Acknowledged(u64),
}

/// Rare things of this protocol.
#[derive(Copy, Clone, Debug)]
pub enum LedgerProbe {
    /// A client sent a number again.
    Retried,
    /// A primary found its backup behind after a restart and sent what was missing.
    CaughtUp,
}

impl ProbeSet for LedgerProbe {
    const NAMES: &'static [&'static str] = &["retried", "caught-up"];

    fn index(self) -> usize {
        self as usize
    }
}

impl Message for LedgerMessage {
    const KINDS: &'static [&'static str] = &["add", "added", "copy", "copied"];

    fn kind(&self) -> usize {
        match self {
            LedgerMessage::Add(_) => 0,
            LedgerMessage::Added(_) => 1,
            LedgerMessage::Copy(..) => 2,
            LedgerMessage::Copied(_) => 3,
        }
    }

    fn size_bytes(&self) -> u64 {
        16
    }

    fn hash(&self, hasher: &mut TraceHasher) {
        let (LedgerMessage::Add(n) | LedgerMessage::Added(n) | LedgerMessage::Copied(n)) = self
        else {
            let LedgerMessage::Copy(line, number) = self else { unreachable!("the fourth kind") };
            hasher.word(*line);
            hasher.word(*number);
            return;
        };
        hasher.word((self.kind() as u64) << 60 ^ n);
    }
}

/// A timer: connect again, or look whether the answer is overdue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LedgerTimer {
    /// Try to connect once more.
    Reconnect,
    /// The answer to this number should have come.
    Overdue(u64),
}

/// The only file.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LedgerFile;

/// One process of the protocol.
#[derive(Clone, Debug)]
pub struct Ledger {
    role: Role,
    /// To the primary (of a client) or to the backup (of a primary).
    upstream: Option<ConnectionId>,
    is_connected: bool,
    /// Client: the number under way. Primary: nothing.
    next: u64,
    /// Primary: whom to answer for each line not yet on both disks.
    waiting: Vec<(u64, u64, ConnectionId)>,
    /// Lines on this disk for certain, and on the backup's.
    flushed: u64,
    copied: u64,
    /// Backup: the primary that waits for an answer.
    downstream: Option<ConnectionId>,
}

impl Actor for Ledger {
    type Spec = Role;
    type Message = LedgerMessage;
    type Timer = LedgerTimer;
    type File = LedgerFile;
    type Entry = u64;
    /// Lines in the file when the flush began.
    type Token = u64;
    type Note = LedgerNote;
    type Probe = LedgerProbe;
    type Request = u64;

    fn boot(role: &Role, ctx: &mut Context<'_, Self>) -> Self {
        let flushed = recover(ctx);
        let mut ledger = Ledger {
            role: role.clone(),
            upstream: None,
            is_connected: false,
            next: 0,
            waiting: Vec::new(),
            flushed,
            copied: 0,
            downstream: None,
        };
        ledger.connect(ctx);
        ledger
    }

    fn handle(&mut self, event: Event<Self>, ctx: &mut Context<'_, Self>) {
        match event {
            Event::Connected(_) => {
                self.is_connected = true;
                self.proceed(ctx);
            }
            Event::ConnectFailed(..) => {
                self.upstream = None;
                ctx.set_timer(PATIENCE / 2, LedgerTimer::Reconnect);
            }
            Event::Closed(connection, _) => self.lost(connection, ctx),
            Event::Accepted(connection, _) => self.accepted(connection, ctx),
            Event::Message(connection, message) => self.received(connection, message, ctx),
            Event::Timer(LedgerTimer::Reconnect) => self.connect(ctx),
            Event::Timer(LedgerTimer::Overdue(number)) => self.overdue(number, ctx),
            Event::Disk(lines, Ok(())) => self.flushed_to(lines, ctx),
            Event::Disk(_, Err(_)) | Event::Shutdown => ctx.exit(),
            Event::Request(number) => self.next = number,
        }
    }
}

/// What is left of the ledger after a crash: everything before the first damaged line. Returns the number of lines.
fn recover(ctx: &mut Context<'_, Ledger>) -> u64 {
    let Some(file) = ctx.disk().file(LedgerFile) else { return 0 };
    let intact = file.entries_from(0).take_while(|entry| matches!(entry, Entry::Intact(_))).count();
    if intact < file.len() {
        ctx.truncate(LedgerFile, intact).expect("the disk works at boot");
    }
    intact as u64
}

impl Ledger {
    fn connect(&mut self, ctx: &mut Context<'_, Self>) {
        let peer = match self.role {
            Role::Primary { backup } => backup,
            Role::Client { primary, .. } => primary,
            Role::Backup => return,
        };
        if self.upstream.is_none() {
            self.upstream = Some(ctx.connect(peer, PATIENCE));
        }
    }

    fn lost(&mut self, connection: ConnectionId, ctx: &mut Context<'_, Self>) {
        self.waiting.retain(|&(_, _, client)| client != connection);
        if self.upstream == Some(connection) {
            self.upstream = None;
            self.is_connected = false;
            ctx.set_timer(PATIENCE / 2, LedgerTimer::Reconnect);
        }
    }

    fn accepted(&mut self, connection: ConnectionId, ctx: &mut Context<'_, Self>) {
        if matches!(self.role, Role::Backup) {
            self.downstream = Some(connection);
            ctx.send(connection, LedgerMessage::Copied(self.flushed));
        }
    }

    /// There is a way upstream (again): a client sends its number; a primary waits to hear how far the backup is.
    fn proceed(&mut self, ctx: &mut Context<'_, Self>) {
        let Role::Client { count, .. } = self.role else { return };
        let (Some(connection), true) = (self.upstream, self.is_connected) else { return };
        if self.next < count {
            ctx.send(connection, LedgerMessage::Add(self.next));
            ctx.set_timer(PATIENCE, LedgerTimer::Overdue(self.next));
        }
    }

    fn overdue(&mut self, number: u64, ctx: &mut Context<'_, Self>) {
        if number == self.next && matches!(self.role, Role::Client { .. }) {
            ctx.probe(LedgerProbe::Retried);
            self.proceed(ctx);
        }
    }

    fn received(
        &mut self,
        connection: ConnectionId,
        message: LedgerMessage,
        ctx: &mut Context<'_, Self>,
    ) {
        match message {
            LedgerMessage::Add(number) => {
                let line = self.write(number, ctx);
                self.waiting.push((line, number, connection));
                self.copy(line, number, ctx);
            }
            LedgerMessage::Copy(line, number) => {
                if line == self.lines(ctx) {
                    self.write(number, ctx);
                }
            }
            LedgerMessage::Copied(lines) => self.copied_to(lines, ctx),
            LedgerMessage::Added(number) => {
                if number == self.next {
                    ctx.note(LedgerNote::Acknowledged(number));
                    self.next += 1;
                    self.proceed(ctx);
                }
            }
        }
    }

    fn lines(&self, ctx: &Context<'_, Self>) -> u64 {
        ctx.disk().file(LedgerFile).map_or(0, |file| file.len() as u64)
    }

    /// Appends a number and has it flushed. Returns its line.
    fn write(&mut self, number: u64, ctx: &mut Context<'_, Self>) -> u64 {
        let line = self.lines(ctx);
        let written = ctx.append(LedgerFile, number, ENTRY_BYTES);
        if written.and_then(|_| ctx.flush(LedgerFile, line + 1)).is_err() {
            ctx.exit();
        }
        line
    }

    fn copy(&mut self, line: u64, number: u64, ctx: &mut Context<'_, Self>) {
        if let (Some(backup), true) = (self.upstream, self.is_connected) {
            ctx.send(backup, LedgerMessage::Copy(line, number));
        }
    }

    /// This many lines are on this disk for certain.
    fn flushed_to(&mut self, lines: u64, ctx: &mut Context<'_, Self>) {
        self.flushed = self.flushed.max(lines);
        match self.role {
            Role::Primary { .. } => self.answer(ctx),
            Role::Backup => {
                if let Some(primary) = self.downstream {
                    ctx.send(primary, LedgerMessage::Copied(self.flushed));
                }
            }
            Role::Client { .. } => {}
        }
    }

    /// This many lines are on the backup's disk; what it does not have it gets (again).
    fn copied_to(&mut self, lines: u64, ctx: &mut Context<'_, Self>) {
        self.copied = lines;
        self.answer(ctx);
        let missing: Vec<(u64, u64)> = (lines..self.lines(ctx))
            .filter_map(|line| {
                let number = ctx.disk().file(LedgerFile)?.intact(line as usize)?;
                Some((line, *number))
            })
            .collect();
        if self.waiting.is_empty() && !missing.is_empty() {
            ctx.probe(LedgerProbe::CaughtUp);
        }
        for (line, number) in missing {
            self.copy(line, number, ctx);
        }
    }

    fn answer(&mut self, ctx: &mut Context<'_, Self>) {
        let safe = self.flushed.min(self.copied);
        self.waiting.retain(|&(line, number, client)| {
            if line < safe {
                ctx.send(client, LedgerMessage::Added(number));
            }
            line >= safe
        });
    }
}
