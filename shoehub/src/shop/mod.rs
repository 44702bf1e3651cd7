//! The shop: customers place orders, services handle them, and all of them leave metrics, log lines and spans.
//!
//! In the order in which an order travels: [`Day`] says how many customers come and what is broken, [`Chance`] decides
//! the rest, [`Order::place`] walks one order through the services, and [`Shop`] keeps what is counted.

mod chance;
mod day;
mod order;
mod walk;

pub use chance::Chance;
pub use day::{Day, Incident};
pub use order::{Basket, Order, Outcome};
pub use walk::{Line, Service, Walk};

use crate::instruments::Instruments;

/// What is sold.
pub const SHOES: [&str; 3] = ["Loafers", "Boots", "HighHeels"];
/// The index of the boots.
pub const BOOTS: usize = 1;
/// Where customers live.
pub const COUNTRIES: [&str; 3] = ["AU", "US", "IN"];
/// How they pay.
pub const METHODS: [&str; 3] = ["Card", "Cash", "Paypal"];

/// The label `app` of what the shop itself logs.
pub const APP: &str = "shoehub";

/// A running shop: its customers, its instruments, and the lines that it logs.
#[derive(Debug)]
pub struct Shop {
    /// What decides who comes and how it goes.
    pub chance: Chance,
    /// What the day brings.
    pub day: Day,
    /// What is counted.
    pub instruments: Instruments,
    /// Lines that nobody has stored yet.
    pub lines: Vec<Line>,
    /// Orders a second, where they do not follow the day.
    pub orders_per_s: Option<f64>,
}

impl Shop {
    /// A shop that opens at a time with what it had sold before. The same seed and time give the same shop.
    pub fn open(seed: u64, start_ms: i64, sold_before: [f64; 3]) -> Self {
        let mut instruments = Instruments::new();
        for (shoe, value) in sold_before.into_iter().enumerate() {
            instruments.sold(shoe, value);
        }
        let chance = Chance::new(seed ^ start_ms as u64);
        Shop { chance, day: Day::new(seed), instruments, lines: Vec::new(), orders_per_s: None }
    }

    /// How long it takes until the next customer orders, in nanoseconds.
    pub fn next_order_ns(&mut self, time_ms: i64) -> u64 {
        let rate = self.orders_per_s.unwrap_or_else(|| self.day.orders_per_s(time_ms));
        (self.chance.wait(1.0 / rate) * 1e9) as u64
    }

    /// A customer orders. What the order leaves is counted when it has its answer, by [`Shop::answered`].
    pub fn place(&mut self, time_ns: u64) -> Order {
        Order::place(&mut self.chance, &self.day, time_ns)
    }

    /// An order has its answer: it counts, and a sale is logged as the tutorial's shop logs it.
    pub fn answered(&mut self, order: &Order) {
        self.instruments.count(order);
        self.log(order.end_ns, "Processing request for path: /order".to_owned());
        if order.outcome == Outcome::Paid {
            let basket = order.basket;
            self.sell(order.end_ns, basket.shoe, basket.amount);
            self.pay(order.end_ns, basket.country, basket.method);
        }
    }

    /// Somebody scrapes the shop: like every request, that moves a sale and a payment. The second generator of the
    /// tutorial writes its line, too.
    pub fn scraped(&mut self, time_ns: u64) {
        let time_ms = (time_ns / 1_000_000) as i64;
        self.log(time_ns, "Processing request for path: /metrics".to_owned());
        let shoe = self.chance.between(0, 3) as usize;
        let (amount, country, method) =
            (self.chance.between(10, 100), self.chance.between(0, 3), self.chance.between(0, 3));
        if self.day.sold_out(time_ms) != Some(shoe) {
            self.sell(time_ns, shoe, amount);
        }
        self.pay(time_ns, country as usize, method as usize);
        let text = self.application_line(time_ms);
        self.lines.push(Line { time_ns, app: "myapp", text });
    }

    fn sell(&mut self, time_ns: u64, shoe: usize, amount: u64) {
        self.instruments.sold(shoe, amount as f64);
        self.log(time_ns, format!("Updated sales metric for {} with value {amount}", SHOES[shoe]));
    }

    fn pay(&mut self, time_ns: u64, country: usize, method: usize) {
        let value = self.chance.between(0, 1_000);
        self.instruments.paid(country, method, value as f64);
        let (country, method) = (COUNTRIES[country], METHODS[method]);
        self.log(time_ns, format!("Updated payment metric for {country}, {method} with value {value}"));
    }

    fn log(&mut self, time_ns: u64, text: String) {
        self.lines.push(Line { time_ns, app: APP, text });
    }

    fn application_line(&mut self, time_ms: i64) -> String {
        let lost = self.day.incident(time_ms) == Some(Incident::DatabaseLost);
        let (level, component, told) = if lost && self.chance.happens(0.5) {
            ("ERROR", "database", "Critical error: Database connection lost")
        } else if self.chance.happens(0.05) {
            ("WARNING", "backend", "Warning: Resource usage high")
        } else {
            ("INFO", "backend", "Information: Application running normally")
        };
        let time = crate::draw::time::stamp(time_ms);
        format!(
            "{time},{:03} level={level} app=myapp component={component} {told}",
            time_ms.rem_euclid(1_000)
        )
    }
}
