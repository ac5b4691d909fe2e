// SPDX-License-Identifier: Apache-2.0
//! The real window, on a display of its own, driven by mouse and keyboard; what it shows is held against memray.
//!
//! The binary (`MEMRAY_VIEW_BIN`) is built with the feature `test-channel`: it says what it shows as lines of JSON.
//! Everything else is the program that is shipped, with the real window system, driver and font atlas around it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

mod desktop;
mod display;
mod picture;
mod truth;
mod wait;
mod window;

use desktop::Desktop;
use display::Display;
use serde_json::Value;
use std::path::PathBuf;
use truth::Truth;
use window::Window;

/// The function that the headline names.
const REPORT: &str = "write_monthly_report";

/// Where the report's frame is in the icicle, with nothing selected: it is selected by its name in the headline, which
/// tells.
fn place_of_the_report(window: &Window<'_>) -> (i32, i32) {
    let select = |window: &Window<'_>| window.click(window.place(REPORT));
    window.act("the report's frame", select, |shown| shown["selected"] == REPORT);
    let place = window.place("selected frame");
    window.act("nothing selected", |window| window.key("Escape"), |shown| shown["selected"].is_null());
    place
}

fn sample() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("resources/sample/orders.bin")
}

fn screen() -> Display {
    Display::start(1600, 1000)
}

/// Bytes and allocations that the current view shows in all.
fn total(shown: &Value) -> (u64, u64) {
    (shown["total_bytes"].as_u64().unwrap(), shown["total_allocations"].as_u64().unwrap())
}

/// The two snapshots of a question such as `RangeLive(TimeRange { from: Snapshot(3), to: Snapshot(9) })`.
fn range(shown: &Value) -> (u32, u32) {
    let question = shown["question"].as_str().unwrap();
    let numbers: Vec<u32> =
        question.split("Snapshot(").skip(1).map(|rest| rest.split(')').next().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers.len(), 2, "{question}");
    (numbers[0], numbers[1])
}

#[test]
fn a_capture_opens_with_its_peak() {
    let display = screen();
    let window = Window::open(&display, &sample());
    let shown = window.shown("the peak", |shown| shown["mode"] == "Peak" && shown["headline"].is_string());

    let truth = Truth::of(&sample(), (0, 0), "");
    assert_eq!(total(&shown), (truth.bytes("peak"), truth.allocations("peak")));
    assert_eq!(shown["tab"], "Icicle");
    assert_eq!(shown["selected"], Value::Null);
    let headline = shown["headline"].as_str().unwrap();
    assert!(headline.starts_with("Peak 534 MiB at 19.9 s; 52 % of it in write_monthly_report"), "{headline}");
}

#[test]
fn a_recording_opens_when_the_program_has_ended() {
    let display = screen();
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("out.bin");
    let python = std::env::var_os("MEMRAY_PYTHON").expect("MEMRAY_PYTHON must name a Python: scripts/test makes it");
    let program = "def hold():\n  return bytearray(210_000_000)\nkept = hold()";
    let window = Window::open_recorded(&display, &python, &capture, program);
    let shown = window.shown("the peak", |shown| shown["mode"] == "Peak" && shown["headline"].is_string());

    let truth = Truth::of(&capture, (0, 0), "");
    assert_eq!(total(&shown), (truth.bytes("peak"), truth.allocations("peak")));
    let headline = shown["headline"].as_str().unwrap();
    assert!(headline.contains("of it in hold"), "{headline}");
}

#[test]
fn a_drag_over_the_graph_shows_what_the_range_left_live() {
    let display = screen();
    let window = Window::open(&display, &sample());
    let shown = window.act(
        "what is still live",
        |window| {
            // A second drag would begin at the edge of the first one's range.
            window.key("Escape");
            window.drag(window.place_in("memory graph", 0.33), window.place_in("memory graph", 0.66));
        },
        |shown| shown["mode"] == "Still live",
    );

    let range = range(&shown);
    assert!(range.0 > 500 && range.1 > range.0 + 300, "{range:?}");
    let truth = Truth::of(&sample(), range, "");
    assert_eq!(total(&shown), (truth.bytes("range"), truth.allocations("range")));

    let shown = window.act("the peak again", |window| window.key("Escape"), |shown| shown["mode"] == "Peak");
    assert_eq!(total(&shown), (truth.bytes("peak"), truth.allocations("peak")));
}

#[test]
fn a_click_on_a_mode_asks_for_it() {
    let display = screen();
    let window = Window::open(&display, &sample());
    let shown = window.act("leaks", |window| window.click(window.place("Leaked")), |shown| shown["mode"] == "Leaked");

    let truth = Truth::of(&sample(), (0, 0), "");
    assert_eq!(total(&shown), (truth.bytes("leaked"), truth.allocations("leaked")));
}

