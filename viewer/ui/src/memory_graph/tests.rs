// SPDX-License-Identifier: Apache-2.0
//! The memory graph's behaviour, driven by mouse as a user would.

use super::{Beside, Events, MemoryGraph, Over, SelectionLine, Source, TimeAxis};
use crate::fonts;
use egui::{Event, Key, Pos2, Rect, Role, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use memray_compare::Side;
use memray_index::{Moment, SnapshotRow, TimeRange, Timeline};
use memray_report::size::Units;
use memray_report::time::WallClock;

/// Snapshots as (elapsed milliseconds, heap, RSS), from a start of 1,000,000 ms.
pub(super) fn timeline(snapshots: &[(i64, u64, u64)]) -> Timeline {
    let start_time_ms = 1_000_000;
    let snapshots: Vec<_> = snapshots
        .iter()
        .map(|&(elapsed, heap_bytes, rss_bytes)| SnapshotRow {
            time_ms: start_time_ms + elapsed,
            rss_bytes,
            heap_bytes,
        })
        .collect();
    let heaps = || snapshots.iter().map(|s| s.heap_bytes);
    let mut interval_peaks: Vec<u64> = std::iter::once(0).chain(heaps()).zip(heaps()).map(|(a, b)| a.max(b)).collect();
    let end_heap_bytes = heaps().next_back().unwrap_or(0);
    interval_peaks.push(end_heap_bytes);
    let peak_bytes = interval_peaks.iter().copied().max().unwrap_or(0);
    Timeline {
        start_time_ms,
        end_time_ms: snapshots.last().map_or(start_time_ms, |s| s.time_ms),
        peak_interval: interval_peaks.iter().position(|&peak| peak == peak_bytes).unwrap_or(0),
        snapshots,
        interval_peaks,
        end_heap_bytes,
        peak_bytes,
        ..Timeline::default()
    }
}

struct Fixture {
    graph: MemoryGraph,
    timeline: Timeline,
    selection: Option<Vec<u64>>,
    range: Option<TimeRange>,
    moment: Option<Moment>,
    is_provisional: bool,
    beside: Option<Beside>,
    over: Option<(Timeline, i64)>,
    has_times_of_day: bool,
    chooses_over: bool,
    rect: Rect,
    events: Vec<Events>,
}

fn show(timeline: Timeline) -> Harness<'static, Fixture> {
    let fixture = Fixture {
        graph: MemoryGraph::default(),
        timeline,
        selection: None,
        range: None,
        moment: None,
        is_provisional: false,
        beside: None,
        over: None,
        has_times_of_day: false,
        chooses_over: false,
        rect: Rect::NOTHING,
        events: Vec::new(),
    };
    let mut harness = Harness::builder()
        .with_size(vec2(916.0, 216.0))
        .with_step_dt(0.05)
        .with_max_steps(30)
        .with_context_setup(fonts::install)
        .build_ui_state(
            |ui, fixture: &mut Fixture| {
                fixture.rect = ui.available_rect_before_wrap();
                let events = fixture.graph.show(
                    ui,
                    &Source {
                        timeline: &fixture.timeline,
                        generation: 1,
                        selection: fixture.selection.as_deref().map(|bytes| SelectionLine {
                            name: "Cache.put",
                            bytes,
                            generation: 1,
                        }),
                        range: fixture.range,
                        moment: fixture.moment,
                        stops_early: false,
                        is_provisional: fixture.is_provisional,
                        beside: fixture.beside,
                        over: fixture.over.as_ref().map(|(timeline, shift_ms)| Over {
                            is_chosen: fixture.chooses_over,
                            timeline,
                            generation: 1,
                            shift_ms: *shift_ms,
                        }),
                        units: Units::Binary,
                        clock: WallClock::Utc,
                        has_times_of_day: fixture.has_times_of_day,
                    },
                );
                if let Some(range) = events.range {
                    fixture.range = Some(range);
                }
                if events != Events::default() {
                    fixture.events.push(events);
                }
            },
            fixture,
        );
    harness.run();
    harness
}

/// Ten snapshots, one each second from 1 s on, of 1 to 10 MiB; RSS 1 MiB more.
fn ten_seconds() -> Timeline {
    let snapshots: Vec<_> = (1..=10).map(|s| (s * 1000, (s as u64) << 20, (s as u64 + 1) << 20)).collect();
    timeline(&snapshots)
}

/// A point on the screen: at a time, in the middle of the plot's height.
fn at(harness: &Harness<'_, Fixture>, elapsed_ms: f32) -> Pos2 {
    let fixture = harness.state();
    let plot = fixture.graph.plot_rect();
    let end_ms = TimeAxis::new(&fixture.timeline).end_ms() as f32;
    pos2(plot.left() + elapsed_ms / end_ms * plot.width(), plot.center().y)
}

