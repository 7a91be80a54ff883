"""Looks whether everything is as it was promised: in the tables, in the store, and through the API."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable

import httpx
from harness import KUBEFLOW, LocalStore, S3Store, Server

from torture import mlflow, mlmd
from torture.database import Postgres, Sqlite
from torture.ledger import Change, Key, Ledger, State
from torture.writer import Writer

# How much of what did not change is looked at through the API.
SOME = 5


class Feed:
    """A reader of the feed of changes, who remembers where it was."""

    def __init__(self) -> None:
        self.after = 0
        self.seen: dict[int, int] = {}

    def read(self, server: Server) -> None:
        while True:
            page = server.http.get("/api/v1/changes", params={"after": self.after, "limit": 1000}).json()
            for change in page["items"]:
                assert change["id"] not in self.seen, f"change {change['id']} came twice"
                self.seen[change["id"]] = change["position"]
            self.after = page["next"]
            if not page["items"]:
                return

    def broken(self, database: Sqlite | Postgres) -> list[str]:
        rows = {row["id"]: row["position"] for row in database.rows("SELECT id, position FROM changes")}
        missed = sorted(rows.items() - self.seen.items())[:5]
        gone = sorted(self.seen.items() - rows.items())[:5]
        found = [f"the reader of the feed missed changes: {missed}"] if missed else []
        return found + ([f"changes that were read are gone, or elsewhere in the feed: {gone}"] if gone else [])


def unrecorded(database: Sqlite | Postgres, ledgers: Iterable[Ledger]) -> list[str]:
    """Acknowledged writes of which there is no change. Points of a metric are their own history."""
    recorded = {row["client_request_id"] for row in database.rows("SELECT DISTINCT client_request_id FROM changes")}
    found = []
    for ledger in ledgers:
        for request, kind in ledger.acknowledged.items():
            if request not in recorded and kind != "kubeflow.log_metric":
                found.append(f"{kind} of request {request} was acknowledged and is not recorded")
    return found


def store_broken(database: Sqlite | Postgres, store: LocalStore | S3Store, now: int, read: set[str]) -> list[str]:
    """What is wrong between rows and objects after a collection. Objects whose keys are in `read` were read before."""
    found = []
    tables = database.all(
        {
            "blobs": "SELECT * FROM blobs",
            "uploads": "SELECT * FROM uploads",
            "resumable": "SELECT key FROM resumable_uploads",
            "unused": "SELECT * FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM files f WHERE f.blob_id = b.id)",
        }
    )
    objects = store.objects()
    keys = {name[name.index("blobs/") :]: name for name in objects if "blobs/" in name}
    found += [f"an object of no kind: {name}" for name in objects - set(keys.values())]
    blobs = {row["key"]: row for row in tables["blobs"]}
    uploads = {row["key"] for row in tables["uploads"]}
    held = uploads | {row["key"] for row in tables["resumable"]}
    for key, row in blobs.items():
        if key not in keys:
            found.append(f"a blob whose object is missing: {row}")
        elif key not in read:
            data = store.bytes(keys[key])
            read.add(key)
            if (hashlib.sha256(data).hexdigest(), len(data)) != (row["sha256"], row["size"]):
                found.append(f"a blob whose object has other bytes: {row}")
    # What a resumable upload has not finished yet lies beside its key.
    unneeded = [name for key, name in keys.items() if key not in blobs and not beside(key, held)]
    found += [f"an object that nothing needs: {name}" for name in unneeded]
    found += [f"a blob that no file has: {row}" for row in tables["unused"] if row["created_at"] < now]
    resumable = {row["key"] for row in tables["resumable"]}
    lost = [row for row in tables["uploads"] if row["key"] not in resumable and row["seen_at"] < now]
    return found + [f"an upload that nobody makes: {row}" for row in lost]


def beside(key: str, held: set[str]) -> bool:
    return key in held or any(key.startswith(other) for other in held)


def observe(server: Server, keys: Iterable[Key], ids: dict[Key, str]) -> dict[Key, State]:
    """What the API says of each. Digests are of the bytes that are served."""
    found: dict[Key, State] = {}
    versions: dict[tuple[str, str], list[Key]] = defaultdict(list)
    runs: dict[str, list[Key]] = defaultdict(list)
    trained: dict[str, list[Key]] = defaultdict(list)
    for key in keys:
        match key:
            case ("version" | "file" | "artifact", model, version, *_):
                versions[model, version].append(key)
            case ("metric", run, _step):
                runs[run].append(key)
            case ("point" | "parameter" | "tag" | "stage" | "logged", run, *_):
                trained[run].append(key)
            case ("data" | "execution" as kind, name):
                url = f"http://127.0.0.1:{server.grpc_port}"
                found[key] = mlmd.shown(server.http, url, kind, name)
            case ("event", *_):
                # It comes and goes with the two that it ties together.
                pass
            case _:
                found[key] = single(server, key, ids)
    for (model, version), wanted in versions.items():
        found |= of_version(server, model, version, wanted, ids)
    for run, wanted in runs.items():
        points = {item["step"]: item["value"] for item in metric_points(server, run)}
        found |= {key: f"{points[int(key[2])]:.0f}" if int(key[2]) in points else None for key in wanted}
    for run, wanted in trained.items():
        found |= mlflow.shown(server.http, run, wanted, ids.get(("place", run)))
    return found


def answered(answer: httpx.Response) -> dict | None:
    """The body, unless the thing is not there. Anything else is no answer to somebody who looks."""
    if answer.status_code == 404:
        return None
    assert answer.status_code == 200, f"{answer.request.url} was answered {answer.status_code} {answer.text}"
    return answer.json()


def single(server: Server, key: Key, ids: dict[Key, str]) -> State:
    match key:
        case ("edge", identity):
            url = f"http://127.0.0.1:{server.edge_port}/models/{identity}"
            if answered(server.http.get(url)) is None:
                return None
            return hashlib.sha256(server.http.get(f"{url}/files").content).hexdigest()
        case ("alias", model, name):
            shown = answered(server.http.get(f"/api/v1/models/{model}/versions/@{name}"))
            return shown and shown["name"]
        case ("trained", experiment, name):
            run, description = mlflow.trained(server.http, ids["experiment", experiment], name)
            if run is not None:
                ids[key], ids["place", run] = run, f"{mlflow.FILES}/{ids['experiment', experiment]}/{run}/artifacts"
            return description
        case ("numbered", model, description):
            return "there" if description in mlflow.numbered(server.http, model) else None
        case ("run", experiment, name):
            query = {"name": name, "parentResourceId": ids["experiment", experiment]}
            shown = answered(server.kubeflow("GET", "experiment_run", params=query))
        case (kind, name):
            entity = {"model": "registered_model", "experiment": "experiment"}[kind]
            shown = answered(server.kubeflow("GET", entity, params={"name": name}))
    if shown is None:
        return None
    ids[key] = shown["id"]
    return shown["description"]


def of_version(server: Server, model: str, version: str, keys: list[Key], ids: dict[Key, str]) -> dict[Key, State]:
    shown = answered(server.http.get(f"/api/v1/models/{model}/versions/{version}"))
    if shown is None:
        return dict.fromkeys(keys)
    artifacts = {item["name"]: item for item in shown["artifacts"]}
    files = server.files(model, version)
    found: dict[Key, State] = {}
    for key in keys:
        match key:
            case ("version", *_):
                ids[key] = shown["id"]
                found[key] = shown["properties"].get("description")
            case ("artifact", _, _, name) if name in artifacts:
                ids[key] = artifacts[name]["id"]
                found[key] = artifacts[name]["properties"].get("description")
            case ("file", _, _, path) if path in files:
                answer = server.get(model, version, path)
                assert answer.status_code == 200, f"{key} is listed, and answered {answer.status_code} {answer.text}"
                found[key] = hashlib.sha256(answer.content).hexdigest()
            case _:
                found[key] = None
    return found


def metric_points(server: Server, run: str) -> list[dict]:
    items, token = [], ""
    while True:
        query = {"name": "loss", "pageSize": "1000", **({"nextPageToken": token} if token else {})}
        url = f"{KUBEFLOW}/experiment_runs/{run}/metric_history"
        page = json.loads(server.http.get(url, params=query).raise_for_status().text)
        items += page["items"]
        if not (token := page["nextPageToken"]):
            return items


def promises_broken(found: Change, server: Server, writer: Writer) -> list[str]:
    """What of a writer's account is not so, by what `found` says of everything, and by what the API says of what changed and
    of some of the rest. Settles what nobody knew."""
    ledger = writer.ledger
    wanted = ledger.touched | set(writer.random.sample(sorted(ledger.possible), min(SOME, len(ledger.possible))))
    shown = observe(server, sorted(wanted), writer.ids)
    stored = {key: found.get(key) for key in ledger.possible}
    otherwise = [key for key in shown if shown[key] != stored[key]]
    differing = [f"{key} is stored as {stored[key]!r}, and shown as {shown[key]!r}" for key in otherwise]
    broken = ledger.compare(stored)
    ledger.settle(stored)
    return differing + broken
