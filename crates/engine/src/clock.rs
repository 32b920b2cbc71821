//! Time, as an argument.

/// The time of day.
pub trait Clock {
    /// Milliseconds since 1970, UTC.
    fn now(&self) -> u64;
}

/// A clock that stands still.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stopped(pub u64);

impl Clock for Stopped {
    fn now(&self) -> u64 {
        self.0
    }
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> u64 {
        (**self).now()
    }
}

impl<C: Clock + ?Sized> Clock for Box<C> {
    fn now(&self) -> u64 {
        (**self).now()
    }
}
