//! Selection over a million series, and the comparison that decided how written lists are read.
//!
//! `cargo bench -p tristore-benches --bench postings`

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Duration;

use bedrock::labels::{Labels, LabelsBuilder, MatchOp, Matcher};
use bedrock::postings::{HeadPostings, Ids, PostingsReader};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use roaring::{MultiOps, RoaringBitmap};

const SERIES: u32 = 1_000_000;

/// 100 metrics, 20 jobs, 1,000 pods, 10 buckets and a label of its own for each series. The ids of a pod lie anywhere.
fn labels(id: u32) -> &'static Labels {
    static SERIES_LABELS: OnceLock<Vec<Labels>> = OnceLock::new();
    let all = SERIES_LABELS.get_or_init(|| {
        let of = |id: u32| {
            let x = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            let mut labels = LabelsBuilder::new();
            labels
                .set("__name__", &format!("metric_{}", x % 100))
                .set("job", &format!("job-{}", x / 100 % 20))
                .set("pod", &format!("pod-{:03}", x / 2000 % 1000))
                .set("le", &format!("{}", x / 7 % 10))
                .set("uid", &format!("{x:x}-{id}"));
            labels.build()
        };
        (0..SERIES).map(of).collect()
    });
    &all[id as usize]
}

fn head() -> HeadPostings {
    let mut head = HeadPostings::default();
    (0..SERIES).for_each(|id| head.add(id, labels(id)));
    head
}

fn queries() -> Vec<(&'static str, Vec<Matcher>)> {
    let matcher = |op, name: &str, value: &str| Matcher::new(op, name, value).expect("a valid matcher");
    let equal =
        || vec![matcher(MatchOp::Equal, "__name__", "metric_7"), matcher(MatchOp::Equal, "job", "job-3")];
    let with = |more: Matcher| {
        let mut matchers = equal();
        matchers.push(more);
        matchers
    };
    let names: Vec<String> = (0..1000).step_by(2).map(|pod| format!("pod-{pod:03}")).collect();
    vec![
        ("two_equal", equal()),
        ("two_equal_regex_all_1000", with(matcher(MatchOp::Regex, "pod", "pod-[0-9]+"))),
        ("two_equal_regex_half_of_1000", with(matcher(MatchOp::Regex, "pod", "pod-[0-9]*[02468]"))),
        ("two_equal_set_of_500", with(matcher(MatchOp::Regex, "pod", &names.join("|")))),
        ("two_equal_not_regex_half", with(matcher(MatchOp::NotRegex, "pod", "pod-[0-9]*[02468]"))),
        ("two_equal_prefix_100", with(matcher(MatchOp::Regex, "pod", "pod-1.*"))),
        ("regex_half_alone", vec![matcher(MatchOp::Regex, "pod", "pod-[0-9]*[02468]")]),
        ("one_of_a_million_values", vec![matcher(MatchOp::Equal, "uid", "no such")]),
    ]
}

fn select(c: &mut Criterion) {
    let head = head();
    let written = head.write(Some).expect("a million series fit");
    eprintln!(
        "written index: {:.1} MB, head: {:.1} MB",
        written.len() as f64 / 1e6,
        head.heap_bytes() as f64 / 1e6
    );
    let reader = PostingsReader::open(written.into(), "index", 0).expect("the index was just written");
    let mut group = c.benchmark_group("select");
    group.measurement_time(Duration::from_secs(3));
    for (name, matchers) in queries() {
        let from_head = head.select(&matchers);
        assert_eq!(reader.select(&matchers).ok().as_ref(), Some(&from_head));
        eprintln!("{name}: {} series", from_head.len());
        group.bench_function(format!("head/{name}"), |b| b.iter(|| head.select(black_box(&matchers))));
        let holds =
            |id, matcher: &Matcher| matcher.matches(labels(id).get(matcher.name()).unwrap_or_default());
        assert_eq!(head.select_with(&matchers, holds), from_head);
        group.bench_function(format!("head_asking/{name}"), |b| {
            b.iter(|| head.select_with(black_box(&matchers), holds));
        });
        group.bench_function(format!("written/{name}"), |b| b.iter(|| reader.select(black_box(&matchers))));
    }
    group.finish();
}

/// 500 written lists of a thousand ids each, or-ed and and-ed with 500 ids, in four ways.
fn lists(c: &mut Criterion) {
    let mut sets = vec![RoaringBitmap::new(); 1000];
    for id in 0..SERIES {
        sets[(u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as usize % 1000].insert(id);
    }
    let within: Ids = (0..SERIES).step_by(1999).collect();
    let portable: Vec<Vec<u8>> = sets
        .iter()
        .take(500)
        .map(|set| {
            let mut bytes = Vec::new();
            set.serialize_into(&mut bytes).expect("memory does not fail to write");
            bytes
        })
        .collect();
    let mut group = c.benchmark_group("lists");
    group.measurement_time(Duration::from_secs(3));
    group.bench_function("roaring_deserialize_and_or", |b| {
        b.iter(|| {
            let lists =
                portable.iter().map(|bytes| RoaringBitmap::deserialize_from(&bytes[..]).unwrap_or_default());
            lists.map(|list| list & &within).union()
        });
    });
    let croaring_within: croaring::Bitmap = within.iter().collect();
    group.bench_function("croaring_portable_view_and_or", |b| {
        b.iter(|| {
            let parts: Vec<croaring::Bitmap> =
                portable.iter().map(|bytes| portable_view(bytes).and(&croaring_within)).collect();
            croaring::Bitmap::fast_or(&parts.iter().collect::<Vec<_>>())
        });
    });
    group.bench_function("croaring_portable_view_or_and", |b| {
        b.iter(|| {
            let views: Vec<croaring::BitmapView<'_>> =
                portable.iter().map(|bytes| portable_view(bytes)).collect();
            let views: Vec<&croaring::Bitmap> = views.iter().map(|view| &**view).collect();
            croaring::Bitmap::fast_or(&views).and(&croaring_within)
        });
    });
    let mut writer = bedrock::postings::PostingsWriter::new();
    for (value, set) in sets.iter().enumerate() {
        writer.add("pod", &format!("{value:03}"), set).expect("values ascend");
    }
    for id in &within {
        // A label that only the wanted series have, so that the selection is the same as above.
        writer.add("wanted", &format!("{id:07}"), &Ids::from_iter([id])).expect("values ascend");
    }
    let index = writer.finish(&(0..SERIES).collect()).expect("a million series fit");
    let reader = PostingsReader::open(index.into(), "index", 0).expect("the index was just written");
    // Half of the values, so that the complement is not shorter.
    let matchers = [
        Matcher::new(MatchOp::NotEqual, "wanted", "").expect("a valid matcher"),
        Matcher::new(MatchOp::Regex, "pod", "[0-4].*").expect("a valid matcher"),
    ];
    group.bench_function("view_of_this_crate", |b| {
        b.iter_batched(|| matchers.clone(), |matchers| reader.select(&matchers), BatchSize::SmallInput);
    });
    group.finish();
}

#[expect(unsafe_code, reason = "what is measured here is croaring's view, which has no checked form")]
fn portable_view(bytes: &[u8]) -> croaring::BitmapView<'_> {
    // SAFETY: every caller passes what `roaring` has just written in the portable format, unchanged.
    unsafe { croaring::BitmapView::deserialize::<croaring::Portable>(bytes) }
}

criterion_group!(benches, select, lists);
criterion_main!(benches);
