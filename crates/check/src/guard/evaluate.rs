//! Guard rules over a document in which some values are not known.
//!
//! Guard's own evaluator knows two answers. Here are the blocks, conditions and alternatives of its
//! language with a third one; each single clause is left to Guard, unless it looks at something
//! that is not known. Without unknown values the answers are Guard's own: a test compares them.
//!
//! <https://docs.aws.amazon.com/cfn-guard/latest/ug/writing-rules.html>

use super::document::{Certainty, Document};
use cloudformation_guard_lang::errors::Error;
use cloudformation_guard_lang::eval::eval_guard_access_clause;
use cloudformation_guard_lang::eval_context::{
    FunctionName, RootScope, ValueScope, block_scope, resolve_function, root_scope,
};
use cloudformation_guard_lang::exprs::{
    AccessQuery, Block, Conjunctions, FileLocation, FunctionExpr, GuardAccessClause, GuardClause,
    GuardNamedRuleClause, LetExpr, LetValue, ParameterizedNamedRuleClause, ParameterizedRule,
    QueryPart, Rule, RuleClause, RulesFile, TypeBlock, WhenConditions, WhenGuardClause,
};
use cloudformation_guard_lang::path_value::PathAwareValue as Guarded;
use cloudformation_guard_lang::values::CmpOperator;
use cloudformation_guard_lang::{
    ClauseCheck, EvalContext, QueryResult, RecordTracer, RecordType, Result, Status, UnResolved,
};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

/// So many clauses are looked at for one rule and stack, and no more: rules with parameters that
/// call each other double the work with each call.
const MOST_CLAUSES: usize = 100_000;

/// What a rule, or a part of one, comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    /// The clauses that fail, whatever the unknown values turn out to be.
    pub(super) failures: Vec<Failure>,
    /// The unknown values that something was asked of, by their place in the document.
    pub(super) waits: Waits,
}

/// Unknown values, by their place in the document.
pub(super) type Waits = BTreeSet<usize>;

/// The answers. Where several parts must hold, the last of theirs counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// Nothing to look at.
    #[default]
    Skip,
    Pass,
    /// Only a deployment can tell.
    Unknown,
    Fail,
}

/// A clause that fails.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// The value that it fails on, or the last one on the way to what is missing.
    pub(super) value: Rc<Guarded>,
    /// What is missing there.
    pub(super) missing: Option<String>,
    /// The rule's own message.
    pub(super) message: Option<String>,
    /// Line and column of the clause, both from 1.
    pub(super) clause: (u32, u32),
}

impl Outcome {
    fn of(status: Status) -> Self {
        let verdict = match status {
            Status::PASS => Verdict::Pass,
            Status::FAIL => Verdict::Fail,
            Status::SKIP => Verdict::Skip,
        };
        Self { verdict, ..Self::default() }
    }

    fn waiting(waits: Waits) -> Self {
        Self { verdict: Verdict::Unknown, failures: Vec::new(), waits }
    }

    /// Both must hold.
    fn and(mut self, other: Self) -> Self {
        self.verdict = self.verdict.max(other.verdict);
        self.failures.extend(other.failures);
        self.waits.extend(other.waits);
        self
    }

    /// One of them must hold.
    fn or(outcomes: Vec<Self>) -> Self {
        let verdicts = || outcomes.iter().map(|it| it.verdict);
        if verdicts().any(|it| it == Verdict::Pass) {
            return Self::of(Status::PASS);
        }
        let unknown = verdicts().any(|it| it == Verdict::Unknown);
        let mut all = outcomes.into_iter().fold(Self::default(), Self::and);
        if unknown {
            all.verdict = Verdict::Unknown;
            all.failures.clear();
        }
        all
    }
}

type Context<'c, 'v, 'l> = &'c mut dyn EvalContext<'v, 'l>;

