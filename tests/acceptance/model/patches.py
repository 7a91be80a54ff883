"""What a change makes of a node, as Kubeflow's API and its nested creations have it."""

import math
from typing import Any

from .entities import TYPES, snake
from .registry import LATER, Draft, Node, Refusal, Registry

POINT = ["value", "step", "timestamp"]


def refusals(registry: Registry, node: Node, changes: dict[str, Any]) -> set[Refusal]:
    """What is wrong with a change; members that it names and that are `None` are cleared."""
    draft = Draft(
        node.type,
        external_id=changes.get("external_id"),
        uri=changes.get("uri"),
        properties={name: value for name, value in changes["properties"].items() if value},
        custom=changes.get("custom") or {},
    )
    found = registry.odd(draft) | registry.taken(node.kind, draft.external_id, but=node.id)
    found |= registry.dangling(node.type, draft.properties)
    return found | registry.of_values(node.type, patched(node, changes)["properties"])


def patched(node: Node, changes: dict[str, Any]) -> dict[str, Any]:
    """What a node is afterwards."""
    of = TYPES[node.type]
    now: dict[str, Any] = {"properties": dict(node.properties)}
    enums = {snake(name): shape[0] for name, shape in of.members.items() if isinstance(shape, list)}
    for name, value in changes["properties"].items():
        value = ("string", enums[name]) if value is None and name in enums else value
        if value is None and is_shown_as_null(node, name):
            continue
        if value is None:
            now["properties"].pop(name, None)
        else:
            now["properties"][name] = value
    if node.type == "kf.Metric":
        now["properties"] = {"step": ("int", 0), "timestamp": ("int", LATER)} | now["properties"]
    if "external_id" in changes:
        now["external_id"] = changes["external_id"] or None
    if "custom" in changes:
        now["custom"] = changes["custom"] or {}
    if "uri" in changes:
        now["uri"] = changes["uri"] or None
    if "state" in changes:
        now["state"] = changes["state"] or "UNKNOWN"
    return now


def is_shown_as_null(node: Node, name: str) -> bool:
    """Whether the value is one for which JSON has no number: `null` is what was shown, and changes nothing."""
    kind, inner = node.properties.get(name, ("", None))
    return kind == "double" and not math.isfinite(inner)


def apply(registry: Registry, node: Node, changes: dict[str, Any]) -> None:
    said = [name for name, value in changes["properties"].items() if value or not is_shown_as_null(node, name)]
    is_measured = node.type == "kf.Metric" and any(name in said for name in POINT)
    registry.update(node, is_measured, **patched(node, changes))


def upsert(registry: Registry, node: Node, draft: Draft) -> None:
    """A metric or parameter that is created under a taken name is updated; a metric gets a new point in any case."""
    said: dict[str, Any] = {"properties": dict(draft.properties)}
    if node.type == "kf.Metric":
        said["properties"] = {"step": ("int", 0), "timestamp": ("int", LATER)} | draft.properties
    for name in ["external_id", "uri", "state", "custom"]:
        if getattr(draft, name):
            said[name] = getattr(draft, name)
    others = [name for name in draft.properties if name not in POINT]
    is_point = not others and not set(said) - {"properties", "state"} and said.get("state", node.state) == node.state
    if node.type == "kf.Metric" and is_point:
        # Points are their own history.
        node.properties = node.properties | said["properties"]
        registry.touch(node)
        registry.measure(node)
    else:
        apply(registry, node, said)
