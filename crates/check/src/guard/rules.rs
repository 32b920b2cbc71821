//! Guard rule files: read, and refused where Guard's evaluator would never end.

use cloudformation_guard_lang::eval_context::FunctionName;
use cloudformation_guard_lang::exprs::{
    Block, Conjunctions, FunctionExpr, GuardClause, LetExpr, LetValue, QueryPart, Rule, RuleClause,
    RulesFile, WhenConditions, WhenGuardClause,
};
use cloudformation_guard_lang::parser::{Span as Input, rules_file};
use cloudformation_guard_lang::path_value::PathAwareValue as Guarded;
use kumiki_source::{Diagnostic, FileId, Message, Source, Span, message};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Brackets inside brackets: Guard's parser descends with each, and may begin anew twice.
const MOST_BRACKETS: usize = 16;

/// Parts of one query, and rules or variables that are made of each other: the evaluator descends
/// with each.
const MOST_STEPS: usize = 64;

/// So many steps does each doubling of a text count for: a replacement that repeats what it matches
/// doubles, and what is made of it again doubles again.
const STEPS_OF_DOUBLING: usize = 6;

/// Reads a rule file; nothing when it has no rules.
pub(super) fn parse(
    file: FileId,
    source: &Source,
) -> Result<Option<RulesFile<'_>>, Box<Diagnostic>> {
    let text = source.text();
    if let Some(at) = too_deep(text) {
        return Err(Box::new(
            Diagnostic::error("guard-syntax", message!("the rules are nested too deeply"))
                .at(Span::new(file, at, at + 1))
                .help(message!("divide them into rules that refer to each other")),
        ));
    }
    // The name stands before `default`, the rule of clauses that stand in none.
    let name = source.path().rsplit('/').next().unwrap_or_default();
    // Guard's parser takes some texts for impossible and stops the thread.
    let parsed = catch_unwind(AssertUnwindSafe(|| rules_file(Input::new_extra(text, name))));
    let rules = match parsed {
        Ok(Ok(Some(rules))) => rules,
        Ok(Ok(None)) => return Ok(None),
        Ok(Err(error)) => return Err(Box::new(syntax(file, source, name, &error.to_string()))),
        Err(_) => return Err(Box::new(syntax(file, source, name, ""))),
    };
    match endless(&rules) {
        None => Ok(Some(rules)),
        Some((name, message)) => {
            let at = Span::new(file, 0, 0);
            let at = find_name(text, &name).map_or(at, |it| Span::new(file, it, it + name.len()));
            Err(Box::new(Diagnostic::error("guard-syntax", message).at(at)))
        }
    }
}

/// The place of a rule's or variable's name, where it is declared.
pub(super) fn find_name(text: &str, name: &str) -> Option<usize> {
    ["rule", "let"].iter().find_map(|word| {
        text.match_indices(word).find_map(|(at, _)| {
            let rest = &text[at + word.len()..];
            let after = rest.trim_start();
            let ends = |it: &str| !it.starts_with(|it: char| it.is_alphanumeric() || it == '_');
            let found = rest.len() > after.len()
                && after.strip_prefix(name).is_some_and(ends)
                && !text[..at].ends_with(|it: char| it.is_alphanumeric() || it == '_');
            found.then(|| text.len() - after.len())
        })
    })
}

/// A syntax error where Guard saw one: it says so in words only.
fn syntax(file: FileId, source: &Source, name: &str, reason: &str) -> Diagnostic {
    let number = |after: &str, text: &str| -> Option<usize> {
        let (_, rest) = text.split_once(after)?;
        rest.split(|it: char| !it.is_ascii_digit()).next()?.parse().ok()
    };
    let rest = reason.split_once(&format!("Error parsing file {name} ")).map(|(_, it)| it);
    let place = rest.and_then(|it| Some((number("at line ", it)?, number("at column ", it)?)));
    let text = source.text();
    let mut at = place.map_or(0, |(line, column)| source.offset(line, column));
    // It stops before the white space that follows what it understood.
    at += text[at..].len() - text[at..].trim_start().len();
    let end = text[at..].chars().next().map_or(at, |it| at + it.len_utf8());
    Diagnostic::error("guard-syntax", message!("this is no Guard rule"))
        .at(Span::new(file, at, end))
        .label(message!("Guard understands the file up to here"))
}

