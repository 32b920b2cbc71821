//! The capabilities that templates demand: what whoever deploys them has to acknowledge.
//!
//! Looks at what is written, as CloudFormation does: a condition changes nothing.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>, read on
//! 2026-11-24.

use crate::execute::{STACK_TYPE, child_path};
use kumiki_project::{Child, Library, TemplateId};
use kumiki_template::Template;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// What whoever deploys a template has to acknowledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Capability {
    /// Permissions may change.
    #[serde(rename = "CAPABILITY_IAM")]
    Iam,
    /// Permissions may change, under names that are given.
    #[serde(rename = "CAPABILITY_NAMED_IAM")]
    NamedIam,
    /// Macros make the template.
    #[serde(rename = "CAPABILITY_AUTO_EXPAND")]
    AutoExpand,
}

impl Capability {
    /// The word that CloudFormation uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Iam => "CAPABILITY_IAM",
            Self::NamedIam => "CAPABILITY_NAMED_IAM",
            Self::AutoExpand => "CAPABILITY_AUTO_EXPAND",
        }
    }

    /// The capability of this word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Iam, Self::NamedIam, Self::AutoExpand].into_iter().find(|it| it.as_str() == word)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a tree of templates demands, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demanded {
    /// The capabilities. The stronger one of IAM stands for both.
    pub capabilities: BTreeSet<Capability>,
    /// The resources that demand one of IAM: paths of logical IDs, each template's once.
    pub resources: Vec<String>,
    /// The types of these resources.
    pub types: BTreeSet<String>,
}

/// The types that demand a capability, each with the property that names it.
const IAM: &[(&str, Option<&str>)] = &[
    ("AWS::IAM::AccessKey", None),
    ("AWS::IAM::Group", Some("GroupName")),
    ("AWS::IAM::InstanceProfile", Some("InstanceProfileName")),
    ("AWS::IAM::ManagedPolicy", Some("ManagedPolicyName")),
    ("AWS::IAM::Policy", None),
    ("AWS::IAM::Role", Some("RoleName")),
    ("AWS::IAM::User", Some("UserName")),
    ("AWS::IAM::UserToGroupAddition", None),
];

impl Demanded {
    /// What a root and everything nested in it demands.
    pub fn by(library: &Library, root: TemplateId) -> Self {
        let mut demanded = Self::default();
        demanded.add(library, library.template(root), "", &mut BTreeSet::new());
        if demanded.capabilities.contains(&Capability::NamedIam) {
            demanded.capabilities.remove(&Capability::Iam);
        }
        demanded
    }

    fn add<'l>(
        &mut self,
        library: &'l Library,
        template: &'l Template,
        path: &str,
        seen: &mut BTreeSet<&'l str>,
    ) {
        // The same template a second time demands nothing new.
        if !seen.insert(library.sources.get(template.file).path()) {
            return;
        }
        if !template.transforms.is_empty() || template.maker.is_some() {
            self.capabilities.insert(Capability::AutoExpand);
        }
        for (index, resource) in template.resources.iter().enumerate() {
            let type_name = &*resource.type_name.text;
            if type_name == STACK_TYPE
                && let Child::File(child) = library.follow(template, index)
                && let Some(child) = library.find(child)
            {
                let path = child_path(path, &resource.name.text);
                self.add(library, library.template(child), &path, seen);
            }
            let Some((_, name)) = IAM.iter().find(|it| it.0 == type_name) else { continue };
            let properties = resource.properties.as_ref();
            let named = name.is_some_and(|it| properties.is_some_and(|of| of.get(it).is_some()));
            self.capabilities.insert(if named { Capability::NamedIam } else { Capability::Iam });
            self.resources.push(child_path(path, &resource.name.text));
            self.types.insert(type_name.to_owned());
        }
    }

    /// What was not acknowledged. Where a change set shows what macros make, they need no word.
    pub fn missing(
        &self,
        acknowledged: &BTreeSet<Capability>,
        reviewed: bool,
    ) -> BTreeSet<Capability> {
        let given = |it: &Capability| match it {
            Capability::Iam => {
                acknowledged.contains(&Capability::Iam)
                    || acknowledged.contains(&Capability::NamedIam)
            }
            Capability::NamedIam => acknowledged.contains(it),
            Capability::AutoExpand => reviewed || acknowledged.contains(it),
        };
        self.capabilities.iter().copied().filter(|it| !given(it)).collect()
    }
}
