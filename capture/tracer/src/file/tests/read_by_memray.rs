// SPDX-License-Identifier: Apache-2.0
//! memray 1.20 reads the files that are written here, and finds in all of them what it finds in a plain capture of the same
//! records. `MEMRAY_PYTHON` names a Python that has it.
//!
//! Of a compressed capture whose program was killed it says `Invalid record type` when it comes to the zeros behind the last
//! record, and goes on to report all records before. Zeros at the end of a file that is not compressed it takes off
//! silently; if the last record itself ends with a zero, it loses that one.

use super::*;
use memray_format::Encoder;
use memray_format::synth::Synthesis;
use std::process::Command;

/// What memray says of each file, and what it complains of.
fn memray_says(paths: &[PathBuf]) -> (Vec<String>, String) {
    let python =
        std::env::var_os("MEMRAY_PYTHON").expect("run .ci/run or set MEMRAY_PYTHON to a Python with memray 1.20.0");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../format/tests/synth_read_by_memray.py");
    let output = Command::new(python).arg(script).args(paths).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let parts: Vec<String> =
        text.split("\n== ").skip(1).map(|part| part.split_once('\n').unwrap().1.to_owned()).collect();
    assert_eq!(parts.len(), paths.len());
    (parts.iter().map(|part| sorted(part)).collect(), errors)
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn complete_and_killed_captures_with_and_without_an_appendix() {
    let synthesis = Synthesis::large(3, 60_000);
    let header = synthesis.header();
    let scratch = Scratch::new();
    let plain = scratch.0.path().join("plain.bin");
    let mut encoder = Encoder::new(std::fs::File::create(&plain).unwrap(), &header).unwrap();
    synthesis.generate(&mut |record| encoder.record(&record).unwrap());
    encoder.finish().unwrap();
    let mut paths = vec![plain];
    for compresses in [false, true] {
        let options = FileOptions { overwrites: false, compresses, max_size_bytes: None, appendix_bytes: 0 };
        for appendix in [b"".as_slice(), &[7; 300_000]] {
            let path = scratch.0.path().join(format!("{compresses}-{}.bin", appendix.len()));
            let file = CaptureFile::create(&path, options, &encode_header(&header).unwrap()).unwrap();
            let mut writer = Writer { file, encoder: RecordEncoder::new(&header).unwrap() };
            synthesis.generate(&mut |record| writer.record(&record).unwrap());
            if appendix.is_empty() {
                let killed = scratch.0.path().join(format!("{compresses}-killed.bin"));
                std::fs::copy(&path, &killed).unwrap();
                assert!(std::fs::metadata(&killed).unwrap().len() > 2_500_000);
                paths.push(killed);
            }
            writer.record(&Record::Trailer).unwrap();
            writer.file.finish(&encode_header(&header).unwrap(), &[appendix]).unwrap();
            paths.push(path);
        }
    }
    let (packed_and_killed, others): (Vec<_>, Vec<_>) =
        paths.into_iter().partition(|path| path.ends_with("true-killed.bin"));
    let (said, errors) = memray_says(&others);
    assert_eq!(errors, "");
    let (said_of_killed, errors) = memray_says(&packed_and_killed);
    assert_eq!(errors.trim(), "Memray ERROR: Invalid record type");
    assert!(said[0].lines().count() > 100, "{}", said[0]);
    for (path, said_of_it) in others.iter().zip(&said).chain(packed_and_killed.iter().zip(&said_of_killed)) {
        assert!(*said_of_it == said[0], "{}:\n{said_of_it}\nplain:\n{}", path.display(), said[0]);
    }
}
