// SPDX-License-Identifier: Apache-2.0
//! What a table's row stands for: the sites it names are those that it sums.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use memray_index::{Amount, Answer, Filter, GroupBy, Index, Mode, OpenOptions, Progress, Question, RowKey, SiteId};
use std::collections::HashMap;
use std::path::Path;

fn open(name: &str) -> Index {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures/v13-py3.13").join(name);
    let options = OpenOptions { no_cache: true, ..OpenOptions::default() };
    Index::open(&path, &options, &Progress::default()).unwrap()
}

fn peak(index: &Index, filter: Filter) -> Answer {
    index.ask(&Question { mode: Mode::Peak, filter, split_threads: false }).unwrap()
}

fn sum(answer: &Answer, sites: &[SiteId]) -> Amount {
    let amounts: HashMap<SiteId, Amount> = answer.sites.iter().copied().collect();
    sites.iter().fold(Amount::default(), |sum, site| Amount {
        bytes: sum.bytes + amounts[site].bytes,
        allocations: sum.allocations + amounts[site].allocations,
    })
}

#[test]
fn every_row_names_the_sites_that_it_sums() {
    let shown = Filter { hide_irrelevant: true, hide_import_system: true, ..Filter::default() };
    for name in ["items.bin", "numpy_native.bin", "threads_aggregated.bin"] {
        let index = open(name);
        for filter in [Filter::default(), shown.clone()] {
            let answer = peak(&index, filter);
            for by in GroupBy::ALL {
                let rows = index.table(&answer, by);
                assert!(!rows.is_empty(), "{name} {by:?}");
                for row in rows.iter().take(60) {
                    let sites = index.sites_of_row(&answer, by, row.key);
                    let sums = (sum(&answer, &sites.inclusive), sum(&answer, &sites.own));
                    assert_eq!(sums, (row.inclusive, row.own), "{name} {by:?} {:?}", row.key);
                }
            }
        }
    }
}

#[test]
fn a_row_that_the_table_lacks_sums_nothing() {
    let index = open("items.bin");
    let answer = peak(&index, Filter::default());
    let thread = index.table(&answer, GroupBy::Thread)[0].key;
    for by in [GroupBy::Location, GroupBy::Allocator, GroupBy::NativeLibrary] {
        assert!(index.sites_of_row(&answer, by, thread).inclusive.is_empty(), "{by:?}");
    }
    let no_library = index.sites_of_row(&answer, GroupBy::NativeLibrary, RowKey::None);
    assert_eq!(sum(&answer, &no_library.inclusive), answer.total, "the capture has no native stacks");
}
