"""The rows of accounts: what is about a workspace, a principal, a binding or a token.

Whoever sees nothing of a workspace is told that it is not there. Somebody else is looked up by whoever manages or
audits anything.
"""

from collections.abc import Callable

from operations import ALL_OF_IT, DONE, NATIVE_WEBHOOK, ONE, WEBHOOK, Row, row
from oracle import AUDIT, DENIED, EVERYTHING, HIDDEN, MANAGE, OK, SEE, UNKNOWN, Place, Who, answer, held
from people import MAKER, OTHER, OWN, Tree, trees

REGISTRY = Place(None)
TREES = trees()
Expected = Callable[[Who], str]


def anything(who: Who, slug: str) -> bool:
    """Whether somebody sees anything of a workspace."""
    of_it = [tree.place("model_id") for tree in TREES.values() if tree.workspace == slug and not tree.is_removed]
    return any(SEE in held(who, place) for place in [Place(slug), *of_it])


def looks_up(who: Who) -> bool:
    """Whether somebody manages or audits anything."""
    places = [REGISTRY, Place(OWN), Place(OTHER), *(tree.place("model_id") for tree in TREES.values())]
    return any(is_bound(who, place) and {MANAGE, AUDIT} & held(who, place) for place in places)


def is_bound(who: Who, place: Place) -> bool:
    """Owners look nobody up: whom they bind they name."""
    return place.owner != who.name


def known(of_believed: Expected) -> Expected:
    return lambda who: of_believed(who) if who.is_believed else UNKNOWN


def at(place: Place, *one_of: str) -> Expected:
    """One of these actions, at the registry or in a workspace."""
    return known(
        lambda who: (
            HIDDEN
            if place.workspace and not anything(who, place.workspace)
            else OK
            if held(who, place) & set(one_of)
            else DENIED
        )
    )


def in_registry(slug: str, *one_of: str) -> Expected:
    """One of these actions at the registry, about a workspace."""
    return known(lambda who: at(REGISTRY, *one_of)(who) if anything(who, slug) else HIDDEN)


def at_root(tree: Tree, *one_of: str) -> Expected:
    place = tree.place("model_id")
    return known(
        lambda who: HIDDEN if SEE not in held(who, place) else OK if held(who, place) & set(one_of) else DENIED
    )


def of_account(workspace: str | None) -> Expected:
    """Managing a principal that can be looked up."""
    places = [REGISTRY, *([Place(workspace)] if workspace else [])]
    return known(
        lambda who: HIDDEN if not looks_up(who) else OK if any(MANAGE in held(who, each) for each in places) else DENIED
    )


def or_hidden(expected: Expected) -> Expected:
    """Whoever may not do it is told that there is nothing."""
    return known(lambda who: OK if expected(who) == OK else HIDDEN)


def managing(place: Place) -> Expected:
    """Managing the workspace of the request, which is no secret to whoever works in it."""
    return known(lambda who: OK if MANAGE in held(who, place) else DENIED)


def believed(_: Who) -> str:
    return OK


def as_themselves(who: Who) -> str:
    """A token that is limited is not its owner."""
    return OK if who.limit == EVERYTHING else DENIED


def nowhere(_: Who) -> str:
    return HIDDEN


def a(operation: str, kind: str, expected: Expected, *path: str, **rest) -> tuple[Row, Expected]:
    return row(f"native:{operation}", "", kind, *path, **rest), expected


