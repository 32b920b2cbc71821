//! What CloudFormation does in the services when it handles a resource, as IAM actions.

/// One line for each type: its name, then the actions of each service.
static DATA: &str = include_str!("../data/handlers.txt");

/// The IAM actions of the handlers that create, read, update and delete a resource of a type,
/// sorted; `None` if its schema names none, as for a nested stack's own type and older types.
///
/// From `handlers.*.permissions` of AWS's resource provider schemas, dated in the data. AWS writes
/// these lists by hand: they name what the handlers of a type may call for any of its properties,
/// and leave out what a service does in another one's name.
pub fn handler_actions(type_name: &str) -> Option<impl Iterator<Item = String>> {
    let mut words = DATA.lines().map(|it| it.split(' '));
    let groups = words.find_map(|mut it| (it.next() == Some(type_name)).then_some(it))?;
    Some(
        groups.filter_map(|it| it.split_once(':')).flat_map(|(service, names)| {
            names.split(',').map(move |name| format!("{service}:{name}"))
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn types_have_the_actions_of_their_handlers() {
        let actions: Vec<String> =
            handler_actions("AWS::RDS::DBInstance").into_iter().flatten().collect();
        for action in ["iam:PassRole", "rds:CreateDBInstance", "rds:DeleteDBInstance"] {
            assert!(actions.iter().any(|it| it == action), "{action}: {actions:?}");
        }
        assert!(actions.is_sorted());
        assert!(handler_actions("AWS::CloudFormation::WaitConditionHandle").is_none());
    }

    #[test]
    fn every_line_is_a_type_that_there_is() {
        let lines = DATA.lines().filter(|it| !it.starts_with('#'));
        let names: Vec<&str> = lines.filter_map(|it| it.split(' ').next()).collect();
        assert!(names.is_sorted() && names.len() > 1_500, "{}", names.len());
        let known: BTreeSet<&str> = crate::type_names().collect();
        let unknown: Vec<&&str> = names.iter().filter(|it| !known.contains(**it)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
