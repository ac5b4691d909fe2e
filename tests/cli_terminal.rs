// SPDX-License-Identifier: Apache-2.0
//! What the command prints for people: the summary where there is no display, `stats`, and its errors.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;

use cli_command::{Place, capture_path, is_harmless, said};
use serde_json::{Value, json};

#[test]
fn without_a_display_a_capture_is_summed_up() {
    let said = Place::new().run_on("v13-py3.13/threads.bin", &["FILE"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines[0], "Peak 13.0 MiB at 95 ms; 74 % of it in <module> (threads.py:35)");
    assert_eq!(lines[1], "361 KiB still live at the end · peak RSS 57.2 MiB at 110 ms · ran 190 ms");
    assert_eq!(lines[2], "Python 3.13 · 5 threads");
    assert!(lines.contains(&"  9.54 MiB    74 %   5 alloc.  <module> (threads.py:35)"), "{}", said.out);
    assert!(lines.contains(&"  3.34 MiB    26 %  20 alloc.  producer (threads.py:11)"), "{}", said.out);
    assert!(said.out.contains("Small Python objects were not traced; they appear as arenas"), "{}", said.out);
    assert!(said.out.contains("  memray-view stats "), "{}", said.out);
}

#[test]
fn a_killed_recording_says_how_far_it_goes() {
    let said = Place::new().run_on("v13-py3.13/crash.bin", &["FILE"]);
    let text = said.out.replace('\n', " ");
    assert!(text.contains("3.36 MiB live when the recording stops · "), "{text}");
    assert!(text.contains("recorded 73 ms"), "{text}");
    assert!(text.contains("The recording stops after 73 ms (the program was killed, or is still running)."), "{text}");
    assert!(text.contains("Totals are exact up to there."), "{text}");
    assert!(!text.contains("still live at the end"), "{text}");
}

#[test]
fn a_window_that_cannot_open_leaves_the_summary() {
    let place = Place::new();
    let capture = capture_path("v13-py3.13/threads.bin");
    let broken = said(place.command().arg(&capture).env("DISPLAY", ":987").output().unwrap());
    assert_eq!(broken.code, 0, "{}", broken.err);
    assert!(broken.out.starts_with("Peak 13.0 MiB at 95 ms; "), "{}", broken.out);
    assert_eq!(broken.err, "memray-view: no window can be opened on this display; this is the capture in words\n");
    let nothing_to_say = said(place.command().env("DISPLAY", ":987").output().unwrap());
    assert_eq!(nothing_to_say.code, 1);
}

#[test]
fn several_captures_are_summed_up_one_after_the_other() {
    let place = Place::new();
    let (first, second) = (capture_path("v13-py3.13/threads.bin"), capture_path("v13-py3.13/nothing.bin"));
    let said = said(place.command().args([&first, &second]).output().unwrap());
    assert!(said.out.starts_with(&format!("{}:\nPeak 13.0 MiB ", first.display())), "{}", said.out);
    assert!(said.out.contains(&format!("\n\n{}:\nPeak 81.9 KiB ", second.display())), "{}", said.out);
    assert_eq!(said.out.lines().filter(|line| line.starts_with("Peak ")).count(), 2, "{}", said.out);
}

#[test]
fn no_line_of_a_summary_is_wider_than_a_terminal_but_the_commands() {
    let place = Place::new();
    for capture in ["threads", "weird", "deep", "items", "numpy_native", "json_churn_aggregated", "nothing"] {
        let said = place.run_on(&format!("v13-py3.13/{capture}.bin"), &["FILE"]);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{capture}");
        assert!(is_harmless(&said.out), "{capture}");
        let (summary, commands) = said.out.split_once("\nMore:\n").unwrap();
        assert!(summary.lines().all(|line| line.chars().count() <= 80), "{summary}");
        assert!(commands.lines().all(|line| line.starts_with("  memray-view ")), "{commands}");
    }
}

#[test]
fn names_that_a_terminal_would_obey_are_shown_as_escapes() {
    let place = Place::new();
    let name = "x\u{1b}[2J\u{202e}.bin";
    std::fs::copy(capture_path("v13-py3.13/nothing.bin"), place.path(name)).unwrap();
    let said = place.run(&[name]);
    assert_eq!(said.code, 0);
    assert!(is_harmless(&said.out), "{:?}", said.out);
    let missing = place.run(&["y\u{1b}[2J.bin"]);
    assert_eq!(missing.code, 1);
    assert!(is_harmless(&missing.err) && missing.err.contains("y\\u{1b}[2J.bin"), "{:?}", missing.err);
}

#[test]
fn stats_are_memrays_after_the_headline() {
    let place = Place::new();
    let text = place.run_on("v13-py3.13/threads.bin", &["stats", "FILE"]).out;
    let titles = [
        "Peak 13.0 MiB at 95 ms; ",
        "\nTotal allocations: 330\n",
        "\nTotal memory allocated: 18.0 MiB\n",
        "\nPeak memory usage: 13.0 MiB\n",
        "\nHistogram of allocation size:\n",
        "\nAllocator type distribution:\n",
        "\nTop 5 largest allocating locations (by size):\n  9.54 MiB   5 allocations  <module>:threads.py:35\n",
        "\nTop 5 largest allocating locations (by number of allocations):\n",
        "\nTop 5 allocating modules (by size):\n",
        "\nTop 5 allocating modules (by number of allocations):\n",
    ];
    let places: Vec<usize> =
        titles.iter().map(|title| text.find(title).unwrap_or_else(|| panic!("{title}\n{text}"))).collect();
    assert!(places.is_sorted() && places[0] == 0, "{text}");
}

#[test]
fn stats_in_json_are_those_of_memray() {
    let said = Place::new().run_on("v13-py3.13/threads.bin", &["stats", "FILE", "--json", "-n", "2"]);
    let stats: Value = serde_json::from_str(&said.out).unwrap();
    // The values that `memray stats --json` of memray 1.20 writes for this capture.
    assert_eq!(stats["total_num_allocations"], 330);
    assert_eq!(stats["total_bytes_allocated"], 18_886_814);
    assert_eq!(stats["allocation_size_histogram"][0], json!({"min_bytes": 0, "max_bytes": 3, "count": 7}));
    assert_eq!(
        stats["allocation_size_histogram"][9],
        json!({"min_bytes": 468_734, "max_bytes": 2_000_001, "count": 5})
    );
    assert_eq!(stats["allocator_type_distribution"], json!({"MALLOC": 232, "CALLOC": 52, "REALLOC": 42, "MMAP": 4}));
    assert_eq!(
        stats["top_allocations_by_size"],
        json!([
            {"location": "<module>:threads.py:35", "size": 10_000_005},
            {"location": "producer:threads.py:11", "size": 8_000_675},
        ])
    );
    assert_eq!(
        stats["top_allocations_by_count"][0],
        json!({"location": "_get_code_from_file:<frozen runpy>:259", "count": 81})
    );
    assert_eq!(
        stats["top_modules_by_allocation_size"],
        json!([
            {"module": "threads", "num_allocations": 79, "total_bytes": 18_388_084},
            {"module": "<root>", "num_allocations": 124, "total_bytes": 354_484},
        ])
    );
    assert_eq!(stats["metadata"]["total_allocations"], 613);
    assert_eq!(stats["metadata"]["peak_memory"], 13_603_858);
    assert_eq!(stats["metadata"]["start_time"], "2026-11-22 07:38:16.706000+00:00");
    assert_eq!(stats["metadata"]["total_frames"], 85, "memray 1.19 and later always says 0");
}

#[test]
fn stats_of_sums_are_refused() {
    let said = Place::new().run_on("v13-py3.13/threads_aggregated.bin", &["stats", "FILE"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.starts_with("memray-view: this capture holds only sums"), "{}", said.err);
}

#[test]
fn what_cannot_be_read_is_one_line_and_exit_code_1() {
    let place = Place::new();
    std::fs::write(place.path("empty.bin"), b"").unwrap();
    std::fs::write(place.path("text.bin"), b"hello, this is no capture\n").unwrap();
    for file in ["missing.bin", "empty.bin", "text.bin", "."] {
        for command in [vec![file], vec!["stats", file], vec!["export", file], vec!["index", file]] {
            let said = place.run(&command);
            assert_eq!((said.code, said.out.as_str()), (1, ""), "{command:?}");
            assert!(
                said.err.starts_with("memray-view: ") && said.err.lines().count() == 1,
                "{command:?}: {}",
                said.err
            );
        }
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let place = Place::new();
    for arguments in [&["index"][..], &["--size", "1x1"], &["stats", "-n", "0", "x"], &["--no-such-option"], &[]] {
        assert_eq!(place.run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn a_file_named_like_a_subcommand_opens_by_its_path() {
    let place = Place::new();
    std::fs::copy(capture_path("v13-py3.13/nothing.bin"), place.path("index")).unwrap();
    assert!(place.run(&["./index"]).out.starts_with("Peak "));
    assert!(place.run(&["--", "index"]).out.starts_with("Peak "));
}

#[test]
fn pictures_need_no_display_and_are_alike() {
    let place = Place::new();
    let draw = |name: &str| {
        let said = place
            .run_on("v13-py3.13/threads.bin", &["FILE", "--screenshot", name, "--size", "800x500", "--theme", "light"]);
        assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
        std::fs::read(place.path(name)).unwrap()
    };
    let first = draw("a.png");
    assert!(first.starts_with(b"\x89PNG"));
    assert_eq!(first[16..24], [0, 0, 3, 32, 0, 0, 1, 244], "800 by 500 pixels");
    assert!(first == draw("b.png"), "two runs differ");
}
