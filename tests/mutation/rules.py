"""Checks that are known by what they call, and how each is taken out.

`OUT` stands for whether this mutant is the chosen one, `NUMBER` for its number, `IT` for the call as it is.
"""

import re
from dataclasses import dataclass

ALLOWED = "(if OUT { Ok(()) } else { IT })"
TRUE = "(OUT || IT)"
NONE = "IT.filter(|_| !OUT)"


@dataclass(frozen=True)
class Rule:
    """Calls, by a pattern that ends at the bracket of their arguments; the first group is where the call's name begins."""

    pattern: str
    template: str
    among: str = ""

    def find(self, path: str, code: str):
        return re.finditer(self.pattern, code) if re.search(self.among, path) else ()


STORE, REGISTRY, ACCESS = "crates/store/", "crates/registry/", "crates/domain/src/access/"

RULES = [
    # What a transaction sees, in statements.
    Rule(r'\.(visible|listed)\("', NONE, STORE),
    Rule(r"\.(visible_by_id|visible_sql|listed_sql|sees)\(", NONE, STORE),
    Rule(r"(?:Self|Filter)::(visible|visible_to)\(", NONE, STORE),
    Rule(r'(?<!fn )\b(seen)\("', "(if OUT { String::new() } else { IT })", f"{STORE}src/lineage"),
    Rule(r"\b(seen)!\(", "seen!(NUMBER; ARGUMENTS)", STORE),
    Rule(r"\.(confined_to)\(", "(if OUT { access.clone() } else { IT })", "crates/http/"),
    Rule(r"\.(confinement)\(\)", NONE),
    Rule(r"\.(listed)\(\)", NONE),
    # What is demanded.
    Rule(r"\.(demand|demand_in_workspace|demand_in_registry|demand_for|demand_to_continue)\(", ALLOWED),
    Rule(r"(?<!fn )\b(demand_to_create|demand_to_write_something|demand_manages|demand_to_list)\(", ALLOWED, REGISTRY),
    Rule(r"demands::(demand_to_continue)\(", ALLOWED, REGISTRY),
    Rule(r"(?<!fn )\b(check_gives|check_within|check_holds_as_much)\(", ALLOWED, REGISTRY),
    Rule(r"(?<!fn )\b(demand_at)\(", "crate::access::demands::at_least(NUMBER, ARGUMENTS)", REGISTRY),
    Rule(r"\broot_rights::(demand)\(", "crate::root_rights::at_least(NUMBER, ARGUMENTS)", REGISTRY),
    Rule(r"(?<!fn )(?<![.:])\b(demand)\(", "at_least(NUMBER, ARGUMENTS)", f"{REGISTRY}src/tracking/eval_datasets"),
    Rule(r"(?<!fn )\b(seen_principal)\(", "(if OUT { find_principal(ARGUMENTS) } else { IT })", REGISTRY),
    Rule(r"(?<!fn )\b(seen_workspace)\(", "crate::access::demands::any_workspace(NUMBER, ARGUMENTS)", REGISTRY),
    Rule(r"demands::(is_accessible)\(", "(if OUT { Ok(true) } else { IT })", REGISTRY),
    Rule(r"\b(Needed)::Permission\((?![^)]*\)\s*=>)", "(if OUT { Needed::Nothing } else { IT })", REGISTRY),
    # What somebody is or has.
    Rule(r"(?<!fn )(?<!demands::)\b(is_self|is_wholly)\(", TRUE, REGISTRY),
    Rule(r"\.(has|has_wherever_it_sees|is_unrestricted)\(", TRUE, f"{STORE}|{REGISTRY}|{ACCESS}(rights|visible)"),
    Rule(r"\.(possible_in)\(", "modelport_domain::mutants::all_if(NUMBER, IT)", ACCESS),
    Rule(r"\blimits\.(in_workspace|in_registry|at)\(", "modelport_domain::mutants::all_if(NUMBER, IT)", f"{ACCESS}rights"),
]

# What is added to the source, so that the rules above have something to call.
ADDED = {
    "crates/domain/src/lib.rs": """
extern crate self as modelport_domain;
pub mod mutants;
""",
    "crates/registry/src/access/demands.rs": """
pub(crate) fn at_least(
    number: u32,
    tx: &mut ReadTransaction<'_, '_>,
    scope: BindingScope,
    permission: Permission,
) -> Result<Permissions> {
    if modelport_domain::mutants::is_out(number) { permissions_at(tx, scope) } else { demand_at(tx, scope, permission) }
}

pub(crate) fn any_workspace(number: u32, tx: &mut ReadTransaction<'_, '_>, slug: &Slug) -> Result<Workspace> {
    if modelport_domain::mutants::is_out(number) {
        return workspaces::find_by_slug(tx, slug)?.ok_or_else(|| Error::not_found(format!("workspace `{slug}`")));
    }
    seen_workspace(tx, slug)
}
""",
    "crates/registry/src/tracking/eval_datasets.rs": """
fn at_least(number: u32, tx: &mut WriteTransaction<'_, '_>, id: &str, permission: Permission) -> Result<EvalDataset> {
    if modelport_domain::mutants::is_out(number) { one(tx, id) } else { demand(tx, id, permission) }
}
""",
    "crates/registry/src/root_rights.rs": """
pub(super) fn at_least(
    number: u32,
    tx: &mut ReadTransaction<'_, '_>,
    id: NodeId,
    permission: Permission,
) -> Result<Root> {
    if modelport_domain::mutants::is_out(number) {
        return roots::find_all(tx, &[id])?.pop().ok_or_else(|| not_found(id));
    }
    demand(tx, id, permission)
}
""",
}

# The macro of statements on nodes has the number as its first argument.
REPLACED = {
    "crates/store/src/filter/visible.rs": [
        ("macro_rules! seen {\n    ($tx:expr, ", "macro_rules! seen {\n    ($number:literal; $tx:expr, "),
        ('match ($tx.visible("nodes")', 'match ($tx.visible("nodes").filter(|_| !modelport_domain::mutants::is_out($number))'),
    ],
}
