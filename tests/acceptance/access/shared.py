"""Sequences of what several people do through any door, who may not all do everything, while that changes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from attempts import Attempts, CallsAs, DoorsAs, GraphAs
from callers import API, Accounts, Caller, soon
from harness import Server
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from model.entities import HAS_PAGE, TYPES
from model.entity_rules import editions
from model.machine import SCENES, Machine
from model.plans import Nothing, pick, picks
from model.registry import Node, Registry
from oracle import DOWNLOAD, ROLES, SEE
from rights import ROOTS, Rights, wait_until

ADMIN = "operator"
# What everybody has from the beginning in each workspace; the administrator has it everywhere.
PEOPLE = {
    ADMIN: "admin",
    "keeper": "maintainer",
    "writer": "writer",
    "reader": "reader",
    "maker": "contributor",
    "looker": "auditor",
    "picked": None,
    "nobody": None,
}
OTHERS = [handle for handle in PEOPLE if handle != ADMIN]
WORKSPACES = ["default", "team-a"]
# So many take turns.
TURNS = 16
people = st.sampled_from(OTHERS)


class People:
    """Everybody's doors in each workspace, and what everybody may do."""

    def __init__(self, server: Server, accounts: Accounts):
        self.accounts = accounts
        accounts.workspace(WORKSPACES[1])
        callers = {handle: accounts.service(handle) for handle in OTHERS} | {ADMIN: accounts.admin}
        self.callers: dict[str, Caller] = callers
        self.attempts = Attempts({handle: caller.token for handle, caller in callers.items()}, ADMIN)
        self.doors: dict[tuple[str, str], DoorsAs] = {}
        # Those of the last sequence.
        self.rights: Rights | None = None
        # What the last sequence in each workspace has left there.
        self.left: dict[str, list[Node]] = {}
        for workspace in WORKSPACES:
            for handle, role in PEOPLE.items():
                if role and handle != ADMIN:
                    accounts.bind(role, principal=handle, workspace=workspace)
            of_admin = GraphAs(CallsAs(server, workspace, callers[ADMIN].token))
            for handle, caller in callers.items():
                graph = GraphAs(CallsAs(server, workspace, caller.token), of_admin.types)
                self.doors[workspace, handle] = DoorsAs(server, workspace, caller.token, graph)
            self.doors[workspace, "whoever"] = DoorsAs(server, workspace, callers[ADMIN].token, of_admin)
            self.doors[workspace, "whoever"].try_as(self.attempts)


