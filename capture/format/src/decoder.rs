// SPDX-License-Identifier: Apache-2.0
//! Captures to records. [`Decoder`] leads: it takes a capture's bytes in chunks of any size and calls back with each
//! [`Record`], so that neither the capture nor its records need ever lie in memory as a whole.
//!
//! Each way to spell records is a [`Dialect`]. The loop around them is here: records without text are read from a
//! window of bytes that cannot run out, which is what makes decoding fast; all others are tried on the bytes at hand,
//! and tried again when more arrive.

use thiserror::Error;

use crate::aggregated::Aggregated;
use crate::header::{FileFormat, Header, HeaderError, MAX_HEADER_BYTES};
use crate::input::{Bytes, Input, Need, Stop, WINDOW_BYTES, Window, find_nul};
use crate::record::Record;
use crate::streaming_8_to_11::Streaming8To11;
use crate::streaming_12::Streaming12;
use crate::visit::{Visit, hand_over};

/// Why a capture cannot be decoded, or not beyond some place.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// There is no header that this program reads.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// What stands here is no record. All records before it were good.
    #[error("the capture is damaged at byte {offset} of its records: {reason}")]
    Damaged {
        /// Where the damaged record begins, in decompressed bytes from the start of the capture.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
}

/// How a capture ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// Properly.
    Trailer,
    /// With zero bytes: the program was killed, and its file had been made larger in advance. If it was killed while it
    /// wrote a record, that record was given too, its missing bytes taken from the padding.
    ZeroPadding {
        /// Where they begin, in decompressed bytes.
        offset: u64,
    },
    /// Within a record, or within the header.
    Cut {
        /// Where the incomplete record begins, in decompressed bytes.
        offset: u64,
    },
    /// Between two records.
    NoTrailer {
        /// The capture's length, in decompressed bytes.
        offset: u64,
    },
}

/// One way to spell records. A copy of it is all that a decoder needs to try a record again.
pub(crate) trait Dialect: Copy {
    /// Whether the record that begins with this token is at most [`WINDOW_BYTES`] long, whatever it says.
    fn is_short(token: u8) -> bool;
    /// Reads the rest of such a record.
    fn short<'a>(&mut self, token: u8, input: &mut impl Input<'a>) -> Result<Record<'a>, Stop>;
    /// Reads the rest of such a record and hands it over, if it is of one of the most frequent kinds; says whether it was.
    #[inline(always)]
    fn frequent<V: Visit>(&mut self, _token: u8, _input: &mut Window<'_>, _visit: &mut V) -> Result<bool, Stop> {
        Ok(false)
    }
    /// Reads the rest of any other.
    fn long<'a>(&mut self, token: u8, input: &mut Bytes<'a>) -> Result<Record<'a>, Stop>;
}

#[derive(Clone, Copy)]
enum Records {
    Streaming8To11(Streaming8To11),
    Streaming12(Streaming12),
    Aggregated(Aggregated),
}

impl Records {
    fn new(header: &Header) -> Self {
        match header.file_format {
            FileFormat::AllAllocations if header.version >= 12 => Self::Streaming12(Streaming12::new(header)),
            FileFormat::AllAllocations => Self::Streaming8To11(Streaming8To11::new(header)),
            FileFormat::Aggregated => Self::Aggregated(Aggregated::new(header)),
        }
    }
}

/// Decodes a capture of any version and kind. See the crate's description.
#[derive(Default)]
pub struct Decoder {
    header: Option<Box<Header>>,
    records: Option<Records>,
    stream: Stream,
    error: Option<DecodeError>,
}

/// Where a decoder stands.
#[derive(Default)]
struct Stream {
    /// The bytes of an incomplete record, or of the incomplete header.
    pending: Vec<u8>,
    need: Option<Need>,
    /// Of the next record.
    offset: u64,
    record_count: u64,
    end: Option<End>,
}

#[derive(Clone, Copy)]
enum End {
    Trailer,
    Zeros,
}

