//! Float samples of one commit, in columns.
//!
//! ```text
//! count            varint
//! runs             varint, then per run: gap to the end of the run before (zigzag), length (varint)
//! times            varint, then per change: samples since the last change (varint), difference (zigzag)
//! starts           varint, then per change: samples since the last change (varint), start (zigzag)
//! changed          one bit a sample, lowest first: whether its value differs from the one before it in its series
//! values           per changed sample a control byte (trailing zero bytes | (bytes - 1) << 3), then the bytes of the XOR
//! ```
//!
//! A scrape of 90 neighbouring series with one timestamp takes about 20 bytes beside the values; a value that did not
//! change takes a bit, a counter that moved 3 to 5 bytes.

use bedrock::codec::{ByteReader, DecodeError, Expected, varint};

/// One float sample as the log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FloatRecord {
    /// The series.
    pub(crate) reference: u64,
    pub(crate) time_ms: i64,
    /// 0 where unknown.
    pub(crate) start_ms: i64,
    /// The bits of the value XORed with those of the sample before it in the series.
    pub(crate) xor: u64,
}

/// A control byte and a whole word: what one value may take.
const VALUE_BYTES_MAX: usize = 9;

/// Collects the columns; reused from commit to commit.
#[derive(Clone, Debug, Default)]
pub(crate) struct FloatWriter {
    count: usize,
    runs: Changes,
    times: Changes,
    starts: Changes,
    run_start: u64,
    run_end: u64,
    previous_run_end: u64,
    changed: Vec<u8>,
    word: u64,
    values: Vec<u8>,
    values_len: usize,
}

/// A column that is written where it changes.
#[derive(Clone, Debug, Default)]
struct Changes {
    count: u64,
    last_at: usize,
    value: i64,
    bytes: Vec<u8>,
}

impl Changes {
    fn clear(&mut self) {
        self.count = 0;
        self.last_at = 0;
        self.value = 0;
        self.bytes.clear();
    }

    /// From sample `at` on the column has another value; `written` says it.
    #[inline]
    fn change(&mut self, at: usize, value: i64, written: i64) {
        varint::write((at - self.last_at) as u64, &mut self.bytes);
        varint::write_zigzag(written, &mut self.bytes);
        self.count += 1;
        self.last_at = at;
        self.value = value;
    }

    fn write_to(&self, out: &mut Vec<u8>) {
        varint::write(self.count, out);
        out.extend_from_slice(&self.bytes);
    }
}

impl FloatWriter {
    /// Forgets the samples and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.count = 0;
        self.runs.clear();
        self.times.clear();
        self.starts.clear();
        self.run_start = 0;
        self.run_end = 0;
        self.previous_run_end = 0;
        self.changed.clear();
        self.word = 0;
        self.values_len = 0;
    }

    /// Whether there is no sample.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Makes room for `samples` more, so that [`FloatWriter::push`] need not look.
    pub(crate) fn reserve(&mut self, samples: usize) {
        let needed = self.values_len + (samples + 1) * VALUE_BYTES_MAX;
        if self.values.len() < needed {
            self.values.resize(needed, 0);
        }
    }

    /// Adds a sample. About 3 ns.
    #[inline]
    pub(crate) fn push(&mut self, record: FloatRecord) {
        let FloatRecord { reference, time_ms, start_ms, xor } = record;
        if reference != self.run_end || self.count == 0 {
            self.end_run();
            self.run_start = reference;
        }
        self.run_end = reference.wrapping_add(1);
        if time_ms != self.times.value {
            self.times.change(self.count, time_ms, time_ms.wrapping_sub(self.times.value));
        }
        if start_ms != self.starts.value {
            self.starts.change(self.count, start_ms, start_ms);
        }
        if xor != 0 {
            self.word |= 1 << (self.count % 64);
            let skipped = xor.trailing_zeros() / 8;
            let kept = 8 - xor.leading_zeros() / 8 - skipped;
            let at = self.values_len;
            if let Some(room) = self.values.get_mut(at..at + VALUE_BYTES_MAX)
                && let Some((control, rest)) = room.split_first_mut()
            {
                *control = (skipped | (kept - 1) << 3) as u8;
                rest.copy_from_slice(&(xor >> (8 * skipped)).to_le_bytes());
            }
            self.values_len += 1 + kept as usize;
        }
        self.count += 1;
        if self.count.is_multiple_of(64) {
            self.changed.extend_from_slice(&self.word.to_le_bytes());
            self.word = 0;
        }
    }

    fn end_run(&mut self) {
        if self.count == 0 {
            return;
        }
        let gap = self.run_start.wrapping_sub(self.previous_run_end).cast_signed();
        varint::write_zigzag(gap, &mut self.runs.bytes);
        varint::write(self.run_end.wrapping_sub(self.run_start), &mut self.runs.bytes);
        self.runs.count += 1;
        self.previous_run_end = self.run_end;
    }

    /// Writes the section.
    pub(crate) fn write_to(&mut self, out: &mut Vec<u8>) {
        self.end_run();
        varint::write(self.count as u64, out);
        self.runs.write_to(out);
        self.times.write_to(out);
        self.starts.write_to(out);
        out.extend_from_slice(&self.changed);
        let rest = (self.count % 64).div_ceil(8);
        out.extend(self.word.to_le_bytes().iter().take(rest));
        out.extend_from_slice(self.values.get(..self.values_len).unwrap_or(&[]));
    }
}

