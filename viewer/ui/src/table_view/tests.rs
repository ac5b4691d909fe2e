// SPDX-License-Identifier: Apache-2.0

use super::*;
use crate::fonts;
use crate::handmade::Names;
use egui::{Key, Role};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use memray_format::Allocator;
use memray_index::ThreadIndex;

struct Shown {
    table: TableView,
    rows: Arc<Vec<Row>>,
    labels: Arc<dyn Labels>,
    group_by: GroupBy,
    hits: Option<Hits>,
    selected: Option<RowKey>,
    events: Vec<Events>,
}

impl Shown {
    fn new(rows: Vec<Row>, labels: Names) -> Self {
        Self {
            table: TableView::default(),
            rows: Arc::new(rows),
            labels: Arc::new(labels),
            group_by: GroupBy::Location,
            hits: None,
            selected: None,
            events: Vec::new(),
        }
    }

    fn harness(self) -> Harness<'static, Self> {
        Harness::builder().with_size([900.0, 400.0]).with_context_setup(fonts::install).build_ui_state(
            |ui, shown: &mut Self| {
                let source = Source {
                    rows: &shown.rows,
                    total: amount(1000, 100),
                    group_by: shown.group_by,
                    labels: &shown.labels,
                    hits: shown.hits.as_ref(),
                    selected: shown.selected,
                    units: Units::Binary,
                };
                let events = shown.table.show(ui, &source);
                if events.selected.is_some() {
                    shown.selected = events.selected;
                }
                if events != Events::default() {
                    shown.events.push(events);
                }
            },
            self,
        )
    }
}

fn amount(bytes: i64, allocations: i64) -> Amount {
    Amount { bytes, allocations }
}

fn row(key: RowKey, bytes: i64, own: i64, allocations: i64) -> Row {
    Row { key, inclusive: amount(bytes, allocations), own: amount(own, allocations / 2) }
}

/// Three locations: `main` holds all, `put` half, `load` the most by itself.
fn sample() -> (Names, Vec<Row>) {
    let mut names = Names::new();
    let main = names.own("main", "/srv/svc.py", 201);
    let put = names.own("put", "/srv/cache.py", 44);
    let load = names.library("=load", "/srv/a \"quoted\", loader.py", 88);
    let rows = vec![
        row(RowKey::Location(main), 1000, 0, 90),
        row(RowKey::Location(put), 500, 100, 100),
        row(RowKey::Location(load), 300, 300, 7),
    ];
    (names, rows)
}

/// What the rows say, from top to bottom.
fn spoken(harness: &Harness<'_, Shown>) -> Vec<String> {
    let mut rows: Vec<_> = harness.get_all_by_role(Role::Row).collect();
    rows.sort_by(|a, b| a.rect().top().total_cmp(&b.rect().top()));
    rows.iter().filter_map(|node| node.accesskit_node().label()).collect()
}

fn copied_text(harness: &Harness<'_, Shown>) -> Option<String> {
    harness.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

/// Runs frames until `done`, or panics after a minute: the work is on another thread.
fn run_until(harness: &mut Harness<'_, Shown>, done: impl Fn(&Harness<'_, Shown>) -> bool) {
    let start = std::time::Instant::now();
    while !done(harness) {
        assert!(start.elapsed().as_secs() < 60, "the other thread is not done");
        std::thread::sleep(std::time::Duration::from_millis(1));
        harness.step();
    }
}

#[test]
fn each_heading_sorts_and_a_second_click_turns_the_order_around() {
    let (names, rows) = sample();
    let mut harness = Shown::new(rows, names).harness();
    let [main, put, load] =
        ["main svc.py:201 1,000 B", "put cache.py:44 500 B", "=load a \"quoted\", loader.py:88 300 B"];
    assert_eq!(spoken(&harness), [main, put, load]);
    for (heading, first, second) in [
        ("Function", [load, main, put], [put, main, load]),
        ("File and line", [load, put, main], [main, put, load]),
        ("Inclusive", [main, put, load], [load, put, main]),
        ("Own", [load, put, main], [main, put, load]),
        ("Allocations", [put, main, load], [load, main, put]),
    ] {
        harness.get_by_role_and_label(Role::ColumnHeader, heading).click();
        harness.run();
        assert_eq!(spoken(&harness), first, "{heading}");
        harness
            .get_by(|node| {
                node.role() == Role::ColumnHeader
                    && node.label().is_some_and(|label| label.starts_with(heading) && label.contains("sorted"))
            })
            .click();
        harness.run();
        assert_eq!(spoken(&harness), second, "{heading} again");
    }
}

