// SPDX-License-Identifier: Apache-2.0
//! Builds an index from a capture. [`build`] leads: it checks what the file is, runs the stages ([`pipeline`]) and writes
//! what they leave.

pub(crate) mod aggregate;
mod aggregated_stacks;
mod assemble;
mod block_pool;
mod code;
mod deaths;
mod live_blocks;
mod live_mappings;
pub(crate) mod mapping;
mod operation;
mod page_map;
mod paged_blocks;
mod pipeline;
mod recent;
mod recent_keys;
mod site_sums;
mod temporary;
pub(crate) mod tree_builder;

pub(crate) use temporary::{MAX_DISTANCE as MAX_TEMPORARY_DISTANCE, TemporaryRow};

use crate::answer::Amount;
use crate::ask::tree_layout::add;
use crate::call_tree::CallTree;
use crate::columns::{Half, LifetimeRow, RowKind};
use crate::error::Error;
use crate::ids::{SiteId, ThreadIndex};
use crate::info::{Ending, Recorder, StoppedBy};
use crate::native::place::{FoundNames, Stacks, look_up_names, place};
use crate::native::recorded_symbols::RecordedSymbols;
use crate::progress::Progress;
use crate::site_columns::SiteRow;
use crate::store::writer::Writer;
use crate::timeline::SnapshotRow;
use aggregate::{Aggregator, RowSink};
use mapping::CaptureMapping;
use memray_format::container::{Container, describe_non_capture, sniff};
use memray_format::{FileFormat, Header, Snapshot, appendix};
use pipeline::Built;
use std::fs::File;
use std::path::Path;
use temporary::TemporaryHistogram;

/// A capture that is about to be indexed: its file, mapped, and its header.
pub(crate) struct Capture {
    file: CaptureMapping,
    container: Container,
    header: Header,
    header_bytes: Vec<u8>,
    file_name: String,
}

impl Capture {
    /// Opens a capture and reads its header. Whatever else the file may be is told in one sentence.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let unreadable = |message: String| Error::Unreadable { message, path: path.to_owned() };
        let not_a_capture = |message: String| Error::NotACapture { message, path: path.to_owned() };
        let metadata = std::fs::metadata(path).map_err(|e| unreadable(system_message(&e)))?;
        if metadata.is_dir() {
            return Err(not_a_capture("this is a folder; name a capture in it".to_owned()));
        }
        if !metadata.is_file() {
            return Err(not_a_capture("this is a device, a socket or a pipe; captures are read from files".to_owned()));
        }
        let opened = File::open(path).map_err(|e| unreadable(system_message(&e)))?;
        let file = CaptureMapping::new(opened).map_err(|e| unreadable(system_message(&e)))?;
        let start = &file[..file.len().min(4096)];
        let Some(container) = sniff(start) else { return Err(not_a_capture(describe_non_capture(start))) };
        let (header, header_bytes) =
            pipeline::read_header(&file, container).map_err(|e| not_a_capture(e.to_string()))?;
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { file, container, header, header_bytes, file_name })
    }

    /// The capture's bytes as they lie on disk.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.file
    }

    /// When its file was last written to before it was opened.
    pub(crate) fn modified(&self) -> Option<std::time::SystemTime> {
        self.file.modified()
    }

    /// Whether nothing wrote to its file, or cut it, since it was opened.
    pub(crate) fn is_as_opened(&self) -> bool {
        self.file.is_as_opened()
    }

    /// Whether its writer has ended: only then does the header hold how many records there are.
    pub(crate) fn is_finished(&self) -> bool {
        self.header.allocation_count > 0
    }

    /// Whether native stacks were recorded.
    pub(crate) fn has_native_traces(&self) -> bool {
        self.header.has_native_traces
    }

    /// What its header says.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Its header, decompressed.
    pub(crate) fn header_bytes(&self) -> &[u8] {
        &self.header_bytes
    }
}

/// What the system said, as a clause.
pub(crate) fn system_message(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "the file cannot be read (permission denied)".to_owned(),
        _ => format!("the file cannot be read ({error})"),
    }
}

