//! Hours of the shop in seconds: the same shop, but its clock jumps from scrape to scrape.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bedrock::wal::Durability;
use tsdb::Clock;

use crate::error::Result;
use crate::record::{Recorded, Scraper, store};
use crate::shop::{Order, Outcome, Shop};
use crate::stores::Stores;

/// The shop is scraped so often.
pub const SCRAPE_MS: i64 = 5_000;
/// The stores do their upkeep so often, in the time of the shop.
const UPKEEP_MS: i64 = 600_000;

/// What to simulate.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The same seed and start give the same shop.
    pub seed: u64,
    /// For how long, in the time of the shop.
    pub length_ms: i64,
    /// Where a new shop ends, in milliseconds since the epoch. One that was there before goes on where it stopped.
    pub end_ms: i64,
    /// Orders a second, where they do not follow the day.
    pub orders_per_s: Option<f64>,
}

/// What the simulation itself has counted: the stores must agree.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// The first and the last moment.
    pub start_ms: i64,
    #[expect(missing_docs, reason = "said above")]
    pub end_ms: i64,
    /// What was sold, by shoe, since the shop opened for the first time.
    pub sales: [f64; 3],
    /// Orders by outcome, in the order of [`Outcome::ALL`].
    pub orders: [u64; 4],
    /// What went into the stores.
    pub recorded: Recorded,
}

impl Totals {
    /// Counts an order.
    pub(crate) fn count(&mut self, outcome: Outcome) {
        self.orders[outcome as usize] += 1;
    }

    /// All orders.
    pub fn all_orders(&self) -> u64 {
        self.orders.iter().sum()
    }
}

/// Simulates, and tells after every scrape how far it is, from 0 to 1. The stores stay open for who wants to ask them.
///
/// # Errors
///
/// Where a store refuses.
pub fn simulate(dir: &Path, plan: &Plan, mut progress: impl FnMut(f64, &Totals)) -> Result<(Stores, Totals)> {
    let now_ms = Arc::new(AtomicI64::new(plan.end_ms));
    let clock = {
        let now_ms = Arc::clone(&now_ms);
        Clock::from_fn(move || now_ms.load(Ordering::Relaxed))
    };
    // Synced once a second and not with every commit: a simulation that dies is run again.
    let stores = Stores::open(dir, clock, Durability::Interval(Duration::from_secs(1)))?;
    let newest_ms = stores.newest_ms();
    let start_ms = newest_ms.unwrap_or((plan.end_ms - plan.length_ms) / SCRAPE_MS * SCRAPE_MS);
    let end_ms = start_ms + plan.length_ms;
    let mut shop = Shop::open(plan.seed, start_ms, stores.sold_before()?);
    shop.orders_per_s = plan.orders_per_s;
    let mut scraper = Scraper::new(&stores);
    let mut totals = Totals { start_ms, end_ms, ..Totals::default() };
    if newest_ms.is_none() {
        // A counter that is seen at zero first shows its first increase, too.
        totals.recorded += scraper.scrape(&mut shop.instruments, start_ms)?;
    }
    let mut under_way: Vec<Order> = Vec::new();
    let mut next_ns = start_ms as u64 * 1_000_000 + shop.next_order_ns(start_ms);

    for time_ms in (start_ms + SCRAPE_MS..=end_ms).step_by(SCRAPE_MS as usize) {
        let time_ns = time_ms as u64 * 1_000_000;
        now_ms.store(time_ms, Ordering::Relaxed);
        while next_ns < time_ns {
            under_way.push(shop.place(next_ns));
            next_ns += shop.next_order_ns((next_ns / 1_000_000) as i64);
        }
        let (mut answered, rest): (Vec<Order>, Vec<Order>) =
            under_way.into_iter().partition(|order| order.end_ns <= time_ns);
        under_way = rest;
        answered.sort_by_key(|order| order.end_ns);
        for order in &answered {
            shop.answered(order);
            totals.count(order.outcome);
        }
        shop.scraped(time_ns);
        totals.recorded += store(&stores, &answered, &std::mem::take(&mut shop.lines))?;
        totals.recorded += scraper.scrape(&mut shop.instruments, time_ms)?;
        if time_ms % UPKEEP_MS == 0 {
            stores.tick(time_ms)?;
        }
        progress((time_ms - start_ms) as f64 / plan.length_ms as f64, &totals);
    }
    totals.sales = shop.instruments.sales();
    stores.settle()?;
    Ok((stores, totals))
}
