//! "This rare thing happened": counters that tell whether a campaign reached the corners it is meant to reach.

use crate::actor::ProbeSet;

/// Rare things of the kernel itself.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum KernelProbe {
    /// A segment met a cut link and was held for retransmission.
    SegmentHeld,
    /// Held traffic arrived late because the link healed in time.
    SegmentsReleased,
    /// An end gave a connection up after retransmitting in vain.
    ConnectionTimedOut,
    /// A host reset a connection it did not know.
    UnknownConnectionReset,
    /// The last segments sent on a connection never arrived.
    SuffixLost,
    /// A connection attempt was refused by a host without the process.
    ConnectRefused,
    /// A connection attempt got no answer in time.
    ConnectTimedOut,
    /// An event waited because the process was paused.
    HandledAfterPause,
    /// A power loss damaged or lost entries that the process had written.
    PowerLossDamagedFiles,
    /// A fault was vetoed by the damage budget.
    FaultVetoed,
    /// A process ended itself.
    ProcessExited,
}

impl ProbeSet for KernelProbe {
    const NAMES: &'static [&'static str] = &[
        "segment-held",
        "segments-released",
        "connection-timed-out",
        "unknown-connection-reset",
        "suffix-lost",
        "connect-refused",
        "connect-timed-out",
        "handled-after-pause",
        "power-loss-damaged-files",
        "fault-vetoed",
        "process-exited",
    ];

    fn index(self) -> usize {
        self as usize
    }
}

/// How often each probe was hit: the kernel's and the actors'.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ProbeCounts {
    kernel: [u32; KernelProbe::NAMES.len()],
    actor: Vec<u32>,
}

impl ProbeCounts {
    pub(crate) fn new(actor_probes: usize) -> Self {
        ProbeCounts { kernel: [0; KernelProbe::NAMES.len()], actor: vec![0; actor_probes] }
    }

    pub(crate) fn hit_kernel(&mut self, probe: KernelProbe) {
        self.kernel[probe.index()] += 1;
    }

    pub(crate) fn hit_actor(&mut self, index: usize) {
        self.actor[index] += 1;
    }

    /// Name and count of every probe, hit or not.
    pub(crate) fn named<P: ProbeSet>(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let kernel = KernelProbe::NAMES.iter().zip(self.kernel);
        let actor = P::NAMES.iter().zip(self.actor.iter().copied());
        kernel.chain(actor).map(|(&name, count)| (name, count))
    }

    /// How often the actors' probe with this index was hit.
    pub(crate) fn actor(&self, index: usize) -> u32 {
        self.actor[index]
    }
}
