// SPDX-License-Identifier: Apache-2.0
//! The command `memray-view`.
fn main() {}
