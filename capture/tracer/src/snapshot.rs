// SPDX-License-Identifier: Apache-2.0
//! Samples of memory use.
use std::time::Duration;
pub(crate) struct Sampler;
impl Sampler {
    pub(crate) fn start(_: Duration, _: fn(i64, u64)) -> Option<Self> {
        None
    }
    pub(crate) fn stop(&mut self) {}
    pub(crate) fn forget(self) {}
}