impl Decoder {
    /// A decoder that waits for a capture's first bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Feeds the capture's next bytes, decompressed; the first begin with the header. Calls `visit` with each record that
    /// ends within them. What follows the trailer is ignored.
    ///
    /// # Errors
    /// If there is no header, or a record is damaged; then the decoder has ended, and repeats the error.
    pub fn push<V: FnMut(Record<'_>)>(&mut self, chunk: &[u8], visit: &mut V) -> Result<(), DecodeError> {
        self.push_to(chunk, visit)
    }

    /// The same, for a visitor with methods of its own for the most frequent records.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_to<V: Visit>(&mut self, chunk: &[u8], visit: &mut V) -> Result<(), DecodeError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        self.try_push(chunk, visit).inspect_err(|error| self.error = Some(error.clone()))
    }

    /// The header, once it was pushed.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_deref()
    }

    /// Where the next record begins, in decompressed bytes from the start of the capture.
    pub fn offset(&self) -> u64 {
        self.stream.offset
    }

    /// Records decoded so far.
    pub fn record_count(&self) -> u64 {
        self.stream.record_count
    }

    /// How the capture ended; to be asked after its last chunk. After an error, the capture counts as cut where the
    /// error is.
    pub fn finish(self) -> StreamEnd {
        let Stream { pending, offset, end, .. } = self.stream;
        match end {
            Some(End::Trailer) => StreamEnd::Trailer,
            Some(End::Zeros) if self.error.is_none() => StreamEnd::ZeroPadding { offset },
            _ if !pending.is_empty() || self.header.is_none() || self.error.is_some() => StreamEnd::Cut { offset },
            _ => StreamEnd::NoTrailer { offset },
        }
    }

    fn try_push<V: Visit>(&mut self, chunk: &[u8], visit: &mut V) -> Result<(), DecodeError> {
        let mut rest = chunk;
        if self.records.is_none() {
            let Some(after_header) = self.push_header(chunk)? else { return Ok(()) };
            rest = after_header;
        }
        match &mut self.records {
            Some(Records::Streaming8To11(dialect)) => self.stream.push(dialect, rest, visit),
            Some(Records::Streaming12(dialect)) => self.stream.push(dialect, rest, visit),
            Some(Records::Aggregated(dialect)) => self.stream.push(dialect, rest, visit),
            None => Ok(()),
        }
    }

    /// Returns what follows the header, once it is complete.
    fn push_header<'a>(&mut self, chunk: &'a [u8]) -> Result<Option<&'a [u8]>, HeaderError> {
        let pending = &mut self.stream.pending;
        let held = pending.len();
        let fresh = chunk.get(..MAX_HEADER_BYTES - held).unwrap_or(chunk);
        let decoded = if held == 0 {
            Header::decode(fresh)
        } else {
            pending.extend_from_slice(fresh);
            Header::decode(pending)
        };
        match decoded {
            Ok((header, length)) => {
                pending.clear();
                self.stream.offset = length as u64;
                self.records = Some(Records::new(&header));
                self.header = Some(Box::new(header));
                Ok(chunk.get(length - held..))
            }
            Err(HeaderError::TooShort) => {
                if held == 0 {
                    pending.extend_from_slice(fresh);
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Stream {
    fn push<D: Dialect, V: Visit>(&mut self, dialect: &mut D, chunk: &[u8], visit: &mut V) -> Result<(), DecodeError> {
        let mut rest = self.push_pending(dialect, chunk, visit)?;
        while self.end.is_none() {
            rest = self.push_short(dialect, rest, visit)?;
            let Some(&token) = rest.first() else { return Ok(()) };
            if token == 0 {
                self.end = Some(End::Zeros);
                break;
            }
            match read_record(dialect, token, rest) {
                Ok((record, length)) => {
                    self.decoded(&record, length);
                    hand_over(record, visit);
                    rest = rest.get(length..).unwrap_or_default();
                }
                Err(Stop::Incomplete(need)) => {
                    self.pending.extend_from_slice(rest);
                    self.need = Some(need);
                    return Ok(());
                }
                Err(Stop::Damaged(reason)) => return Err(self.damaged(reason)),
            }
        }
        match self.end {
            Some(End::Zeros) if !is_zero(rest) => Err(self.damaged("zero bytes stand between records")),
            _ => Ok(()),
        }
    }

    /// Completes the record that the chunk before left incomplete; returns what follows it. Takes only bytes that are
    /// known to belong to it.
    fn push_pending<'a, D: Dialect, V: Visit>(
        &mut self,
        dialect: &mut D,
        chunk: &'a [u8],
        visit: &mut V,
    ) -> Result<&'a [u8], DecodeError> {
        let mut rest = chunk;
        while let Some(&token) = self.pending.first() {
            let (wanted, is_enough) = match self.need {
                Some(Need::Bytes(length)) => {
                    let missing = length.saturating_sub(self.pending.len());
                    (missing.min(rest.len()), missing <= rest.len())
                }
                Some(Need::NulBefore(limit)) => {
                    let missing = limit.saturating_sub(self.pending.len());
                    let searched = rest.get(..missing).unwrap_or(rest);
                    match find_nul(searched) {
                        Some(nul) => (nul + 1, true),
                        None => (searched.len(), missing <= rest.len()),
                    }
                }
                None => (0, true),
            };
            let (fresh, after) = rest.split_at(wanted);
            self.pending.extend_from_slice(fresh);
            rest = after;
            if !is_enough {
                break;
            }
            let pending = std::mem::take(&mut self.pending);
            match read_record(dialect, token, &pending) {
                Ok((record, length)) => {
                    self.decoded(&record, length);
                    hand_over(record, visit);
                    self.pending = pending;
                    self.pending.clear();
                }
                Err(Stop::Incomplete(need)) => {
                    self.pending = pending;
                    self.need = Some(need);
                }
                Err(Stop::Damaged(reason)) => return Err(self.damaged(reason)),
            }
        }
        Ok(rest)
    }

    /// Decodes records as long as they are short and the chunk does not run out; returns what follows them.
    #[inline(always)]
    fn push_short<'a, D: Dialect, V: Visit>(
        &mut self,
        dialect: &mut D,
        chunk: &'a [u8],
        visit: &mut V,
    ) -> Result<&'a [u8], DecodeError> {
        // Local copies: what lies behind a reference is written back at every record.
        let mut state = *dialect;
        let mut rest = chunk;
        let mut count = 0;
        let mut result = Ok(());
        while let Some(window) = rest.first_chunk::<WINDOW_BYTES>() {
            let token = window[0];
            let mut input = Window::after_token(window);
            match state.frequent(token, &mut input, visit) {
                Ok(true) => {}
                Ok(false) if token == 0 || !D::is_short(token) => break,
                Ok(false) => match state.short(token, &mut input) {
                    Ok(Record::Trailer) => break,
                    Ok(record) => hand_over(record, visit),
                    Err(stop) => {
                        result = Err(stop);
                        break;
                    }
                },
                Err(stop) => {
                    result = Err(stop);
                    break;
                }
            }
            count += 1;
            rest = rest.get(input.position()..).unwrap_or_default();
        }
        *dialect = state;
        self.record_count += count;
        self.offset += (chunk.len() - rest.len()) as u64;
        match result {
            Err(Stop::Damaged(reason)) => Err(self.damaged(reason)),
            _ => Ok(rest),
        }
    }

    fn decoded(&mut self, record: &Record<'_>, length: usize) {
        self.record_count += 1;
        self.offset += length as u64;
        if matches!(record, Record::Trailer) {
            self.end = Some(End::Trailer);
        }
    }

    #[cold]
    fn damaged(&self, reason: &str) -> DecodeError {
        DecodeError::Damaged { offset: self.offset, reason: reason.to_owned() }
    }
}

/// Reads a record with its token and says how long it is; `dialect` is as it was unless that succeeds.
fn read_record<'a, D: Dialect>(dialect: &mut D, token: u8, bytes: &'a [u8]) -> Result<(Record<'a>, usize), Stop> {
    let mut state = *dialect;
    let mut input = Bytes::new(bytes);
    input.byte()?;
    let record = if D::is_short(token) { state.short(token, &mut input)? } else { state.long(token, &mut input)? };
    *dialect = state;
    Ok((record, input.position()))
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(4096).all(|chunk| chunk.iter().fold(0, |seen, byte| seen | byte) == 0)
}
