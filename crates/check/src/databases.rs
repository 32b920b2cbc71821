//! What RDS knows of a database: its engine, the memory of its class, the formulas of its
//! parameter group.
//!
//! The facts that age are in `data/rds-engines.txt` and `data/rds-classes.txt`, each with its date
//! and source. Nothing here looks at a clock.

use crate::links::{Links, Place};
use kumiki_project::{Resource, Value};
use std::cmp::Ordering;
use std::collections::HashMap;

const ENGINES: &str = include_str!("../data/rds-engines.txt");
const CLASSES: &str = include_str!("../data/rds-classes.txt");

/// A major version of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Major {
    /// The engine.
    pub(crate) engine: &'static str,
    /// The major version.
    pub(crate) version: &'static str,
    /// The lowest version that can be created.
    pub(crate) lowest: &'static str,
    /// The last day of standard support, as `2027-02-28`.
    pub(crate) support_ends: Option<&'static str>,
}

/// The day on which the facts about engines were gathered, as `2026-11-24`.
pub(crate) fn engines_as_of() -> &'static str {
    ENGINES.lines().find_map(|it| it.strip_prefix("# as of ")).unwrap_or_default()
}

/// The major versions of an engine that can be created at all, oldest first.
pub(crate) fn majors(engine: &str) -> impl Iterator<Item = Major> {
    rows(ENGINES).filter_map(move |row| match row[..] {
        [of, version, lowest, support_ends] if of == engine => Some(Major {
            engine: of,
            version,
            lowest,
            support_ends: Some(support_ends).filter(|it| *it != "-"),
        }),
        _ => None,
    })
}

fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().filter(|it| !it.starts_with('#')).map(|it| it.split_whitespace().collect())
}

/// The major version that a version belongs to, as `14` or `8.0`.
///
/// Nothing for engines that do not follow the rule, and for a version that does not say.
pub(crate) fn major_of<'v>(engine: &str, version: &'v str) -> Option<&'v str> {
    let first = version.split('.').next()?;
    let two = || {
        let second = version[first.len()..].strip_prefix('.')?.split('.').next()?;
        numeric(second).then(|| &version[..first.len() + 1 + second.len()])
    };
    let major = match engine {
        "postgres" | "aurora-postgresql" if first == "9" => two()?,
        "postgres" | "aurora-postgresql" => first,
        "mysql" | "mariadb" | "aurora-mysql" => two()?,
        _ => return None,
    };
    numeric(first).then_some(major)
}

fn numeric(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

/// The parameter group family of a version, as `postgres14` or `aurora-mysql8.0`.
pub(crate) fn family(engine: &str, version: &str) -> Option<String> {
    Some(format!("{engine}{}", major_of(engine, version)?))
}

/// Compares two versions of one engine number by number: `14.9` comes before `14.18`.
pub(crate) fn compare(one: &str, other: &str) -> Ordering {
    let numbers = |version: &str| -> Vec<u64> {
        version
            .split(|it: char| !it.is_ascii_digit())
            .filter(|it| !it.is_empty())
            .map(|it| it.parse().unwrap_or(u64::MAX))
            .collect()
    };
    numbers(one).cmp(&numbers(other))
}

/// The bytes of memory of a class such as `db.t4g.medium`, as the service sells it.
pub(crate) fn class_memory(class: &str) -> Option<f64> {
    let (family, size) = class.strip_prefix("db.")?.split_once('.')?;
    let large: f64 = rows(CLASSES).find_map(|row| match row[..] {
        [of, memory] if of == family => memory.parse().ok(),
        _ => None,
    })?;
    let factor = match size {
        "micro" => 0.125,
        "small" => 0.25,
        "medium" => 0.5,
        "large" => 1.0,
        "xlarge" => 2.0,
        _ => 2.0 * f64::from(size.strip_suffix("xlarge")?.parse::<u16>().ok()?),
    };
    Some(large * factor * GIB)
}

/// Bytes of a GiB.
pub(crate) const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// A formula or number of a parameter group, for a class with this many bytes of memory.
///
/// Nothing for a formula that looks at something else than memory.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ParamValuesRef.html>
pub(crate) fn evaluate(formula: &str, memory: f64) -> Option<f64> {
    let mut formula = Formula { rest: formula.trim(), memory, depth: 0 };
    let value = formula.sum()?;
    (formula.rest.is_empty() && value.is_finite()).then_some(value)
}

struct Formula<'f> {
    rest: &'f str,
    memory: f64,
    depth: u8,
}

impl Formula<'_> {
    fn take(&mut self, token: char) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.term()?;
        loop {
            if self.take('*') {
                value *= self.term()?;
            } else if self.take('/') {
                value /= self.term()?;
            } else {
                return Some(value);
            }
        }
    }

    fn term(&mut self) -> Option<f64> {
        self.depth += 1;
        if self.depth > 64 {
            return None;
        }
        if self.take('-') {
            return Some(-self.term()?);
        }
        for (open, close) in [('{', '}'), ('(', ')')] {
            if self.take(open) {
                let value = self.sum()?;
                return self.take(close).then_some(value);
            }
        }
        let end = self.rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '.');
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest.trim_start();
        if let Ok(number) = word.parse::<f64>() {
            return Some(number);
        }
        if word == "DBInstanceClassMemory" {
            return Some(self.memory);
        }
        if !self.take('(') {
            return None;
        }
        let mut values = vec![self.sum()?];
        while self.take(',') {
            values.push(self.sum()?);
        }
        if !self.take(')') {
            return None;
        }
        let values = values.into_iter();
        match word.to_ascii_uppercase().as_str() {
            "GREATEST" => values.reduce(f64::max),
            "LEAST" => values.reduce(f64::min),
            "SUM" => Some(values.sum()),
            _ => None,
        }
    }
}

