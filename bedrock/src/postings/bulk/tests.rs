use proptest::prelude::*;

use crate::labels::{Labels, LabelsBuilder, MatchOp, Matcher};
use crate::postings::HeadPostings;

/// Everything that an index says.
fn contents(index: &HeadPostings) -> Vec<(String, String, Vec<u32>)> {
    let names: Vec<(String, usize, u64)> =
        index.names().map(|(name, values, series)| (name.to_owned(), values, series)).collect();
    let mut all = vec![(format!("{names:?}"), index.heap_bytes().to_string(), index.all().iter().collect())];
    for (name, ..) in names {
        let carriers = Matcher::new(MatchOp::Regex, &name, ".+").unwrap();
        all.push((name.clone(), "any".to_owned(), index.select(&[carriers]).iter().collect()));
        for (value, series) in index.values(&name) {
            let equal = Matcher::new(MatchOp::Equal, &name, value).unwrap();
            let ids: Vec<u32> = index.select(&[equal]).iter().collect();
            assert_eq!(ids.len() as u64, series);
            all.push((name.clone(), value.to_owned(), ids));
        }
    }
    all
}

/// Series as scrapes bring them: runs of neighbours that share most labels, ids with gaps between the runs, which need not
/// ascend.
fn series() -> impl Strategy<Value = Vec<(u32, Labels)>> {
    let run = (0_u32..40, 1_u32..12, prop::collection::vec((0_usize..5, 0_usize..4), 0..5), 0_usize..5);
    prop::collection::vec(run, 0..20).prop_map(|runs| {
        let mut all = Vec::new();
        for (number, (skipped, length, pairs, own)) in runs.into_iter().enumerate() {
            let first = ((number as u32 * 7) % 20) * 100 + skipped;
            for id in first..first + length {
                let mut builder = LabelsBuilder::new();
                for (name, value) in &pairs {
                    builder.set(["a", "b", "c", "d", "e"][*name], ["", "x", "y", "z"][*value]);
                }
                builder.set(["a", "b", "c", "d", "own"][own], &format!("{}", id % 9));
                all.push((id, builder.build()));
            }
        }
        // A second run may meet ids of a first one, which an id's series never does.
        all.sort_by_key(|(id, _)| *id);
        all.dedup_by_key(|(id, _)| *id);
        let middle = all.len() / 3;
        all.rotate_left(middle);
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn many_at_once_are_as_one_by_one(series in series(), batch in 1_usize..30) {
        let mut one_by_one = HeadPostings::default();
        let mut at_once = HeadPostings::default();
        for batch in series.chunks(batch) {
            let mut entering = at_once.entering();
            for (id, labels) in batch {
                one_by_one.add(*id, labels);
                entering.add(*id, labels);
            }
        }
        assert_eq!(contents(&at_once), contents(&one_by_one));
        for (id, labels) in &series {
            at_once.remove(*id, labels);
        }
        assert_eq!((at_once.len(), at_once.names().count()), (0, 0));
    }
}

#[test]
fn more_series_than_a_container_holds() {
    let labels =
        [("job", "api"), ("env", "test")].map(|(name, value)| Labels::from_pairs([(name, value)]).unwrap());
    let mut index = HeadPostings::default();
    let mut entering = index.entering();
    for id in 0..200_000 {
        entering.add(id, &labels[usize::from(id >= 150_000)]);
    }
    drop(entering);
    let job = Matcher::new(MatchOp::Equal, "job", "api").unwrap();
    assert!(index.select(&[job]).iter().eq(0..150_000));
    assert!(index.all().iter().eq(0..200_000));
}
