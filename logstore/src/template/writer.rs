//! Writes a template page.

use super::format::{ROWS_MAX, VERSION};
use super::table::write_table;
use super::tokens::cut_line;

/// One template is worth so many lines; with more templates than that the lines are prose, and zstd does better.
const LINES_PER_TEMPLATE: usize = 16;

/// Writes `lines` as a template page. `times_ns` are the entries' times: clocks printed in the lines are stored as
/// the distance to them, and the reader must give the same times back. Returns `None` where the lines have no
/// structure worth a template.
///
/// About 17 ms per MB of lines. The page holds no checksum: its container does.
///
/// # Panics
///
/// Where `lines` and `times_ns` differ in length or there are more than a million lines.
pub fn write_page(lines: &[&[u8]], times_ns: &[i64]) -> Option<Vec<u8>> {
    assert_eq!(lines.len(), times_ns.len(), "every line has a time");
    assert!(lines.len() <= ROWS_MAX, "a page has at most {ROWS_MAX} lines");
    let mut page = vec![VERSION];
    let shapes_max = lines.len() / LINES_PER_TEMPLATE + 16;
    write_table(lines, times_ns, cut_line, shapes_max, false, &mut page).then_some(page)
}