/// The parameter group of the tree that a database uses.
pub(crate) fn parameter_group<'t>(
    links: &Links<'t>,
    names: &HashMap<&'t str, Place>,
    database: &Resource,
) -> Option<&'t Resource> {
    let name = database.property("DBParameterGroupName")?;
    Some(links.at(links.named(name, PARAMETER_GROUP, names)?))
}

/// The type of a parameter group for instances.
pub(crate) const PARAMETER_GROUP: &str = "AWS::RDS::DBParameterGroup";

/// What a parameter group says of one parameter.
pub(crate) enum Setting<'t> {
    /// It is left at its default.
    Default,
    /// It is this.
    Value(&'t Value, f64),
    /// Only a deployment can tell, or its formula looks at something else than memory.
    Unknown,
}

/// A parameter of a group, for a class with this many bytes of memory.
pub(crate) fn setting<'t>(group: &'t Resource, name: &str, memory: f64) -> Setting<'t> {
    let Some(parameters) = group.property("Parameters") else { return Setting::Default };
    if parameters.as_map().is_none() {
        return Setting::Unknown;
    }
    let Some(value) = parameters.get(name) else { return Setting::Default };
    match value.as_text().and_then(|it| evaluate(it, memory)) {
        Some(number) => Setting::Value(value, number),
        None => Setting::Unknown,
    }
}

/// What RDS for PostgreSQL sets by default, for a class with this many bytes of memory.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html>
pub(crate) fn postgres_default(name: &str, memory: f64) -> Option<f64> {
    Some(match name {
        "max_connections" => (memory / 9_531_392.0).min(5000.0).floor(),
        "shared_buffers" => memory / 32768.0,
        "work_mem" => 4096.0,
        _ => return None,
    })
}

/// The most connections that an instance accepts.
pub(crate) fn max_connections(group: Option<&Resource>, engine: &str, memory: f64) -> Option<f64> {
    let default = || match engine {
        "postgres" => postgres_default("max_connections", memory),
        _ => None,
    };
    let Some(group) = group else { return default() };
    match setting(group, "max_connections", memory) {
        Setting::Default => default(),
        Setting::Value(_, value) => Some(value.floor()),
        Setting::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_is_whole() {
        let engines: Vec<_> = rows(ENGINES).collect();
        assert!(engines.iter().all(|it| it.len() == 4), "{engines:?}");
        for row in &engines {
            assert_eq!(major_of(row[0], row[2]), Some(row[1]));
        }
        for row in rows(CLASSES) {
            assert_eq!(row.len(), 2, "{row:?}");
            assert!(row[1].parse::<f64>().is_ok(), "{row:?}");
        }
        assert_eq!(engines_as_of().len(), "2026-11-24".len());
    }

    #[test]
    fn versions_have_families() {
        assert_eq!(family("postgres", "14.24").as_deref(), Some("postgres14"));
        assert_eq!(family("postgres", "9.6.24").as_deref(), Some("postgres9.6"));
        assert_eq!(family("mysql", "8.0.42").as_deref(), Some("mysql8.0"));
        assert_eq!(
            family("aurora-mysql", "8.0.mysql_aurora.3.04.0").as_deref(),
            Some("aurora-mysql8.0")
        );
        assert_eq!(family("mysql", "8"), None);
        assert_eq!(family("oracle-ee", "19.0.0"), None);
        assert_eq!(compare("14.9", "14.18"), Ordering::Less);
        assert_eq!(compare("11.22", "11.22-rds.20241121"), Ordering::Less);
    }

    #[test]
    fn classes_have_memory() {
        let gib = |class| class_memory(class).map(|it| it / GIB);
        assert_eq!(gib("db.t4g.micro"), Some(1.0));
        assert_eq!(gib("db.t4g.medium"), Some(4.0));
        assert_eq!(gib("db.m6g.12xlarge"), Some(192.0));
        assert_eq!(gib("db.r6g.large"), Some(16.0));
        assert_eq!(gib("db.x2iedn.32xlarge"), Some(4096.0));
        assert_eq!(gib("db.unheard.large"), None);
        assert_eq!(gib("db.r5.4xlarge.tpc2.mem4x"), None);
        assert_eq!(gib("cache.t4g.micro"), None);
    }

    #[test]
    fn formulas_are_evaluated() {
        assert_eq!(evaluate("{DBInstanceClassMemory/32768}", GIB), Some(32768.0));
        assert_eq!(evaluate("{DBInstanceClassMemory*3/4}", GIB), Some(0.75 * GIB));
        assert_eq!(
            evaluate("LEAST({DBInstanceClassMemory/9531392},5000)", 64.0 * GIB),
            Some(5000.0)
        );
        assert_eq!(
            evaluate("GREATEST({DBInstanceClassMemory/63963136*1024},65536)", GIB),
            Some(65536.0)
        );
        assert_eq!(evaluate("SUM({DBInstanceClassMemory/1024}, -24)", 102_400.0), Some(76.0));
        assert_eq!(evaluate("200", GIB), Some(200.0));
        assert_eq!(evaluate("{AllocatedStorage*2}", GIB), None);
        assert_eq!(evaluate("{DBInstanceClassMemory/", GIB), None);
        assert_eq!(evaluate("1 2", GIB), None);
        assert_eq!(evaluate(&"(".repeat(1000), GIB), None);
        assert_eq!(evaluate("{DBInstanceClassMemory/0}", GIB), None);
    }
}
