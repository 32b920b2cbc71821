//! The walls between the crates, as one table and a test over `cargo metadata`.

use serde::Deserialize;
use std::collections::{HashMap, HashSet, VecDeque};

/// The crates by layer, lowest first. A crate uses crates of lower layers only, so those that
/// share a layer do not see each other.
const LAYERS: &[&[&str]] = &[
    &["kumiki-source"],
    &["kumiki-template", "kumiki-schema"],
    &["kumiki-project"],
    &["kumiki-check", "kumiki-plan"],
    &["kumiki-engine"],
    &["kumiki-backend-local", "kumiki-backend-aws"],
    &["kumiki-serve"],
    &["kumiki"],
];

/// So many of the lowest layers are pure: nothing in their dependency graph is of [`IMPURE`].
const PURE_LAYERS: usize = 4;

/// Members outside the layers that look at some of the crates, and which.
const GUESTS: &[(&str, &[&str])] = &[
    (
        "service-acceptance",
        &["kumiki-source", "kumiki-template", "kumiki-schema", "kumiki-project", "kumiki-check"],
    ),
    // To feed every reader of text.
    (
        "kumiki-fuzz",
        &["kumiki-source", "kumiki-template", "kumiki-project", "kumiki-check", "kumiki-serve"],
    ),
    // To know which facts and rules exist, when it holds the traceability table against them.
    ("xtask", &["kumiki-check", "service-acceptance"]),
];

/// What a pure crate does not reach, however long the way: runtimes and the network.
const IMPURE: &[&str] = &["tokio", "mio", "hyper", "rustls", "rusqlite"];

/// Libraries of which one crate knows, or two, and who that is. Tests may know them too, and services
/// use what they like.
const KNOWN_TO: &[(&str, &str)] = &[
    ("granit-parser", "kumiki-template"),
    ("cloudformation-guard-lang", "kumiki-check"),
    ("cloudformation-validate", "kumiki-check"),
    ("rusqlite", "kumiki-backend-local"),
    ("axum", "kumiki-serve"),
    ("aws-config", "kumiki-backend-aws"),
    ("aws-sdk-cloudformation", "kumiki-backend-aws"),
    ("aws-sdk-s3", "kumiki-backend-aws"),
    ("aws-sdk-sts", "kumiki-backend-aws"),
    // Writes answers, and reads those of services whose clients would take minutes to compile.
    ("quick-xml", "kumiki-serve"),
    ("quick-xml", "kumiki-backend-aws"),
    ("annotate-snippets", "kumiki"),
    ("clap", "kumiki"),
    ("indicatif", "kumiki"),
    ("lsp-server", "kumiki"),
    ("lsp-types", "kumiki"),
];

/// The part of `cargo metadata` that is read here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: HashSet<String>,
    workspace_root: String,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Deserialize)]
struct EdgeKind {
    kind: Option<String>,
}

/// Every hole in the walls, as sentences.
fn holes(metadata: &Metadata) -> Vec<String> {
    let members: Vec<&Package> =
        metadata.packages.iter().filter(|it| metadata.workspace_members.contains(&it.id)).collect();
    let folder: HashMap<&str, &str> = members
        .iter()
        .map(|it| (it.name.as_str(), top_folder(&it.manifest_path, &metadata.workspace_root)))
        .collect();
    let mut holes = Vec::new();
    for name in LAYERS.iter().copied().flatten().filter(|it| !folder.contains_key(*it)) {
        holes.push(format!("the table of layers names `{name}`, which is no member"));
    }
    for (name, _) in GUESTS.iter().filter(|(it, _)| !folder.contains_key(*it)) {
        holes.push(format!("the table of guests names `{name}`, which is no member"));
    }
    for package in &members {
        let name = package.name.as_str();
        if folder[name] == "crates" && layer(name).is_none() {
            holes.push(format!("`{name}` is in no layer: give it a place in the table"));
        }
        for dependency in &package.dependencies {
            let used = dependency.name.as_str();
            let owners = KNOWN_TO.iter().filter(|(library, _)| *library == used);
            let owners: Vec<&str> = owners.map(|(_, owner)| *owner).collect();
            if !owners.is_empty()
                && !owners.contains(&name)
                && folder[name] != "services"
                && dependency.kind.as_deref() != Some("dev")
            {
                let owners = owners.join("` and `");
                holes.push(format!("`{name}` uses `{used}`, which only `{owners}` may know"));
            }
            if folder.contains_key(used) && !may_use((name, folder[name]), (used, folder[used])) {
                holes.push(format!("`{name}` uses `{used}`, which is not below it"));
            }
        }
        if layer(name).is_some_and(|it| it < PURE_LAYERS) {
            holes.extend(impure_path(package, metadata).map(|path| {
                let path = path.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>();
                format!("a pure crate reaches out: {}", path.join(" uses "))
            }));
        }
    }
    holes
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|it| it.contains(&name))
}

