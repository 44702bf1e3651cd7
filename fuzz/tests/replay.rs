//! Replays the corpora of all targets, and mutations of them with a fixed seed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use fuzz::{TARGETS, Target};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Mutations per target and round.
const MUTATIONS: usize = 2_000;
/// Larger inputs are a workload and not a corpus.
const INPUT_BYTES_MAX: usize = 1 << 20;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let dir = root().join("corpus").join(target);
    let mut inputs: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(&dir)
        .unwrap_or_else(|e| panic!("target {target} needs inputs in {}: {e}", dir.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} is empty", dir.display());
    inputs
}

/// Runs one input and, where it panics, leaves it in `artifacts/` so that it can be looked at.
fn run(name: &str, target: Target, input: &[u8], origin: &str) {
    if catch_unwind(AssertUnwindSafe(|| target(input))).is_ok() {
        return;
    }
    let dir = root().join("artifacts").join(name);
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join(format!("replay-{:016x}", seed_of(input)));
    fs::write(&path, input).unwrap();
    panic!("target {name} panicked on {origin}; the input is in {}", path.display());
}

/// FNV-1a: the same on every machine, so that the mutations are.
fn seed_of(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

#[test]
fn every_corpus_passes() {
    for (name, target) in TARGETS {
        for (path, input) in corpus(name) {
            assert!(input.len() <= INPUT_BYTES_MAX, "{} is too large", path.display());
            run(name, *target, &input, &path.display().to_string());
        }
        for input in [&[][..], &[0; 64], &[0xff; 64]] {
            run(name, *target, input, "a constant input");
        }
    }
}

#[test]
fn mutations_of_every_corpus_pass() {
    let rounds: usize = std::env::var("TRISTORE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    for (name, target) in TARGETS {
        let inputs: Vec<Vec<u8>> = corpus(name).into_iter().map(|(_, input)| input).collect();
        let mut random = ChaCha8Rng::seed_from_u64(seed_of(name.as_bytes()));
        for i in 0..MUTATIONS * rounds {
            let input = mutate(&inputs, &mut random);
            run(name, *target, &input, &format!("mutation {i}"));
        }
    }
}

/// One to four changes of an input: the moves that fuzzers make.
fn mutate(inputs: &[Vec<u8>], random: &mut ChaCha8Rng) -> Vec<u8> {
    let pick = |random: &mut ChaCha8Rng| inputs[random.random_range(0..inputs.len())].clone();
    let mut bytes = pick(random);
    for _ in 0..random.random_range(1..=4) {
        let at = random.random_range(0..=bytes.len());
        let end = random.random_range(at..=bytes.len());
        match random.random_range(0..8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            3 => {
                let other = pick(random);
                let from = random.random_range(0..=other.len());
                bytes.splice(at..end, other[from..].iter().copied());
            }
            4 => bytes.insert(at, random.random()),
            5 => {
                let number = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x7fff_ffff, 0xffff_ffff, u64::MAX]
                    [random.random_range(0..9)];
                let width = 1 << random.random_range(0..4);
                let width = usize::min(width, bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (random.random_range(0..8));
                }
            }
        }
    }
    bytes.truncate(INPUT_BYTES_MAX);
    bytes
}

#[test]
fn every_target_has_its_program() {
    let cargo = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        let path = format!("fuzz_targets/{name}.rs");
        assert!(root().join(&path).exists(), "{path} is missing");
        assert!(
            cargo.contains(&format!("name = \"{name}\"\npath = \"{path}\"")),
            "Cargo.toml has no bin {name}"
        );
    }
    let programs = fs::read_dir(root().join("fuzz_targets")).unwrap().count();
    let corpora = fs::read_dir(root().join("corpus")).unwrap().count();
    assert_eq!((programs, corpora), (TARGETS.len(), TARGETS.len()), "a program or a corpus has no target");
}
