//! Laws of generated fault plans, for every preset and many seeds, and the form plans are stored and shown in.

use std::collections::{BTreeMap, BTreeSet};

use ktrial_sim::fault::Span;
use ktrial_sim::fault::preset::SERVERS;
use ktrial_sim::fault::profile::{CoreRule, FaultProfile, Intensity, Swarm, When};
use ktrial_sim::fault::{
    Anchor, CorePhase, Direction, Fault, FaultPlan, Fleet, FlushErrorMode, Heal, MessagePoint,
    PlannedFault, Preset, Recipe, Spell, Traffic, generate,
};
use ktrial_sim::node_id::NodeId;
use ktrial_sim::random::Streams;
use ktrial_sim::time::{Duration, Instant};
use proptest::prelude::*;

const SEEDS: u64 = 300;

fn fleet() -> Fleet {
    Fleet::new().with_role(SERVERS, (1..=3).map(NodeId)).with_role("clients", (10..=12).map(NodeId))
}

fn plan_of(profile: &FaultProfile, seed: u64) -> FaultPlan {
    generate(profile, &fleet(), &Streams::new(seed))
}

fn at_ms(ms: u64) -> Instant {
    Instant::START + Duration::from_millis(ms)
}

fn with_core(profile: FaultProfile) -> FaultProfile {
    FaultProfile {
        core: Some(CoreRule { majority_of: vec![SERVERS.to_owned()], deadline_ms: 30_000 }),
        ..profile
    }
}

/// Every preset, with and without a core phase, over all seeds.
fn every_plan(check: impl Fn(&str, &FaultProfile, &FaultPlan)) {
    for preset in Preset::ALL {
        for profile in [preset.profile(), with_core(preset.profile())] {
            for seed in 0..SEEDS {
                check(
                    &format!("{} seed {seed}", preset.name()),
                    &profile,
                    &plan_of(&profile, seed),
                );
            }
        }
    }
}

#[test]
fn every_preset_is_valid_and_gives_valid_plans() {
    for preset in Preset::ALL {
        assert_eq!(preset.profile().validate(&fleet()), Ok(()), "{}", preset.name());
        assert_eq!(Preset::named(preset.name()), Some(preset));
    }
    every_plan(|what, _, plan| assert_eq!(plan.validate(&fleet()), Ok(()), "{what}"));
}

#[test]
fn every_preset_but_none_draws_something_in_most_seeds() {
    for preset in Preset::ALL {
        let eventful =
            (0..SEEDS).filter(|&seed| !plan_of(&preset.profile(), seed).faults.is_empty()).count();
        let expected = if preset == Preset::None { 0..1 } else { 250..301 };
        assert!(expected.contains(&eventful), "{}: {eventful} of {SEEDS} seeds", preset.name());
    }
}

#[test]
fn every_recipe_comes_up() {
    let mut named = BTreeSet::new();
    for seed in 0..SEEDS {
        let plan = plan_of(&Preset::AnythingGoes.profile(), seed);
        named.extend(plan.faults.iter().map(|fault| fault.kind.name()));
    }
    assert_eq!(named.len(), 19, "{named:?}");
}

#[test]
fn faults_stay_within_the_window() {
    every_plan(|what, profile, plan| {
        for spell in plan.spells() {
            assert!(
                at_ms(profile.from_ms) <= spell.begin && spell.begin < at_ms(profile.until_ms),
                "{what}: {spell:?}"
            );
            assert!(
                profile.core.is_some() || spell.end <= at_ms(profile.until_ms),
                "{what}: {spell:?}"
            );
        }
    });
}

#[test]
fn states_last_long_enough_to_be_noticed() {
    every_plan(|what, profile, plan| {
        let shortest =
            profile.draw.values().filter_map(|intensity| intensity.on_ms).map(|on| on.min).min();
        for spell in plan.spells().filter(|spell| !spell.fault.is_instantaneous()) {
            let shortest = Duration::from_millis(shortest.expect("some recipe lasts"));
            assert!(spell.end - spell.begin >= shortest, "{what}: {spell:?}");
        }
    });
}

