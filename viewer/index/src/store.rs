// SPDX-License-Identifier: Apache-2.0
//! What an opened index holds in memory.

use crate::call_tree::CallTree;
use crate::index::Thread;
use crate::info::CaptureInfo;
use crate::location::Location;
use crate::site::Site;
use crate::timeline::Timeline;

/// What an opened index holds in memory.
pub(crate) struct Store {
    pub(crate) info: CaptureInfo,
    pub(crate) timeline: Timeline,
    pub(crate) threads: Vec<Thread>,
    pub(crate) locations: Vec<Location>,
    pub(crate) sites: Vec<Site>,
    pub(crate) call_tree: CallTree,
}
