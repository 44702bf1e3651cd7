//! A block gives back what was written, series by series and bit by bit; damage is always noticed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bedrock::block::block_name;
use bedrock::disk::{Disk, MemDisk};
use bedrock::histogram::Histogram;
use bedrock::labels::Labels;

use super::page::Scratch;
use super::reader::Block;
use super::samples::SeriesSamples;
use super::writer::BlockWriter;
use crate::chunk::{Chunk, FloatSamples, OpenFloats};

fn path() -> PathBuf {
    Path::new("store").join(block_name(1))
}

fn labels(name: &str, instance: usize) -> Labels {
    Labels::from_pairs([("__name__", name), ("instance", &format!("host-{instance:03}"))]).unwrap()
}

/// Counters of 50 targets; the times of a target are shared by its two metrics.
fn sample_series(samples: i64) -> Vec<(Labels, SeriesSamples)> {
    let mut all = Vec::new();
    for name in ["requests_total", "up"] {
        for instance in 0..50 {
            let mut series = SeriesSamples::default();
            for i in 0..samples {
                let jitter = (i * 7919 + instance) % 5;
                let value = if name == "up" { 1.0 } else { (i * i % 1009) as f64 / 100.0 };
                let start_ms = if instance == 3 { 1_780_000_000_000 } else { 0 };
                series.floats.push(1_780_000_000_000 + instance * 100 + 15_000 * i + jitter, value, start_ms);
            }
            if instance == 7 {
                let histogram = Arc::new(Histogram { count: 3.0, sum: 0.5, ..Histogram::default() });
                series.histograms.push(1_790_000_000_000, histogram, 0);
            }
            all.push((labels(name, instance as usize), series));
        }
    }
    all
}

fn check_same(found: &SeriesSamples, expected: &SeriesSamples) {
    let bits = |samples: &FloatSamples| samples.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(found.floats.timestamps_ms, expected.floats.timestamps_ms);
    assert_eq!(bits(&found.floats), bits(&expected.floats));
    assert_eq!(found.floats.start_timestamps_ms, expected.floats.start_timestamps_ms);
    assert_eq!(found.histograms.timestamps_ms, expected.histograms.timestamps_ms);
    assert_eq!(found.histograms.values, expected.histograms.values);
}

fn chunks(samples: &FloatSamples, samples_each: usize) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut open = OpenFloats::new();
    for (&time_ms, &value) in samples.timestamps_ms.iter().zip(&samples.values) {
        open.append(time_ms, value, 0);
        if open.len() == samples_each {
            chunks.extend(std::mem::take(&mut open).seal());
        }
    }
    chunks.extend(open.seal());
    chunks
}

fn write_columns(disk: &Arc<dyn Disk>, series: &[(Labels, SeriesSamples)]) {
    let mut writer = BlockWriter::create(disk, &path(), 1, 1, 1).unwrap();
    for (labels, samples) in series {
        writer.add_columns(labels, &samples.floats, &samples.histograms).unwrap();
    }
    writer.finish().unwrap().expect("a block with series");
}

/// Everything in the block, or the first error.
fn read_all(disk: &dyn Disk) -> bedrock::Result<Vec<(Labels, SeriesSamples)>> {
    let block = Block::open(disk, &path())?;
    let mut entries = Vec::new();
    block.read_series(block.select(&[])?, |_, series| entries.push(series))?;
    let mut scratch = Scratch::default();
    let mut all = Vec::new();
    for entry in entries {
        let mut samples = SeriesSamples::default();
        block.decode_series(&entry.pages, &mut scratch, &mut samples)?;
        all.push((entry.labels, samples));
    }
    Ok(all)
}

#[test]
fn columns_come_back() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let series = sample_series(3000);
    write_columns(&disk, &series);
    let found = read_all(&*disk).unwrap();
    assert_eq!(found.len(), series.len());
    for ((found_labels, found), (labels, expected)) in found.iter().zip(&series) {
        assert_eq!(found_labels, labels);
        check_same(found, expected);
    }
    let block = Block::open(&*disk, &path()).unwrap();
    assert_eq!(block.meta().series, 100);
    assert_eq!(block.meta().samples, 100 * 3000 + 2);
    assert_eq!(block.meta().float_samples, 100 * 3000);
}

#[test]
fn chunks_come_back_and_overlapping_ones_are_merged() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let mut writer = BlockWriter::create(&disk, &path(), 1, 1, 0).unwrap();
    let (first, samples) = sample_series(500).swap_remove(0);
    writer.add_chunks(&first, &chunks(&samples.floats, 120)).unwrap();
    let second = labels("z", 0);
    let mut late = FloatSamples::default();
    late.push(samples.floats.timestamps_ms[10], -5.0, 0);
    late.push(samples.floats.timestamps_ms[10] + 1, -6.0, 0);
    let mut overlapping = chunks(&samples.floats, 120);
    overlapping.extend(chunks(&late, 120));
    writer.add_chunks(&second, &overlapping).unwrap();
    writer.finish().unwrap();

    let found = read_all(&*disk).unwrap();
    check_same(&found[0].1, &samples);
    let mut merged = samples.clone();
    merged.floats.values[10] = -5.0;
    merged.floats.timestamps_ms.insert(11, samples.floats.timestamps_ms[10] + 1);
    merged.floats.values.insert(11, -6.0);
    check_same(&found[1].1, &merged);
}

#[test]
fn series_out_of_order_are_refused() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let mut writer = BlockWriter::create(&disk, &path(), 1, 1, 0).unwrap();
    let mut samples = SeriesSamples::default();
    samples.floats.push(1, 1.0, 0);
    writer.add_columns(&labels("b", 0), &samples.floats, &samples.histograms).unwrap();
    assert!(writer.add_columns(&labels("a", 0), &samples.floats, &samples.histograms).is_err());
}

#[test]
fn a_block_without_series_leaves_nothing() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let writer = BlockWriter::create(&disk, &path(), 1, 1, 0).unwrap();
    assert_eq!(writer.finish().unwrap(), None);
    assert_eq!(disk.list(Path::new("store")).unwrap(), []);
}

#[test]
fn every_flipped_byte_and_every_cut_is_noticed() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let series: Vec<(Labels, SeriesSamples)> = sample_series(40).into_iter().step_by(12).collect();
    write_columns(&disk, &series);
    for file in ["samples", "index"] {
        let whole = bedrock::disk::read_file(&*disk, &path().join(file)).unwrap();
        let check = |bytes: &[u8], damage: String| {
            let damaged: Arc<dyn Disk> = Arc::new(MemDisk::new());
            damaged.create_dir(&path()).unwrap();
            for name in ["samples", "index"] {
                let path = path().join(name);
                let mut copy = damaged.create(&path).unwrap();
                let original = bedrock::disk::read_file(&*disk, &path).unwrap();
                copy.append(if name == file { bytes } else { &original }).unwrap();
            }
            // A byte that only fills a gap may change; what is read must not.
            if let Ok(found) = read_all(&*damaged) {
                assert_eq!(found.len(), series.len(), "{damage} of {file} went unnoticed");
                for ((_, found), (_, expected)) in found.iter().zip(&series) {
                    check_same(found, expected);
                }
            }
        };
        for position in 0..whole.len() {
            let mut bytes = whole.to_vec();
            bytes[position] ^= 1 << (position % 8);
            check(&bytes, format!("flip at {position}"));
        }
        for end in 0..whole.len() {
            check(&whole[..end], format!("cut at {end}"));
        }
    }
}
