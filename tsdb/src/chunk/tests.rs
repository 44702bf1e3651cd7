//! Every chunk gives back bit by bit what went in; damaged bytes give errors, never a panic.

use std::sync::Arc;

use bedrock::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Histogram, Span};
use bedrock::series::STALE_NAN_BITS;
use proptest::prelude::*;

use super::*;

type FloatSample = (i64, f64, i64);

fn encode_floats(samples: &[FloatSample]) -> Chunk {
    let mut open = OpenFloats::new();
    for &(time_ms, value, start_ms) in samples {
        open.append(time_ms, value, start_ms);
    }
    let snapshot = open.snapshot();
    let chunk = open.seal();
    assert_eq!(snapshot, chunk, "a snapshot is what sealing would give");
    chunk.unwrap()
}

fn check_floats(samples: &[FloatSample]) -> Chunk {
    let chunk = encode_floats(samples);
    assert_eq!(usize::from(chunk.count), samples.len());
    assert_eq!(chunk.kind(), Ok(ChunkKind::Float));
    let mut out = FloatSamples::default();
    chunk.decode_floats(&mut out).unwrap();
    let got: Vec<(i64, u64, i64)> = (0..out.len())
        .map(|i| {
            let start_ms = out.start_timestamps_ms.get(i).copied().unwrap_or(0);
            (out.timestamps_ms[i], out.values[i].to_bits(), start_ms)
        })
        .collect();
    let want: Vec<(i64, u64, i64)> = samples.iter().map(|&(t, v, s)| (t, v.to_bits(), s)).collect();
    assert_eq!(got, want);
    chunk
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0_i64..1000).prop_map(|v| v as f64),
        2 => (0_i64..100_000).prop_map(|v| v as f64 / 100.0),
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => Just(f64::from_bits(STALE_NAN_BITS)),
        1 => Just(-0.0),
        1 => Just(f64::from_bits(0x7ff8_0000_dead_beef)),
        1 => Just(f64::NEG_INFINITY),
    ]
}

fn any_start() -> impl Strategy<Value = i64> {
    prop_oneof![6 => Just(0_i64), 3 => Just(1_700_000_000_000), 1 => any::<i64>()]
}

fn any_floats() -> impl Strategy<Value = Vec<FloatSample>> {
    let interval =
        prop_oneof![4 => Just(15_000_i64), 2 => 14_990_i64..15_010, 1 => 0_i64..200_000, 1 => any::<i64>()];
    prop::collection::vec((interval, any_value(), any_start()), 1..200).prop_map(|samples| {
        let mut time_ms = 1_780_000_000_000_i64;
        let step = |(interval, value, start): FloatSample| {
            time_ms = time_ms.wrapping_add(interval);
            (time_ms, value, start)
        };
        samples.into_iter().map(step).collect()
    })
}

fn any_histogram() -> impl Strategy<Value = Arc<Histogram>> {
    let hint = prop::sample::select(vec![
        CounterResetHint::Unknown,
        CounterResetHint::CounterReset,
        CounterResetHint::NotCounterReset,
        CounterResetHint::Gauge,
    ]);
    let count = prop_oneof![8 => (0_u32..50).prop_map(f64::from), 1 => any_value()];
    let buckets = prop::collection::vec(count, 6);
    (hint, 0_usize..4, buckets, any_value()).prop_map(|(counter_reset_hint, layout, counts, sum)| {
        let base = Histogram {
            counter_reset_hint,
            count: counts[0],
            zero_count: counts[1],
            sum,
            ..Histogram::default()
        };
        Arc::new(match layout {
            0 => Histogram { sum: f64::from_bits(STALE_NAN_BITS), ..Histogram::default() },
            1 => Histogram {
                schema: 3,
                zero_threshold: 1e-128,
                positive_spans: vec![Span { offset: -2, length: 1 }, Span { offset: 4, length: 2 }],
                positive_buckets: counts[2..5].to_vec(),
                negative_spans: vec![Span { offset: 1, length: 1 }],
                negative_buckets: counts[5..].to_vec(),
                ..base
            },
            2 => Histogram {
                schema: CUSTOM_BUCKETS_SCHEMA,
                positive_spans: vec![Span { offset: 0, length: 3 }],
                positive_buckets: counts[2..5].to_vec(),
                custom_values: vec![0.1, -0.0],
                ..base
            },
            _ => base,
        })
    })
}

fn check_histograms(samples: &[(i64, Arc<Histogram>, i64)]) -> Chunk {
    let mut open = OpenHistograms::new();
    for (time_ms, histogram, start_ms) in samples {
        open.append(*time_ms, histogram, *start_ms);
    }
    assert_eq!(open.snapshot().map(|c| c.data.len()), Some(open.encoded_bytes()));
    let chunk = open.seal().unwrap();
    let mut out = HistogramSamples::default();
    chunk.decode_histograms(&mut out).unwrap();
    assert_eq!(out.len(), samples.len());
    for (i, (time_ms, histogram, start_ms)) in samples.iter().enumerate() {
        assert_eq!(out.timestamps_ms[i], *time_ms);
        assert_eq!(out.start_timestamps_ms.get(i).copied().unwrap_or(0), *start_ms);
        // Debug text tells -0.0 from 0.0; the bits of NaNs are compared for the sum.
        assert_eq!(format!("{:?}", out.values[i]), format!("{histogram:?}"));
        assert_eq!(out.values[i].sum.to_bits(), histogram.sum.to_bits());
    }
    chunk
}

