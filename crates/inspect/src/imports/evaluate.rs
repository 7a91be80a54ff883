//! Evaluates imports by today's rules, without the bytes they came from.

use super::Import;
use super::rules::{self, ImportClass, classify};
use crate::finding::{Finding, Rule};

/// The version of the rules; imports that were evaluated by an older one can be evaluated again.
pub const RULES_VERSION: u32 = rules::VERSION;

/// What today's rules say about a file's imports. An import that they allow has no finding.
pub fn evaluate(imports: &[Import]) -> Vec<Finding> {
    imports.iter().filter_map(|import| evaluate_one(imports, import)).collect()
}

fn evaluate_one(imports: &[Import], import: &Import) -> Option<Finding> {
    let finding = |rule, message| Some(Finding { rule, message, place: import.place.clone() });
    let name = import.full_name();
    if let Some(rule) = rule(classify(import)) {
        return finding(rule, format!("`{name}` is imported"));
    }
    if !rules::calls_its_arguments(import) {
        return None;
    }
    // What opens a file when it is called is harmless only as long as nobody is told to call it.
    let as_called = |other: &Import| classify(&Import { called: true, ..other.clone() });
    let handed =
        imports.iter().filter(|other| other.place == import.place && import.arguments.contains(&other.full_name()));
    let worst = handed.max_by_key(|other| as_called(other))?;
    finding(rule(as_called(worst))?, format!("`{name}` is handed `{}`", worst.full_name()))
}

fn rule(standing: ImportClass) -> Option<Rule> {
    match standing {
        ImportClass::Harmless => None,
        ImportClass::Unknown => Some(Rule::PickleUnknownImport),
        ImportClass::Unneeded => Some(Rule::PickleUnneededImport),
        ImportClass::Dangerous => Some(Rule::PickleDangerousImport),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    fn weight(module: &str, name: &str) -> Option<Severity> {
        evaluate(&[Import::new(module, name, 0)]).first().map(Finding::severity)
    }

    #[test]
    fn what_models_need_is_allowed() {
        for (module, name) in [
            ("collections", "OrderedDict"),
            ("__builtin__", "object"),
            ("copy_reg", "_reconstructor"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "scalar"),
            ("torch._utils", "_rebuild_tensor_v2"),
            ("torch", "BFloat16Storage"),
            ("torch.nn.modules.linear", "Linear"),
            ("sklearn.ensemble._forest", "RandomForestClassifier"),
            ("sklearn.svm", "SVC"),
            ("torch.jit._pickle", "build_intlist"),
        ] {
            assert_eq!(weight(module, name), None, "{module}.{name}");
        }
    }

    #[test]
    fn unknown_imports_warn() {
        for (module, name) in [
            ("my_package.models", "Net"),
            ("my_package.features", "widen"),
            ("sklearn.ensemble", "ForestOfTomorrow"),
            ("torch", "Thing"),
            ("transformers.models.bert.modeling_bert", "BertModel"),
        ] {
            assert_eq!(weight(module, name), Some(Severity::Warn), "{module}.{name}");
        }
    }

    #[test]
    fn functions_of_known_libraries_that_no_model_needs_are_suspicious() {
        for (module, name) in [
            ("torch", "no_such_thing"),
            ("sklearn.base", "clone"),
            ("sklearn.svm", "SVC.fit"),
            ("numpy", "zeros"),
            ("keras.utils", "plot_model"),
            ("pandas", "concat"),
        ] {
            assert_eq!(weight(module, name), Some(Severity::Suspicious), "{module}.{name}");
        }
    }

    #[test]
    fn known_dangers_are_found_under_every_name() {
        for (module, name) in [
            ("os", "system"),
            ("posix", "system"),
            ("nt", "system"),
            ("os.path", "os.system"),
            ("asyncio.unix_events", "_UnixSubprocessTransport._start"),
            ("__builtin__", "eval"),
            ("builtins", "getattr"),
            ("numpy.testing._private.utils", "runstring"),
            ("numpy", "os.system"),
            ("sklearn.linear_model._base", "os"),
            ("sklearn.svm._base", "SVC.__init__.__globals__"),
            ("torch.hub", "load"),
            ("torch.utils.collect_env", "run"),
            ("torch.serialization", "load"),
            ("multiprocessing.util", "spawnv_passfds"),
            ("pandas", "read_pickle"),
            ("pandas.io.pickle", "read_pickle"),
            ("pandas", "read_csv"),
            ("operator", "methodcaller"),
            ("_operator", "attrgetter"),
            ("pip", "main"),
            ("bdb", "Bdb.run"),
            ("timeit", "timeit"),
            ("code", "InteractiveInterpreter.runcode"),
            ("joblib", "load"),
            ("sklearn.ensemble._forest", "Parallel"),
        ] {
            assert_eq!(weight(module, name), Some(Severity::Danger), "{module}.{name}");
        }
    }

    #[test]
    fn a_partial_is_as_harmless_as_what_it_is_handed() {
        let weight = |module: &str, name: &str| {
            let partial = Import {
                called: true,
                arguments: vec![format!("{module}.{name}")],
                ..Import::new("functools", "partial", 0)
            };
            evaluate(&[partial, Import::new(module, name, 0)]).iter().map(Finding::severity).collect::<Vec<_>>()
        };
        assert_eq!(weight("numpy", "clip"), []);
        assert_eq!(weight("m", "f"), [Severity::Warn; 2]);
        assert_eq!(weight("os", "system"), [Severity::Danger; 2]);
        assert_eq!(weight("builtins", "getattr"), [Severity::Danger; 2]);
        // An array may name it, but a call would open a file.
        assert_eq!(weight("numpy", "memmap"), [Severity::Danger]);
    }
}
