// SPDX-License-Identifier: Apache-2.0
//! What can be had of an LZ4 block that is cut or damaged. Whole blocks go through lz4_flex, which gives all or nothing;
//! this decoder is slow and gives what comes before the damage.

/// Decodes `block` onto the end of `out`, up to its end, its first error or `max_bytes`. Matches may reach back into
/// `history`, the bytes before the block. Says whether the block was good.
pub(super) fn decode_leniently(block: &[u8], history: &[u8], out: &mut Vec<u8>, max_bytes: usize) -> bool {
    let start = out.len();
    let mut rest = block;
    // Ends at a cut, with what could be decoded in `out`.
    let mut sequence = || -> Option<bool> {
        let (&token, after_token) = rest.split_first()?;
        rest = after_token;
        let literals = length(token >> 4, &mut rest)?;
        let present = literals.min(rest.len()).min(max_bytes - (out.len() - start));
        let (copied, after) = rest.split_at(present);
        out.extend_from_slice(copied);
        rest = after;
        if present < literals {
            return None;
        }
        if rest.is_empty() {
            return Some(true);
        }
        let (offset, after) = rest.split_first_chunk::<2>()?;
        rest = after;
        let offset = usize::from(u16::from_le_bytes(*offset));
        // A length that is cut off is unknown, but four bytes it is at least.
        let matched = length(token & 0xf, &mut rest).and_then(|more| more.checked_add(4));
        for _ in 0..matched.unwrap_or(4).min(max_bytes - (out.len() - start)) {
            let byte = byte_back(offset, history, out, start)?;
            out.push(byte);
        }
        matched.filter(|_| out.len() - start < max_bytes || rest.is_empty()).map(|_| false)
    };
    loop {
        match sequence() {
            Some(true) => return true,
            Some(false) => {}
            None => return false,
        }
    }
}

/// The byte that lies `offset` before the next.
fn byte_back(offset: usize, history: &[u8], out: &[u8], start: usize) -> Option<u8> {
    let written = out.len() - start;
    match offset {
        0 => None,
        offset if offset <= written => out.get(out.len() - offset).copied(),
        offset => history.len().checked_sub(offset - written).and_then(|place| history.get(place)).copied(),
    }
}

/// A length of which four bits are given; 15 means that more bytes follow.
fn length(bits: u8, rest: &mut &[u8]) -> Option<usize> {
    let mut length = usize::from(bits);
    if bits == 15 {
        loop {
            let (&more, after) = rest.split_first()?;
            *rest = after;
            length += usize::from(more);
            if more != 255 {
                break;
            }
        }
    }
    Some(length)
}