#[test]
fn a_node_is_up_for_a_while_between_crashes() {
    let profile = Preset::Crashes.profile();
    let off = Duration::from_millis(profile.draw[&Recipe::Crash].min_off_ms);
    let mut neighbours = 0;
    for seed in 0..SEEDS {
        let plan = plan_of(&profile, seed);
        let crashes: Vec<Spell> =
            plan.spells().filter(|spell| matches!(spell.fault, Fault::Crash { .. })).collect();
        for (index, later) in crashes.iter().enumerate() {
            for earlier in crashes[..index].iter().filter(|earlier| earlier.fault == later.fault) {
                assert!(
                    earlier.end + off <= later.begin,
                    "seed {seed}: {earlier:?} then {later:?}"
                );
                neighbours += 1;
            }
        }
    }
    assert!(neighbours > 100, "only {neighbours} pairs of crashes of one node");
}

#[test]
fn the_limit_of_concurrent_faults_holds() {
    every_plan(|what, profile, plan| {
        let Some(limit) = profile.max_concurrent else { return };
        let lasting: Vec<Spell> = plan.spells().filter(|spell| spell.begin < spell.end).collect();
        for moment in lasting.iter().map(|spell| spell.begin) {
            let in_force =
                lasting.iter().filter(|spell| spell.begin <= moment && moment < spell.end).count();
            assert!(in_force <= limit as usize, "{what}: {in_force} at {moment}");
        }
    });
}

#[test]
fn no_more_copies_are_harmed_than_the_budget_has() {
    every_plan(|what, profile, plan| {
        let Some(budget) = profile.budget else { return };
        let spacing = Duration::from_millis(budget.spacing_ms);
        let harms: Vec<Spell> = plan.spells().filter(|spell| spell.fault.harms_copies()).collect();
        for moment in harms.iter().map(|spell| spell.begin) {
            let recent =
                harms.iter().filter(|spell| spell.begin <= moment && moment <= spell.end + spacing);
            let harmed: BTreeSet<NodeId> = recent.flat_map(|spell| spell.fault.nodes()).collect();
            assert!(
                harmed.len() <= budget.max_copies_harmed as usize,
                "{what}: {harmed:?} at {moment}"
            );
        }
    });
}

#[test]
fn an_exclusive_harm_is_alone() {
    let profile = Preset::Power.profile();
    let spacing = profile.budget.expect("power has a budget").spacing_ms;
    let mut harms = 0;
    for seed in 0..SEEDS {
        let spells: Vec<Spell> = plan_of(&profile, seed).spells().collect();
        for (index, harm) in
            spells.iter().enumerate().filter(|(_, spell)| spell.fault.harms_copies())
        {
            harms += 1;
            for (_, other) in spells.iter().enumerate().filter(|(other, _)| *other != index) {
                let before = other.end.as_millis() + spacing <= harm.begin.as_millis() + 1;
                let after = harm.end.as_millis() + spacing <= other.begin.as_millis() + 1;
                assert!(before || after, "seed {seed}: {other:?} disturbs {harm:?}");
            }
        }
    }
    assert!(harms > 300, "only {harms} power losses in {SEEDS} seeds");
}

/// A profile that admits everything that is drawn, so that plans show the draws.
fn unrestricted(recipes: &[Recipe]) -> FaultProfile {
    let intensity = |recipe: Recipe| Intensity {
        targets: vec![],
        when: When::MeanIntervalMs(3_000),
        on_ms: (!recipe.is_instantaneous()).then_some(Span { min: 1, max: 2 }),
        min_off_ms: 0,
        severity: None,
    };
    let draw = recipes.iter().map(|&recipe| (recipe, intensity(recipe))).collect();
    let swarm = Some(Swarm { on_percent: 80, stretch: 3 });
    FaultProfile { until_ms: 60_000, swarm, draw, ..FaultProfile::nothing() }
}

fn kinds_and_begins(plan: &FaultPlan) -> BTreeSet<(Instant, String)> {
    plan.spells().map(|spell| (spell.begin, spell.fault.to_string())).collect()
}

/// Recipes of which no two strike the same part of a node, so that none keeps another out of a plan.
const APART: [Recipe; 10] = [
    Recipe::Crash,
    Recipe::SlowDisk,
    Recipe::ClockJump,
    Recipe::SlowCpu,
    Recipe::Partition,
    Recipe::SwizzleClog,
    Recipe::FlappingLink,
    Recipe::SlowLink,
    Recipe::ConnectionReset,
    Recipe::OneSidedClose,
];

#[test]
fn taking_a_recipe_out_leaves_the_draws_of_the_others() {
    for seed in 0..20 {
        let all = kinds_and_begins(&plan_of(&unrestricted(&APART), seed));
        let each = APART.map(|recipe| kinds_and_begins(&plan_of(&unrestricted(&[recipe]), seed)));
        let union: BTreeSet<_> = each.into_iter().flatten().collect();
        assert!(
            all == union,
            "seed {seed}: {:?}",
            all.symmetric_difference(&union).collect::<Vec<_>>()
        );
    }
}

