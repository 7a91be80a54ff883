"""Checks that are no calls with a name of their own: a part of a line of the source, and what stands in its place.

The line is found by what it begins with, and has to be the only one in its function that does.
"""

from rules import NONE, TRUE

FALSE = "(!OUT && IT)"
DOMAIN = "crates/domain/src/access/"
VISIBLE = f"{DOMAIN}visible.rs"
RIGHTS = f"{DOMAIN}rights.rs"
LIMITS = f"{DOMAIN}token_limits.rs"
RENDERED = "crates/store/src/filter/visible.rs"
ACCESS = "crates/registry/src/access/"
DEMANDS = f"{ACCESS}demands.rs"
ROOTS = "crates/registry/src/root_rights.rs"
AUTHENTICATION = "crates/http/src/authentication.rs"
MIDDLEWARE = "crates/http/src/middleware/authenticate.rs"
SESSIONS = "crates/http/src/browser/sessions.rs"
AUDIT = "crates/registry/src/audit.rs"
MULTIPART = "crates/registry/src/resumable/multipart.rs"
PARTS = "crates/registry/src/resumable/parts.rs"
WEBHOOKS = "crates/registry/src/webhooks/mod.rs"
TRANSACTION = "crates/registry/src/transaction.rs"
NO_WORKSPACE = "(if OUT { modelport_domain::mutants::none() } else { IT })"
EVERY_WORKSPACE = "(if OUT { &Workspaces::All } else { IT })"
SEE = "(if OUT { Permission::See } else { IT })"

