//! The scenarios as tests.

/// Makes a test of every scenario, for one [`Subject`](crate::life::Subject). Stands at the top level of a test
/// file: scenarios with other processes run that file again.
///
/// The crate that uses it needs `tempfile` among its dev-dependencies.
#[macro_export]
macro_rules! life_tests {
    ($subject:ty) => {
        #[test]
        fn a_crash_at_any_operation_loses_nothing_acknowledged() {
            for seed in 0..$crate::rounds::rounds() {
                let tally = $crate::faults::for_every_crash_point(
                    &$crate::life::faults::Life::<$subject>::default(),
                    seed,
                );
                assert!(tally.struck > 150, "{tally:?}");
            }
        }

        #[test]
        fn a_failure_of_any_operation_is_an_error_and_loses_nothing_acknowledged() {
            for seed in 0..$crate::rounds::rounds() {
                let tally = $crate::faults::for_every_failing_operation(
                    &$crate::life::faults::Life::<$subject>::default(),
                    seed,
                );
                assert!(tally.errors > 150, "{tally:?}");
            }
        }

        #[test]
        fn a_store_works_on_once_the_disk_does() {
            for seed in 0..$crate::rounds::rounds() {
                $crate::life::faults::a_store_works_on_once_the_disk_does::<$subject>(seed);
            }
        }

        #[test]
        fn retention_and_copies_keep_what_they_should() {
            $crate::life::faults::retention_and_copies_keep_what_they_should::<$subject>();
        }

        #[test]
        fn a_rotten_block_is_an_error_and_never_a_wrong_answer() {
            $crate::life::damage::a_rotten_block_is_an_error_and_never_a_wrong_answer::<$subject>();
        }

        #[test]
        fn a_repair_keeps_what_checks_out() {
            $crate::life::damage::a_repair_keeps_what_checks_out::<$subject>();
        }

        #[test]
        fn everything_at_once() {
            let dir = tempfile::tempdir().unwrap();
            $crate::life::concurrent::everything_at_once::<$subject>(
                dir.path(),
                60 * $crate::rounds::rounds(),
            );
        }

        #[test]
        fn child() {
            $crate::life::kill::child::<$subject>();
        }

        #[test]
        fn a_killed_writer_loses_nothing() {
            let dir = tempfile::tempdir().unwrap();
            // 100 rounds for each of those that are asked for, and a few where none is.
            let kills = if $crate::rounds::rounds() == 1 { 5 } else { 100 * $crate::rounds::rounds() };
            $crate::life::kill::a_killed_writer_loses_nothing::<$subject>("child", dir.path(), kills);
        }

        #[test]
        fn another_process_is_read() {
            let dir = tempfile::tempdir().unwrap();
            $crate::life::kill::another_process_is_read::<$subject>(
                "child",
                dir.path(),
                6 * $crate::rounds::rounds(),
            );
        }
    };
}
