// SPDX-License-Identifier: Apache-2.0

use super::*;
use crate::handmade::Names;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use memray_report::source_folders::SourceFolders;

struct Shown {
    details: Details,
    names: Names,
    stack: Vec<LocationId>,
    selected_frame: usize,
    threads: Vec<(ThreadIndex, Amount)>,
    further_threads: (usize, i64),
    native: Vec<String>,
    capture_end_ms: i64,
    shape: GrowthShape,
    events: Vec<Events>,
}

fn amount(bytes: i64, allocations: i64) -> Amount {
    Amount { bytes, allocations }
}

impl Shown {
    fn new(names: Names, stack: Vec<LocationId>, selected_frame: usize) -> Self {
        Self {
            details: Details::default(),
            names,
            stack,
            selected_frame,
            threads: Vec::new(),
            further_threads: (0, 0),
            native: Vec::new(),
            capture_end_ms: i64::MAX,
            shape: GrowthShape::Steady,
            events: Vec::new(),
        }
    }

    fn harness(self) -> Harness<'static, Self> {
        Harness::builder().with_size([340.0, 700.0]).with_context_setup(fonts::install).build_ui_state(
            |ui, shown: &mut Self| {
                let source = Source {
                    key: RowKey::Location(shown.stack[shown.selected_frame]),
                    group_by: GroupBy::Location,
                    amount_words: "live at the peak",
                    amount: amount(545_259_520, 96_418),
                    own: amount(20 << 20, 12),
                    total: amount(3_435_973_837, 1_204_311),
                    parent: Some(amount(3_307_000_000, 1)),
                    is_inverted: false,
                    growth: Some(Growth { slope_bytes_per_hour: 1.38 * (1_u64 << 30) as f64, shape: shown.shape }),
                    threads: &shown.threads,
                    further_threads: shown.further_threads,
                    stack: &shown.stack,
                    selected_frame: Some(shown.selected_frame),
                    native: &shown.native,
                    source_folders: &SourceFolders::default(),
                    line_bytes: &[(42, 123)],
                    capture_end_ms: shown.capture_end_ms,
                    labels: &shown.names,
                    units: Units::Binary,
                };
                let events = shown.details.show(ui, Some(&source), None);
                if events != Events::default() {
                    shown.events.push(events);
                }
            },
            self,
        )
    }
}

/// Runs frames until a label is there, or panics after a minute: files are read on another thread.
fn wait_for(harness: &mut Harness<'_, Shown>, label: &str) {
    let start = std::time::Instant::now();
    while harness.query_by_label_contains(label).is_none() {
        assert!(start.elapsed().as_secs() < 60, "{label} is not shown");
        std::thread::sleep(std::time::Duration::from_millis(1));
        harness.step();
    }
}

/// `main` calls `put`, whose line is in a file that is there.
fn sample(folder: &tempfile::TempDir) -> (Names, Vec<LocationId>) {
    let file = folder.path().join("cache.py");
    std::fs::write(&file, "import json\n\ndef put(self, key, rows):\n    self.held[key] = rows\n").unwrap();
    let mut names = Names::new();
    let main = names.own("main", "/nowhere/svc.py", 201);
    let put = names.own("put", &file.to_string_lossy(), 4);
    (names, vec![main, put])
}

#[test]
fn numbers_of_the_selection_are_shown_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let (names, stack) = sample(&folder);
    let harness = Shown::new(names, stack, 1).harness();
    for label in [
        "put",
        "live at the peak 520 MiB, 15.9 %",
        "of its caller 16.5 %",
        "own 20.0 MiB, 0.6 %",
        "allocations 96,418",
        "growth +1.38 GiB/h, steady",
    ] {
        harness.get_by_label(label);
    }
    harness.get_by_label_contains("cache.py:4\u{a0}\u{a0}·  module\u{a0}cache");
}

#[test]
fn a_narrow_pane_cuts_words_and_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let (names, stack) = sample(&folder);
    let mut harness = Shown::new(names, stack, 1).harness();
    harness.set_size(vec2(190.0, 700.0));
    harness.run_steps(3);
    let mut cut = Vec::new();
    for shape in &harness.output().shapes {
        if let egui::Shape::Text(text) = &shape.shape
            && text.galley.elided
        {
            cut.push(text.galley.text().to_owned());
        }
    }
    assert_eq!(cut, ["live at the peak"]);
}