/// Builds the index of a capture as a new file. Names of native functions are looked up on this machine if
/// `names_native`.
pub(crate) fn build(
    capture: &Capture,
    index_path: &Path,
    names_native: bool,
    progress: &Progress,
) -> Result<(), Error> {
    progress.set_total(capture.file.len() as u64);
    let mut writer = Writer::create(index_path)?;
    let aggregator = Aggregator::new(TemporaryHistogram::default());
    let (file, header) = (&capture.file, &capture.header);
    let mut built = pipeline::run(file, capture.container, header, aggregator, &mut writer, progress)?;
    let go_on = || if progress.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) };
    go_on()?;
    // First, so that it is gone when more is summed.
    let mut temporary = std::mem::take(&mut built.summary.temporary);
    writer.temporary(temporary.known_distance(), temporary.rows())?;
    drop(temporary);
    go_on()?;
    writer.flush_all()?;
    go_on()?;
    let is_aggregated = capture.header.file_format == FileFormat::Aggregated;
    if is_aggregated {
        built.summary.slices.clear();
    }

    let sums = if is_aggregated { aggregated_sums(&built) } else { live_sums(&built, &writer)? };
    let (tree, native) = finished_tree(&mut built, capture, names_native, progress)?;
    let bytes_of = |sums: &[Amount]| sums.iter().fold(0u64, |sum, amount| sum.wrapping_add(amount.bytes as u64));
    let high_water_mark =
        if is_aggregated { (bytes_of(&sums.peak), Half::default()) } else { built.summary.high_water_mark };
    let end_heap_bytes = if is_aggregated { bytes_of(&sums.leaked) } else { built.summary.end_heap_bytes };
    go_on()?;
    write_meta(&writer, capture, &built, high_water_mark, end_heap_bytes)?;
    writer.call_tree(&tree)?;
    writer.threads(&built.assembler.threads)?;
    let totals = built.summary.sites.iter().map(|total| amount(total.bytes, total.allocations));
    let totals = totals.chain(std::iter::repeat(Amount::default()));
    let site_sums = sums.peak.iter().zip(&sums.leaked).zip(totals);
    let site_rows = built.assembler.sites.iter().zip(site_sums);
    writer.sites(site_rows.map(|(&site, ((&peak, &leaked), total))| SiteRow { site, peak, leaked, total }))?;
    let snapshots = built.snapshots.iter().zip(&built.summary.snapshot_heaps);
    writer.timeline(snapshots.map(|(snapshot, &heap)| snapshot_row(snapshot, heap)), &built.summary.slices)?;
    let above_tracker = built.assembler.above_tracker.iter();
    writer.statistics(&built.summary.sizes, &built.summary.size_buckets, above_tracker)?;
    writer.native(&built.assembler.native, &native.names)?;
    writer.meta("native_names_verified", &native.are_verified)?;
    let names = std::mem::take(&mut built.assembler.names);
    let locations = built.assembler.locations.into_rows();
    writer.locations(&names, &locations)?;
    writer.finish()
}

/// The call tree, with the native frames of a native capture in it, and their names.
fn finished_tree(
    built: &mut Built,
    capture: &Capture,
    names_native: bool,
    progress: &Progress,
) -> Result<(CallTree, FoundNames), Error> {
    let assembler = &mut built.assembler;
    let tree = assembler.take_tree();
    let header = &capture.header;
    if !header.has_native_traces {
        return Ok((tree, FoundNames::default()));
    }
    assembler.native.sort_last();
    let is_main = |thread: &crate::index::Thread| thread.id == header.main_thread && thread.id.0 != 0;
    let skipped = usize::try_from(header.skipped_frames_on_main_thread).unwrap_or(usize::MAX);
    let main = assembler.threads.iter().position(is_main);
    let mut stacks = Stacks {
        python: &tree,
        native: &assembler.native,
        names: &mut assembler.names,
        locations: &mut assembler.locations,
        above_tracker: main.map(|thread| (ThreadIndex(thread as u32), skipped)),
    };
    let sites = &mut assembler.sites;
    let found = if names_native {
        // A wrong appendix is as good as none.
        let recorded = RecordedSymbols::of(capture.bytes()).unwrap_or_default();
        look_up_names(&mut stacks, sites, &recorded, progress)?
    } else {
        FoundNames::default()
    };
    let tree = place(&mut stacks, &found.names, sites);
    Ok((tree, found))
}

/// Reads a capture again, for temporary allocations at distances that its index does not hold. Sites have the numbers that
/// they have in the index, as both follow from the capture alone.
pub(crate) fn temporary_within(
    capture: &Capture,
    threshold: u64,
    progress: &Progress,
) -> Result<Vec<(SiteId, Amount)>, Error> {
    progress.set_total(capture.file.len() as u64);
    struct Nowhere;
    impl RowSink for Nowhere {
        fn row(&mut self, _: RowKind, _: LifetimeRow) -> Result<(), Error> {
            Ok(())
        }
    }
    let aggregator = Aggregator::new(TemporaryHistogram::within(threshold));
    let (file, header) = (&capture.file, &capture.header);
    let mut built = pipeline::run(file, capture.container, header, aggregator, &mut Nowhere, progress)?;
    // One row a site, as distances are not told apart.
    let rows = built.summary.temporary.rows();
    Ok(rows.map(|(site, _, bytes, allocations)| (site, amount(bytes, allocations))).collect())
}

fn amount(bytes: u64, allocations: u64) -> Amount {
    Amount { bytes: bytes as i64, allocations: allocations as i64 }
}

