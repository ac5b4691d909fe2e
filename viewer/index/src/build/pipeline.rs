// SPDX-License-Identifier: Apache-2.0
//! The stages of a build, each in a thread of its own: decompress, decode, pair and sum.
//!
//! Decoding is serial by nature, and so is pairing as it is done here; the two take about as long, so that two cores are
//! busy. Bounded channels keep what is in flight to a few MiB.

use super::aggregate::{Aggregator, RowSink, Summary};
use super::assemble::{Assembler, Batch};
use super::mapping::CaptureMapping;
use crate::error::Error;
use crate::info::Ending;
use crate::progress::Progress;
use crate::timeline::SnapshotRow;
use crossbeam_channel::{Receiver, Sender, bounded};
use memray_format::container::{Container, Damage, Lz4Frame};
use memray_format::{
    Allocation, DecodeError, Decoder, FrameKey, Header, HeaderError, Record, Snapshot, StreamEnd, Visit,
};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, ScopedJoinHandle, scope};
use std::time::{Duration, Instant};

/// Bytes decoded at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// How often what is known so far is told.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// What came out of the records.
pub(crate) struct Built {
    pub(crate) assembler: Assembler,
    pub(crate) summary: Summary,
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) records: u64,
    pub(crate) ending: Ending,
}

/// How far the decoding stage is, for those who wait.
#[derive(Default)]
struct Reached {
    file_offset: AtomicU64,
    records: AtomicU64,
}

/// A stretch of decompressed bytes, or why there are no more, and the place in the file that it ends at.
type Chunk = (Vec<u8>, Result<(), Damage>, u64);

/// Reads a header from the start of a capture; also its bytes.
pub(crate) fn read_header(bytes: &[u8], container: Container) -> Result<(Header, Vec<u8>), HeaderError> {
    let decompressed;
    let start = match container {
        Container::Raw => bytes,
        Container::Lz4 => {
            decompressed = decompress_header(bytes);
            &decompressed
        }
    };
    let (header, length) = Header::decode(start)?;
    Ok((header, start[..length].to_vec()))
}

fn decompress_header(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let Ok(mut frame) = Lz4Frame::new(bytes) else { return out };
    while frame.next_block(&mut out) == Ok(true) && Header::decode(&out) == Err(HeaderError::TooShort) {}
    out
}

/// Runs all stages over a capture. The rows go to `sink`.
pub(crate) fn run(
    file: &CaptureMapping,
    container: Container,
    header: &Header,
    aggregator: Aggregator,
    sink: &mut impl RowSink,
    progress: &Progress,
) -> Result<Built, Error> {
    let stop = AtomicBool::new(false);
    let reached = Reached::default();
    let (batch_sender, batches) = bounded::<Batch>(4);
    let (empty_sender, empties) = bounded::<Batch>(8);
    let start_time_ms = header.start_time_ms;
    progress.update(|known| known.start_time_ms = start_time_ms);
    scope(|scope| {
        let decoding = {
            let (stop, reached) = (&stop, &reached);
            spawn(scope, "decode", move || match container {
                Container::Raw => {
                    let mut chunks = RawChunks { file, at: 0 };
                    decode(header, true, |spent| chunks.next(spent), &batch_sender, &empties, stop, reached)
                }
                Container::Lz4 => {
                    let (sender, receiver) = bounded::<Chunk>(8);
                    let (spent, empty) = bounded::<Vec<u8>>(16);
                    let decompressing = spawn(scope, "decompress", move || decompress(file, &sender, &empty, stop));
                    let next = |chunk: Vec<u8>| {
                        let _ = spent.try_send(chunk);
                        receiver.recv().ok()
                    };
                    let end = decode(header, false, next, &batch_sender, &empties, stop, reached);
                    drop(receiver);
                    if let Ok(handle) = decompressing {
                        let _ = handle.join();
                    }
                    end
                }
            })
        };
        let summed = pair(aggregator, &batches, &empty_sender, sink, start_time_ms, &reached, progress);
        stop.store(true, Ordering::Relaxed);
        drop(batches);
        drop(empty_sender);
        let decoded = decoding.map_err(|e| Error::Write(e.to_string()))?.join();
        let (aggregator, snapshots) = summed?;
        let Ok(Decoded { assembler, records, ending }) = decoded else {
            return Err(Error::Write("a stage of the build ended unexpectedly".to_owned()));
        };
        let summary = aggregator.finish(sink)?;
        progress.advance(file.len() as u64, records);
        Ok(Built { assembler, summary, snapshots, records, ending })
    })
}

fn spawn<'scope, 'env, T: Send + 'scope>(
    scope: &'scope std::thread::Scope<'scope, 'env>,
    name: &str,
    run: impl FnOnce() -> T + Send + 'scope,
) -> std::io::Result<ScopedJoinHandle<'scope, T>> {
    Builder::new().name(name.to_owned()).spawn_scoped(scope, run)
}