/// A full run of the property test found it: what followed a negative whole count was decoded from zero. Such counts come from
/// rules that subtract.
#[test]
fn a_negative_whole_count_does_not_spoil_the_next() {
    let histogram = |count: f64| {
        Arc::new(Histogram {
            positive_spans: vec![Span { offset: 0, length: 1 }],
            positive_buckets: vec![count],
            ..Histogram::default()
        })
    };
    check_histograms(&[
        (0, histogram(-3.0), 0),
        (1, histogram(5.0), 0),
        (2, histogram(-4.0), 0),
        (3, histogram(0.0), 0),
    ]);
}

/// Decodes every truncation and every single-bit flip: an error or other samples, never a panic.
fn check_damage(chunk: &Chunk) {
    let decode = |data: &[u8]| {
        let _ = decode_floats(data, &mut FloatSamples::default());
        let _ = decode_histograms(data, &mut HistogramSamples::default());
    };
    for end in 0..chunk.data.len() {
        decode(&chunk.data[..end]);
    }
    for position in 0..chunk.data.len() * 8 {
        let mut bytes = chunk.data.to_vec();
        bytes[position / 8] ^= 1 << (position % 8);
        decode(&bytes);
    }
}

proptest! {
    #![proptest_config(testkit::rounds::cases(256))]

    #[test]
    fn floats_come_back_bit_by_bit(samples in any_floats()) {
        check_floats(&samples);
    }

    #[test]
    fn a_tail_is_the_end_of_the_chunk(samples in any_floats(), with_starts: bool) {
        let mut open = OpenFloats::new();
        let mut time_ms = 0;
        let mut all: Vec<(i64, u64)> = Vec::new();
        for (index, (_, value, start_ms)) in samples.into_iter().enumerate() {
            time_ms += 1 + (index as i64 * 7919) % 40;
            open.append(time_ms, value, if with_starts { start_ms } else { 0 });
            all.push((time_ms, value.to_bits()));
            for since_ms in [i64::MIN, time_ms / 2, time_ms - 500, time_ms, time_ms + 1] {
                let chunk = open.tail(since_ms).unwrap();
                let mut out = FloatSamples::default();
                chunk.decode_floats(&mut out).unwrap();
                let bits = out.values.iter().map(|value| value.to_bits());
                let got: Vec<(i64, u64)> = out.timestamps_ms.iter().copied().zip(bits).collect();
                let front = all.len() - got.len();
                assert_eq!(got, all[front..]);
                assert!(all[..front].iter().all(|(time_ms, _)| *time_ms < since_ms));
                assert_eq!((chunk.kind(), usize::from(chunk.count)), (Ok(ChunkKind::Float), got.len()));
                assert_eq!((chunk.min_time_ms, chunk.max_time_ms), (got[0].0, time_ms));
            }
        }
    }

    #[test]
    fn damaged_tails_never_panic(samples in any_floats()) {
        let mut open = OpenFloats::new();
        samples.iter().for_each(|&(time_ms, value, _)| open.append(time_ms, value, 0));
        check_damage(&open.tail(i64::MAX).unwrap());
    }

    #[test]
    fn histograms_come_back_bit_by_bit(
        samples in prop::collection::vec((any::<i64>(), any_histogram(), any_start()), 1..40)
    ) {
        check_histograms(&samples);
    }

    #[test]
    fn damaged_floats_never_panic(samples in any_floats()) {
        check_damage(&encode_floats(&samples[..samples.len().min(20)]));
    }

    #[test]
    fn damaged_histograms_never_panic(
        samples in prop::collection::vec((any::<i64>(), any_histogram(), any_start()), 1..6)
    ) {
        check_damage(&check_histograms(&samples));
    }

    #[test]
    fn random_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..200), kind in prop::sample::select(vec![1, 2, 0x41])) {
        let mut data = data;
        if let Some(first) = data.first_mut() { *first = kind; }
        let _ = decode_floats(&data, &mut FloatSamples::default());
        let _ = decode_histograms(&data, &mut HistogramSamples::default());
    }
}

#[test]
fn a_steady_constant_takes_two_bits_a_sample() {
    let samples: Vec<FloatSample> = (0..120).map(|i| (1_780_000_000_000 + i * 15_000, 1.0, 0)).collect();
    // Header 3, first sample 16, first interval 1 + 13 bits more than the rest, 119 * 2 bits.
    assert_eq!(check_floats(&samples).data.len(), 3 + 16 + (119_usize * 2 + 21).div_ceil(8));
}

#[test]
fn unknown_starts_cost_nothing_until_one_is_known() {
    let mut samples: Vec<FloatSample> = (0..120).map(|i| (i * 15_000, 1.0, 0)).collect();
    let without = check_floats(&samples).data.len();
    samples[119].2 = 77;
    let with = check_floats(&samples).data.len();
    assert_eq!(with, without + 8 + 2, "one start field and the trailer");
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused_before_allocation() {
    let data = [1, 0xff, 0xff, 0, 0, 0];
    let error = decode_floats(&data, &mut FloatSamples::default()).unwrap_err();
    assert_eq!(error.what, "more samples announced than the bytes can hold");
}

#[test]
fn kinds_are_not_mixed_up() {
    let floats = check_floats(&[(1, 2.0, 0)]);
    assert!(floats.decode_histograms(&mut HistogramSamples::default()).is_err());
    let mut other = floats.data.to_vec();
    other[0] = 9;
    assert_eq!(
        decode_floats(&other, &mut FloatSamples::default()).unwrap_err().what,
        "unknown kind of chunk"
    );
}
