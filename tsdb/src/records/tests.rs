use bedrock::codec::ByteReader;
use bedrock::labels::Labels;
use proptest::prelude::*;

use super::{
    FloatRecord, FloatWriter, RecordReader, RecordWriter, Section, read_definitions, read_floats,
    read_samples,
};

fn any_float() -> impl Strategy<Value = FloatRecord> {
    let reference = prop_oneof![0..50_u64, any::<u64>()];
    let start = prop_oneof![Just(0_i64), any::<i64>()];
    let xor = prop_oneof![Just(0_u64), any::<u64>(), (0..64_u32).prop_map(|bit| 1 << bit)];
    (reference, prop_oneof![Just(5_i64), any::<i64>()], start, xor)
        .prop_map(|(reference, time_ms, start_ms, xor)| FloatRecord { reference, time_ms, start_ms, xor })
}

proptest! {
    #[test]
    fn floats_come_back_as_they_went_in(floats in prop::collection::vec(any_float(), 0..300)) {
        let mut writer = FloatWriter::default();
        writer.reserve(floats.len());
        floats.iter().for_each(|float| writer.push(*float));
        let mut bytes = Vec::new();
        writer.write_to(&mut bytes);
        let mut reader = ByteReader::new(&bytes);
        let mut found = Vec::new();
        read_floats(&mut reader, |float| found.push(float)).unwrap();
        prop_assert!(reader.is_empty());
        prop_assert_eq!(found, floats);
    }

    #[test]
    fn hostile_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_floats(&mut ByteReader::new(&bytes), |_| {});
        let _ = read_definitions(&mut ByteReader::new(&bytes), |_| true, |_, _| {});
        let _ = read_samples(&mut ByteReader::new(&bytes), |_| {});
        if let Ok(mut record) = RecordReader::new(&bytes) {
            while let Ok(Some(_)) = record.next() {}
        }
    }
}

#[test]
fn definitions_share_their_texts() {
    let series: Vec<(u64, Labels)> = (0..90)
        .map(|number| {
            let device = format!("sd{number}");
            let pairs =
                [("instance", "host-0042.example:9100"), ("job", "node"), ("device", device.as_str())];
            ((1_u64 << 32) + number, Labels::from_pairs(pairs).unwrap())
        })
        .collect();
    let mut record = RecordWriter::default();
    record.begin(7);
    record.definitions(series.iter().map(|(reference, labels)| (*reference, labels)));
    assert!(record.bytes().len() < series.len() * 16, "{} bytes", record.bytes().len());
    let mut reader = RecordReader::new(record.bytes()).unwrap();
    assert_eq!(reader.commit, 7);
    let (section, mut body) = reader.next().unwrap().unwrap();
    assert_eq!(section, Section::Definitions);
    let mut found = Vec::new();
    read_definitions(&mut body, |_| true, |reference, labels| found.push((reference, labels))).unwrap();
    assert_eq!(found, series);
    assert!(reader.next().unwrap().is_none());
}
