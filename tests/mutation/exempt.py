"""What looks like a check and has no mutant, and mutants that nobody can tell from the original; each with the reason."""

# File, function and line.
Place = tuple[str, str, str]

# No checks.
EXEMPT: dict[Place, str] = {
    ("crates/domain/src/access/permission.rs", "iter", "Permission::ALL.into_iter().filter(move |permission| self.has(*permission))"): "a list",
    ("crates/domain/src/access/rights.rs", "is_nothing", "self.registry.is_empty() && held.all(|held| held.is_empty())"): "chooses an error",
    ("crates/domain/src/access/rights.rs", "of_registry_at", "if reaches { self.registry } else { Permissions::NONE }"): "what was decided in the line before",
    ("crates/domain/src/access/visible.rs", "of", "if all { Self::All } else { Self::These(these.collect()) }"): "what `with` decided",
    ("crates/registry/src/root_rights.rs", "permissions", "if owns { bound | rights.of_owner(root.place) } else { bound }"): "what was decided in the line before",
    ("crates/store/src/filter/visible.rs", "visible", "Some(workspace) if is_list => filter.single_roots(visible, node, workspace),"): "how the same is found sooner",
    ("crates/store/src/filter/visible.rs", "single_roots", "if owner.is_none() && visible.roots.is_empty() {"): "an empty list is no SQL",
    ("crates/store/src/filter/visible.rs", "single_roots", "if let Some(owner) = owner {"): "what was decided before",
    ("crates/store/src/filter/visible.rs", "single_roots", 'self.sql(if owner.is_some() { " UNION ALL " } else { "" });'): "how a list is written",
    ("crates/store/src/filter/visible.rs", "ids", "if ids.len() > MAX_BOUND {"): "how a list is written",
    ("crates/store/src/filter/visible.rs", "ids", 'self.sql(if at > 0 { ", " } else { "" });'): "how a list is written",
    ("crates/store/src/filter/visible.rs", "ids", 'self.sql(if ids.len() == 0 { "-1)" } else { ")" });'): "how a list is written",
}

# Mutants that nobody can tell from the original: file, function and text.
SAME: dict[Place, str] = {
    ("crates/domain/src/access/rights.rs", "has_wherever_it_sees", "held.has(Permission::See)"): "looks up what it need not",
    ("crates/registry/src/access/explain.rs", "who_sees", "root_rights::demand(tx, root, Permission::See)"): "`demand_to_list` has found it",
    ("crates/registry/src/removal/record.rs", "append", "Needed::Permission(Permission::Delete)"): "`delete` has demanded it",
    ("crates/store/src/tracking/datasets.rs", "named", 'tx.visible("nodes")'): "the experiment, which has them, was found",
    ("crates/store/src/tracking/datasets.rs", "used_in", 'tx.visible("nodes")'): "the experiments, which have them, were found",
    ("crates/store/src/tracking/runs.rs", "newest_named", 'tx.visible("nodes")'): "`find_all` looks again",
    ("crates/registry/src/transaction.rs", "permission", "Permission::Delete"): "removals of nodes and files name it themselves",
}
