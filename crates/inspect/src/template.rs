//! Chat templates: Jinja programs that come with a model. An honest one formats messages and reaches for nothing else.

use super::finding::Rule;
use super::inspection::Inspection;
use super::jinja::{Token, blocks};

/// Attributes by which one comes from a value to Python's insides. In a text they are odd too, since a text may become
/// the name of an attribute.
const INSIDES: &[&str] = &[
    "__class__",
    "__base__",
    "__bases__",
    "__mro__",
    "__subclasses__",
    "__globals__",
    "__builtins__",
    "__builtin__",
    "__import__",
    "__init__",
    "__new__",
    "__dict__",
    "__getattribute__",
    "__getattr__",
    "__setattr__",
    "__getitem__",
    "__call__",
    "__code__",
    "__closure__",
    "__func__",
    "__self__",
    "__module__",
    "__reduce__",
    "__reduce_ex__",
    "__wrapped__",
    "__loader__",
    "__spec__",
    "__subclasshook__",
    "__init_subclass__",
    "__class_getitem__",
    "__enter__",
    "__exit__",
    "__defaults__",
    "__kwdefaults__",
    "__objclass__",
    "__weakref__",
    "__del__",
    "__dir__",
];

/// Attributes without underscores that lead there.
const ATTRIBUTES: &[&str] = &[
    "mro",
    "func_globals",
    "func_code",
    "f_globals",
    "f_locals",
    "f_builtins",
    "f_back",
    "gi_frame",
    "gi_code",
    "cr_frame",
    "cr_code",
    "ag_frame",
    "ag_code",
    "tb_frame",
    "popen",
];

/// Names that are odd wherever they stand.
const NAMES: &[&str] = &["lipsum", "builtins", "globals", "subprocess", "popen", "getattr", "setattr", "importlib"];
/// Those that are odd where they are called.
const CALLED: &[&str] = &["eval", "exec", "open", "system", "compile"];
/// Those of which members are odd.
const OWNERS: &[&str] = &["cycler", "joiner", "os", "sys", "config", "request"];
/// Filters that take the name of an attribute.
const BY_ATTRIBUTE: &[&str] = &["map", "selectattr", "rejectattr", "groupby", "sort", "sum", "unique", "min", "max"];

/// Notes a template, and whether it is odd.
pub(super) fn evaluate(seen: &mut Inspection, place: &str, name: &str, code: &str) {
    let name = name.escape_debug();
    match odd(code) {
        Some(odd) => {
            let odd = super::inspection::clip(&odd, 200);
            seen.add_finding(Rule::ChatTemplateOdd, place, format!("`{name}` has `{}`", odd.escape_debug()));
        }
        None => seen.add_finding(Rule::ChatTemplate, place, format!("`{name}` is a template of {} bytes", code.len())),
    }
    seen.text("chat_template", "yes");
}

/// What in a template no template needs.
fn odd(code: &str) -> Option<String> {
    let found = blocks(code);
    let mut texts = String::new();
    for (is_statement, tokens) in &found.blocks {
        if let Some(Token::Name(word)) = tokens.first().filter(|_| *is_statement)
            && matches!(word.as_str(), "include" | "extends" | "import" | "from")
        {
            return Some(word.clone());
        }
        if let Some(odd) = odd_block(tokens) {
            return Some(odd);
        }
        for token in tokens {
            if let Token::Text(text) = token {
                texts.push_str(&text.to_lowercase());
            }
        }
    }
    // A name may be put together from several texts.
    if let Some(inside) = inside(&texts) {
        return Some(inside.to_owned());
    }
    // What Jinja cannot read it refuses; another reader may not.
    found.broken.filter(|rest| rest.contains("__")).map(|_| "__".to_owned())
}

fn inside(text: &str) -> Option<&'static str> {
    if !text.contains("__") {
        return None;
    }
    INSIDES.iter().copied().find(|name| text.contains(name))
}

/// The brackets around a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// `a[…]`
    Subscript,
    /// The arguments of a filter that takes the name of an attribute.
    Attribute,
    Other,
}

