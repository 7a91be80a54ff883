"""Which model, experiment or environment each node and each entry of the record belongs to, by other columns."""

import json

from torture.database import Rows


def expected(rows: dict[str, Rows]) -> dict[str, list[int]]:
    """The roots of the rows, by the homes of what is there and by the documents of what is not."""
    homes = {change["node_id"]: json.loads(change["document"])["homeId"] for change in rows["changes"]}
    homes |= {node["id"]: node["home_id"] for node in rows["nodes"]}

    def root(node: int) -> int:
        while homes[node] is not None:
            node = homes[node]
        return node

    nodes, changes = [node["id"] for node in rows["nodes"]], [change["node_id"] for change in rows["changes"]]
    return {"nodes": [root(node) for node in nodes], "changes": [root(node) for node in changes]}
