"""The rules of access over the registry of the model: who sees which part of it, and what a change needs.

What roles allow is in `oracle.py`. What belongs to nothing else is a root, with all that is below it.
"""

import time
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, replace

from callers import API, Accounts
from model.entities import EVERY
from model.registry import Change, Node, Registry
from oracle import CREATE, DELETE, MANAGE, PROMOTE, SEE, WRITE, Binding, Place, Who, held

# What those roots are called that roles are bound to and that can be restricted.
ROOTS = ("kf.RegisteredModel", "kf.Experiment", "kf.ServingEnvironment")
# What serves models is deployed, by whoever may promote.
DEPLOYED = ("kf.ServingEnvironment", "kf.InferenceService", "kf.ServeModel")
# The state of those is a promotion.
STAGED = ("kf.RegisteredModel", "kf.ModelVersion")
NEEDS = {
    "delete": DELETE,
    "file.delete": DELETE,
    "alias.set": PROMOTE,
    "alias.delete": PROMOTE,
    "attach": WRITE,
    "event.put": WRITE,
    "file.put": WRITE,
}


@dataclass
class Needed:
    """What a change needs: permissions for what is there, making something in the workspace, seeing what it names."""

    permissions: set[tuple[str, int]] = field(default_factory=set)
    creates: bool = False
    sees: set[int] = field(default_factory=set)


class Rights:
    """Who may do what in one workspace, and what changes that."""

    def __init__(self, accounts: Accounts, workspace: str, roles: dict[str, str]):
        self.accounts, self.workspace = accounts, workspace
        # Roles in the workspace that last for the whole sequence.
        self.roles = roles
        # By their ids: whose a binding is, and what it says.
        self.bindings: dict[str, tuple[str, Binding]] = {}
        self.restricted: set[int] = set()
        self.owners: dict[int, str] = {}
        # Of everything that was ever there.
        self.roots: dict[int, int] = {}
        # Who began which upload.
        self.uploaders: dict[str, str] = {}

    # What is so.

    def who(self, handle: str) -> Who:
        bound = [binding for whose, binding in self.bindings.values() if whose == handle]
        role = self.roles.get(handle)
        if role:
            bound.append(Binding(role, None if role == "admin" else self.workspace))
        return Who(handle, tuple(bound))

    def place(self, root: int) -> Place:
        return Place(self.workspace, str(root), root in self.restricted, self.owners.get(root))

    def may(self, handle: str, permission: str, node: int) -> bool:
        return permission in held(self.who(handle), self.place(self.roots[node]))

    def in_workspace(self, handle: str) -> frozenset[str]:
        return held(self.who(handle), Place(self.workspace))

    def is_bound(self, handle: str, permission: str, node: int) -> bool:
        """Whether bindings give it, whoever owns what it is about."""
        place = replace(self.place(self.roots[node]), owner=None)
        return permission in held(self.who(handle), place)

    def note(self, registry: Registry, handle: str) -> None:
        """Whatever is new was made by somebody, who owns it where it is a root."""
        for node in registry.nodes.values():
            if node.id not in self.roots:
                above = node
                while above.home:
                    above = registry.nodes[above.home]
                self.roots[node.id] = above.id
                if above is node:
                    self.owners[node.id] = handle
        for upload in registry.uploads.keys() - self.uploaders.keys():
            self.uploaders[upload] = handle

    # What is changed, by the administrator.

    def bind(self, handle: str, role: str, root: int | None = None, workspace: str | None = None) -> None:
        """A role for a root or in a workspace, where it is not bound already."""
        scope = {"root": str(root)} if root else {"workspace": workspace or self.workspace}
        bound = handle, Binding(role, scope.get("workspace"), scope.get("root"))
        if bound not in self.bindings.values() and (root or self.roles.get(handle) != role):
            self.bindings[self.accounts.bind(role, principal=handle, **scope)] = bound

    def unbind(self, binding: str) -> None:
        self.accounts.unbind(binding)
        del self.bindings[binding]

    def bind_until(self, handle: str, role: str, root: int, ends_at: int) -> tuple[str, tuple[str, Binding]]:
        """A binding that the model is not told of, because it ends."""
        body = {"role": role, "subject": {"principal": handle}, "scope": {"root": str(root)}, "expiresAt": ends_at}
        made = self.accounts.admin.ask("POST", f"{API}/bindings", 201, json=body).json()["id"]
        return made, (handle, Binding(role, None, str(root)))

    def restrict(self, root: int, is_restricted: bool) -> None:
        self.accounts.admin.ask("PATCH", f"{API}/roots/{root}", 200, json={"restricted": is_restricted})
        (self.restricted.add if is_restricted else self.restricted.discard)(root)

    def give(self, root: int, handle: str) -> None:
        self.accounts.admin.ask("PATCH", f"{API}/roots/{root}", 200, json={"owner": handle})
        self.owners[root] = handle

    def forget(self, registry: Registry) -> None:
        """Bindings of a root go with it."""
        is_gone = lambda binding: binding.tree and int(binding.tree) not in registry.nodes
        self.bindings = {each: bound for each, bound in self.bindings.items() if not is_gone(bound[1])}

    def end(self) -> None:
        """Nothing of this sequence holds in the next one, though it failed in the middle of whatever."""
        for binding in self.bindings:
            assert self.accounts.admin.status("DELETE", f"{API}/bindings/{binding}") in (204, 404)
        self.bindings = {}

    # What somebody sees.

    def seen(self, registry: Registry, handle: str) -> Registry:
        """The registry as it is for somebody: what they do not see is not there."""
        view = copy(registry)
        view.nodes = {node.id: copy(node) for node in registry.nodes.values() if self.may(handle, SEE, node.id)}
        for node in view.nodes.values():
            node.members = node.members & view.nodes.keys()
        view.aliases = {key: to for key, to in registry.aliases.items() if {key[0], to} <= view.nodes.keys()}
        view.events = {key: path for key, path in registry.events.items() if set(key[:2]) <= view.nodes.keys()}
        view.points = [point for point in registry.points if point[0] in view.nodes]
        uploads = registry.uploads.items()
        view.uploads = {each: upload for each, upload in uploads if self.sees_upload(registry, handle, each)}
        return view

    def sees_upload(self, registry: Registry, handle: str, upload: str) -> bool:
        """Who began it, and whoever manages what it is for."""
        model = registry.named("kf.RegisteredModel", None, registry.uploads[upload].model)
        manages = self.may(handle, MANAGE, model.id) if model else MANAGE in self.in_workspace(handle)
        return manages or self.uploaders.get(upload) == handle


