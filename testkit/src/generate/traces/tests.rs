use super::*;

#[test]
fn traces_are_trees_whose_children_lie_inside() {
    let mut traces = Traces::new(TracesOptions::default());
    let resources = traces.resources().len();
    assert_eq!(resources, 32);
    let mut failed = 0;
    for _ in 0..2000 {
        let spans = traces.next().unwrap();
        assert!((4..=30).contains(&spans.len()), "{}", spans.len());
        assert!(spans[0].parent_id.is_none());
        failed += usize::from(spans[0].error);
        for (i, span) in spans.iter().enumerate().skip(1) {
            let parent = spans[..i].iter().find(|before| Some(before.span_id) == span.parent_id);
            assert!(parent.is_some_and(|parent| parent.start_ns <= span.start_ns), "parents come first");
            assert!(span.resource < resources && span.duration_ns >= 0);
        }
    }
    assert!((10..60).contains(&failed), "{failed}");
    let take = || Traces::new(TracesOptions::default()).take(50).collect::<Vec<_>>();
    assert_eq!(take(), take());
}
