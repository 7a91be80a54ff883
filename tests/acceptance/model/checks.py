"""Whether what a door shows is what the model says."""

from typing import Any

from .entities import Value
from .registry import LATER, Node
from .values import ODD_DOUBLES, canonical, plain, readable

# What inspection says of an artifact's files, of which the model knows nothing.
JUDGED = "scan_verdict"
NOT_FINITE = [("double", repr(value)) for value in ODD_DOUBLES]


def said(properties: dict[str, Value]) -> dict[str, Value]:
    return {name: canonical(value) for name, value in properties.items()}


def plainly(properties: dict[str, Value]) -> dict[str, Any]:
    return {name: canonical(("struct", plain(value))) for name, value in properties.items()}


def agree(node: Node, shown: dict[str, Any], own_uri: str | None, door: str) -> None:
    """Holds what a door shows of a node against the model, and learns what the server was to decide."""
    learn(node, shown)
    expected: dict[str, Any] = {
        name: getattr(node, name)
        for name in ["id", "type", "name", "home", "external_id", "state", "created", "updated", "revision"]
    }
    expected["uri"] = own_uri if node.uri is None else node.uri
    # ML Metadata does not tell no URI from an empty one.
    expected["uri_or_empty"] = expected["uri"] or ""
    expected["properties"], expected["custom"] = said(node.properties), said(node.custom)
    expected["readable"] = said({name: readable(value) for name, value in node.custom.items()})
    expected["plain_properties"], expected["plain_custom"] = plainly(node.properties), plainly(node.custom)
    actual = dict(shown)
    if "readable" in shown:
        # The stage of a version is MLflow's, and none of Kubeflow's members.
        expected["properties"].pop("stage", None)
    for name in ["properties", "custom", "readable"]:
        if name in actual:
            actual[name] = said(actual[name])
            actual[name].pop(JUDGED, None)
            for key, value in actual[name].items():
                # JSON has no word for what is no number.
                if value == ("double", None) and expected[name].get(key) in NOT_FINITE:
                    actual[name][key] = expected[name][key]
    for name in ["plain_properties", "plain_custom"]:
        if name in actual:
            actual[name] = {key: canonical(("struct", value)) for key, value in actual[name].items() if key != JUDGED}
    for name, value in actual.items():
        what = f"`{name}` of {node.type} {node.id} through {door}"
        assert value == expected[name], f"{what}: {value!r}, not {expected[name]!r}"


def learn(node: Node, shown: dict[str, Any]) -> None:
    for name in ["name", "external_id", "created", "updated"]:
        if getattr(node, name) is LATER and shown.get(name) is not None:
            setattr(node, name, shown[name])
            if name == "updated":
                assert shown[name] > node.updated_after, (
                    f"node {node.id} was changed at {node.updated_after} and then at {shown[name]}"
                )
    if node.properties.get("timestamp") == ("int", LATER) and "timestamp" in shown.get("properties", {}):
        node.properties["timestamp"] = shown["properties"]["timestamp"]


def same_nodes(nodes: list[Node], shown: list[dict[str, Any]], uris: dict[int, str | None], door: str) -> None:
    """The same nodes in whatever order, each as the model says."""
    ids = [item["id"] for item in shown]
    assert sorted(ids) == sorted(node.id for node in nodes), f"{door} shows {ids}, not {[node.id for node in nodes]}"
    by_id = {node.id: node for node in nodes}
    for item in shown:
        agree(by_id[item["id"]], item, uris.get(item["id"]), door)


def in_order(nodes: list[Node], shown: list[dict[str, Any]], by: str, descending: bool) -> None:
    """The order of a list, whose nodes were checked against the model already."""
    keys = {
        "ID": lambda node: (node.id,),
        "CREATE_TIME": lambda node: (node.created, node.id),
        "LAST_UPDATE_TIME": lambda node: (node.updated, node.id),
        "NAME": lambda node: ((node.name or "").encode(), node.id),
    }
    expected = [node.id for node in sorted(nodes, key=keys[by], reverse=descending)]
    assert [item["id"] for item in shown] == expected, f"by {by}, descending {descending}"