def wait_until(moment: int) -> None:
    """Until then, in milliseconds since the epoch."""
    time.sleep(max(0.0, moment / 1000 - time.time()))


def needed(before: Registry, after: Registry, by_graph: bool) -> Needed:
    """What somebody needs for what has become of the registry by one request."""
    found = Needed()
    every = before.nodes | after.nodes
    attached = {each for node in after.nodes.values() for each in node.members - members(before, node.id)}
    for change in (change for group in after.changes[len(before.changes) :] for change in group):
        node = every[change.node]
        if change.action == "detach" or (change.action == "update" and node.id in attached and not by_graph):
            # It follows from a removal; or from being attached, for which it has to be seen.
            continue
        if change.action == "create" and not node.home:
            found.creates = True
        elif change.action == "update":
            rights = of_update(before.nodes.get(node.id), after.nodes[node.id])
            found.permissions |= {(right, node.id) for right in rights}
        else:
            found.permissions.add((permission(change, node), node.id))
    found.permissions |= {(WRITE, point[0]) for point in after.points[len(before.points) :]}
    found.sees = attached | {end for key in after.events.keys() - before.events.keys() for end in key[:2]}
    for node in after.nodes.values():
        was = before.nodes.get(node.id)
        found.sees |= set(references(node)) - set(references(was) if was else [])
    # What is made of nothing else is its maker's.
    is_new = lambda node: root_of(every, node) not in before.nodes
    found.permissions = {(right, node) for right, node in found.permissions if not is_new(node)}
    found.sees = {node for node in found.sees if node in before.nodes}
    return found


def permission(change: Change, node: Node) -> str:
    if change.action in NEEDS:
        return NEEDS[change.action]
    return PROMOTE if node.type in DEPLOYED else WRITE


def of_update(was: Node | None, node: Node) -> set[str]:
    """What it takes to make of a node what it is; nothing, where that is what it was."""
    names = ["external_id", "uri", "state", "properties", "custom"]
    if was and all(getattr(was, name) == getattr(node, name) for name in names):
        return set()
    is_of_state = was and was.properties.get("state") != node.properties.get("state")
    promotes = {PROMOTE} if is_of_state and node.type in STAGED else set()
    return promotes | {PROMOTE if node.type in DEPLOYED else WRITE}


def members(registry: Registry, node: int) -> set[int]:
    return registry.nodes[node].members if node in registry.nodes else set()


def references(node: Node) -> Iterable[int]:
    """What a node names in its properties."""
    return [node.properties[name][1] for name in EVERY[node.type].references if name in node.properties]


def root_of(nodes: dict[int, Node], node: int) -> int:
    while home := nodes[node].home:
        node = home
    return node
