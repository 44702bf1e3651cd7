use proptest::prelude::*;

use super::*;
use crate::labels::{Labels, MatchOp};
use crate::postings::{HeadPostings, PostingsWriter};

const GOLDEN: &[u8] = include_bytes!("../../../testdata/golden/postings-v1");

/// 300 series: two names that all have, one with a value for each, one that few have.
fn sample() -> HeadPostings {
    let mut head = HeadPostings::default();
    for id in 0..300u32 {
        let pod = format!("pod-{id:03}");
        let mut pairs = vec![("job", ["api", "db", "web"][id as usize % 3]), ("pod", pod.as_str())];
        if id % 100 < 12 {
            pairs.push(("zone", "ü"));
        }
        head.add(id, &Labels::from_pairs(pairs).unwrap());
    }
    head.add(300, &Labels::empty());
    head
}

fn open(bytes: &[u8]) -> Result<PostingsReader> {
    PostingsReader::open(Bytes::copy_from_slice(bytes), "dir/index", 64)
}

#[test]
fn every_released_version_can_be_read() {
    let reader = open(GOLDEN).unwrap();
    reader.verify().unwrap();
    assert_eq!(reader.names().collect::<Vec<_>>(), [("job", 3, 300), ("pod", 300, 300), ("zone", 1, 36)]);
    assert_eq!(reader.all().unwrap().len(), 301);
    let matcher = |op, name: &str, value: &str| Matcher::new(op, name, value).unwrap();
    let selected = reader.select(&[
        matcher(MatchOp::Equal, "job", "db"),
        matcher(MatchOp::Regex, "pod", "pod-1.*"),
        matcher(MatchOp::NotEqual, "zone", ""),
    ]);
    assert_eq!(selected.unwrap().iter().collect::<Vec<_>>(), [100, 103, 106, 109]);
    // The bytes do not change unless the version does.
    assert!(sample().write(Some).unwrap() == GOLDEN, "the writer no longer writes version 1");
}

#[test]
fn an_unknown_version_is_named() {
    let mut bytes = GOLDEN.to_vec();
    bytes[4] = 9;
    let error = open(&bytes).unwrap_err();
    assert!(matches!(error, Error::Version { found: 9, supported: 1, .. }), "{error}");
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let reader_works = |bytes: &[u8]| -> Result<()> {
        let reader = open(bytes)?;
        reader.select(&[Matcher::new(MatchOp::Regex, "pod", "pod-.[13579]5").unwrap()])?;
        reader.label_values("zone", Some(&reader.all()?), 10)?;
        reader.verify()
    };
    reader_works(GOLDEN).unwrap();
    for at in 0..GOLDEN.len() {
        assert!(reader_works(&GOLDEN[..at]).is_err(), "cut at {at}");
        for bits in [1, 0x80, 0xff] {
            let mut bytes = GOLDEN.to_vec();
            bytes[at] ^= bits;
            // Without the section's checksum some flips give another valid index.
            let _ = reader_works(&bytes);
        }
    }
}

#[test]
fn an_error_says_where_in_the_file() {
    let mut bytes = GOLDEN.to_vec();
    let list = bytes.windows(2).position(|pair| pair == 12346u16.to_le_bytes()).unwrap();
    bytes[list] ^= 0xff;
    let error = open(&bytes).unwrap().verify().unwrap_err();
    assert!(matches!(error, Error::Corrupt { offset, .. } if offset == 64 + list as u64), "{error}");
}

#[test]
fn renumbered_and_taken_in_parts() {
    let head = sample();
    let written = head.write(|id| (id % 2 == 0).then_some(1000 - id)).unwrap();
    let reader = open(&written).unwrap();
    reader.verify().unwrap();
    let evens = Ids::from_iter((0..=300).step_by(2).map(|id| 1000 - id));
    assert_eq!(reader.all().unwrap(), evens);
    assert_eq!(reader.label_values("pod", None, 2).unwrap(), ["pod-000", "pod-002"]);

    let mut whole = PostingsWriter::new();
    let mut parts = PostingsWriter::new();
    let mut taken = Vec::new();
    let source = open(GOLDEN).unwrap();
    for (name, _, _) in source.names() {
        source
            .for_each_value(name, |value, ids| {
                whole.add(name, value, &ids)?;
                parts.add(name, value, &ids)?;
                taken.extend(parts.take());
                Ok(())
            })
            .unwrap();
    }
    taken.extend(parts.finish(&source.all().unwrap()).unwrap());
    assert!(taken == whole.finish(&source.all().unwrap()).unwrap());
    assert!(taken == GOLDEN);
}

#[test]
fn pairs_out_of_order_are_refused() {
    let one = Ids::from_iter([1]);
    let mut writer = PostingsWriter::new();
    writer.add("b", "y", &one).unwrap();
    for (name, value) in [("b", "y"), ("b", "x"), ("a", "z"), ("", "x"), ("c", "")] {
        let mut writer = PostingsWriter::new();
        writer.add("b", "y", &one).unwrap();
        assert!(writer.add(name, value, &one).is_err(), "{name}={value}");
    }
    writer.add("c", "a", &one).unwrap();
    writer.add("c", "b", &Ids::new()).unwrap();
    assert_eq!(open(&writer.finish(&one).unwrap()).unwrap().label_names(Some(&one), 9).unwrap(), ["b", "c"]);
}

proptest! {
    #![proptest_config(crate::property::cases(256))]

    #[test]
    fn every_value_is_found(values in prop::collection::btree_set("[a-cü]{1,6}", 1..200)) {
        let mut writer = PostingsWriter::new();
        for (id, value) in (0u32..).zip(&values) {
            writer.add("l", value, &Ids::from_iter(id..id + 1 + id % 20)).unwrap();
        }
        let reader = open(&writer.finish(&Ids::from_iter(0..300)).unwrap()).unwrap();
        for (id, value) in (0u32..).zip(&values) {
            let found = reader.select(&[Matcher::new(MatchOp::Equal, "l", value).unwrap()]).unwrap();
            prop_assert_eq!(found, Ids::from_iter(id..id + 1 + id % 20));
        }
        for absent in ["", "a-", "d", "zzz", "ü-"] {
            let absent = Matcher::new(MatchOp::Equal, "l", absent).unwrap();
            prop_assert!(absent.matches_empty() || reader.select(&[absent]).unwrap().is_empty());
        }
        prop_assert_eq!(reader.label_values("l", None, usize::MAX).unwrap(), values.into_iter().collect::<Vec<_>>());
    }
}