#[test]
fn taking_a_node_out_leaves_the_faults_of_the_others() {
    let profile = unrestricted(&[
        Recipe::Crash,
        Recipe::SlowDisk,
        Recipe::ConnectionReset,
        Recipe::ClockDrift,
    ]);
    let smaller = Fleet::new()
        .with_role(SERVERS, (1..=3).map(NodeId))
        .with_role("clients", [10, 11].map(NodeId));
    let mut kept = 0;
    for seed in 0..20 {
        let whole = plan_of(&profile, seed);
        let less = kinds_and_begins(&generate(&profile, &smaller, &Streams::new(seed)));
        for spell in whole.spells().filter(|spell| !spell.fault.nodes().contains(&NodeId(12))) {
            assert!(
                less.contains(&(spell.begin, spell.fault.to_string())),
                "seed {seed}: {spell:?} is gone"
            );
            kept += 1;
        }
    }
    assert!(kept > 300, "only {kept} faults without the node");
}

#[test]
fn harmless_recipes_do_not_move_the_harmful_faults() {
    let whole = Preset::KitchenSink.profile();
    let mut harmful = FaultProfile { max_concurrent: None, ..whole.clone() };
    harmful.draw.retain(|recipe, _| recipe.harms_copies());
    let whole = FaultProfile { max_concurrent: None, ..whole };
    for seed in 0..50 {
        let harms = |plan: FaultPlan| {
            plan.spells().filter(|spell| spell.fault.harms_copies()).collect::<Vec<_>>()
        };
        assert_eq!(harms(plan_of(&whole, seed)), harms(plan_of(&harmful, seed)), "seed {seed}");
    }
}

#[test]
fn a_swarm_gives_each_seed_its_own_mix() {
    let kinds = |seed| -> BTreeSet<&str> {
        plan_of(&Preset::Swarm.profile(), seed)
            .faults
            .iter()
            .map(|fault| fault.kind.name())
            .collect()
    };
    let mixes: BTreeSet<BTreeSet<&str>> = (0..50).map(kinds).collect();
    assert!(mixes.len() > 45, "{} mixes in 50 seeds", mixes.len());
}

