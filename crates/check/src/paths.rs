//! The values at a path of a resource's properties, in every item of the lists on the way.

use kumiki_project::Value;

/// Calls `visit` with every value at a path such as `Targets.Arn`.
pub(crate) fn each<'v>(value: &'v Value, path: &str, visit: &mut dyn FnMut(&'v Value)) {
    if let Some(items) = value.as_list() {
        items.iter().for_each(|it| each(it, path, visit));
        return;
    }
    if path.is_empty() {
        visit(value);
        return;
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    if let Some(value) = value.get(first) {
        each(value, rest, visit);
    }
}