/// Where brackets are nested too deeply, if they are.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut until = None;
    let mut before = ' ';
    for (at, it) in text.char_indices() {
        match (until, it) {
            (Some(end), it) if it == end && before != '\\' => until = None,
            (Some(_), _) => {}
            (None, '#') => until = Some('\n'),
            (None, '"' | '\'' | '/') => until = Some(it),
            (None, '(' | '[' | '{') => {
                depth += 1;
                if depth > MOST_BRACKETS {
                    return Some(at);
                }
            }
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
        before = it;
    }
    None
}

/// The name and the reason, if evaluating the rules would not end, or end too late.
fn endless(file: &RulesFile<'_>) -> Option<(String, Message)> {
    let mut rules = Graph::default();
    let mut faults = Vec::new();
    let mut blocks: Vec<&[LetExpr<'_>]> = vec![&file.assignments];
    let called = file.parameterized_rules.iter().map(|it| &it.rule);
    for rule in file.guard_rules.iter().chain(called.clone()) {
        let (mut steps, mut growth) = (0, 0);
        let mut walk = Walk {
            rule: &mut |name| rules.edge(&rule.rule_name, name),
            variable: &mut |_| {},
            block: &mut |it| blocks.push(it),
            steps: &mut steps,
            growth: &mut growth,
        };
        walk.rule(rule);
        // Only a rule with parameters is handed what others made.
        if called.clone().any(|it| std::ptr::eq(it, rule)) {
            rules.weigh(&rule.rule_name, growth);
        }
        if steps > MOST_STEPS {
            let name = &rule.rule_name;
            faults.push((name.clone(), message!("rule `{name}` has too long a query", name)));
        }
    }
    if let Some(name) = rules.too_long() {
        let message = message!("rule `{name}` refers to itself, or through too many others", name);
        faults.push((name, message));
    }
    for block in blocks {
        let mut graph = Graph::default();
        for assignment in block {
            let (mut steps, mut growth) = (0, 0);
            let mut edge = |name: &str| graph.edge(&assignment.var, name);
            let mut walk = Walk {
                rule: &mut |_| {},
                variable: &mut edge,
                block: &mut |_| {},
                steps: &mut steps,
                growth: &mut growth,
            };
            walk.value(&assignment.value);
            graph.weigh(&assignment.var, growth);
            if steps > MOST_STEPS {
                let name = &assignment.var;
                faults.push((name.clone(), message!("`{name}` has too long a query", name)));
            }
        }
        if let Some(name) = graph.too_long() {
            let message =
                message!("variable `{name}` is made of itself, or of too many others", name);
            faults.push((name, message));
        }
    }
    faults.into_iter().next()
}

/// Calls `visit` with the variables that a value is made of.
pub(super) fn variables(value: &LetValue<'_>, visit: &mut dyn FnMut(&str)) {
    let (mut steps, mut growth) = (0, 0);
    let mut walk = Walk {
        rule: &mut |_| {},
        variable: visit,
        block: &mut |_| {},
        steps: &mut steps,
        growth: &mut growth,
    };
    walk.value(value);
}

/// Which names are made of which.
#[derive(Default)]
struct Graph {
    edges: HashMap<String, Vec<String>>,
    /// Steps that a name takes by itself.
    weights: HashMap<String, usize>,
}

impl Graph {
    fn edge(&mut self, from: &str, to: &str) {
        self.edges.entry(from.to_owned()).or_default().push(to.to_owned());
    }

    fn weigh(&mut self, name: &str, steps: usize) {
        self.edges.entry(name.to_owned()).or_default();
        self.weights.insert(name.to_owned(), steps);
    }

    /// A name from which a way leads back, or goes on for too long. Names are settled from the end
    /// of the ways: what is left then lies on a circle or before one.
    fn too_long(&self) -> Option<String> {
        let mut length: HashMap<&str, usize> = HashMap::new();
        let mut names: Vec<&String> = self.edges.keys().collect();
        names.sort();
        for _ in 0..=MOST_STEPS {
            for &name in &names {
                let ways = self.edges[name].iter().map(|it| match self.edges.contains_key(it) {
                    true => length.get(it.as_str()).copied(),
                    false => Some(0),
                });
                let own = 1 + self.weights.get(name).copied().unwrap_or_default();
                let longest = { ways }.try_fold(own, |all, it| Some(all.max(it? + own)));
                length.extend(longest.map(|it| (name.as_str(), it)));
            }
            names.retain(|it| !length.contains_key(it.as_str()));
        }
        let long = length.iter().find(|(_, it)| **it > MOST_STEPS).map(|(it, _)| (*it).to_owned());
        names.first().map(|it| (*it).clone()).or(long)
    }
}

/// A walk over everything that a rule is made of.
struct Walk<'w, 'f, 'l> {
    /// Sees the rules that are referred to.
    rule: &'w mut dyn FnMut(&str),
    /// Sees the variables that are used.
    variable: &'w mut dyn FnMut(&str),
    /// Sees the variables that a block declares.
    block: &'w mut dyn FnMut(&'f [LetExpr<'l>]),
    /// The length of the longest query.
    steps: &'w mut usize,
    /// How often texts double, in steps.
    growth: &'w mut usize,
}

impl<'f, 'l> Walk<'_, 'f, 'l> {
    fn rule(&mut self, rule: &'f Rule<'l>) {
        self.conditions(rule.conditions.as_ref());
        (self.block)(&rule.block.assignments);
        rule.block.assignments.iter().for_each(|it| self.value(&it.value));
        for clause in rule.block.conjunctions.iter().flatten() {
            match clause {
                RuleClause::Clause(clause) => self.clause(clause),
                RuleClause::WhenBlock(conditions, block) => {
                    self.conditions(Some(conditions));
                    self.clauses(block);
                }
                RuleClause::TypeBlock(block) => {
                    self.conditions(block.conditions.as_ref());
                    self.query(&block.query);
                    self.clauses(&block.block);
                }
            }
        }
    }

    fn conditions(&mut self, conditions: Option<&'f WhenConditions<'l>>) {
        for clause in conditions.into_iter().flatten().flatten() {
            match clause {
                WhenGuardClause::Clause(it) => {
                    self.query(&it.access_clause.query.query);
                    it.access_clause.compare_with.iter().for_each(|it| self.value(it));
                }
                WhenGuardClause::NamedRule(it) => (self.rule)(&it.dependent_rule),
                WhenGuardClause::ParameterizedNamedRule(it) => {
                    (self.rule)(&it.named_rule.dependent_rule);
                    it.parameters.iter().for_each(|it| self.value(it));
                }
            }
        }
    }

    fn clauses(&mut self, block: &'f Block<'l, GuardClause<'l>>) {
        (self.block)(&block.assignments);
        block.assignments.iter().for_each(|it| self.value(&it.value));
        self.conjunctions(&block.conjunctions);
    }

    fn conjunctions(&mut self, conjunctions: &'f Conjunctions<GuardClause<'l>>) {
        conjunctions.iter().flatten().for_each(|it| self.clause(it));
    }

    fn clause(&mut self, clause: &'f GuardClause<'l>) {
        match clause {
            GuardClause::Clause(it) => {
                self.query(&it.access_clause.query.query);
                it.access_clause.compare_with.iter().for_each(|it| self.value(it));
            }
            GuardClause::NamedRule(it) => (self.rule)(&it.dependent_rule),
            GuardClause::ParameterizedNamedRule(it) => {
                (self.rule)(&it.named_rule.dependent_rule);
                it.parameters.iter().for_each(|it| self.value(it));
            }
            GuardClause::BlockClause(it) => {
                self.query(&it.query.query);
                self.clauses(&it.block);
            }
            GuardClause::WhenBlock(conditions, block) => {
                self.conditions(Some(conditions));
                self.clauses(block);
            }
        }
    }

    fn query(&mut self, query: &'f [QueryPart<'l>]) {
        *self.steps = (*self.steps).max(query.len());
        for part in query {
            if let Some(name) = part.variable() {
                (self.variable)(name);
            }
            match part {
                // Guard takes the positive of a negative position, and this one has none.
                QueryPart::Index(i32::MIN) => *self.steps = usize::MAX,
                QueryPart::Key(key) if key.parse() == Ok(i32::MIN) => *self.steps = usize::MAX,
                QueryPart::Filter(_, conjunctions) => self.conjunctions(conjunctions),
                QueryPart::MapKeyFilter(_, filter) => self.value(&filter.compare_with),
                _ => {}
            }
        }
    }

    fn value(&mut self, value: &'f LetValue<'l>) {
        match value {
            LetValue::Value(_) => {}
            LetValue::AccessClause(it) => self.query(&it.query),
            LetValue::FunctionCall(it) => {
                let before = *self.growth;
                self.function(it);
                *self.steps = (*self.steps).max(*self.growth - before);
            }
        }
    }

    fn function(&mut self, call: &'f FunctionExpr<'l>) {
        if call.name == FunctionName::RegexReplace
            && let Some(LetValue::Value(Guarded::String((_, replacement)))) = call.parameters.last()
        {
            let references = replacement.matches('$').count().max(1);
            *self.growth += STEPS_OF_DOUBLING * references.ilog2() as usize;
        }
        call.parameters.iter().for_each(|it| self.value(it));
    }
}
