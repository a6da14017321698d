//! Ready-made fault profiles by name. All last from 1 s to 30 s of simulated time; a caller changes what it wants changed.
//!
//! What strikes hosts strikes those of the role [`SERVERS`], what strikes links those to and from them; partitions,
//! isolation and clock faults strike every node of the fleet, so that clients are cut off too.

use super::budget::Budget;
use super::profile::{FaultProfile, Intensity, ProbeRule, Swarm, When};
use super::recipe::Recipe;
use super::span::Span;

/// The role that presets look for in the fleet: the nodes that hold copies of the data.
pub const SERVERS: &str = "servers";

/// The probe that `leader-crashes` waits for: a node has just become leader of something.
pub const LEADER_PROBE: &str = "leader-elected";

/// A named profile.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Preset {
    /// Nothing breaks.
    None,
    /// What a good day in a data centre brings: resets, slow links, short pauses.
    Calm,
    /// Processes crash and stand still.
    Crashes,
    /// A server dies within a second of becoming leader.
    LeaderCrashes,
    /// Partitions, isolation, slow and flapping links, resets; all hosts run on.
    Network,
    /// One server at a time loses power and gets time to restore its copies; others crash in between.
    Power,
    /// All servers lose power at once.
    Blackout,
    /// Disks stall, fail, fill up, and one at a time is lost.
    Disk,
    /// Clocks jump and drift, processes stand still and run slowly.
    Clocks,
    /// Everything that leaves one copy out of two whole.
    KitchenSink,
    /// The same, but each seed has a mix of its own.
    Swarm,
    /// Everything, no budget: data may be lost, but not silently.
    AnythingGoes,
}

impl Preset {
    /// All presets, from the mildest to the harshest.
    pub const ALL: [Preset; 12] = [
        Preset::None,
        Preset::Calm,
        Preset::Crashes,
        Preset::LeaderCrashes,
        Preset::Network,
        Preset::Power,
        Preset::Blackout,
        Preset::Disk,
        Preset::Clocks,
        Preset::KitchenSink,
        Preset::Swarm,
        Preset::AnythingGoes,
    ];

    /// The preset called `name`.
    pub fn named(name: &str) -> Option<Preset> {
        Preset::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// The name in kebab case.
    pub fn name(self) -> &'static str {
        match self {
            Preset::None => "none",
            Preset::Calm => "calm",
            Preset::Crashes => "crashes",
            Preset::LeaderCrashes => "leader-crashes",
            Preset::Network => "network",
            Preset::Power => "power",
            Preset::Blackout => "blackout",
            Preset::Disk => "disk",
            Preset::Clocks => "clocks",
            Preset::KitchenSink => "kitchen-sink",
            Preset::Swarm => "swarm",
            Preset::AnythingGoes => "anything-goes",
        }
    }

    /// The profile.
    pub fn profile(self) -> FaultProfile {
        match self {
            Preset::None => drawing([]),
            Preset::Calm => calm(),
            Preset::Crashes => drawing([crash(), pause()]),
            Preset::LeaderCrashes => leader_crashes(),
            Preset::Network => drawing(network()),
            Preset::Power => power(),
            Preset::Blackout => blackout(),
            Preset::Disk => disk(),
            Preset::Clocks => drawing(clocks().into_iter().chain([pause()])),
            Preset::KitchenSink => kitchen_sink(),
            Preset::Swarm => FaultProfile { swarm: Some(MIXED), ..kitchen_sink() },
            Preset::AnythingGoes => anything_goes(),
        }
    }
}

/// Half of the recipes in each seed, up to four times as often or as rarely.
const MIXED: Swarm = Swarm { on_percent: 50, stretch: 4 };

/// One copy harmed at a time, and ten seconds to restore it.
const ONE_COPY: Budget = Budget { max_copies_harmed: 1, spacing_ms: 10_000, exclusive: false };

type Drawn = (Recipe, Intensity);

fn drawing(draw: impl IntoIterator<Item = Drawn>) -> FaultProfile {
    FaultProfile {
        from_ms: 1_000,
        until_ms: 30_000,
        max_concurrent: None,
        swarm: None,
        budget: None,
        core: None,
        draw: draw.into_iter().collect(),
    }
}

fn calm() -> FaultProfile {
    let short_pause = lasting(Recipe::Pause, 10_000, 20, 200);
    let slow_link = lasting(Recipe::SlowLink, 5_000, 500, 3_000);
    let slow_link = on_servers(with_severity(slow_link, 1, 50));
    FaultProfile {
        max_concurrent: Some(2),
        ..drawing([on_servers(short_pause), slow_link, connection_reset()])
    }
}

fn leader_crashes() -> FaultProfile {
    let rule = ProbeRule {
        name: LEADER_PROBE.to_owned(),
        hits: Span { min: 1, max: 4 },
        delay_ms: Span { min: 0, max: 1_000 },
        times: 4,
    };
    let (recipe, intensity) = crash();
    drawing([(recipe, Intensity { when: When::AfterProbe(rule), ..intensity })])
}

