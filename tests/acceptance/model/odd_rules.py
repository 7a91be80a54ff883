"""What no client should send, and what is asked for by other means than its id."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from . import kubeflow
from .base import Base, reads
from .checks import JUDGED
from .entities import HAS_PAGE, TYPES, Type
from .entity_rules import editions
from .plans import NOBODY, external_ids, pick, picks
from .registry import Node, Refusal

PAGED = [name for name in HAS_PAGE if name != "kf.ServeModel"]
# Never a number of 64 bits that is above zero, as it would be printed.
NO_IDS = ["0", "-1", "01", "+1", "one", "1.0", "9" * 20, "%00", "%20"]
ODD_QUERIES = [
    {"pageSize": "0"},
    {"pageSize": "-1"},
    {"pageSize": "1" * 10},
    {"orderBy": "SIZE"},
    {"sortOrder": "UP"},
    {"nextPageToken": "broken"},
    {"totals": "maybe"},
    {"filterQuery": "name = 'a"},
    {"filterQuery": "name = 1 OR"},
    {"filterQuery": "a\0 = 1"},
    {"filterQuery": "(" * 100 + "name = 'a'" + ")" * 100},
]
ODD_MEMBERS: list[dict[str, Any]] = [
    {"id": "1"},
    {"bogus": 1},
    {"name": 1},
    {"name": ["a"]},
    {"externalId": {}},
    {"description": 1},
    {"customProperties": []},
    {"customProperties": {"p": None}},
    {"customProperties": {"p": {"metadataType": "Bogus"}}},
    {"customProperties": {"p": {"metadataType": "MetadataIntValue", "int_value": "9223372036854775808"}}},
    {"customProperties": {"p": {"metadataType": "MetadataIntValue", "int_value": 1}}},
    {"customProperties": {"p": {"metadataType": "MetadataDoubleValue", "double_value": "NaN"}}},
    {"customProperties": {"p": {"metadataType": "MetadataBoolValue", "bool_value": 1}}},
    {"customProperties": {"p": {"metadataType": "MetadataStructValue", "struct_value": "no base64"}}},
    {"customProperties": {"p": {"metadataType": "MetadataProtoValue", "type": "", "proto_value": ""}}},
]


class OddRules(Base):
    """Mistakes, which change nothing and are never the server's."""

    @rule(type_name=st.sampled_from(PAGED), odd=st.sampled_from(ODD_MEMBERS), which=picks, edition=editions)
    def say_nonsense(self, type_name: str, odd: dict[str, Any], which: int, edition: str) -> None:
        door, of = self.doors.kubeflow[edition], TYPES[type_name]
        response = door.ask("POST", f"/{of.path}", json={"name": "odd"} | self.needed(of) | odd)
        # What is not looked at first may be missing too.
        assert door.refusal(response) in (Refusal.INVALID, Refusal.MISSING), response.text
        if nodes := self.registry.of(type_name):
            node = pick(nodes, which)
            response = door.ask("PATCH", f"/{of.path}/{node.id}", json=odd)
            assert door.refusal(response) is Refusal.INVALID, response.text
            self.agree(node, door.get(of, node.id), edition)

    def needed(self, of: Type) -> dict[str, Any]:
        needed = {of.home_member: str(NOBODY)} if of.home_member else {}
        return needed | ({"registeredModelId": str(NOBODY)} if of.name == "kf.InferenceService" else {})

    @rule(type_name=st.sampled_from(PAGED), text=st.sampled_from(NO_IDS), edition=editions)
    def ask_for_no_id(self, type_name: str, text: str, edition: str) -> None:
        door, of = self.doors.kubeflow[edition], TYPES[type_name]
        for method, options in [("GET", {}), ("PATCH", {"json": {}}), ("DELETE", {})]:
            response = door.ask(method, f"/{of.path}/{text}", **options)
            assert door.refusal(response) is Refusal.INVALID, f"{method} {text}: {response.text}"
        assert door.ask("GET", f"/{of.path}/{2**63 - 1}").status_code == 404

    @rule(type_name=st.sampled_from(PAGED), query=st.sampled_from(ODD_QUERIES), edition=editions)
    def list_oddly(self, type_name: str, query: dict[str, str], edition: str) -> None:
        response = self.doors.kubeflow[edition].ask("GET", f"/{TYPES[type_name].path}", params=query)
        assert response.status_code == 400, f"{query}: {response.text}"

    @precondition(lambda self: self.registry.nodes)
    @rule(which=picks, type_name=st.sampled_from(PAGED), edition=editions)
    def take_for_another(self, which: int, type_name: str, edition: str) -> None:
        """An id is that of one type."""
        node = pick(list(self.registry.nodes.values()), which)
        if node.type != type_name:
            assert self.doors.kubeflow[edition].get(TYPES[type_name], node.id) is None
            refusal = self.doors.kubeflow[edition].delete(TYPES[type_name], node.id, recursive=True)
            self.expect({Refusal.MISSING}, refusal, kubeflow.SAYS, f"removal of {node} as {type_name}")

    @rule(type_name=st.sampled_from(PAGED), external_id=external_ids, edition=editions)
    @reads
    def find_outside_id(self, type_name: str, external_id: str | None, edition: str) -> None:
        if not external_id:
            return
        found = [node for node in self.registry.of(type_name) if node.external_id == external_id]
        refusal, node_id = self.doors.kubeflow[edition].find(TYPES[type_name], externalId=external_id)
        if "\0" in external_id or len(external_id) > 512:
            assert refusal is Refusal.INVALID
        else:
            assert (refusal, node_id) == ((None, found[0].id) if found else (Refusal.MISSING, 0))
        kind = TYPES[type_name].kind
        key = (kind, external_id)
        of_kind = [node for node in self.registry.nodes.values() if (node.kind, node.external_id) == key]
        refusal, answer = self.doors.graph.ask(f"Get{kind.title()}sByExternalIds", external_ids=[external_id])
        if "\0" in external_id or len(external_id) > 512:
            assert refusal in (Refusal.INVALID, Refusal.MISSING)
        else:
            shown = [each.id for each in getattr(answer, f"{kind}s")] if answer else []
            assert shown == [node.id for node in of_kind], f"{external_id}: {shown}"

    @precondition(lambda self: self.registry.nodes)
    @rule(which=picks)
    @reads
    def remember(self, which: int) -> None:
        """The history of a node is its part of the record of changes, and ends with the node as it is."""
        node = pick(list(self.registry.nodes.values()), which)
        mine = [change for group in self.registry.changes for change in group if change.node == node.id]
        items = self.doors.native.history(node.id)
        assert [(item["action"], item["revision"]) for item in items] == [(each.action, each.revision) for each in mine]
        self.same_as_document(node, items[-1])

    def same_as_document(self, node: Node, item: dict[str, Any]) -> None:
        document = item["document"]
        if node.type in TYPES:
            assert (document["type"], document["homeId"]) == (node.type, node.home)
        if item["revision"] == node.revision:
            kinds = {name: next(iter(value)) for name, value in document["customProperties"].items() if name != JUDGED}
            assert kinds == {name: kind for name, (kind, _) in node.custom.items() if name != JUDGED}
            assert document["externalId"] == node.external_id
