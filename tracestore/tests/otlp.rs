//! Requests survive the way through both encodings, and broken ones are refused without a panic.

use std::sync::Arc;

use proptest::prelude::*;
use tracestore::model::{
    AnyValue, Attribute, Event, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind,
    Status, StatusCode, TraceId,
};
use tracestore::otlp::{OtlpError, json, proto, view};

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(AnyValue::Empty),
        ".{0,8}".prop_map(AnyValue::String),
        any::<bool>().prop_map(AnyValue::Bool),
        any::<i64>().prop_map(AnyValue::Int),
        prop_oneof![any::<f64>().prop_filter("NaN is not equal to itself", |f| !f.is_nan()), Just(-0.0)]
            .prop_map(AnyValue::Double),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(AnyValue::Bytes),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(AnyValue::Array),
            prop::collection::vec((".{0,4}", inner), 0..3).prop_map(|entries| {
                AnyValue::Map(entries.into_iter().map(|(key, value)| Attribute { key, value }).collect())
            }),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    prop::collection::vec((".{0,6}", any_value()).prop_map(|(key, value)| Attribute { key, value }), 0..4)
}

fn span() -> impl Strategy<Value = Span> {
    let ids = (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<[u8; 8]>());
    let text = (".{0,8}", ".{0,8}", ".{0,8}");
    let numbers = (any::<u64>(), any::<u64>(), any::<u32>(), any::<i32>(), any::<i32>());
    let event = (any::<u64>(), ".{0,4}", attributes(), any::<u32>());
    let link = (any::<[u8; 16]>(), any::<[u8; 8]>(), attributes(), any::<u32>());
    let lists = (attributes(), prop::collection::vec(event, 0..3), prop::collection::vec(link, 0..3));
    (ids, text, numbers, lists).prop_map(|(ids, text, numbers, lists)| Span {
        trace_id: TraceId(ids.0.map(|byte| byte | 1)),
        span_id: SpanId(ids.1.map(|byte| byte | 1)),
        parent_span_id: SpanId(ids.2),
        trace_state: text.0,
        flags: numbers.2,
        name: text.1,
        kind: SpanKind(numbers.3),
        start_ns: numbers.0,
        end_ns: numbers.1,
        attributes: lists.0,
        dropped_attributes_count: numbers.2,
        events: lists
            .1
            .into_iter()
            .map(|(time_ns, name, attributes, dropped)| Event {
                time_ns,
                name,
                attributes,
                dropped_attributes_count: dropped,
            })
            .collect(),
        dropped_events_count: 1,
        links: lists
            .2
            .into_iter()
            .map(|(trace, span, attributes, flags)| Link {
                trace_id: TraceId(trace),
                span_id: SpanId(span),
                attributes,
                flags,
                ..Link::default()
            })
            .collect(),
        dropped_links_count: 2,
        status: Status { code: StatusCode(numbers.4), message: text.2 },
    })
}

fn request() -> impl Strategy<Value = Vec<ResourceSpans>> {
    let scope = (".{0,4}", attributes(), prop::collection::vec(span(), 0..3)).prop_map(
        |(name, attributes, spans)| {
            let scope = Scope { name, attributes, schema_url: "s".to_owned(), ..Scope::default() };
            ScopeSpans { scope: Arc::new(scope), spans }
        },
    );
    let resource = (attributes(), prop::collection::vec(scope, 0..3)).prop_map(|(attributes, scopes)| {
        let resource = Resource { attributes, dropped_attributes_count: 7, schema_url: String::new() };
        ResourceSpans { resource: Arc::new(resource), scopes }
    });
    prop::collection::vec(resource, 0..3)
}

proptest! {
    #![proptest_config(testkit::rounds::cases(64))]

    #[test]
    fn protobuf_keeps_everything(request in request()) {
        let decoded = proto::decode(&proto::encode(&request)).unwrap();
        prop_assert_eq!(decoded.resource_spans, request);
        prop_assert!(decoded.refused.is_empty());
    }

    #[test]
    fn json_keeps_everything(request in request()) {
        let text = json::encode(&request);
        let decoded = json::decode(text.as_bytes()).unwrap();
        prop_assert_eq!(decoded.resource_spans, request);
    }

    #[test]
    fn cut_and_flipped_bytes_never_panic(request in request(), at in any::<prop::sample::Index>(), flip in any::<u8>()) {
        let mut bytes = proto::encode(&request);
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            let _ = proto::decode(&bytes[..at]);
            bytes[at] ^= flip;
        }
        let _ = proto::decode(&bytes);
        let _ = json::decode(&bytes);
    }
}

/// A span whose trace id is too long, or that has none, is refused on its own.
#[test]
fn one_bad_span_costs_no_other() {
    let text = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[
        {"traceId":"01","spanId":"02","name":"kept"},
        {"traceId":"000102030405060708090a0b0c0d0e0f10","spanId":"02","name":"long"},
        {"traceId":"","spanId":"02","name":"nameless"}]}]}]}"#;
    let decoded = json::decode(text.as_bytes()).unwrap();
    let kept: Vec<_> =
        decoded.resource_spans[0].scopes[0].spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(kept, ["kept"]);
    let reasons: Vec<_> = decoded.refused.iter().map(|refused| refused.reason.as_str()).collect();
    assert_eq!(
        reasons,
        ["a trace id has at most 16 bytes, got 17", "a trace id with no bit set names nothing"]
    );
}

#[test]
fn values_that_nest_too_deep_are_refused() {
    let deep = (0..100).fold(AnyValue::Int(1), |inner, _| AnyValue::Array(vec![inner]));
    let span = Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([1; 8]),
        attributes: vec![Attribute { key: "deep".to_owned(), value: deep }],
        ..Span::default()
    };
    let scope = ScopeSpans { scope: Arc::default(), spans: vec![span] };
    let request = [ResourceSpans { resource: Arc::default(), scopes: vec![scope] }];
    assert!(matches!(proto::decode(&proto::encode(&request)), Err(OtlpError::TooDeep { .. })));
    assert!(json::decode(json::encode(&request).as_bytes()).is_err());
}

/// The view sees in place what decoding copies.
#[test]
fn the_view_reads_in_place() {
    let span = Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        name: "GET /".to_owned(),
        attributes: vec![Attribute::new("http.status_code", 200i64)],
        ..Span::default()
    };
    let scope = ScopeSpans { scope: Arc::default(), spans: vec![span] };
    let bytes = proto::encode(&[ResourceSpans { resource: Arc::default(), scopes: vec![scope] }]);
    let envelope = view::resource_spans(&bytes).next().unwrap().unwrap();
    let scope = envelope.scope_spans().next().unwrap().unwrap();
    let span = scope.spans().next().unwrap().unwrap();
    assert_eq!(span.name().unwrap(), "GET /");
    let attribute = span.attributes().next().unwrap().unwrap();
    assert_eq!((attribute.key, attribute.value), ("http.status_code", view::ValueView::Int(200)));
    let inside = bytes.as_ptr_range();
    assert!(inside.contains(&attribute.key.as_ptr()), "the key lies in the request");
}
