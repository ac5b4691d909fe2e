// SPDX-License-Identifier: Apache-2.0
//! LZ4 frames: all that the format allows, and what can be had of damaged ones.

use std::io::Write;

use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use memray_format::container::{Container, Damage, Lz4Frame, describe_non_capture, sniff};

/// Compressible, and not the same in any two blocks.
fn text(length: usize) -> Vec<u8> {
    (0..).flat_map(|number: u32| format!("line {number} of {}\n", number / 7).into_bytes()).take(length).collect()
}

fn compress(info: FrameInfo, content: &[u8]) -> Vec<u8> {
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn linked() -> FrameInfo {
    FrameInfo::new().block_mode(BlockMode::Linked).block_size(BlockSize::Max64KB)
}

/// Everything that a file gives, and how it ends.
fn decompress(file: &[u8]) -> (Vec<u8>, Result<(), Damage>) {
    let mut out = Vec::new();
    let mut block = Vec::new();
    let mut frame = match Lz4Frame::new(file) {
        Ok(frame) => frame,
        Err(damage) => return (out, Err(damage)),
    };
    loop {
        // Readers empty the buffer between blocks: history must not depend on it.
        block.clear();
        let more = frame.next_block(&mut block);
        out.extend_from_slice(&block);
        match more {
            Ok(true) => {}
            Ok(false) => return (out, Ok(())),
            Err(damage) => {
                assert_eq!(frame.next_block(&mut block), Ok(false));
                return (out, Err(damage));
            }
        }
    }
}

#[test]
fn frames_of_all_kinds_are_read() {
    let content = text(1_000_000);
    for block_size in [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max1MB, BlockSize::Max4MB] {
        for block_mode in [BlockMode::Linked, BlockMode::Independent] {
            for checksums in [false, true] {
                let info = FrameInfo::new()
                    .block_size(block_size)
                    .block_mode(block_mode)
                    .block_checksums(checksums)
                    .content_checksum(checksums)
                    .content_size(checksums.then_some(content.len() as u64));
                assert!(decompress(&compress(info, &content)) == (content.clone(), Ok(())));
            }
        }
    }
}

#[test]
fn blocks_that_did_not_shrink_are_stored_as_they_are() {
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..200_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .collect();
    let file = compress(linked(), &noise);
    assert!(file.len() > noise.len());
    assert!(decompress(&file) == (noise, Ok(())));
}

#[test]
fn an_empty_capture_is_eleven_bytes() {
    let file = [0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0, 0, 0, 0, 0];
    assert_eq!(decompress(&file), (Vec::new(), Ok(())));
}

#[test]
fn several_frames_and_skippable_ones_follow_each_other() {
    let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0], b"any".as_slice()].concat();
    let (first, second) = (text(100_000), b"and more".to_vec());
    let file = [&skippable, &compress(linked(), &first), &skippable, &compress(linked(), &second), b"other".as_slice()]
        .concat();
    assert_eq!(sniff(&file), Some(Container::Lz4));
    assert!(decompress(&file) == ([first, second].concat(), Ok(())));
}

#[test]
fn a_skippable_frame_may_lead_beyond_the_end() {
    // As captures of this project's own have while they are written.
    let jump = [0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff];
    let content = text(100_000);
    for rest in [b"".as_slice(), b"anything"] {
        let file = [&compress(linked(), &content), jump.as_slice(), rest].concat();
        assert!(decompress(&file) == (content.clone(), Ok(())));
    }
}

#[test]
fn a_file_that_is_cut_gives_the_bytes_of_its_last_block_too() {
    let content = text(300_000);
    let file = compress(linked(), &content);
    let half = file.len() / 2;
    let (given, end) = decompress(&file[..half]);
    assert_eq!(end, Err(Damage { offset: half as u64, is_cut: true, reason: "the file ends within a block".into() }));
    assert!(content.starts_with(&given));
    // Not only whole blocks.
    assert!(given.len() % 65_536 > 1000, "{}", given.len());
}

