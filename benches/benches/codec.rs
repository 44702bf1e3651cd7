//! What the codecs of `bedrock` cost on one core, in cache: 8,192 values a page.
//!
//! `cargo bench -p tristore-benches --bench codec`

use std::hint::black_box;

use bedrock::codec::bits::{BitReader, BitWriter};
use bedrock::codec::zstd_page::{ZstdDecoder, ZstdEncoder};
use bedrock::codec::{ByteReader, delta, integer, pack, pco_page, varint};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const VALUES: usize = 8192;

/// Pseudo-random, and the same in every run.
fn noise(seed: u64) -> impl Iterator<Item = u64> {
    (1u64..).map(move |i| {
        let x = (i ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 3
    })
}

fn varints(c: &mut Criterion) {
    let mut group = c.benchmark_group("varint");
    group.throughput(Throughput::Elements(VALUES as u64));
    let one_byte: Vec<u64> = noise(1).map(|x| x % 128).take(VALUES).collect();
    // Sizes as a WAL has them: half of one byte, a quarter of two, the rest up to five.
    let mixed: Vec<u64> =
        noise(2).map(|x| (x >> 8) % [128, 128, 16_384, 1 << 34][x as usize % 4]).take(VALUES).collect();
    for (name, values) in [("one_byte", one_byte), ("mixed", mixed)] {
        let mut page = Vec::new();
        group.bench_function(format!("encode/{name}"), |b| {
            b.iter(|| {
                page.clear();
                black_box(&values).iter().for_each(|&value| varint::write(value, &mut page));
            });
        });
        // Whatever was picked to run, there is something to read.
        page.clear();
        values.iter().for_each(|&value| varint::write(value, &mut page));
        let mut out = Vec::new();
        group.bench_function(format!("decode/{name}"), |b| {
            b.iter(|| varint::read_many(&mut ByteReader::new(black_box(&page)), VALUES, &mut out));
        });
        group.bench_function(format!("decode_one_by_one/{name}"), |b| {
            b.iter(|| {
                let mut reader = ByteReader::new(black_box(&page));
                (0..VALUES).map(|_| reader.varint("value").unwrap_or_default()).fold(0u64, u64::wrapping_add)
            });
        });
        assert!(out.is_empty() || out == values);
    }
    group.finish();
}

fn packing(c: &mut Criterion) {
    let mut group = c.benchmark_group("pack");
    group.throughput(Throughput::Elements(VALUES as u64));
    for width in [1u32, 4, 8, 12, 16, 24, 32] {
        let mask = u64::from(u32::MAX >> (32 - width));
        let values: Vec<u32> = noise(u64::from(width)).map(|x| (x & mask) as u32).take(VALUES).collect();
        let mut page = Vec::new();
        pack::encode_u32(&values, &mut page);
        let mut out = Vec::new();
        group.bench_function(format!("decode_u32/{width}"), |b| {
            b.iter(|| pack::decode_u32(&mut ByteReader::new(black_box(&page)), VALUES, &mut out));
        });
        assert_eq!(out, values);
        if width == 12 {
            group.bench_function(format!("encode_u32/{width}"), |b| {
                b.iter(|| {
                    page.clear();
                    pack::encode_u32(black_box(&values), &mut page);
                });
            });
        }
    }
    for width in [8u32, 16, 40] {
        let values: Vec<u64> =
            noise(u64::from(width)).map(|x| (x & ((1 << width) - 1)) + (1 << 50)).take(VALUES).collect();
        let mut page = Vec::new();
        pack::encode_u64(&values, &mut page);
        let mut out = Vec::new();
        group.bench_function(format!("decode_u64/{width}"), |b| {
            b.iter(|| pack::decode_u64(&mut ByteReader::new(black_box(&page)), VALUES, &mut out));
        });
    }
    let times: Vec<i64> =
        (0i64..).zip(noise(3)).map(|(i, x)| 15_000 * i + (x % 9) as i64).take(VALUES).collect();
    let mut page = Vec::new();
    integer::encode(&times, &mut Vec::new(), &mut page);
    let mut out = Vec::new();
    group.bench_function("decode_integer/jittered_times", |b| {
        b.iter(|| integer::decode(&mut ByteReader::new(black_box(&page)), VALUES, &mut out));
    });
    let mut column = times.clone();
    group.bench_function("delta_decode", |b| b.iter(|| delta::decode(black_box(&mut column))));
    group.finish();
}

fn bit_streams(c: &mut Criterion) {
    let mut group = c.benchmark_group("bits");
    group.throughput(Throughput::Elements(VALUES as u64));
    let fields: Vec<(u64, u32)> = noise(4).map(|x| (x >> 8, 1 + (x % 24) as u32)).take(VALUES).collect();
    group.bench_function("write", |b| {
        b.iter(|| {
            let mut writer = BitWriter::default();
            black_box(&fields).iter().for_each(|&(value, width)| writer.write(value, width));
            writer.finish()
        });
    });
    let mut writer = BitWriter::default();
    fields.iter().for_each(|&(value, width)| writer.write(value, width));
    let page = writer.finish();
    group.bench_function("read", |b| {
        b.iter(|| {
            let mut reader = BitReader::new(black_box(&page));
            fields
                .iter()
                .map(|&(_, width)| reader.read("field", width).unwrap_or_default())
                .fold(0, u64::wrapping_add)
        });
    });
    group.finish();
}

fn pages(c: &mut Criterion) {
    let mut group = c.benchmark_group("page");
    let raw: Vec<u8> = noise(5)
        .take(10_000)
        .flat_map(|x| {
            format!("level=info path=/api/v1/cart/{} status={} took={}ms\n", x % 997, 200 + x % 7, x % 4001)
                .into_bytes()
        })
        .collect();
    group.throughput(Throughput::Bytes(raw.len() as u64));
    if let Ok(mut encoder) = ZstdEncoder::new(3) {
        let mut page = Vec::new();
        group.bench_function("zstd_encode/3", |b| {
            b.iter(|| {
                page.clear();
                encoder.encode(black_box(&raw), &mut page);
            });
        });
        let (mut decoder, mut out) = (ZstdDecoder::new(), Vec::new());
        group.bench_function("zstd_decode/3", |b| {
            b.iter(|| decoder.decode(black_box(&page), raw.len(), &mut out));
        });
    }
    group.bench_function("crc32", |b| b.iter(|| crc32fast::hash(black_box(&raw))));
    let gauge: Vec<f64> = noise(6)
        .scan(500.0, |at, x| {
            *at += (x % 21) as f64 - 10.0;
            Some(*at / 10.0)
        })
        .take(VALUES)
        .collect();
    group.throughput(Throughput::Elements(VALUES as u64));
    let mut page = Vec::new();
    group.bench_function("pco_encode_f64/8", |b| {
        b.iter(|| {
            page.clear();
            pco_page::encode(black_box(&gauge), pco_page::LEVEL_DEFAULT, &mut page);
        });
    });
    let mut out = Vec::new();
    group.bench_function("pco_decode_f64", |b| {
        b.iter(|| pco_page::decode::<f64>(black_box(&page), VALUES, &mut out));
    });
    group.finish();
}

criterion_group!(benches, varints, packing, bit_streams, pages);
criterion_main!(benches);