/// Evaluates one rule of a file over one document.
pub(super) fn evaluate<'v, 'l: 'v>(
    file: &'v RulesFile<'l>,
    rule: &'v Rule<'l>,
    document: &'v Document,
) -> Result<Outcome> {
    let mut evaluator = Evaluator {
        file,
        document,
        taints: Vec::new(),
        named: HashMap::new(),
        log: Rc::default(),
        fuel: MOST_CLAUSES,
    };
    evaluator.at_root(&mut |it, cx| it.rule(rule, cx))
}

struct Evaluator<'v, 'l: 'v> {
    file: &'v RulesFile<'l>,
    document: &'v Document,
    /// What the variables wait for, the innermost block last.
    taints: Vec<HashMap<&'v str, Waits>>,
    /// What rules came to that others refer to by name.
    named: HashMap<&'v str, Outcome>,
    log: Rc<RefCell<Log<'v>>>,
    fuel: usize,
}

type Step<'s, 'v, 'l> =
    &'s mut dyn FnMut(&mut Evaluator<'v, 'l>, Context<'_, 'v, 'l>) -> Result<Outcome>;

impl<'v, 'l: 'v> Evaluator<'v, 'l> {
    /// Does something in a scope of its own that knows the file's variables and nothing else.
    fn at_root(&mut self, step: Step<'_, 'v, 'l>) -> Result<Outcome> {
        let root = root_scope(self.file, self.document.root.clone());
        let mut top = Top { inner: root, captured: HashSet::new(), log: self.log.clone() };
        let outside = std::mem::take(&mut self.taints);
        self.assign(&self.file.assignments, &mut top);
        let outcome = step(self, &mut top);
        self.taints = outside;
        outcome
    }

    fn rule(&mut self, rule: &'v Rule<'l>, cx: Context<'_, 'v, 'l>) -> Result<Outcome> {
        self.guarded(rule.conditions.as_ref(), cx, &mut |it, cx| {
            it.block(&rule.block, cx, Self::rule_clause)
        })
    }

    /// Does something where conditions hold.
    fn guarded(
        &mut self,
        conditions: Option<&'v WhenConditions<'l>>,
        cx: Context<'_, 'v, 'l>,
        step: Step<'_, 'v, 'l>,
    ) -> Result<Outcome> {
        let Some(conditions) = conditions else { return step(self, cx) };
        let condition = self.conjunctions(conditions, cx, Self::when_clause)?;
        match condition.verdict {
            Verdict::Pass => step(self, cx),
            Verdict::Unknown => {
                let mut inside = step(self, cx)?;
                if inside.verdict > Verdict::Skip {
                    inside.verdict = Verdict::Unknown;
                    inside.failures.clear();
                    inside.waits.extend(condition.waits);
                }
                Ok(inside)
            }
            Verdict::Skip | Verdict::Fail => Ok(Outcome::default()),
        }
    }

    fn block<T>(
        &mut self,
        block: &'v Block<'l, T>,
        cx: Context<'_, 'v, 'l>,
        clause: fn(&mut Self, &'v T, Context<'_, 'v, 'l>) -> Result<Outcome>,
    ) -> Result<Outcome> {
        let mut scope = block_scope(block, cx.root(), cx);
        self.assign(&block.assignments, &mut scope);
        let outcome = self.conjunctions(&block.conjunctions, &mut scope, clause);
        self.taints.pop();
        outcome
    }

    fn conjunctions<T>(
        &mut self,
        lines: &'v Conjunctions<T>,
        cx: Context<'_, 'v, 'l>,
        clause: fn(&mut Self, &'v T, Context<'_, 'v, 'l>) -> Result<Outcome>,
    ) -> Result<Outcome> {
        let mut all = Outcome::default();
        for line in lines {
            let mut alternatives = Vec::with_capacity(line.len());
            for it in line {
                self.fuel = self.fuel.checked_sub(1).ok_or_else(exhausted)?;
                let outcome = clause(self, it, cx)?;
                let holds = outcome.verdict == Verdict::Pass;
                alternatives.push(outcome);
                if holds {
                    break;
                }
            }
            all = all.and(Outcome::or(alternatives));
        }
        Ok(all)
    }

    fn rule_clause(
        &mut self,
        clause: &'v RuleClause<'l>,
        cx: Context<'_, 'v, 'l>,
    ) -> Result<Outcome> {
        match clause {
            RuleClause::Clause(clause) => self.clause(clause, cx),
            RuleClause::WhenBlock(conditions, block) => {
                self.guarded(Some(conditions), cx, &mut |it, cx| it.block(block, cx, Self::clause))
            }
            RuleClause::TypeBlock(block) => self.type_block(block, cx),
        }
    }

    fn when_clause(
        &mut self,
        clause: &'v WhenGuardClause<'l>,
        cx: Context<'_, 'v, 'l>,
    ) -> Result<Outcome> {
        match clause {
            WhenGuardClause::Clause(clause) => self.access(clause, cx),
            WhenGuardClause::NamedRule(clause) => self.named_rule(clause, cx),
            WhenGuardClause::ParameterizedNamedRule(call) => self.call(call, cx),
        }
    }

    fn clause(&mut self, clause: &'v GuardClause<'l>, cx: Context<'_, 'v, 'l>) -> Result<Outcome> {
        match clause {
            GuardClause::Clause(clause) => self.access(clause, cx),
            GuardClause::NamedRule(clause) => self.named_rule(clause, cx),
            GuardClause::ParameterizedNamedRule(call) => self.call(call, cx),
            GuardClause::WhenBlock(conditions, block) => {
                self.guarded(Some(conditions), cx, &mut |it, cx| it.block(block, cx, Self::clause))
            }
            GuardClause::BlockClause(clause) => {
                let waits = self.query(&clause.query.query, cx)?;
                if !waits.is_empty() {
                    return Ok(Outcome::waiting(waits));
                }
                let values = cx.query(&clause.query.query)?;
                if values.is_empty() && clause.not_empty {
                    let message = None;
                    return Ok(self.failure(cx.root(), None, message, &clause.location));
                }
                let mut outcomes = Vec::with_capacity(values.len());
                for value in values {
                    outcomes.push(match value {
                        QueryResult::Literal(root) | QueryResult::Resolved(root) => {
                            let mut scope = ValueScope { root, parent: cx };
                            self.block(&clause.block, &mut scope, Self::clause)?
                        }
                        QueryResult::UnResolved(it) => match self.missing(&it) {
                            Some(place) => Outcome::waiting(Waits::from([place])),
                            None => {
                                let missing = Some(it.remaining_query);
                                self.failure(it.traversed_to, missing, None, &clause.location)
                            }
                        },
                    });
                }
                Ok(match clause.query.match_all {
                    true => outcomes.into_iter().fold(Outcome::default(), Outcome::and),
                    false => Outcome::or(outcomes),
                })
            }
        }
    }

    fn type_block(&mut self, block: &'v TypeBlock<'l>, cx: Context<'_, 'v, 'l>) -> Result<Outcome> {
        self.guarded(block.conditions.as_ref(), cx, &mut |it, cx| {
            let mut all = Outcome::default();
            for value in cx.query(&block.query)? {
                // A template without resources is nothing to look at; Guard takes it for an error.
                let (QueryResult::Literal(root) | QueryResult::Resolved(root)) = value else {
                    continue;
                };
                let mut scope = ValueScope { root, parent: cx };
                all = all.and(it.block(&block.block, &mut scope, Self::clause)?);
            }
            Ok(all)
        })
    }

    fn named_rule(
        &mut self,
        clause: &'v GuardNamedRuleClause<'l>,
        cx: Context<'_, 'v, 'l>,
    ) -> Result<Outcome> {
        let name = clause.dependent_rule.as_str();
        let outcome = match self.named.get(name) {
            Some(outcome) => outcome.clone(),
            None => {
                let outcome = self.at_root(&mut |it, cx| it.first_of(name, cx))?;
                self.named.insert(name, outcome.clone());
                outcome
            }
        };
        let holds = match outcome.verdict {
            Verdict::Unknown => return Ok(Outcome::waiting(outcome.waits)),
            Verdict::Pass => !clause.negation,
            Verdict::Skip | Verdict::Fail => clause.negation,
        };
        if holds {
            return Ok(Outcome::of(Status::PASS));
        }
        let message = clause.custom_message.clone();
        Ok(self.failure(cx.root(), None, message, &clause.location))
    }

    /// What the first rule of a name that has something to look at comes to.
    fn first_of(&mut self, name: &'v str, cx: Context<'_, 'v, 'l>) -> Result<Outcome> {
        let mut rules = self.file.guard_rules.iter().filter(|it| it.rule_name == name).peekable();
        if rules.peek().is_none() {
            return Err(Error::MissingValue(format!("there is no rule `{name}`")));
        }
        for rule in rules {
            let outcome = self.rule(rule, cx)?;
            if outcome.verdict > Verdict::Skip {
                return Ok(outcome);
            }
        }
        Ok(Outcome::default())
    }

    fn call(
        &mut self,
        call: &'v ParameterizedNamedRuleClause<'l>,
        cx: Context<'_, 'v, 'l>,
    ) -> Result<Outcome> {
        let called = &call.named_rule.dependent_rule;
        let rule = cx.find_parameterized_rule(called)?;
        let (wanted, given) = (rule.parameter_names.len(), call.parameters.len());
        if wanted != given {
            return Err(Error::IncompatibleError(format!(
                "`{called}` takes {wanted} parameters, and {given} are given"
            )));
        }
        let mut values = HashMap::with_capacity(wanted);
        let mut taints = HashMap::with_capacity(wanted);
        for (name, parameter) in rule.parameter_names.iter().zip(&call.parameters) {
            taints.insert(name.as_str(), self.selection(parameter, cx)?);
            let value = match parameter {
                LetValue::Value(it) => vec![QueryResult::Resolved(Rc::new(it.clone()))],
                LetValue::AccessClause(it) => cx.query(&it.query)?,
                LetValue::FunctionCall(it) => resolve_function(&it.name, &it.parameters, cx)?,
            };
            values.insert(name.as_str(), value);
        }
        self.taints.push(taints);
        let mut outcome = self.rule(&rule.rule, &mut Called { values, parent: cx });
        self.taints.pop();
        if let (Ok(outcome), Some(message)) = (&mut outcome, &call.named_rule.custom_message) {
            for failure in &mut outcome.failures {
                failure.message.get_or_insert_with(|| message.clone());
            }
        }
        outcome
    }

    /// A single clause: Guard's own answer, as far as it does not follow from unknown values.
    fn access(
        &mut self,
        clause: &'v GuardAccessClause<'l>,
        cx: Context<'_, 'v, 'l>,
    ) -> Result<Outcome> {
        self.log.borrow_mut().quiet += 1;
        let asked = self.asked(clause, cx);
        self.log.borrow_mut().quiet -= 1;
        let Subject { undecided, waits, unknown } = asked?;
        if undecided {
            return Ok(Outcome::waiting(waits));
        }
        self.log.borrow_mut().begin();
        let status = eval_guard_access_clause(clause, cx)?;
        let (checks, successes) = self.log.borrow_mut().end();
        let touches = |at: &Option<QueryResult>| {
            at.as_ref().is_some_and(|it| {
                let mut waits = Waits::new();
                self.result(it, Asked::Everything, &mut waits);
                !waits.is_empty()
            })
        };
        let (touched, known): (Vec<_>, Vec<_>) =
            checks.into_iter().filter_map(of_check).partition(|(at, _)| touches(at));
        // Without unknown values, what Guard says; with them, what it says of the others: with
        // `some`, one that holds is enough, and otherwise one that does not.
        let mut outcome = match (unknown, clause.access_clause.query.match_all) {
            (0, _) => Outcome::of(status),
            (_, true) if !known.is_empty() => Outcome { waits, ..Outcome::of(Status::FAIL) },
            (_, false) if successes + touched.len() > unknown => Outcome::of(Status::PASS),
            _ => Outcome::waiting(waits),
        };
        if outcome.verdict == Verdict::Fail {
            let location = &clause.access_clause.location;
            let failed = |(at, message): (Option<QueryResult>, Option<String>)| {
                let (value, missing) = match at {
                    Some(QueryResult::Literal(it) | QueryResult::Resolved(it)) => (it, None),
                    Some(QueryResult::UnResolved(it)) => {
                        (it.traversed_to, Some(it.remaining_query))
                    }
                    None => (cx.root(), None),
                };
                let clause = (location.line, location.column);
                Failure { value, missing, message, clause }
            };
            outcome.failures = known.into_iter().map(failed).collect();
        }
        Ok(outcome)
    }

    fn failure(
        &self,
        value: Rc<Guarded>,
        missing: Option<String>,
        message: Option<String>,
        location: &FileLocation<'_>,
    ) -> Outcome {
        let clause = (location.line, location.column);
        let failures = vec![Failure { value, missing, message, clause }];
        Outcome { verdict: Verdict::Fail, failures, waits: Waits::new() }
    }

    /// What a clause is asked of.
    fn asked(
        &mut self,
        clause: &'v GuardAccessClause<'l>,
        cx: Context<'_, 'v, 'l>,
    ) -> Result<Subject> {
        let clause = &clause.access_clause;
        let mut waits = self.query(&clause.query.query, cx)?;
        waits.extend(match &clause.compare_with {
            Some(LetValue::AccessClause(query)) => self.values(query, Asked::Everything, cx)?,
            Some(LetValue::FunctionCall(call)) => self.function(call, cx)?,
            Some(LetValue::Value(_)) | None => Waits::new(),
        });
        if !waits.is_empty() {
            return Ok(Subject { undecided: true, waits, unknown: 0 });
        }
        let asked = match clause.comparator.0 {
            CmpOperator::Exists => Asked::Existence,
            CmpOperator::Empty => Asked::Emptiness,
            _ => Asked::Everything,
        };
        // Guard looks at each value by itself, and leaves one record for each, unless it compares
        // lists.
        let mut one_by_one = match &clause.compare_with {
            None => true,
            Some(LetValue::Value(it)) => {
                !it.is_list() || matches!(clause.comparator.0, CmpOperator::Eq | CmpOperator::In)
            }
            Some(LetValue::AccessClause(_) | LetValue::FunctionCall(_)) => false,
        };
        let mut unknown = 0;
        for result in cx.query(&clause.query.query)? {
            let before = waits.len();
            self.result(&result, asked, &mut waits);
            let whole = match &result {
                QueryResult::Literal(it) | QueryResult::Resolved(it) => it.is_scalar(),
                QueryResult::UnResolved(_) => true,
            };
            // A place that two queries lead to waits once, and is unknown twice.
            let touched = waits.len() > before || {
                let mut again = Waits::new();
                self.result(&result, asked, &mut again);
                !again.is_empty()
            };
            unknown += usize::from(touched);
            one_by_one &= !touched || whole || clause.query.match_all;
        }
        Ok(Subject { undecided: unknown > 0 && !one_by_one, waits, unknown })
    }

    /// The unknown values on the way to the results of a query, and among them.
    fn values(
        &mut self,
        query: &'v AccessQuery<'l>,
        asked: Asked,
        cx: Context<'_, 'v, 'l>,
    ) -> Result<Waits> {
        let mut waits = self.query(&query.query, cx)?;
        if waits.is_empty() {
            for result in cx.query(&query.query)? {
                self.result(&result, asked, &mut waits);
            }
        }
        Ok(waits)
    }

    /// The unknown values of one result.
    fn result(&self, result: &QueryResult, asked: Asked, waits: &mut Waits) {
        match result {
            QueryResult::Literal(it) | QueryResult::Resolved(it) => self.look(it, asked, waits),
            QueryResult::UnResolved(it) => waits.extend(self.missing(it)),
        }
    }

    /// The unknown value that a query ended at, if it did.
    fn missing(&self, at: &UnResolved) -> Option<usize> {
        self.document.unknown(&at.traversed_to).map(|(place, _)| place)
    }

    fn look(&self, value: &Guarded, asked: Asked, waits: &mut Waits) {
        match (value, asked) {
            (Guarded::List((_, items)), Asked::Everything) => {
                items.iter().for_each(|it| self.look(it, asked, waits));
            }
            (Guarded::Map((_, map)), Asked::Everything) => {
                map.values.values().for_each(|it| self.look(it, asked, waits));
            }
            // Empty, if none of its members comes to be.
            (Guarded::Map((_, map)), Asked::Emptiness) => {
                let certainty = |it| self.document.unknown(it);
                let places: Option<Waits> = map
                    .values
                    .values()
                    .map(|it| match certainty(it) {
                        Some((place, Certainty::Nothing)) => Some(place),
                        _ => None,
                    })
                    .collect();
                waits.extend(places.into_iter().flatten());
            }
            _ => {
                let Some((place, certainty)) = self.document.unknown(value) else { return };
                let certain = match asked {
                    Asked::Existence => certainty != Certainty::Nothing,
                    Asked::Emptiness => certainty == Certainty::NotEmpty,
                    Asked::Everything => false,
                };
                if !certain {
                    waits.insert(place);
                }
            }
        }
    }

    /// The unknown values that decide what a query selects.
    fn query(&mut self, query: &'v [QueryPart<'l>], cx: Context<'_, 'v, 'l>) -> Result<Waits> {
        let mut waits = Waits::new();
        for (index, part) in query.iter().enumerate() {
            if let Some(variable) = part.variable() {
                waits.extend(self.variable(variable));
            }
            let before = &query[..index];
            match part {
                QueryPart::Filter(_, conjunctions) => {
                    for root in self.filtered(before, cx)? {
                        let mut scope = ValueScope { root, parent: cx };
                        let outcome = self.conjunctions(conjunctions, &mut scope, Self::clause)?;
                        if outcome.verdict == Verdict::Unknown {
                            waits.extend(outcome.waits);
                        }
                    }
                }
                QueryPart::MapKeyFilter(_, filter) => match &filter.compare_with {
                    LetValue::AccessClause(other) => {
                        for root in resolved(cx.query(before)?) {
                            let mut scope = ValueScope { root, parent: cx };
                            waits.extend(self.values(other, Asked::Everything, &mut scope)?);
                        }
                    }
                    LetValue::FunctionCall(call) => waits.extend(self.function(call, cx)?),
                    LetValue::Value(_) => {}
                },
                _ => {}
            }
        }
        Ok(waits)
    }

    /// The values that a filter is asked of, after what stands before it.
    fn filtered(
        &mut self,
        before: &'v [QueryPart<'l>],
        cx: Context<'_, 'v, 'l>,
    ) -> Result<Vec<Rc<Guarded>>> {
        let Some(last) = before.last() else { return Ok(Vec::new()) };
        let mut roots = Vec::new();
        for value in resolved(cx.query(before)?) {
            match (&*value, last) {
                (Guarded::List((_, items)), _) => {
                    roots.extend(items.iter().map(|it| Rc::new(it.clone())));
                }
                (Guarded::Map((_, map)), QueryPart::Key(_)) => {
                    roots.extend(map.values.values().map(|it| Rc::new(it.clone())));
                }
                // Guard asks its filter of what is around the map, not of the map.
                (Guarded::Map(_), QueryPart::AllIndices(_)) => roots.extend([cx.root(), value]),
                _ => roots.push(value),
            }
        }
        Ok(roots)
    }

    fn function(&mut self, call: &'v FunctionExpr<'l>, cx: Context<'_, 'v, 'l>) -> Result<Waits> {
        let asked = match call.name {
            FunctionName::Count => Asked::Existence,
            _ => Asked::Everything,
        };
        let mut waits = Waits::new();
        for parameter in &call.parameters {
            waits.extend(match parameter {
                LetValue::AccessClause(query) => self.values(query, asked, cx)?,
                LetValue::FunctionCall(call) => self.function(call, cx)?,
                LetValue::Value(_) => Waits::new(),
            });
        }
        Ok(waits)
    }

    /// The unknown values that decide what a variable or parameter stands for. What it stands for
    /// may itself be unknown: that is seen where it is used.
    fn selection(&mut self, value: &'v LetValue<'l>, cx: Context<'_, 'v, 'l>) -> Result<Waits> {
        match value {
            LetValue::Value(_) => Ok(Waits::new()),
            LetValue::FunctionCall(call) => self.function(call, cx),
            LetValue::AccessClause(query) => {
                let mut waits = self.query(&query.query, cx)?;
                // `some` leaves out what cannot be reached.
                if waits.is_empty() && !query.match_all {
                    for result in cx.query(&query.query)? {
                        if let QueryResult::UnResolved(it) = result {
                            waits.extend(self.missing(&it));
                        }
                    }
                }
                Ok(waits)
            }
        }
    }

    fn variable(&self, name: &str) -> Waits {
        self.taints.iter().rev().find_map(|it| it.get(name)).cloned().unwrap_or_default()
    }

    /// Opens a block with its variables, each after those that it is made of.
    fn assign(&mut self, assignments: &'v [LetExpr<'l>], cx: Context<'_, 'v, 'l>) {
        self.taints.push(HashMap::new());
        self.log.borrow_mut().quiet += 1;
        let mut open: Vec<&'v LetExpr<'l>> = assignments.iter().rev().collect();
        while let Some(assignment) = open.pop() {
            let known = |it: &Self, name: &str| {
                it.taints.last().is_some_and(|taints| taints.contains_key(name))
            };
            if known(self, &assignment.var) {
                continue;
            }
            let mut first = Vec::new();
            super::rules::variables(&assignment.value, &mut |name| {
                let made_of = assignments.iter().find(|it| it.var == name);
                first.extend(made_of.filter(|it| !known(self, &it.var)));
            });
            if !first.is_empty() {
                open.push(assignment);
                open.extend(first);
                continue;
            }
            // What goes wrong here goes wrong again where the variable is used, if it is.
            let waits = self.selection(&assignment.value, cx).unwrap_or_default();
            if let Some(taints) = self.taints.last_mut() {
                taints.insert(&assignment.var, waits);
            }
        }
        self.log.borrow_mut().quiet -= 1;
    }
}

