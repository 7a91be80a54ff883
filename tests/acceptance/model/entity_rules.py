"""What clients of Kubeflow's API do."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from . import checks, kubeflow, patches
from .base import Base, reads
from .entities import HAS_PAGE, TYPES, snake
from .kubeflow import EDITIONS
from .plans import NOBODY, changes_of, drafts, names, pick, picks
from .registry import Draft, Refusal

ORDERS = ["ID", "CREATE_TIME", "LAST_UPDATE_TIME", "NAME"]
editions = st.sampled_from(EDITIONS)


class EntityRules(Base):
    """Kubeflow's door."""

    @rule(draft=drafts(), home=picks, reference=picks, edition=editions, nested=st.booleans())
    def create(self, draft: Draft, home: int, reference: int, edition: str, nested: bool) -> None:
        door, of = self.doors.kubeflow[edition], TYPES[draft.type]
        draft.home = self.home(draft, home)
        if (nested or not of.home_member) and of.kind != "artifact" and of.homes and not draft.home:
            # Without it there is no path.
            draft.home = NOBODY
        self.refer(draft, reference)
        registry = self.registry
        draft.properties = {
            name: ("string", value) for name, value in of.defaults.items()
        } | draft.properties
        is_upsert = of.kind == "artifact" and bool(draft.home)
        if of.name in ("kf.ModelArtifact", "kf.ServeModel") and not is_upsert:
            draft.state = draft.state or of.state
        refusals = registry.refusals(draft, upsert=is_upsert)
        taken = registry.named(draft.type, draft.home, draft.name) if draft.name and is_upsert else None
        home_node = registry.nodes.get(draft.home or 0)
        refusal, shown = door.create(draft, home_node.type if home_node else "kf.ModelVersion", nested)
        if not self.expect(refusals, refusal, kubeflow.SAYS, f"creation of {draft}"):
            return
        if taken and draft.type in ("kf.Metric", "kf.Parameter"):
            patches.upsert(registry, taken, draft)
            node = taken
        else:
            node = registry.create(draft, shown["id"])
        self.agree(node, shown, edition)

    @precondition(lambda self: self.registry.nodes)
    @rule(data=st.data(), which=picks, edition=editions, match=st.sampled_from([None, None, 0, 1, 7]))
    def patch(self, data: st.DataObject, which: int, edition: str, match: int | None) -> None:
        nodes = [node for node in self.registry.nodes.values() if node.type in TYPES and node.type != "kf.ServeModel"]
        if not nodes:
            return
        node = pick(nodes, which)
        of = TYPES[node.type]
        changes = data.draw(changes_of(of), "changes")
        sent: dict[str, Any] = {
            name: None if value is None else kubeflow.member(of, name, value)
            for name in of.members
            for value in [changes["properties"].get(snake(name))]
            if snake(name) in changes["properties"]
        }
        if "external_id" in changes:
            sent["externalId"] = changes["external_id"]
        if "custom" in changes:
            custom = changes["custom"]
            sent["customProperties"] = None if custom is None else {
                name: kubeflow.written(value) for name, value in custom.items()
            }
        sent |= {name: changes[name] for name in ["uri", "state"] if name in changes}
        if of.artifact_type:
            sent["artifactType"] = of.artifact_type
        refusals = patches.refusals(self.registry, node, changes)
        if match:
            refusals |= {Refusal.STALE}
        if_match = None if match is None else node.revision + match
        refusal, shown = self.doors.kubeflow[edition].patch(of, node.id, sent, if_match)
        if self.expect(refusals, refusal, kubeflow.SAYS, f"change of {node} by {sent}"):
            patches.apply(self.registry, node, changes)
            self.agree(node, shown, edition)
        else:
            self.look(node, edition)

    @precondition(lambda self: self.registry.of(*TYPES))
    @rule(which=picks, edition=editions, recursive=st.booleans(), match=st.sampled_from([None, None, 0, 1]))
    def delete(self, which: int, edition: str, recursive: bool, match: int | None) -> None:
        node = pick(self.registry.of(*TYPES), which)
        refusals = {Refusal.STALE} if match else set()
        if not recursive and (self.registry.owned(node.id) or node.files):
            refusals.add(Refusal.OWNS)
        if self.registry.is_served(node):
            refusals.add(Refusal.OWNS)
        if_match = None if match is None else node.revision + match
        refusal = self.doors.kubeflow[edition].delete(TYPES[node.type], node.id, recursive, if_match)
        if self.expect(refusals, refusal, kubeflow.SAYS, f"removal of {node}"):
            self.registry.delete(node)
            assert self.doors.graph.get(node) is None
            self.look_back(node)

    @rule(which=picks, edition=editions)
    @reads
    def show(self, which: int, edition: str) -> None:
        if self.registry.nodes:
            self.look(pick(list(self.registry.nodes.values()), which), edition)

    @rule(
        type_name=st.sampled_from(HAS_PAGE),
        order=st.sampled_from(ORDERS),
        descending=st.booleans(),
        size=st.sampled_from([None, "1", "2", "100"]),
        edition=editions,
    )
    @reads
    def list_all(self, type_name: str, order: str, descending: bool, size: str | None, edition: str) -> None:
        if type_name == "kf.ServeModel":
            return
        query = {"orderBy": order, "sortOrder": "DESC" if descending else "ASC", "totals": "true"}
        query |= {"pageSize": size} if size else {}
        shown = self.doors.kubeflow[edition].all(f"/{TYPES[type_name].path}", type_name, **query)
        nodes = self.registry.of(type_name)
        self.same(nodes, shown, edition)
        checks.in_order(nodes, shown, order, descending)

    @rule(type_name=st.sampled_from(HAS_PAGE), name=names, home=picks, edition=editions)
    @reads
    def find(self, type_name: str, name: str, home: int, edition: str) -> None:
        of = TYPES[type_name]
        if type_name == "kf.ServeModel" or not name:
            return
        homes = self.registry.of(*of.homes)
        query = {"name": name}
        if of.homes:
            parent = pick(homes, home).id if homes else NOBODY
            query["parentResourceId"] = str(parent)
            pool = self.registry.members(parent) if homes else []
            found = [node for node in pool if node.type == type_name and node.name == name]
        else:
            found = [node for node in self.registry.of(type_name) if node.name == name]
        refusal, node_id = self.doors.kubeflow[edition].find(of, **query)
        if len(name) > 512 or "\0" in name:
            assert refusal is Refusal.INVALID
        elif len(found) == 1:
            assert (refusal, node_id) == (None, found[0].id)
        else:
            assert refusal is Refusal.MISSING
