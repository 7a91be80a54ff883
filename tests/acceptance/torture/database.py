"""Either database, looked at behind the server's back."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

Rows = list[dict]


# SQLite wants the real path of a file, so whoever looks has to be where the file is.
ASK = """
import json, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
connection.row_factory = sqlite3.Row
given = json.load(sys.stdin)
connection.execute("BEGIN")
connection.execute(given["spoilt"])
print(json.dumps([[dict(row) for row in connection.execute(query)] for query in given["queries"]]))
connection.execute("ROLLBACK")
"""
NOTHING = "SELECT 1"
# Before each of psql's answers.
MARK = "=== answer ==="


class Sqlite:
    def __init__(self, path: Path, enter: Sequence[str] = ()):
        self.command = [*enter, sys.executable, "-Sc", ASK, path]
        # A statement that whoever looks imagines to have happened, whatever constraints say.
        self.spoilt = NOTHING

    def rows(self, query: str) -> Rows:
        return self.all({"": query})[""]

    def all(self, queries: dict[str, str]) -> dict[str, Rows]:
        """The answers to several queries, by name, over one snapshot."""
        given = json.dumps({"spoilt": self.spoilt, "queries": list(queries.values())})
        answer = subprocess.run(self.command, input=given, check=True, text=True, stdout=subprocess.PIPE)
        return dict(zip(queries, json.loads(answer.stdout), strict=True))

    def quiet(self) -> bool:
        return True

    def damage(self) -> list[str]:
        """What SQLite itself finds wrong with the file."""
        checks = {name: f"PRAGMA {name}" for name in ("integrity_check", "foreign_key_check")}
        found = [str(row) for rows in self.all(checks).values() for row in rows]
        return [line for line in found if line != str({"integrity_check": "ok"})]


class Postgres:
    def __init__(self, url: str):
        self.command = ["psql", url, "-qAtX", "-v", "ON_ERROR_STOP=1"]
        self.spoilt = NOTHING

    def rows(self, query: str) -> Rows:
        return self.all({"": query})[""]

    def all(self, queries: dict[str, str]) -> dict[str, Rows]:
        """The answers to several queries, by name, over one snapshot."""
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL session_replication_role = replica;"
        each = [f"SELECT '{MARK}'; SELECT coalesce(json_agg(t), '[]') FROM ({query}) t;" for query in queries.values()]
        given = "\n".join([begin, f"{self.spoilt};", *each, "ROLLBACK;"])
        answer = subprocess.run(self.command, input=given, check=True, text=True, stdout=subprocess.PIPE)
        _, *answers = answer.stdout.split(f"{MARK}\n")
        return dict(zip(queries, map(json.loads, answers), strict=True))

    def quiet(self) -> bool:
        """Whether no transaction is under way, of servers that are dead, too."""
        query = """SELECT 1 FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"""
        return not self.rows(query)

    def damage(self) -> list[str]:
        """PostgreSQL checks what it reads, and everything was read."""
        return []