/// What a clause is asked of.
struct Subject {
    /// Whether the unknown values decide everything.
    undecided: bool,
    waits: Waits,
    /// How many of the values are unknown.
    unknown: usize,
}

/// What is asked of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Existence,
    Emptiness,
    Everything,
}

fn exhausted() -> Error {
    Error::IllegalArguments(format!("it looks at more than {MOST_CLAUSES} clauses"))
}

fn resolved(results: Vec<QueryResult>) -> impl Iterator<Item = Rc<Guarded>> {
    results.into_iter().filter_map(|it| match it {
        QueryResult::Literal(it) | QueryResult::Resolved(it) => Some(it),
        QueryResult::UnResolved(_) => None,
    })
}

/// Where a check failed, and the rule's own message.
fn of_check(check: ClauseCheck<'_>) -> Option<(Option<QueryResult>, Option<String>)> {
    Some(match check {
        ClauseCheck::Success => return None,
        ClauseCheck::Comparison(it) => (Some(it.from), it.custom_message),
        ClauseCheck::InComparison(it) => (Some(it.from), it.custom_message),
        ClauseCheck::Unary(it) => (Some(it.value.from), it.value.custom_message),
        ClauseCheck::NoValueForEmptyCheck(message) => (None, message),
        ClauseCheck::DependentRule(it) => (None, it.custom_message),
        ClauseCheck::MissingBlockValue(it) => (Some(it.from), it.custom_message),
    })
}

