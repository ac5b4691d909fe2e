// SPDX-License-Identifier: Apache-2.0
//! [`YoungestBytes`]: sixteen bytes, of which all are compared at once.
//!
//! They are a vector where processors always have one: it is written as it is read, as a whole, so that what was just
//! written need not have reached the cache to be read.

#[cfg(not(target_arch = "x86_64"))]
pub(super) use any::YoungestBytes;
#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::YoungestBytes;

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_cvtsi32_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8, _mm_setzero_si128,
        _mm_slli_si128,
    };

    /// The last sixteen bytes that were pushed; zeros before the first.
    #[derive(Clone, Copy, Debug)]
    pub(in crate::encode) struct YoungestBytes(__m128i);

    impl Default for YoungestBytes {
        fn default() -> Self {
            // SAFETY: all x86_64 have SSE2; so for the others.
            Self(unsafe { _mm_setzero_si128() })
        }
    }

    impl YoungestBytes {
        /// Those that are equal to one, a bit for each, the youngest's being the lowest.
        #[inline(always)]
        pub(in crate::encode) fn equal_to(self, byte: u8) -> u32 {
            // SAFETY: see above.
            unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(self.0, _mm_set1_epi8(byte.cast_signed()))) }.cast_unsigned()
        }

        /// Adds one, and drops the oldest.
        #[inline(always)]
        pub(in crate::encode) fn push(&mut self, byte: u8) {
            // SAFETY: see above.
            self.0 = unsafe { _mm_or_si128(_mm_slli_si128::<1>(self.0), _mm_cvtsi32_si128(i32::from(byte))) };
        }
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
#[cfg_attr(target_arch = "x86_64", allow(dead_code, reason = "what the vector is held against"))]
mod any {
    /// The last sixteen bytes that were pushed; zeros before the first.
    #[derive(Clone, Copy, Debug, Default)]
    pub(in crate::encode) struct YoungestBytes(u128);

    impl YoungestBytes {
        /// Those that are equal to one, a bit for each, the youngest's being the lowest.
        #[inline(always)]
        pub(in crate::encode) fn equal_to(self, byte: u8) -> u32 {
            let bits = self.0.to_le_bytes().map(|it| u32::from(it == byte));
            bits.iter().rev().fold(0, |all, bit| all << 1 | bit)
        }

        /// Adds one, and drops the oldest.
        #[inline(always)]
        pub(in crate::encode) fn push(&mut self, byte: u8) {
            self.0 = self.0 << 8 | u128::from(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_equal_are_found_where_they_are() {
        let (mut bytes, mut plain) = (YoungestBytes::default(), any::YoungestBytes::default());
        assert_eq!(bytes.equal_to(0), 0xffff);
        for byte in (0..20).chain([200, 7, 200, 255, 7]) {
            bytes.push(byte);
            plain.push(byte);
        }
        assert_eq!(bytes.equal_to(7), 0b1001);
        assert_eq!(bytes.equal_to(200), 0b1_0100);
        assert_eq!(bytes.equal_to(19), 0b10_0000);
        assert_eq!(bytes.equal_to(9), 1 << 15);
        assert_eq!(bytes.equal_to(8), 0);
        assert!((0..=255).all(|byte| bytes.equal_to(byte) == plain.equal_to(byte)));
    }
}
