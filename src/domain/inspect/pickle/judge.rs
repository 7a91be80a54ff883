//! Judging imports by today's rules, without the bytes they came from.

use super::Import;
use super::rules::{self, is_allowed, is_dangerous};
use crate::domain::inspect::finding::{Finding, Rule};

/// The version of the rules; imports that were judged by an older one can be judged again.
pub const RULES_VERSION: u32 = rules::VERSION;

/// What today's rules say about a file's imports. An import that they allow gives nothing.
pub fn judge(imports: &[Import]) -> Vec<Finding> {
    imports.iter().filter_map(|import| judge_one(imports, import)).collect()
}

fn judge_one(imports: &[Import], import: &Import) -> Option<Finding> {
    let finding = |rule, message| Some(Finding { rule, message, place: import.place.clone() });
    let name = import.full_name();
    if is_dangerous(import) {
        return finding(Rule::PickleDangerousImport, format!("`{name}` is imported"));
    }
    if rules::calls_its_arguments(import) {
        let handed = imports.iter().filter(|other| import.arguments.contains(&other.full_name()));
        if let Some(handed) = handed.into_iter().find(|other| !is_allowed(other)) {
            let rule = if import.name == "partial" { Rule::PickleDangerousImport } else { Rule::PickleUnknownImport };
            return finding(rule, format!("`{name}` is handed `{}`", handed.full_name()));
        }
    }
    if is_allowed(import) {
        return None;
    }
    finding(Rule::PickleUnknownImport, format!("`{name}` is imported"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::inspect::finding::Severity;

    fn weight(module: &str, name: &str) -> Option<Severity> {
        judge(&[Import::new(module, name, 0)]).first().map(Finding::severity)
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
        for (module, name) in [("my_package.models", "Net"), ("torch", "no_such_thing"), ("sklearn.base", "clone")] {
            assert_eq!(weight(module, name), Some(Severity::Warn), "{module}.{name}");
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
        let partial = |handed: &str| Import {
            called: true,
            arguments: vec![format!("m.{handed}")],
            ..Import::new("functools", "partial", 0)
        };
        let unknown = [partial("f"), Import::new("m", "f", 0)];
        assert_eq!(judge(&unknown).iter().map(Finding::severity).max(), Some(Severity::Danger));
        let allowed = Import { arguments: vec!["numpy.ndarray".into()], ..partial("f") };
        let known = judge(&[allowed, Import::new("numpy", "ndarray", 0)]);
        assert_eq!(known.iter().map(Finding::severity).collect::<Vec<_>>(), [Severity::Warn]);
    }
}