/// What Guard records while it evaluates one clause.
#[derive(Default)]
struct Log<'v> {
    /// Above 0 while something is only tried.
    quiet: usize,
    depth: usize,
    /// The checks of the clause itself that failed, without those of filters in its queries.
    checks: Vec<ClauseCheck<'v>>,
    /// How many did not.
    successes: usize,
}

impl<'v> Log<'v> {
    /// Begins a clause. An error in an earlier one may have left its records open.
    fn begin(&mut self) {
        self.depth = 0;
        self.successes = 0;
        self.checks.clear();
    }

    /// The checks that failed, and how many did not.
    fn end(&mut self) -> (Vec<ClauseCheck<'v>>, usize) {
        (std::mem::take(&mut self.checks), self.successes)
    }
}

/// The outermost scope: Guard's own, and what it records.
struct Top<'v, 'l: 'v> {
    inner: RootScope<'v, 'l>,
    /// The names and keys that queries captured. One that is asked twice captures once.
    captured: HashSet<(&'v str, String)>,
    log: Rc<RefCell<Log<'v>>>,
}

impl<'v, 'l: 'v> RecordTracer<'v> for Top<'v, 'l> {
    fn start_record(&mut self, _: &str) -> Result<()> {
        self.log.borrow_mut().depth += 1;
        Ok(())
    }

