//! Jinja's templates as its own lexer reads them: blocks of names, texts and operators, without what lies between them.

/// What a block consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Name(String),
    /// A text in quotes, as it is after its escapes.
    Text(String),
    Operator(char),
}

/// The blocks of a template.
#[derive(Debug, Default)]
pub(super) struct Blocks<'a> {
    /// `{% … %}`, of which the flag says so, and `{{ … }}`.
    pub(super) blocks: Vec<(bool, Vec<Token>)>,
    /// Where a block does not end, what follows its beginning.
    pub(super) broken: Option<&'a str>,
}

/// Reads a template.
pub(super) fn blocks(code: &str) -> Blocks<'_> {
    let mut found = Blocks::default();
    let mut rest = code;
    loop {
        let starts = ["{%", "{{", "{#"].iter().filter_map(|start| Some((rest.find(start)?, *start)));
        let Some((at, start)) = starts.min() else { return found };
        let inside = rest.get(at + 2..).unwrap_or_default();
        if start == "{#" {
            match inside.split_once("#}") {
                Some((_, after)) => rest = after,
                None => {
                    found.broken = Some(inside);
                    return found;
                }
            }
            continue;
        }
        let is_statement = start == "{%";
        let Some((tokens, after)) = block(inside, if is_statement { "%}" } else { "}}" }) else {
            found.broken = Some(inside);
            return found;
        };
        rest = after;
        if is_statement && tokens == [Token::Name("raw".to_owned())] {
            match raw_end(rest) {
                Some(after) => rest = after,
                None => {
                    found.broken = Some(rest);
                    return found;
                }
            }
            continue;
        }
        found.blocks.push((is_statement, tokens));
    }
}

/// What follows the end of what is not to be read.
fn raw_end(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        let (_, inside) = rest.split_once("{%")?;
        let word = inside.trim_start_matches(['-', '+']).trim_start();
        let end = word.strip_prefix("endraw").map(|end| end.trim_start().trim_start_matches(['-', '+']));
        if let Some(after) = end.and_then(|end| end.strip_prefix("%}")) {
            return Some(after);
        }
        rest = inside;
    }
}

/// The tokens of a block, and what follows it. Its end counts only outside of brackets, as in `{{ {'a': {}} }}`.
fn block<'a>(inside: &'a str, close: &str) -> Option<(Vec<Token>, &'a str)> {
    let mut rest = inside.strip_prefix(['-', '+']).unwrap_or(inside);
    let mut tokens = Vec::new();
    let mut depth = 0usize;
    loop {
        rest = rest.trim_start();
        if depth == 0 {
            let unsigned = rest.strip_prefix(['-', '+']).unwrap_or(rest);
            if let Some(after) = unsigned.strip_prefix(close).or_else(|| rest.strip_prefix(close)) {
                return Some((tokens, after));
            }
        }
        let first = rest.chars().next()?;
        if matches!(first, '\'' | '"') {
            let (text, after) = quoted(rest.get(1..)?, first)?;
            tokens.push(Token::Text(text));
            rest = after;
        } else if first.is_alphanumeric() || first == '_' {
            let length = rest.find(|each: char| !each.is_alphanumeric() && each != '_').unwrap_or(rest.len());
            tokens.push(Token::Name(rest.get(..length)?.to_owned()));
            rest = rest.get(length..)?;
        } else {
            match first {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            tokens.push(Token::Operator(first));
            rest = rest.get(first.len_utf8()..)?;
        }
    }
}

/// A text up to its quote, with the escapes of Python's texts, and what follows it.
fn quoted(inside: &str, quote: char) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, each)) = chars.next() {
        if each == quote {
            return Some((text, inside.get(at + each.len_utf8()..)?));
        }
        if each != '\\' {
            text.push(each);
            continue;
        }
        let (at, escaped) = chars.next()?;
        let rest = inside.get(at..)?;
        let code = |from: usize, most: usize, radix: u32| {
            let digits: String = rest.chars().skip(from).take(most).take_while(|each| each.is_digit(radix)).collect();
            (from + digits.len(), u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32))
        };
        let (length, meant) = match escaped {
            'x' => code(1, 2, 16),
            'u' => code(1, 4, 16),
            'U' => code(1, 8, 16),
            '0'..='7' => code(0, 3, 8),
            // A character by its name; the one that matters is the underscore.
            'N' => match rest.strip_prefix("N{").and_then(|name| name.split_once('}')) {
                Some((name, _)) => {
                    let is_underscore = name.eq_ignore_ascii_case("low line");
                    (name.chars().count() + 3, Some(if is_underscore { '_' } else { '?' }))
                }
                None => (1, Some('?')),
            },
            'n' => (1, Some('\n')),
            't' => (1, Some('\t')),
            'r' => (1, Some('\r')),
            '\n' => (1, None),
            '\\' | '\'' | '"' => (1, Some(escaped)),
            _ => (0, Some('\\')),
        };
        text.extend(meant);
        // The first of them is passed already.
        if length == 0 {
            text.push(escaped);
        }
        for _ in 1..length {
            chars.next();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(code: &str) -> String {
        let found = blocks(code);
        let show = |token: &Token| match token {
            Token::Name(name) => name.clone(),
            Token::Text(text) => format!("<{text}>"),
            Token::Operator(each) => each.to_string(),
        };
        let blocks: Vec<_> =
            found.blocks.iter().map(|(_, tokens)| tokens.iter().map(show).collect::<String>()).collect();
        format!("{}{}", blocks.join(";"), found.broken.map(|rest| format!("!{rest}")).unwrap_or_default())
    }

    #[test]
    fn blocks_are_what_jinja_reads() {
        assert_eq!(shown("a {{ b.c }} {%- if d == 'e' -%} f {% endif +%}"), "b.c;ifd==<e>;endif");
        assert_eq!(shown("{{ '}}' ~ a }}{{ {'a': {}} }} }}"), "<}}>~a;{<a>:{}}");
        assert_eq!(shown("{# {{ a }} #}{{ b }}{% raw %}{{ c }}{%- endraw -%}{{ d }}"), "b;d");
        assert_eq!(shown(r#"{{ "\x5f\137\u005F\N{LOW LINE}\n\"\q" }}"#), "<____\n\"\\q>");
        assert_eq!(shown("{{ a }}{{ 'b"), "a! 'b");
        assert_eq!(shown("{% set é = 1 - 2 %}"), "seté=1-2");
        assert_eq!(shown("{#"), "!");
        assert_eq!(shown("{{-1}}"), "1");
    }
}