/// Stretches of a raw capture.
struct RawChunks<'a> {
    file: &'a CaptureMapping,
    at: usize,
}

impl RawChunks<'_> {
    fn next(&mut self, mut chunk: Vec<u8>) -> Option<Chunk> {
        if self.at >= self.file.len() {
            return None;
        }
        let (start, end) = (self.at, (self.at + CHUNK_BYTES).min(self.file.len()));
        chunk.clear();
        chunk.extend_from_slice(&self.file[start..end]);
        let was_there = self.file.was_there(start, end);
        if was_there < end {
            self.at = self.file.len();
            chunk.truncate(was_there - start);
            return Some((chunk, Err(shrunk(was_there)), was_there as u64));
        }
        self.file.forget_before(start, end);
        self.at = end;
        Some((chunk, Ok(()), end as u64))
    }
}

/// A file that lost what was to be read.
fn shrunk(offset: usize) -> Damage {
    let reason = "the file became shorter while it was read".to_owned();
    Damage { offset: offset as u64, is_cut: false, reason }
}

fn decompress(file: &CaptureMapping, sender: &Sender<Chunk>, empty: &Receiver<Vec<u8>>, stop: &AtomicBool) {
    let mut frame = match Lz4Frame::new(file) {
        Ok(frame) => frame,
        Err(damage) => {
            let _ = sender.send((Vec::new(), Err(damage), 0));
            return;
        }
    };
    let mut forgotten = 0;
    loop {
        let mut chunk = empty.try_recv().unwrap_or_default();
        chunk.clear();
        let mut status = Ok(());
        let mut is_last = false;
        while chunk.len() < CHUNK_BYTES && !is_last && status.is_ok() {
            let (start, before) = (frame.input_offset(), chunk.len());
            match frame.next_block(&mut chunk) {
                Ok(true) => {}
                Ok(false) => is_last = true,
                Err(damage) => status = Err(damage),
            }
            let end = frame.input_offset().min(file.len());
            let was_there = file.was_there(start, end);
            if was_there < end {
                // Whatever came of it, it was made of bytes that are not the file's.
                chunk.truncate(before);
                status = Err(shrunk(was_there));
            }
        }
        is_last |= status.is_err();
        let offset = frame.input_offset();
        let page_start = offset & !0xf_ffff;
        file.forget_before(forgotten, page_start);
        forgotten = page_start.max(forgotten);
        if sender.send((chunk, status, offset as u64)).is_err() || is_last || stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// What the decoding stage leaves.
struct Decoded {
    assembler: Assembler,
    records: u64,
    ending: Ending,
}

/// Assembles operations of records, and sends each full batch on.
struct Assembly<'a> {
    assembler: Assembler,
    batches: &'a Sender<Batch>,
    empties: &'a Receiver<Batch>,
    /// Whether nobody takes batches any more.
    is_gone: bool,
}

impl Assembly<'_> {
    #[cold]
    fn send_batch(&mut self) {
        let empty = self.empties.try_recv().unwrap_or_default();
        self.is_gone |= self.batches.send(self.assembler.take_batch(empty)).is_err();
    }
}

impl Visit for Assembly<'_> {
    fn record(&mut self, record: Record<'_>) {
        self.assembler.record(record);
        if self.assembler.is_batch_full() {
            self.send_batch();
        }
    }

    #[inline(always)]
    fn allocation(&mut self, allocation: Allocation) {
        self.assembler.allocation(&allocation);
        if self.assembler.is_batch_full() {
            self.send_batch();
        }
    }

    #[inline(always)]
    fn frame_push(&mut self, frame: FrameKey) {
        self.assembler.frame_push(frame);
    }

    #[inline(always)]
    fn frame_pop(&mut self, count: u32) {
        self.assembler.frame_pop(count);
    }
}

