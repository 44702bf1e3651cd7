//! Files and their lines.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// The files of a folder by the part of their name before the first dot, without those that hold spans.
pub(crate) fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut files: Vec<(String, PathBuf)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?.to_owned();
            let rows = name.contains(".jsonl") && !name.contains(".otlp.") && !name.contains(".trace_meta.");
            rows.then(|| (name.split('.').next().unwrap_or_default().to_owned(), path))
        })
        .collect();
    files.sort();
    files
}

/// The text of a file, unpacked where its name ends in `.zst`.
pub(crate) fn text(path: &Path) -> String {
    let mut bytes = std::fs::read(path).unwrap_or_default();
    if path.extension().is_some_and(|extension| extension == "zst") {
        let mut unpacked = Vec::new();
        if let Ok(mut decoder) = zstd::Decoder::new(bytes.as_slice()) {
            let _ = decoder.read_to_end(&mut unpacked);
        }
        bytes = unpacked;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The lines of a file, each with an id, as JSON; `None` where a line cannot be read.
pub(crate) fn rows(path: &Path) -> Vec<(String, Option<Json>)> {
    let parse = |(index, line): (usize, &str)| {
        let row: Option<Json> = serde_json::from_str(line).ok();
        let id = row.as_ref().and_then(|row| row["id"].as_str().map(str::to_owned));
        (id.unwrap_or_else(|| format!("line-{}", index + 1)), row)
    };
    text(path).lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(parse).collect()
}
