use proptest::prelude::*;

use crate::labels::{Labels, MatchOp, Matcher};
use crate::postings::{HeadPostings, Ids, PostingsReader};

/// The dumbest selection: ask every matcher about every series.
fn model(series: &[Labels], matchers: &[Matcher]) -> Ids {
    let holds =
        |labels: &Labels| matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or_default()));
    (0u32..).zip(series).filter(|(_, labels)| holds(labels)).map(|(id, _)| id).collect()
}

fn head_of(series: &[Labels]) -> HeadPostings {
    let mut head = HeadPostings::default();
    for (id, labels) in (0u32..).zip(series) {
        head.add(id, labels);
    }
    head
}

const VALUES: [&str; 24] = [
    "", "a", "aa", "ab", "aba", "abb", "abc", "abcd", "ac", "ad", "ae", "b", "ba", "bb", "bc", "x", "xa",
    "xb", "xc", "xd", "ü", "üa", "4xx", "5xx",
];
const PATTERNS: [&str; 14] = [
    "",
    ".*",
    ".+",
    "a.*",
    "a|b",
    "(a|b)?",
    "ab?c?",
    ".*b",
    "[ab]+",
    "x",
    "(?i)AB",
    ".",
    "a.+|",
    "(?:ab|ba)",
];

fn label_set() -> impl Strategy<Value = Labels> {
    prop::collection::vec((0usize..4, prop::sample::select(&VALUES[..])), 0..4).prop_map(|pairs| {
        let mut builder = crate::labels::LabelsBuilder::new();
        for (name, value) in pairs {
            builder.set(["a", "b", "c", "d"][name], value);
        }
        builder.build()
    })
}

fn matcher() -> impl Strategy<Value = Matcher> {
    let name = prop::sample::select(&["a", "b", "c", "d", "e"][..]);
    let equality = (prop::bool::ANY, prop::sample::select(&VALUES[..]))
        .prop_map(|(not, value)| (if not { MatchOp::NotEqual } else { MatchOp::Equal }, value));
    let regex = (prop::bool::ANY, prop::sample::select(&PATTERNS[..]))
        .prop_map(|(not, value)| (if not { MatchOp::NotRegex } else { MatchOp::Regex }, value));
    (name, prop_oneof![equality, regex])
        .prop_map(|(name, (op, value))| Matcher::new(op, name, value).unwrap())
}

proptest! {
    #![proptest_config(crate::property::cases(256))]

    #[test]
    fn the_index_agrees_with_asking_every_series(
        series in prop::collection::vec(label_set(), 0..200),
        matchers in prop::collection::vec(matcher(), 0..4),
    ) {
        let head = head_of(&series);
        let expected = model(&series, &matchers);
        prop_assert_eq!(head.select(&matchers), expected.clone(), "{:?}", matchers);
        let holds = |id: u32, m: &Matcher| m.matches(series[id as usize].get(m.name()).unwrap_or_default());
        prop_assert_eq!(head.select_with(&matchers, holds), expected.clone(), "{:?}", matchers);
        let written = head.write(Some)?;
        let reader = PostingsReader::open(written.into(), "index", 0)?;
        reader.verify()?;
        prop_assert_eq!(reader.select(&matchers)?, expected.clone(), "{:?}", matchers);
        let holds = |id: u32, m: &Matcher| Ok(holds(id, m));
        prop_assert_eq!(reader.select_with(&matchers, holds)?, expected.clone(), "{:?}", matchers);

        let mut names: Vec<String> = Vec::new();
        let mut values: Vec<String> = Vec::new();
        for id in &expected {
            for (name, value) in series[id as usize].iter().filter(|(_, value)| !value.is_empty()) {
                names.push(name.to_owned());
                if name == "a" {
                    values.push(value.to_owned());
                }
            }
        }
        for list in [&mut names, &mut values] {
            list.sort();
            list.dedup();
        }
        prop_assert_eq!(reader.label_names(Some(&expected), usize::MAX)?, names.clone());
        prop_assert_eq!(reader.label_values("a", Some(&expected), usize::MAX)?, values.clone());
        prop_assert_eq!(head.label_names(Some(&expected), usize::MAX), names);
        prop_assert_eq!(head.label_values("a", Some(&expected), usize::MAX), values);
    }
}

#[test]
fn lists_grow_from_a_few_ids_to_bitmaps() {
    let labels = Labels::from_pairs([("job", "api")]).unwrap();
    let mut head = HeadPostings::default();
    let matcher = [Matcher::new(MatchOp::Equal, "job", "api").unwrap()];
    for id in 0..100u32 {
        head.add(id * 1000, &labels);
        head.add(id * 1000, &labels);
        assert_eq!(head.select(&matcher).len(), u64::from(id) + 1);
    }
    assert_eq!(head.values("job").collect::<Vec<_>>(), [("api", 100)]);
    assert_eq!(head.names().collect::<Vec<_>>(), [("job", 1, 100)]);
    assert_eq!(head.label_values("job", None, 0), Vec::<String>::new());
}

#[test]
fn a_store_that_cannot_answer_stops_the_selection() {
    let series: Vec<Labels> = (0..400)
        .map(|i| Labels::from_pairs([("id", format!("{i}")), ("half", format!("{}", i / 200))]).unwrap())
        .collect();
    let reader = PostingsReader::open(head_of(&series).write(Some).unwrap().into(), "index", 0).unwrap();
    let matcher = |op, name: &str, value: &str| Matcher::new(op, name, value).unwrap();
    let matchers = [matcher(MatchOp::Equal, "id", "7"), matcher(MatchOp::NotRegex, "id", "[0-3].*[89]")];
    let mut asked = 0;
    let found = reader.select_with(&matchers, |id, matcher| {
        asked += 1;
        Ok(matcher.matches(series[id as usize].get(matcher.name()).unwrap_or_default()))
    });
    assert_eq!((found.unwrap(), asked), (Ids::from_iter([7]), 1), "one series is left, and one is asked");
    let cancelled = || crate::Error::Cancelled { reason: "the caller" };
    assert!(reader.select_with(&matchers, |_, _| Err(cancelled())).is_err());
}
