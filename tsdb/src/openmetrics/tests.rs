//! Text to samples and back; broken lines are named by number and column, and never panic.

use std::io::Read;
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;
use crate::chunk::FloatSamples;

fn import(text: &str, options: ImportOptions) -> Result<(Vec<ImportedSeries>, Progress), ImportError> {
    let mut importer = Importer::new(options);
    importer.read(text.as_bytes(), |_| ControlFlow::Continue(()))?;
    let progress = importer.progress();
    Ok((importer.finish(), progress))
}

fn samples(series: &ImportedSeries) -> Vec<(i64, f64)> {
    let mut out = FloatSamples::default();
    series.chunks.iter().for_each(|chunk| chunk.decode_floats(&mut out).unwrap());
    out.timestamps_ms.iter().copied().zip(out.values.iter().copied()).collect()
}

#[test]
fn both_dialects_are_read() {
    let text = "# HELP x y\n# TYPE x counter\n\nx_total{a=\"b\",} 1 1700000000.5\r\nx_total { a = \"b\" } 2.5e3 1700000001\nup 1 1.7e9\n# EOF";
    let (series, progress) = import(text, ImportOptions::default()).unwrap();
    assert_eq!(series.len(), 2);
    assert_eq!(series[1].labels.to_string(), r#"{__name__="x_total", a="b"}"#);
    assert_eq!(samples(&series[1]), [(1_700_000_000_500, 1.0), (1_700_000_001_000, 2500.0)]);
    assert_eq!((progress.lines, progress.samples, progress.series), (7, 3, 2));

    let options =
        ImportOptions { dialect: Dialect::Prometheus, default_time_ms: Some(7), ..ImportOptions::default() };
    let (series, _) = import("up -Inf 1700000000500\nup 3\n", options).unwrap();
    assert_eq!(samples(&series[0]), [(1_700_000_000_500, f64::NEG_INFINITY), (7, 3.0)]);
}

#[test]
fn quotes_escapes_and_exemplars() {
    let text =
        "{\"http.requests\",\"a.b\"=\"q\\\"\\\\\\n}\"} 4 1 # {trace_id=\"x y\"} 0.5 1\nm{a=\"} 1 2\"} 5 2\n";
    let (series, progress) = import(text, ImportOptions::default()).unwrap();
    assert_eq!(series[0].labels.get("__name__"), Some("http.requests"));
    assert_eq!(series[0].labels.get("a.b"), Some("q\"\\\n}"));
    assert_eq!(series[1].labels.get("a"), Some("} 1 2"));
    assert_eq!(samples(&series[1]), [(2000, 5.0)]);
    assert_eq!(progress.exemplars, 1);
}

#[test]
fn errors_name_line_and_column() {
    for (text, expected) in [
        ("up 1 1\nup x 2\n", "line 2, column 4: \"x\" is no value"),
        ("up 1 1\n\n# c\nup 1 1s\n", "line 4, column 6: \"1s\" is no timestamp"),
        ("up{a=\"b\" 1 1\n", "line 1, column 10: expected , or }"),
        ("up{a=\"b} 1 1\n", "line 1, column 13: expected closing quotes"),
        ("up{=\"b\"} 1 1\n", "line 1, column 4: expected the name of a label, or }"),
        ("{a=\"b\"} 1 1\n", "line 1, column 1: expected the name of a metric"),
        ("up{a=\"b\",a=\"c\"} 1 1\n", "line 1, column 1: label \"a\" is given twice: \"b\" and \"c\""),
        ("up 1\n", "line 1, column 5: the sample has no timestamp"),
        ("up 1 1 1\n", "line 1, column 8: expected the end of the line"),
        ("up\n", "line 1, column 3: expected a value"),
        ("9up 1 1\n", "line 1, column 1: expected the name of a metric"),
    ] {
        let error = import(text, ImportOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text:?}");
    }
}

#[test]
fn broken_lines_are_skipped_up_to_the_limit() {
    let options = ImportOptions { errors_max: 2, ..ImportOptions::default() };
    let mut importer = Importer::new(options);
    let text = "a 1 1\nb\nc 1 1\nd\nf\n";
    let error = importer.read(text.as_bytes(), |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, ImportError::Line(Skipped { line: 5, .. })), "{error}");
    assert_eq!(importer.skipped().iter().map(|skipped| skipped.line).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(
        importer.finish().len(),
        2,
        "what was read before is there, and a broken line makes no series"
    );
}

#[test]
fn the_callback_can_stop_and_a_failing_reader_is_told() {
    let mut importer = Importer::new(ImportOptions::default());
    let error = importer.read("a 1 1\n".as_bytes(), |_| ControlFlow::Break(())).unwrap_err();
    assert!(matches!(error, ImportError::Stopped { line: 1 }), "{error}");

    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("gone"))
        }
    }
    let error = importer.read(Failing, |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(error.to_string(), "line 1: gone");
}

#[test]
fn a_line_without_end_is_refused_before_memory_is_gone() {
    let mut importer = Importer::new(ImportOptions::default());
    let endless = std::io::repeat(b'x');
    let error = importer.read(endless, |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(error.to_string(), "line 1, column 1048577: the line has more than 1048576 bytes");
}

/// A reader that gives one byte at a time tears every line apart.
struct Slow<'a>(&'a [u8]);

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let (Some((&first, rest)), Some(slot)) = (self.0.split_first(), out.first_mut()) else {
            return Ok(0);
        };
        *slot = first;
        self.0 = rest;
        Ok(1)
    }
}

proptest! {
    #![proptest_config(testkit::rounds::cases(256))]

    #[test]
    fn any_text_is_read_or_refused(text in "[ -~\n]{0,80}", lines in prop::collection::vec("[a{}\"=\\\\,# 1.e\n]{0,30}", 0..8)) {
        let text = format!("{text}\n{}", lines.join("\n"));
        let options = ImportOptions { errors_max: 1000, default_time_ms: Some(1), ..ImportOptions::default() };
        let (whole, _) = import(&text, options.clone()).unwrap();
        let mut importer = Importer::new(options);
        importer.read(Slow(text.as_bytes()), |_| ControlFlow::Continue(())).unwrap();
        let slow = importer.finish();
        prop_assert_eq!(
            whole.iter().map(|s| (s.labels.clone(), s.chunks.clone())).collect::<Vec<_>>(),
            slow.iter().map(|s| (s.labels.clone(), s.chunks.clone())).collect::<Vec<_>>()
        );
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut importer = Importer::new(ImportOptions { errors_max: 1000, ..ImportOptions::default() });
        let _ = importer.read(bytes.as_slice(), |_| ControlFlow::Continue(()));
    }

    #[test]
    fn numbers_come_back(bits in any::<u64>(), ms in -1_000_000_000_000_i64..4_000_000_000_000) {
        let value = f64::from_bits(bits);
        prop_assume!(!value.is_nan());
        let seconds = format!("{}{}.{:03}", if ms < 0 { "-" } else { "" }, ms.abs() / 1000, ms.abs() % 1000);
        prop_assert_eq!(number::timestamp_ms(seconds.as_bytes(), Dialect::OpenMetrics), Some(ms));
        prop_assert_eq!(number::value(format!("{value:e}").as_bytes()).map(f64::to_bits), Some(bits));
        prop_assert_eq!(number::value(format!("{value}").as_bytes()).map(f64::to_bits), Some(bits));
    }
}
