//! The end of an open float chunk, for readers who want its newest samples alone.
//!
//! Samples can be read forwards only, each against the one before. So an open chunk notes the state of a decoder every
//! [`SPACING`] samples and keeps the last three notes, 72 bytes: a reader of the last 32 samples or fewer, as of a rate
//! over five minutes at 15 s, decodes 28 on average and not all of up to 120. The layout of a tail is in `format`.

use super::ChunkError;
use super::bits::BitWriter;
use super::format::{HEADER_BYTES, TAIL, TAIL_BYTES};

/// Samples from one mark to the next.
pub(super) const SPACING: u16 = 16;
/// Samples before the first mark: a short chunk does without.
const FIRST: u16 = 2 * SPACING;
/// Marks that are kept.
const KEPT: usize = 3;

/// What a decoder carries behind one sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) time_ms: i64,
    pub(super) interval_ms: i64,
    pub(super) value_bits: u64,
    /// The next bit, counted from the first byte.
    pub(super) position: usize,
    pub(super) trailing: u8,
    /// Length of the window in force, 0 where there is none.
    pub(super) length: u8,
}

/// A state inside of an open chunk, in 24 bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    value_bits: u64,
    /// Since the first sample of the chunk.
    elapsed_ms: u32,
    interval_ms: i32,
    position: u16,
    /// Samples up to this one; 0 in a mark that is not in use.
    count: u16,
    trailing: u8,
    length: u8,
}

/// The last marks of a chunk, as a ring: a mark's place follows from its count.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    marks: [Mark; KEPT],
}

impl Marks {
    /// Whether a chunk of so many samples gets a mark.
    #[inline]
    pub(super) fn are_due(count: u16) -> bool {
        count.is_multiple_of(SPACING) && count >= FIRST
    }

    /// Takes a mark, which displaces the oldest; nothing where the numbers are too large for one.
    pub(super) fn push(&mut self, first_ms: i64, count: u16, state: &State) {
        let &State { value_bits, trailing, length, .. } = state;
        let elapsed_ms = state.time_ms.checked_sub(first_ms).and_then(|elapsed| u32::try_from(elapsed).ok());
        if let (Some(elapsed_ms), Ok(interval_ms), Ok(position)) =
            (elapsed_ms, i32::try_from(state.interval_ms), u16::try_from(state.position))
        {
            let mark = Mark { value_bits, elapsed_ms, interval_ms, position, count, trailing, length };
            if let Some(place) = self.marks.get_mut(usize::from(count / SPACING) % KEPT) {
                *place = mark;
            }
        }
    }

    /// The newest state whose sample does not lie behind `time_ms`, and the number of samples up to it.
    pub(super) fn before(&self, first_ms: i64, time_ms: i64) -> Option<(u16, State)> {
        let elapsed_ms = time_ms.saturating_sub(first_ms);
        let earlier = |mark: &&Mark| mark.count > 0 && i64::from(mark.elapsed_ms) <= elapsed_ms;
        let mark = self.marks.iter().filter(earlier).max_by_key(|mark| mark.count)?;
        let &Mark { value_bits, elapsed_ms, interval_ms, position, count, trailing, length } = mark;
        let (time_ms, interval_ms) = (first_ms + i64::from(elapsed_ms), i64::from(interval_ms));
        let position = usize::from(position);
        Some((count, State { time_ms, interval_ms, value_bits, position, trailing, length }))
    }
}

/// The bytes of `count` samples: the one that `state` stands behind, and what was written after it.
pub(super) fn write(state: &State, count: u16, bits: &BitWriter) -> Vec<u8> {
    let from = state.position / 8;
    let mut out = Vec::with_capacity((TAIL_BYTES + bits.len()).saturating_sub(from));
    out.push(TAIL);
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&state.time_ms.to_le_bytes());
    out.extend_from_slice(&state.value_bits.to_le_bytes());
    out.extend_from_slice(&state.interval_ms.to_le_bytes());
    out.extend_from_slice(&[state.trailing, state.length, (state.position % 8) as u8]);
    bits.copy_from(from, &mut out);
    out
}

/// Reads the state in front of a tail.
pub(super) fn read(data: &[u8]) -> Result<State, ChunkError> {
    let state = data.get(HEADER_BYTES..TAIL_BYTES).unwrap_or(&[]);
    let (words, rest) = state.as_chunks::<8>();
    let ([time_ms, value_bits, interval_ms], &[trailing, length, skipped]) = (words, rest) else {
        return Err(ChunkError { offset: data.len(), what: "state of a tail is cut short" });
    };
    if trailing > 63 || length > 64 - trailing || skipped > 7 {
        return Err(ChunkError { offset: HEADER_BYTES, what: "window of more than 64 bits" });
    }
    Ok(State {
        time_ms: i64::from_le_bytes(*time_ms),
        interval_ms: i64::from_le_bytes(*interval_ms),
        value_bits: u64::from_le_bytes(*value_bits),
        position: TAIL_BYTES * 8 + usize::from(skipped),
        trailing,
        length,
    })
}