#[test]
fn a_click_selects_and_the_keyboard_goes_on_from_there() {
    let (names, rows) = sample();
    let keys: Vec<_> = rows.iter().map(|row| row.key).collect();
    let mut harness = Shown::new(rows, names).harness();
    harness.get_by_label_contains("put cache.py:44").click();
    harness.run();
    assert_eq!(harness.state().selected, Some(keys[1]));
    for (key, expected) in [
        (Key::ArrowDown, keys[2]),
        (Key::ArrowDown, keys[2]),
        (Key::ArrowUp, keys[1]),
        (Key::Home, keys[0]),
        (Key::End, keys[2]),
    ] {
        harness.key_press(key);
        harness.run();
        assert_eq!(harness.state().selected, Some(expected), "{key:?}");
    }
}

#[test]
fn only_rows_that_match_the_search_are_shown() {
    let (names, rows) = sample();
    let mut shown = Shown::new(rows, names);
    shown.hits = Some(Arc::new(|name| name.contains("cache")));
    let mut harness = shown.harness();
    assert_eq!(spoken(&harness), ["put cache.py:44 500 B"]);
    harness.get_by_label("1 of 3 rows match");
    harness.state_mut().hits = Some(Arc::new(|_| false));
    harness.run();
    harness.get_by_label("No row matches the search.");
    harness.state_mut().hits = None;
    harness.run();
    assert_eq!(spoken(&harness).len(), 3);
}

#[test]
fn csv_has_the_rows_shown_in_their_order_and_runs_no_formula() {
    let (names, rows) = sample();
    let mut harness = Shown::new(rows, names).harness();
    harness.get_by_label("Copy as CSV").click();
    run_until(&mut harness, |harness| copied_text(harness).is_some());
    let expected = "function,file,line,bytes,allocations,own_bytes,own_allocations\r\n\
        main,/srv/svc.py,201,1000,90,0,45\r\n\
        put,/srv/cache.py,44,500,100,100,50\r\n\
        \"'=load\",\"/srv/a \"\"quoted\"\", loader.py\",88,300,7,300,3\r\n";
    assert_eq!(copied_text(&harness).unwrap(), expected);
    assert_eq!(harness.state().events.last().unwrap().copied, Some(Copied::Table(3)));
    harness.state_mut().hits = Some(Arc::new(|name| name.contains("cache")));
    harness.run();
    harness.get_by_label("Copy as CSV").click();
    run_until(&mut harness, |harness| copied_text(harness).is_some_and(|text| text != expected));
    let lines: Vec<&str> = expected.lines().collect();
    assert_eq!(copied_text(&harness).unwrap(), format!("{}\r\n{}\r\n", lines[0], lines[2]));
    assert_eq!(harness.state().events.last().unwrap().copied, Some(Copied::Table(1)));
}

#[test]
fn csv_of_what_parts_the_stacks_has_neither_file_nor_own_bytes() {
    let names = Names::new();
    let rows = [row(RowKey::Allocator(Allocator::Malloc), -12, -12, -1), row(RowKey::None, 3, 3, 1)];
    assert_eq!(
        csv::table(&rows, &[1, 0], GroupBy::Allocator, &names),
        "allocator,bytes,allocations\r\nno Python stack,3,1\r\nmalloc,-12,-1\r\n"
    );
}

#[test]
fn csv_shows_control_characters_as_escapes() {
    let mut names = Names::new();
    let module = names.intern("a\nb\u{202e}");
    let rows = [row(RowKey::Module(module), 1, 1, 1)];
    let expected = "module,bytes,allocations,own_bytes,own_allocations\r\na\\nb\\u{202e},1,1,1,0\r\n";
    assert_eq!(csv::table(&rows, &[0], GroupBy::Module, &names), expected);
}

