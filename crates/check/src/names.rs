//! Which physical names the services admit.
//!
//! The facts are in `data/physical-names.txt`, with their date and sources: resource provider
//! schemas lack most of them. Whether a name is taken in the account is not known here.

use std::sync::LazyLock;

const NAMES: &str = include_str!("../data/physical-names.txt");

static RULES: LazyLock<Vec<NameRule>> = LazyLock::new(|| {
    NAMES.lines().filter(|it| !it.starts_with('#')).filter_map(NameRule::parse).collect()
});

/// What the name of a resource of one type must be.
#[derive(Debug)]
pub(crate) struct NameRule {
    /// The type.
    pub(crate) type_name: &'static str,
    /// The property that gives the name, as a path.
    pub(crate) property: &'static str,
    /// The fewest characters.
    pub(crate) least: Option<usize>,
    /// The most characters.
    pub(crate) most: Option<usize>,
    /// Where a name is unique.
    pub(crate) unique: Unique,
    characters: Vec<(char, char)>,
    remarks: Vec<&'static str>,
}

/// Where a name is unique.
#[derive(Debug)]
pub(crate) enum Unique {
    /// Nowhere.
    No,
    /// In the account.
    Account,
    /// In one Region of the account.
    Region,
    /// In all accounts together.
    Everywhere,
    /// Among those with the same values of these properties.
    Among(Vec<&'static str>),
}

/// What a name has that it must not have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A character.
    Character(char),
    /// A beginning.
    Beginning(String),
    /// An end.
    End(String),
    /// A part.
    Part(String),
    /// The form of an IP address.
    Address,
    /// Another beginning than this one.
    Without(&'static str),
}

impl NameRule {
    /// What is known of the names of a type.
    pub(crate) fn of(type_name: &str) -> Option<&'static NameRule> {
        let index = RULES.binary_search_by(|it| it.type_name.cmp(type_name)).ok()?;
        Some(&RULES[index])
    }

    fn parse(line: &'static str) -> Option<Self> {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [type_name, property, least, most, characters, remarks, unique, _source] = columns[..]
        else {
            return None;
        };
        Some(Self {
            type_name,
            property,
            least: least.parse().ok(),
            most: most.parse().ok(),
            unique: match unique.strip_prefix("in:") {
                Some(properties) => Unique::Among(properties.split(',').collect()),
                None => match unique {
                    "account" => Unique::Account,
                    "region" => Unique::Region,
                    "everywhere" => Unique::Everywhere,
                    _ => Unique::No,
                },
            },
            characters: ranges(characters),
            remarks: remarks.split(',').collect(),
        })
    }

    /// Whether a remark of the data holds.
    pub(crate) fn has(&self, remark: &str) -> bool {
        self.remarks.contains(&remark)
    }

    /// A name as it is compared with others.
    pub(crate) fn folded(&self, name: &str) -> String {
        if self.has("case") { name.to_ascii_lowercase() } else { name.to_owned() }
    }

    /// Whether a text is a name at all, and not an ARN that may stand in its place.
    pub(crate) fn is_name(&self, text: &str) -> bool {
        let arn = self.has("arn") && text.starts_with("arn:");
        !text.is_empty() && !arn
    }

    /// What is wrong with the characters of a name.
    pub(crate) fn fault(&self, name: &str) -> Option<Fault> {
        let base = match name.strip_suffix(".fifo") {
            Some(base) if self.has("fifo") => base,
            _ => name,
        };
        self.characters_fault(base).or_else(|| self.reserved_fault(name))
    }

    fn characters_fault(&self, name: &str) -> Option<Fault> {
        let admitted =
            |it: char| self.characters.iter().any(|(from, to)| (*from..=*to).contains(&it));
        if !self.characters.is_empty()
            && let Some(character) = name.chars().find(|it| !admitted(*it))
        {
            return Some(Fault::Character(character));
        }
        let (first, last) = (name.chars().next()?, name.chars().next_back()?);
        if self.has("edges") && !first.is_ascii_alphanumeric()
            || self.has("letter") && !first.is_ascii_alphabetic()
        {
            return Some(Fault::Beginning(first.to_string()));
        }
        if self.has("edges") && !last.is_ascii_alphanumeric() || self.has("tail") && last == '-' {
            return Some(Fault::End(last.to_string()));
        }
        if self.has("hyphens") && name.contains("--") {
            return Some(Fault::Part("--".to_owned()));
        }
        None
    }

