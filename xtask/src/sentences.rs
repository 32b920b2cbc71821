//! Finds the sentences for people in Rust source: `message!("…")` calls, and the help texts that
//! clap makes of doc comments.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::str::FromStr;
use syn::{Attribute, Expr, Fields, Item, Lit, Meta};

/// A sentence of the code, which is the key of its translation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// The English text.
    pub(crate) template: String,
    /// The names that fill its gaps.
    pub(crate) arguments: BTreeSet<String>,
    /// The line that it stands on.
    pub(crate) line: usize,
}

/// The `message!` calls of a file, those of its tests aside.
pub(crate) fn messages(source: &str) -> Result<Vec<Sentence>, String> {
    let tokens = TokenStream::from_str(source).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    collect(tokens, &mut found);
    Ok(found)
}

// Tokens and not the syntax tree, because calls stand inside other macros, `vec![message!(…)]`.
fn collect(tokens: TokenStream, found: &mut Vec<Sentence>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut rest = tokens.as_slice();
    loop {
        rest = match rest {
            [] => return,
            [TokenTree::Punct(hash), TokenTree::Group(attribute), tail @ ..]
                if hash.as_char() == '#' && is_cfg_test(attribute) =>
            {
                after_item(tail)
            }
            [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(call), tail @ ..]
                if name == "message" && bang.as_char() == '!' =>
            {
                found.extend(sentence(call));
                collect(call.stream(), found);
                tail
            }
            [TokenTree::Group(group), tail @ ..] => {
                collect(group.stream(), found);
                tail
            }
            [_, tail @ ..] => tail,
        };
    }
}

