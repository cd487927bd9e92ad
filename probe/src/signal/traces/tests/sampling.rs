//! What is kept, and that everything else is counted.

use std::{sync::Arc, time::Duration};

use plainsight_protocols::{Side, Timestamp, TraceParent};

use super::Rig;
use crate::signal::{
    Example, ExampleDetails, IdGenerator,
    traces::{
        Decision, RateLimiters, SamplerError, TraceSettings, TraceTables, Unsampled,
        limiter::KnownAllowances, sampler::Sampler,
    },
};

fn with_ratio(ratio: f64) -> Sampler {
    Sampler::new(&TraceSettings { ratio, ..TraceSettings::default() })
}

fn parent(flags: u8) -> TraceParent {
    TraceParent { trace_id: [0xff; 16], parent_span_id: [1; 8], flags }
}

#[test]
fn the_ratio_is_kept_and_each_higher_ratio_keeps_what_a_lower_one_does() {
    let mut ids = IdGenerator::from_seed([3; 32]);
    let traces: Vec<_> = (0..100_000).map(|_| ids.trace_id()).collect();
    let mut before = 0;
    let mut kept_before = vec![false; traces.len()];
    for (ratio, expected) in
        [(0.0, 0), (0.001, 100), (0.1, 10_000), (0.5, 50_000), (0.999, 99_900), (1.0, 100_000)]
    {
        let sampler = with_ratio(ratio);
        let kept: Vec<_> = traces.iter().map(|trace| sampler.keeps(trace)).collect();
        let count = kept.iter().filter(|&&kept| kept).count();
        assert!(count.abs_diff(expected) <= 600, "{count} kept with {ratio}");
        assert!(count >= before && kept_before.iter().zip(&kept).all(|(&low, &high)| high || !low));
        (before, kept_before) = (count, kept);
    }
    assert_eq!(before, traces.len(), "all is all");
}

#[test]
fn the_ratio_decides_as_the_sdks_do() {
    // Go, Python and Rust: the last eight bytes, big-endian, halved, below ratio times 2^63.
    let trace = |low: u64| {
        let mut id = [0xee; 16];
        id[8..].copy_from_slice(&low.to_be_bytes());
        id
    };
    let half = with_ratio(0.5);
    assert!(half.keeps(&trace(0)) && half.keeps(&trace(0x7fff_ffff_ffff_ffff)));
    assert!(!half.keeps(&trace(0x8000_0000_0000_0000)) && !half.keeps(&trace(u64::MAX)));
    assert!(with_ratio(1.0).keeps(&trace(u64::MAX)) && !with_ratio(0.0).keeps(&trace(0)));
    assert!(!with_ratio(f64::NAN).keeps(&trace(0)) && with_ratio(7.0).keeps(&trace(u64::MAX)));
}

#[test]
fn the_callers_decision_stands_above_the_ratio_if_it_is_to() {
    let decide = |settings: &TraceSettings, flags: Option<u8>| {
        let parent = flags.map(parent);
        Sampler::new(settings).decide(parent.as_ref(), &[0xff; 16], || false, None)
    };
    let none = TraceSettings { ratio: 0.0, ..TraceSettings::default() };
    let all = TraceSettings::default();
    assert_eq!(decide(&none, Some(1)), Decision::Head);
    assert_eq!(decide(&none, Some(3)), Decision::Head, "flags are bits, not a number");
    assert_eq!(decide(&all, Some(0)), Decision::Not(Unsampled::Parent));
    assert_eq!(decide(&all, Some(2)), Decision::Not(Unsampled::Parent));
    assert_eq!(decide(&none, None), Decision::Not(Unsampled::Ratio));
    assert_eq!(decide(&all, None), Decision::Head);
    let ratio_only = TraceSettings { parent_based: false, ..none };
    assert_eq!(decide(&ratio_only, Some(1)), Decision::Not(Unsampled::Ratio));
    assert_eq!(decide(&TraceSettings { parent_based: false, ..all }, Some(0)), Decision::Head);
}

#[test]
fn failed_and_slow_exchanges_are_kept_against_all_else() {
    let settings = TraceSettings {
        ratio: 0.0,
        keep_slower_than: Some(Duration::from_millis(10)),
        ..TraceSettings::default()
    };
    let mut rig = Rig::new(settings.clone());
    let with = |millis: u64, error_type, flags: Option<u8>| Example {
        duration: Some(millis * 1_000_000),
        details: ExampleDetails { error_type, trace_parent: flags.map(parent), ..ExampleDetails::default() },
        ..Example::default()
    };
    assert!(rig.record(&with(9, None, None)).is_none());
    assert!(rig.record(&with(10, None, None)).is_some());
    assert!(rig.record(&with(1, Some("500"), None)).is_some());
    assert!(rig.record(&with(1, Some("500"), Some(0))).is_some());
    assert!(rig.record(&with(1, None, Some(0))).is_none());
    assert!(rig.record(&with(1, None, Some(1))).is_some());
    let counters = rig.tables.counters();
    assert_eq!((counters.head, counters.error, counters.slow), (1, 2, 1));
    assert_eq!((counters.unsampled_ratio, counters.unsampled_parent), (1, 1));
    assert_eq!(rig.spans().len(), 4);
    rig.recorder.set_settings(TraceSettings { keep_errors: false, keep_slower_than: None, ..settings });
    assert!(rig.record(&with(10, Some("500"), None)).is_none());
}