#[test]
fn what_rose_and_fell_again_is_not_growing_and_has_no_slope() {
    let folder = tempfile::tempdir().unwrap();
    let (names, stack) = sample(&folder);
    let mut shown = Shown::new(names, stack, 1);
    shown.shape = GrowthShape::NotGrowing;
    shown.harness().get_by_label("growth not growing");
}

#[test]
fn the_source_line_is_read_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (names, stack) = sample(&folder);
    let mut harness = Shown::new(names, stack, 1).harness();
    wait_for(&mut harness, "    self.held[key] = rows");
    harness.get_by_label("def put(self, key, rows):");
    assert!(harness.query_by_label_contains("newer than the capture").is_none());
}

#[test]
fn a_file_that_is_not_here_and_one_that_is_newer_are_said_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let (names, stack) = sample(&folder);
    let mut harness = Shown::new(names, stack, 0).harness();
    wait_for(&mut harness, "The source is not on this machine.");
    harness.state_mut().selected_frame = 1;
    harness.state_mut().capture_end_ms = 1_000;
    wait_for(&mut harness, "The file is newer than the capture: lines may have moved.");
}

#[test]
fn a_frame_of_the_stack_is_selected_by_a_click() {
    let folder = tempfile::tempdir().unwrap();
    let (names, stack) = sample(&folder);
    let mut harness = Shown::new(names, stack, 1).harness();
    harness.get_by_label("Stack, 2 frames");
    // The source, once it is read, moves the stack down: away from under a click.
    wait_for(&mut harness, "    self.held[key] = rows");
    harness.get_by_label("main svc.py:201").click();
    harness.run_ok();
    assert_eq!(harness.state().events.last().unwrap().selected_frame, Some(0));
}

#[test]
fn a_stack_of_a_million_frames_lays_out_only_those_that_are_visible() {
    let mut names = Names::new();
    let deep = names.own("deep", "/nowhere/deep.py", 3);
    let mut harness = Shown::new(names, vec![deep; 1_000_000], 0).harness();
    wait_for(&mut harness, "Stack, 1,000,000 frames");
    let rows = harness.get_all_by_role(Role::ListItem).count();
    assert!((5..60).contains(&rows), "{rows} frames laid out");
}

#[test]
fn further_threads_are_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let (mut names, stack) = sample(&folder);
    names.threads = (0..12).map(|i| format!("worker-{i}")).collect();
    let mut shown = Shown::new(names, stack, 1);
    shown.further_threads = (4, 362 << 20);
    shown.threads = (0..8).map(|i| (ThreadIndex(i), amount((100 - i64::from(i)) << 20, 1))).collect();
    let harness = shown.harness();
    harness.get_by_label("worker-0 100 MiB");
    harness.get_by_label("worker-7 93.0 MiB");
    harness.get_by_label("4 more 362 MiB");
}

#[test]
fn native_frames_are_shown_as_library_and_offset() {
    let folder = tempfile::tempdir().unwrap();
    let (names, stack) = sample(&folder);
    let mut shown = Shown::new(names, stack, 1);
    shown.native = vec!["libarrow.so.1900+0x12ab".to_owned()];
    shown.harness().get_by_label("libarrow.so.1900+0x12ab");
}

#[test]
fn without_a_selection_it_says_how_to_make_one() {
    let mut details = Details::default();
    let harness = Harness::builder().with_context_setup(fonts::install).build_ui(move |ui| {
        details.show(ui, None, None);
    });
    harness.get_by_label("Select a frame or a row to see its numbers, threads, source and stack.");
}

#[test]
fn a_copied_stack_shows_control_characters_as_escapes() {
    let mut names = Names::new();
    let evil = names.own("a\nb", "/tmp/\u{202e}.py", 7);
    let mut harness = Shown::new(names, vec![evil], 0).harness();
    harness.get_by_label("Copy stack").click();
    while harness.state().events.is_empty() {
        harness.step();
    }
    assert!(harness.state().events[0].copied);
    let copied = |command: &egui::OutputCommand| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    };
    let text = harness.output().platform_output.commands.iter().find_map(copied);
    assert_eq!(text.as_deref(), Some("a\\nb /tmp/\\u{202e}.py:7\n"));
}
