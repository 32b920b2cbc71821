//! Large trees: time and memory grow with their size.

use crate::folder::Folder;
use crate::project::*;
use kumiki_engine::Backend;
use kumiki_project::Library;
use std::fmt::Write;
use std::time::Instant;

/// A root of `stacks` nested stacks with a VPC and `resources` resources each, in chains of four: what
/// services look at to refuse something grows with the tree.
fn tree(stacks: usize, resources: usize, version: &str) -> Library {
    let mut texts = std::collections::BTreeMap::new();
    let mut root = String::from("Resources:\n");
    for stack in 0..stacks {
        let _ = writeln!(
            root,
            "  S{stack}:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: \
             s.yaml\n      Parameters: {{ Name: s{stack} }}"
        );
    }
    let mut child = String::from("Parameters: { Name: { Type: String } }\nResources:\n");
    child.push_str("  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }\n");
    for index in 0..resources {
        let before = index.wrapping_sub(1);
        let resource = match index % 4 {
            0 => format!(
                "AWS::SNS::Topic, Properties: {{ DisplayName: !Sub '${{Name}} {version}' }}"
            ),
            1 => "AWS::EC2::SecurityGroup, Properties: { GroupDescription: g, VpcId: !Ref Vpc }"
                .to_owned(),
            2 => format!(
                "AWS::EC2::SecurityGroupIngress, Properties: {{ GroupId: !Ref R{before}, IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 10.0.0.0/8, Description: {version} }}"
            ),
            _ => format!(
                "AWS::Logs::LogGroup, DependsOn: R{before}, Properties: {{ RetentionInDays: {} }}",
                if version == "one" { 1 } else { 3 }
            ),
        };
        let _ = writeln!(child, "  R{index}: {{ Type: {resource} }}");
    }
    let _ = writeln!(
        child,
        "Outputs:\n  Last: {{ Value: !Ref R0, Export: {{ Name: !Sub '${{Name}}-r0' }} }}"
    );
    texts.insert("stack.yaml".to_owned(), root);
    texts.insert("s.yaml".to_owned(), child);
    let mut library = Library::default();
    library.load("stack.yaml", &Texts(texts));
    assert!(library.diagnostics.is_empty(), "{:#?}", library.diagnostics);
    library
}

/// Milliseconds for creation, an update of everything, and deletion.
fn measure(stacks: usize, resources: usize) -> [u128; 5] {
    let folder = Folder::new();
    let mut backend = open(&folder, &[]);
    let mut app = inputs("app", &[]);
    app.environment.clear();
    let mut times = [0; 5];
    for (index, version) in ["one", "two"].into_iter().enumerate() {
        let library = tree(stacks, resources, version);
        let start = Instant::now();
        let plan = planned(&backend, &library, &app);
        times[index * 2] = start.elapsed().as_millis();
        assert!(!plan.is_empty());
        let start = Instant::now();
        let root = library.find("stack.yaml").unwrap();
        let request = kumiki_engine::ChangeSetRequest {
            library: &library,
            root,
            inputs: &app,
            plan: &plan,
            name: None,
            options: &Default::default(),
        };
        let id = backend.create_change_set(&request).unwrap().id;
        let outcome =
            backend.execute_change_set(&id, &Default::default(), &[], &mut |_| {}).unwrap();
        times[index * 2 + 1] = start.elapsed().as_millis();
        assert!(outcome.succeeded, "{:?}", outcome.cause);
    }
    let start = Instant::now();
    let root = root_id(&backend, "app");
    assert!(backend.delete_stack(&root, &[], &mut |_| {}).unwrap().succeeded);
    times[4] = start.elapsed().as_millis();
    times
}

#[test]
fn a_large_tree_is_created_updated_and_deleted() {
    measure(25, 40);
}

/// `cargo test --release -p kumiki-backend-local -- --ignored --nocapture scale`.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_methods, reason = "a measurement is printed")]
fn time_grows_with_size() {
    for stacks in [125, 250, 500] {
        let [plan, create, replan, update, delete] = measure(stacks, 40);
        let count = stacks * 40;
        std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!(
                "{count} resources: plan {plan} ms, create {create} ms, plan {replan} ms, update \
                 {update} ms, delete {delete} ms, {} MB at most\n",
                peak()
            ),
        )
        .unwrap();
    }
}

/// The most memory that this process had so far, in megabytes; 0 where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|it| it.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
