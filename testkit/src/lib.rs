//! What the tests of the workspace share. Never a normal dependency of anything that ships.
//!
//! | module | what it gives |
//! |---|---|
//! | [`generate`] | seeded workloads of the three signals |
//! | [`conformance`] | where the recorded sets are, their table, the judgement |
//! | [`faults`] | loops over every crash point and every failing operation of a workload |
//! | [`life`] | the life of a store under faults, damage, killed processes and many threads, for any store of blocks |
//! | [`corruption`] | the loop over every flipped byte and every length of a small file |
//! | [`oracle`] | the dumbest model of a store of samples |
//! | [`toy`] | the smallest store that stands on the ground, proven under those loops |
//! | [`rounds`](mod@rounds) | how long the long loops run |

pub mod generate;

pub mod conformance;
pub mod corruption;
pub mod faults;
pub mod life;
pub mod oracle;
pub mod rounds;
pub mod toy;
