//! What the formats' libraries write is kept from nobody, and what abuses those formats is found.

use modelport_inspect::{Bytes, Finding, Rule, Severity, inspect};

use super::{assert_findings, files, look};

/// What an honest file may be warned about: objects that only the caller of Keras can supply.
const WARNED: &[(&str, &[&str])] = &[("keras/activations.keras", &["keras-custom-object"])];

#[test]
fn what_libraries_write_is_not_flagged() {
    let made = files("harmless");
    assert!(made.len() > 50, "only {} files", made.len());
    let mut flagged = Vec::new();
    for path in made.keys() {
        let warned = WARNED.iter().find(|(warned, _)| *warned == path.as_str()).map_or(&[][..], |(_, rules)| rules);
        let verdict = look(&made, path).verdict();
        let heavy = |finding: &&Finding| finding.severity() > Severity::Info && !warned.contains(&finding.rule.id());
        flagged.extend(verdict.iter().filter(heavy).map(|finding| format!("{path}: {finding:?}")));
        flagged.extend(
            verdict
                .iter()
                .filter(|finding| finding.severity() > Severity::Warn)
                .map(|_| format!("{path}: quarantined")),
        );
    }
    assert!(flagged.is_empty(), "{}", flagged.join("\n"));
}

#[test]
fn facts_are_read_past_what_json_does_not_have() {
    let made = files("harmless");
    for (path, fact, value) in [
        ("mamba/config.json", "vocab_size", "Integer(32768)"),
        ("exponent/config.json", "vocab_size", "Integer(8)"),
        ("mark/config.json", "model_type", "Text(\"bert\")"),
        ("wide/config.json", "model_type", "Text(\"bert\")"),
        ("sharded/model.safetensors.index.json", "total_size", "Integer(8)"),
        ("sharded/model.safetensors.index.json", "parameter_count", "Integer(13476831232)"),
        ("tokenizer/tokenizer.json", "vocab_size", "Integer(2)"),
        ("qwen/chat_template.jinja", "chat_template", "Text(\"yes\")"),
        ("twice/README.md", "base_model", "Text(\"org/model\")"),
        ("gguf/newer-type.gguf", "parameter_count", "Integer(256)"),
        ("keras/losses.keras", "framework", "Text(\"keras\")"),
    ] {
        let seen = look(&made, path);
        assert_eq!(seen.facts.get(fact).map(|value| format!("{value:?}")).as_deref(), Some(value), "{path}: {fact}");
    }
}

#[test]
fn what_abuses_a_format_is_found() {
    let expected = assert_findings("harmful");
    assert!(expected.values().all(|rules| !rules.is_empty()), "{expected:?}");
}

#[test]
fn a_template_is_read_behind_its_padding() {
    let code = format!("{}{{{{ x.__class__ }}}}", " ".repeat(2 << 20));
    let text = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    let key = text("tokenizer.chat_template.rag");
    let gguf = |code: &str| {
        let head = [&b"GGUF\x03\0\0\0"[..], &0u64.to_le_bytes(), &1u64.to_le_bytes()].concat();
        [head, key.clone(), 8u32.to_le_bytes().to_vec(), text(code)].concat()
    };
    let json = serde_json::to_vec(&serde_json::json!({"chat_template": code})).unwrap();
    for (name, bytes, rule) in [
        ("a.gguf", gguf(&code), Rule::ChatTemplateOdd),
        ("a.gguf", gguf(&" ".repeat(17 << 20)), Rule::FormatLimit),
        ("additional_chat_templates/rag.jinja", code.clone().into_bytes(), Rule::ChatTemplateOdd),
        ("chat_template.jinja", " ".repeat(17 << 20).into_bytes(), Rule::FormatLimit),
        ("chat_template.json", json.clone(), Rule::ChatTemplateOdd),
        ("processor_config.json", json, Rule::ChatTemplateOdd),
    ] {
        let seen = inspect(name, &Bytes(&bytes), &Default::default()).unwrap();
        let rules: Vec<_> = seen.findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, [rule], "{name}");
    }
}