fn decode(
    header: &Header,
    is_raw: bool,
    mut next: impl FnMut(Vec<u8>) -> Option<Chunk>,
    batches: &Sender<Batch>,
    empties: &Receiver<Batch>,
    stop: &AtomicBool,
    reached: &Reached,
) -> Decoded {
    let mut decoder = Decoder::new();
    let mut stage = Assembly { assembler: Assembler::new(header), batches, empties, is_gone: false };
    let mut ending = None;
    let mut end_offset = 0;
    let mut spent = Vec::new();
    while let Some((chunk, status, offset)) = next(spent) {
        let result = decoder.push_to(&chunk, &mut stage);
        let start_offset = std::mem::replace(&mut end_offset, offset);
        reached.file_offset.store(offset, Ordering::Relaxed);
        reached.records.store(decoder.record_count(), Ordering::Relaxed);
        if let Err(error) = result {
            ending = Some(match error {
                DecodeError::Damaged { offset: place, reason } => {
                    // Within LZ4 the place on disk is known to a chunk only: up to its start all is sound.
                    Ending::Damaged { offset: if is_raw { place } else { start_offset }, reason }
                }
                other => Ending::Damaged { offset, reason: other.to_string() },
            });
            break;
        }
        if let Err(Damage { offset, reason, is_cut, .. }) = status {
            ending =
                Some(if is_cut { Ending::Truncated { offset, reason } } else { Ending::Damaged { offset, reason } });
        }
        if let Some(reason) = stage.assembler.overflow.take() {
            ending = Some(Ending::Damaged { offset, reason });
            break;
        }
        if stage.is_gone || stop.load(Ordering::Relaxed) {
            break;
        }
        spent = chunk;
    }
    let Assembly { mut assembler, .. } = stage;
    let _ = batches.send(assembler.take_batch(Batch::default()));
    let records = decoder.record_count();
    let ending = match decoder.finish() {
        // Whatever is wrong after the trailer, the recording is whole.
        StreamEnd::Trailer => Ending::Complete,
        other => ending.unwrap_or_else(|| ending_of(other, end_offset, is_raw)),
    };
    Decoded { assembler, records, ending }
}

fn ending_of(end: StreamEnd, end_offset: u64, is_raw: bool) -> Ending {
    match end {
        StreamEnd::Trailer => Ending::Complete,
        StreamEnd::ZeroPadding { offset } => {
            // Within LZ4 it counts bytes that are not on disk as they are.
            let offset = if is_raw { offset } else { end_offset };
            Ending::Truncated { offset, reason: "the program was killed, or is still running".to_owned() }
        }
        StreamEnd::Cut { .. } => {
            Ending::Truncated { offset: end_offset, reason: "the file ends within a record".to_owned() }
        }
        StreamEnd::NoTrailer { .. } => {
            Ending::Truncated { offset: end_offset, reason: "the file ends before the recording does".to_owned() }
        }
    }
}

fn pair(
    mut aggregator: Aggregator,
    batches: &Receiver<Batch>,
    empties: &Sender<Batch>,
    sink: &mut impl RowSink,
    start_time_ms: i64,
    reached: &Reached,
    progress: &Progress,
) -> Result<(Aggregator, Vec<Snapshot>), Error> {
    let mut snapshots: Vec<Snapshot> = Vec::new();
    let (mut told, mut told_snapshots) = (Instant::now(), 0);
    while let Ok(mut batch) = batches.recv() {
        if progress.is_cancelled() {
            return Err(Error::Cancelled);
        }
        aggregator.add_sites(&batch.new_site_threads);
        snapshots.append(&mut batch.new_snapshots);
        aggregator.operations(&batch.operations, sink)?;
        batch.operations.clear();
        batch.new_site_threads.clear();
        let _ = empties.try_send(batch);
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            progress.advance(reached.file_offset.load(Ordering::Relaxed), reached.records.load(Ordering::Relaxed));
            let heaps = aggregator.snapshot_heaps();
            let new: Vec<SnapshotRow> = snapshots
                .iter()
                .zip(heaps)
                .skip(told_snapshots)
                .map(|(s, &heap)| SnapshotRow { time_ms: s.time_ms, rss_bytes: s.rss_bytes, heap_bytes: heap })
                .collect();
            told_snapshots += new.len();
            let peak = aggregator.peak_so_far();
            let peak_time = snapshots.get(aggregator.peak_interval_so_far() as usize).or(snapshots.last());
            progress.update(|known| {
                known.snapshots.extend(new);
                known.peak_bytes = peak;
                known.peak_elapsed_ms = peak_time.map_or(0, |s| s.time_ms.saturating_sub(start_time_ms));
            });
        }
    }
    Ok((aggregator, snapshots))
}

#[cfg(test)]
mod tests {
    use crate::build::{Capture, build};
    use crate::info::Ending;
    use crate::progress::Progress;
    use crate::question::Question;
    use crate::store::Store;
    use memray_format::{Encoder, lz4_frame, synth::Synthesis};
    use std::io::Write as _;
    use std::path::Path;