HERE, THERE = Place(OWN), Place(OTHER)
OF_PRINCIPAL = {"principal": "{account}"}
ROWS = [
    a("createWorkspace", DONE, at(REGISTRY, MANAGE), body={"slug": "{new}"}),
    a("listWorkspaces", ONE, known(believed), query=ALL_OF_IT),
    a("getWorkspace", ONE, known(lambda who: OK if anything(who, OWN) else HIDDEN), "own"),
    a("getWorkspace", ONE, known(lambda who: OK if anything(who, OTHER) else HIDDEN), "other"),
    (row("mlflow:GET /mlflow/workspaces", "", ONE), known(believed)),
    (row("mlflow:GET /mlflow/workspaces/{name}", "", ONE, "own"), known(lambda who: OK if anything(who, OWN) else HIDDEN)),
    (row("mlflow:GET /mlflow/workspaces/{name}", "", ONE, "other"), known(lambda who: OK if anything(who, OTHER) else HIDDEN)),
    a("updateWorkspace", DONE, at(HERE, MANAGE), "own", body={"title": "{new}"}),
    a("updateWorkspace", DONE, at(THERE, MANAGE), "other", body={"title": "{new}"}),
    a("getWorkspaceQuota", ONE, at(HERE, MANAGE), "own"),
    a("getWorkspaceQuota", ONE, at(THERE, MANAGE), "other"),
    # Whoever manages a workspace does not say how much it may hold.
    a("setWorkspaceQuota", DONE, in_registry(OWN, MANAGE), "own", body={}),
    a("setWorkspaceQuota", DONE, in_registry(OTHER, MANAGE), "other", body={"bytes": 10**15}),
    # It is not archived, which only who may remove it is told.
    a(
        "deleteWorkspace",
        DONE,
        in_registry(OTHER, MANAGE),
        "other",
        also=(409,),
    ),
    a("getSystem", ONE, at(REGISTRY, MANAGE)),
    a("createPrincipal", DONE, at(HERE, MANAGE), body={"handle": "{new}", "workspace": OWN}),
    a("createPrincipal", DONE, at(THERE, MANAGE), body={"handle": "{new}", "workspace": OTHER}),
    a("createPrincipal", DONE, at(REGISTRY, MANAGE), body={"handle": "{new}"}),
    a("listPrincipals", ONE, at(HERE, MANAGE, AUDIT), query={"workspace": OWN}),
    a("listPrincipals", ONE, at(REGISTRY, MANAGE, AUDIT)),
    a("getPrincipal", ONE, known(lambda who: OK if looks_up(who) else HIDDEN), "maker"),
    a("updatePrincipal", DONE, of_account(None), "maker", body={"disabled": False}),
    a("updatePrincipal", DONE, of_account(OWN), "account", body={"disabled": True}, spare="account"),
    a("logOutPrincipal", DONE, of_account(OWN), "account", spare="account"),
    a("forgetPrincipal", DONE, of_account(OWN), "account", spare="account"),
    a("createBinding", DONE, at(REGISTRY, MANAGE), body={"subject": OF_PRINCIPAL, "role": "viewer"}, spare="account"),
    a(
        "createBinding",
        DONE,
        at(HERE, MANAGE),
        body={"subject": OF_PRINCIPAL, "role": "viewer", "scope": {"workspace": OWN}},
        spare="account",
    ),
    *(
        a(
            "createBinding",
            DONE,
            at_root(tree, MANAGE),
            body={"subject": OF_PRINCIPAL, "role": "viewer", "scope": {"root": f"{{{tree.name}}}"}},
            spare="account",
        )
        for tree in TREES.values()
        if not tree.is_removed
    ),
    a("listBindings", ONE, known(as_themselves), query={"principal": "{who}"}),
    a("listBindings", ONE, at(HERE, MANAGE, AUDIT), query={"workspace": OWN}),
    a("listBindings", ONE, at(REGISTRY, MANAGE, AUDIT), query={"scope": "registry"}),
    a("getBinding", ONE, or_hidden(at(HERE, MANAGE, AUDIT)), "binding"),
    a("deleteBinding", DONE, known(lambda who: answer(who, [MANAGE], HERE)), "binding", spare="binding"),
    *(
        each
        for tree in TREES.values()
        if not tree.is_removed
        for each in [
            a("getRoot", ONE, at_root(tree, SEE), tree.name),
            a("updateRoot", DONE, at_root(tree, MANAGE), tree.name, body={"owner": tree.owner}),
            a("listWhoSees", ONE, at_root(tree, MANAGE, AUDIT), query={"root": f"{{{tree.name}}}"}),
            a("explainAccess", ONE, at_root(tree, SEE), query={"root": f"{{{tree.name}}}"}),
            a("listAudit", ONE, at_root(tree, AUDIT), query={"root": f"{{{tree.name}}}"}),
        ]
    ),
    *(
        (row(f"mlflow:{operation}", "", kind, *path, body=body, spare=spare), managing(HERE))
        for operation, kind, path, body, spare in [
            ("POST /mlflow/webhooks", DONE, (), WEBHOOK, ""),
            ("GET /mlflow/webhooks", ONE, (), None, ""),
            ("GET /mlflow/webhooks/{webhook_id}", ONE, ("webhook",), None, "webhook"),
            ("PATCH /mlflow/webhooks/{webhook_id}", DONE, ("webhook",), {"name": "{new}"}, "webhook"),
            ("DELETE /mlflow/webhooks/{webhook_id}", DONE, ("webhook",), None, "webhook"),
            ("POST /mlflow/webhooks/{webhook_id}/test", DONE, ("webhook",), {}, "webhook"),
        ]
    ),
    a("createWebhook", DONE, managing(HERE), body=NATIVE_WEBHOOK),
    a("listWebhooks", ONE, managing(HERE)),
    a("getWebhook", ONE, managing(HERE), "webhook", spare="webhook"),
    a("updateWebhook", DONE, managing(HERE), "webhook", body={"name": "{new}"}, spare="webhook"),
    a("deleteWebhook", DONE, managing(HERE), "webhook", spare="webhook"),
    a("testWebhook", DONE, managing(HERE), "webhook", body={}, spare="webhook"),
    a("listDeliveries", ONE, managing(HERE), "webhook", spare="webhook"),
    a("createToken", DONE, known(believed), body={"name": "{new}", "role": "viewer"}),
    a(
        "createToken",
        DONE,
        of_account(OWN),
        body={"name": "{new}", "role": "viewer", "owner": "{account}"},
        spare="account",
    ),
    a("listTokens", ONE, known(believed)),
    a("listTokens", ONE, of_account(OWN), query={"owner": "{account}"}),
    a("rotateToken", DONE, or_hidden(of_account(OWN)), "token", body={}, spare="token"),
    a("revokeToken", DONE, or_hidden(of_account(OWN)), "token", spare="token"),
    a("whoAmI", ONE, known(believed)),
    a("listLogins", ONE, believed),
    # Nobody logs in with a browser there.
    a("beginLogin", ONE, nowhere, "own"),
    a("logout", DONE, known(believed)),
    a(
        "explainAccess",
        ONE,
        known(lambda who: at(HERE, MANAGE, AUDIT)(who) if looks_up(who) else HIDDEN),
        query={"workspace": OWN, "principal": MAKER},
    ),
    a("listAudit", ONE, at(HERE, AUDIT), query={"workspace": OWN}),
    a("listAudit", ONE, at(REGISTRY, AUDIT)),
    a("exportAudit", ONE, at(HERE, AUDIT), query={"workspace": OWN}),
    a("exportAudit", ONE, at(REGISTRY, AUDIT)),
]
