// SPDX-License-Identifier: Apache-2.0
//! Synthetic captures, nasty and plausible: the index answers every question as the naive model does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says so by failing

mod answers;
mod naive;

use answers::NaiveAnswers;
use memray_format::synth::Synthesis;
use memray_format::{Encoder, lz4_frame};
use memray_index::{Mode, Moment, Question, TimeRange};
use naive::Model;
use proptest::prelude::*;
use std::io::Write;
use std::path::Path;

fn write(synthesis: &Synthesis, is_packed: bool, path: &Path) {
    let mut encoder = Encoder::new(Vec::new(), &synthesis.header()).unwrap();
    synthesis.generate(&mut |record| encoder.record(&record).unwrap());
    let bytes = encoder.finish().unwrap();
    if is_packed {
        let mut packed = lz4_frame(std::fs::File::create(path).unwrap());
        packed.write_all(&bytes).unwrap();
        packed.finish().unwrap();
    } else {
        std::fs::write(path, bytes).unwrap();
    }
}

/// Where the index of a synthetic capture differs from the naive model of it.
fn differences(synthesis: &Synthesis, is_packed: bool) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("synthetic.bin");
    write(synthesis, is_packed, &path);
    let (index, model) = (answers::open_index(&path), Model::read(&path));
    let naive = NaiveAnswers::numbered_by(&index, &model);
    answers::compare(&index, &naive, &answers::some_questions(&naive))
}

fn assert_agrees(synthesis: &Synthesis, is_packed: bool) {
    let differences = differences(synthesis, is_packed);
    assert!(
        differences.is_empty(),
        "seed {} version {}: {} differences:\n{}",
        synthesis.seed,
        synthesis.version,
        differences.len(),
        differences.join("\n")
    );
}

/// Ten seeds of a version, each with another number of threads, snapshots and records.
fn ten_seeds_agree(version: i32) {
    for seed in 0..10 {
        let synthesis = Synthesis { version, native: seed % 3 == 2, ..Synthesis::small(seed + 100 * version as u64) };
        assert_agrees(&Synthesis { unaligned: version < 12 && seed % 2 == 0, ..synthesis }, seed % 2 == 1);
    }
}

#[test]
fn nasty_captures_of_version_8() {
    ten_seeds_agree(8);
}

#[test]
fn nasty_captures_of_version_9() {
    ten_seeds_agree(9);
}

#[test]
fn nasty_captures_of_version_10() {
    ten_seeds_agree(10);
}

#[test]
fn nasty_captures_of_version_11() {
    ten_seeds_agree(11);
}

#[test]
fn nasty_captures_of_version_12() {
    ten_seeds_agree(12);
}

#[test]
fn nasty_captures_of_version_13() {
    ten_seeds_agree(13);
}

#[test]
fn nasty_captures_of_every_line_table_form() {
    for (seed, python_version) in [(1, 0x0308_14f0), (2, 0x030a_0ff0), (3, 0x030b_0bf0), (4, 0x030e_00f0)] {
        assert_agrees(&Synthesis { python_version, ..Synthesis::small(seed) }, false);
    }
}

/// Longer than any block that the index is built in, with enough lifetimes that most of them are shared.
#[test]
fn a_plausible_capture() {
    assert_agrees(&Synthesis::large(7, 30_000), true);
}

/// Whatever holds for ranges whose ends are moments apart must hold where they are the same moment.
#[test]
fn an_empty_range_holds_nothing_new_and_peaks_at_its_moment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("synthetic.bin");
    write(&Synthesis { snapshots: 5, ..Synthesis::small(3) }, false, &path);
    let index = answers::open_index(&path);
    let ask = |mode| index.ask(&Question { mode, ..Question::default() }).unwrap();
    for moment in [Moment::Start, Moment::Snapshot(2), Moment::End] {
        let range = TimeRange { from: moment, to: moment };
        for mode in [Mode::RangeLive(range), Mode::RangeGrowth(range), Mode::RangeChurn(range)] {
            assert_eq!(ask(mode).sites, [], "{mode:?}");
        }
        assert_eq!(ask(Mode::RangePeak(range)).sites, ask(Mode::LiveAt(moment)).sites, "{moment:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any seed; a failure names the one to try again.
    #[test]
    fn any_seed(seed in any::<u64>(), version in 8..=13_i32, is_packed: bool) {
        let differences = differences(&Synthesis { version, ..Synthesis::small(seed) }, is_packed);
        prop_assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}
