//! A driver: its image, and the facts that rules ask about it.

use ringfence_image::Image;

/// What a rule sees of a driver. Facts that cost something to establish are added here, each worked
/// out at most once and only when a rule asks.
#[derive(Debug)]
pub struct Driver<'a> {
    image: &'a Image<'a>,
}

impl<'a> Driver<'a> {
    /// A driver of which the image is known and nothing else yet.
    pub fn new(image: &'a Image<'a>) -> Driver<'a> {
        Driver { image }
    }

    /// Its image.
    pub fn image(&self) -> &'a Image<'a> {
        self.image
    }
}
