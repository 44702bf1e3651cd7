//! One order, from the customer's request to the answer: catalogue, stock, payment.

use tracestore::model::{SpanKind, SpanRecord, TraceId};

use super::chance::Chance;
use super::day::{Day, Incident};
use super::walk::{Line, Service, Walk};
use super::{COUNTRIES, METHODS, SHOES};

/// What a customer wants; indexes of [`SHOES`], [`COUNTRIES`] and [`METHODS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basket {
    /// Which shoe.
    pub shoe: usize,
    /// Where the customer lives.
    pub country: usize,
    /// How the customer pays.
    pub method: usize,
    /// What it costs.
    pub amount: u64,
}

impl Basket {
    /// A customer's wish.
    pub fn of_chance(chance: &mut Chance) -> Self {
        let mut one_of = |weights: [f64; 3]| {
            let at = chance.unit();
            if at < weights[0] { 0 } else { 1 + usize::from(at >= weights[0] + weights[1]) }
        };
        let (shoe, country, method) =
            (one_of([0.3, 0.45, 0.25]), one_of([0.25, 0.45, 0.3]), one_of([0.6, 0.1, 0.3]));
        Basket { shoe, country, method, amount: chance.between(10, 100) }
    }
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Outcome {
    Paid,
    Declined,
    SoldOut,
    Failed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 4] = [Outcome::Paid, Outcome::Declined, Outcome::SoldOut, Outcome::Failed];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Paid => "paid",
            Outcome::Declined => "declined",
            Outcome::SoldOut => "sold_out",
            Outcome::Failed => "failed",
        }
    }

    /// The status of the HTTP response.
    pub fn code(self) -> i64 {
        match self {
            Outcome::Paid => 201,
            Outcome::Declined => 402,
            Outcome::SoldOut => 409,
            Outcome::Failed => 503,
        }
    }
}

/// An order that has its answer, with the spans and lines that it left.
#[derive(Clone, Debug)]
pub struct Order {
    /// The trace.
    pub trace_id: TraceId,
    /// What was wanted.
    pub basket: Basket,
    /// How it ended.
    pub outcome: Outcome,
    /// When it came, nanoseconds since the epoch.
    pub start_ns: u64,
    /// When it was answered, nanoseconds since the epoch.
    pub end_ns: u64,
    /// Its spans, the root first.
    pub spans: Vec<SpanRecord>,
    /// Its log lines, in the order of time.
    pub lines: Vec<Line>,
}

impl Order {
    /// Places an order at a time and follows it to its end.
    pub fn place(chance: &mut Chance, day: &Day, start_ns: u64) -> Self {
        let basket = Basket::of_chance(chance);
        let time_ms = (start_ns / 1_000_000) as i64;
        let (incident, sold_out) = (day.incident(time_ms), day.sold_out(time_ms) == Some(basket.shoe));
        let mut walk = Walk::new(chance, start_ns);
        let outcome = handle(&mut walk, &basket, incident, sold_out);
        let Walk { trace_id, spans, lines, now_ns: end_ns, .. } = walk;
        Order { trace_id, basket, outcome, start_ns, end_ns, spans, lines }
    }

    /// From the request to the answer, in nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }
}

/// What the order service does.
fn handle(walk: &mut Walk<'_>, basket: &Basket, incident: Option<Incident>, sold_out: bool) -> Outcome {
    let (shoe, country) = (SHOES[basket.shoe], COUNTRIES[basket.country]);
    walk.enter(Service::Order, Service::Order.operation(), SpanKind::SERVER);
    walk.set("http.request.method", "POST");
    walk.set("http.route", "/order");
    walk.set("shoe.type", shoe);
    walk.set("customer.country", country);
    walk.log(
        Service::Order,
        "info",
        "checkout",
        &format!("msg=\"order received\" shoe={shoe} country={country}"),
    );
    walk.work(3.0);
    let outcome = if !look_up(walk, shoe, incident == Some(Incident::DatabaseLost)) {
        Outcome::Failed
    } else if !reserve(walk, shoe, sold_out) {
        Outcome::SoldOut
    } else {
        pay(walk, basket, incident == Some(Incident::SlowCards))
    };
    walk.work(2.0);
    walk.set("http.response.status_code", outcome.code());
    let told =
        format!("msg=\"order answered\" shoe={shoe} outcome={} code={}", outcome.as_str(), outcome.code());
    let level = match outcome {
        Outcome::Paid => "info",
        Outcome::Declined | Outcome::SoldOut => "warn",
        Outcome::Failed => "error",
    };
    if outcome == Outcome::Failed {
        walk.fail("OrderError", "the order could not be completed");
    }
    walk.log(Service::Order, level, "checkout", &told);
    walk.leave();
    outcome
}