#[test]
fn a_damaged_block_gives_what_comes_before_the_damage() {
    let content = text(300_000);
    let mut file = compress(linked().block_checksums(false).content_checksum(false), &content);
    let second_block = 7 + 4 + u32::from_le_bytes(*file[7..].first_chunk().unwrap()) as usize;
    let at = second_block + 4 + 2000;
    file[at..at + 40].fill(0);
    let (given, end) = decompress(&file);
    let damage = end.unwrap_err();
    assert_eq!(damage.offset, second_block as u64 + 4);
    assert_eq!(
        damage.to_string(),
        format!("the file is damaged at byte {}: a block cannot be decompressed", damage.offset)
    );
    let same = given.iter().zip(&content).take_while(|(given, content)| given == content).count();
    assert!(same > 65_536 + 2000, "{same}");
    assert!(given.len() <= 2 * 65_536);
}

#[test]
fn a_block_whose_checksum_is_cut_off_is_given() {
    let content = text(5000);
    let file = compress(linked().block_checksums(true), &content);
    let (given, end) = decompress(&file[..file.len() - 6]); // end mark and half the checksum
    assert!(given == content);
    assert!(end.unwrap_err().is_cut);
}

#[test]
fn checksums_find_damage_that_decompresses() {
    let mut file = compress(linked().block_checksums(true), &[7; 1000]);
    assert_eq!(file[12], 7);
    file[12] = 8;
    let (_, end) = decompress(&file);
    assert_eq!(end.unwrap_err().reason, "a block does not match its checksum");
    let mut file = compress(linked().content_checksum(true), &[7; 1000]);
    file[12] = 8;
    let (_, end) = decompress(&file);
    assert_eq!(end.unwrap_err().reason, "the content does not match its checksum");
}

#[test]
fn frame_headers_that_cannot_be_read_are_refused() {
    let refusal = |bytes: &[u8]| decompress(bytes).1.unwrap_err().reason;
    assert_eq!(refusal(b"memray\0"), "there is no LZ4 frame");
    assert_eq!(refusal(&[0x04, 0x22, 0x4d, 0x18]), "the file ends within its LZ4 frame");
    assert_eq!(
        refusal(&[0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc1]),
        "the LZ4 frame's header does not match its checksum"
    );
    assert_eq!(refusal(&[0x04, 0x22, 0x4d, 0x18, 0x80, 0x40, 0xc0]), "the LZ4 frame has an unknown version");
    assert_eq!(refusal(&[0x04, 0x22, 0x4d, 0x18, 0x41, 0x40, 0xc0]), "the LZ4 frame needs a dictionary");
    assert_eq!(refusal(&[0x04, 0x22, 0x4d, 0x18, 0x40, 0x30, 0xc0]), "the LZ4 frame has an unknown block size");
    let too_large = [0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0, 1, 0, 1, 0];
    assert_eq!(refusal(&too_large), "a block is larger than the frame allows");
}

#[test]
fn containers_are_told_by_their_first_bytes() {
    assert_eq!(sniff(b"memray\0\x0d"), Some(Container::Raw));
    assert_eq!(sniff(&[0x04, 0x22, 0x4d, 0x18, 0x40]), Some(Container::Lz4));
    for no_capture in [b"".as_slice(), b"mem", b"memray.py", b"<html>", &[0; 64]] {
        assert_eq!(sniff(no_capture), None);
    }
}

#[test]
fn other_files_are_named_for_what_they_are() {
    assert_eq!(describe_non_capture(b""), "the file is empty");
    for (bytes, kind) in [
        (b"\x7fELF\x02\x01".as_slice(), "a program or library (ELF)"),
        (b"\x1f\x8b\x08", "a gzip file; unpack it first"),
        (b"PK\x03\x04\x14", "a zip archive; unpack it first"),
        (b"SQLite format 3\0\x10", "an SQLite database"),
        (b"\x89PNG\r\n", "a PNG picture"),
        (b"\n<!DOCTYPE html><html>", "an HTML page; open the capture (.bin) that it was made from"),
        (b"{\"a\": 1}", "a JSON file"),
        (b"{", "a JSON file"),
        (b"import os\n", "a text file"),
        ("Gr\u{fc}\u{df}e".as_bytes(), "a text file"),
        (b"cut within \xc3", "a text file"),
    ] {
        assert_eq!(describe_non_capture(bytes), format!("this is not a capture that memray wrote but {kind}"));
    }
    assert!(describe_non_capture(&[0; 99]).contains("only zero bytes"));
    assert!(describe_non_capture(b"\x01\x02\x03").contains("nor any other kind of file"));
}