fn odd_block(tokens: &[Token]) -> Option<String> {
    let mut within: Vec<Within> = Vec::new();
    let at = |at: Option<usize>| at.and_then(|at| tokens.get(at));
    let is = |token: Option<&Token>, operators: &[char]| match token {
        Some(Token::Operator(operator)) => operators.contains(operator),
        _ => false,
    };
    for (here, token) in tokens.iter().enumerate() {
        let (before, after) = (at(here.checked_sub(1)), tokens.get(here + 1));
        match token {
            Token::Operator('[') => {
                let follows = matches!(before, Some(Token::Name(_) | Token::Text(_))) || is(before, &[')', ']', '}']);
                within.push(if follows { Within::Subscript } else { Within::Other });
            }
            Token::Operator('(') => {
                let filter = match before {
                    Some(Token::Name(name)) if is(at(here.checked_sub(2)), &['|']) => name.as_str(),
                    _ => "",
                };
                within.push(if BY_ATTRIBUTE.contains(&filter) { Within::Attribute } else { Within::Other });
            }
            Token::Operator('{') => within.push(Within::Other),
            Token::Operator(')' | ']' | '}') => drop(within.pop()),
            Token::Operator(_) => {}
            Token::Name(name) => {
                let name = name.to_lowercase();
                let is_attribute = is(before, &['.']);
                let odd = if is_attribute {
                    name.contains("__")
                        || ATTRIBUTES.contains(&name.as_str())
                        || name.starts_with('_') && is_self(tokens, here)
                } else if is(before, &['|']) {
                    name == "attr"
                } else {
                    INSIDES.contains(&name.as_str()) || OWNERS.contains(&name.as_str()) && is(after, &['.', '['])
                };
                let called = is(after, &['(']) && CALLED.contains(&name.as_str());
                if odd || called || NAMES.contains(&name.as_str()) {
                    return Some(name);
                }
            }
            Token::Text(text) => {
                let lower = text.to_lowercase();
                let reversed: String = lower.chars().rev().collect();
                let key = within.last().is_some_and(|within| *within != Within::Other);
                let is_name = key
                    && (lower.contains("__")
                        || ATTRIBUTES.contains(&lower.as_str())
                        || lower == "attr"
                        || lower.contains('_') && lower.chars().all(|each| each == '_'));
                let is_pattern =
                    lower.contains("__") && lower.contains(['%', '{']) && !lower.contains(['<', '>', ' ', '\n']);
                if is_name || is_pattern || inside(&lower).or_else(|| inside(&reversed)).is_some() {
                    return Some(text.clone());
                }
            }
        }
    }
    None
}

/// Whether the attribute at `here` is one of `self`, the template itself.
fn is_self(tokens: &[Token], here: usize) -> bool {
    let owner = here.checked_sub(2).and_then(|at| tokens.get(at));
    matches!(owner, Some(Token::Name(name)) if name == "self")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_templates_need_is_not_odd() {
        for code in [
            "{% for m in messages %}<|im_start|>{{ m['role'] }}: {{ m.content | trim }}{% endfor %}",
            "do not import __ this",
            "{% if m.content == '__start__' %}{{ '__start__' }}{% endif %}",
            "{{- tool.server ~ '__' ~ tool.name -}}",
            "{% set ns = namespace(found='__none__') %}{{ ns.found }}",
            "{{ raise_exception('do not open(this) or import that') }}",
            "{{ 'import os\\nos.system(x)' }}",
            "{%- if model_config.x %}{{ retrieval(x) }}{{ user_request.x }}{% endif -%}",
            "{# {{ x.__class__ }} #}{% raw %}{{ y.__class__ }}{% endraw %}",
            "{{ messages | map(attribute='content') | join('__') }}",
            "{{ strftime_now('%d %b %Y') }}{{ cycler('a', 'b').next() }}",
            "{{ messages[1:] | selectattr('role', 'equalto', 'user') | list | tojson(indent=4) }}",
            "{{ 'if __name__ == \"__main__\":' }}",
            "{% macro render(x) %}{{ x }}{% endmacro %}{{ render(_private) }}",
        ] {
            assert_eq!(odd(code), None, "{code}");
        }
    }

    #[test]
    fn templates_that_reach_for_more_are_odd() {
        for code in [
            "{{ x.__class__.__base__ }}",
            "{{ x['__class__'] }}",
            "{{ x['__cla' ~ 'ss__'] }}",
            "{{ x['\\x5f\\x5fclass\\137_'] }}",
            "{% set k = '__cla' ~ 'ss__' %}{{ x[k] }}",
            "{% set a = '__cla' %}{% set b = 'ss__' %}{{ x[a ~ b] }}",
            "{{ x['__ssalc__'[::-1]] }}",
            "{% set k = '__ssalc__'[::-1] %}{{ x[k] }}",
            "{% set k = '__%s__' % 'class' %}{{ x[k] }}",
            "{{ x['_' * 2 ~ 'class' ~ '_' * 2] }}",
            "{{ x | attr ('a') }}",
            "{{ [x] | map('attr', y) | list }}",
            "{{ [x] | map(attribute='__class__') | list }}",
            "{{ '{0.__class__}'.format(x) }}",
            "{{ '__CLASS__' | lower }}",
            "{{ '}}' ~ x.__class__ }}",
            "{{ cycler . x }}",
            "{{ cycler.__init__.__globals__.os }}",
            "{{ lipsum }}",
            "{{ self._TemplateReference__context }}",
            "{{ x.mro() }}",
            "{{ (x for x in y).gi_frame.f_back }}",
            "{% include 'x' %}",
            "{%- from 'x' import y %}",
            "{{ eval('x') }}",
            "{{ joiner['x'] }}",
            "{{ 'a' ~ x.__class__",
        ] {
            assert!(odd(code).is_some(), "{code}");
        }
    }
}
