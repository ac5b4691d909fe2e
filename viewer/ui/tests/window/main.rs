// SPDX-License-Identifier: Apache-2.0
//! The application driven by role and label, on real captures, without a window.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod compare;
mod compare_kept;
mod compare_ways;
mod driver;
mod modes;
mod native;
mod opening;
mod pages;
mod parted;
mod picture;
mod processes;
mod search;
