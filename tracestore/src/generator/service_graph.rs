//! Who calls whom: pairs of a client span and the server span below it.

use std::collections::{HashMap, VecDeque};

use rustc_hash::FxBuildHasher;

use super::registry::{Registry, doubling};
use super::{SampleSink, seconds, text_of};
use crate::memory::service_name;
use crate::model::{SpanId, SpanKind, SpanRecord, StatusCode, TraceId};

/// How the graph is built.
#[derive(Clone, Debug)]
pub struct ServiceGraphOptions {
    /// The upper bounds of the latencies' buckets, in seconds, ascending.
    pub latency_bounds_s: Vec<f64>,
    /// How long half a pair waits for its other half, in milliseconds.
    pub wait_ms: i64,
    /// The most halves that wait; more are left out.
    pub waiting_max: usize,
    /// The most edges.
    pub edges_max: usize,
    /// Attributes of a client span that name a server which sends no spans, the first one that is there.
    pub peer_attributes: Vec<String>,
    /// Attributes of a client span that name a database, the first one that is there.
    pub database_attributes: Vec<String>,
}

impl Default for ServiceGraphOptions {
    /// Eight buckets from 100 ms to 12.8 s, 10 s and 10,000 halves of patience, 10,000 edges.
    fn default() -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        ServiceGraphOptions {
            latency_bounds_s: doubling(0.1, 8),
            wait_ms: 10_000,
            waiting_max: 10_000,
            edges_max: 10_000,
            peer_attributes: owned(&["peer.service", "db.name", "db.system"]),
            database_attributes: owned(&["db.namespace", "db.name", "db.system", "db.system.name"]),
        }
    }
}

/// What is known of a call so far.
#[derive(Clone, Debug, Default)]
struct Edge {
    client: Option<String>,
    server: Option<String>,
    connection: &'static str,
    client_s: f64,
    server_s: f64,
    failed: bool,
    peer: Option<String>,
    /// Whether the server side is a root, so that an unseen user called it.
    root: bool,
}

/// A call is known by its trace and the client's span.
type Key = (TraceId, SpanId);

/// Builds `traces_service_graph_request_total`, `_request_failed_total`, and the histograms `_request_server_seconds`
/// and `_request_client_seconds`, with the labels `client`, `server` and `connection_type`.
///
/// Memory: about 200 bytes a waiting half and 500 an edge.
#[derive(Debug)]
pub struct ServiceGraph {
    options: ServiceGraphOptions,
    registry: Registry,
    waiting: HashMap<Key, Edge, FxBuildHasher>,
    /// When which half began to wait, in order.
    queue: VecDeque<(i64, Key)>,
    left_out: u64,
}

impl ServiceGraph {
    /// An empty graph.
    pub fn new(options: ServiceGraphOptions) -> Self {
        let counters = &["traces_service_graph_request_total", "traces_service_graph_request_failed_total"];
        let histograms =
            &["traces_service_graph_request_server_seconds", "traces_service_graph_request_client_seconds"];
        let registry =
            Registry::new(counters, histograms, options.latency_bounds_s.clone(), options.edges_max);
        ServiceGraph { options, registry, waiting: HashMap::default(), queue: VecDeque::new(), left_out: 0 }
    }

    /// Sees a span at `now_ms`. Spans of other kinds than client, server, producer and consumer say nothing.
    pub fn observe(&mut self, record: &SpanRecord, now_ms: i64) {
        self.expire(now_ms);
        let span = &record.span;
        let (is_client, connection) = match span.kind {
            SpanKind::CLIENT => (true, ""),
            SpanKind::PRODUCER => (true, "messaging_system"),
            SpanKind::SERVER => (false, ""),
            SpanKind::CONSUMER => (false, "messaging_system"),
            _ => return,
        };
        let service = service_name(&record.resource);
        if service.is_empty() {
            return;
        }
        let call = if is_client { span.span_id } else { span.parent_span_id };
        // Every root server span waits on its own: they have no client to meet at.
        let key = (span.trace_id, if call.is_zero() { span.span_id } else { call });
        let mut edge = match self.waiting.remove(&key) {
            Some(edge) => edge,
            None if self.waiting.len() >= self.options.waiting_max => {
                self.left_out += 1;
                return;
            }
            None => {
                self.queue.push_back((now_ms, key));
                Edge::default()
            }
        };
        edge.failed |= span.status.code == StatusCode::ERROR;
        if !connection.is_empty() || edge.connection.is_empty() {
            edge.connection = connection;
        }
        let duration_s = seconds(span.duration_ns());
        if is_client {
            edge.client = Some(service.to_owned());
            edge.client_s = duration_s;
            edge.peer = self.options.peer_attributes.iter().find_map(|key| text_of(&span.attributes, key));
            self.database(&mut edge, record, duration_s);
        } else {
            edge.server = Some(service.to_owned());
            edge.server_s = duration_s;
            edge.root = call.is_zero();
        }
        match (&edge.client, &edge.server) {
            (Some(client), Some(server)) => {
                let (client, server) = (client.clone(), server.clone());
                self.complete(&client, &server, &edge);
            }
            _ => {
                self.waiting.insert(key, edge);
            }
        }
    }

    /// A call of a database is complete without a server span.
    fn database(&self, edge: &mut Edge, record: &SpanRecord, duration_s: f64) {
        let of = |key: &str| {
            text_of(&record.resource.attributes, key).or_else(|| text_of(&record.span.attributes, key))
        };
        let Some(name) = self.options.database_attributes.iter().find_map(|key| of(key)) else { return };
        edge.connection = "database";
        edge.server_s = duration_s;
        let peer = || {
            let host = of("network.peer.address")?;
            Some(of("network.peer.port").map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
        };
        edge.server = of("peer.service").or_else(|| of("server.address")).or_else(peer).or(Some(name));
    }

    fn complete(&mut self, client: &str, server: &str, edge: &Edge) {
        let labels = [("client", client), ("connection_type", edge.connection), ("server", server)];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let failed = if edge.failed { 1.0 } else { 0.0 };
        self.registry.add(labels, &[1.0, failed], &[edge.server_s, edge.client_s], 1.0);
    }

    /// Lets go of halves that waited too long. A client that names its peer, and a server that is a root, become
    /// edges with a node that sends no spans.
    pub fn expire(&mut self, now_ms: i64) {
        while let Some((since_ms, key)) = self.queue.front().copied() {
            if now_ms.saturating_sub(since_ms) < self.options.wait_ms {
                break;
            }
            self.queue.pop_front();
            let Some(mut edge) = self.waiting.remove(&key) else { continue };
            edge.connection = "virtual_node";
            match (edge.client.clone(), edge.server.clone(), edge.peer.clone()) {
                (Some(client), None, Some(peer)) => self.complete(&client, &peer, &edge),
                (None, Some(server), _) if edge.root => self.complete("user", &server, &edge),
                _ => self.left_out += 1,
            }
        }
    }

    /// Hands every counter to a sink, as of `time_ms`.
    ///
    /// # Errors
    /// What the sink fails with.
    pub fn collect<S: SampleSink>(&self, time_ms: i64, sink: &mut S) -> Result<(), S::Error> {
        self.registry.collect(time_ms, sink)
    }

    /// How many spans or halves did not become part of an edge: too many waited, or none came to meet them.
    pub fn left_out(&self) -> u64 {
        self.left_out + self.registry.left_out()
    }
}
