//! What is drawn fits its width, can be read without colours, and says what the numbers say.

use shoehub::draw::table::Table;
use shoehub::draw::{Line, Paint, beside, boxed, chart, heat, number, render};

fn rows() -> Vec<(String, f64)> {
    [("Boots", 420.0), ("HighHeels", 100.0), ("Loafers", 0.5)]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
}

fn series() -> Vec<(String, Vec<f64>)> {
    let wave = |phase: f64| (0..90).map(|step| (f64::from(step) / 9.0 + phase).sin() + 1.0).collect();
    vec![("AU".to_owned(), wave(0.0)), ("US".to_owned(), vec![f64::NAN; 90]), ("IN".to_owned(), wave(1.0))]
}

#[test]
fn every_line_of_a_box_has_its_width() {
    let contents = [
        chart::gauge(1_470_610.0, 40),
        chart::pie(&rows(), 40),
        chart::bars(&rows(), 40),
        chart::trend(&series(), (0, 3_600_000), 2, 40),
        heat::heat_map(&series(), (0, 3_600_000), 40),
        vec![Line::plain("x".repeat(99))],
        Vec::new(),
    ];
    for lines in contents {
        for note in ["", "sum(shoehub_sales)", &"sum by (client, server) ".repeat(9)] {
            let drawn = boxed("Total Sales", note, lines.clone(), 44);
            assert!(drawn.iter().all(|line| line.width() == 44), "{}", render(&drawn, false));
        }
        let pair = beside(boxed("left", "", lines, 44), boxed("right", "", vec![Line::plain("one")], 30));
        assert!(pair.iter().all(|line| line.width() == 44 + 2 + 30), "{}", render(&pair, false));
    }
}

#[test]
fn colours_are_drawn_only_where_they_are_wanted() {
    let lines = [Line::of(Paint::Alarm, "firing").with(Paint::Plain, " since 15:04")];
    assert_eq!(render(&lines, false), "firing since 15:04\n");
    assert_eq!(render(&lines, true), "\x1b[1;38;5;203mfiring\x1b[0m since 15:04\n");
}

#[test]
fn charts_say_what_the_numbers_say() {
    assert_eq!(chart::spark(&[0.0, 1.0, 4.0, 8.0, f64::NAN]), " ▁▄█ ");
    assert_eq!(chart::bar(0.5, 4), "██");
    assert_eq!(chart::bar(0.3, 4), "█▎");
    assert_eq!(chart::resampled(&[1.0, 3.0, f64::NAN, 5.0], 2), [2.0, 5.0]);
    assert_eq!(chart::resampled(&[1.0, 2.0], 4), [1.0, 1.0, 2.0, 2.0]);
    let shares: Vec<String> = chart::pie(&rows(), 40).iter().skip(2).map(Line::text).collect();
    assert!(shares[0].contains("Boots") && shares[0].contains("80.7%"), "{shares:?}");
    assert_eq!([0.0, 1.0, 7.0, 1_470_610.0].map(chart::round_above), [1.0, 2.0, 10.0, 2_000_000.0]);
}

#[test]
fn numbers_are_written_for_people() {
    assert_eq!(
        [0.0, 0.0456, 1.5, 47.42, 1_234_567.0, -1_234.5].map(number::plain),
        ["0", "0.046", "1.50", "47.4", "1,234,567", "-1,234"]
    );
    assert_eq!(
        [0.000_05, 0.0098, 0.083, 2.41, 61.0].map(number::seconds),
        ["50 us", "9.80 ms", "83 ms", "2.41 s", "61.0 s"]
    );
    assert_eq!(
        [812, 3_400_000, 999_999, 250_000_000].map(number::bytes),
        ["812 B", "3.4 MB", "1.0 MB", "250 MB"]
    );
    assert_eq!(number::percent(0.0314), "3.1%");
    assert_eq!(number::count(100_000), "100,000");
}

#[test]
fn columns_are_as_wide_as_their_widest_text() {
    let mut table = Table::new(["name", ">value"]);
    table.row(["a", "1"]);
    table.row(["longer", "22"]);
    let text = render(&table.lines(None), false);
    assert_eq!(text, "name    value\na           1\nlonger     22\n");
}
