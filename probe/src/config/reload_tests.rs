use std::os::unix::fs::symlink;

use signal_hook::low_level::raise;

use super::*;

/// Longer than anything takes on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Long enough for what would come to have come.
const AFTERWARDS: Duration = Duration::from_millis(900);

fn start(path: &Path, watch_file: bool) -> (Reloader, Receiver<Reload>) {
    let current = Config::load(path, &Environment::default()).expect("right").config;
    let (reloader, reloads) =
        Reloader::start(path, Environment::default(), current, watch_file).expect("a reloader");
    assert_eq!(reloader.warning(), None);
    (reloader, reloads)
}

/// The next reload that is none of a signal meant for another test of this process.
fn next(reloads: &Receiver<Reload>) -> Reload {
    loop {
        match reloads.recv_timeout(SOON) {
            Ok(Reload::Unchanged) => {}
            Ok(reload) => return reload,
            Err(error) => panic!("nothing came: {error}"),
        }
    }
}

#[track_caller]
fn assert_changed(reloads: &Receiver<Reload>, keys: &[&str]) -> Config {
    match next(reloads) {
        Reload::Changed { loaded, changes } => {
            assert_eq!(changes.live, keys);
            loaded.config
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_file_that_is_rewritten_replaced_or_broken_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plainsight.yaml");
    fs::write(&path, "traces: { ratio: 0.5 }").expect("a file");
    let (_reloader, reloads) = start(&path, true);
    // In place.
    fs::write(&path, "traces: { ratio: 0.25 }").expect("a file");
    assert_eq!(assert_changed(&reloads, &["traces.ratio"]).traces.ratio, 0.25);
    // By another file in its place, as editors do.
    let other = folder.path().join(".plainsight.yaml.swp");
    fs::write(&other, "traces: { ratio: 0.125 }").expect("a file");
    fs::rename(&other, &path).expect("renamed");
    assert_eq!(assert_changed(&reloads, &["traces.ratio"]).traces.ratio, 0.125);
    // What is wrong changes nothing, and says so.
    fs::write(&path, "traces: { ratio: 2 }").expect("a file");
    let refused = next(&reloads);
    assert!(matches!(&refused, Reload::Refused(_)));
    let said = refused.to_string();
    assert!(
        said.starts_with("the configuration cannot be used, so the one before goes on to hold:\n"),
        "{said}"
    );
    assert!(said.contains("plainsight.yaml:1: traces.ratio: 2.0 is out of range"), "{said}");
    // What is right again is compared with what holds, not with what was wrong.
    fs::write(&path, "traces: { ratio: 0.125 }\naccess_log: all").expect("a file");
    assert_changed(&reloads, &["access_log"]);
    // A file that goes is an error as well; and it may come back.
    fs::remove_file(&path).expect("removed");
    assert!(next(&reloads).to_string().contains("No such file"));
    fs::write(&path, "traces: { ratio: 1 }").expect("a file");
    assert_changed(&reloads, &["traces.ratio", "access_log"]);
}

#[test]
fn the_swapped_link_of_a_config_map_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mount = folder.path();
    let publish = |version: &str, text: &str| {
        fs::create_dir(mount.join(version)).expect("a folder");
        fs::write(mount.join(version).join("plainsight.yaml"), text).expect("a file");
        symlink(version, mount.join("..data_tmp")).expect("a link");
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).expect("renamed");
    };
    publish("..1", "traces: { ratio: 0.5 }");
    let path = mount.join("plainsight.yaml");
    symlink("..data/plainsight.yaml", &path).expect("a link");
    let (_reloader, reloads) = start(&path, true);
    for (version, ratio) in [("..2", 0.25), ("..3", 0.75)] {
        publish(version, &format!("traces: {{ ratio: {ratio} }}"));
        assert_eq!(assert_changed(&reloads, &["traces.ratio"]).traces.ratio, ratio);
        fs::remove_dir_all(mount.join(if version == "..2" { "..1" } else { "..2" })).expect("removed");
    }
}

#[test]
fn a_link_to_a_file_elsewhere_is_followed() {
    let [here, there] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let target = there.path().join("real.yaml");
    fs::write(&target, "traces: { ratio: 0.5 }").expect("a file");
    let path = here.path().join("plainsight.yaml");
    symlink(&target, &path).expect("a link");
    let (_reloader, reloads) = start(&path, true);
    fs::write(&target, "traces: { ratio: 0.25 }").expect("a file");
    assert_changed(&reloads, &["traces.ratio"]);
}

#[test]
fn many_writes_in_a_row_are_one_reload_of_the_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plainsight.yaml");
    fs::write(&path, "traces: { ratio: 1 }").expect("a file");
    let (_reloader, reloads) = start(&path, true);
    for ratio in 1..=40 {
        fs::write(&path, format!("traces: {{ ratio: 0.{ratio:02} }}")).expect("a file");
    }
    assert_eq!(assert_changed(&reloads, &["traces.ratio"]).traces.ratio, 0.4);
    // A neighbour's changes are none of ours.
    fs::write(folder.path().join("other.yaml"), "x").expect("a file");
    thread::sleep(AFTERWARDS);
    assert!(reloads.try_iter().all(|reload| matches!(reload, Reload::Unchanged)));
}

#[test]
fn a_signal_reads_the_file_even_if_it_is_not_watched() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plainsight.yaml");
    fs::write(&path, "traces: { ratio: 0.5 }").expect("a file");
    let (reloader, reloads) = start(&path, false);
    raise(SIGHUP).expect("raised");
    let same = reloads.recv_timeout(SOON).expect("an answer");
    assert_eq!(same.to_string(), "the configuration was read anew: nothing changed");
    fs::write(&path, "traces: { ratio: 0.25 }\nlimits: { series_per_metric: 5 }").expect("a file");
    thread::sleep(AFTERWARDS);
    assert!(reloads.try_recv().is_err(), "it is not watched");
    raise(SIGHUP).expect("raised");
    assert_eq!(
        next(&reloads).to_string(),
        "the configuration was read anew: changed: traces.ratio; changes after a restart only: limits.series_per_metric"
    );
    drop(reloader);
    assert!(reloads.recv_timeout(SOON).is_err(), "the thread ended");
}
