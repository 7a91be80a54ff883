//! Functions as SQL that means the same on both databases.

use super::Filter;
use super::join::Scope;
use modelport_domain::filter::scalar::{Function, Scalar};

/// More characters than a text has, and few enough for PostgreSQL's positions.
const MAX_CHARS: i64 = 1_000_000_000;

impl Filter {
    pub(super) fn call(&mut self, scope: Scope<'_>, function: Function, arguments: &[Scalar]) {
        let plain = |filter: &mut Self, name: &str| {
            filter.sql(&format!("{name}("));
            filter.list(arguments, |filter, each| filter.value(scope, each));
            filter.sql(")");
        };
        match (function, arguments) {
            (Function::Lower, _) => plain(self, "lower"),
            (Function::Upper, _) => plain(self, "upper"),
            (Function::Trim, _) => plain(self, "trim"),
            // SQLite wants two of them.
            (Function::Coalesce, [only]) => self.value(scope, only),
            (Function::Coalesce, _) => plain(self, "coalesce"),
            (Function::Length, _) => {
                self.sql("CAST(");
                plain(self, "length");
                self.sql(" AS BIGINT)");
            }
            (Function::Concat, _) => {
                self.sql("(");
                self.separated(arguments, " || ", &mut |filter: &mut Self, each: &Scalar| filter.value(scope, each));
                self.sql(")");
            }
            (Function::Abs, [number, ..]) => self.absolute(scope, number),
            (Function::StartsWith, [text, prefix, ..]) => {
                self.sql("(SELECT substr(v.s, 1, CAST(length(v.p) AS INTEGER)) = v.p FROM (SELECT ");
                self.value(scope, text);
                self.sql(" AS s, ");
                self.value(scope, prefix);
                self.sql(" AS p LIMIT 1) AS v)");
            }
            (Function::Substr, [text, start, rest @ ..]) => {
                let length = rest.first().cloned().unwrap_or(Scalar::Int(MAX_CHARS));
                self.substr(scope, text, start, &length);
            }
            (Function::Abs | Function::StartsWith | Function::Substr, _) => self.sql("NULL"),
        }
    }

    /// The databases agree on a positive start and a length that is not negative.
    fn substr(&mut self, scope: Scope<'_>, text: &Scalar, start: &Scalar, length: &Scalar) {
        self.sql(&format!(
            "(SELECT substr(v.s, CAST(CASE WHEN v.p > {MAX_CHARS} THEN {MAX_CHARS} WHEN v.p > 0 THEN v.p \
             WHEN v.p = 0 OR v.p < - length(v.s) THEN 1 ELSE length(v.s) + v.p + 1 END AS INTEGER), \
             CAST(CASE WHEN v.l > {MAX_CHARS} THEN {MAX_CHARS} ELSE v.l END AS INTEGER)) FROM (SELECT "
        ));
        self.value(scope, text);
        self.sql(" AS s, ");
        self.value(scope, start);
        self.sql(" AS p, ");
        self.value(scope, length);
        self.sql(" AS l LIMIT 1) AS v WHERE v.l >= 0)");
    }
}
