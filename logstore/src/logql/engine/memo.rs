//! What came of lines that were seen before.
//!
//! Lines of a stream that were shortened to the members that a query needs repeat a lot: of a count by level there are
//! four. The same line of the same stream gives the same sample, so finding it costs a hash instead of a run of the stages.
//! Where lines do not repeat, the memory is left alone until the next stream.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// The value of a line and the number of its group; none where the line gives no sample.
pub(super) type Outcome = Option<(f64, u32)>;

/// Longer lines are not looked up.
const LINE_BYTES_MAX: usize = 96;
/// Lines that are kept for one stream.
const LINES_MAX: usize = 256;
/// After so many questions half of them have to have had an answer.
const TRIAL: u32 = 1024;

/// The outcomes of lines of one stream.
#[derive(Debug)]
pub(super) struct Memo {
    outcomes: HashMap<Box<[u8]>, Outcome, FxBuildHasher>,
    asked: u32,
    found: u32,
    enabled: bool,
}

impl Memo {
    /// Never gives an answer where not `enabled`.
    pub(super) fn new(enabled: bool) -> Self {
        Memo { outcomes: HashMap::default(), asked: 0, found: 0, enabled }
    }

    /// Forgets everything, for another stream.
    pub(super) fn clear(&mut self) {
        self.outcomes.clear();
        (self.asked, self.found) = (0, 0);
    }

    fn takes(&self, line: &[u8]) -> bool {
        let pays = self.asked < TRIAL || self.found >= self.asked / 2;
        self.enabled && pays && line.len() <= LINE_BYTES_MAX
    }

    /// What came of the line before.
    pub(super) fn get(&mut self, line: &[u8]) -> Option<Outcome> {
        if !self.takes(line) {
            return None;
        }
        self.asked = self.asked.saturating_add(1);
        let outcome = self.outcomes.get(line).copied();
        self.found += u32::from(outcome.is_some());
        outcome
    }

    /// Notes what came of a line.
    pub(super) fn put(&mut self, line: &[u8], outcome: Outcome) {
        if self.takes(line) && self.outcomes.len() < LINES_MAX {
            self.outcomes.insert(line.into(), outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_repeat_are_known_until_the_stream_ends() {
        let mut memo = Memo::new(true);
        assert_eq!(memo.get(b"a"), None);
        memo.put(b"a", Some((1.0, 7)));
        memo.put(b"b", None);
        assert_eq!((memo.get(b"a"), memo.get(b"b")), (Some(Some((1.0, 7))), Some(None)));
        memo.put(&[b'x'; 200], Some((1.0, 7)));
        assert_eq!(memo.get(&[b'x'; 200]), None, "long lines are not kept");
        memo.clear();
        assert_eq!(memo.get(b"a"), None);
        let mut off = Memo::new(false);
        off.put(b"a", None);
        assert_eq!(off.get(b"a"), None);
    }

    #[test]
    fn lines_that_do_not_repeat_are_left_alone() {
        let mut memo = Memo::new(true);
        for number in 0..5000u32 {
            assert_eq!(memo.get(&number.to_le_bytes()), None);
            memo.put(&number.to_le_bytes(), None);
        }
        assert!(memo.outcomes.len() <= LINES_MAX && memo.asked <= TRIAL);
    }
}
