// SPDX-License-Identifier: Apache-2.0
//! The table of two captures, driven as a user would.

use super::{DeltaTable, Events, Source};
use crate::handmade::Names;
use crate::labels::Labels;
use crate::row_order::Hits;
use crate::style;
use egui::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use memray_compare::{Delta, DeltaKey, DeltaRow};
use memray_index::{Amount, GroupBy};
use memray_report::size::Units;
use std::sync::Arc;

const MIB: i64 = 1 << 20;

struct Fixture {
    table: DeltaTable,
    rows: Arc<Vec<DeltaRow>>,
    labels: Arc<dyn Labels>,
    hits: Option<Hits>,
    selected: Option<DeltaKey>,
    group_by: GroupBy,
    events: Vec<Events>,
}

fn delta(before: (i64, i64), after: (i64, i64)) -> Delta {
    let amount = |(bytes, allocations)| Amount { bytes, allocations };
    Delta { before: amount(before), after: amount(after) }
}

/// As a comparison gives them: the largest change first.
fn show() -> Harness<'static, Fixture> {
    let mut names = Names::new();
    let mut row = |function: &str, file: &str, line, inclusive| DeltaRow {
        key: DeltaKey::Location(names.own(function, file, line)),
        inclusive,
        own: inclusive,
    };
    let rows = vec![
        row("parse_rows", "/srv/parser.py", 88, delta((0, 0), (390 * MIB, 81_204))),
        row("concatenate", "/srv/wrapper.py", 399, delta((811 * MIB, 100), (700 * MIB, 88))),
        row("put", "/srv/cache.py", 44, delta((431 * MIB, 10), (520 * MIB, 9320))),
        row("gone", "/srv/old.py", 3, delta((44 * MIB, 1), (0, 0))),
        row("main", "/srv/svc.py", 1, delta((900 * MIB, 7), (901 * MIB, 8))),
    ];
    let fixture = Fixture {
        table: DeltaTable::default(),
        rows: Arc::new(rows),
        labels: Arc::new(names),
        hits: None,
        selected: None,
        group_by: GroupBy::Location,
        events: Vec::new(),
    };
    let mut harness = Harness::builder()
        .with_size([1100.0, 400.0])
        .with_max_steps(64)
        .with_context_setup(style::install)
        .build_ui_state(
            |ui, fixture: &mut Fixture| {
                let source = Source {
                    rows: &fixture.rows,
                    total: delta((2289 * MIB, 0), (2701 * MIB, 0)),
                    group_by: fixture.group_by,
                    labels: &fixture.labels,
                    hits: fixture.hits.as_ref(),
                    selected: fixture.selected.as_ref(),
                    units: Units::Binary,
                };
                let events = fixture.table.show(ui, &source);
                if events != Events::default() {
                    if let Some(selected) = &events.selected {
                        fixture.selected = Some(selected.clone());
                    }
                    fixture.events.push(events);
                }
            },
            fixture,
        );
    harness.run_steps(3);
    harness
}

/// What screen readers are told of the rows, from the top.
fn rows(harness: &Harness<'_, Fixture>) -> Vec<String> {
    let mut rows: Vec<_> = harness.query_all_by_role(Role::Row).collect();
    rows.sort_by(|a, b| a.rect().top().total_cmp(&b.rect().top()));
    rows.iter().filter_map(|row| row.accesskit_node().label()).collect()
}

fn click_heading(harness: &mut Harness<'_, Fixture>, name: &str) {
    harness.get_by_role_and_label(Role::ColumnHeader, name).click();
    harness.run_steps(3);
}

#[test]
fn the_largest_change_comes_first_whichever_way_it_goes() {
    let harness = show();
    assert_eq!(
        rows(&harness),
        [
            "parse_rows parser.py:88 +390 MiB, new",
            "concatenate wrapper.py:399 \u{2212}111 MiB, \u{2212}14 %",
            "put cache.py:44 +89.0 MiB, +21 %",
            "gone old.py:3 \u{2212}44.0 MiB, gone",
            "main svc.py:1 +1.00 MiB, +0.1 %",
        ]
    );
    harness.get_by_label("5 rows");
    harness.get_by_role_and_label(Role::ColumnHeader, "\u{394}, sorted, the largest first");
}

#[test]
fn every_column_sorts() {
    let mut harness = show();
    let first = |harness: &Harness<'_, Fixture>| rows(harness)[0].split(' ').next().unwrap().to_owned();
    for (column, largest, smallest) in [
        ("Before", "main", "parse_rows"),
        ("After", "main", "gone"),
        ("\u{394} %", "parse_rows", "gone"),
        ("\u{394} allocations", "parse_rows", "gone"),
    ] {
        click_heading(&mut harness, column);
        assert_eq!(first(&harness), largest, "{column}");
        click_heading(&mut harness, &format!("{column}, sorted, the largest first"));
        assert_eq!(first(&harness), smallest, "{column}");
    }
    click_heading(&mut harness, "Function");
    assert_eq!(first(&harness), "concatenate");
    click_heading(&mut harness, "Place");
    assert_eq!(first(&harness), "put", "cache.py");
}

#[test]
fn only_rows_that_match_are_shown() {
    let mut harness = show();
    harness.state_mut().hits = Some(Arc::new(|name| name.contains("cache")));
    harness.run_steps(3);
    assert_eq!(rows(&harness), ["put cache.py:44 +89.0 MiB, +21 %"]);
    harness.get_by_label("1 of 5 rows match");
    harness.state_mut().hits = Some(Arc::new(|_| false));
    harness.run_steps(3);
    harness.get_by_label("No row matches the search.");
}

#[test]
fn a_row_is_selected_by_a_click_and_the_next_one_by_a_key() {
    let mut harness = show();
    harness.get_by_role_and_label(Role::Row, "put cache.py:44 +89.0 MiB, +21 %").click();
    harness.run_steps(3);
    assert_eq!(harness.state().selected, Some(harness.state().rows[2].key.clone()));
    harness.key_press(egui::Key::ArrowDown);
    harness.run_steps(3);
    assert_eq!(harness.state().selected, Some(harness.state().rows[3].key.clone()));
}

#[test]
fn another_grouping_is_asked_for() {
    let mut harness = show();
    harness.get_by_role(Role::ComboBox).click();
    harness.run_steps(3);
    harness.get_by_label("Module").click();
    harness.run_steps(3);
    assert_eq!(harness.state().events.last().unwrap().group_by, Some(GroupBy::Module));
}
