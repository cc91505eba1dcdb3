//! How much a GraphQL document may ask for, looked at before any of it is carried out.
//!
//! The limits are MLflow's. Fragments count as often as they are spread, so that a short document
//! cannot ask for much.

use crate::app::GraphqlLimits;
use async_graphql::Name;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Positioned, Value};
use std::collections::HashMap;

/// The largest document, in bytes; the largest that MLflow's pages send has 2,000.
pub const MAX_DOCUMENT: usize = 64 * 1024;
/// How deep the selections of a document go.
const MAX_DEPTH: usize = 10;
/// Selections of a document, spread fragments included.
const MAX_SELECTIONS: usize = 1_000;
/// Brackets inside of brackets that are parsed at all.
const MAX_NESTING: usize = 64;

/// Parses a document that keeps the limits, or says which it breaks.
///
/// The directive `@component`, by which MLflow's pages say which part of them asks, is taken out.
pub fn read(text: &str, limits: &GraphqlLimits) -> Result<ExecutableDocument, String> {
    if nesting(text) > MAX_NESTING {
        return Err(format!("Query exceeds maximum depth of {MAX_DEPTH}"));
    }
    let mut document = parse_query(text).map_err(|error| format!("Syntax Error: {error}"))?;
    check(&document, limits)?;
    for operation in operations(&mut document) {
        check_component(&operation.directives)?;
        let is_other = |directive: &Positioned<Directive>| directive.node.name.node != "component";
        operation.directives.retain(is_other);
    }
    Ok(document)
}

fn operations(document: &mut ExecutableDocument) -> Vec<&mut OperationDefinition> {
    use async_graphql::parser::types::DocumentOperations::{Multiple, Single};
    match &mut document.operations {
        Single(operation) => vec![&mut operation.node],
        Multiple(operations) => operations
            .values_mut()
            .map(|operation| &mut operation.node)
            .collect(),
    }
}

fn check_component(directives: &[Positioned<Directive>]) -> Result<(), String> {
    let mut components = directives
        .iter()
        .filter(|directive| directive.node.name.node == "component");
    let has_name = |directive: &Positioned<Directive>| {
        let mut arguments = directive.node.arguments.iter();
        arguments.any(|(name, value)| {
            // What is no constant is a variable.
            let constant = value.node.clone().into_const();
            name.node == "name" && matches!(constant, None | Some(Value::String(_)))
        })
    };
    match components.all(has_name) {
        true => Ok(()),
        false => Err(
            "Directive '@component' argument 'name' of type 'String!' is required, but it was not \
             provided."
                .to_owned(),
        ),
    }
}

/// Gives how deep the brackets of a text go, texts in quotes and comments aside.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'#' => while bytes.next().is_some_and(|byte| byte != b'\n') {},
            b'"' => skip_text(&mut bytes),
            _ => {}
        }
    }
    deepest
}

fn skip_text(bytes: &mut impl Iterator<Item = u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            // A text ends with its line, whether it is closed or not.
            b'"' | b'\n' => return,
            _ => {}
        }
    }
}

/// What was counted so far.
#[derive(Default)]
struct Count {
    root_fields: usize,
    max_aliases: usize,
    selections: usize,
}

fn check(document: &ExecutableDocument, limits: &GraphqlLimits) -> Result<(), String> {
    let mut count = Count::default();
    for (_, operation) in document.operations.iter() {
        let mut level = vec![&operation.node.selection_set.node];
        for depth in 1.. {
            if level.is_empty() {
                break;
            }
            if depth > MAX_DEPTH {
                return Err(format!("Query exceeds maximum depth of {MAX_DEPTH}"));
            }
            let mut below = Vec::new();
            for set in level {
                let fields = collect(set, &document.fragments, &mut count)?;
                if depth == 1 {
                    count.root_fields += fields.len();
                }
                below.extend(fields.into_iter().filter(|set| !set.items.is_empty()));
            }
            level = below;
        }
    }
    let told = |limit: usize, what: &str, found: usize, variable: &str| {
        format!(
            "GraphQL queries should have at most {limit} {what}, got {found} {what}. To increase \
             the limit, set the {variable} environment variable."
        )
    };
    if count.root_fields > limits.max_root_fields {
        let variable = "MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS";
        let limit = limits.max_root_fields;
        return Err(told(limit, "root fields", count.root_fields, variable));
    }
    if count.max_aliases > limits.max_aliases {
        let variable = "MLFLOW_SERVER_GRAPHQL_MAX_ALIASES";
        let limit = limits.max_aliases;
        return Err(told(limit, "aliases", count.max_aliases, variable));
    }
    Ok(())
}

