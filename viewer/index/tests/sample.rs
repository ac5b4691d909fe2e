// SPDX-License-Identifier: Apache-2.0
//! The sample that ships: its leak comes first in the growth ranking, before its cache and its constants.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use memray_index::{
    Filter, GrowthBy, GrowthShape, Index, Mode, Moment, OpenOptions, Progress, Question, RowKey, TimeRange,
};
use std::path::Path;

const MIB: i64 = 1 << 20;

fn sample() -> Index {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../resources/sample/orders.bin");
    let options = OpenOptions { no_cache: true, ..OpenOptions::default() };
    Index::open(&path, &options, &Progress::default()).unwrap()
}

/// Function, file and line, grown by so many MiB, and how.
type Row = (String, i64, GrowthShape);

/// From a tenth of the run to its end, with what is irrelevant hidden: what the window shows unasked.
fn growth(index: &Index, by: GrowthBy) -> Vec<Row> {
    let timeline = index.timeline();
    let run_ms = timeline.end_time_ms - timeline.start_time_ms;
    let range = TimeRange { from: timeline.moment_at(run_ms / 10), to: Moment::End };
    let shown = Filter { hide_irrelevant: true, ..Filter::default() };
    let rows = index.growth(range, by, &shown, 100).unwrap();
    let row = |row: &memray_index::GrowthRow| {
        let RowKey::Location(location) = row.key else { panic!("{:?}", row.key) };
        let location = index.location(location);
        let file = index.text(location.file).rsplit('/').next().unwrap().to_owned();
        let name = format!("{} {file}:{}", index.text(location.function), location.line);
        (name, (row.after.bytes - row.before.bytes) / MIB, row.shape)
    };
    rows.iter().filter(|row| row.key != RowKey::None).map(row).collect()
}

#[test]
fn the_leak_comes_before_the_cache_and_the_constants() {
    let index = sample();
    for by in [GrowthBy::Own, GrowthBy::OwnCodeLine] {
        let rows = growth(&index, by);
        let row = |name: &str, mebibytes, shape| (name.to_owned(), mebibytes, shape);
        let first = [
            row("draw_invoice checkout.py:18", 152, GrowthShape::Steady),
            row("render_thumbnail thumbnails.py:15", 50, GrowthShape::LevelledOff),
            row("<listcomp> metrics.py:17", 24, GrowthShape::Step),
        ];
        assert_eq!(rows[..3], first, "{by:?}");
    }
}

/// With all that they called, callers stand among them: those of the leak and of the cache grow with both. Only they come
/// before the leak.
#[test]
fn among_its_callers_too_the_leak_is_steady_and_before_all_others() {
    let rows = growth(&sample(), GrowthBy::Inclusive);
    let at = |name: &str| rows.iter().position(|row| row.0.starts_with(name)).unwrap_or_else(|| panic!("{rows:?}"));
    let (leak, cache, constant) = (at("draw_invoice "), at("render_thumbnail "), at("allocate_history "));
    assert!(leak < cache && cache < constant, "{rows:?}");
    let callers: Vec<&str> = rows[..leak].iter().filter_map(|row| row.0.split(' ').next()).collect();
    assert_eq!(callers, ["_bootstrap", "_bootstrap_inner", "run", "work", "check_out"]);
    assert_eq!(rows[leak].2, GrowthShape::Steady);
    assert_eq!(rows[cache].2, GrowthShape::LevelledOff);
    assert_eq!(rows[constant].2, GrowthShape::Step);
}

#[test]
fn what_its_readme_says_it_holds() {
    let index = sample();
    let peak = index.ask(&Question { mode: Mode::Peak, ..Question::default() }).unwrap();
    assert_eq!(peak.total.bytes / MIB, 534);
    assert!(index.timeline().end_time_ms - index.timeline().start_time_ms >= 20_000);
    assert_eq!(index.threads().len(), 6);
}