    /// Rules that no pattern of a schema has.
    fn reserved_fault(&self, name: &str) -> Option<Fault> {
        let begins = |part: &str| name.starts_with(part).then(|| Fault::Beginning(part.to_owned()));
        if self.has("marks") {
            let is_mark = |it: char| matches!(it, '.' | '_' | '-');
            let pair = name.chars().zip(name.chars().skip(1));
            if let Some((one, two)) = pair.into_iter().find(|it| is_mark(it.0) && is_mark(it.1)) {
                return Some(Fault::Part(format!("{one}{two}")));
            }
        }
        if self.has("bucket") {
            let ends = |part: &str| name.ends_with(part).then(|| Fault::End(part.to_owned()));
            let fault = ["xn--", "sthree-", "amzn-s3-demo-"]
                .into_iter()
                .find_map(begins)
                .or_else(|| {
                    let ends_with = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
                    ends_with.into_iter().find_map(ends)
                })
                .or_else(|| name.contains("..").then(|| Fault::Part("..".to_owned())))
                .or_else(|| name.parse::<std::net::Ipv4Addr>().ok().map(|_| Fault::Address));
            if fault.is_some() {
                return fault;
            }
        }
        if self.has("internal") {
            return begins("internal-");
        }
        if self.has("sg") {
            return begins("sg-");
        }
        if self.has("alias") {
            if !name.starts_with("alias/") {
                return Some(Fault::Without("alias/"));
            }
            return begins("alias/aws/");
        }
        if self.has("cognito") && !name.contains('.') {
            let reserved = ["aws", "amazon", "cognito"].into_iter();
            return reserved
                .into_iter()
                .find(|it| name.contains(it))
                .map(|it| Fault::Part(it.to_owned()));
        }
        None
    }
}

/// The ranges of characters that a class such as `a-z0-9\s._-` stands for; none for `*`.
fn ranges(class: &str) -> Vec<(char, char)> {
    if class == "*" {
        return Vec::new();
    }
    let class: Vec<char> = class.replace("\\s", " ").chars().collect();
    let mut ranges = Vec::new();
    let mut rest = &class[..];
    while let [from, tail @ ..] = rest {
        match tail {
            ['-', to, after @ ..] => {
                ranges.push((*from, *to));
                rest = after;
            }
            _ => {
                ranges.push((*from, *from));
                rest = tail;
            }
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::{Fault, NAMES, NameRule, RULES, Unique, ranges};

    #[test]
    fn every_line_is_read() {
        let lines = NAMES.lines().filter(|it| !it.starts_with('#')).count();
        assert_eq!(RULES.len(), lines);
        assert!(RULES.is_sorted_by(|a, b| a.type_name < b.type_name));
        for rule in RULES.iter() {
            let name = rule.type_name;
            let schema = kumiki_schema::resource_type(name).unwrap_or_else(|| panic!("{name}"));
            let mut properties = vec![rule.property];
            if let Unique::Among(others) = &rule.unique {
                properties.extend(others);
            }
            for property in properties {
                let path: Vec<&str> = property.split('.').collect();
                assert!(schema.property(&path).is_some(), "{name} {property}");
            }
        }
    }

    #[test]
    fn classes_are_read() {
        let expected = vec![('A', 'Z'), ('a', 'z'), (' ', ' '), ('.', '.'), ('-', '-')];
        assert_eq!(ranges("A-Za-z\\s.-"), expected);
        assert_eq!(ranges("*"), []);
    }

    #[test]
    fn names_are_judged() {
        let bucket = NameRule::of("AWS::S3::Bucket").expect("a rule");
        assert_eq!(bucket.fault("facility-prod-reports-123456789012"), None);
        assert_eq!(bucket.fault("Facility"), Some(Fault::Character('F')));
        assert_eq!(bucket.fault("-a-"), Some(Fault::Beginning("-".to_owned())));
        assert_eq!(bucket.fault("10.0.0.1"), Some(Fault::Address));
        assert_eq!(bucket.fault("a..b"), Some(Fault::Part("..".to_owned())));
        assert_eq!(bucket.fault("a-s3alias"), Some(Fault::End("-s3alias".to_owned())));
        let queue = NameRule::of("AWS::SQS::Queue").expect("a rule");
        assert_eq!(queue.fault("jobs.fifo"), None);
        assert_eq!(queue.fault("jobs.other"), Some(Fault::Character('.')));
        let alias = NameRule::of("AWS::KMS::Alias").expect("a rule");
        assert_eq!(alias.fault("facility"), Some(Fault::Without("alias/")));
        let role = NameRule::of("AWS::IAM::Role").expect("a rule");
        assert_eq!(role.folded("Facility-Role"), "facility-role");
    }
}