fn drag(harness: &mut Harness<'_, Fixture>, from_ms: f32, to_ms: f32) {
    let (from, to) = (at(harness, from_ms), at(harness, to_ms));
    harness.hover_at(from);
    harness.drag_at(from);
    harness.run();
    for share in [0.3, 0.7, 1.0] {
        harness.hover_at(from + (to - from) * share);
        harness.run();
    }
    harness.drop_at(to);
    harness.run();
}

fn click(harness: &mut Harness<'_, Fixture>, elapsed_ms: f32) {
    let pos = at(harness, elapsed_ms);
    harness.hover_at(pos);
    harness.drag_at(pos);
    harness.drop_at(pos);
    harness.run_steps(10);
}

fn range(from: u32, to: u32) -> TimeRange {
    TimeRange { from: Moment::Snapshot(from), to: Moment::Snapshot(to) }
}

#[test]
fn a_drag_selects_from_the_first_snapshot_in_it_to_the_first_after_it() {
    let mut harness = show(ten_seconds());
    drag(&mut harness, 2500.0, 6500.0);
    assert_eq!(harness.state().range, Some(range(2, 6)));
    assert_eq!(harness.state().range, Some(harness.state().timeline.range_at(2500, 6500)));
    assert_eq!(harness.state().events.len(), 1, "once, when it ends");
    // The other way round is the same range.
    drag(&mut harness, 8500.0, 3500.0);
    assert_eq!(harness.state().range, Some(range(3, 8)));
}

#[test]
fn a_drag_from_edge_to_edge_is_the_whole_run() {
    let mut harness = show(ten_seconds());
    drag(&mut harness, 0.0, 10_500.0);
    assert_eq!(harness.state().range, Some(TimeRange { from: Moment::Start, to: Moment::End }));
}

#[test]
fn an_edge_is_dragged_and_the_other_stays_where_it_is() {
    let mut harness = show(ten_seconds());
    harness.state_mut().range = Some(range(2, 6));
    harness.run();
    drag(&mut harness, 7000.0, 8500.0);
    assert_eq!(harness.state().range, Some(range(2, 8)));
    drag(&mut harness, 3000.0, 4500.0);
    assert_eq!(harness.state().range, Some(range(4, 8)));
    // Past the other edge it becomes that one.
    drag(&mut harness, 9000.0, 1500.0);
    assert_eq!(harness.state().range, Some(range(1, 4)));
}

#[test]
fn a_click_sets_a_moment() {
    let mut harness = show(ten_seconds());
    click(&mut harness, 4600.0);
    click(&mut harness, 9990.0);
    let moments: Vec<_> = harness.state().events.iter().filter_map(|events| events.moment).collect();
    assert_eq!(moments, [Moment::Snapshot(4), Moment::Snapshot(9)]);
    assert_eq!(harness.state().range, None);
}

/// Another capture, drawn 5 s later over this one.
#[test]
fn what_is_chosen_of_a_capture_drawn_over_another_is_its_own_time() {
    let mut harness = show(ten_seconds());
    harness.state_mut().over = Some((ten_seconds(), 5000));
    harness.state_mut().beside = Some(Beside { side: Side::Before, duration_ms: 15_000, largest_bytes: 0 });
    harness.state_mut().chooses_over = true;
    harness.run();
    // As far into the graph as tenths of what is 15 s wide now.
    let at_ms = |ms: f32| ms / 1.5;
    click(&mut harness, at_ms(9_600.0));
    assert_eq!(harness.state().events.last().unwrap().moment, Some(Moment::Snapshot(4)));
    drag(&mut harness, at_ms(7_500.0), at_ms(14_500.0));
    assert_eq!(harness.state().range, Some(range(2, 9)), "beyond this one's end, too");
    // Its edges are taken where they are drawn: at 8 s, its 3 s, and 15 s.
    drag(&mut harness, at_ms(8_000.0), at_ms(10_500.0));
    assert_eq!(harness.state().range, Some(range(5, 9)));
    // Before it begins there is all that came before its first sample.
    drag(&mut harness, at_ms(2_000.0), at_ms(8_500.0));
    assert_eq!(harness.state().range.unwrap().from, Moment::Start);
}

#[test]
fn a_drag_can_be_given_up() {
    let mut harness = show(ten_seconds());
    let (from, to) = (at(&harness, 2000.0), at(&harness, 5000.0));
    harness.hover_at(from);
    harness.drag_at(from);
    harness.hover_at(to);
    harness.run();
    assert!(harness.state_mut().graph.clear());
    harness.drop_at(to);
    harness.run();
    assert_eq!(harness.state().events, []);
    assert!(!harness.state_mut().graph.clear(), "nothing left to give up");
}

