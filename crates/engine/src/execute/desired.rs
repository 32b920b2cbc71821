//! What a stack should become: its template, evaluated with what is known by now.

use super::stage::{Stage, StageKind, Target};
use super::{Desired, Run};
use crate::record::Settled;
use crate::status::StackStatus;
use kumiki_project::{Inputs, Kind, ParameterType, Policy, Scope, Unknown, Value, order};
use kumiki_template::{Call, Expr, ExprKind, ResourceDecl, Template};
use serde_json::Value as Json;
use std::rc::Rc;
use std::sync::Arc;

impl Run<'_> {
    /// The root becomes what the inputs say.
    pub(super) fn begin_forward(&mut self, root: usize) {
        let given = &self.frame.inputs.parameters;
        let given: std::collections::HashMap<&str, &str> =
            given.iter().map(|it| (&*it.name, &*it.value)).collect();
        let template = self.frame.root;
        let tags = self.frame.inputs.tags.iter().cloned().collect();
        self.enter_forward(
            root,
            template,
            &|name| given.get(name).map(|it| Value::text(*it)),
            tags,
        );
    }

    /// A stack becomes what its template says with the given parameters.
    pub(super) fn enter_forward(
        &mut self,
        stack: usize,
        path: &str,
        passed: &dyn Fn(&str) -> Option<Value>,
        tags: std::collections::BTreeMap<String, String>,
    ) {
        let Some((library, template)) = self
            .frame
            .library
            .and_then(|library| Some((library, library.template(library.find(path)?))))
        else {
            let reason = format!("Template `{path}` does not exist.");
            return self.stack_failed(stack, reason, None);
        };
        let source = library.sources.get(template.file);
        let digest = self.frame.digests.get(source.path()).cloned().unwrap_or_default();
        let order = match self.orders.get(path) {
            Some(order) => order.clone(),
            None => {
                let made = Rc::new(order(template));
                self.orders.insert(path.to_owned(), made.clone());
                made
            }
        };
        let values = kumiki_project::parameter_values(template, passed);
        for (decl, value) in template.parameters.iter().zip(&values) {
            if decl.no_echo
                && let Some(text) = value.as_text()
            {
                self.frame.secrets.add(text);
            }
        }
        let (values, recorded) = (self.stored_values(template, &values), values);
        let parameters = template.parameters.iter().zip(&recorded);
        let parameters = parameters
            .filter_map(|(decl, value)| {
                let text = text_of(value)?;
                Some((decl.name.text.to_string(), self.frame.secrets.text(text)))
            })
            .collect();
        let (values, made_up) = match values {
            Ok(values) => values,
            Err(reason) => return self.stack_failed(stack, reason, None),
        };
        let scope = Rc::new(Scope::alone(
            template,
            self.stacks[stack].path.clone(),
            self.frame.inputs,
            values,
            self.frame.live,
        ));
        let state = &mut self.stacks[stack];
        let taken_over = state.record.operation.as_deref() == Some(&self.operation.id);
        if state.record.previous.is_none()
            && (!taken_over
                || matches!(
                    state.record.status,
                    StackStatus::UpdateInProgress | StackStatus::ImportInProgress
                ))
            && !(stack == 0 && self.operation.fresh)
        {
            state.record.previous = Some(Box::new(state.record.settled.clone()));
        }
        path.clone_into(&mut state.record.template);
        state.record.settled.template_digest = digest;
        state.record.settled.parameters = parameters;
        state.record.settled.tags = tags;
        state.record.operation = Some(self.operation.id.clone());
        // Also where nothing will show: whoever continues finds it as this process leaves it.
        self.journal.stack(stack);
        let stage = forward_stage(template, &scope, &order);
        let state = &mut self.stacks[stack];
        state.desired = Some(Desired { template, scope, order, made_up });
        if let Err((reason, at)) = self.resolve_imports(stack) {
            return self.stack_failed(stack, reason, at);
        }
        if let Err((reason, at)) = self.may_remove(stack) {
            return self.stack_failed(stack, reason, Some(at));
        }
        if self.tags_changed(stack) {
            self.activate(stack);
        }
        self.enter(stack, stage);
    }

    /// Values of parameters with those that are looked up in the Parameter Store, and the names of
    /// those that only AWS knows.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html>
    fn stored_values(
        &mut self,
        template: &Template,
        values: &[Value],
    ) -> Result<(Vec<Value>, Vec<String>), String> {
        let Inputs { account, region, .. } = self.frame.inputs;
        let mut made_up = Vec::new();
        let mut stored = Vec::with_capacity(values.len());
        for (decl, value) in template.parameters.iter().zip(values) {
            let kind = ParameterType::parse(&decl.type_name.text);
            let name = value.as_text().filter(|_| matches!(kind, Some(ParameterType::Ssm(_))));
            let Some(name) = name else {
                stored.push(value.clone());
                continue;
            };
            let found = self.outside.provider.ssm_parameter(account, region, name);
            let found = found.map_err(|it| it.to_string())?;
            let Some(found) = found else {
                return Err(format!(
                    "Unable to fetch parameters [{name}] from parameter store for this account."
                ));
            };
            if found.made_up {
                made_up.push(name.to_owned());
            }
            stored
                .push(kumiki_project::stored(decl, value.clone(), &|_| Some(found.value.clone())));
        }
        Ok((stored, made_up))
    }

    /// CloudFormation resolves every import before it touches a resource.
    fn resolve_imports(&mut self, stack: usize) -> Result<(), (String, Option<String>)> {
        let Some(Desired { template, scope, .. }) = &self.stacks[stack].desired else {
            return Ok(());
        };
        let (template, scope) = (*template, scope.clone());
        self.frame.live.take_imported();
        for decl in &template.resources {
            let Some(properties) = &decl.properties else { continue };
            if !created(decl, &scope) || !has_import(properties) {
                continue;
            }
            let mut missing = None;
            scope.evaluate(properties).unknowns(&mut |unknown| {
                unknown.each(&mut |it| {
                    if let Unknown::Import(name) = it {
                        missing.get_or_insert_with(|| name.to_string());
                    }
                });
            });
            if let Some(name) = missing {
                let at = Some(decl.name.text.to_string());
                return Err((format!("No export named {name} found"), at));
            }
        }
        self.note_imports(stack);
        Ok(())
    }

    /// Notes the exports that were asked for as used by a stack.
    pub(super) fn note_imports(&mut self, stack: usize) {
        for name in self.frame.live.take_imported() {
            if self.frame.live.export(&name).is_some() {
                self.set_import(stack, &name, true);
                self.stacks[stack].imports.insert(name);
            }
        }
    }

    pub(super) fn tags_changed(&self, stack: usize) -> bool {
        let record = &self.stacks[stack].record;
        let before = record.previous.as_ref().map(|it| &it.tags);
        record.status != StackStatus::CreateInProgress
            && before.is_some_and(|before| *before != record.settled.tags)
    }

    /// What a resource is to become, but for what only its provider knows.
    pub(super) fn goal(
        &self,
        stack: usize,
        task: usize,
        decl: &ResourceDecl,
        properties: Json,
    ) -> Settled {
        let Some(Desired { template, scope, order, .. }) = &self.stacks[stack].desired else {
            return Settled::default();
        };
        let mut depends_on: Vec<String> = order.dependencies[task]
            .iter()
            .map(|it| &template.resources[it.on])
            .filter(|it| created(it, scope))
            .map(|it| it.name.text.to_string())
            .collect();
        depends_on.sort();
        depends_on.dedup();
        let metadata = decl.metadata.as_ref().map(|it| {
            // What is not known is left out: metadata reaches no provider.
            let known = |unknown: &Arc<Unknown>| {
                Some(match &**unknown {
                    Unknown::Dynamic(text) => Json::String(text.to_string()),
                    _ => Json::Null,
                })
            };
            let json = scope.evaluate(it).to_json(&known).unwrap_or(Json::Null);
            self.frame.secrets.json(json)
        });
        let policy = |expr: &Option<Expr>, default: Policy| {
            let value = expr.as_ref().map(|it| scope.evaluate(it));
            let named = value.as_ref().and_then(|it| Policy::parse(it.as_text()?));
            named.unwrap_or(default).as_str().to_owned()
        };
        Settled {
            type_name: decl.type_name.text.to_string(),
            deletion_policy: policy(&decl.deletion_policy, default_policy(decl)),
            update_replace_policy: policy(&decl.update_replace_policy, Policy::Delete),
            properties,
            metadata,
            depends_on,
            ..Settled::default()
        }
    }
}