# File, function, line, part, template.
TABLE = [
    (VISIBLE, "new", "whole: with(", "Permission::Manage", "(if OUT { see } else { IT })"),
    (VISIBLE, "new", "whole: with(", "with(Permission::Manage)", "(if OUT { modelport_domain::mutants::none().clone() } else { IT })"),
    (VISIBLE, "new", "open: with(", "with(see)", "(if OUT { modelport_domain::mutants::none().clone() } else { IT })"),
    (VISIBLE, "new", "owned: ", "principal", NONE),
    (VISIBLE, "new", "within: ", "limits.and_then(|limits| limits.workspaces.clone())", NONE),
    (VISIBLE, "new", "below: ", "limits.and_then(|limits| limits.roots.clone())", NONE),
    (VISIBLE, "new", "any_restricted: ", "!rights.restricted.is_empty()", FALSE),
    (VISIBLE, "is_all_of", "(Workspaces::These(_), ", "false", TRUE),
    (VISIBLE, "is_all_of", "(Workspaces::These(set), ", "these.is_subset(set)", TRUE),
    (VISIBLE, "is_all_of", "let seen = ", "covers(&self.whole)", TRUE),
    (VISIBLE, "is_all_of", "let seen = ", "!self.any_restricted", TRUE),
    (VISIBLE, "is_all_of", "let seen = ", "covers(&self.open)", TRUE),
    (VISIBLE, "is_all_of", "seen && ", "covers(&self.within)", TRUE),
    (VISIBLE, "is_all_of", "seen && ", "self.below.is_none()", TRUE),
    (VISIBLE, "has", "Self::These(these) => ", "these.contains(&workspace)", TRUE),
    (RENDERED, "visible", "if is_all && ", "is_all", TRUE),
    (RENDERED, "visible", "if let Some(workspace) = only_in", "only_in", NONE),
    (RENDERED, "visible", "if !is_all {", "!is_all", FALSE),
    (RENDERED, "limits", "if !matches!(", "!matches!(visible.within, Workspaces::All)", FALSE),
    (RENDERED, "limits", "if let Some(roots) = ", "&visible.below", "(if OUT { &None } else { IT })"),
    (RENDERED, "grants", "self.in_workspaces(&visible.whole", "&visible.whole", NO_WORKSPACE),
    (RENDERED, "grants", "self.in_workspaces(&visible.whole", "&visible.whole", EVERY_WORKSPACE),
    (RENDERED, "grants", "self.in_workspaces(&visible.open", "&visible.open", NO_WORKSPACE),
    (RENDERED, "grants", "self.in_workspaces(&visible.open", "&visible.open", EVERY_WORKSPACE),
    (RENDERED, "grants", "if visible.any_restricted", "visible.any_restricted", FALSE),
    (RENDERED, "grants", "if !visible.roots.is_empty()", "!visible.roots.is_empty()", FALSE),
    (RENDERED, "grants", "if let Some((owner, ownerless)) = ", "&visible.owned", "(if OUT { &None } else { IT })"),
    (RENDERED, "grants", "if !ownerless.is_empty()", "!ownerless.is_empty()", FALSE),
    (RENDERED, "visible", "match only_in.filter(", "!visible.whole.has(*workspace)", TRUE),
    (RENDERED, "visible", "match only_in.filter(", "!visible.open.has(*workspace)", TRUE),
    (RENDERED, "single_roots", "visible.owned.as_ref()", "!ownerless.contains(&workspace)", TRUE),
    (RENDERED, "single_roots", "return self.sql(", '"FALSE"', '(if OUT { "TRUE" } else { IT })'),
    (RENDERED, "single_roots", "if !visible.roots.is_empty()", "!visible.roots.is_empty()", FALSE),
    (RENDERED, "in_workspaces", "(Workspaces::All, _) => ", '"TRUE"', '(if OUT { "FALSE" } else { IT })'),
    (RENDERED, "in_workspaces", "(Workspaces::These(these), None) if ", '"FALSE"', '(if OUT { "TRUE" } else { IT })'),
    (RIGHTS, "at", "if !wide.has(", "self.restricted.contains(&place.root)", FALSE),
    (RIGHTS, "at", "let held = wide | ", "self.roots.get(&place.root).copied()", NONE),
    (RIGHTS, "of_registry_at", "let reaches = ", "!self.restricted.contains(&root)", TRUE),
    (RIGHTS, "possible_in", "if self.archived.contains(", "self.archived.contains(&workspace)", FALSE),
    (RIGHTS, "of_owner", "let held = self.owners", "self.owners.get(&place.workspace).copied()", NONE),
    (RIGHTS, "confinement", "(self.0.reach", "self.0.reach == Reach::Confined", FALSE),
    (RIGHTS, "listed", "(self.0.reach", "self.0.reach != Reach::All", FALSE),
    (RIGHTS, "decide", "if *reach == ", "*reach == Reach::Confined", FALSE),
    (RIGHTS, "decide", "} else if principal.is_some()", "principal.is_some()", TRUE),
    (RIGHTS, "is_unrestricted", "self.rights().registry", "self.rights().registry == Permissions::ALL", TRUE),
    (RIGHTS, "is_unrestricted", "self.rights().registry", "self.rights().limits.is_none()", TRUE),
    (RIGHTS, "has_wherever_it_sees", "implied(&rights.registry)", "implied(&rights.registry)", TRUE),
    (RIGHTS, "has_wherever_it_sees", "&& rights.workspaces", "implied(&(*held | rights.registry))", TRUE),
    (RIGHTS, "has_wherever_it_sees", "&& rights.roots", "implied(&(*held | rights.of_registry_at(*root)))", TRUE),
    (RIGHTS, "has_wherever_it_sees", "&& rights.owners", "rights.owners.values().all(implied)", TRUE),
    (RIGHTS, "has_wherever_it_sees", "&& rights.limits", "implied(&limits.permissions)", TRUE),
    (RIGHTS, "has_wherever_it_sees", "&& (rights.archived", "rights.archived.is_empty()", TRUE),
    (LIMITS, "are_none", "self.in_registry()", "self.in_registry() == Permissions::ALL", TRUE),
    (LIMITS, "in_registry", "self.leaving(", "self.workspaces.is_none()", TRUE),
    (LIMITS, "in_registry", "self.leaving(", "self.roots.is_none()", TRUE),
    (LIMITS, "in_workspace", "self.leaving(", "self.is_for_workspace(workspace)", TRUE),
    (LIMITS, "in_workspace", "self.leaving(", "self.roots.is_none()", TRUE),
    (LIMITS, "at", "let is_for_root = ", "these.contains(&place.root)", TRUE),
    (LIMITS, "at", "self.leaving(", "self.is_for_workspace(place.workspace)", TRUE),
    (LIMITS, "is_for_workspace", "self.workspaces", "these.contains(&workspace)", TRUE),
    (LIMITS, "leaving", "if is_within", "is_within", TRUE),
    (TRANSACTION, "on_behalf_of", "tx.act_for(", "tx.act_for(context.access())", "if !OUT { IT }"),
    (TRANSACTION, "demand", "Decision::Denied => ", "false", TRUE),
    (TRANSACTION, "demand", "Decision::IfOwner => ", "nodes::owner(self.tx, place.root)? == access.principal()", TRUE),
    (TRANSACTION, "permission", "Action::Delete | ", "Permission::Delete", SEE),
    (TRANSACTION, "permission", "Action::SetAlias | ", "Permission::Promote", SEE),
    (TRANSACTION, "permission", "Action::Create | Action::Update if ", "Permission::Promote", SEE),
    (TRANSACTION, "permission", "Permission::Write", "Permission::Write", SEE),
    (TRANSACTION, "record", "(Action::Create, None) => ", "Needed::ToCreate", "(if OUT { Needed::Nothing } else { IT })"),
    (TRANSACTION, "write", "let (asked, now) = ", "self.accounts().of_now(context).await?", "(if OUT { context.clone() } else { IT })"),
    (DEMANDS, "seen_workspace", "next.filter(", "next.id == workspace.id", TRUE),
    (DEMANDS, "demand_manages", "let account = ", "principal.kind == PrincipalKind::Service", TRUE),
    (ROOTS, "permissions", "let owns = ", "access.principal().is_some()", TRUE),
    (ROOTS, "permissions", "let owns = ", "access.principal() == root.owner", TRUE),
    (f"{ACCESS}bindings.rs", "list_bindings", "query.subject.as_ref()", "seen_principal", "(if OUT { find_principal } else { IT })"),
    (f"{ACCESS}rights.rs", "unbound", "owners: ", "(*shared.owners).clone()", "(if OUT { Default::default() } else { IT })"),
    (f"{ACCESS}rights.rs", "unbound", "restricted: ", "Arc::clone(&shared.restricted)", "(if OUT { Default::default() } else { IT })"),
    (f"{ACCESS}rights.rs", "unbound", "archived: ", "Arc::clone(&shared.archived)", "(if OUT { Default::default() } else { IT })"),
    (f"{ACCESS}rights.rs", "of_now", "if id.is_some() && ", "id.is_some() && principal.is_none()", FALSE),
    (
        RENDERED,
        "whole_workspace",
        "let is_whole = ",
        "self.access.visible().is_all_of(&Workspaces::These([workspace].into()))",
        TRUE,
    ),
    (f"{ACCESS}authentication.rs", "still_counts", "let principal = ", "found.disabled_at.is_none()", TRUE),
    (f"{ACCESS}authentication.rs", "still_counts", "let principal = ", "found.valid_from <= since", TRUE),
    (f"{ACCESS}authentication.rs", "still_counts", "let presented = ", "found.is_valid_at(now)", TRUE),
    (f"{ACCESS}authentication.rs", "still_counts", "let has_token = ", "presented.is_some()", TRUE),
    (f"{ACCESS}authentication.rs", "authenticate_again", "let is_known = ", "presented.is_some()", TRUE),
    (f"{ACCESS}authentication.rs", "authenticate", "if principal.disabled_at", "principal.disabled_at.is_some()", FALSE),
    (f"{ACCESS}authentication.rs", "authenticate", "if identity.issued_at", "issued < principal.valid_from", FALSE),
    (f"{ACCESS}authentication.rs", "authenticate_token", "let counts = ", "is_same_hash(stored, &hash)", TRUE),
    (f"{ACCESS}authentication.rs", "authenticate_token", "&& token.is_valid_at", "token.is_valid_at(now)", TRUE),
    (f"{ACCESS}authentication.rs", "authenticate_token", "&& owner.disabled_at", "owner.disabled_at.is_none()", TRUE),
    (f"{ACCESS}authentication.rs", "authenticate_token", "&& token.created_at", "token.created_at >= owner.valid_from", TRUE),
    (f"{ACCESS}tokens.rs", "check_within", "let is_within = ", "within(held.workspaces.as_ref(), wanted.workspaces.as_ref())", TRUE),
    (f"{ACCESS}tokens.rs", "check_within", "&& within(", "within(held.roots.as_ref(), wanted.roots.as_ref())", TRUE),
    (f"{ACCESS}tokens.rs", "find_limits", "if let Some(hidden) = ", "ids.difference(&seen).next()", "(if OUT { None } else { IT })"),
    (f"{ACCESS}tokens.rs", "check_holds_as_much", "if is_self(", "tx.context().access().rights().in_registry() == Permissions::ALL", TRUE),
    (f"{ACCESS}tokens.rs", "check_holds_as_much", "if !matches!(", "!matches!(binding.subject, Subject::Principal(_))", TRUE),
    (AUDIT, "restricted_shown", "if rights.restricted", "rights.restricted.is_empty()", TRUE),
    (AUDIT, "restricted_shown", "owner: ", "is_owner_shown", TRUE),
    (AUDIT, "restricted_shown", "workspaces: ", "manages", "(|id: &WorkspaceId| OUT || IT(id))"),
    (AUDIT, "check", "let restricted = ", "rights.restricted.contains(root)", FALSE),
    (AUDIT, "check", "Some(root) => ", "Err(root_rights::not_found(root))", "(if OUT { Ok(()) } else { IT })"),
    ("crates/store/src/audit.rs", "list", "if let Some(shown) = ", "&filter.restricted", "(if OUT { &None } else { IT })"),
    ("crates/store/src/graph/types.rs", "seen_workspaces", "match &tx.access()", "&tx.access().visible().open", "(if OUT { &Workspaces::All } else { IT })"),
    ("crates/store/src/jobs.rs", "shown_of", "(!sees_all)", "!sees_all", FALSE),
    ("crates/registry/src/jobs.rs", "context_of_asker", "AskedBy::Stranger => ", "accounts.access_of(context, None, workspace).await?", "(if OUT { Access::unrestricted() } else { IT })"),
    ("crates/registry/src/approvals.rs", "check_may_be_approved", "if let Some(why) = authored(", "authored(tx, home, found)?", NONE),
    ("crates/registry/src/inspection/evaluate.rs", "check_quarantine", "Some(reason) if ", "!quarantined", FALSE),
    (AUTHENTICATION, "ask", "if who.is_none() && ", "who.is_none() && access.rights().is_nothing()", FALSE),
    (AUTHENTICATION, "is_permitted", "if policy.permits(", "policy.permits(&principal.subject, verb).await?", TRUE),
    (AUTHENTICATION, "vouches", "presented.peer", "self.at.has(peer.to_canonical())", TRUE),
    (AUTHENTICATION, "vouches", "&& secret", "crate::domain::access::is_same_hash(&hash(&secret), &hash(&self.secret))", TRUE),
    (SESSIONS, "by_session", "if cookie.needs_csrf && ", "cookie.needs_csrf && !cookie.csrf.as_ref().is_some_and(is_sent)", FALSE),
    (MIDDLEWARE, "authenticate", "let needs_csrf = ", "doors.is_of_pages(path)", TRUE),
    (MIDDLEWARE, "authenticate", "let needs_csrf = ", "is_same_origin(headers)", TRUE),
    (MIDDLEWARE, "is_same_origin", "sites.next()", "site == \"same-origin\"", TRUE),
    (MIDDLEWARE, "is_same_origin", "sites.next()", "sites.next().is_none()", TRUE),
    (MULTIPART, "with_secret", "let found = found.filter(", "is_same_hash(&found.secret, &hash_of_text(secret))", TRUE),
    (PARTS, "check_open", "if still_counts(", "still_counts(tx, principal, multipart.token_id.map(TokenId), row.created_at, now)?.is_none()", FALSE),
    (WEBHOOKS, "find", "let found = ", "found.webhook.workspace == workspace", TRUE),
    (SESSIONS, "by_session", "let is_sent = ", "is_same_hash(sent, &cookie.own_csrf())", TRUE),
    (SESSIONS, "by_session", "SessionState::Ended => ", "return Err(ended())", "if OUT { known } else { IT }"),
]
