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
connection.execute("BEGIN")
given = json.load(sys.stdin)
print(json.dumps({name: [dict(row) for row in connection.execute(query)] for name, query in given.items()}))
connection.execute("COMMIT")
"""


class Sqlite:
    def __init__(self, path: Path, enter: Sequence[str] = ()):
        self.command = [*enter, sys.executable, "-Sc", ASK, path]

    def rows(self, query: str) -> Rows:
        return self.all({"rows": query})["rows"]

    def all(self, queries: dict[str, str]) -> dict[str, Rows]:
        """The answers to several queries, by name, over one snapshot."""
        given = json.dumps(queries)
        answer = subprocess.run(self.command, input=given, check=True, text=True, stdout=subprocess.PIPE)
        return json.loads(answer.stdout)

    def spoil(self, statement: str) -> None:
        """Does what no constraint allows."""
        self.rows(statement)

    def quiet(self) -> bool:
        return True


class Postgres:
    def __init__(self, url: str):
        self.url = url

    def psql(self, statement: str) -> str:
        command = ["psql", self.url, "-qAtX", "-v", "ON_ERROR_STOP=1"]
        return subprocess.run(command, input=statement, check=True, text=True, stdout=subprocess.PIPE).stdout

    def rows(self, query: str) -> Rows:
        return self.all({"rows": query})["rows"]

    def all(self, queries: dict[str, str]) -> dict[str, Rows]:
        """The answers to several queries, by name, over one snapshot."""
        each = [f"SELECT coalesce(json_agg(t), '[]') FROM ({query}) t;" for query in queries.values()]
        shown = self.psql("\n".join(["BEGIN ISOLATION LEVEL REPEATABLE READ;", *each, "COMMIT;"]))
        # What it aggregates, it spreads over lines.
        decoder, answers, at = json.JSONDecoder(), [], 0
        while at < len(shown.rstrip()):
            answer, at = decoder.raw_decode(shown, at)
            answers.append(answer)
            at += len(shown[at:]) - len(shown[at:].lstrip())
        return dict(zip(queries, answers, strict=True))

    def spoil(self, statement: str) -> None:
        """Does what no constraint allows."""
        self.psql(f"SET session_replication_role = replica; {statement}")

    def quiet(self) -> bool:
        """Whether no transaction is under way, of servers that are dead, too."""
        query = """SELECT 1 FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"""
        return not self.rows(query)
