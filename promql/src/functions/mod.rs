//! What the functions of the language compute.
//!
//! | module | functions |
//! |---|---|
//! | [`range`] | those over a window of samples: the exact definition, one window at a time |
//! | [`kernel`] | the same over all windows of a series of floats, O(1) work a step |
//! | [`elementwise`] | those of one value |
//! | [`calendar`] | those of a date |
//! | [`classic`] | quantiles and fractions of classic histograms |
//! | [`natural`] | the order of texts with numbers in them |

pub(crate) mod calendar;
pub(crate) mod classic;
pub(crate) mod elementwise;
pub(crate) mod kernel;
pub(crate) mod natural;
pub(crate) mod range;
