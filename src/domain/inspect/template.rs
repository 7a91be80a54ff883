//! Chat templates: Jinja programs that come with a model. An honest one formats messages and reaches for nothing else.

use super::finding::Rule;
use super::inspection::Inspection;

/// What no template needs, without spaces.
const ODD: &[&str] = &[
    "__",
    "|attr(",
    ".mro(",
    "import",
    "subprocess",
    "popen",
    "os.system",
    "eval(",
    "exec(",
    "open(",
    "self._",
    "cycler.",
    "joiner.",
    "lipsum",
    "config.",
    "request.",
    "getattr",
    "builtins",
    "globals",
    "{%include",
    "{%-include",
    "{%extends",
    "\\x5f",
];

/// Notes a template, and whether it is odd.
pub(super) fn judge(seen: &mut Inspection, place: &str, name: &str, code: &str) {
    let name = name.escape_debug();
    let logic: String = logic(code).to_ascii_lowercase();
    match ODD.iter().find(|odd| logic.contains(**odd)) {
        Some(odd) => seen.find(Rule::ChatTemplateOdd, place, format!("`{name}` has `{odd}`")),
        None => seen.find(Rule::ChatTemplate, place, format!("`{name}` is a template of {} bytes", code.len())),
    }
    seen.text("chat_template", "yes");
}

/// The code between `{%` and `%}` or `{{` and `}}`, without spaces; what lies outside is text, and what is quoted may
/// still be a name when it is handed to a filter, so that it stays.
fn logic(code: &str) -> String {
    let mut found = String::new();
    let mut rest = code;
    while let Some(start) = rest.find("{%").into_iter().chain(rest.find("{{")).min() {
        let (_, inside) = rest.split_at(start);
        let close = if inside.starts_with("{%") { "%}" } else { "}}" };
        let end = inside.find(close).map_or(inside.len(), |end| end + 2);
        let (block, after) = inside.split_at(end);
        found.extend(block.chars().filter(|each| !each.is_whitespace()));
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(code: &str) -> Rule {
        let mut seen = Inspection::default();
        judge(&mut seen, "", "t", code);
        seen.findings[0].rule
    }

    #[test]
    fn templates_that_reach_for_more_are_odd() {
        assert_eq!(
            rule("{% for m in messages %}<|im_start|>{{ m['role'] }}: {{ m.content | trim }}{% endfor %}"),
            Rule::ChatTemplate
        );
        assert_eq!(rule("do not import __ this"), Rule::ChatTemplate);
        assert_eq!(rule("{{ x.__class__.__base__ }}"), Rule::ChatTemplateOdd);
        assert_eq!(rule("{{ x | attr ('a') }}"), Rule::ChatTemplateOdd);
        assert_eq!(rule("{{ cycler . x"), Rule::ChatTemplateOdd);
    }
}