    fn end_record(&mut self, _: &str, record: RecordType<'v>) -> Result<()> {
        let mut log = self.log.borrow_mut();
        if let RecordType::ClauseValueCheck(check) = record
            && (log.quiet, log.depth) == (0, 2)
        {
            match check {
                ClauseCheck::Success => log.successes += 1,
                failed => log.checks.push(failed),
            }
        }
        log.depth = log.depth.saturating_sub(1);
        Ok(())
    }
}

impl<'v, 'l: 'v> EvalContext<'v, 'l> for Top<'v, 'l> {
    fn query(&mut self, query: &'v [QueryPart<'l>]) -> Result<Vec<QueryResult>> {
        ValueScope { root: self.inner.root(), parent: self }.query(query)
    }

    fn find_parameterized_rule(&mut self, name: &str) -> Result<&'v ParameterizedRule<'l>> {
        self.inner.find_parameterized_rule(name)
    }

    fn root(&mut self) -> Rc<Guarded> {
        self.inner.root()
    }

    fn rule_status(&mut self, name: &'v str) -> Result<Status> {
        self.inner.rule_status(name)
    }

    fn resolve_variable(&mut self, name: &'v str) -> Result<Vec<QueryResult>> {
        self.inner.resolve_variable(name)
    }

    fn add_variable_capture_key(&mut self, name: &'v str, key: Rc<Guarded>) -> Result<()> {
        if let Guarded::String((_, text)) = &*key
            && !self.captured.insert((name, text.clone()))
        {
            return Ok(());
        }
        self.inner.add_variable_capture_key(name, key)
    }
}

