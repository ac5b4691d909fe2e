// SPDX-License-Identifier: Apache-2.0
//! The header of a capture: who was traced, how, and by which version of the format.

use thiserror::Error;

use crate::input::{Bytes, Input, Stop};
use crate::record::ThreadId;

/// What stands at the start of every capture.
pub const MAGIC: &[u8; 7] = b"memray\0";

/// The versions that this crate decodes.
pub const VERSIONS: std::ops::RangeInclusive<i32> = 8..=13;

/// The kernel takes no longer command line, and paths are few.
pub(crate) const MAX_HEADER_BYTES: usize = 8 << 20;

/// A capture's header. Fields that a version lacks hold what that version implies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Format version, 8 to 13.
    pub version: i32,
    /// `PY_VERSION_HEX` of the traced interpreter; `None` before version 12.
    pub python_version: Option<u32>,
    /// Whether native stacks were recorded.
    pub has_native_traces: bool,
    /// Streaming or aggregated.
    pub file_format: FileFormat,
    /// Allocation records as the writer counted them; 0 if it was killed.
    pub allocation_count: u64,
    /// Frames as the writer counted them.
    pub frame_count: u64,
    /// Start of tracking, milliseconds since the Unix epoch.
    pub start_time_ms: i64,
    /// End of tracking; about the start if the writer was killed.
    pub end_time_ms: i64,
    /// The traced command line.
    pub command_line: Vec<u8>,
    /// The traced process.
    pub pid: i32,
    /// The thread that started tracking; 0 before version 9.
    pub main_thread: ThreadId,
    /// How many of its outermost frames lie above the tracker; 0 before version 9, whose writer dropped them.
    pub skipped_frames_on_main_thread: u64,
    /// The allocator that Python was built or told to use.
    pub python_allocator: PythonAllocator,
    /// Whether Python's own allocators were traced; false before version 11, which does not say.
    pub traces_python_allocators: bool,
    /// Whether creation and destruction of objects was recorded.
    pub tracks_object_lifetimes: bool,
    /// Where the traced interpreter keeps its modules; `None` before version 13.
    pub module_paths: Option<ModulePaths>,
}

/// Streaming or aggregated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Every allocation and free.
    AllAllocations,
    /// Only sums by location.
    Aggregated,
}

/// The allocator behind Python's `PyMem` and `PyObject` functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is named as in CPython's documentation of PYTHONMALLOC
pub enum PythonAllocator {
    Pymalloc,
    PymallocDebug,
    Malloc,
    Other,
    Mimalloc,
    MimallocDebug,
}

/// Where the traced interpreter keeps its modules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModulePaths {
    /// The standard library.
    pub standard_library: Vec<u8>,
    /// Directories of installed packages.
    pub site_packages: Vec<Vec<u8>>,
    /// `sys.path`.
    pub sys_path: Vec<Vec<u8>>,
}

/// Why a file's first bytes are not a header that this program reads.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// It does not begin with [`MAGIC`].
    #[error("this is not a capture that memray wrote")]
    NotACapture,
    /// It ends within the header.
    #[error("the capture ends within its header, so it holds no records")]
    TooShort,
    /// Written by a memray too old or too new.
    #[error("{}", unsupported(*.0))]
    UnsupportedVersion(i32),
    /// Written by a 32-bit Python, whose numbers are shorter.
    #[error("the capture was written by a 32-bit Python; only captures of 64-bit Pythons can be read")]
    ThirtyTwoBit,
    /// It does not end within any sensible length.
    #[error("the capture's header is longer than {} MiB, so it is damaged", MAX_HEADER_BYTES >> 20)]
    TooLong,
    /// A field holds what no writer would write.
    #[error("the capture's header is damaged: {0}")]
    Damaged(&'static str),
}

fn unsupported(version: i32) -> String {
    let newest = *VERSIONS.end();
    let writer = match version {
        6 => "memray 1.0",
        7 => "memray 1.1",
        _ if version.swap_bytes() > 0 && version.swap_bytes() < 256 => {
            return "the capture was written on a big-endian machine; only those of little-endian ones can be read"
                .into();
        }
        _ if version > newest => {
            return format!(
                "the capture has format version {version}, newer than this program knows ({newest}); update memray-view"
            );
        }
        _ => "a memray before its first release",
    };
    format!(
        "the capture has format version {version}, written by {writer}, older than 1.2; record it again with a newer memray"
    )
}

/// The writer's `size_t`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    FourBytes,
    EightBytes,
}