/// Reads a section and gives every sample to `visit`, in order.
///
/// # Errors
///
/// [`DecodeError`] where the bytes are no such section; `visit` may then have seen a part of it.
pub(crate) fn read_floats(
    reader: &mut ByteReader<'_>,
    mut visit: impl FnMut(FloatRecord),
) -> Result<(), DecodeError> {
    // A sample takes a bit at least.
    let count = reader.count("samples of a commit", reader.remaining().saturating_mul(8))?;
    let mut runs = Entries::read(reader, "runs of references")?;
    let mut times = Column::new(Entries::read(reader, "timestamps")?)?;
    let mut starts = Column::new(Entries::read(reader, "start timestamps")?)?;
    let changed = reader.take("changed values", count.div_ceil(8))?;
    let mut values = reader.rest();
    let (mut time_ms, mut start_ms) = (0_i64, 0_i64);
    let (mut reference, mut left) = (0_u64, 0_u64);
    let mut index = 0;
    while index < count {
        if left == 0 {
            let Some((gap, length)) = runs.next_signed_first()? else {
                return Err(reader.error(
                    "runs of references",
                    Expected::Exactly(count as u64),
                    index as u64,
                ));
            };
            reference = reference.wrapping_add_signed(gap);
            left = length;
            continue;
        }
        while times.at == index as u64 {
            time_ms = time_ms.wrapping_add(times.value);
            times.advance()?;
        }
        while starts.at == index as u64 {
            start_ms = starts.value;
            starts.advance()?;
        }
        let bit = changed.get(index / 8).copied().unwrap_or(0) >> (index % 8) & 1;
        let xor = if bit == 0 { 0 } else { take_value(&mut values, reader)? };
        visit(FloatRecord { reference, time_ms, start_ms, xor });
        reference = reference.wrapping_add(1);
        left -= 1;
        index += 1;
    }
    let used = reader.remaining() - values.len();
    reader.take("values", used)?;
    Ok(())
}

#[inline]
fn take_value(values: &mut &[u8], reader: &ByteReader<'_>) -> Result<u64, DecodeError> {
    let short = || reader.error("value of a sample", Expected::Form("a control byte and its bytes"), 0);
    let Some((control, rest)) = values.split_first() else { return Err(short()) };
    let kept = usize::from(control >> 3 & 7) + 1;
    let skipped = u32::from(control & 7);
    if control >> 6 != 0 || kept + skipped as usize > 8 {
        return Err(reader.error(
            "control byte of a value",
            Expected::Form("1 to 8 bytes"),
            u64::from(*control),
        ));
    }
    let word = match rest.first_chunk::<8>() {
        Some(bytes) => u64::from_le_bytes(*bytes) & (u64::MAX >> (64 - 8 * kept)),
        None => {
            let mut padded = [0; 8];
            let bytes = rest.get(..kept).ok_or_else(short)?;
            for (to, from) in padded.iter_mut().zip(bytes) {
                *to = *from;
            }
            u64::from_le_bytes(padded)
        }
    };
    *values = rest.get(kept..).ok_or_else(short)?;
    Ok(word << (8 * skipped))
}

/// The entries of a column of changes, or of runs.
struct Entries<'a> {
    reader: ByteReader<'a>,
    left: usize,
}

impl<'a> Entries<'a> {
    /// Splits the entries off; they are walked over once to find their end.
    fn read(reader: &mut ByteReader<'a>, what: &'static str) -> Result<Self, DecodeError> {
        let left = reader.count(what, reader.remaining())?;
        let start = reader.clone();
        for _ in 0..2 * left {
            reader.varint(what)?;
        }
        Ok(Entries { reader: start, left })
    }

    /// An entry whose first number is signed.
    fn next_signed_first(&mut self) -> Result<Option<(i64, u64)>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        Ok(Some((self.reader.zigzag("run")?, self.reader.varint("run")?)))
    }
}

/// A column of changes that is walked along the samples.
struct Column<'a> {
    entries: Entries<'a>,
    /// The sample of the next change; `u64::MAX` behind the last.
    at: u64,
    value: i64,
}

impl<'a> Column<'a> {
    fn new(entries: Entries<'a>) -> Result<Self, DecodeError> {
        let mut column = Column { entries, at: 0, value: 0 };
        column.advance()?;
        Ok(column)
    }

    fn advance(&mut self) -> Result<(), DecodeError> {
        if self.entries.left == 0 {
            self.at = u64::MAX;
            return Ok(());
        }
        self.entries.left -= 1;
        let gap = self.entries.reader.varint("change")?;
        self.at = self.at.saturating_add(gap);
        self.value = self.entries.reader.zigzag("change")?;
        Ok(())
    }
}