#[test]
fn a_double_click_zooms_and_a_key_zooms_out() {
    let display = screen();
    let window = Window::open(&display, &sample());
    let report = place_of_the_report(&window);
    let shown = window.act(
        "the zoom",
        |window| {
            // In a zoomed tree another frame may lie there.
            window.act("the whole tree", |window| window.key("0"), |shown| shown["is_zoomed"] == false);
            window.double_click(report);
        },
        |shown| shown["is_zoomed"] == true,
    );
    let selected = shown["selected"].as_str().unwrap();
    assert_eq!(selected, REPORT);

    window.act("the whole tree", |window| window.key("0"), |shown| shown["is_zoomed"] == false);
}

#[test]
fn a_search_says_how_much_it_matches() {
    let display = screen();
    let window = Window::open(&display, &sample());
    let shown = window.act(
        "what the search matches",
        |window| {
            // Letters that are typed elsewhere are commands.
            window.act("the cursor", |window| window.key("slash"), |shown| shown["search_has_focus"] == true);
            window.key("ctrl+a");
            window.type_text("draw_invoice");
        },
        // What the first letters match was shown before.
        |shown| shown["search"] == "draw_invoice",
    );

    let truth = Truth::of(&sample(), (0, 0), "draw_invoice");
    assert!(shown["matched_frames"].as_u64().is_some_and(|frames| frames > 0), "{shown}");
    assert_eq!(shown["matched_bytes"].as_u64(), Some(truth.bytes("function")));
}

#[test]
fn what_is_copied_by_key_and_by_button_reaches_other_programs() {
    let display = screen();
    let window = Window::open(&display, &sample());
    let report = place_of_the_report(&window);
    window.act("the frame", |window| window.click(report), |shown| shown["selected"] == REPORT);
    wait::until("the frame's name and place", || {
        window.key("ctrl+c");
        wait::soon(|| (display.clipboard()? == "write_monthly_report /srv/orders/orders/monthly.py:38").then_some(()))
    });
    wait::until("the stack", || {
        window.click(window.place("Copy stack"));
        wait::soon(|| {
            let lines = display.clipboard()?;
            let lines: Vec<&str> = lines.lines().collect();
            (lines.len() == 5 && lines[4] == "join_rows /srv/orders/orders/monthly.py:30").then_some(())
        })
    });
}

#[test]
fn a_picture_of_the_window_is_saved_without_what_asked_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("window.png");
    let display = screen();
    let window = Window::open(&display, &sample());
    let ask = |window: &Window<'_>| window.key("ctrl+shift+s");
    window.act("a path is asked for", ask, |shown| shown["asks_for_path"] == true);
    window.type_text(path.to_str().unwrap());
    window.key("Return");
    wait::until("the picture", || path.exists().then_some(()));
    let picture = path.to_str().unwrap();
    let sizes = display.run("identify", &["-format", "%w %h %k", picture]).unwrap();
    let numbers: Vec<u32> = sizes.split(' ').map(|number| number.trim().parse().unwrap()).collect();
    assert!(numbers[0] > 1000 && numbers[1] > 600 && numbers[2] > 100, "{sizes}");
    // The dialog darkens what lies behind it: the headline is as bright as ever.
    let brightest = display.run("convert", &[picture, "-crop", "600x120+0+0", "-format", "%[fx:maxima]", "info:"]);
    assert!(brightest.unwrap().trim().parse::<f64>().unwrap() > 0.9);
}

#[test]
fn a_process_and_its_children_open_as_one_session_and_each_alone() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/captures/v13-py3.13");
    let files = ["", ".20812", ".20814", ".20816"].map(|end| folder.join(format!("forks.bin{end}")));
    let display = screen();
    let window = Window::open_processes(&display, &files);
    let all = window.shown("all processes", |shown| shown["page"] == "processes");
    assert!(all["headline"].as_str().unwrap().starts_with("4 processes, highest sum "), "{all}");
    let next = |window: &Window<'_>| window.key("ctrl+Next");
    let parent = window.act("the parent", next, |shown| shown["title"] == "forks.bin — memray-view");
    assert!(parent["headline"].as_str().unwrap().starts_with("Peak 1.16"), "{parent}");
}

#[test]
fn the_window_is_dark_or_light_as_the_desktop_is_and_when_it_changes() {
    let display = screen();
    let desktop = Desktop::start(2);
    let window = Window::open_on_bus(&display, &sample(), desktop.address());
    window.shown("a light window", |shown| shown["is_dark"] == false);
    desktop.prefer(1);
    window.shown("a dark window", |shown| shown["is_dark"] == true);
}

#[test]
fn desktops_are_told_the_windows_class_and_icon() {
    let display = screen();
    let window = Window::open(&display, &sample());
    let told = display.run("xprop", &["-id", window.id(), "WM_CLASS", "_NET_WM_ICON"]).unwrap();
    // The class is that of the desktop entry.
    assert!(told.starts_with("WM_CLASS(STRING) = \"\", \"memray-view\"\n"), "{told}");
    assert!(told.contains("Icon (128 x 128):"), "{told}");
}
