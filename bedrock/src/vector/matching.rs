//! Which series of two sides belong together: found once by their keys, used at every step.
//!
//! A key is numbered by [`Groups`](super::Groups); members of one number on both sides match. Numbering costs one hash
//! a series; a step costs a comparison and no hash.

/// The members of two sides by group, a group being those of one key.
///
/// ```
/// use bedrock::vector::{Groups, Matches};
///
/// let mut keys: Groups<String> = Groups::new();
/// let left = ["eu", "us"].map(|key| keys.ordinal(key));
/// let right = ["us", "us", "asia"].map(|key| keys.ordinal(key));
/// let matches = Matches::new(&left, &right);
/// assert_eq!(matches.groups()[1].left, [1]);
/// assert_eq!(matches.groups()[1].right, [0, 1]);
/// ```
#[derive(Clone, Debug)]
pub struct Matches {
    groups: Vec<MatchGroup>,
    left: Vec<usize>,
    right: Vec<usize>,
}

/// The members of one key, by their places on each side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchGroup {
    /// Ascending.
    pub left: Vec<usize>,
    /// Ascending.
    pub right: Vec<usize>,
}

/// Two members of one group have a value at one step, where only one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The first step at which it is so.
    pub step: usize,
    /// Place of the first of the two.
    pub first: usize,
    /// Place of the second.
    pub second: usize,
}

impl Matches {
    /// The groups of members whose keys have these numbers, in the order of the numbers.
    pub fn new(left: &[usize], right: &[usize]) -> Self {
        let count = left.iter().chain(right).max().map_or(0, |last| last + 1);
        let mut groups = vec![MatchGroup::default(); count];
        for (place, &group) in left.iter().enumerate() {
            groups[group].left.push(place);
        }
        for (place, &group) in right.iter().enumerate() {
            groups[group].right.push(place);
        }
        Matches { groups, left: left.to_vec(), right: right.to_vec() }
    }

    /// The groups, by number.
    pub fn groups(&self) -> &[MatchGroup] {
        &self.groups
    }
}

/// For each step the one of `members` that has a value there.
///
/// # Errors
///
/// [`Duplicate`] for the first step at which two have one.
pub fn partners(
    members: &[usize],
    steps: usize,
    has: impl Fn(usize, usize) -> bool,
) -> Result<Vec<Option<usize>>, Duplicate> {
    let one = |step| {
        let mut present = members.iter().copied().filter(|&member| has(member, step));
        match (present.next(), present.next()) {
            (Some(first), Some(second)) => Err(Duplicate { step, first, second }),
            (first, _) => Ok(first),
        }
    };
    (0..steps).map(one).collect()
}

/// `and`, `or`, `unless`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOperator {
    /// The left side where the right side has a match.
    And,
    /// The left side, and the right side where the left has no match.
    Or,
    /// The left side where the right side has no match.
    Unless,
}

/// A set operation between two sides: what each member keeps. Holds one bool a group and step.
#[derive(Clone, Debug)]
pub struct SetOperation<'m> {
    operator: SetOperator,
    matches: &'m Matches,
    /// Per group: the steps at which a member of the other side has a value. Empty where none has.
    present: Vec<Vec<bool>>,
}

impl<'m> SetOperation<'m> {
    /// Looks at which members have a value at which step: `left(place, step)` and `right(place, step)`.
    ///
    /// ```
    /// use bedrock::vector::{Matches, SetOperation, SetOperator};
    ///
    /// let matches = Matches::new(&[0], &[0]);
    /// let and = SetOperation::new(SetOperator::And, &matches, 2, |_, _| true, |_, step| step == 1);
    /// assert!(!and.keeps_left(0, 0) && and.keeps_left(0, 1));
    /// ```
    pub fn new(
        operator: SetOperator,
        matches: &'m Matches,
        steps: usize,
        left: impl Fn(usize, usize) -> bool,
        right: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let presence = |members: &[usize], has: &dyn Fn(usize, usize) -> bool| -> Vec<bool> {
            let at = |step| members.iter().any(|&member| has(member, step));
            if members.is_empty() { Vec::new() } else { (0..steps).map(at).collect() }
        };
        let of_group = |group: &MatchGroup| match operator {
            SetOperator::Or => presence(&group.left, &left),
            SetOperator::And | SetOperator::Unless => presence(&group.right, &right),
        };
        SetOperation { operator, matches, present: matches.groups.iter().map(of_group).collect() }
    }

    fn is_present(&self, groups: &[usize], place: usize, step: usize) -> bool {
        let steps = groups.get(place).and_then(|&group| self.present.get(group));
        steps.and_then(|steps| steps.get(step)).copied().unwrap_or(false)
    }

    /// Whether a member of the left side keeps its value at a step.
    pub fn keeps_left(&self, place: usize, step: usize) -> bool {
        match self.operator {
            SetOperator::Or => true,
            SetOperator::And => self.is_present(&self.matches.left, place, step),
            SetOperator::Unless => !self.is_present(&self.matches.left, place, step),
        }
    }

    /// Whether a member of the right side keeps its value at a step.
    pub fn keeps_right(&self, place: usize, step: usize) -> bool {
        self.operator == SetOperator::Or && !self.is_present(&self.matches.right, place, step)
    }
}
