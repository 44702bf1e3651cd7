use proptest::prelude::*;

use super::*;
use crate::postings::Ids;

fn union_of(list: &[u8], within: Option<&Ids>) -> Result<Ids, DecodeError> {
    let mut union = Union::new(within);
    add_to(list, &mut union)?;
    Ok(union.finish())
}

/// Sets with arrays, bitsets and runs.
fn ids() -> impl Strategy<Value = Ids> {
    let scattered = prop::collection::vec(0u32..400_000, 0..50).prop_map(Ids::from_iter);
    let run = (0u32..300_000, 1u32..80_000).prop_map(|(start, length)| Ids::from_iter(start..start + length));
    let step = (0u32..70_000, 2u32..20, 1u32..20_000)
        .prop_map(|(start, step, count)| Ids::from_iter((0..count).map(|i| start + i * step)));
    let edge = Just(Ids::from_iter([0, 65_535, 65_536, u32::MAX - 1, u32::MAX]));
    prop::collection::vec(prop_oneof![scattered, run, step, edge], 0..4)
        .prop_map(|parts| parts.into_iter().fold(Ids::new(), |all, part| all | part))
}

/// A long run of the properties below found it: roaring's batches skip such a container.
#[test]
fn a_container_that_is_one_whole_run_is_not_left_out() {
    let mut ids = Ids::from_iter(62_742..131_072);
    ids.optimize();
    let mut direct = Union::new(None);
    direct.add_ids(&ids);
    assert_eq!(direct.finish(), ids);
}

proptest! {
    #![proptest_config(crate::property::cases(64))]

    #[test]
    fn the_view_reads_what_roaring_writes(ids in ids(), within in ids(), optimize: bool) {
        let mut ids = ids;
        if optimize {
            ids.optimize();
        }
        let mut list = Vec::new();
        ids.serialize_into(&mut list)?;
        prop_assert_eq!(&union_of(&list, None)?, &ids);
        prop_assert_eq!(union_of(&list, Some(&within))?, &ids & &within);

        let mut direct = Union::new(Some(&within));
        direct.add_ids(&ids);
        prop_assert_eq!(direct.finish(), ids & within);
    }

    // Miri cannot call into the C library.
    #[test]
    #[cfg_attr(miri, ignore)]
    fn the_view_reads_what_croaring_writes(ids in ids(), within in ids(), optimize: bool) {
        let mut other: croaring::Bitmap = ids.iter().collect();
        if optimize {
            other.run_optimize();
        }
        let list = other.serialize::<croaring::Portable>();
        prop_assert_eq!(&union_of(&list, None)?, &ids);
        let both = other.and(&within.iter().collect());
        prop_assert_eq!(union_of(&list, Some(&within))?.iter().collect::<croaring::Bitmap>(), both);
    }

    #[test]
    fn hostile_bytes_never_panic(bytes: Vec<u8>, at in any::<prop::sample::Index>(), bits in 1u8.., ids in ids()) {
        let _ = union_of(&bytes, None);
        let mut list = Vec::new();
        ids.serialize_into(&mut list)?;
        let at = at.index(list.len().min(64));
        list[at] ^= bits;
        let _ = union_of(&list, None);
    }
}