/// The folder of the workspace that a member lies in: `crates`, `infra`, `services` or `xtask`.
fn top_folder<'p>(manifest: &'p str, root: &str) -> &'p str {
    let path = manifest.strip_prefix(root).unwrap_or(manifest);
    path.split(['/', '\\']).find(|it| !it.is_empty()).unwrap_or_default()
}

/// Whether a member may use another; both with the folder that they lie in.
fn may_use((user, user_folder): (&str, &str), (used, used_folder): (&str, &str)) -> bool {
    if let Some((_, crates)) = GUESTS.iter().find(|(guest, _)| *guest == user) {
        return crates.contains(&used);
    }
    match (layer(user), layer(used)) {
        (Some(user), Some(used)) => used < user,
        // Services share among themselves, and nothing else crosses from folder to folder.
        _ => user_folder == used_folder,
    }
}

/// The shortest way from a crate to something impure, development aside.
fn impure_path<'m>(package: &'m Package, metadata: &'m Metadata) -> Option<Vec<&'m str>> {
    let names: HashMap<&str, &str> =
        metadata.packages.iter().map(|it| (it.id.as_str(), it.name.as_str())).collect();
    let nodes: HashMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|it| (it.id.as_str(), it)).collect();
    let mut came_from: HashMap<&str, &str> = HashMap::new();
    let mut queue = VecDeque::from([package.id.as_str()]);
    while let Some(id) = queue.pop_front() {
        if names.get(id).is_some_and(|it| IMPURE.contains(it)) {
            let way = std::iter::successors(Some(id), |it| came_from.get(it).copied());
            let mut path: Vec<&str> = way.filter_map(|it| names.get(it).copied()).collect();
            path.reverse();
            return Some(path);
        }
        let edges = nodes.get(id).map_or(&[] as &[Edge], |it| it.deps.as_slice());
        for edge in edges {
            let only_dev = edge.dep_kinds.iter().all(|it| it.kind.as_deref() == Some("dev"));
            let next = edge.pkg.as_str();
            if !only_dev && next != package.id && !came_from.contains_key(next) {
                came_from.insert(next, id);
                queue.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::process::Command;

    #[test]
    fn the_walls_stand() {
        // One platform is enough, and spares the download of the others' crates.
        let target = host();
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--filter-platform", &target])
            .current_dir(crate::root())
            .output()
            .expect("Cargo can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("Cargo's JSON");
        let holes = holes(&metadata);
        assert!(holes.is_empty(), "{}", holes.join("\n"));
    }

    fn host() -> String {
        let output = Command::new("rustc").arg("-vV").output().expect("rustc can be started");
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().find_map(|it| it.strip_prefix("host: ")).expect("a host").to_owned()
    }

    /// A house as it should be, with edges added to it.
    fn house(extra: &[(&str, &str)]) -> Metadata {
        let mut members: Vec<(&str, &str)> =
            LAYERS.iter().copied().flatten().map(|it| (*it, "crates")).collect();
        members.extend([
            ("xtask", "xtask"),
            ("kumiki-fuzz", "fuzz"),
            ("service-acceptance", "infra"),
            ("staff-api", "services"),
            ("service-kit", "services"),
        ]);
        let outside = ["serde", "tokio", "rusqlite", "h2", "proptest"].map(|it| (it, "registry"));
        let packages: Vec<(&str, &str)> = members.iter().copied().chain(outside).collect();
        let mut edges = vec![
            ("kumiki-template", "kumiki-source"),
            ("kumiki-schema", "kumiki-source"),
            ("kumiki-project", "kumiki-schema"),
            ("kumiki-plan", "kumiki-project"),
            ("kumiki-check", "kumiki-template"),
            ("kumiki-engine", "kumiki-plan"),
            ("kumiki-backend-local", "kumiki-engine"),
            ("kumiki-backend-local", "rusqlite"),
            ("kumiki", "kumiki-backend-local"),
            ("staff-api", "service-kit"),
            ("service-kit", "tokio"),
            ("h2", "tokio"),
        ];
        edges.extend(extra);
        let of = |name: &str| -> Vec<(&str, Value)> {
            let own = edges.iter().filter(|(from, _)| *from == name);
            // `dev:` before a name makes it a dependency of tests.
            own.map(|(_, to)| match to.strip_prefix("dev:") {
                Some(to) => (to, json!("dev")),
                None => (*to, Value::Null),
            })
            .collect()
        };
        let package = |(name, folder): &(&str, &str)| {
            let dependencies: Vec<Value> =
                of(name).iter().map(|(it, kind)| json!({ "name": it, "kind": kind })).collect();
            json!({
                "id": format!("id of {name}"),
                "name": name,
                "manifest_path": format!("/house/{folder}/{name}/Cargo.toml"),
                "dependencies": dependencies,
            })
        };
        let node = |(name, _): &(&str, &str)| {
            let deps: Vec<Value> = of(name)
                .iter()
                .map(|(it, kind)| json!({ "pkg": format!("id of {it}"), "dep_kinds": [{ "kind": kind }] }))
                .collect();
            json!({ "id": format!("id of {name}"), "deps": deps })
        };
        let metadata = json!({
            "packages": packages.iter().map(package).collect::<Vec<_>>(),
            "workspace_members":
                members.iter().map(|(name, _)| format!("id of {name}")).collect::<Vec<_>>(),
            "workspace_root": "/house",
            "resolve": { "nodes": packages.iter().map(node).collect::<Vec<_>>() },
        });
        serde_json::from_value(metadata).expect("the fields that are read")
    }

    #[test]
    fn a_planted_edge_is_found() {
        let cases = [
            // Upwards, sideways, and through the floor between crates and services.
            (
                ("kumiki-project", "kumiki-plan"),
                "`kumiki-project` uses `kumiki-plan`, which is not below it",
            ),
            (
                ("kumiki-plan", "kumiki-check"),
                "`kumiki-plan` uses `kumiki-check`, which is not below it",
            ),
            (
                ("kumiki-check", "kumiki-plan"),
                "`kumiki-check` uses `kumiki-plan`, which is not below it",
            ),
            (
                ("kumiki-template", "dev:kumiki-schema"),
                "`kumiki-template` uses `kumiki-schema`, which is not below it",
            ),
            (
                ("staff-api", "kumiki-source"),
                "`staff-api` uses `kumiki-source`, which is not below it",
            ),
            (("kumiki", "service-kit"), "`kumiki` uses `service-kit`, which is not below it"),
            (("xtask", "kumiki-source"), "`xtask` uses `kumiki-source`, which is not below it"),
            // A guest sees what it may see, and nobody sees the guest.
            (
                ("service-acceptance", "kumiki-engine"),
                "`service-acceptance` uses `kumiki-engine`, which is not below it",
            ),
            (
                ("kumiki", "service-acceptance"),
                "`kumiki` uses `service-acceptance`, which is not below it",
            ),
            // Into libraries that somebody else owns, or that nobody pure may reach.
            (
                ("kumiki-engine", "rusqlite"),
                "`kumiki-engine` uses `rusqlite`, which only `kumiki-backend-local` may know",
            ),
            (
                ("kumiki-plan", "h2"),
                "a pure crate reaches out: `kumiki-plan` uses `h2` uses `tokio`",
            ),
        ];
        for (edge, expected) in cases {
            assert_eq!(holes(&house(&[edge])), [expected], "{edge:?}");
        }
    }

    #[test]
    fn a_house_without_holes_has_none() {
        let allowed = [
            &[][..],
            // The engine is above the pure layers; tests may use what they like of others' crates.
            &[("kumiki-engine", "tokio")],
            &[("kumiki-plan", "dev:tokio"), ("kumiki-check", "dev:rusqlite")],
            &[("kumiki-source", "serde"), ("kumiki", "kumiki-source")],
            &[("service-acceptance", "kumiki-check"), ("xtask", "dev:service-acceptance")],
        ];
        for extra in allowed {
            assert_eq!(holes(&house(extra)), [""; 0], "{extra:?}");
        }
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        let mut metadata = house(&[]);
        let stranger = metadata.packages.iter_mut().find(|it| it.name == "kumiki-plan").unwrap();
        stranger.name = "kumiki-cost".to_owned();
        assert_eq!(
            holes(&metadata)[..2],
            [
                "the table of layers names `kumiki-plan`, which is no member",
                "`kumiki-cost` is in no layer: give it a place in the table",
            ]
        );
    }
}
