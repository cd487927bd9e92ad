use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const BOUNDS: Bounds = Bounds { processors: Some(1.0), memory: Some(100) };

/// Shows a governor the same use for some seconds, and gives the seconds at which the step changed.
fn seconds(governor: &mut Governor, count: usize, processors: f64, memory: u64) -> Vec<(usize, Step)> {
    let usage = Usage { processors, memory };
    (1..=count)
        .filter_map(|second| governor.observe(SECOND, usage, BOUNDS).map(|change| (second, change.to)))
        .collect()
}

#[test]
fn within_the_bounds_everything_is_looked_at() {
    let mut governor = Governor::default();
    assert_eq!(seconds(&mut governor, 1_000, 0.99, 99), []);
    assert_eq!(governor.step(), Step::Normal);
    let unbounded = Bounds::default();
    let usage = Usage { processors: 64.0, memory: u64::MAX };
    assert!((0..100).all(|_| governor.observe(SECOND, usage, unbounded).is_none()));
}

#[test]
fn too_much_for_three_seconds_is_a_step_and_a_gust_is_none() {
    let mut governor = Governor::default();
    assert_eq!(seconds(&mut governor, 10, 0.5, 10), []);
    assert_eq!(seconds(&mut governor, 2, 1.8, 10), []);
    assert_eq!(seconds(&mut governor, 60, 0.5, 10), []);
    assert_eq!(seconds(&mut governor, 2, 0.5, 105), []);
    assert_eq!(seconds(&mut governor, 1, 0.5, 95), []);
    let mut governor = Governor::default();
    assert_eq!(seconds(&mut governor, 20, 1.5, 10), [(3, Step::Sample), (6, Step::Count)]);
    // There is no step below.
    assert_eq!(seconds(&mut governor, 100, 1.5, 10), []);
}

#[test]
fn memory_far_beyond_its_bound_is_acted_on_at_once() {
    let mut governor = Governor::default();
    assert_eq!(seconds(&mut governor, 5, 0.1, 120), [(1, Step::Sample), (2, Step::Count)]);
}

#[test]
fn more_is_looked_at_only_after_room_for_a_while() {
    let mut governor = Governor::default();
    assert_eq!(seconds(&mut governor, 6, 2.0, 10).len(), 2);
    // Neither too much nor room: it stays as it is.
    assert_eq!(seconds(&mut governor, 1_000, 0.85, 80), []);
    let back = seconds(&mut governor, 100, 0.2, 20);
    assert_eq!(back.iter().map(|(_, step)| *step).collect::<Vec<_>>(), [Step::Sample, Step::Normal]);
    // The average of the processors' time takes a second or two to fall.
    assert!((30..=33).contains(&back[0].0) && back[1].0 == back[0].0 + 30, "{back:?}");
}

/// Shows a governor the same use until the step changes, and says after how many seconds that was.
fn until_change(governor: &mut Governor, memory: u64) -> usize {
    let usage = Usage { processors: 0.1, memory };
    (1..10_000).find(|_| governor.observe(SECOND, usage, BOUNDS).is_some()).expect("a change")
}

#[test]
fn who_relapses_waits_twice_as_long_each_time_up_to_a_quarter_of_an_hour() {
    let mut governor = Governor::default();
    let mut waits = Vec::new();
    for _ in 0..8 {
        assert_eq!(until_change(&mut governor, 105), 3);
        waits.push(until_change(&mut governor, 10));
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
    // A while later it is no relapse, and after a long calm all is forgotten.
    seconds(&mut governor, 200, 0.1, 10);
    assert_eq!((until_change(&mut governor, 105), until_change(&mut governor, 10)), (3, 900));
    seconds(&mut governor, 1_000, 0.1, 10);
    assert_eq!((until_change(&mut governor, 105), until_change(&mut governor, 10)), (3, 30));
}

#[test]
fn a_step_says_why_and_what_helps() {
    let pressure = Pressure { processors: Some(1.42), memory: Some(0.5) };
    let change = StepChange { from: Step::Normal, to: Step::Sample, pressure };
    assert_eq!(
        change.to_string(),
        "142 % of limits.cpu and 50 % of limits.memory are used: from now on only the payload of some connections is \
         looked at (step 2 of 3); raise the limit, or capture less with capture.only, capture.exclude or protocols.enabled"
    );
    let pressure = Pressure { processors: None, memory: Some(0.314) };
    let change = StepChange { from: Step::Sample, to: Step::Normal, pressure };
    assert_eq!(
        change.to_string(),
        "31 % of limits.memory is used: everything is looked at again (step 1 of 3)"
    );
}

#[test]
fn the_cgroups_bound_counts_with_room_for_the_kernel() {
    let own = Bounds { processors: None, memory: Some(256) };
    assert_eq!(own.within_cgroup(None).memory, Some(256));
    assert_eq!(own.within_cgroup(Some(200)).memory, Some(180));
    assert_eq!(own.within_cgroup(Some(1_000)).memory, Some(256));
    assert_eq!(Bounds::default().within_cgroup(Some(200)).memory, Some(180));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is used: steps go one by one, less is looked at only above the bounds, more only below them, and no two
    /// changes come within a second.
    #[test]
    fn steps_go_one_by_one_and_for_a_reason(uses in prop::collection::vec((0.0..3.0_f64, 0_u64..200), 1..400)) {
        let mut governor = Governor::default();
        for (processors, memory) in uses {
            let before = governor.step();
            match governor.observe(SECOND, Usage { processors, memory }, BOUNDS) {
                None => prop_assert_eq!(governor.step(), before),
                Some(change) => {
                    prop_assert_eq!((change.from, change.to), (before, governor.step()));
                    prop_assert_eq!(before.number().abs_diff(governor.step().number()), 1);
                    let highest = change.pressure.highest();
                    let has_reason = if change.to > change.from { highest > 1.0 } else { highest < ROOM };
                    prop_assert!(has_reason);
                }
            }
        }
    }
}
