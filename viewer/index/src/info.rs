// SPDX-License-Identifier: Apache-2.0
//! What is known of a capture as a whole: its header, its counts, and how it ended.

use memray_format::Header;
pub use memray_format::appendix::StoppedBy;

/// What is known of a capture as a whole.
#[derive(Clone, Debug)]
pub struct CaptureInfo {
    /// Its header.
    pub header: Header,
    /// Its file's name when it was indexed, without folders.
    pub file_name: String,
    /// Its size as it lies on disk.
    pub file_size_bytes: u64,
    /// Records by kind.
    pub counts: RecordCounts,
    /// All bytes that were ever allocated (mappings included), or as many as can be counted; 0 in aggregated captures.
    pub total_bytes_allocated: u64,
    /// The largest resident set and when, milliseconds since the Unix epoch.
    pub peak_rss: Option<(u64, i64)>,
    /// Which program recorded it: memray, if a complete capture has nothing behind its trailer. `None` where nothing tells, as
    /// of captures whose end is missing.
    pub recorder: Option<Recorder>,
    /// How it ended.
    pub ending: Ending,
    /// How long the recording ran: to its end, or to the last snapshot where that is not known.
    pub duration_ms: i64,
    /// Why its appendix, which is more than memray writes, is not used.
    pub appendix_problem: Option<String>,
}

impl CaptureInfo {
    /// Whether it holds only sums: no moments, ranges, temporary allocations, churn or statistics.
    pub fn is_aggregated(&self) -> bool {
        self.header.file_format == memray_format::FileFormat::Aggregated
    }

    /// Whether the recording stops before its program did, so that what is live then need not have leaked.
    pub fn stops_early(&self) -> bool {
        !matches!(self.ending, Ending::Complete)
    }
}

/// Which program recorded a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorder {
    /// memray, which leaves nothing behind its trailer.
    Memray,
    /// A program that gives its name and version.
    Named(String),
}

impl Recorder {
    /// The program's name, with its version where that is known.
    pub fn name(&self) -> &str {
        match self {
            Self::Memray => "memray",
            Self::Named(name) => name,
        }
    }
}

/// Records by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// All records of any kind.
    pub records: u64,
    /// Allocations and frees (what memray calls "total allocations" in its reports; of an aggregated capture its
    /// locations).
    pub allocations_and_frees: u64,
    /// Allocations alone.
    pub allocations: u64,
    /// Frees whose allocation was not recorded.
    pub unmatched_frees: u64,
    /// Distinct locations.
    pub locations: u64,
}

/// How a capture ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its trailer: the writer ended properly.
    Complete,
    /// With its trailer, while the program ran on.
    Stopped(StoppedBy),
    /// In the middle: the writer was killed, or is still writing, or the file was cut.
    Truncated {
        /// Where, in bytes of the file as it lies on disk.
        offset: u64,
        /// What was found there.
        reason: String,
    },
    /// At bytes that no writer writes.
    Damaged {
        /// Where, in bytes of the file as it lies on disk.
        offset: u64,
        /// What was found there.
        reason: String,
    },
}
