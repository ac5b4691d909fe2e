// SPDX-License-Identifier: Apache-2.0
//! Headers, encoded.
//!
//! The four numbers known only at the end (counts and times) have a fixed size, so a header encoded anew with them has
//! the length of the first and can be written over it.

use super::EncodeError;
use crate::header::{FileFormat, Header, MAGIC, PythonAllocator, VERSIONS};

/// The bytes of a header, for the start of a capture.
///
/// # Errors
/// [`EncodeError::NoSuchVersion`] and [`EncodeError::BadString`].
pub fn encode_header(header: &Header) -> Result<Vec<u8>, EncodeError> {
    let version = header.version;
    let is_aggregated = header.file_format == FileFormat::Aggregated;
    if !VERSIONS.contains(&version) || (is_aggregated && version < 10) {
        return Err(EncodeError::NoSuchVersion { version });
    }
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&version.to_le_bytes());
    if version >= 12 {
        out.extend_from_slice(&header.python_version.unwrap_or(0).to_le_bytes());
    }
    out.push(u8::from(header.has_native_traces));
    if version >= 10 {
        out.push(u8::from(is_aggregated));
    }
    out.extend_from_slice(&header.allocation_count.to_le_bytes());
    out.extend_from_slice(&header.frame_count.to_le_bytes());
    out.extend_from_slice(&header.start_time_ms.to_le_bytes());
    out.extend_from_slice(&header.end_time_ms.to_le_bytes());
    push_string(&mut out, &header.command_line)?;
    out.extend_from_slice(&header.pid.to_le_bytes());
    if version >= 9 {
        out.extend_from_slice(&header.main_thread.0.to_le_bytes());
        out.extend_from_slice(&header.skipped_frames_on_main_thread.to_le_bytes());
    }
    out.push(match header.python_allocator {
        PythonAllocator::Pymalloc => 1,
        PythonAllocator::PymallocDebug => 2,
        PythonAllocator::Malloc => 3,
        PythonAllocator::Other => 4,
        PythonAllocator::Mimalloc => 5,
        PythonAllocator::MimallocDebug => 6,
    });
    if version >= 11 {
        out.push(u8::from(header.traces_python_allocators));
    }
    if version >= 12 {
        out.push(u8::from(header.tracks_object_lifetimes));
    }
    if version >= 13 {
        let paths = header.module_paths.clone().unwrap_or_default();
        push_string(&mut out, &paths.standard_library)?;
        push_list(&mut out, &paths.site_packages)?;
        push_list(&mut out, &paths.sys_path)?;
    }
    Ok(out)
}

fn push_string(out: &mut Vec<u8>, string: &[u8]) -> Result<(), EncodeError> {
    if string.contains(&0) {
        return Err(EncodeError::BadString);
    }
    out.extend_from_slice(string);
    out.push(0);
    Ok(())
}

/// A list of strings, ended by an empty one.
fn push_list(out: &mut Vec<u8>, strings: &[Vec<u8>]) -> Result<(), EncodeError> {
    for string in strings {
        if string.is_empty() {
            return Err(EncodeError::BadString);
        }
        push_string(out, string)?;
    }
    out.push(0);
    Ok(())
}