fn power() -> FaultProfile {
    let budget = Some(Budget { spacing_ms: 5_000, exclusive: true, ..ONE_COPY });
    FaultProfile { budget, ..drawing([power_loss(8_000), crash()]) }
}

fn blackout() -> FaultProfile {
    drawing([on_servers(lasting(Recipe::CorrelatedPowerLoss, 10_000, 500, 5_000))])
}

fn disk() -> FaultProfile {
    let lost = [disk_loss()];
    FaultProfile { budget: Some(ONE_COPY), ..drawing(disk_trouble().into_iter().chain(lost)) }
}

fn kitchen_sink() -> FaultProfile {
    let hosts = [crash(), pause(), power_loss(10_000), disk_loss()];
    let draw = hosts.into_iter().chain(network()).chain(disk_trouble()).chain(clocks());
    FaultProfile { max_concurrent: Some(6), budget: Some(ONE_COPY), ..drawing(draw) }
}

fn anything_goes() -> FaultProfile {
    let FaultProfile { mut draw, .. } = kitchen_sink();
    draw.extend([
        on_servers(lasting(Recipe::CorrelatedPowerLoss, 15_000, 500, 5_000)),
        on_servers(lasting(Recipe::LostFlush, 10_000, 500, 5_000)),
        on_servers(instant(Recipe::BitRot, 10_000)),
    ]);
    FaultProfile { swarm: Some(MIXED), ..drawing(draw) }
}

fn network() -> [Drawn; 8] {
    [
        with_off(lasting(Recipe::Partition, 8_000, 1_000, 10_000), 1_000),
        with_off(lasting(Recipe::OneWayPartition, 12_000, 1_000, 10_000), 1_000),
        with_off(lasting(Recipe::Isolate, 8_000, 1_000, 10_000), 1_000),
        on_servers(lasting(Recipe::FlappingLink, 10_000, 1_000, 8_000)),
        on_servers(lasting(Recipe::SlowLink, 6_000, 1_000, 10_000)),
        lasting(Recipe::SwizzleClog, 15_000, 500, 3_000),
        connection_reset(),
        on_servers(instant(Recipe::OneSidedClose, 5_000)),
    ]
}

fn disk_trouble() -> [Drawn; 5] {
    [
        on_servers(lasting(Recipe::SlowDisk, 8_000, 1_000, 10_000)),
        on_servers(lasting(Recipe::DiskStall, 10_000, 500, 10_000)),
        on_servers(lasting(Recipe::WriteError, 15_000, 100, 3_000)),
        on_servers(lasting(Recipe::FlushError, 15_000, 100, 3_000)),
        on_servers(lasting(Recipe::FullDisk, 20_000, 1_000, 8_000)),
    ]
}

fn clocks() -> [Drawn; 3] {
    [
        instant(Recipe::ClockJump, 8_000),
        lasting(Recipe::ClockDrift, 8_000, 2_000, 15_000),
        on_servers(lasting(Recipe::SlowCpu, 8_000, 1_000, 8_000)),
    ]
}

fn crash() -> Drawn {
    with_off(on_servers(lasting(Recipe::Crash, 4_000, 200, 6_000)), 1_000)
}

fn pause() -> Drawn {
    with_off(on_servers(lasting(Recipe::Pause, 6_000, 100, 12_000)), 500)
}

fn power_loss(mean_interval_ms: u64) -> Drawn {
    with_off(on_servers(lasting(Recipe::PowerLoss, mean_interval_ms, 500, 5_000)), 1_000)
}

fn disk_loss() -> Drawn {
    on_servers(lasting(Recipe::DiskLoss, 20_000, 500, 5_000))
}

fn connection_reset() -> Drawn {
    on_servers(instant(Recipe::ConnectionReset, 3_000))
}

/// A recipe that strikes any node, for a while.
fn lasting(recipe: Recipe, mean_interval_ms: u64, min_on_ms: u64, max_on_ms: u64) -> Drawn {
    let (recipe, intensity) = instant(recipe, mean_interval_ms);
    (recipe, Intensity { on_ms: Some(Span { min: min_on_ms, max: max_on_ms }), ..intensity })
}

/// A recipe that strikes any node, at one instant.
fn instant(recipe: Recipe, mean_interval_ms: u64) -> Drawn {
    let when = When::MeanIntervalMs(mean_interval_ms);
    (recipe, Intensity { targets: vec![], when, on_ms: None, min_off_ms: 0, severity: None })
}

fn on_servers((recipe, intensity): Drawn) -> Drawn {
    (recipe, Intensity { targets: vec![SERVERS.to_owned()], ..intensity })
}

fn with_off((recipe, intensity): Drawn, min_off_ms: u64) -> Drawn {
    (recipe, Intensity { min_off_ms, ..intensity })
}

fn with_severity((recipe, intensity): Drawn, min: u64, max: u64) -> Drawn {
    (recipe, Intensity { severity: Some(Span { min, max }), ..intensity })
}