#[test]
fn the_core_is_a_majority_of_the_servers_and_all_clients() {
    let mut sizes = BTreeMap::new();
    for seed in 0..SEEDS {
        let core = plan_of(&with_core(Preset::Crashes.profile()), seed)
            .core
            .expect("the profile asks for a core");
        let servers = core.core.iter().filter(|node| node.0 <= 3).count();
        assert_eq!(core.core.len(), servers + 3, "seed {seed}: every client is in the core");
        *sizes.entry(servers).or_insert(0) += 1;
    }
    assert_eq!(sizes.keys().copied().collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn a_concretised_plan_has_only_what_began_at_the_time_it_did() {
    let plan = plan_of(&Preset::LeaderCrashes.profile(), 1);
    let began = BTreeMap::from([(3, at_ms(900)), (2, at_ms(700))]);
    let concrete = plan.concretised(&began);
    let begins: Vec<(u32, Anchor)> =
        concrete.faults.iter().map(|fault| (fault.id, fault.begin.clone())).collect();
    assert_eq!(begins, [(2, Anchor::At(at_ms(700))), (3, Anchor::At(at_ms(900)))]);
    assert_eq!(concrete.faults[0].kind, plan.faults[1].kind);
    assert_eq!(concrete.without(2).faults, concrete.faults[1..]);
}

#[test]
fn a_plan_is_stored_like_this() {
    let message = Anchor::Message {
        kind: "fetch-request".into(),
        from: NodeId(2),
        to: NodeId(1),
        nth: 3,
        point: MessagePoint::Delivered,
        after: Duration::from_millis(5),
    };
    let plan = FaultPlan {
        faults: vec![
            PlannedFault {
                id: 1,
                begin: Anchor::At(at_ms(1_500)),
                heal: Heal::After(Duration::from_secs(2)),
                kind: Fault::PowerLoss { nodes: vec![NodeId(1), NodeId(2)] },
            },
            PlannedFault {
                id: 2,
                begin: message,
                heal: Heal::Never,
                kind: Fault::FlushError { node: NodeId(1), mode: FlushErrorMode::MarksClean },
            },
        ],
        core: Some(CorePhase {
            heal_at: at_ms(9_000),
            core: vec![NodeId(1), NodeId(2)],
            deadline: Duration::from_secs(30),
        }),
    };
    insta::assert_snapshot!(serde_json::to_string_pretty(&plan).unwrap());
}

#[test]
fn the_schema_knows_every_fault_and_no_other_field() {
    let schema = schemars::schema_for!(FaultPlan).to_value();
    let kinds = schema["$defs"]["Fault"]["oneOf"].as_array().unwrap();
    assert_eq!(kinds.len(), 20);
    assert!(kinds.iter().all(|kind| kind["additionalProperties"] == false));
    assert_eq!(schema["$defs"]["CorePhase"]["properties"]["deadline_ns"]["type"], "integer");
}

#[test]
fn a_plan_reads_like_this() {
    let profile = with_core(Preset::Swarm.profile());
    insta::assert_snapshot!(plan_of(&profile, 7).describe().join("\n"));
}

#[test]
fn unknown_fields_are_errors() {
    let with = |json: &str| {
        serde_json::from_str::<FaultPlan>(json).expect_err("the plan is wrong").to_string()
    };
    let fault = |kind: &str| {
        format!(r#"{{"faults":[{{"id":1,"begin":{{"at_ns":1}},"heal":"never","kind":{kind}}}]}}"#)
    };
    assert!(with(&fault(r#"{"crash":{"node":1,"nodes":[2]}}"#)).contains("unknown field `nodes`"));
    assert!(with(&fault(r#"{"crahs":{"node":1}}"#)).contains("unknown variant `crahs`"));
    assert!(with(r#"{"faults":[],"cores":[]}"#).contains("unknown field `cores`"));
}

#[test]
fn a_profile_is_written_like_this() {
    let mut profile = with_core(Preset::Power.profile());
    profile.swarm = Some(Swarm { on_percent: 50, stretch: 4 });
    profile.draw.extend(Preset::LeaderCrashes.profile().draw);
    insta::assert_snapshot!(toml::to_string(&profile).expect("a profile is TOML"));
}

#[test]
fn a_wrong_profile_names_the_field() {
    let wrong = |change: fn(&mut FaultProfile)| {
        let mut profile = Preset::Power.profile();
        change(&mut profile);
        profile.validate(&fleet()).expect_err("the profile is wrong").to_string()
    };
    let errors = [
        wrong(|profile| profile.until_ms = 0),
        wrong(|profile| draw(profile, Recipe::Crash).targets = vec!["broker".to_owned()]),
        wrong(|profile| draw(profile, Recipe::Crash).on_ms = None),
        wrong(|profile| draw(profile, Recipe::Crash).severity = Some(Span { min: 1, max: 2 })),
        wrong(|profile| draw(profile, Recipe::Crash).on_ms = Some(Span { min: 9, max: 8 })),
        wrong(|profile| draw(profile, Recipe::Crash).when = When::MeanIntervalMs(0)),
        wrong(|profile| draw(profile, Recipe::PowerLoss).when = leader_probe()),
        wrong(|profile| profile.swarm = Some(Swarm { on_percent: 101, stretch: 1 })),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}

fn draw(profile: &mut FaultProfile, recipe: Recipe) -> &mut Intensity {
    profile.draw.get_mut(&recipe).expect("the preset draws it")
}

fn leader_probe() -> When {
    Preset::LeaderCrashes.profile().draw[&Recipe::Crash].when.clone()
}

#[test]
fn every_profile_survives_toml_and_json() {
    for preset in Preset::ALL {
        let profile = with_core(preset.profile());
        let toml = toml::to_string(&profile).unwrap();
        assert_eq!(toml::from_str::<FaultProfile>(&toml).unwrap(), profile);
        let json = serde_json::to_string(&profile).unwrap();
        assert_eq!(serde_json::from_str::<FaultProfile>(&json).unwrap(), profile);
    }
}

proptest! {
    #[test]
    fn every_plan_survives_json(plan in any_plan()) {
        let json = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(serde_json::from_str::<FaultPlan>(&json).unwrap(), plan);
    }

    #[test]
    fn a_fault_is_stored_under_its_name(fault in any_fault()) {
        let stored = serde_json::to_value(&fault).unwrap();
        let tags: Vec<&String> = stored.as_object().unwrap().keys().collect();
        prop_assert_eq!(tags, [fault.name()]);
    }
}

fn any_plan() -> impl Strategy<Value = FaultPlan> {
    let core =
        (any::<u64>(), nodes(), any::<u64>()).prop_map(|(heal_at, core, deadline)| CorePhase {
            heal_at: Instant::from_nanos(heal_at),
            core,
            deadline: Duration::from_nanos(deadline),
        });
    let fault = (any::<u32>(), any_anchor(), any_heal(), any_fault());
    let fault = fault.prop_map(|(id, begin, heal, kind)| PlannedFault { id, begin, heal, kind });
    (prop::collection::vec(fault, 0..8), prop::option::of(core))
        .prop_map(|(faults, core)| FaultPlan { faults, core })
}

fn node() -> impl Strategy<Value = NodeId> {
    any::<u16>().prop_map(NodeId)
}

fn nodes() -> impl Strategy<Value = Vec<NodeId>> {
    prop::collection::vec(node(), 0..4)
}

fn length() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_nanos)
}

fn any_anchor() -> impl Strategy<Value = Anchor> {
    let point = prop_oneof![Just(MessagePoint::Sent), Just(MessagePoint::Delivered)];
    prop_oneof![
        any::<u64>().prop_map(|at| Anchor::At(Instant::from_nanos(at))),
        (".*", node(), node(), any::<u64>(), point, length()).prop_map(
            |(kind, from, to, nth, point, after)| {
                Anchor::Message { kind, from, to, nth, point, after }
            }
        ),
        (".*", prop::option::of(node()), any::<u64>(), length())
            .prop_map(|(name, node, nth, after)| Anchor::Probe { name, node, nth, after }),
    ]
}

fn any_heal() -> impl Strategy<Value = Heal> {
    prop_oneof![length().prop_map(Heal::After), Just(Heal::Never), Just(Heal::Instantaneous)]
}

fn any_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![any_host_fault(), any_network_fault(), any_disk_fault()]
}

fn any_host_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        node().prop_map(|node| Fault::Crash { node }),
        node().prop_map(|node| Fault::Shutdown { node }),
        nodes().prop_map(|nodes| Fault::PowerLoss { nodes }),
        node().prop_map(|node| Fault::Pause { node }),
        (node(), any::<i64>()).prop_map(|(node, by_ms)| Fault::ClockJump { node, by_ms }),
        (node(), any::<i32>()).prop_map(|(node, ppm)| Fault::ClockDrift { node, ppm }),
        (node(), any::<u32>()).prop_map(|(node, factor)| Fault::SlowCpu { node, factor }),
    ]
}

fn any_network_fault() -> impl Strategy<Value = Fault> {
    let direction = prop_oneof![Just(Direction::Both), Just(Direction::LeftToRight)];
    let traffic = prop_oneof![Just(Traffic::Both), Just(Traffic::Inbound), Just(Traffic::Outbound)];
    prop_oneof![
        (nodes(), nodes(), direction).prop_map(|(left, right, direction)| Fault::Partition {
            left,
            right,
            direction
        }),
        (node(), traffic).prop_map(|(node, traffic)| Fault::Isolate { node, traffic }),
        (node(), node(), length(), length()).prop_map(|(a, b, up, down)| Fault::FlappingLink {
            a,
            b,
            up,
            down
        }),
        (node(), node(), length(), any::<bool>()).prop_map(
            |(from, to, extra_latency_mean, both_ways)| {
                Fault::SlowLink { from, to, extra_latency_mean, both_ways }
            }
        ),
        (node(), node()).prop_map(|(a, b)| Fault::ConnectionReset { a, b }),
        (node(), node()).prop_map(|(node, peer)| Fault::OneSidedClose { node, peer }),
    ]
}

fn any_disk_fault() -> impl Strategy<Value = Fault> {
    let mode = prop_oneof![Just(FlushErrorMode::KeepsDirty), Just(FlushErrorMode::MarksClean)];
    prop_oneof![
        (node(), any::<u32>()).prop_map(|(node, factor)| Fault::SlowDisk { node, factor }),
        node().prop_map(|node| Fault::DiskStall { node }),
        node().prop_map(|node| Fault::WriteError { node }),
        (node(), mode).prop_map(|(node, mode)| Fault::FlushError { node, mode }),
        (node(), any::<u64>()).prop_map(|(node, left_bytes)| Fault::FullDisk { node, left_bytes }),
        node().prop_map(|node| Fault::DiskLoss { node }),
        (node(), any::<u32>()).prop_map(|(node, sectors)| Fault::BitRot { node, sectors }),
    ]
}