/// Sums by site that are kept ready.
struct LiveSums {
    peak: Vec<Amount>,
    leaked: Vec<Amount>,
}

/// Those of a streaming capture.
fn live_sums(built: &Built, writer: &Writer) -> Result<LiveSums, Error> {
    let sites = built.assembler.sites.len();
    let peak = writer.live_at(built.summary.high_water_mark.1, sites)?;
    let leaked = writer.live_at(Half(Half::NEVER.0 - 1), sites)?;
    Ok(LiveSums { peak, leaked })
}

/// Those of an aggregated capture.
fn aggregated_sums(built: &Built) -> LiveSums {
    let sites = built.assembler.sites.len();
    let mut sums = LiveSums { peak: vec![Amount::default(); sites], leaked: vec![Amount::default(); sites] };
    for sum in &built.assembler.aggregated {
        add(&mut sums.peak[sum.site.index()], sum.peak);
        add(&mut sums.leaked[sum.site.index()], sum.leaked);
    }
    sums
}

fn snapshot_row(snapshot: &Snapshot, heap_bytes: u64) -> SnapshotRow {
    SnapshotRow {
        time_ms: snapshot.time_ms,
        rss_bytes: snapshot.rss_bytes,
        heap_bytes: snapshot.heap_bytes.unwrap_or(heap_bytes),
    }
}

fn write_meta(
    writer: &Writer,
    capture: &Capture,
    built: &Built,
    (peak_bytes, peak_half): (u64, Half),
    end_heap_bytes: u64,
) -> Result<(), Error> {
    let header = &capture.header;
    let appendix = appendix::find(capture.bytes());
    let said = appendix.and_then(|content| {
        let Some(content) = content else { return Ok((None, None)) };
        Ok((appendix::decode_stopped_by(content)?, appendix::decode_recorder(content)?))
    });
    let ((stopped, named), appendix_problem) =
        said.map_or_else(|error| ((None, None), Some(error.to_string())), |it| (it, None));
    let is_complete = matches!(built.ending, Ending::Complete) && appendix == Ok(None);
    let recorder = named.or_else(|| is_complete.then(|| Recorder::Memray.name().to_owned()));
    let (ending, offset, reason) = match &built.ending {
        Ending::Truncated { offset, reason } => (1, *offset, reason.as_str()),
        Ending::Damaged { offset, reason } => (2, *offset, reason.as_str()),
        _ => match stopped {
            None => (0, 0, ""),
            Some(StoppedBy::MaxSize(bytes)) => (3, bytes, ""),
            Some(StoppedBy::Duration(ms)) => (4, ms, ""),
            Some(StoppedBy::WriteError(errno)) => (5, u64::from(errno.unsigned_abs()), ""),
        },
    };
    let last_time_ms = match built.ending {
        Ending::Complete | Ending::Stopped(_) => header.end_time_ms,
        _ => built.assembler.last_snapshot_time_ms.unwrap_or(header.start_time_ms),
    };
    let duration_ms = last_time_ms.saturating_sub(header.start_time_ms).max(0);
    let peak_rss = built.snapshots.iter().max_by_key(|snapshot| snapshot.rss_bytes);
    let total_bytes = built.summary.sites.iter().fold(0u64, |sum, total| sum.saturating_add(total.bytes));
    let peak_interval = built.summary.slices.get(peak_half.0 as usize / 2).map_or(0, |slice| slice.interval);
    writer.meta("header", &capture.header_bytes)?;
    writer.meta("file_name", &capture.file_name)?;
    writer.meta("ending_reason", &reason)?;
    writer.meta("appendix_problem", &appendix_problem)?;
    writer.meta("recorder", &recorder)?;
    writer.meta("peak_rss_bytes", &peak_rss.map(|snapshot| snapshot.rss_bytes as i64))?;
    writer.meta("peak_rss_time_ms", &peak_rss.map(|snapshot| snapshot.time_ms))?;
    let numbers = [
        ("file_size_bytes", capture.file.len() as u64),
        ("records", built.records),
        ("allocations_and_frees", built.assembler.allocations_and_frees),
        ("allocations", built.assembler.allocations),
        ("unmatched_frees", built.summary.unmatched_frees),
        ("locations", built.assembler.locations.len() as u64 - 1),
        ("total_bytes_allocated", total_bytes),
        ("ending", ending),
        ("ending_offset", offset),
        ("duration_ms", duration_ms as u64),
        ("peak_bytes", peak_bytes),
        ("peak_interval", u64::from(peak_interval)),
        ("peak_half", u64::from(peak_half.0)),
        ("end_heap_bytes", end_heap_bytes),
    ];
    numbers.iter().try_for_each(|(key, number)| writer.meta(key, &(*number as i64)))
}
