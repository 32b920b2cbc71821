//! Templates as AWS takes them: nested ones by the URLs of their content.
//!
//! Pure. Only the values of `TemplateURL` are replaced; every other byte stays, comments too. The
//! name of an object follows from its content, so an object never changes, and what a parent names is
//! what was reviewed.

use crate::account::STACK_TYPE;
use kumiki_engine::identity::digest;
use kumiki_project::{Child, Library, TemplateId, partition};
use kumiki_template::Template;
use std::collections::{BTreeMap, HashMap};

/// A root and everything under it, ready to be uploaded.
#[derive(Debug, Default)]
pub(crate) struct Package {
    /// The text of the root.
    pub(crate) root: String,
    /// The texts by the key of their object, the root's and those that they were made of included.
    pub(crate) objects: BTreeMap<String, String>,
}

/// Makes a package; `address` gives the URL of a key.
pub(crate) fn package(
    library: &Library,
    root: TemplateId,
    address: &dyn Fn(&str) -> String,
) -> Package {
    let mut packing =
        Packing { library, address, done: HashMap::new(), package: Package::default() };
    packing.package.root = packing.text(root);
    packing.package
}

struct Packing<'p> {
    library: &'p Library,
    address: &'p dyn Fn(&str) -> String,
    /// The URLs of the templates that are done; nothing for those that are being done.
    done: HashMap<TemplateId, Option<String>>,
    package: Package,
}

impl Packing<'_> {
    /// The text of a template as it is uploaded, after those that it nests.
    fn text(&mut self, id: TemplateId) -> String {
        self.done.insert(id, None);
        let library = self.library;
        let template = library.template(id);
        let text = library.sources.get(template.file).text();
        let packed = rewrite(text, template, &mut |index| {
            let Child::File(path) = library.follow(template, index) else { return None };
            let child = library.find(path)?;
            if let Some(url) = self.done.get(&child) {
                return url.clone();
            }
            let text = self.text(child);
            let url = (self.address)(&object_key(&text));
            self.done.insert(child, Some(url.clone()));
            Some(url)
        });
        self.package.objects.insert(object_key(&packed), packed.clone());
        // As it was written, so that what was deployed can be read again by what it was made of.
        self.package.objects.insert(object_key(text), text.to_owned());
        packed
    }
}

/// The key of the object that holds a template.
pub(crate) fn object_key(text: &str) -> String {
    digest_key(&digest(text))
}

/// The key of the object that holds the template with this digest.
pub(crate) fn digest_key(digest: &str) -> String {
    format!("templates/{digest}.template")
}

