// SPDX-License-Identifier: Apache-2.0
//! Captures to compare: those of `tests/captures`, and synthetic ones.

use memray_format::Encoder;
use memray_format::synth::Synthesis;
use memray_index::{Index, OpenOptions, Progress};
use std::path::Path;

fn index(path: &Path) -> Index {
    let options = OpenOptions { no_cache: true, no_native_symbols: true, ..OpenOptions::default() };
    Index::open(path, &options, &Progress::default()).unwrap()
}

/// One of `tests/captures`.
pub(crate) fn open(folder: &str, name: &str) -> Index {
    index(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures").join(folder).join(name))
}

/// A synthetic capture; those of one seed are the same.
#[allow(dead_code)] // not every test program uses it
pub(crate) fn synthetic(seed: u64) -> Index {
    let synthesis = Synthesis { version: 13, native: seed.is_multiple_of(5), ..Synthesis::small(seed) };
    let mut encoder = Encoder::new(Vec::new(), &synthesis.header()).unwrap();
    synthesis.generate(&mut |record| encoder.record(&record).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("synthetic.bin");
    std::fs::write(&path, encoder.finish().unwrap()).unwrap();
    index(&path)
}
