// SPDX-License-Identifier: Apache-2.0
//! What captures decode to: spelled by hand, written by memray, cut, damaged and made up at random.

#![allow(clippy::unwrap_used, clippy::panic)] // a test may fail so

mod aggregated;
mod any_bytes;
mod captures;
mod header;
mod lz4;
mod spelled;
mod streaming_12;
mod streaming_8_to_11;