fn is_cfg_test(attribute: &Group) -> bool {
    attribute.delimiter() == Delimiter::Bracket
        && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// What follows an item: its body or its semicolon is its end.
fn after_item(tokens: &[TokenTree]) -> &[TokenTree] {
    let end = tokens.iter().position(|it| match it {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    });
    end.map_or(&[], |it| &tokens[it + 1..])
}

/// The call's sentence; nothing for the macro's own definition, whose first token is no text.
fn sentence(call: &Group) -> Option<Sentence> {
    let tokens: Vec<TokenTree> = call.stream().into_iter().collect();
    let [TokenTree::Literal(literal), rest @ ..] = tokens.as_slice() else { return None };
    let Lit::Str(text) = Lit::new(literal.clone()) else { return None };
    // `, name` at the end or before a comma, or `, name = value`; `a == b` is part of a value.
    let arguments = (0..rest.len()).filter_map(|at| match &rest[at..] {
        [TokenTree::Punct(comma), TokenTree::Ident(name), tail @ ..] if comma.as_char() == ',' => {
            let named = match tail {
                [] => true,
                [TokenTree::Punct(it), TokenTree::Punct(next), ..] if it.as_char() == '=' => {
                    next.as_char() != '='
                }
                [TokenTree::Punct(it), ..] => matches!(it.as_char(), ',' | '='),
                _ => false,
            };
            named.then(|| name.to_string())
        }
        _ => None,
    });
    let line = literal.span().start().line;
    Some(Sentence { template: text.value(), arguments: arguments.collect(), line })
}

/// The help texts of a file: doc comments of what derives clap's traits.
pub(crate) fn help(source: &str) -> Result<Vec<Sentence>, String> {
    let file = syn::parse_file(source).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for item in &file.items {
        match item {
            Item::Struct(it) => {
                let derived = derived(&it.attrs);
                if derived.contains("Parser") {
                    found.extend(summary(&it.attrs));
                }
                if derived.contains("Parser") || derived.contains("Args") {
                    found.extend(of_fields(&it.fields));
                }
            }
            Item::Enum(it) => {
                let derived = derived(&it.attrs);
                if derived.contains("Subcommand") || derived.contains("ValueEnum") {
                    for variant in &it.variants {
                        found.extend(summary(&variant.attrs));
                        found.extend(of_fields(&variant.fields));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

fn of_fields(fields: &Fields) -> impl Iterator<Item = Sentence> {
    fields.iter().filter_map(|it| summary(&it.attrs))
}

/// The last segments of the derived traits: `Args` for `clap::Args`.
fn derived(attributes: &[Attribute]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for attribute in attributes.iter().filter(|it| it.path().is_ident("derive")) {
        // A derive that cannot be parsed would not compile either.
        let _ = attribute.parse_nested_meta(|it| {
            names.extend(it.path.segments.last().map(|segment| segment.ident.to_string()));
            Ok(())
        });
    }
    names
}

/// The first paragraph of a doc comment as clap shows it: in one line, without its full stop.
fn summary(attributes: &[Attribute]) -> Option<Sentence> {
    let mut line = 0;
    let mut words: Vec<String> = Vec::new();
    for attribute in attributes {
        let Meta::NameValue(it) = &attribute.meta else { continue };
        let Expr::Lit(value) = &it.value else { continue };
        let (true, Lit::Str(text)) = (it.path.is_ident("doc"), &value.lit) else { continue };
        let content = text.value();
        if content.trim().is_empty() {
            break;
        }
        if words.is_empty() {
            line = text.span().start().line;
        }
        words.push(content.trim().to_owned());
    }
    let text = words.join(" ");
    let template = match text.strip_suffix('.') {
        Some(short) if !short.ends_with('.') => short.to_owned(),
        _ => text,
    };
    (!template.is_empty()).then_some(Sentence { template, arguments: BTreeSet::new(), line })
}

/// The gaps of a sentence, `{name}`.
pub(crate) fn gaps(text: &str) -> BTreeSet<String> {
    let candidates = text.split('{').skip(1).filter_map(|it| it.split_once('}'));
    candidates.map(|(name, _)| name.to_owned()).filter(|it| is_name(it)).collect()
}

fn is_name(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
        && text.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn calls_are_found_however_they_are_written() {
        let source = r##"
            fn f() {
                a(message!("plain"));
                message!(
                    "broken \
                     line, with `{gap}` and \"{other}\"",
                    gap,
                    other = x == y,
                );
                vec![kumiki_source::message!(r#"raw "{n}""#, n = g::<A, B>(1, c))]
                    .push(message!("outer {inner}", inner = message!("inner")));
                // message!("in a comment")
                let text = "message!(\"in a text\")";
            }
            #[cfg(test)]
            use other::thing;
            #[cfg(test)]
            mod tests { fn g() { message!("in a test") } }
            macro_rules! message { (@value) => { $crate::message!(@value $name) }; }
            /// message!("in a doc comment")
            fn after() { message!("after") }
        "##;
        let found = messages(source).unwrap();
        let found: Vec<_> =
            found.iter().map(|it| (it.template.as_str(), &it.arguments, it.line)).collect();
        assert_eq!(
            found,
            [
                ("plain", &names(&[]), 3),
                ("broken line, with `{gap}` and \"{other}\"", &names(&["gap", "other"]), 5),
                ("raw \"{n}\"", &names(&["n"]), 10),
                ("outer {inner}", &names(&["inner"]), 11),
                ("inner", &names(&[]), 11),
                ("after", &names(&[]), 21),
            ]
        );
    }

    #[test]
    fn help_is_what_clap_shows() {
        let source = "
            /// The program.
            ///
            /// More about it.
            #[derive(Debug, clap::Parser)]
            struct Args {
                /// One option
                /// over two lines.
                #[arg(long)]
                option: bool,
                bare: bool,
            }
            /// Not shown.
            #[derive(clap::Args)]
            struct More {
                /// Another...
                field: String,
            }
            #[derive(Subcommand)]
            enum Command {
                /// Run
                Run(More),
            }
            /// Neither.
            #[derive(Debug)]
            struct Other {
                /// Nor this.
                field: u8,
            }
        ";
        let found = help(source).unwrap();
        let found: Vec<&str> = found.iter().map(|it| it.template.as_str()).collect();
        assert_eq!(found, ["The program", "One option over two lines", "Another...", "Run"]);
    }

    #[test]
    fn gaps_are_names_in_braces() {
        let cases = [
            ("none", names(&[])),
            ("`{a}` and {b_2}, {a}", names(&["a", "b_2"])),
            ("{{resolve:ssm:x}} ${Name} {} {not a name} {open", names(&["Name"])),
        ];
        for (text, expected) in cases {
            assert_eq!(gaps(text), expected, "{text}");
        }
    }
}
