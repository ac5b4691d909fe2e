// SPDX-License-Identifier: Apache-2.0
//! An index knows temporary allocations up to a threshold of its own: what lies beyond is read from the capture again, and
//! no answer shows which way it came.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use memray_format::Encoder;
use memray_format::synth::Synthesis;
use memray_index::{Amount, Index, Mode, OpenOptions, Origin, Progress, Question, Refusal, SiteId, cache};
use rusqlite::Connection;

const THRESHOLDS: [u64; 9] = [0, 1, 2, 3, 4, 9, 1024, 1025, u64::MAX];

fn temporary(index: &Index, threshold: u64) -> Result<Vec<(SiteId, Amount)>, Refusal> {
    index.ask(&Question { mode: Mode::Temporary { threshold }, ..Question::default() }).map(|answer| answer.sites)
}

#[test]
fn an_index_that_had_to_forget_far_distances_answers_as_one_that_knows_all() {
    let folder = tempfile::tempdir().unwrap();
    let (path, cache_folder) = (folder.path().join("a.bin"), folder.path().join("cache"));
    let synthesis = Synthesis::large(5, 60_000);
    let header = memray_format::Header { allocation_count: 60_000, ..synthesis.header() };
    let mut encoder = Encoder::new(Vec::new(), &header).unwrap();
    synthesis.generate(&mut |record| encoder.record(&record).unwrap());
    std::fs::write(&path, encoder.finish().unwrap()).unwrap();
    let options = OpenOptions { cache_folder: Some(cache_folder.clone()), ..OpenOptions::default() };
    let open = || Index::open(&path, &options, &Progress::default()).unwrap();

    let all = open();
    let right = THRESHOLDS.map(|threshold| temporary(&all, threshold).unwrap());
    assert!(right.windows(2).take(6).all(|pair| pair[0] != pair[1]), "each threshold has an answer of its own");
    drop(all);

    let kept = cache::entries(&cache_folder).unwrap().remove(0).path;
    let connection = Connection::open(&kept).unwrap();
    let forget = "DELETE FROM temporary WHERE distance > 3; UPDATE meta SET value = 3 WHERE key = 'temporary_known'";
    connection.execute_batch(forget).unwrap();
    connection.close().unwrap();
    let forgetful = open();
    assert_eq!(forgetful.origin(), Origin::Cached);
    assert_eq!(THRESHOLDS.map(|threshold| temporary(&forgetful, threshold).unwrap()), right);

    let by_itself = folder.path().join("a.mvidx");
    forgetful.write_to(&mut std::fs::File::create(&by_itself).unwrap()).unwrap();
    let by_itself = Index::open(&by_itself, &OpenOptions::default(), &Progress::default()).unwrap();
    assert_eq!(temporary(&by_itself, 3).as_ref(), Ok(&right[3]));
    assert_eq!(
        temporary(&by_itself, 4).unwrap_err().0,
        "this index file knows temporary allocations up to a threshold of 3: open the capture itself for more"
    );
}
