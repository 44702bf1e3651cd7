use bytes::Bytes;
use proptest::prelude::*;

use super::{TemplatePage, write_page};
use crate::lines::LineBuffer;

fn page_of(lines: &[Vec<u8>], times_ns: &[i64]) -> Option<Vec<u8>> {
    let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
    write_page(&lines, times_ns)
}

#[track_caller]
fn check_round_trip(lines: &[Vec<u8>], times_ns: &[i64]) {
    let Some(page) = page_of(lines, times_ns) else { return };
    let page = TemplatePage::open(Bytes::from(page), lines.len()).unwrap();
    let mut out = LineBuffer::new();
    page.lines(times_ns, None, &mut out).unwrap();
    assert_eq!(out.len(), lines.len());
    for (found, expected) in out.iter().zip(lines) {
        assert_eq!(String::from_utf8_lossy(found), String::from_utf8_lossy(expected));
        assert_eq!(found, expected);
    }
}

/// Lines as services print them, with every kind of column and values that almost fit one.
fn service_line() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        (0i64..1000).prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        (0u32..100).prop_map(|n| format!("{n:03}")),
        (0u32..1_000_000).prop_map(|n| format!("{}.{:03}ms", n / 1000, n % 1000)),
        (0u32..1_000_000).prop_map(|n| (f64::from(n) / 1000.0).to_string()),
        any::<u64>().prop_map(|n| format!("{n:016x}")),
        (0u32..9).prop_map(|n| format!("/api/v{n}/item-{}", n * 7919)),
        Just("-0".to_owned()),
        Just("-0.5".to_owned()),
        Just("1.".to_owned()),
        Just("007".to_owned()),
        "[a-f0-9]{8}",
        "[ -~]{0,12}",
    ];
    (0..4, prop::collection::vec(value, 4)).prop_map(|(form, v)| {
        match form {
            0 => format!("level={} took={} id={} path={}", v[0], v[1], v[2], v[3]),
            1 => format!(r#"{{"level":"{}","took":{},"id":"{}","path":"{}"}}"#, v[0], v[1], v[2], v[3]),
            2 => format!("GET {} {} - [{}] \"{}\"", v[0], v[1], v[2], v[3]),
            _ => format!("{} {} \"{} \\\" {}", v[0], v[1], v[2], v[3]),
        }
        .into_bytes()
    })
}

proptest! {
    #![proptest_config(testkit::rounds::cases(64))]

    #[test]
    fn service_lines_survive(lines in prop::collection::vec(service_line(), 1..400), start in any::<i64>()) {
        let times: Vec<i64> = (0..lines.len() as i64).map(|i| start.wrapping_add(i * 1_000_000)).collect();
        check_round_trip(&lines, &times);
    }

    #[test]
    fn any_bytes_survive(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..80)) {
        check_round_trip(&lines, &vec![0; lines.len()]);
    }

    /// A search may name rows without the literal, but never miss one that holds it.
    #[test]
    fn search_misses_nothing(
        lines in prop::collection::vec(service_line(), 1..200),
        row in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        length in 1usize..14,
    ) {
        let times = vec![0; lines.len()];
        let line = row.get(&lines);
        let start = from.index(line.len().max(1));
        let needle = &line[start.min(line.len())..(start + length).min(line.len())];
        if let Some(page) = page_of(&lines, &times) {
            let page = TemplatePage::open(Bytes::from(page), lines.len()).unwrap();
            if let Some(found) = page.candidates(needle).unwrap() {
                for (row, line) in lines.iter().enumerate() {
                    if memchr::memmem::find(line, needle).is_some() {
                        prop_assert!(found.contains(row), "{:?} in {:?}",
                            String::from_utf8_lossy(needle), String::from_utf8_lossy(line));
                    }
                }
            }
        }
    }

    #[test]
    fn damaged_pages_never_panic(
        lines in prop::collection::vec(service_line(), 1..100),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let times = vec![0; lines.len()];
        if let Some(mut page) = page_of(&lines, &times) {
            let at = at.index(page.len());
            page[at] ^= flip;
            if let Ok(page) = TemplatePage::open(Bytes::from(page), lines.len()) {
                // What is read back may be wrong: the container's checksum is what tells.
                let _ = page.lines(&times, None, &mut LineBuffer::new());
                let _ = page.candidates(b"level7");
            }
        }
    }
}

fn clock_lines(count: i64) -> (Vec<Vec<u8>>, Vec<i64>) {
    (0..count)
        .map(|i| {
            let time_ns = 1_780_000_000_000_000_000 + i * 1_234_567_891;
            let line = format!(
                "ts={} level={} n={}",
                time_ns / 1_000_000,
                ["info", "error"][(i % 7 == 0) as usize],
                i
            );
            (line.into_bytes(), time_ns)
        })
        .unzip()
}

#[test]
fn a_clock_in_the_line_costs_nothing() {
    let (lines, times) = clock_lines(5000);
    check_round_trip(&lines, &times);
    let page = page_of(&lines, &times).unwrap();
    assert!(page.len() < 3000, "5,000 lines took {} bytes", page.len());
}

#[test]
fn search_reads_the_dictionary() {
    let (lines, times) = clock_lines(700);
    let page = TemplatePage::open(page_of(&lines, &times).unwrap().into(), lines.len()).unwrap();
    assert_eq!(page.templates(), 1);
    let found = page.candidates(b"level=error").unwrap().unwrap();
    assert_eq!(found.len(), 100);
    let mut out = LineBuffer::new();
    page.lines(&times, Some(&found), &mut out).unwrap();
    assert!(out.iter().all(|line| memchr::memmem::find(line, b"level=error").is_some()));
    assert!(page.candidates(b"fatal").unwrap().unwrap().is_empty());
    assert!(page.candidates(b" = ").unwrap().is_none(), "a literal without a word says nothing");
}

#[test]
fn decimals_of_every_printer_are_numbers() {
    let lines = |print: fn(u32) -> String| -> Vec<Vec<u8>> {
        let number = |i: u32| i * 7919 % 500_000;
        (0..2000).map(|i| format!(r#"{{"took":{}}}"#, print(number(i))).into_bytes()).collect()
    };
    let printers: [fn(u32) -> String; 4] = [
        |n| format!("{}.{:03}ms", n / 1000, n % 1000),
        |n| format!("{:?}", f64::from(n) / 1000.0),
        |n| (f64::from(n) / 1000.0).to_string(),
        |n| format!("{n}B"),
    ];
    for (number, print) in printers.into_iter().enumerate() {
        let lines = lines(print);
        check_round_trip(&lines, &vec![0; lines.len()]);
        let page = page_of(&lines, &vec![0; lines.len()]).unwrap();
        // 500,000 numbers are 19 bits each.
        assert!(page.len() < lines.len() * 20 / 8 + 100, "printer {number}: {} bytes", page.len());
    }
}
