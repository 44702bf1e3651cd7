use super::*;

fn mean(mut draw: impl FnMut(&mut Sampler) -> f64) -> f64 {
    let mut sampler = Sampler::new(1);
    (0..20_000).map(|_| draw(&mut sampler)).sum::<f64>() / 20_000.0
}

fn check(found: f64, expected: f64) {
    assert!((found - expected).abs() < 0.03 * expected.abs().max(0.5), "{found}, expected {expected}");
}

#[test]
fn means_are_those_of_the_distributions() {
    check(mean(|s| s.exponential(7.0)), 7.0);
    check(mean(|s| s.normal(3.0, 1.0)), 3.0);
    check(mean(|s| s.log_normal(0.0, 0.5)), 0.125f64.exp());
    check(mean(|s| s.gamma(4, 0.5)), 2.0);
    check(mean(|s| s.poisson(4.0) as f64), 4.0);
    check(mean(|s| s.poisson(400.0) as f64), 400.0);
    check(mean(|s| s.binomial(20, 0.3) as f64), 6.0);
    check(mean(|s| s.binomial(2000, 0.3) as f64), 600.0);
    check(mean(|s| s.between(-4, 5) as f64 + 10.0), 10.0);
    check(mean(|s| s.weighted(&[1.0, 1.0, 4.0]) as f64), 1.5);
}

#[test]
fn equal_seeds_give_equal_numbers() {
    let draw = |seed| {
        let mut sampler = Sampler::new(seed);
        (sampler.bits(), sampler.user(), sampler.normal(0.0, 1.0).to_bits())
    };
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
}
