//! What is done about an error depends on its kind alone: finds code that branches on the field or the message of one.

use super::source::{is_name, tokens};

/// The accessors of what is for the caller alone.
const ACCESSORS: [&str; 2] = ["field", "message"];

/// What may be called on them: nothing that compares, searches or chooses.
const SHOWING: [&str; 6] = ["map", "to_owned", "to_string", "into", "unwrap_or", "unwrap_or_default"];

/// Calls that compare or search their arguments.
const DECIDING: [&str; 12] = [
    "cmp",
    "contains",
    "ends_with",
    "eq",
    "find",
    "matches",
    "ne",
    "partial_cmp",
    "rsplit_once",
    "split_once",
    "starts_with",
    "strip_prefix",
];

/// Words that no expression is continued across.
const KEYWORDS: [&str; 10] = ["break", "else", "if", "in", "let", "match", "move", "mut", "return", "while"];

/// Where `message` is that of a database, whose errors have no closed kinds.
const DATABASES: [&str; 2] = ["crates/store/src/error", "crates/store/src/filter/mod"];

/// The places in a file that branch on an error's field or message, as what stands there.
pub(crate) fn branches(name: &str, text: &str) -> Vec<String> {
    if DATABASES.contains(&name) || name.split('/').any(|part| part == "tests") {
        return Vec::new();
    }
    let code = without_tests(tokens(text));
    let tokens: Vec<&str> = ["{"; 3].into_iter().chain(code.iter().map(String::as_str)).collect();
    let accesses = (3..tokens.len()).filter(|at| {
        let called = tokens[at - 1] == "." && tokens[at + 1..].starts_with(&["(", ")"]);
        // A parser's own `self.field()` reads a field.
        called && ACCESSORS.contains(&tokens[*at]) && (tokens[at - 2] != "self" || tokens[at - 3] == ".")
    });
    accesses.filter(|at| is_branch(&tokens, *at)).map(|at| tokens[at.saturating_sub(8)..at + 3].join(" ")).collect()
}

/// Whether the value of the accessor at `at` is compared, matched, searched or kept.
fn is_branch(tokens: &[&str], at: usize) -> bool {
    let mut end = at + 3;
    loop {
        match tokens[end..] {
            ["?", ..] => end += 1,
            [".", method, "(", ..] => {
                let close = closing(tokens, end + 2);
                if !SHOWING.contains(&method) || tokens[end..close].contains(&"|") {
                    return true;
                }
                end = close + 1;
            }
            ["=" | "!", "=", ..] => return true,
            _ => break,
        }
    }
    let start = beginning(tokens, at - 1);
    if matches!(tokens[start - 1], "=" | "!" | "match" | "if" | "while" | "in") {
        return true;
    }
    let mut open = enclosing(tokens, start);
    // A tuple or parentheses, which are there to be matched or compared.
    if tokens[open] == "(" && !is_call(tokens, open) {
        return true;
    }
    while tokens[open] == "(" {
        let head = if tokens[open - 1] == "!" { tokens[open - 2] } else { tokens[open - 1] };
        if DECIDING.contains(&head) || head.starts_with("assert") {
            return true;
        }
        open = enclosing(tokens, open);
    }
    false
}

fn is_call(tokens: &[&str], open: usize) -> bool {
    match tokens[open - 1] {
        "!" => true,
        ">" => tokens[open - 2] != "=",
        head => is_name(head) && !KEYWORDS.contains(&head),
    }
}

/// Where the expression begins whose method is called after the dot at `at`.
fn beginning(tokens: &[&str], mut at: usize) -> usize {
    loop {
        at = match tokens[at - 1] {
            ")" | "]" => opening(tokens, at - 1),
            "." | "::" | "?" | "&" | "*" => at - 1,
            token if (is_name(token) || token.starts_with(char::is_numeric)) && !KEYWORDS.contains(&token) => at - 1,
            _ => return at,
        };
    }
}

fn is_opening(token: &str) -> bool {
    matches!(token, "(" | "[" | "{")
}

fn is_closing(token: &str) -> bool {
    matches!(token, ")" | "]" | "}")
}

/// The delimiter that is open before `at`.
fn enclosing(tokens: &[&str], mut at: usize) -> usize {
    while at > 0 {
        at -= 1;
        if is_closing(tokens[at]) {
            at = opening(tokens, at);
        } else if is_opening(tokens[at]) {
            return at;
        }
    }
    0
}

/// The delimiter that closes the one at `at`.
fn closing(tokens: &[&str], at: usize) -> usize {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        depth += i32::from(is_opening(token)) - i32::from(is_closing(token));
        if depth == 0 {
            return place;
        }
    }
    tokens.len()
}

/// The delimiter that the one at `at` closes.
fn opening(tokens: &[&str], at: usize) -> usize {
    let mut depth = 0;
    for place in (0..=at).rev() {
        depth += i32::from(is_closing(tokens[place])) - i32::from(is_opening(tokens[place]));
        if depth == 0 {
            return place;
        }
    }
    0
}

/// The tokens without modules for tests.
fn without_tests(mut tokens: Vec<String>) -> Vec<String> {
    const ATTRIBUTE: [&str; 8] = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    while let Some(start) = tokens.windows(ATTRIBUTE.len()).position(|window| window == ATTRIBUTE) {
        let views: Vec<&str> = tokens.iter().map(String::as_str).collect();
        let open = start + ATTRIBUTE.len() + 1;
        let end = if views.get(open) == Some(&"{") { closing(&views, open) } else { open };
        tokens.drain(start..=end.min(tokens.len() - 1));
    }
    tokens
}
