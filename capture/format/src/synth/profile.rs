// SPDX-License-Identifier: Apache-2.0
//! How the live set grows and shrinks over a run.

/// The course of the live set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Up to the target and on at it.
    Level,
    /// Straight up until the end.
    Growth,
    /// Up, four waves between half and all of the target, and down to a quarter.
    Waves,
}

impl Profile {
    /// How many blocks may live when `done` of `total` is done.
    #[inline]
    pub(super) fn live_target(self, target: u64, done: u64, total: u64) -> u64 {
        let permille = (u128::from(done) * 1000 / u128::from(total.max(1))).min(1000) as u64;
        let share = match self {
            Self::Level => 1000,
            Self::Growth => permille,
            Self::Waves => match permille {
                0..200 => permille * 5,
                200..840 => {
                    let phase = (permille - 200) % 160;
                    1000 - phase.min(160 - phase) * 500 / 80
                }
                _ => 1000 - (permille - 840) * 750 / 160,
            },
        };
        (u128::from(target) * u128::from(share) / 1000) as u64
    }
}
