use super::*;

#[test]
fn lines_have_the_shape_of_their_stream() {
    let logs = Logs::new(LogsOptions::default());
    let streams = logs.streams().to_vec();
    assert_eq!(streams.len(), 96);
    let (mut errors, mut seen, mut before) = (0, vec![0usize; streams.len()], 0);
    let lines: Vec<LogLine> = logs.take(20_000).collect();
    for line in &lines {
        assert!(line.timestamp_ns > before);
        before = line.timestamp_ns;
        seen[line.stream] += 1;
        errors += usize::from(line.line.contains("\"level\":\"error\"") || line.line.contains("level=error"));
        let ok = match streams[line.stream].get("format") {
            Some("json") => line.line.starts_with("{\"ts\":") && line.line.ends_with('}'),
            Some("logfmt") => line.line.starts_with("ts=") && line.line.ends_with('B'),
            _ => line.line.starts_with("10.") && line.line.contains(" HTTP/1.1\" "),
        };
        assert!(ok, "{}", line.line);
    }
    assert!((100..800).contains(&errors), "{errors}");
    assert!(seen.iter().max().unwrap() > &(20 * seen.iter().min().unwrap()), "a few streams are busy");
    assert_eq!(lines, Logs::new(LogsOptions::default()).take(20_000).collect::<Vec<_>>());
}
