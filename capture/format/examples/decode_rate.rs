// SPDX-License-Identifier: Apache-2.0
//! Decodes a capture and prints how fast: `cargo run -p memray-format --release --example decode_rate -- FILE`.

#![allow(clippy::print_stdout)]

use std::time::Instant;

use memray_format::container::{Container, Lz4Frame, describe_non_capture, sniff};
use memray_format::{Decoder, Record};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: decode_rate FILE")?;
    let file = std::fs::read(path)?;
    let started = Instant::now();
    let mut decoder = Decoder::new();
    let (mut allocations, mut bytes, mut other) = (0_u64, 0_u64, 0_u64);
    let mut visit = |record: Record<'_>| match record {
        Record::Allocation(allocation) => {
            allocations += 1;
            bytes = bytes.wrapping_add(allocation.size_bytes ^ allocation.address);
        }
        Record::FramePush(frame) => other = other.wrapping_add(frame.code ^ frame.instruction_offset as u64),
        _ => other += 1,
    };
    match sniff(&file) {
        Some(Container::Raw) => decoder.push(&file, &mut visit)?,
        Some(Container::Lz4) => {
            let mut frame = Lz4Frame::new(&file)?;
            let mut block = Vec::new();
            while frame.next_block(&mut block)? {
                decoder.push(&block, &mut visit)?;
                block.clear();
            }
        }
        None => return Err(describe_non_capture(&file).into()),
    }
    let seconds = started.elapsed().as_secs_f64();
    let records = decoder.record_count();
    let rate = records as f64 / seconds / 1e6;
    println!("{records} records, {allocations} of them allocations or frees, in {seconds:.3} s: {rate:.1} million/s");
    println!("{} bytes of records, check sum {:x}, end {:?}", decoder.offset(), bytes ^ other, decoder.finish());
    Ok(())
}