class Shared(Machine):
    """All doors together, for several people."""

    people: People
    workspace = WORKSPACES[0]
    turn = 0
    # Who looks, where it is not the administrator.
    viewer: str | None = None

    @initialize(
        scene=st.sampled_from(SCENES),
        edition=editions,
        workspace=st.sampled_from(WORKSPACES),
        # Whoever may do some of it comes more often than who may do none.
        order=st.lists(st.sampled_from([*OTHERS, "keeper", "writer", "writer"]), min_size=TURNS, max_size=TURNS),
    )
    def begin(self, scene: str, edition: str, workspace: str, order: list[str]) -> None:
        attempts = self.people.attempts
        self.workspace, self.order, self.registry = workspace, order, Registry()
        self.doors = self.people.doors[workspace, "whoever"]
        if self.people.rights:
            self.people.rights.end()
        self.rights = self.people.rights = Rights(self.people.accounts, workspace, PEOPLE)
        attempts.who, attempts.attempt, attempts.rights = ADMIN, None, self.rights
        attempts.registry = lambda: self.registry
        super().begin(scene=scene, edition=edition)
        attempts.settle()

    def empty(self) -> None:
        super().empty()
        self.first_change = self.doors.native.next
        self.people.attempts.who = self.order[-1]

    @property
    def somebody(self) -> str:
        return self.order[self.turn % TURNS]

    @invariant()
    def is_as_promised(self) -> None:
        """After each step, what somebody was told in it; and who is next."""
        if hasattr(self, "rights"):
            self.people.attempts.settle()
            self.rights.forget(self.registry)
            self.turn += 1
            self.people.attempts.who = self.somebody
            self.check_hidden(self.somebody)
            self.check_file(self.somebody)

    # Who looks.

    @contextmanager
    def as_somebody(self) -> Iterator[None]:
        with self.seen_by(self.somebody):
            try:
                yield
            except Nothing:
                # They see nothing that the step would be about.
                pass

    @contextmanager
    def seen_by(self, handle: str) -> Iterator[None]:
        """Meanwhile the registry is what somebody sees of it, and the doors are theirs."""
        kept = self.registry, self.doors
        self.registry = self.rights.seen(self.registry, handle)
        self.doors, self.viewer = self.people.doors[self.workspace, handle], handle
        try:
            yield
        finally:
            (self.registry, self.doors), self.viewer = kept, None

    def hidden(self, handle: str) -> list[Node]:
        return [node for node in self.registry.nodes.values() if not self.rights.may(handle, SEE, node.id)]

    def check_hidden(self, handle: str) -> None:
        """One thing that somebody does not see is not there, by no door."""
        if not (hidden := self.hidden(handle)):
            return
        node, doors = pick(hidden, self.turn), self.people.doors[self.workspace, handle]
        assert doors.graph.get(node) is None, f"{handle} sees {node} by gRPC"
        assert doors.native.lineage(node.id) is None, f"{handle} sees the lineage of {node}"
        assert doors.native.ask("GET", f"/nodes/{node.id}/history").status_code == 404, f"{handle} sees what was {node}"
        if node.type in HAS_PAGE and node.type != "kf.ServeModel":
            of = TYPES[node.type]
            for edition, door in doors.kubeflow.items():
                assert door.get(of, node.id) is None, f"{handle} sees {node} by {edition}"
            shown = doors.kubeflow["v1"].all(f"/{of.path}", node.type, totals="true")
            seen = [each.id for each in self.registry.of(node.type) if self.rights.may(handle, SEE, each.id)]
            assert sorted(each["id"] for each in shown) == seen, f"{handle} sees {shown}"

    def check_file(self, handle: str) -> None:
        """The bytes of one file are for whoever may download."""
        holders = [node for node in self.registry.of("kf.ModelArtifact") if node.files]
        if holders:
            node = pick(holders, self.turn)
            self.check_download(handle, node, pick(sorted(node.files), self.turn))

    def check_download(self, handle: str, node: Node, path: str) -> None:
        may = {right: self.rights.may(handle, right, node.id) for right in (SEE, DOWNLOAD)}
        expected = 200 if may[DOWNLOAD] else 403 if may[SEE] else 404
        url = f"/artifacts/{node.id}/files/{quote(path)}"
        answer = self.people.doors[self.workspace, handle].native.ask("HEAD", url)
        assert answer.status_code == expected, f"{handle} is told {answer.status_code} of {url}, not {expected}"

    # What changes meanwhile.

    def bindable(self) -> list[Node]:
        return self.registry.of(*ROOTS)

    @rule(who=people, role=st.sampled_from(sorted(ROLES)), which=picks)
    def grant(self, who: str, role: str, which: int) -> None:
        """A role for one root, or in the workspace, or in another one, where it says nothing."""
        roots = self.bindable()
        match which:
            case 8:
                self.rights.bind(who, role)
            case 9:
                self.rights.bind(who, role, workspace=WORKSPACES[self.workspace == WORKSPACES[0]])
            case _ if roots:
                self.rights.bind(who, role, pick(roots, which).id)

    @precondition(lambda self: self.rights.bindings)
    @rule(which=picks)
    def take(self, which: int) -> None:
        self.rights.unbind(pick(sorted(self.rights.bindings, key=int), which))

    @precondition(lambda self: self.bindable())
    @rule(which=picks, is_restricted=st.booleans())
    def restrict(self, which: int, is_restricted: bool) -> None:
        self.rights.restrict(pick(self.bindable(), which).id, is_restricted)

    @precondition(lambda self: self.bindable())
    @rule(which=picks, who=people)
    def give(self, which: int, who: str) -> None:
        """A root belongs to somebody else."""
        self.rights.give(pick(self.bindable(), which).id, who)

    @precondition(lambda self: self.bindable())
    @rule(which=picks, who=people, role=st.sampled_from(sorted(ROLES)))
    def grant_for_a_moment(self, which: int, who: str, role: str) -> None:
        """What ends by itself holds until then, and no longer."""
        root, ends_at = pick(self.bindable(), which).id, soon(0.8)
        binding, said = self.rights.bind_until(who, role, root, ends_at)
        caller, path = self.people.callers[who], f"{API}/roots/{root}"
        status = caller.status("GET", path)
        # One that was answered later says nothing.
        assert status == 200 or soon(0) >= ends_at, f"{who} was {said} of {root}, and was told {status}"
        wait_until(ends_at + 50)
        expected = 200 if self.rights.may(who, SEE, root) else 404
        assert caller.status("GET", path) == expected, f"{who} was {said} of {root}, which has ended"

    # What holds in the end.

    def check_bytes(self) -> None:
        """Bytes are for whoever may download."""
        if self.viewer is None:
            super().check_bytes()
            return
        for node in self.registry.of("kf.ModelArtifact"):
            for path in node.files:
                self.check_download(self.viewer, node, path)

    def check(self) -> None:
        if self.viewer is None:
            for handle in dict.fromkeys(self.order[:3]):
                with self.seen_by(handle):
                    self.check()
                    self.check_bytes()
                self.check_feed(handle)
            self.check_others()
        super().check()

    def check_others(self) -> None:
        """What a sequence has left in another workspace is in none but that, for the administrator neither."""
        for workspace, left in self.people.left.items():
            if workspace != self.workspace:
                for handle in (ADMIN, self.somebody):
                    doors = self.people.doors[self.workspace, handle]
                    for node in left[:: max(1, len(left) // 3)]:
                        assert doors.graph.get(node) is None, f"{handle} sees {node} of another workspace"
                        assert doors.native.lineage(node.id) is None, f"{handle} sees {node} of another workspace"

    def check_feed(self, handle: str) -> None:
        """The feed has what happened to what somebody sees, of what was removed too. Whoever owned a root that was removed
        may see that or not."""
        feed = self.people.doors[self.workspace, handle].native
        feed.next = self.first_change
        entries, rights = Counter(feed.new_changes(limit=50)), self.rights
        every = Counter(change for group in self.registry.changes for change in group)
        is_gone = lambda change: rights.roots[change.node] not in self.registry.nodes
        seen = Counter({each: times for each, times in every.items() if rights.may(handle, SEE, each.node)})
        certain = {each for each in seen if not is_gone(each) or rights.is_bound(handle, SEE, each.node)}
        assert entries <= seen, f"{handle} is told of {entries - seen}"
        missed = Counter({each: times for each, times in seen.items() if each in certain}) - entries
        assert not missed, f"{handle} is not told of {missed}"

    def end(self) -> None:
        super().end()
        self.people.left[self.workspace] = list(self.registry.nodes.values())
