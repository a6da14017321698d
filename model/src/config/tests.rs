//! What a reader should see of the configuration: every key, every error, and the laws of parsing.

use std::collections::BTreeSet;
use std::fmt::Write;

use proptest::prelude::*;

use super::*;

type Pairs = Vec<(&'static str, ConfigValue)>;

fn pairs(given: &[(&'static str, &str)]) -> Pairs {
    given.iter().map(|&(key, value)| (key, value.into())).collect()
}

fn error<C: Config + std::fmt::Debug>(given: &[(&'static str, &str)]) -> String {
    C::from_pairs(pairs(given)).expect_err("refused").to_string()
}

fn warnings<C: Config>(given: &[(&'static str, &str)]) -> Vec<String> {
    let (_, warnings) = C::from_pairs(pairs(given)).unwrap();
    warnings.iter().map(Warning::to_string).collect()
}

#[test]
fn every_modelled_key_has_kafkas_default_and_range() {
    let mut table = String::new();
    for definition in Scope::ALL.into_iter().flat_map(Scope::definitions) {
        let default = definition.default.as_ref().map_or("null".to_owned(), ToString::to_string);
        let Definition { scope, key, since, .. } = definition;
        let allowed = definition.allowed();
        writeln!(table, "{scope:8} {key} = {default} | {allowed} | {since}").unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_unmodelled_key_says_what_a_trial_does_instead() {
    let mut table = String::new();
    for scope in Scope::ALL {
        for Unmodelled { key, default, simulated, reason } in scope.unmodelled() {
            let default = default.as_ref().map_or("-".to_owned(), ToString::to_string);
            writeln!(table, "{scope:8} {key} = {default} | {simulated:?} | {reason}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn no_key_of_a_scope_is_listed_twice() {
    for scope in Scope::ALL {
        let mut seen = BTreeSet::new();
        let modelled = scope.definitions().iter().map(|definition| definition.key);
        for key in modelled.chain(scope.unmodelled().iter().map(|unmodelled| unmodelled.key)) {
            assert!(seen.insert(key), "{scope} {key}");
        }
    }
}

#[test]
fn a_family_does_not_hide_a_key_with_a_row_of_its_own() {
    for scope in Scope::ALL {
        let families_last = scope.unmodelled().is_sorted_by_key(|row| row.key.ends_with('*'));
        assert!(families_last, "{scope}");
    }
}

#[test]
fn the_deviations_are_known() {
    let deviations: Vec<_> =
        Scope::ALL.into_iter().flat_map(Scope::deviations).map(|known| known.key).collect();
    assert_eq!(deviations, ["enable.idempotence"]);
}

#[test]
fn errors_name_key_value_and_what_is_right() {
    let errors = [
        error::<ProducerConfig>(&[("linger", "5")]),
        error::<ProducerConfig>(&[("LINGER_MS", "5")]),
        error::<ConsumerConfig>(&[("retry.backof.ms", "5")]),
        error::<ProducerConfig>(&[("max.poll.recrods", "5")]),
        error::<ProducerConfig>(&[("min.insync.replicas", "2")]),
        error::<BrokerConfig>(&[("flush.messages", "1")]),
        error::<TopicConfig>(&[("log.flush.interval.messages", "1")]),
        error::<ProducerConfig>(&[("acks", "2")]),
        error::<ProducerConfig>(&[("retries", "-1")]),
        error::<ProducerConfig>(&[("retries", "2147483648")]),
        error::<ProducerConfig>(&[("linger.ms", "soon")]),
        error::<BrokerConfig>(&[("unclean.leader.election.enable", "maybe")]),
        error::<ConsumerConfig>(&[("auto.offset.reset", "by_duration:PT1H")]),
        error::<ConsumerConfig>(&[("group.id", " ")]),
        error::<ClusterFeatures>(&[("eligible.leader.replicas.version", "2")]),
        error::<ProducerConfig>(&[("enable.idempotence", "true")]),
        error::<ProducerConfig>(&[("transactional.id", "t")]),
        error::<ProducerConfig>(&[("ssl.keystore.location", "here")]),
        error::<BrokerConfig>(&[("remote.log.storage.system.enable", "true")]),
        error::<ConsumerConfig>(&[("isolation.level", "read_committed")]),
        error::<TopicConfig>(&[("cleanup.policy", "compact")]),
        error::<ProducerConfig>(&[("acks", "1"), ("acks", "all")]),
        error::<ProducerConfig>(&[("delivery.timeout.ms", "30004")]),
        error::<ConsumerConfig>(&[("enable.auto.commit", "true")]),
        error::<BrokerConfig>(&[("replica.lag.time.max.ms", "499")]),
        error::<BrokerConfig>(&[("replica.socket.timeout.ms", "499")]),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn warnings_name_key_value_and_what_happens() {
    let warnings = [
        warnings::<ProducerConfig>(&[("compression.type", " none "), ("client.id", "p")]),
        warnings::<ProducerConfig>(&[("request.timeout.ms", "200000")]),
        warnings::<ProducerConfig>(&[("retry.backoff.ms", "2000")]),
        warnings::<ConsumerConfig>(&[("reconnect.backoff.ms", "10")]),
        warnings::<BrokerConfig>(&[("log.flush.interval.ms", "10")]),
        warnings::<BrokerConfig>(&[("transaction.state.log.min.isr", "1")]),
    ];
    insta::assert_snapshot!(warnings.concat().join("\n"));
}

#[test]
fn a_family_is_never_proposed_as_a_key() {
    let text = error::<TopicConfig>(&[("ssl.x", "1")]);
    assert!(text.contains("nearest") && !text.contains('*'), "{text}");
}

#[test]
fn an_error_can_be_pointed_at() {
    for (key, value) in
        [("linger", "5"), ("acks", "2"), ("min.insync.replicas", "2"), ("ssl.x", "")]
    {
        assert_eq!(ProducerConfig::from_pairs([(key, value)]).unwrap_err().key(), key);
    }
}

#[test]
fn values_may_be_text_numbers_or_booleans() {
    let (producer, _) = ProducerConfig::from_pairs([
        ("acks", ConfigValue::from(1)),
        ("linger.ms", ConfigValue::from(" 7 ")),
        ("partitioner.ignore.keys", ConfigValue::from("TRUE")),
    ])
    .unwrap();
    assert_eq!(
        (producer.acks, producer.linger_ms, producer.partitioner_ignore_keys),
        (Acks::One, 7, true)
    );
    assert!(ProducerConfig::from_pairs([("partitioner.ignore.keys", 1)]).is_err());
    assert!(ProducerConfig::from_pairs([("linger.ms", true)]).is_err());
}

#[test]
fn a_value_that_a_trial_behaves_like_is_accepted_in_silence() {
    for (key, value) in [("enable.idempotence", "false"), ("acks", "-1")] {
        let (producer, warnings) = ProducerConfig::from_pairs([(key, value)]).unwrap();
        assert_eq!(producer, ProducerConfig::default());
        assert_eq!(warnings, []);
    }
}

#[test]
fn a_delivery_timeout_left_to_default_grows_with_the_request_timeout() {
    let (producer, _) = ProducerConfig::from_pairs([("request.timeout.ms", 200_000)]).unwrap();
    assert_eq!(producer.delivery_timeout_ms, 200_005);
    let (producer, _) = ProducerConfig::from_pairs([("linger.ms", i64::MAX)]).unwrap();
    assert_eq!(producer.delivery_timeout_ms, 2_147_483_647, "the key has 32 bits");
}

#[test]
fn a_delivery_timeout_of_exactly_linger_and_request_is_accepted() {
    let (producer, warnings) =
        ProducerConfig::from_pairs([("delivery.timeout.ms", 30_005)]).unwrap();
    assert_eq!((producer.delivery_timeout_ms, warnings.len()), (30_005, 0));
}

#[test]
fn the_first_reconnect_pause_given_alone_is_the_only_one() {
    let (producer, _) = ProducerConfig::from_pairs([("reconnect.backoff.ms", 10)]).unwrap();
    assert_eq!(producer.reconnect_backoff_max_ms, 10);
    let both = [("reconnect.backoff.ms", 10), ("reconnect.backoff.max.ms", 20)];
    assert_eq!(ConsumerConfig::from_pairs(both).unwrap().0.reconnect_backoff_max_ms, 20);
}

#[test]
fn a_consumer_commits_by_itself_only_with_a_group() {
    let alone = ConsumerConfig::from_pairs(pairs(&[])).unwrap().0;
    let grouped = ConsumerConfig::from_pairs([("group.id", "g")]).unwrap().0;
    assert_eq!((alone.enable_auto_commit, grouped.enable_auto_commit), (false, true));
    assert_eq!(grouped.group_id.as_deref(), Some("g"));
}

#[test]
fn a_topic_takes_the_brokers_settings_and_overrides_them() {
    let broker = BrokerConfig::from_pairs([
        ("min.insync.replicas", "2"),
        ("unclean.leader.election.enable", "true"),
        ("log.flush.interval.messages", "1"),
        ("log.flush.interval.ms", "50"),
        ("log.segment.bytes", "2000000"),
        ("message.max.bytes", "1000"),
    ])
    .unwrap()
    .0;
    let (topic, _) = TopicConfig::of_cluster(&broker, [("min.insync.replicas", 3)]).unwrap();
    let expected = TopicConfig {
        min_insync_replicas: 3,
        unclean_leader_election_enable: true,
        flush_messages: 1,
        flush_ms: 50,
        segment_bytes: 2_000_000,
        internal_segment_bytes: None,
        max_message_bytes: 1_000,
    };
    assert_eq!(topic, expected);
    assert_eq!(broker.offsets_topic().min_insync_replicas, 2);
    assert_eq!(broker.offsets_topic().segment_size(), 104_857_600);
}

#[test]
fn a_topic_of_default_brokers_is_the_default_topic() {
    assert_eq!(BrokerConfig::default().topic_defaults(), TopicConfig::default());
}

#[test]
fn logs_are_flushed_by_age_as_often_as_they_are_looked_at_unless_said() {
    let (broker, warnings) =
        BrokerConfig::from_pairs([("log.flush.scheduler.interval.ms", 40)]).unwrap();
    assert_eq!((broker.topic_defaults().flush_ms, warnings.len()), (40, 0));
}

#[test]
fn a_topics_flush_age_needs_the_brokers_schedule() {
    let overrides = [("flush.ms", 40)];
    let (_, warnings) = TopicConfig::of_cluster(&BrokerConfig::default(), overrides).unwrap();
    assert!(warnings[0].to_string().contains("log.flush.scheduler.interval.ms"));
    let scheduled = BrokerConfig { log_flush_scheduler_interval_ms: 10, ..Default::default() };
    assert_eq!(TopicConfig::of_cluster(&scheduled, overrides).unwrap().1, []);
}

#[test]
fn segments_may_be_tiny_for_tests() {
    let small = TopicConfig::from_pairs([("internal.segment.bytes", 100)]).unwrap().0;
    assert_eq!(small.segment_size(), 100);
    assert!(TopicConfig::from_pairs([("segment.bytes", 100)]).is_err());
}

#[test]
fn every_synonym_pairs_two_known_keys() {
    for &(topic, broker) in TOPIC_SYNONYMS {
        assert!(is_known(Scope::Topic, topic), "{topic}");
        assert!(is_known(Scope::Broker, broker), "{broker}");
    }
}

fn is_known(scope: Scope, key: &str) -> bool {
    scope.definition(key).is_some() || scope.unmodelled().iter().any(|known| known.key == key)
}

#[test]
fn the_ends_of_every_range_are_in_and_the_next_numbers_out() {
    for definition in Scope::ALL.into_iter().flat_map(Scope::definitions) {
        let Some((min, max)) = definition.bounds() else { continue };
        for end in [min, max] {
            assert_eq!(definition.parse(&end.into()), Ok(end.into()), "{}", definition.key);
        }
        for beyond in [min.checked_sub(1), max.checked_add(1)].into_iter().flatten() {
            assert!(definition.parse(&beyond.into()).is_err(), "{} = {beyond}", definition.key);
        }
    }
}

/// A value that the definition admits, often at the ends of its range.
fn admitted(definition: &'static Definition) -> BoxedStrategy<ConfigValue> {
    match (definition.valid, definition.bounds()) {
        (Valid::OneOf(words), _) => prop::sample::select(words).prop_map(Into::into).boxed(),
        (_, Some((min, max))) => {
            prop_oneof![Just(min), Just(max), min..=max, min..=min.saturating_add(1_000).min(max)]
                .prop_map(Into::into)
                .boxed()
        }
        (_, None) if definition.kind == Kind::Boolean => any::<bool>().prop_map(Into::into).boxed(),
        (_, None) => "[a-z]{1,5}".prop_map(Into::into).boxed(),
    }
}

/// Some of the keys of a scope, each once, with values that their definitions admit.
fn some_of(scope: Scope) -> impl Strategy<Value = Pairs> {
    let size = 0..=scope.definitions().len();
    let chosen = prop::sample::subsequence(scope.definitions().iter().collect::<Vec<_>>(), size);
    chosen.prop_flat_map(|chosen| {
        let pairs = chosen.into_iter().map(|chosen| (Just(chosen.key), admitted(chosen)));
        pairs.collect::<Vec<_>>()
    })
}

/// What was parsed prints to pairs that parse to the same; what is refused breaks a rule between keys.
fn print_and_parse<C: Config + PartialEq + std::fmt::Debug>(
    given: Pairs,
) -> Result<(), TestCaseError> {
    match C::from_pairs(given) {
        Ok((config, _)) => prop_assert_eq!(&C::from_pairs(config.to_pairs()).unwrap().0, &config),
        Err(ConfigError::Conflict { .. }) => {}
        Err(other) => return Err(TestCaseError::fail(other.to_string())),
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_printed_broker_parses_to_itself(given in some_of(Scope::Broker)) {
        print_and_parse::<BrokerConfig>(given)?;
    }

    #[test]
    fn a_printed_topic_parses_to_itself(given in some_of(Scope::Topic)) {
        print_and_parse::<TopicConfig>(given)?;
    }

    #[test]
    fn a_printed_producer_parses_to_itself(given in some_of(Scope::Producer)) {
        print_and_parse::<ProducerConfig>(given)?;
    }

    #[test]
    fn a_printed_consumer_parses_to_itself(given in some_of(Scope::Consumer)) {
        print_and_parse::<ConsumerConfig>(given)?;
    }

    #[test]
    fn a_printed_cluster_parses_to_itself(given in some_of(Scope::Cluster)) {
        print_and_parse::<ClusterFeatures>(given)?;
    }

    #[test]
    fn any_key_and_value_is_honoured_warned_of_or_refused_by_name(key: String, value: String) {
        match ProducerConfig::from_pairs([(&key, value)]) {
            Ok((config, warnings)) => prop_assert!(
                config != ProducerConfig::default() || !warnings.is_empty(),
                "{} was ignored", key
            ),
            Err(error) => prop_assert!(error.key() == key && error.to_string().contains(&key)),
        }
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised(
        definition in prop::sample::select(Scope::Producer.definitions()),
        at: prop::sample::Index,
    ) {
        let mut key = definition.key.to_owned();
        key.remove(at.index(key.len()));
        let error = ProducerConfig::from_pairs([(&key, "1")]).unwrap_err();
        let text = error.to_string();
        let ConfigError::UnknownKey { nearest, .. } = error else { panic!("{text}") };
        prop_assert!(strsim::osa_distance(nearest, &key) <= 1, "{}", text);
    }
}
