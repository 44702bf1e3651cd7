use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Texts around the lengths at which the length prefix grows, and any Unicode.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{0,2}",
        any::<String>(),
        prop::sample::select(&[63usize, 64, 65, 4095, 4096][..]).prop_map(|length| "x".repeat(length)),
    ]
}

fn pairs() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(
        text().prop_filter("names are not empty", |name| !name.is_empty()),
        text(),
        0..8,
    )
}

fn labels_of(pairs: &BTreeMap<String, String>) -> Labels {
    Labels::from_pairs(pairs).unwrap()
}

proptest! {
    #![proptest_config(crate::property::cases(256))]

    #[test]
    fn a_set_is_a_sorted_map(pairs in pairs(), probe in text()) {
        let labels = labels_of(&pairs);
        prop_assert_eq!(labels.len(), pairs.len());
        prop_assert_eq!(labels.is_empty(), pairs.is_empty());
        prop_assert!(labels.iter().eq(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))));
        prop_assert_eq!(labels.get(&probe), pairs.get(&probe).map(String::as_str));
        for (name, value) in &pairs {
            prop_assert_eq!(labels.get(name), Some(value.as_str()));
        }
        let shuffled = Labels::from_pairs(pairs.iter().rev()).unwrap();
        prop_assert_eq!(&shuffled, &labels);
    }

    #[test]
    fn order_and_equality_are_those_of_the_pairs(a in pairs(), b in pairs()) {
        let (left, right) = (labels_of(&a), labels_of(&b));
        prop_assert_eq!(left.cmp(&right), a.iter().cmp(b.iter()));
        prop_assert_eq!(left == right, a == b);
    }

    #[test]
    fn the_builder_edits_as_a_map_does(start in pairs(), edits in prop::collection::vec((text(), prop::option::of(text())), 0..8)) {
        let mut model = start.clone();
        let mut builder = LabelsBuilder::from(&labels_of(&start));
        for (name, value) in edits {
            match value {
                Some(value) => {
                    builder.set(&name, &value);
                    if !name.is_empty() {
                        model.insert(name, value);
                    }
                }
                None => {
                    builder.remove(&name);
                    model.remove(&name);
                }
            }
        }
        prop_assert_eq!(builder.build(), labels_of(&model));
        builder.retain(|name, _| name.len() > 1);
        model.retain(|name, _| name.len() > 1);
        prop_assert_eq!(builder.build(), labels_of(&model));
    }
}

#[test]
fn names_are_there_and_there_once() {
    assert_eq!(
        Labels::from_pairs([("", "x"), ("a", "b")]),
        Err(LabelError::EmptyName { value: "x".to_owned() })
    );
    let twice = Labels::from_pairs([("a", "1"), ("b", ""), ("a", "2")]);
    assert!(matches!(twice, Err(LabelError::Duplicate { name, .. }) if name == "a"));
    assert_eq!(Labels::empty().to_string(), "{}");
    assert_eq!(Labels::empty(), Labels::from_pairs::<&str, &str>([]).unwrap());
}
