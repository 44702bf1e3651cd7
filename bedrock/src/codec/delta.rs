//! Differences between neighbours, in place and wrapping, so that every input has an inverse.
//!
//! The first value stays as it is. Applying [`encode`] again to everything but the first value gives the
//! delta-of-delta form, which is all zeros after two values where the steps are equal.

/// Replaces each value but the first by its difference from the one before.
///
/// ```
/// use bedrock::codec::delta;
///
/// let mut column = [100, 115, 130, 146];
/// delta::encode(&mut column);
/// assert_eq!(column, [100, 15, 15, 16]);
/// delta::decode(&mut column);
/// assert_eq!(column, [100, 115, 130, 146]);
/// ```
pub fn encode(values: &mut [i64]) {
    for i in (1..values.len()).rev() {
        values[i] = values[i].wrapping_sub(values[i - 1]);
    }
}

/// The inverse of [`encode`].
pub fn decode(values: &mut [i64]) {
    let mut sum = 0i64;
    for value in values {
        sum = sum.wrapping_add(*value);
        *value = sum;
    }
}

/// Replaces the values by the first, the first difference, and then the differences between differences.
pub fn encode_twice(values: &mut [i64]) {
    encode(values);
    encode(values.get_mut(1..).unwrap_or_default());
}

/// The inverse of [`encode_twice`], in one pass.
pub fn decode_twice(values: &mut [i64]) {
    let Some((first, rest)) = values.split_first_mut() else { return };
    let (mut value, mut step) = (*first, 0i64);
    for slot in rest {
        step = step.wrapping_add(*slot);
        value = value.wrapping_add(step);
        *slot = value;
    }
}

/// [`encode`] for ascending ids and offsets.
pub fn encode_u32(values: &mut [u32]) {
    for i in (1..values.len()).rev() {
        values[i] = values[i].wrapping_sub(values[i - 1]);
    }
}

/// The inverse of [`encode_u32`].
pub fn decode_u32(values: &mut [u32]) {
    let mut sum = 0u32;
    for value in values {
        sum = sum.wrapping_add(*value);
        *value = sum;
    }
}

#[cfg(test)]
mod tests;
