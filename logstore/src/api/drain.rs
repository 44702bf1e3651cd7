//! Groups lines that one statement printed, line by line: a form of Drain (He, Zhu, Zheng, Lyu: "Drain: An Online Log
//! Parsing Approach with Fixed Depth Tree", ICWS 2017).
//!
//! A line is cut into words and what stands between them. Lines with as many tokens whose first words agree (words with a
//! digit agree with all of their kind) are compared token by token with the clusters that are there: the most similar one
//! takes the line, and what differs becomes a gap. A line costs some microseconds and no memory where its cluster exists.

use hashbrown::HashMap;

/// What stands for text that varies, as `|>` reads it.
const GAP: &str = "<_>";
/// Words at the start of a line that have to agree.
const PREFIX_WORDS: usize = 2;
/// The part of words that have to agree, in percent.
const SIMILAR_PERCENT: usize = 30;
/// Longer lines, and lines with more tokens, are printed data and no messages.
const LINE_BYTES_MAX: usize = 3000;
const TOKENS_MAX: usize = 256;

/// Lines that look the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Cluster {
    /// The tokens; none where they vary.
    tokens: Vec<Option<String>>,
    /// Lines by step.
    pub(super) steps: std::collections::BTreeMap<i64, u64>,
}

impl Cluster {
    /// The pattern: fixed text with gaps, no two in a row.
    pub(super) fn pattern(&self) -> String {
        let mut pattern = String::new();
        for token in &self.tokens {
            match token {
                Some(text) => pattern.push_str(text),
                None if pattern.ends_with(GAP) => {}
                None => pattern.push_str(GAP),
            }
        }
        pattern
    }

    /// Number of lines.
    pub(super) fn lines(&self) -> u64 {
        self.steps.values().sum()
    }

    /// Words that agree, of how many words there are. Other tokens have to agree where they are fixed.
    fn similarity(&self, tokens: &[&str]) -> Option<(usize, usize)> {
        let (mut same, mut words) = (0, 0);
        for (mine, token) in self.tokens.iter().zip(tokens) {
            let is_word = is_word(token);
            words += usize::from(is_word);
            match mine {
                Some(text) if text == token => same += usize::from(is_word),
                Some(_) if !is_word => return None,
                _ => {}
            }
        }
        Some((same, words))
    }

    fn take(&mut self, tokens: &[&str], step: i64) {
        for (mine, token) in self.tokens.iter_mut().zip(tokens) {
            if mine.as_deref().is_some_and(|text| text != *token) {
                *mine = None;
            }
        }
        *self.steps.entry(step).or_default() += 1;
    }
}

/// Clusters of lines.
#[derive(Debug)]
pub(super) struct Drain {
    pub(super) clusters: Vec<Cluster>,
    /// By number of tokens and first words, the clusters.
    leaves: HashMap<(usize, Vec<String>), Vec<usize>>,
    clusters_max: usize,
}

impl Drain {
    pub(super) fn new(clusters_max: usize) -> Self {
        Drain { clusters: Vec::new(), leaves: HashMap::new(), clusters_max }
    }

    /// Takes a line of a step. Lines that are too long, and those of a new kind where there are as many clusters as there
    /// may be, are left out.
    pub(super) fn train(&mut self, line: &str, step: i64) {
        let tokens = tokens(line.trim());
        if line.len() > LINE_BYTES_MAX || tokens.len() > TOKENS_MAX || tokens.is_empty() {
            return;
        }
        let prefix = tokens.iter().filter(|token| is_word(token)).take(PREFIX_WORDS);
        let prefix = prefix.map(|word| if has_digit(word) { GAP.to_owned() } else { (*word).to_owned() });
        let leaf = self.leaves.entry((tokens.len(), prefix.collect())).or_default();
        let mut best: Option<(usize, usize)> = None;
        for &cluster in leaf.iter() {
            let Some((same, words)) = self.clusters[cluster].similarity(&tokens) else { continue };
            if same * 100 >= words * SIMILAR_PERCENT && best.is_none_or(|(most, _)| same > most) {
                best = Some((same, cluster));
            }
        }
        if let Some((_, cluster)) = best {
            self.clusters[cluster].take(&tokens, step);
            return;
        }
        if self.clusters.len() < self.clusters_max {
            leaf.push(self.clusters.len());
            let fixed = tokens.iter().map(|token| Some((*token).to_owned())).collect();
            self.clusters.push(Cluster { tokens: fixed, steps: [(step, 1)].into() });
        }
    }
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/')
}

fn is_word(token: &str) -> bool {
    token.starts_with(is_word_char)
}

fn has_digit(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Words, and every other character on its own.
fn tokens(line: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let end = match is_word_char(first) {
            true => rest.find(|c| !is_word_char(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        tokens.push(token);
        rest = after;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(lines: &[&str]) -> Vec<(String, u64)> {
        let mut drain = Drain::new(10);
        lines.iter().for_each(|line| drain.train(line, 0));
        drain.clusters.iter().map(|cluster| (cluster.pattern(), cluster.lines())).collect()
    }

    #[test]
    fn what_differs_becomes_a_gap() {
        let found = patterns(&[
            "user 17 logged in from 10.0.0.1",
            "user 18 logged in from 10.0.0.2",
            "cache miss (key=a), loading",
            "user 19 logged in from 10.0.0.1",
            "cache miss (key=b), loading",
        ]);
        let wanted = [("user <_> logged in from <_>", 3), ("cache miss (key=<_>), loading", 2)];
        assert_eq!(found, wanted.map(|(pattern, lines)| (pattern.to_owned(), lines)));
    }

    #[test]
    fn unlike_lines_stay_apart_and_their_number_is_bounded() {
        assert_eq!(patterns(&["a b c d", "w x y z", "a x y z"]).len(), 3);
        let mut drain = Drain::new(2);
        for line in ["one", "two", "three", "one"] {
            drain.train(line, 0);
        }
        assert_eq!(drain.clusters.iter().map(Cluster::lines).collect::<Vec<_>>(), [2, 1]);
        drain.train(&"x".repeat(5000), 0);
        drain.train("", 0);
        assert_eq!(drain.clusters.len(), 2);
    }
}
