//! Writes rows as shapes and columns.

use bedrock::codec::bytes::write_bytes;
use bedrock::codec::{numbers, varint};
use rustc_hash::FxHashMap;

use super::column::{write_column, write_zstd};
use super::tokens::{Cut, SLOT};

/// Fewest rows that are worth a shape of their own: a column costs some ten bytes whatever it holds.
const SHAPE_ROWS_MIN: usize = 24;

/// A cut of one value, see [`super::tokens`].
pub(super) type CutFn = fn(&[u8], &mut Cut) -> bool;

/// The rows of one shape while they are gathered.
struct Gathered<'a> {
    skeleton: Vec<u8>,
    /// Row numbers, for those that end up in the remainder.
    rows: Vec<u32>,
    /// Values slot by slot.
    slots: Vec<Vec<&'a [u8]>>,
    times_ns: Vec<i64>,
}

/// Appends a table over `values`, or returns false, with nothing of use appended, where there are more shapes than
/// `shapes_max`: then cutting does not pay.
pub(super) fn write_table(
    values: &[&[u8]],
    times_ns: &[i64],
    cut: CutFn,
    shapes_max: usize,
    nested: bool,
    out: &mut Vec<u8>,
) -> bool {
    let Some((mut shapes, mut ids, remainder)) = gather(values, times_ns, cut, shapes_max) else {
        return false;
    };
    keep_frequent(&mut shapes, &mut ids, remainder, values, times_ns);
    write_shapes(&shapes, &ids, nested, out);
    true
}

type GatheredRows<'a> = (Vec<Gathered<'a>>, Vec<u32>, Vec<u32>);

/// Sorts the rows by skeleton. Gives the shapes, the shape of every row, and the rows that could not be cut.
fn gather<'a>(
    values: &[&'a [u8]],
    times_ns: &[i64],
    cut_fn: CutFn,
    shapes_max: usize,
) -> Option<GatheredRows<'a>> {
    let mut known: FxHashMap<Vec<u8>, u32> = FxHashMap::default();
    let mut shapes: Vec<Gathered<'a>> = Vec::new();
    let mut ids = Vec::with_capacity(values.len());
    let mut remainder = Vec::new();
    let mut cut = Cut::default();
    for (row, (&value, &time_ns)) in values.iter().zip(times_ns).enumerate() {
        if !cut_fn(value, &mut cut) {
            remainder.push(row as u32);
            ids.push(u32::MAX);
            continue;
        }
        let id = known.get(&cut.skeleton).copied().unwrap_or_else(|| {
            let id = shapes.len() as u32;
            known.insert(cut.skeleton.clone(), id);
            let slots = vec![Vec::new(); cut.slots.len()];
            shapes.push(Gathered {
                skeleton: cut.skeleton.clone(),
                rows: Vec::new(),
                slots,
                times_ns: Vec::new(),
            });
            id
        });
        let shape = &mut shapes[id as usize];
        shape.rows.push(row as u32);
        shape.times_ns.push(time_ns);
        for (slot, &(start, end)) in shape.slots.iter_mut().zip(&cut.slots) {
            slot.push(&value[start as usize..end as usize]);
        }
        ids.push(id);
        // Rare shapes go to the remainder, so many of them are only a sign that most rows will end there.
        if shapes.len() > shapes_max {
            return None;
        }
    }
    Some((shapes, ids, remainder))
}

/// Moves the rows of rare shapes to a last shape without fixed text, and numbers the others by frequency.
fn keep_frequent<'a>(
    shapes: &mut Vec<Gathered<'a>>,
    ids: &mut [u32],
    mut remainder: Vec<u32>,
    values: &[&'a [u8]],
    times_ns: &[i64],
) {
    shapes.sort_by_key(|shape| std::cmp::Reverse(shape.rows.len()));
    let frequent = if values.len() < SHAPE_ROWS_MIN {
        shapes.len()
    } else {
        shapes.partition_point(|shape| shape.rows.len() >= SHAPE_ROWS_MIN)
    };
    for rare in shapes.drain(frequent..) {
        remainder.extend_from_slice(&rare.rows);
    }
    for (id, shape) in shapes.iter().enumerate() {
        for &row in &shape.rows {
            ids[row as usize] = id as u32;
        }
    }
    if remainder.is_empty() {
        return;
    }
    remainder.sort_unstable();
    for &row in &remainder {
        ids[row as usize] = shapes.len() as u32;
    }
    shapes.push(Gathered {
        skeleton: vec![SLOT],
        slots: vec![remainder.iter().map(|&row| values[row as usize]).collect()],
        times_ns: remainder.iter().map(|&row| times_ns[row as usize]).collect(),
        rows: remainder,
    });
}

fn write_shapes(shapes: &[Gathered<'_>], ids: &[u32], nested: bool, out: &mut Vec<u8>) {
    let mut heads = Vec::new();
    for shape in shapes {
        varint::write(shape.rows.len() as u64, &mut heads);
        varint::write(shape.slots.len() as u64, &mut heads);
        for text in shape.skeleton.split(|&byte| byte == SLOT) {
            write_bytes(text, &mut heads);
        }
    }
    varint::write(shapes.len() as u64, out);
    write_zstd(&heads, out);
    if shapes.len() > 1 {
        let ids: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
        numbers::write(&ids, out);
    }
    for shape in shapes {
        for slot in &shape.slots {
            write_column(slot, &shape.times_ns, nested, out);
        }
    }
}
