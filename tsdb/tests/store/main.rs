//! The store from the outside: what is appended is what is read, whatever happens in between.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod churn;
mod concurrent;
mod crash;
mod kill;
mod life;
mod limits;
mod model;
mod script;
mod support;
