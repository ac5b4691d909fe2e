// SPDX-License-Identifier: Apache-2.0

use super::*;
use crate::fonts;
use crate::handmade::Names;
use egui::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use memray_index::Amount;

struct Shown {
    view: GrowthView,
    rows: Result<Arc<Vec<GrowthRow>>, String>,
    labels: Arc<dyn Labels>,
    by: GrowthBy,
    selected: Option<RowKey>,
    asked: Option<GrowthBy>,
}

fn harness(rows: Result<Vec<GrowthRow>, String>, names: Names) -> Harness<'static, Shown> {
    let shown = Shown {
        view: GrowthView::default(),
        rows: rows.map(Arc::new),
        labels: Arc::new(names),
        by: GrowthBy::Inclusive,
        selected: None,
        asked: None,
    };
    Harness::builder().with_size([900.0, 300.0]).with_context_setup(fonts::install).build_ui_state(
        |ui, shown: &mut Shown| {
            let source = Source {
                rows: shown.rows.as_ref().map_err(String::as_str),
                by: shown.by,
                range: "from 4.13 s to the end",
                labels: &shown.labels,
                selected: shown.selected,
                units: Units::Binary,
            };
            let events = shown.view.show(ui, &source);
            shown.selected = events.selected.or(shown.selected);
            shown.asked = events.by.or(shown.asked);
        },
        shown,
    )
}

fn row(key: RowKey, before: i64, after: i64, slope_bytes_per_hour: f64, shape: GrowthShape) -> GrowthRow {
    let amount = |bytes| Amount { bytes, allocations: 1 };
    let live_bytes = vec![before.unsigned_abs(), after.unsigned_abs()];
    GrowthRow { key, before: amount(before), after: amount(after), live_bytes, slope_bytes_per_hour, shape }
}

/// A leak, a cache, a constant and what shrank.
fn sample() -> (Names, Vec<GrowthRow>) {
    let mut names = Names::new();
    let mut key = |name: &str| RowKey::Location(names.own(name, "/srv/svc.py", 1));
    let rows = vec![
        row(key("leak"), 0, 500 << 20, 1.38 * (1_u64 << 30) as f64, GrowthShape::Steady),
        row(key("cache"), 0, 200 << 20, 3e9, GrowthShape::LevelledOff),
        row(key("table"), 1 << 20, 60 << 20, 1e6, GrowthShape::Step),
        row(key("constant"), 1 << 20, 1 << 20, 0.0, GrowthShape::NotGrowing),
        row(key("shrunk"), 9 << 20, 1 << 20, -1e6, GrowthShape::NotGrowing),
    ];
    (names, rows)
}

fn spoken(harness: &Harness<'_, Shown>) -> Vec<String> {
    let mut rows: Vec<_> = harness.get_all_by_role(Role::Row).collect();
    rows.sort_by(|a, b| a.rect().top().total_cmp(&b.rect().top()));
    rows.iter().filter_map(|node| node.accesskit_node().label()).collect()
}

#[test]
fn every_shape_has_a_word_and_every_change_a_sign() {
    let (names, rows) = sample();
    let harness = harness(Ok(rows), names);
    let expected = [
        "leak svc.py:1 +500 MiB, steady",
        "cache svc.py:1 +200 MiB, levelled off",
        "table svc.py:1 +59.0 MiB, step",
        "constant svc.py:1 0 B, not growing",
        "shrunk svc.py:1 \u{2212}8.00 MiB, not growing",
    ];
    assert_eq!(spoken(&harness), expected);
}

#[test]
fn slopes_are_per_hour_with_a_sign() {
    assert_eq!(slope_words(1.38 * (1_u64 << 30) as f64, Units::Binary), "+1.38 GiB/h");
    assert_eq!(slope_words(-2048.0, Units::Binary), "\u{2212}2.00 KiB/h");
    assert_eq!(slope_words(f64::NAN, Units::Binary), "0 B/h");
    assert_eq!(slope_words(f64::INFINITY, Units::Binary), "+8.00 EiB/h");
}

#[test]
fn a_click_selects_and_headings_sort() {
    let (names, rows) = sample();
    let keys: Vec<_> = rows.iter().map(|row| row.key).collect();
    let mut harness = harness(Ok(rows), names);
    harness.get_by_label_contains("cache svc.py").click();
    harness.run();
    assert_eq!(harness.state().selected, Some(keys[1]));
    harness.get_by_role_and_label(Role::ColumnHeader, "Slope").click();
    harness.run();
    assert!(spoken(&harness)[0].starts_with("cache"), "the steepest comes first");
    harness.get_by_role_and_label(Role::ColumnHeader, "Growth").click();
    harness.run();
    assert!(spoken(&harness)[0].starts_with("leak"));
}

#[test]
fn another_ranking_is_asked_for() {
    let (names, rows) = sample();
    let mut harness = harness(Ok(rows), names);
    harness.get_by_label("Own-code line").click();
    harness.run();
    assert_eq!(harness.state().asked, Some(GrowthBy::OwnCodeLine));
}

#[test]
fn nothing_that_grew_and_a_refusal_are_sentences() {
    harness(Ok(Vec::new()), Names::new()).get_by_label("Nothing grew in this range.");
    let refusal = "This capture holds only sums by location, not moments.";
    harness(Err(refusal.to_owned()), Names::new()).get_by_label(refusal);
}

#[test]
fn no_column_is_cut_off_beside_the_details_of_a_small_window() {
    // What a window 1024 points wide leaves the ranking.
    let width = |column: Column| match column.width {
        Width::Fixed(width) | Width::Share(_, width) => width,
    };
    assert_eq!(columns(600.0).map(width).iter().sum::<f32>(), 590.0);
    assert_eq!(columns(690.0).map(width).iter().sum::<f32>(), 662.0);
    assert_eq!(columns(1000.0).map(width).iter().sum::<f32>(), 778.0);
}
