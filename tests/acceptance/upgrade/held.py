"""How many bytes, files and roots each workspace holds: as it is counted, and as it is."""

from torture.database import Postgres, Sqlite

Held = dict[int, tuple[int, int, int]]
COUNTED = """
    SELECT workspace_id, sum(bytes) AS bytes, sum(files) AS files, sum(roots) AS roots FROM (
        SELECT workspace_id, bytes, files, roots FROM workspace_usage
        UNION ALL SELECT workspace_id, bytes, files, roots FROM usage_deltas) AS counted GROUP BY workspace_id"""
FILES = """
    SELECT nodes.workspace_id, coalesce(sum(blobs.size), 0) AS bytes, count(*) AS files
    FROM files JOIN nodes ON nodes.id = files.node_id JOIN blobs ON blobs.id = files.blob_id
    GROUP BY nodes.workspace_id"""
# Registered models, experiments and serving environments.
ROOTS = """
    SELECT nodes.workspace_id, count(*) AS roots FROM nodes JOIN types ON types.id = nodes.type_id
    WHERE home_id IS NULL AND types.name IN ('kf.RegisteredModel', 'kf.Experiment', 'kf.ServingEnvironment')
    GROUP BY nodes.workspace_id"""


def held(database: Sqlite | Postgres) -> Held:
    rows = database.rows(COUNTED)
    return {row["workspace_id"]: (row["bytes"], row["files"], row["roots"]) for row in rows}


def stored(database: Sqlite | Postgres) -> Held:
    rows = database.all({"workspaces": "SELECT id FROM workspaces", "files": FILES, "roots": ROOTS})
    files = {row["workspace_id"]: (row["bytes"], row["files"]) for row in rows["files"]}
    roots = {row["workspace_id"]: row["roots"] for row in rows["roots"]}
    return {row["id"]: (*files.get(row["id"], (0, 0)), roots.get(row["id"], 0)) for row in rows["workspaces"]}
