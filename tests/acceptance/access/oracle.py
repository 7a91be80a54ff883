"""Who may do what, as the documentation of access says it, in plain Python. Nothing here knows the server's code.

Bindings add. A restricted root is reached by its own bindings, and by those wider ones that manage. Whoever made a
root owns it and may do everything to it. A token takes away. What somebody does not see does not exist for them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

SEE, DOWNLOAD, WRITE, CREATE = "see", "download", "write", "create"
PROMOTE, DELETE, MANAGE, AUDIT = "promote", "delete", "manage", "audit"
READER = frozenset({SEE, DOWNLOAD})
EVERYTHING = READER | {WRITE, CREATE, PROMOTE, DELETE, MANAGE, AUDIT}
ROLES: dict[str, frozenset[str]] = {
    "viewer": frozenset({SEE}),
    "reader": READER,
    "contributor": READER | {CREATE},
    "writer": READER | {CREATE, WRITE},
    "maintainer": READER | {CREATE, WRITE, PROMOTE, DELETE},
    "admin": EVERYTHING,
    "auditor": frozenset({SEE, AUDIT}),
}
OK, UNKNOWN, DENIED, HIDDEN = "ok", "401", "403", "404"
# A name is taken, by what is hidden too: this is no secret to whoever may give names.
TAKEN = "409"


@dataclass(frozen=True)
class Binding:
    """A role in a workspace or for the roots of a tree; for the registry where it names neither."""

    role: str
    workspace: str | None = None
    tree: str | None = None


@dataclass(frozen=True)
class Who:
    """Somebody, by the credential that they present."""

    name: str
    bindings: tuple[Binding, ...] = ()
    is_believed: bool = True
    limit: frozenset[str] = EVERYTHING


@dataclass(frozen=True)
class Place:
    """Where something is: below a root, or in a workspace as such. The registry is a place, too."""

    workspace: str | None
    tree: str | None = None
    is_restricted: bool = False
    owner: str | None = None


def held(who: Who, place: Place) -> frozenset[str]:
    """What somebody may do at a place."""
    roles = lambda bindings: frozenset[str]().union(*(ROLES[each.role] for each in bindings))
    wide = roles(each for each in who.bindings if not each.tree and each.workspace in (None, place.workspace))
    if place.is_restricted and MANAGE not in wide:
        wide = frozenset()
    own = roles(each for each in who.bindings if each.tree and each.tree == place.tree)
    owned = EVERYTHING if place.owner and place.owner == who.name else frozenset()
    return (wide | own | owned) & who.limit


def answer(who: Who, actions: Iterable[str], place: Place) -> str:
    """What somebody is told who wants to do all of that to something."""
    if not who.is_believed:
        return UNKNOWN
    if SEE not in held(who, place):
        return HIDDEN
    return OK if held(who, place) >= set(actions) else DENIED