/// The scope of a rule that was called with parameters.
struct Called<'v, 'c, 'l: 'v> {
    values: HashMap<&'v str, Vec<QueryResult>>,
    parent: &'c mut dyn EvalContext<'v, 'l>,
}

impl<'v, 'l: 'v> RecordTracer<'v> for Called<'v, '_, 'l> {
    fn start_record(&mut self, context: &str) -> Result<()> {
        self.parent.start_record(context)
    }

    fn end_record(&mut self, context: &str, record: RecordType<'v>) -> Result<()> {
        self.parent.end_record(context, record)
    }
}

impl<'v, 'l: 'v> EvalContext<'v, 'l> for Called<'v, '_, 'l> {
    fn query(&mut self, query: &'v [QueryPart<'l>]) -> Result<Vec<QueryResult>> {
        self.parent.query(query)
    }

    fn find_parameterized_rule(&mut self, name: &str) -> Result<&'v ParameterizedRule<'l>> {
        self.parent.find_parameterized_rule(name)
    }

    fn root(&mut self) -> Rc<Guarded> {
        self.parent.root()
    }

    fn rule_status(&mut self, name: &'v str) -> Result<Status> {
        self.parent.rule_status(name)
    }

    fn resolve_variable(&mut self, name: &'v str) -> Result<Vec<QueryResult>> {
        match self.values.get(name) {
            Some(values) => Ok(values.clone()),
            None => self.parent.resolve_variable(name),
        }
    }

    fn add_variable_capture_key(&mut self, name: &'v str, key: Rc<Guarded>) -> Result<()> {
        self.parent.add_variable_capture_key(name, key)
    }
}
