//! What a day brings: how many customers come, what is sold out, what breaks. All of it follows from seed and time
//! alone, so that a shop that was stopped and started again lives the same day.

use super::{BOOTS, SHOES};
use crate::shop::chance::Chance;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Every so often one shoe is sold out for a while.
const DELIVERY_MS: i64 = 90 * MINUTE_MS;
/// Every so often something breaks for a while.
const INCIDENT_MS: i64 = 2 * HOUR_MS;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incident {
    /// The card provider takes seconds and gives up on some payments.
    SlowCards,
    /// The catalogue loses the connection to its database.
    DatabaseLost,
}

/// The days of a shop.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    seed: u64,
}

impl Day {
    /// The days of a seed.
    pub fn new(seed: u64) -> Self {
        Day { seed }
    }

    /// How many orders come in a second: a quarter at night, two in the evening, one and a bit in between.
    pub fn orders_per_s(&self, time_ms: i64) -> f64 {
        let hour = time_ms.rem_euclid(24 * HOUR_MS) as f64 / HOUR_MS as f64;
        let hill = |peak: f64, width: f64| (-((hour - peak) / width).powi(2)).exp();
        0.25 + 0.9 * hill(12.5, 3.5) + 1.6 * hill(19.5, 2.5)
    }

    /// The shoe that is sold out, as an index of [`SHOES`].
    pub fn sold_out(&self, time_ms: i64) -> Option<usize> {
        let slot = time_ms.div_euclid(DELIVERY_MS);
        let minutes = self.spell(slot, 1, DELIVERY_MS, 12, 24)?.contains(&time_ms);
        // Boots are what everybody wants: every second time it is them.
        let shoe = if slot % 2 == 0 { BOOTS } else { (BOOTS + 1 + (slot / 2 % 2) as usize) % SHOES.len() };
        minutes.then_some(shoe)
    }

    /// What is broken.
    pub fn incident(&self, time_ms: i64) -> Option<Incident> {
        let slot = time_ms.div_euclid(INCIDENT_MS);
        let now = self.spell(slot, 2, INCIDENT_MS, 6, 12)?.contains(&time_ms);
        let kind = if slot % 2 == 0 { Incident::SlowCards } else { Incident::DatabaseLost };
        now.then_some(kind)
    }

    /// A stretch of some minutes that lies inside a slot of time.
    fn spell(&self, slot: i64, salt: u64, slot_ms: i64, low: u64, high: u64) -> Option<std::ops::Range<i64>> {
        let mut chance = Chance::new(self.seed ^ salt ^ (slot as u64).rotate_left(17));
        let length_ms = chance.between(low, high) as i64 * MINUTE_MS;
        let room_ms = u64::try_from(slot_ms - length_ms).ok()?;
        let start_ms = slot * slot_ms + chance.between(0, room_ms) as i64;
        Some(start_ms..start_ms + length_ms)
    }
}
