//! The paths that a source file names, read without a parser: enough of Rust's grammar for `use` and `a::b`.

use std::collections::BTreeSet;

/// Every path that the file names, with `super` and `self` resolved to `crate::…`, and local names left out.
pub(crate) fn paths(name: &str, text: &str) -> Vec<Vec<String>> {
    let tokens = tokens(text);
    let mut modules = vec![module(name)];
    let (mut imported, mut inline, mut local) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut braces: Vec<bool> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = tokens[at].as_str();
        let next = tokens.get(at + 1).map_or("", String::as_str);
        match token {
            "use" => {
                let before = imported.len();
                at = use_tree(&tokens, at + 1, &Vec::new(), &mut imported, &mut local);
                let here = modules.last().unwrap();
                imported[before..].iter_mut().for_each(|path| *path = resolve(here, path));
                continue;
            }
            "mod" if is_name(next) => {
                local.insert(next.to_owned());
                if tokens.get(at + 2).is_some_and(|token| token == "{") {
                    let inner = [modules.last().unwrap().as_slice(), &[next.to_owned()]].concat();
                    modules.push(inner);
                    braces.push(true);
                    at += 3;
                    continue;
                }
            }
            "{" => braces.push(false),
            "}" if braces.pop() == Some(true) => {
                modules.pop();
            }
            "extern" if next == "crate" => {
                imported.push(vec![tokens[at + 2].clone()]);
                at += 3;
                continue;
            }
            _ if is_name(token) && next == "::" && (at == 0 || tokens[at - 1] != "::" || !continues(&tokens, at)) => {
                let mut path = vec![token.to_owned()];
                while tokens.get(at + 1).is_some_and(|token| token == "::")
                    && tokens.get(at + 2).is_some_and(|token| is_name(token))
                {
                    at += 2;
                    path.push(tokens[at].clone());
                }
                inline.push(resolve(modules.last().unwrap(), &path));
            }
            _ => {}
        }
        at += 1;
    }
    inline.retain(|path| !local.contains(&path[0]));
    imported.extend(inline);
    imported
}

/// What the file exports by `pub use`, with `super` and `self` resolved to `crate::…`.
pub(crate) fn exports(name: &str, text: &str) -> Vec<Vec<String>> {
    let tokens = tokens(text);
    let mut exported = Vec::new();
    for at in (0..tokens.len()).filter(|at| tokens[*at..].starts_with(&["pub".to_owned(), "use".to_owned()])) {
        use_tree(&tokens, at + 2, &Vec::new(), &mut exported, &mut BTreeSet::new());
    }
    exported.iter().map(|path| resolve(&module(name), path)).collect()
}

/// Whether the `::` before `at` continues a path, as opposed to starting a global one (`::name`).
fn continues(tokens: &[String], at: usize) -> bool {
    at >= 2 && (is_name(&tokens[at - 2]) || tokens[at - 2] == ">")
}

/// The module of a file, as a path from the crate's root.
fn module(name: &str) -> Vec<String> {
    let mut path = vec!["crate".to_owned()];
    if !matches!(name, "lib" | "main") {
        path.extend(name.split('/').filter(|part| *part != "mod").map(str::to_owned));
    }
    path
}

fn resolve(here: &[String], path: &[String]) -> Vec<String> {
    let mut base = match path.first().map(String::as_str) {
        Some("self" | "super") => here.to_vec(),
        Some("modelport") => vec!["crate".to_owned()],
        _ => return path.to_vec(),
    };
    let mut rest = path;
    while let Some((first, others)) = rest.split_first() {
        match first.as_str() {
            "self" | "modelport" => {}
            "super" => drop(base.pop()),
            _ => break,
        }
        rest = others;
    }
    [base.as_slice(), rest].concat()
}

/// Expands one `use` tree from `at`; returns the place after it. `local` receives the names it brings in.
fn use_tree(
    tokens: &[String],
    mut at: usize,
    prefix: &[String],
    paths: &mut Vec<Vec<String>>,
    local: &mut BTreeSet<String>,
) -> usize {
    let mut path = prefix.to_vec();
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = use_tree(tokens, at, &path, paths, local);
                }
                // After the group's brace, and after the comma or semicolon that ends it.
                return if tokens.get(at + 1).is_some_and(|token| token == "}") { at + 1 } else { at + 2 };
            }
            "as" => {
                local.extend(tokens.get(at + 1).cloned());
                at += 1;
            }
            "," | ";" => {
                at += 1;
                break;
            }
            "}" => break,
            "::" | "*" => {}
            segment => path.push(segment.to_owned()),
        }
        at += 1;
    }
    if path.len() > 1 {
        local.extend(path.last().cloned());
    }
    paths.push(path);
    at
}

pub(crate) fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::` and single characters; no comments, no literals.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let length = match rest {
            ['/', '/', ..] => rest.iter().take_while(|c| **c != '\n').count(),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => string(rest),
            ['r', '"' | '#', ..] | ['b', 'r', '"' | '#', ..] => raw_string(rest),
            ['\'', '\\', ..] => 3 + rest[3..].iter().take_while(|c| **c != '\'').count() + 1,
            ['\'', _, '\'', ..] => 3,
            [':', ':', ..] => 2,
            [c, ..] if c.is_alphanumeric() || *c == '_' => {
                rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count()
            }
            _ => 1,
        };
        let token: String = rest.iter().take(length).collect();
        if token == "::"
            || is_name(&token) && !token.contains(['"', '#'])
            || token.len() == 1 && !token.trim().is_empty()
        {
            tokens.push(token);
        }
        at += length.max(1);
    }
    tokens
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_string(rest: &[char]) -> usize {
    let start = rest.iter().take_while(|c| matches!(c, 'b' | 'r')).count();
    let hashes = rest[start..].iter().take_while(|c| **c == '#').count();
    if rest.get(start + hashes) != Some(&'"') {
        return start.max(1);
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = &rest[start + hashes + 1..];
    let length = body.windows(end.len()).position(|window| window == end).unwrap_or(body.len());
    start + hashes + 1 + length + end.len()
}
