//! Failures on purpose, and slowness.

use kumiki_engine::identity::fingerprint;
use kumiki_engine::{Request, Verb};
use kumiki_source::{Message, message};

/// The requests that a failure meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meets {
    /// `create`: it is created.
    Create,
    /// `update`: it is updated, not on the way back.
    Update,
    /// `delete`: it is deleted, in whatever phase.
    Delete,
    /// `rollback`: it is updated on the way back after a failed update.
    Rollback,
}

/// What happens on purpose.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A resource fails: `PATH/LogicalId:create`, with a reason after another `:`.
    Fails {
        /// The resource: logical IDs from the root, joined by `/`.
        resource: String,
        /// What fails.
        meets: Meets,
        /// The reason.
        reason: String,
    },
    /// The service turns requests for a resource away until CloudFormation has tried again several
    /// times: `PATH/LogicalId:throttle`.
    Throttled {
        /// The resource.
        resource: String,
    },
    /// A resource takes longer to become stable: `PATH/LogicalId:slow`, with a factor after another
    /// `:`.
    Slow {
        /// The resource.
        resource: String,
        /// How many times longer.
        factor: u32,
    },
    /// Any resource fails, as the dice fall for a seed: the same seed on the same state fails the
    /// same resources.
    Random {
        /// What the dice follow from.
        seed: u64,
        /// How many creations and updates of a hundred fail.
        percent: f64,
    },
}

/// How often CloudFormation tries again where a service throttles, and how long the first wait is;
/// each further one doubles. Its own retries are documented as existing, not in number.
///
/// <https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html>
const RETRIES: u32 = 5;
const FIRST_WAIT: u64 = 1_000;

impl Fault {
    /// Reads `PATH/LogicalId:create|update|delete|rollback[:reason]`, `:throttle` or
    /// `:slow[:factor]`.
    ///
    /// # Errors
    /// When it is written otherwise.
    pub fn parse(text: &str) -> Result<Self, Message> {
        let mut parts = text.splitn(3, ':');
        let resource = parts.next().unwrap_or_default().trim_matches('/').to_owned();
        let (kind, rest) = (parts.next(), parts.next());
        if resource.is_empty() {
            return Err(message!("`{text}` names no resource", text));
        }
        let meets = match (kind, rest) {
            (Some("create"), _) => Meets::Create,
            (Some("update"), _) => Meets::Update,
            (Some("delete"), _) => Meets::Delete,
            (Some("rollback"), _) => Meets::Rollback,
            (Some("throttle"), None) => return Ok(Self::Throttled { resource }),
            (Some("slow"), None) => return Ok(Self::Slow { resource, factor: 10 }),
            (Some("slow"), Some(factor)) => {
                return match factor.parse() {
                    Ok(factor) if factor > 0 => Ok(Self::Slow { resource, factor }),
                    _ => Err(message!("`{factor}` is no factor: write a whole number", factor)),
                };
            }
            _ => {
                return Err(message!(
                    "`{text}` is no failure: write `Path/LogicalId:create`, `:update`, `:delete` or `:rollback` and a reason after another `:`, or `:throttle`, or `:slow`",
                    text
                ));
            }
        };
        let reason = rest.unwrap_or("Internal failure (injected)").to_owned();
        Ok(Self::Fails { resource, meets, reason })
    }

    /// Reads `SEED[:PERCENT]`; one of a hundred fails otherwise.
    ///
    /// # Errors
    /// When it is written otherwise.
    pub fn parse_random(text: &str) -> Result<Self, Message> {
        let (seed, percent) = text.split_once(':').unwrap_or((text, "1"));
        match (seed.parse(), percent.parse::<f64>()) {
            (Ok(seed), Ok(percent)) if (0.0..=100.0).contains(&percent) => {
                Ok(Self::Random { seed, percent })
            }
            _ => Err(message!(
                "`{text}` is no seed: write a whole number, and how many of a hundred fail after a `:`",
                text
            )),
        }
    }

    /// The resource that it is about, if it is about one.
    pub fn resource(&self) -> Option<&str> {
        match self {
            Self::Fails { resource, .. }
            | Self::Throttled { resource }
            | Self::Slow { resource, .. } => Some(resource),
            Self::Random { .. } => None,
        }
    }

    /// The reason why a request fails, if it does.
    pub(crate) fn reason(&self, request: &Request<'_>) -> Option<String> {
        match self {
            Self::Fails { resource, meets, reason } => {
                let meets = match meets {
                    Meets::Create => request.verb == Verb::Create,
                    Meets::Update => request.verb == Verb::Update && !request.rollback,
                    Meets::Delete => request.verb == Verb::Delete,
                    Meets::Rollback => request.verb == Verb::Update && request.rollback,
                };
                (meets && is(resource, request)).then(|| reason.clone())
            }
            Self::Random { seed, percent } => {
                if request.verb == Verb::Delete || request.rollback {
                    return None;
                }
                let [high, low, ..] = fingerprint(&["dice", &seed.to_string(), request.token]);
                let thrown = f64::from(u16::from_be_bytes([high, low])) / 65_536.0 * 100.0;
                (thrown < *percent).then(|| format!("Internal failure (injected, seed {seed})"))
            }
            Self::Throttled { .. } | Self::Slow { .. } => None,
        }
    }

    /// How long a request takes that would take so many milliseconds.
    pub(crate) fn slowed(&self, request: &Request<'_>, takes: u64) -> u64 {
        match self {
            Self::Throttled { resource } if is(resource, request) => {
                takes.saturating_add(FIRST_WAIT * ((1 << RETRIES) - 1))
            }
            Self::Slow { resource, factor } if is(resource, request) => {
                takes.saturating_mul(u64::from(*factor))
            }
            _ => takes,
        }
    }
}

/// Whether a request is for the resource of this path.
fn is(resource: &str, request: &Request<'_>) -> bool {
    match request.stack_path {
        "" => resource == request.logical_id,
        path => {
            let id = resource.strip_prefix(path).and_then(|it| it.strip_prefix('/'));
            id.is_some_and(|it| it == request.logical_id)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_read() {
        let reason = "no capacity: try later".to_owned();
        let fails =
            Fault::Fails { resource: "Rds/DBInstance".into(), meets: Meets::Create, reason };
        assert_eq!(Fault::parse("Rds/DBInstance:create:no capacity: try later").unwrap(), fails);
        let resource = || "Topic".to_owned();
        let cases = [
            ("Topic:throttle", Fault::Throttled { resource: resource() }),
            ("/Topic:slow", Fault::Slow { resource: resource(), factor: 10 }),
            ("Topic:slow:3", Fault::Slow { resource: resource(), factor: 3 }),
        ];
        for (text, expected) in cases {
            assert_eq!(Fault::parse(text).unwrap(), expected);
        }
        for bad in ["", "Topic", "Topic:explode", ":create", "Topic:slow:0", "Topic:throttle:x"] {
            assert!(Fault::parse(bad).is_err(), "{bad}");
        }
        let random = |seed, percent| Fault::Random { seed, percent };
        assert_eq!(Fault::parse_random("7").unwrap(), random(7, 1.0));
        assert_eq!(Fault::parse_random("7:2.5").unwrap(), random(7, 2.5));
        for bad in ["", "x", "7:", "7:101", "-1"] {
            assert!(Fault::parse_random(bad).is_err(), "{bad}");
        }
    }
}