#[test]
fn another_grouping_is_asked_for_and_threads_have_no_file() {
    let (mut names, rows) = sample();
    names.threads = vec!["main".to_owned(), "worker-1".to_owned()];
    let mut harness = Shown::new(rows, names).harness();
    harness.get_by_role_and_label(Role::ComboBox, "Group by").click();
    harness.run();
    harness.get_by_label("Thread").click();
    harness.run();
    assert_eq!(harness.state().events.last().unwrap().group_by, Some(GroupBy::Thread));
    let shown = harness.state_mut();
    shown.group_by = GroupBy::Thread;
    shown.rows = Arc::new(vec![row(RowKey::Thread(ThreadIndex(1)), 700, 700, 9)]);
    harness.run();
    assert_eq!(spoken(&harness), ["worker-1 700 B"]);
    assert!(harness.query_by_label_contains("File").is_none());
    assert!(harness.query_by_label("Own").is_none());
}

#[test]
fn of_a_million_rows_only_the_visible_ones_are_laid_out() {
    let (names, _) = sample();
    let key = RowKey::Location(memray_index::LocationId(1));
    let rows = (0..1_000_000).map(|i| row(key, 1_000_000 - i, 0, i)).collect();
    let mut harness = Shown::new(rows, names).harness();
    assert!(spoken(&harness).len() < 20, "{} rows laid out", spoken(&harness).len());
    assert_eq!(spoken(&harness)[0], "main svc.py:201 977 KiB");
    harness.get_by_role_and_label(Role::ColumnHeader, "Allocations").click();
    harness.step();
    run_until(&mut harness, |harness| {
        harness.query_by_label("sorting…").is_none() && spoken(harness)[0].ends_with(" 1 B")
    });
    harness.key_press(Key::End);
    run_until(&mut harness, |harness| spoken(harness).last().is_some_and(|row| row.ends_with("977 KiB")));
    let bottom = harness.get_all_by_role(Role::Row).map(|node| node.rect().bottom()).fold(0.0, f32::max);
    assert!((bottom - 392.0).abs() < 3.0, "the last row ends at {bottom}");
}

#[test]
fn a_row_selected_elsewhere_is_brought_into_view() {
    let mut names = Names::new();
    let keys: Vec<_> = (0..500).map(|i| RowKey::Location(names.own(&format!("f{i}"), "/a.py", i + 1))).collect();
    let rows = keys.iter().enumerate().map(|(i, key)| row(*key, 1000 - i as i64, 0, 1)).collect();
    let mut harness = Shown::new(rows, names).harness();
    assert!(harness.query_by_label_contains("f400 ").is_none());
    harness.state_mut().selected = Some(keys[400]);
    harness.run();
    harness.get_by_label_contains("f400 a.py:401");
}

#[test]
fn names_of_a_megabyte_and_control_characters_are_shown_bounded_and_escaped() {
    let mut names = Names::new();
    let long = names.own(&"x".repeat(1 << 20), &"/very/long".repeat(100_000), 1);
    let evil = names.own("a\u{202e}\nb", "/tmp/\u{1b}[31m.py", 2);
    let rows = vec![row(RowKey::Location(long), 2, 2, 1), row(RowKey::Location(evil), 1, 1, 1)];
    let harness = Shown::new(rows, names).harness();
    let spoken = spoken(&harness);
    assert!(spoken[0].chars().count() < 600);
    assert_eq!(spoken[1], "a\\u{202e}\\nb \\u{1b}[31m.py:2 1 B");
}

#[test]
fn the_menu_of_a_row_copies_its_place() {
    let (names, rows) = sample();
    let mut harness = Shown::new(rows, names).harness();
    harness.get_by_label_contains("put cache.py:44").click_secondary();
    harness.run();
    harness.get_by_label("Copy place").click();
    run_until(&mut harness, |harness| copied_text(harness).is_some());
    assert_eq!(copied_text(&harness).unwrap(), "/srv/cache.py:44");
    assert_eq!(harness.state().events.last().unwrap().copied, Some(Copied::Text));
}

#[test]
fn the_keyboard_goes_on_from_a_row_that_a_search_had_hidden() {
    let (names, rows) = sample();
    let keys: Vec<_> = rows.iter().map(|row| row.key).collect();
    let mut shown = Shown::new(rows, names);
    shown.selected = Some(keys[1]);
    shown.hits = Some(Arc::new(|name| name.contains("main")));
    let mut harness = shown.harness();
    harness.run();
    harness.state_mut().hits = None;
    harness.run();
    harness.key_press(Key::ArrowDown);
    harness.run();
    assert_eq!(harness.state().selected, Some(keys[2]));
}