impl Header {
    /// Reads the header at the start of a capture's (decompressed) bytes, and says how long it is.
    ///
    /// # Errors
    /// [`HeaderError::TooShort`] if more bytes are needed; any other if there is no header that this program reads.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), HeaderError> {
        let Some(after_magic) = bytes.strip_prefix(MAGIC.as_slice()) else {
            return Err(if MAGIC.starts_with(bytes) { HeaderError::TooShort } else { HeaderError::NotACapture });
        };
        let Some(version) = after_magic.first_chunk() else { return Err(HeaderError::TooShort) };
        let version = i32::from_le_bytes(*version);
        if !VERSIONS.contains(&version) {
            return Err(HeaderError::UnsupportedVersion(version));
        }
        let bytes = bytes.get(..MAX_HEADER_BYTES).unwrap_or(bytes);
        match Self::read(bytes, version, Word::EightBytes) {
            Ok(header) => Ok(header),
            Err(Stop::Incomplete(_)) if bytes.len() == MAX_HEADER_BYTES => Err(HeaderError::TooLong),
            Err(Stop::Incomplete(_)) => Err(HeaderError::TooShort),
            Err(Stop::Damaged(THIRTY_TWO_BIT)) => Err(HeaderError::ThirtyTwoBit),
            Err(Stop::Damaged(reason)) => Err(match Self::read(bytes, version, Word::FourBytes) {
                Ok(_) => HeaderError::ThirtyTwoBit,
                Err(_) => HeaderError::Damaged(reason),
            }),
        }
    }

    fn read(bytes: &[u8], version: i32, word: Word) -> Result<(Self, usize), Stop> {
        let mut input = Bytes::new(bytes);
        input.take(MAGIC.len() + 4)?;
        let python_version = if version >= 12 { Some(u32::from_le_bytes(input.bytes()?)) } else { None };
        let has_native_traces = flag(&mut input)?;
        let file_format = match if version >= 10 { input.byte()? } else { 0 } {
            0 => FileFormat::AllAllocations,
            1 => FileFormat::Aggregated,
            _ => return Err(Stop::Damaged("it names no known kind of capture")),
        };
        let allocation_count = read_word(&mut input, word)?;
        let frame_count = read_word(&mut input, word)?;
        let start_time_ms = input.u64()? as i64;
        let end_time_ms = input.u64()? as i64;
        // Where a 64-bit writer counts its frames, a 32-bit one has the start, and where the start should be the end.
        if word == Word::EightBytes && is_this_century(frame_count as i64) && is_this_century(start_time_ms) {
            return Err(Stop::Damaged(THIRTY_TWO_BIT));
        }
        let command_line = input.text()?.to_vec();
        let pid = input.i32()?;
        let (main_thread, skipped_frames_on_main_thread) =
            if version >= 9 { (read_word(&mut input, word)?, read_word(&mut input, word)?) } else { (0, 0) };
        let python_allocator = match input.byte()? {
            1 => PythonAllocator::Pymalloc,
            2 => PythonAllocator::PymallocDebug,
            3 => PythonAllocator::Malloc,
            5 => PythonAllocator::Mimalloc,
            6 => PythonAllocator::MimallocDebug,
            // New ones were added without a new version of the format.
            0..=15 => PythonAllocator::Other,
            _ => return Err(Stop::Damaged("it names no plausible Python allocator")),
        };
        let traces_python_allocators = version >= 11 && flag(&mut input)?;
        let tracks_object_lifetimes = version >= 12 && flag(&mut input)?;
        let module_paths = if version >= 13 { Some(ModulePaths::read(&mut input)?) } else { None };
        let header = Self {
            version,
            python_version,
            has_native_traces,
            file_format,
            allocation_count,
            frame_count,
            start_time_ms,
            end_time_ms,
            command_line,
            pid,
            main_thread: ThreadId(main_thread),
            skipped_frames_on_main_thread,
            python_allocator,
            traces_python_allocators,
            tracks_object_lifetimes,
            module_paths,
        };
        Ok((header, input.position()))
    }
}

impl ModulePaths {
    fn read(input: &mut Bytes<'_>) -> Result<Self, Stop> {
        let standard_library = input.text()?.to_vec();
        let site_packages = read_paths(input)?;
        let sys_path = read_paths(input)?;
        Ok(Self { standard_library, site_packages, sys_path })
    }
}

/// Paths up to an empty one.
fn read_paths(input: &mut Bytes<'_>) -> Result<Vec<Vec<u8>>, Stop> {
    let mut paths = Vec::new();
    loop {
        let path = input.text()?;
        if path.is_empty() {
            return Ok(paths);
        }
        paths.push(path.to_vec());
    }
}

fn read_word(input: &mut Bytes<'_>, word: Word) -> Result<u64, Stop> {
    Ok(match word {
        Word::EightBytes => input.u64()?,
        Word::FourBytes => u64::from(u32::from_le_bytes(input.bytes()?)),
    })
}

fn flag(input: &mut Bytes<'_>) -> Result<bool, Stop> {
    match input.byte()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Stop::Damaged("a yes or no is neither")),
    }
}

const THIRTY_TWO_BIT: &str = "its numbers are those of a 32-bit writer";

/// Whether this is a time in milliseconds since the Unix epoch, from 2001 to 2100. As a count of frames it is absurd.
fn is_this_century(time_ms: i64) -> bool {
    (978_307_200_000..4_102_444_800_000).contains(&time_ms)
}
