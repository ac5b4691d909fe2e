// SPDX-License-Identifier: Apache-2.0
//! [`RawRecords`]: the capture as it is, header and records, written through a window that moves along the file.
//!
//! Behind the records lie zeros, as memray leaves them too when it is killed.

use super::Place;
use super::disk::{DiskFile, Window};
use super::store::STORE_BYTES;
use std::io;

/// How much of the file is mapped, and made longer, at a time.
const WINDOW_BYTES: u64 = 4 << 20;

/// Records as they are.
pub(super) struct RawRecords {
    window: Window,
}

impl RawRecords {
    /// Writes the header.
    pub(super) fn begin(disk: &mut DiskFile, header: &[u8], limit_bytes: u64) -> io::Result<(Self, Place)> {
        disk.write_at(header, 0)?;
        let window = window_at(disk, header.len() as u64)?;
        let place = place_in(&window, header.len() as u64, limit_bytes);
        Ok((Self { window }, place))
    }

    /// Moves the window to where the records end.
    pub(super) fn turn(&mut self, disk: &mut DiskFile, end: *const u8, limit_bytes: u64) -> io::Result<Place> {
        let end = self.window.place(end);
        // Where the limit ends them, there is no use in more.
        if self.window.end() - (STORE_BYTES as u64) < limit_bytes {
            self.window = window_at(disk, end)?;
        }
        Ok(place_in(&self.window, end, limit_bytes))
    }

    /// Where the records end in the file.
    pub(super) fn close(&self, end: *const u8) -> u64 {
        self.window.place(end)
    }
}

fn window_at(disk: &mut DiskFile, place: u64) -> io::Result<Window> {
    let end = disk.grow_towards(place + WINDOW_BYTES)?;
    disk.map(place, end)
}

fn place_in(window: &Window, place: u64, limit_bytes: u64) -> Place {
    let (next, _) = window.at(place);
    let last = limit_bytes.min(window.end() - STORE_BYTES as u64);
    Place { next, left_bytes: usize::try_from(last.saturating_sub(place)).unwrap_or(0) }
}
