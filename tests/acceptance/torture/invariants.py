"""What is true of the tables at any time between two requests. Each query finds what breaks a rule, by its ids."""

from torture.database import Postgres, Sqlite

# A Metric node counts a revision with each of its points, which are their own history.
METRIC = 16


def absent(table: str, column: str, target: str = "nodes", key: str = "id") -> str:
    return f"""SELECT t.{column} AS missing, t.* FROM {table} t WHERE t.{column} IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM {target} o WHERE o.{key} = t.{column})"""


RULES = {
    "a node without its home": absent("nodes", "home_id"),
    "a node that is not a member of its home": """
        SELECT id, home_id FROM nodes n WHERE home_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM members m WHERE m.context_id = n.home_id AND m.node_id = n.id)""",
    "a node without its type": absent("nodes", "type_id", "types"),
    "a property without its node": "SELECT node_id, name FROM properties p "
    "WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = p.node_id)",
    "a property that its type does not declare": """
        SELECT p.node_id, p.name FROM properties p JOIN nodes n ON n.id = p.node_id
        WHERE NOT p.custom AND NOT EXISTS (SELECT 1 FROM type_properties d
            WHERE d.type_id = n.type_id AND d.name = p.name AND d.data_type = p.kind)""",
    "a member that is missing": absent("members", "node_id"),
    "a membership in what is missing": absent("members", "context_id"),
    "an event of a missing artifact": absent("events", "artifact_id"),
    "an event of a missing execution": absent("events", "execution_id"),
    "an alias of a missing model": absent("aliases", "model_id"),
    "an alias for a missing version": absent("aliases", "version_id"),
    "an alias for another model's version": """
        SELECT a.model_id, a.name FROM aliases a JOIN nodes v ON v.id = a.version_id WHERE v.home_id <> a.model_id""",
    "a file of a missing node": absent("files", "node_id"),
    "a file without its blob": absent("files", "blob_id", "blobs"),
    "an inspection of a missing file": """
        SELECT node_id, path FROM inspections i
        WHERE NOT EXISTS (SELECT 1 FROM files f WHERE f.node_id = i.node_id AND f.path = i.path)""",
    "a metric of a missing node": absent("metrics", "node_id"),
    "a point of a missing metric": absent("metric_points", "node_id", "metrics", "node_id"),
    "a metric whose latest point is none of its points": """
        SELECT m.node_id FROM metrics m WHERE NOT EXISTS (SELECT 1 FROM metric_points p WHERE p.node_id = m.node_id
            AND p.step = m.step AND p.at = m.at AND coalesce(p.value, 0) = coalesce(m.value, 0))""",
    "an upload of an object that a blob has": "SELECT u.key FROM uploads u JOIN blobs b ON b.key = u.key",
    "a part of a missing upload": absent("resumable_parts", "upload_id", "resumable_uploads"),
    "the bytes of a missing upload": "SELECT upload_id FROM resumable_tails t "
    "WHERE NOT EXISTS (SELECT 1 FROM resumable_uploads u WHERE u.id = t.upload_id)",
    "an unfinished upload that holds no object": """
        SELECT id FROM resumable_uploads r WHERE finished_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.key = r.key)""",
    "a key under which nothing was answered": "SELECT key FROM idempotency_keys WHERE answer IS NULL",
    "a node whose creation is not recorded": """
        SELECT id, name FROM nodes n WHERE NOT EXISTS (SELECT 1 FROM changes c
            WHERE c.node_id = n.id AND c.action = 'create' AND c.revision = 1)""",
    "a node that is there after its deletion": """
        SELECT n.id, n.name FROM nodes n JOIN changes c ON c.node_id = n.id WHERE c.action = 'delete'""",
    "a node that went without a deletion": """
        SELECT DISTINCT c.node_id FROM changes c WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = c.node_id)
        AND NOT EXISTS (SELECT 1 FROM changes d WHERE d.node_id = c.node_id AND d.action = 'delete')""",
    "a change after the deletion": """
        SELECT c.id, c.node_id FROM changes c JOIN changes d ON d.node_id = c.node_id
        WHERE d.action = 'delete' AND c.id > d.id""",
    "a node at another revision than its last change": f"""
        SELECT n.id, n.revision FROM nodes n WHERE n.type_id <> {METRIC}
        AND n.revision <> (SELECT max(c.revision) FROM changes c WHERE c.node_id = n.id)""",
    "a revision that is not recorded": f"""
        SELECT c.node_id FROM changes c LEFT JOIN nodes n ON n.id = c.node_id
        WHERE n.id IS NULL OR n.type_id <> {METRIC} GROUP BY c.node_id
        HAVING count(DISTINCT c.revision) <> max(c.revision)
        AND c.node_id NOT IN (SELECT m.node_id FROM changes m WHERE m.document LIKE '%"typeId":{METRIC},%')""",
    "a revision that two requests made": """
        SELECT node_id, revision FROM changes GROUP BY node_id, revision HAVING count(DISTINCT request_id) > 1""",
    "changes of a node in another order than their revisions": """
        SELECT a.node_id, a.id FROM changes a JOIN changes b ON b.node_id = a.node_id
        WHERE a.id < b.id AND a.revision > b.revision""",
}

# True once somebody has read the feed to its end.
FEED_RULES = {
    "a change without a place in the feed": "SELECT id FROM changes WHERE position IS NULL",
    "a gap in the feed": """
        SELECT max(position) AS last, count(*) AS changes FROM changes HAVING coalesce(max(position), 0) <> count(*)""",
    "changes of a node in another order than their places": """
        SELECT a.node_id, a.id FROM changes a JOIN changes b ON b.node_id = a.node_id
        WHERE a.id < b.id AND a.position > b.position""",
}


def broken(database: Sqlite | Postgres) -> list[str]:
    """What breaks a rule."""
    found = database.all(RULES | FEED_RULES)
    return [f"{name}: {rows[:5]}" for name, rows in found.items() if rows]