/// The URL of an object, as CloudFormation takes it.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>
pub(crate) fn url(endpoint: Option<&str>, bucket: &str, region: &str, key: &str) -> String {
    if let Some(endpoint) = endpoint {
        return format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/'));
    }
    let suffix = if partition(region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://{bucket}.s3.{region}.{suffix}/{key}")
}

/// The text of a template with other values of `TemplateURL`: `replace` gives them by the position
/// of the nested stack among the resources.
pub(crate) fn rewrite(
    text: &str,
    template: &Template,
    replace: &mut dyn FnMut(usize) -> Option<String>,
) -> String {
    let mut places = Vec::new();
    for (index, resource) in template.resources.iter().enumerate() {
        if &*resource.type_name.text != STACK_TYPE {
            continue;
        }
        let written = resource.properties.as_ref().and_then(|it| it.get("TemplateURL"));
        if let Some(written) = written
            && let Some(url) = replace(index)
        {
            places.push((written.span.range(), url));
        }
    }
    places.sort_by_key(|it| it.0.start);
    let mut rewritten = String::with_capacity(text.len() + places.len() * 80);
    let mut at = 0;
    for (range, url) in places {
        // An alias stands where its anchor does: once is enough.
        let (Some(before), Some(value)) = (text.get(at..range.start), text.get(range.clone()))
        else {
            continue;
        };
        rewritten.push_str(before);
        let before = block_header(before);
        rewritten.truncate(rewritten.len() - before);
        // Quoted as JSON, which YAML contains. What follows a value is not part of it.
        rewritten.push_str(&serde_json::Value::String(url).to_string());
        at = range.end - (value.len() - value.trim_end().len());
    }
    rewritten.push_str(text.get(at..).unwrap_or_default());
    rewritten
}

/// How much of the text before a block scalar is its header, `>-` and the line's end; a span has only
/// the lines of the scalar.
fn block_header(before: &str) -> usize {
    let line = before.trim_end();
    let head = line.trim_end_matches(|it: char| matches!(it, '+' | '-') || it.is_ascii_digit());
    let header = head.strip_suffix(['>', '|']).filter(|it| it.ends_with(' '));
    header.filter(|_| before.contains('\n')).map_or(0, |it| before.len() - it.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;
    use kumiki_project::{FileError, Files};

    struct Texts(BTreeMap<&'static str, &'static str>);

    impl Files for Texts {
        fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
            self.0.get(path).map(|it| it.as_bytes().to_vec()).ok_or(FileError::NotFound)
        }
    }

    fn packed(files: &[(&'static str, &'static str)]) -> Package {
        let texts = Texts(files.iter().copied().collect());
        let mut library = Library::default();
        library.load("root", &texts);
        let root = library.find("root").unwrap();
        package(&library, root, &|key| format!("https://b/{key}"))
    }

    const LEAF: &str = "Resources:\n  Topic: { Type: AWS::SNS::Topic } # 通知\n";

    #[test]
    fn only_the_urls_change() {
        let url = format!("\"https://b/{}\"", object_key(LEAF));
        let head =
            "# 親\nResources:\n  A:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n";
        // What is written after `TemplateURL:`, and what is left of it.
        let cases = [
            (" leaf # 子\n", "{} # 子\n"),
            (" 'leaf'\n      Tags: []\n", "{}\n      Tags: []\n"),
            (" \"./leaf\"\n", "{}\n"),
            (" !Sub leaf\n", "{}\n"),
            (" !Sub 'leaf'  # x\n", "{}  # x\n"),
            ("\n        leaf\n", "\n        {}\n"),
            (" {\"Fn::Sub\": leaf}\n", "{}\n"),
            (
                "\n        Fn::Sub: leaf\n      # next\n      Tags: []\n",
                "\n        {}\n      # next\n      Tags: []\n",
            ),
            (" >-\n        leaf\n      Tags: []\n", "{}\n      Tags: []\n"),
        ];
        for (written, expected) in cases {
            let text: &'static str = format!("{head}      TemplateURL:{written}").leak();
            let package = packed(&[("root", text), ("leaf", LEAF)]);
            let expected = match expected.starts_with('\n') {
                true => expected.replace("{}", &url),
                false => format!(" {}", expected.replace("{}", &url)),
            };
            assert_eq!(package.root, format!("{head}      TemplateURL:{expected}"), "{written}");
            assert_eq!(package.objects.len(), 3, "{written}");
            assert_eq!(package.objects[&object_key(LEAF)], LEAF);
            assert_eq!(package.objects[&object_key(&package.root)], package.root);
        }
    }

    #[test]
    fn json_stays_json_and_children_come_first() {
        let root = r#"{"Resources": {"A": {"Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": {"Fn::Sub": "middle"}, "Parameters": {"P": "x"}}}}}"#;
        let middle = "Resources:\n  L:\n    Type: AWS::CloudFormation::Stack\n    Properties: { TemplateURL: leaf }\n";
        let package = packed(&[("root", root), ("middle", middle), ("leaf", LEAF)]);
        let middle_packed = middle.replace("leaf", &format!("\"https://b/{}\"", object_key(LEAF)));
        assert!(package.objects.contains_key(&object_key(&middle_packed)));
        let read: serde_json::Value = serde_json::from_str(&package.root).unwrap();
        let url = &read["Resources"]["A"]["Properties"]["TemplateURL"];
        assert_eq!(*url, format!("https://b/{}", object_key(&middle_packed)));
        assert_eq!(read["Resources"]["A"]["Properties"]["Parameters"]["P"], "x");
    }

    #[test]
    fn what_is_no_file_stays() {
        let root = "Resources:\n  A:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: https://s3.amazonaws.com/b/k\n";
        assert_eq!(packed(&[("root", root)]).root, root);
    }

    #[test]
    fn urls_follow_the_partition_and_the_endpoint() {
        let cases = [
            (None, "ap-northeast-1", "https://b.s3.ap-northeast-1.amazonaws.com/k"),
            (None, "cn-north-1", "https://b.s3.cn-north-1.amazonaws.com.cn/k"),
            (None, "us-gov-west-1", "https://b.s3.us-gov-west-1.amazonaws.com/k"),
            (Some("http://127.0.0.1:4566/"), "us-east-1", "http://127.0.0.1:4566/b/k"),
        ];
        for (endpoint, region, expected) in cases {
            assert_eq!(url(endpoint, "b", region, "k"), expected);
        }
    }
}
