//! Paths of properties as schemas write them.

use std::fmt;

/// The path of a property inside a resource's `Properties`, as a schema states it: segments from
/// the outermost, `*` standing for any item of a list or any key of a map.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyPath(&'static str);

/// How a path that changed lies to a path a schema states.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// Neither holds the other.
    Apart,
    /// The changed path holds the stated one.
    Above,
    /// The changed path is the stated one, or lies inside it.
    Within,
}

impl PropertyPath {
    pub(crate) fn new(dotted: &'static str) -> Self {
        Self(dotted)
    }

    /// The segments, outermost first. `*` is any item of a list or any key of a map.
    pub fn segments(self) -> impl DoubleEndedIterator<Item = &'static str> + Clone {
        self.0.split('.')
    }

    /// The path with dots between its segments, as in `Endpoint.Address`.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Where `changed` lies, seen from this path. `*` on either side meets any segment.
    pub(crate) fn position_of<S: AsRef<str>>(self, changed: &[S]) -> Position {
        let mut changed = changed.iter().map(AsRef::as_ref);
        for stated in self.segments() {
            match changed.next() {
                None => return Position::Above,
                Some(segment) if stated == segment || stated == "*" || segment == "*" => {}
                Some(_) => return Position::Apart,
            }
        }
        Position::Within
    }
}

impl fmt::Display for PropertyPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl fmt::Debug for PropertyPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.0)
    }
}

impl PartialEq<str> for PropertyPath {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for PropertyPath {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}