#[test]
fn ctrl_and_wheel_zoom_into_time_at_the_pointer_and_a_double_click_shows_all() {
    let mut harness = show(ten_seconds());
    let pointer = at(&harness, 5000.0);
    harness.hover_at(pointer);
    harness.event(Event::Zoom(10.0));
    harness.run();
    assert!(harness.state().graph.is_zoomed());
    // The whole width is now one second: from 4.5 s to 5.5 s.
    drag(&mut harness, 1000.0, 4000.0);
    assert_eq!(harness.state().range, Some(range(4, 4)));
    click(&mut harness, 9000.0);
    assert_eq!(harness.state().events.last().unwrap().moment, Some(Moment::Snapshot(5)));
    harness.state_mut().events.clear();
    for _ in 0..2 {
        harness.drag_at(pointer);
        harness.event(Event::PointerButton {
            pos: pointer,
            button: egui::PointerButton::Primary,
            pressed: false,
            modifiers: egui::Modifiers::NONE,
        });
    }
    harness.run();
    assert!(!harness.state().graph.is_zoomed());
    let clicks: Vec<(bool, bool)> =
        harness.state().events.iter().map(|events| (events.moment.is_some(), events.undoes_click)).collect();
    assert_eq!(clicks, [(true, false), (false, true)], "what its first half chose is taken back");
}

#[test]
fn the_graph_is_zoomed_and_panned_by_keyboard() {
    let mut harness = show(ten_seconds());
    let visible = |harness: &Harness<'static, Fixture>| harness.state().graph.visible_ms();
    harness.get_by_role_and_label(Role::Canvas, "Memory graph").focus();
    harness.run();
    harness.key_press(Key::ArrowUp);
    harness.run();
    assert_eq!(visible(&harness), Some((2500.0, 7500.0)));
    harness.key_press(Key::ArrowRight);
    harness.run();
    assert_eq!(visible(&harness), Some((3000.0, 8000.0)));
    for _ in 0..9 {
        harness.key_press(Key::ArrowLeft);
        harness.run();
    }
    assert_eq!(visible(&harness), Some((0.0, 5000.0)), "no further than the start");
    harness.key_press(Key::ArrowDown);
    harness.run();
    assert_eq!(visible(&harness), None, "the whole run");
}

#[test]
fn the_graph_can_be_read_aloud() {
    let mut harness = show(ten_seconds());
    harness.state_mut().range = Some(range(1, 3));
    harness.run();
    let words = harness.get_by_role_and_label(Role::Canvas, "Memory graph").value();
    assert_eq!(
        words.as_deref(),
        Some(
            "heap peaks at 10.0 MiB after 10.0 s, RSS peaks at 11.0 MiB after 10.0 s, 10.0 MiB at the end, \
             ran 10.0 s, 2.00 s to 4.00 s selected"
        )
    );
}

/// Whether a text is painted.
fn paints(harness: &Harness<'_, Fixture>, text: &str) -> bool {
    let is_text = |shape: &egui::epaint::ClippedShape| match &shape.shape {
        egui::Shape::Text(painted) => painted.galley.text() == text,
        _ => false,
    };
    harness.output().shapes.iter().any(is_text)
}

#[test]
fn the_peak_of_an_aggregated_capture_is_the_headlines_and_not_that_of_the_samples() {
    let mut aggregated = ten_seconds();
    assert!(paints(&show(aggregated.clone()), "peak 10.0 MiB"));
    aggregated.interval_peaks.clear();
    aggregated.peak_bytes = 12 << 20;
    let harness = show(aggregated);
    assert!(paints(&harness, "peak 12.0 MiB, at a time not recorded"));
    let words = harness.get_by_role_and_label(Role::Canvas, "Memory graph").value().unwrap_or_default();
    assert!(words.starts_with("heap peaks at 12.0 MiB, at a time not recorded, RSS peaks"), "{words}");
}

#[test]
fn in_a_low_window_the_peak_rss_is_a_ring_without_words_where_they_would_lie_over_a_line() {
    let mut harness = show(ten_seconds());
    assert!(paints(&harness, "peak RSS 11.0 MiB"));
    harness.set_size(vec2(916.0, 72.0));
    harness.run();
    assert!(paints(&harness, "peak 10.0 MiB") && !paints(&harness, "peak RSS 11.0 MiB"));
}

#[test]
fn the_pointer_shows_time_of_day_heap_and_resident_set() {
    let mut harness = show(ten_seconds());
    harness.state_mut().selection = Some((0..11).map(|s| s << 20).collect());
    let pointer = at(&harness, 4200.0);
    harness.hover_at(pointer);
    harness.run();
    for text in ["4.20 s", "1970-01-01 00:16:44 UTC", "4.00 MiB", "5.00 MiB", "3.00 MiB"] {
        harness.get_by_label(text);
    }
}