/// Gives what the fields of one level select, those of its fragments included.
fn collect<'d>(
    set: &'d SelectionSet,
    fragments: &'d HashMap<Name, Positioned<FragmentDefinition>>,
    count: &mut Count,
) -> Result<Vec<&'d SelectionSet>, String> {
    let mut sets = vec![set];
    let (mut fields, mut aliases) = (Vec::new(), 0);
    while let Some(set) = sets.pop() {
        for item in &set.items {
            // Also what is spread counts, so that a circle of fragments ends here.
            count.selections += 1;
            if count.selections > MAX_SELECTIONS {
                return Err(format!(
                    "Query exceeds maximum total selections of {MAX_SELECTIONS}"
                ));
            }
            match &item.node {
                Selection::Field(field) => {
                    aliases += usize::from(field.node.alias.is_some());
                    fields.push(&field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => {
                    sets.push(&fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = fragments.get(&spread.node.fragment_name.node);
                    sets.extend(fragment.map(|fragment| &fragment.node.selection_set.node));
                }
            }
        }
    }
    count.max_aliases = count.max_aliases.max(aliases);
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: GraphqlLimits = GraphqlLimits {
        max_root_fields: 2,
        max_aliases: 2,
    };

    fn check(text: &str, expected: &str) {
        let outcome = read(text, &LIMITS).err().unwrap_or_default();
        assert!(outcome.starts_with(expected), "{text:.80}: {outcome}");
        assert_eq!(
            outcome.is_empty(),
            expected.is_empty(),
            "{text:.80}: {outcome}"
        );
    }

    #[test]
    fn documents_within_the_limits_are_read() {
        check("{ a b }", "");
        check("{ x: a y: b { c } }", "");
        check("query Q @component(name: \"x\") { a }", "");
        check("query Q($n: String!) @component(name: $n) { a }", "");
        let nine = format!("{}a{}", "{ a ".repeat(9), "}".repeat(9));
        check(&nine, "");
    }

    #[test]
    fn what_asks_for_too_much_is_refused() {
        check(
            "{ a b c }",
            "GraphQL queries should have at most 2 root fields, got 3",
        );
        check(
            "query A { a b } query B { c }",
            "GraphQL queries should have at most 2 root",
        );
        check(
            "{ a { x: a y: b z: c } }",
            "GraphQL queries should have at most 2 aliases, got 3",
        );
        let spread = "{ a { x: a ...F ...G } } fragment F on T { y: b } fragment G on T { z: c }";
        check(
            spread,
            "GraphQL queries should have at most 2 aliases, got 3",
        );
        let eleven = format!("{}a{}", "{ a ".repeat(11), "}".repeat(11));
        check(&eleven, "Query exceeds maximum depth of 10");
        let wide = format!("{{ a {{ {} }} }}", "b ".repeat(1_000));
        check(&wide, "Query exceeds maximum total selections of 1000");
    }

    #[test]
    fn fragments_count_as_often_as_they_are_spread() {
        let mut bomb = "{ a { ...F0 } }".to_owned();
        for number in 0..20 {
            let next = number + 1;
            bomb.push_str(&format!(
                " fragment F{number} on T {{ ...F{next} ...F{next} }}"
            ));
        }
        bomb.push_str(" fragment F20 on T { a }");
        check(&bomb, "Query exceeds maximum total selections of 1000");
        let circle = "{ a { ...F } } fragment F on T { b { ...F } }";
        check(circle, "Query exceeds maximum depth of 10");
        let tight = "{ ...F } fragment F on T { ...F }";
        check(tight, "Query exceeds maximum total selections of 1000");
    }

    #[test]
    fn what_is_no_document_is_a_syntax_error() {
        check("{ a", "Syntax Error:");
        check("hello", "Syntax Error:");
        check("{}", "Syntax Error:");
    }

    #[test]
    fn endless_brackets_are_not_parsed() {
        for bracket in ["{a", "[", "(", "{a(b:[", "{a(b:{c:"] {
            check(&bracket.repeat(10_000), "Query exceeds maximum depth of 10");
        }
        check("{ a(b: \"((((((((((\") # {{{{{{{{{{\n }", "");
    }

    #[test]
    fn a_component_needs_its_name() {
        check(
            "query Q @component { a }",
            "Directive '@component' argument",
        );
        check(
            "query Q @component(name: 5) { a }",
            "Directive '@component' argument",
        );
    }
}