    /// A capture of some MiB, whose file is cut to `left` bytes after it was opened; and one that was never longer.
    fn opened_then_cut(is_packed: bool, left: u64) -> [Store; 2] {
        let synthesis = Synthesis::large(7, 400_000);
        let mut encoder = Encoder::new(Vec::new(), &synthesis.header()).unwrap();
        synthesis.generate(&mut |record| encoder.record(&record).unwrap());
        let mut bytes = encoder.finish().unwrap();
        if is_packed {
            let mut packed = lz4_frame(Vec::new());
            packed.write_all(&bytes).unwrap();
            bytes = packed.finish().unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capture.bin");
        let index_of = |capture: &Capture, name: &str| {
            let index_path = folder.path().join(name);
            build(capture, &index_path, false, &Progress::default()).unwrap();
            Store::open(&index_path).unwrap()
        };
        let cut = |path: &Path| std::fs::File::options().write(true).open(path).unwrap().set_len(left).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        assert!(left < bytes.len() as u64 / 2, "{}", bytes.len());
        let capture = Capture::open(&path).unwrap();
        cut(&path);
        let cut_later = index_of(&capture, "later.mvidx");
        [cut_later, index_of(&Capture::open(&path).unwrap(), "before.mvidx")]
    }

    fn assert_same_but_for_the_ending([later, before]: [Store; 2], place: u64) {
        let reason = "the file became shorter while it was read".to_owned();
        assert_eq!(later.info.ending, Ending::Damaged { offset: place, reason });
        assert!(matches!(before.info.ending, Ending::Truncated { .. }), "{:?}", before.info.ending);
        assert!(before.info.counts.records > 10_000, "{:?}", before.info.counts);
        assert_eq!(later.info.counts, before.info.counts);
        assert_eq!(later.timeline.snapshots, before.timeline.snapshots);
        let peak = |store: &Store| store.ask(&Question::default(), |_| Ok(Vec::new())).unwrap().sites;
        assert_eq!(peak(&later), peak(&before));
        assert!(peak(&later).len() > 10);
    }

    #[test]
    fn a_raw_capture_that_shrinks_while_it_is_read_gives_all_up_to_there() {
        let left = 500_001;
        assert_same_but_for_the_ending(opened_then_cut(false, left), left);
    }

    #[test]
    fn a_packed_capture_that_shrinks_while_it_is_read_gives_whole_blocks_up_to_there() {
        let [later, before] = opened_then_cut(true, 300_001);
        let reason = "the file became shorter while it was read".to_owned();
        assert_eq!(later.info.ending, Ending::Damaged { offset: 300_001, reason });
        let (later, before) = (later.info.counts.records, before.info.counts.records);
        // Of a block that was cut on disk a little more can be had.
        assert!(later > 10_000 && later <= before, "{later} of {before}");
    }

    /// An LZ4 frame that stores bytes as they are.
    fn stored(bytes: &[u8]) -> Vec<u8> {
        let mut frame = vec![0x04, 0x22, 0x4d, 0x18, 0x60, 0x50, 0xfb];
        for block in bytes.chunks(256 << 10) {
            frame.extend_from_slice(&(block.len() as u32 | 1 << 31).to_le_bytes());
            frame.extend_from_slice(block);
        }
        frame.extend_from_slice(&[0; 4]);
        frame
    }

    fn jump(length_bytes: u32) -> [u8; 8] {
        (0x184d_2a50 | u64::from(length_bytes) << 32).to_le_bytes()
    }

    #[test]
    fn a_capture_of_our_own_whose_program_was_killed_is_read_to_its_last_record() {
        let synthesis = Synthesis::large(7, 50_000);
        let header = synthesis.header();
        let mut encoder = Encoder::new(Vec::new(), &header).unwrap();
        synthesis.generate(&mut |record| encoder.record(&record).unwrap());
        let complete = encoder.finish().unwrap();
        let (header, records) = complete.split_at(memray_format::encode_header(&header).unwrap().len());
        let (records, last) = records[..records.len() - 1].split_at(records.len() / 2);
        // The header, full blocks, a reserve of old bytes, the block that was being filled, another beyond.
        let padded = [last, &[0; 5000]].concat();
        let slots = [stored(&padded), jump(u32::MAX).to_vec(), stored(b"old")].concat();
        let killed = [stored(header), stored(records), jump(70_000).to_vec(), vec![7; 70_000], slots].concat();
        let folder = tempfile::tempdir().unwrap();
        let [complete, killed] = [complete, killed].map(|bytes| {
            let path = folder.path().join(format!("{}.bin", bytes.len()));
            std::fs::write(&path, bytes).unwrap();
            let index_path = path.with_extension("index");
            build(&Capture::open(&path).unwrap(), &index_path, false, &Progress::default()).unwrap();
            Store::open(&index_path).unwrap()
        });
        let reason = "the program was killed, or is still running".to_owned();
        assert!(matches!(&killed.info.ending, Ending::Truncated { reason: found, .. } if *found == reason));
        assert_eq!(complete.info.ending, Ending::Complete);
        let allocations = |store: &Store| store.info.counts.allocations;
        assert_eq!(allocations(&killed), allocations(&complete));
        let peak = |store: &Store| store.ask(&Question::default(), |_| Ok(Vec::new())).unwrap().sites;
        assert_eq!(peak(&killed), peak(&complete));
        assert!(peak(&killed).len() > 10);
    }
}