#[test]
fn the_axis_has_times_of_day_unless_two_captures_share_it_or_the_clock_was_set_back() {
    // It starts at 00:16:40.
    let mut harness = show(ten_seconds());
    let says = |harness: &Harness<'static, Fixture>| {
        (paints(harness, "2 s"), paints(harness, "00:16:42"), paints(harness, "UTC"))
    };
    assert_eq!(says(&harness), (true, false, false));
    harness.state_mut().has_times_of_day = true;
    harness.run();
    assert_eq!(says(&harness), (false, true, true));
    harness.state_mut().over = Some((ten_seconds(), 0));
    harness.run();
    assert_eq!(says(&harness), (true, false, false));

    let mut set_back =
        show(timeline(&[(1000, 1 << 20, 0), (8000, 1 << 20, 0), (3000, 1 << 20, 0), (10_000, 1 << 20, 0)]));
    set_back.state_mut().has_times_of_day = true;
    set_back.run();
    assert_eq!(says(&set_back), (true, false, false));
}

#[test]
fn captures_without_snapshots_or_with_one_are_drawn_and_answer() {
    let alone = Timeline {
        end_time_ms: 500,
        interval_peaks: vec![4096],
        peak_bytes: 4096,
        end_heap_bytes: 1024,
        ..Timeline::default()
    };
    for timeline in [Timeline::default(), alone, timeline(&[(7, 100, 200)])] {
        let mut harness = show(timeline);
        let rect = harness.state().rect;
        for x in [rect.center().x, rect.right() - 20.0] {
            harness.hover_at(pos2(x, rect.center().y));
            harness.drag_at(pos2(x, rect.center().y));
            harness.hover_at(pos2(rect.left() + 100.0, rect.center().y));
            harness.run();
            harness.drop_at(pos2(rect.left() + 100.0, rect.center().y));
            harness.run();
        }
        assert_eq!(harness.state().events.len(), 2);
        assert!(harness.state().events.iter().all(|e| e.range.is_some_and(|range| range.from <= range.to)));
    }
}

#[test]
fn graphs_side_by_side_have_one_scale_and_names_of_their_own() {
    let mut harness = show(ten_seconds());
    let alone = (at(&harness, 2300.0), at(&harness, 9990.0));
    let beside = |side| Beside { side, duration_ms: 20_000, largest_bytes: 40 << 20 };
    for (side, name) in [(Side::Before, "Memory graph of A"), (Side::After, "Memory graph of B")] {
        harness.state_mut().beside = Some(beside(side));
        harness.run();
        harness.get_by_role_and_label(Role::Canvas, name);
        assert!(paints(&harness, "40 MiB") || paints(&harness, "40.0 MiB"));
    }
    // Half as wide: what was at 2.3 s is at 4.6 s, and a click beyond the shorter one's end is its end.
    for pos in [alone.0, alone.1] {
        harness.hover_at(pos);
        harness.drag_at(pos);
        harness.drop_at(pos);
        harness.run_steps(10);
    }
    let moments: Vec<_> = harness.state().events.iter().filter_map(|events| events.moment).collect();
    assert_eq!(moments, [Moment::Snapshot(4), Moment::End]);
}

#[test]
fn another_captures_heap_lies_over_it_as_much_later_as_is_asked_for() {
    let mut harness = show(ten_seconds());
    harness.state_mut().over = Some((ten_seconds(), 5000));
    harness.state_mut().beside = Some(Beside { side: Side::Before, duration_ms: 16_000, largest_bytes: 10 << 20 });
    harness.run();
    let words = harness.get_by_role_and_label(Role::Canvas, "Memory graph of both").accesskit_node().value();
    assert!(words.unwrap_or_default().contains("the other\u{2019}s heap peaks at 10.0 MiB after 15.0 s"));
    for name in ["heap of A", "RSS of A", "heap of B"] {
        assert!(paints(&harness, name), "{name}");
    }
    // Before B began, and after A ended, only the other is at the pointer.
    let plot = harness.state().graph.plot_rect();
    for (elapsed_ms, shown, hidden) in [(2000.0, "heap of A", "heap of B"), (14_000.0, "heap of B", "heap of A")] {
        harness.hover_at(pos2(plot.left() + elapsed_ms / 16_000.0 * plot.width(), plot.center().y));
        harness.run();
        let tells = |name| harness.query_all_by_label(name).next().is_some();
        assert!(tells(shown) && !tells(hidden), "at {elapsed_ms} ms");
    }
}
