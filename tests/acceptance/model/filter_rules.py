"""What is searched for."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from . import graph
from .base import Base, reads
from .entities import HAS_PAGE, TYPES
from .entity_rules import editions
from .filters import Filter, everywhere, in_graph
from .registry import Node


class FilterRules(Base):
    """Filters, evaluated by the model as well."""

    def only(self, nodes: list[Node], shown: list[int], what: str) -> None:
        expected = sorted(node.id for node in nodes)
        assert sorted(shown) == expected, f"{what} finds {sorted(shown)}, not {expected}"

    @precondition(lambda self: self.registry.nodes)
    @rule(
        type_name=st.sampled_from([name for name in HAS_PAGE if name != "kf.ServeModel"]),
        wanted=everywhere,
        edition=editions,
        size=st.sampled_from([None, "1"]),
    )
    @reads
    def filter_entities(self, type_name: str, wanted: Filter, edition: str, size: str | None) -> None:
        nodes = [node for node in self.registry.of(type_name) if wanted.holds(node)]
        query = {"filterQuery": wanted.kubeflow, "totals": "true", **({"pageSize": size} if size else {})}
        shown = self.doors.kubeflow[edition].all(f"/{TYPES[type_name].path}", type_name, **query)
        self.only(nodes, [item["id"] for item in shown], f"{type_name} where {wanted.kubeflow}")

    @precondition(lambda self: self.registry.nodes)
    @rule(wanted=everywhere, edition=editions)
    @reads
    def filter_artifacts(self, wanted: Filter, edition: str) -> None:
        artifacts = [node for node in self.registry.nodes.values() if node.kind == "artifact" and node.type in TYPES]
        nodes = [node for node in artifacts if wanted.holds(node)]
        shown = self.doors.kubeflow[edition].all("/artifacts", "", filterQuery=wanted.kubeflow)
        self.only(nodes, [item["id"] for item in shown], f"artifacts where {wanted.kubeflow}")

    @precondition(lambda self: self.registry.nodes)
    @rule(kind=st.sampled_from(["artifact", "execution", "context"]), wanted=in_graph, size=st.sampled_from([1, 100]))
    @reads
    def filter_graph(self, kind: str, wanted: Filter, size: int) -> None:
        every = [node for node in self.registry.nodes.values() if node.kind == kind]
        text = f"id > {self.first} AND {wanted.graph}"
        options = graph.mlmd.ListOperationOptions(filter_query=text)
        found = self.doors.graph.messages(f"Get{kind.title()}s", f"{kind}s", size, options=options)
        nodes = [node for node in every if wanted.admits(node)]
        self.only(nodes, [message.id for message in found], f"{kind}s where {text}")