#[test]
fn a_process_brings_no_more_than_its_limit_whatever_worker_sees_it() {
    let settings = TraceSettings { spans_per_second: Some(10), ..TraceSettings::default() };
    let tables = Arc::<TraceTables>::default();
    let mut rigs: Vec<_> = (0..2).map(|_| Rig::sharing(settings.clone(), Arc::clone(&tables))).collect();
    let mut kept = [0; 2];
    // A thousand exchanges of a wild process in five seconds, and five of a calm one.
    for number in 0..1000_u64 {
        let started = 1_000_000_000_000 + number * 5_000_000;
        let wild = Example { started, pid: 1, ..Example::default() };
        kept[0] += u32::from(rigs[number as usize % 2].record(&wild).is_some());
        if number % 200 == 0 {
            let calm = Example { started, pid: 2, ..Example::default() };
            kept[1] += u32::from(rigs[0].record(&calm).is_some());
        }
    }
    assert!((59..=61).contains(&kept[0]), "a second's worth at once, then ten a second: {}", kept[0]);
    assert_eq!(kept[1], 5, "the calm one pays for nobody");
    let counters = tables.counters();
    assert_eq!(counters.spans(), u64::from(kept[0] + kept[1]));
    assert_eq!(counters.unsampled_rate_limit, 1005 - counters.spans());
}

#[test]
fn a_limit_of_zero_lets_nothing_through_and_a_huge_one_everything() {
    for (limit, expected) in [(0, 0), (u32::MAX, 1000)] {
        let mut rig = Rig::new(TraceSettings { spans_per_second: Some(limit), ..TraceSettings::default() });
        let kept = (0..1000).filter(|_| rig.record(&Example::default()).is_some()).count();
        assert_eq!(kept, expected);
    }
}

#[test]
fn the_processes_whose_rate_is_followed_are_bounded() {
    let all = RateLimiters::default();
    let mut known = KnownAllowances::default();
    assert!(all.is_empty());
    for pid in 0..50_000 {
        assert!(known.take(&all, pid, Timestamp::from_nanos(1), 1));
    }
    assert!(all.len() <= 16 * 1024, "{}", all.len());
}

#[test]
fn the_processes_of_a_service_share_its_rate_as_soon_as_it_is_known() {
    let is_known = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let knows = Arc::clone(&is_known);
    let service = move |pid: u32| {
        let is_known = knows.load(std::sync::atomic::Ordering::Relaxed);
        is_known.then(|| if pid < 100 { "shop".into() } else { "bank".into() })
    };
    let all = RateLimiters::by_service(service);
    // Two workers, each of which sees all processes.
    let mut workers = [KnownAllowances::default(), KnownAllowances::default()];
    let mut taken = |pids: std::ops::Range<u32>, second: u64| {
        let now = Timestamp::from_nanos(second * 1_000_000_000);
        let pids = pids.cycle().take(1_000);
        let mut take = |(number, pid): (usize, u32)| workers[number % 2].take(&all, pid, now, 50);
        pids.enumerate().map(&mut take).filter(|took| *took).count()
    };
    assert_eq!(taken(1..11, 10), 500, "ten processes that nobody knows");
    is_known.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(taken(1..11, 20), 50, "ten processes of one service");
    assert_eq!(taken(101..103, 20), 50, "another service has a rate of its own");
    assert_eq!(taken(11..20, 21), 50, "and so have new processes of the first, in the next second");
    assert_eq!(taken(1..11, 21), 0);
}

#[test]
fn every_exchange_is_counted_once() {
    let mut rig =
        Rig::new(TraceSettings { ratio: 0.3, spans_per_second: Some(50), ..TraceSettings::default() });
    for number in 0..5000_u64 {
        let example = Example {
            started: 1_000_000_000_000 + number * 1_000_000,
            side: if number % 3 == 0 { Side::Client } else { Side::Server },
            ..Example::default()
        };
        rig.record(&example);
    }
    let counters = rig.tables.counters();
    let left_out: u64 = counters.unsampled().iter().map(|(_, count)| count).sum();
    assert_eq!(counters.spans() + left_out, 5000);
    assert_eq!(rig.spans().len() as u64, counters.spans());
}

#[test]
fn the_environment_names_the_sampler() {
    let apply = |name: &str, argument: Option<&str>| {
        let mut settings = TraceSettings { ratio: 0.25, ..TraceSettings::default() };
        let outcome = settings.apply_sampler(Some(name), argument);
        (settings.parent_based, settings.ratio, outcome)
    };
    assert_eq!(apply("", None), (true, 0.25, Ok(())));
    assert_eq!(apply("always_on", Some("0.1")), (false, 1.0, Ok(())));
    assert_eq!(apply("always_off", None), (false, 0.0, Ok(())));
    assert_eq!(apply("traceidratio", Some("0.1")), (false, 0.1, Ok(())));
    assert_eq!(apply("traceidratio", None), (false, 1.0, Ok(())));
    assert_eq!(apply("parentbased_always_on", None), (true, 1.0, Ok(())));
    assert_eq!(apply("parentbased_always_off", None), (true, 0.0, Ok(())));
    assert_eq!(apply("parentbased_traceidratio", Some(" 0.5 ")), (true, 0.5, Ok(())));
    for wrong in ["2", "-0.1", "half", "NaN"] {
        let expected = Err(SamplerError::Ratio(wrong.to_owned()));
        assert_eq!(apply("traceidratio", Some(wrong)), (false, 1.0, expected));
    }
    for unknown in ["jaeger_remote", "xray", "ALWAYS_ON", "parentbased_"] {
        let expected = Err(SamplerError::Name(unknown.to_owned()));
        assert_eq!(apply(unknown, None), (true, 0.25, expected));
    }
    assert_eq!(TraceSettings::default().apply_sampler(None, Some("7")), Ok(()));
}