/// Whether the condition of a resource lets it be created.
pub(super) fn created(decl: &ResourceDecl, scope: &Scope<'_>) -> bool {
    decl.condition.as_ref().is_none_or(|it| !scope.condition(it).is_false())
}

fn forward_stage(template: &Template, scope: &Scope<'_>, order: &kumiki_project::Order) -> Stage {
    let tasks = template
        .resources
        .iter()
        .map(|decl| created(decl, scope).then(|| (decl.name.text.to_string(), Target::Resource)));
    let edges = order
        .dependencies
        .iter()
        .enumerate()
        .flat_map(|(index, on)| on.iter().map(move |it| (it.on, index)));
    Stage::new(StageKind::Forward, tasks.collect(), edges)
}

/// What becomes of a resource that names no policy.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>
fn default_policy(decl: &ResourceDecl) -> Policy {
    match &*decl.type_name.text {
        "AWS::RDS::DBCluster" => Policy::Snapshot,
        "AWS::RDS::DBInstance"
            if decl.properties.as_ref().and_then(|it| it.get("DBClusterIdentifier")).is_none() =>
        {
            Policy::Snapshot
        }
        _ => Policy::Delete,
    }
}

fn has_import(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |it| {
        if let ExprKind::Call(call) = &it.kind {
            found |= matches!(**call, Call::ImportValue(_));
        }
    });
    found
}

/// Why a value is not known at deployment.
pub(super) fn unresolved(value: &Value) -> String {
    let mut reason = None;
    value.unknowns(&mut |unknown| {
        unknown.each(&mut |it| {
            reason.get_or_insert_with(|| match it {
                Unknown::Import(name) => format!("No export named {name} found"),
                Unknown::Attribute(resource, name) => format!(
                    "Attribute {name} of {} is not modelled by the embedded engine",
                    resource.logical_id
                ),
                other => format!("Unresolved: {}", other.describe()),
            });
        });
    });
    reason.unwrap_or_else(|| "Unresolved value".to_owned())
}

/// A value as text: a list is joined by commas.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match &value.kind {
        Kind::List(items) => {
            let items: Option<Vec<&str>> = items.iter().map(Value::as_text).collect();
            items.map(|it| it.join(","))
        }
        _ => value.as_text().map(str::to_owned),
    }
}
