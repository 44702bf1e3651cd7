//! The shop in real time, with real threads: some serve customers, one scrapes.
//!
//! A line is printed once what it tells of is durable. Whoever kills the process and opens the stores again finds
//! everything that was printed.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bedrock::wal::Durability;
use tsdb::Clock;

use crate::draw::time;
use crate::error::{Error, Result};
use crate::record::{Scraper, store};
use crate::shop::{COUNTRIES, METHODS, Order, SHOES, Shop};
use crate::simulate::{SCRAPE_MS, Totals};
use crate::stores::Stores;

/// So many customers are served at a time.
const CUSTOMERS: u64 = 4;

/// Tells the threads to stop, and wakes those that wait.
#[derive(Debug, Default)]
pub struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// Stops.
    pub fn stop(&self) {
        *locked(&self.stopped) = true;
        self.changed.notify_all();
    }

    /// Waits for a time, or until it is time to stop. Says whether it is.
    pub fn wait(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(locked(&self.stopped), time, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The time of the shop: that of the system, but never before what is stored. A shop that was simulated into the future
/// goes on there.
#[derive(Clone, Debug, Default)]
struct ShopClock {
    ahead_ms: Arc<AtomicU64>,
}

impl ShopClock {
    fn now_ns(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_nanos() as u64 + self.ahead_ms.load(Ordering::Relaxed) * 1_000_000
    }

    fn now_ms(&self) -> i64 {
        (self.now_ns() / 1_000_000) as i64
    }

    fn go_behind(&self, newest_ms: i64) {
        let ahead_ms = (newest_ms + 1 - self.now_ms()).max(0);
        self.ahead_ms.store(ahead_ms as u64, Ordering::Relaxed);
    }
}

/// What the threads share.
struct Live<'a, W> {
    stores: Stores,
    clock: ShopClock,
    shop: Mutex<Shop>,
    totals: Mutex<Totals>,
    out: Mutex<W>,
    stop: &'a Stop,
}

/// Runs the shop until it is told to stop. Every commit is durable before it is told of on `out`.
///
/// # Errors
///
/// The first failure of a thread; the others stop then.
pub fn live<W: Write + Send>(
    dir: &Path,
    seed: u64,
    orders_per_s: Option<f64>,
    stop: &Stop,
    out: W,
) -> Result<(Stores, Totals)> {
    let clock = ShopClock::default();
    let of_store = {
        let clock = clock.clone();
        Clock::from_fn(move || clock.now_ms())
    };
    let stores = Stores::open(dir, of_store, Durability::EveryCommit)?;
    clock.go_behind(stores.newest_ms().unwrap_or(0));
    let mut shop = Shop::open(seed, clock.now_ms(), stores.sold_before()?);
    shop.orders_per_s = orders_per_s;
    let totals = Totals { start_ms: clock.now_ms(), ..Totals::default() };
    let live = Live {
        stores,
        clock,
        shop: Mutex::new(shop),
        totals: Mutex::new(totals),
        out: Mutex::new(out),
        stop,
    };
    let mut scraper = Scraper::new(&live.stores);
    let outcome = std::thread::scope(|scope| {
        let customers: Vec<_> =
            (0..CUSTOMERS).map(|_| scope.spawn(|| live.until_failure(Live::serve))).collect();
        let scraped = live.until_failure(|live| live.scrape(&mut scraper));
        let served = customers.into_iter().map(|customer| customer.join().unwrap_or(Err(Error::Thread)));
        served.fold(scraped, Result::and)
    });
    outcome?;
    // What the last customers bought counts, too.
    live.scrape_once(&mut scraper)?;
    let mut totals = *locked(&live.totals);
    totals.end_ms = live.clock.now_ms();
    totals.sales = locked(&live.shop).instruments.sales();
    live.stores.settle()?;
    Ok((live.stores, totals))
}

impl<W: Write> Live<'_, W> {
    /// Work of a thread. Where it fails the others stop, too.
    fn until_failure(&self, work: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let outcome = work(self);
        if outcome.is_err() {
            self.stop.stop();
        }
        outcome
    }

    /// Serves one customer after the other.
    fn serve(&self) -> Result<()> {
        loop {
            let wait_ns = locked(&self.shop).next_order_ns(self.clock.now_ms()) * CUSTOMERS;
            if self.stop.wait(Duration::from_nanos(wait_ns)) {
                return Ok(());
            }
            let order = locked(&self.shop).place(self.clock.now_ns());
            std::thread::sleep(Duration::from_nanos(order.duration_ns()));
            let lines = {
                let mut shop = locked(&self.shop);
                shop.answered(&order);
                std::mem::take(&mut shop.lines)
            };
            let told = told(&order);
            let recorded = store(&self.stores, std::slice::from_ref(&order), &lines)?;
            {
                let mut totals = locked(&self.totals);
                totals.recorded += recorded;
                totals.count(order.outcome);
            }
            self.tell(&told)?;
        }
    }

    /// Scrapes at once, and then every five seconds.
    fn scrape(&self, scraper: &mut Scraper) -> Result<()> {
        loop {
            self.scrape_once(scraper)?;
            if self.stop.wait(Duration::from_millis(SCRAPE_MS as u64)) {
                return Ok(());
            }
        }
    }

    fn scrape_once(&self, scraper: &mut Scraper) -> Result<()> {
        let (time_ms, lines, mut recorded, sales) = {
            let mut shop = locked(&self.shop);
            let time_ns = self.clock.now_ns();
            let time_ms = (time_ns / 1_000_000) as i64;
            shop.scraped(time_ns);
            let recorded = scraper.scrape(&mut shop.instruments, time_ms)?;
            (time_ms, std::mem::take(&mut shop.lines), recorded, shop.instruments.sales())
        };
        let (samples, sold) = (recorded.samples, sales.iter().sum::<f64>());
        recorded += store(&self.stores, &[], &lines)?;
        locked(&self.totals).recorded += recorded;
        self.stores.tick(time_ms)?;
        self.tell(&format!("{}  scraped {samples} samples  sales {sold}", time::stamp(time_ms)))
    }

    fn tell(&self, line: &str) -> Result<()> {
        let mut out = locked(&self.out);
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    }
}

/// An order in one line.
fn told(order: &Order) -> String {
    let basket = order.basket;
    format!(
        "{}  order {}  {:<9} {:>3}  {} {:<6}  {:<8} {:>6} ms",
        time::stamp((order.end_ns / 1_000_000) as i64),
        order.trace_id,
        SHOES[basket.shoe],
        basket.amount,
        COUNTRIES[basket.country],
        METHODS[basket.method],
        order.outcome.as_str(),
        order.duration_ns() / 1_000_000,
    )
}

/// A panic of another thread leaves counts whole: they change in single additions.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
