//! Where a bucket lies: from schema and index to bounds.

use super::CUSTOM_BUCKETS_SCHEMA;

/// `2^exponent` times `fraction`, right also where the result is subnormal.
fn scale_by_power(fraction: f64, exponent: i32) -> f64 {
    if exponent > 1023 {
        return fraction * 2f64.powi(1023) * 2f64.powi((exponent - 1023).min(1023));
    }
    if exponent < -1022 {
        return fraction * 2f64.powi(-1022) * 2f64.powi((exponent + 1022).max(-1022));
    }
    fraction * 2f64.powi(exponent)
}

/// Upper bound of the exponential bucket `index`. The bucket of the largest finite numbers ends at `f64::MAX`; the
/// one above it, which holds infinite observations, at infinity.
pub(super) fn exponential_bound(index: i32, schema: i32) -> f64 {
    if schema < 0 {
        let exponent = i64::from(index) << (-schema).min(8);
        return match exponent {
            1024 => f64::MAX,
            _ => scale_by_power(1.0, exponent.clamp(-4000, 4000) as i32),
        };
    }
    let schema = schema.min(8);
    let per_octave = 1 << schema;
    let within = index & (per_octave - 1);
    let octave = index >> schema;
    if within == 0 && octave == 1024 {
        return f64::MAX;
    }
    scale_by_power((f64::from(within) / f64::from(per_octave)).exp2(), octave.clamp(-4000, 4000))
}

/// Upper bound of bucket `index` in any schema; out of range is infinite.
pub(super) fn bound(index: i32, schema: i32, custom_values: &[f64]) -> f64 {
    if schema != CUSTOM_BUCKETS_SCHEMA {
        return exponential_bound(index, schema);
    }
    if index < 0 {
        return f64::NEG_INFINITY;
    }
    custom_values.get(index as usize).copied().unwrap_or(f64::INFINITY)
}

/// The bucket of schema `to` that holds bucket `index` of the finer schema `from`.
pub(super) fn coarser_index(index: i32, from: i32, to: i32) -> i32 {
    debug_assert!(to <= from);
    (index.wrapping_sub(1) >> (from - to).clamp(0, 31)) + 1
}
