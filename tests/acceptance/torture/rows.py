"""All that the tables hold of what writers speak of, read at once."""

from torture.database import Postgres, Sqlite
from torture.ledger import Change, Key, State

DESCRIBED = "LEFT JOIN properties d ON d.node_id = n.id AND NOT d.custom AND d.name = 'description'"
# Of each kind its names and what it is like, as a ledger has them.
KINDS = {
    "model": f"SELECT n.name AS a, d.text_value AS state FROM nodes n {DESCRIBED} WHERE n.type_id = 11",
    "experiment": f"SELECT n.name AS a, d.text_value AS state FROM nodes n {DESCRIBED} WHERE n.type_id = 18",
    "version": f"""SELECT h.name AS a, n.name AS b, d.text_value AS state
        FROM nodes n JOIN nodes h ON h.id = n.home_id {DESCRIBED}
        WHERE n.type_id = 12 AND coalesce(d.text_value, '') NOT LIKE 'numbered-%'""",
    "numbered": f"""SELECT h.name AS a, d.text_value AS b, 'there' AS state
        FROM nodes n JOIN nodes h ON h.id = n.home_id {DESCRIBED}
        WHERE n.type_id = 12 AND d.text_value LIKE 'numbered-%'""",
    "run": f"""SELECT h.name AS a, n.name AS b, d.text_value AS state
        FROM nodes n JOIN nodes h ON h.id = n.home_id {DESCRIBED}
        WHERE n.type_id = 19 AND substr(n.name, 37, 1) <> ':'""",
    # A name that may repeat is stored after a UUID and a colon.
    "trained": f"""SELECT h.name AS a, substr(n.name, 38) AS b, d.text_value AS state
        FROM nodes n JOIN nodes h ON h.id = n.home_id {DESCRIBED}
        WHERE n.type_id = 19 AND substr(n.name, 37, 1) = ':'""",
    "point": """SELECT r.run_id AS a, p.step AS b, p.value AS state FROM metric_points p
        JOIN metrics m ON m.node_id = p.node_id JOIN runs r ON r.node_id = m.home_id WHERE m.name = 'error'""",
    "parameter": """SELECT r.run_id AS a, q.name AS b, q.value AS state
        FROM parameters q JOIN runs r ON r.node_id = q.home_id""",
    "tag": """SELECT r.run_id AS a, p.name AS b, p.text_value AS state
        FROM properties p JOIN runs r ON r.node_id = p.node_id WHERE p.custom""",
    "stage": "SELECT r.run_id AS a, 'archived' AS state FROM runs r WHERE r.archived",
    "logged": """SELECT r.run_id AS a, f.path AS b, o.sha256 AS state FROM files f
        JOIN blobs o ON o.id = f.blob_id JOIN nodes n ON n.id = f.node_id JOIN runs r ON r.node_id = n.home_id""",
    # One that was made for a file has no description.
    "artifact": f"""SELECT m.name AS a, v.name AS b, n.name AS c, d.text_value AS state
        FROM nodes n JOIN nodes v ON v.id = n.home_id JOIN nodes m ON m.id = v.home_id {DESCRIBED}
        WHERE n.type_id = 13 AND d.text_value IS NOT NULL""",
    "file": """SELECT m.name AS a, v.name AS b, f.path AS c, o.sha256 AS state FROM files f
        JOIN blobs o ON o.id = f.blob_id JOIN nodes n ON n.id = f.node_id
        JOIN nodes v ON v.id = n.home_id JOIN nodes m ON m.id = v.home_id WHERE v.type_id = 12""",
    "alias": """SELECT m.name AS a, s.name AS b, v.name AS state FROM aliases s
        JOIN nodes m ON m.id = s.model_id JOIN nodes v ON v.id = s.version_id""",
    "metric": """SELECT m.home_id AS a, p.step AS b, p.value AS state
        FROM metric_points p JOIN metrics m ON m.node_id = p.node_id WHERE m.name = 'loss'""",
    "data": "SELECT n.name AS a, n.uri AS state FROM nodes n WHERE n.type_id = 1",
    "execution": "SELECT n.name AS a, 'there' AS state FROM nodes n WHERE n.type_id = 5",
    "event": """SELECT x.name AS a, d.name AS b, e.type AS state FROM events e
        JOIN nodes x ON x.id = e.execution_id JOIN nodes d ON d.id = e.artifact_id""",
    "edge": """SELECT n.external_id AS a, o.sha256 AS state FROM nodes n
        JOIN files f ON f.node_id = n.id JOIN blobs o ON o.id = f.blob_id WHERE n.external_id IS NOT NULL""",
}
# What stands behind the models of the edge registry, and parents that whoever comes first makes.
UNSAID = ("-edge",)
SHARED = "shared"


def stored(database: Sqlite | Postgres) -> dict[Key, State]:
    """Everything, by its key."""
    found: dict[Key, State] = {}
    for kind, rows in database.all(KINDS).items():
        for row in rows:
            state = row["state"]
            key = (kind, *(str(row[column]) for column in "abc" if column in row))
            found[key] = f"{state:.0f}" if kind in ("metric", "point", "event") else state
    return found


def unasked(found: Change, known: set[Key]) -> list[str]:
    """What is there and nobody asked for."""
    strange = []
    for key in found.keys() - known:
        parent = key[0] in ("model", "version") and key[1] == SHARED
        if not parent and not key[1].endswith(UNSAID):
            strange.append(f"{key} is there, and nobody asked for it")
    return strange