/// Calls another service: a client span here, a server span there, and some network in between.
fn call<T>(walk: &mut Walk<'_>, server: Service, answer: impl FnOnce(&mut Walk<'_>) -> T) -> T {
    open_call(walk);
    let answer = serve(walk, server, answer);
    walk.leave();
    answer
}

fn open_call(walk: &mut Walk<'_>) {
    walk.enter(Service::Order, "Making HTTP Call", SpanKind::CLIENT);
    walk.set("comms", "api");
    walk.set("protocol", "http");
}

/// The other side of a call.
fn serve<T>(walk: &mut Walk<'_>, server: Service, answer: impl FnOnce(&mut Walk<'_>) -> T) -> T {
    walk.work(0.6);
    walk.enter(server, server.operation(), SpanKind::SERVER);
    let answer = answer(walk);
    walk.leave();
    walk.work(0.6);
    answer
}

/// The catalogue finds price and size in its database.
fn look_up(walk: &mut Walk<'_>, shoe: &str, database_lost: bool) -> bool {
    call(walk, Service::Catalogue, |walk| {
        walk.set("shoe.type", shoe);
        walk.work(1.0);
        walk.enter(Service::Catalogue, "Connecting to DB", SpanKind::CLIENT);
        walk.set("db-name", "prod-sql");
        walk.set("db.namespace", "prod-sql");
        let found = !(database_lost && walk.chance.happens(0.4));
        walk.work(if found { 6.0 } else { 900.0 });
        walk.set("connection-status", if found { "success" } else { "failed" });
        walk.set("Query result count", if found { "1" } else { "0" });
        if !found {
            walk.fail("ConnectionError", "Database connection lost");
        }
        walk.leave();
        if found {
            let told = format!("msg=\"price found\" db=prod-sql rows=1 shoe={shoe}");
            walk.log(Service::Catalogue, "info", "database", &told);
        } else {
            walk.fail("CatalogueError", "no answer from prod-sql");
            let told = "msg=\"Critical error: Database connection lost\" db=prod-sql";
            walk.log(Service::Catalogue, "error", "database", told);
        }
        found
    })
}

/// The stock service puts a pair aside.
fn reserve(walk: &mut Walk<'_>, shoe: &str, sold_out: bool) -> bool {
    call(walk, Service::Stock, |walk| {
        walk.set("shoe.type", shoe);
        walk.work(4.0);
        let left = if sold_out { 0 } else { walk.chance.between(1, 90) as i64 };
        walk.set("stock.left", left);
        if sold_out {
            walk.fail("SoldOut", "no pair left");
            walk.log(Service::Stock, "warn", "warehouse", &format!("msg=\"sold out\" shoe={shoe}"));
        }
        !sold_out
    })
}

/// The payment service takes the money. A payment that times out is tried once more, below the same client span.
fn pay(walk: &mut Walk<'_>, basket: &Basket, slow_cards: bool) -> Outcome {
    let method = METHODS[basket.method];
    let slow = slow_cards && method == "Card";
    open_call(walk);
    let mut outcome = Outcome::Failed;
    for attempt in 1..=2 {
        outcome = serve(walk, Service::Payment, |walk| {
            walk.set("payment.method", method);
            walk.set("payment.amount", basket.amount as i64);
            walk.set("payment.attempt", attempt);
            process_payment(walk, basket, slow)
        });
        if outcome != Outcome::Failed {
            break;
        }
    }
    walk.leave();
    outcome
}

fn process_payment(walk: &mut Walk<'_>, basket: &Basket, slow: bool) -> Outcome {
    let (method, amount) = (METHODS[basket.method], basket.amount);
    walk.work(match (method, slow) {
        ("Card", true) => 1_100.0,
        ("Card", false) => 70.0,
        ("Paypal", _) => 130.0,
        _ => 9.0,
    });
    let said = format!("method={method} country={} amount={amount}", COUNTRIES[basket.country]);
    if walk.chance.happens(if slow { 0.25 } else { 0.002 }) {
        walk.fail("Timeout", "the provider did not answer");
        walk.log(Service::Payment, "error", "payment", &format!("msg=\"payment timed out\" {said}"));
        return Outcome::Failed;
    }
    if method == "Card" && walk.chance.happens(0.03) {
        walk.fail("Declined", "card declined");
        walk.log(Service::Payment, "warn", "payment", &format!("msg=\"card declined\" {said}"));
        return Outcome::Declined;
    }
    walk.log(Service::Payment, "info", "payment", &format!("msg=\"payment taken\" {said}"));
    Outcome::Paid
}
