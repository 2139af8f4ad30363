//! Runs of the example drivers.

use ringfence_image::Image;
use ringfence_verifier::{Environment, Options, Run};
use std::path::PathBuf;

pub const BOTH: [Environment; 2] = [Environment::Verifier, Environment::Hvci];

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/drivers")
}

pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).expect("an example")
}

pub fn run_with(name: &str, environment: Environment, change: impl FnOnce(&mut Options)) -> Run {
    let bytes = bytes(name);
    let image = Image::read(&bytes).expect("an image");
    let mut options = Options::new(environment, name);
    change(&mut options);
    ringfence_verifier::run(&image, &options)
}

pub fn run(name: &str, environment: Environment) -> Run {
    run_with(name, environment, |_| {})
}
