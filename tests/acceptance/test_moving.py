"""An old deployment of Intel's edge model registry moves over: `modelport import edge`."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from harness import PATIENCE, Installation, S3Store, Server, Services
from old_edge import Old, OldDeployment, weights, zipped

MIB = 2**20


@dataclass
class Line:
    """What the command says of a record."""

    outcome: str
    id: str
    name: str
    remarks: str


@dataclass
class Mover:
    installation: Installation
    old: OldDeployment
    secret: Path
    # Whether the old bucket is on the server that ours is on, so that its name is enough.
    is_beside: bool

    def command(self, *arguments: str) -> list[str]:
        bucket = ["--bucket", self.old.bucket]
        if not self.is_beside:
            bucket = ["--bucket", f"s3://{self.old.bucket}?{self.old.services.s3.query}"]
            self.secret.write_text(self.old.services.credentials["AWS_SECRET_ACCESS_KEY"] + "\n")
            key = self.old.services.credentials["AWS_ACCESS_KEY_ID"]
            bucket += ["--access-key", key, "--secret-key-file", str(self.secret)]
        database = [] if "--database-url" in arguments else ["--database-url", self.old.url]
        places = [place for place in self.installation.places if place != self.ours]
        places.remove("--database-url")
        return [os.environ["MODELPORT_BIN"], "import", "edge", *database, *bucket, *arguments, *map(str, places)]

    @property
    def ours(self) -> str:
        """The URL of our database, which the flag does not mean here."""
        return str(self.installation.places[self.installation.places.index("--database-url") + 1])

    def spawn(self, *arguments: str) -> subprocess.Popen:
        environment = {**os.environ, **self.installation.settings, "MODELPORT__DATABASE__URL": self.ours}
        return subprocess.Popen(
            self.command(*arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str, expect: int = 0) -> tuple[dict[str, Line], str]:
        """What it says of each record, and the rest of what it prints."""
        process = self.spawn(*arguments)
        output, errors = process.communicate(timeout=4 * PATIENCE)
        assert process.returncode == expect, output + errors
        *lines, totals = output.splitlines() or [""]
        told = [Line(*line.split("\t")) for line in lines]
        assert len({line.id for line in told}) == len(told)
        return {line.id: line for line in told}, "\n".join([totals, errors])


@pytest.fixture
def mover(installation: Installation, services: Services, tmp_path: Path) -> Mover:
    is_beside = isinstance(installation.store, S3Store)
    return Mover(installation, OldDeployment(services), tmp_path / "secret", is_beside)


def edge(server: Server) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{server.edge_port}", timeout=60, trust_env=False)


def check(client: httpx.Client, identity: str, old: Old, **expected: object) -> None:
    """The record is there under that id with these members, and its archive is what it was."""
    answer = client.get(f"/models/{identity}")
    assert answer.status_code == 200, answer.text
    model = answer.json()
    assert {name: model[name] for name in expected} == expected
    assert model["file_url"].startswith("minio://") and f"/{identity}/" in model["file_url"]
    archive = client.get(f"/models/{identity}/files")
    assert (archive.status_code, archive.content) == (200, old.content)


def test_records_keep_their_ids_dates_members_and_archives(mover: Mover) -> None:
    old = mover.old
    plain = old.add(
        "Ünï 模型",
        zipped("m/", "m/model.xml"),
        overview='{"a": true, "none": null, "text": "it\'s"}',
        labels='["cat", "dog"]',
        score="0.75",
        project_id="p1",
        project_name="Pallets",
        category="Detection",
        created_date="2024-01-01 somewhere",
        format="openvino",
    )
    changed = old.add(
        "changed",
        zipped("x"),
        file="x.zip",
        precision="['FP999']",
        overview="{'a': True, 'none': None, 'text': \"it's\", 'nan': nan}",
        labels="['[\"c\"]']",
        last_updated_date="2024-05-06 07:08:09.123456 UTC",
    )
    geti = old.add(
        "ATSS",
        zipped("shop/deployment/project.json"),
        identity="65f1c0ffee65f1c0ffee65f1",
        file="shop.zip",
        precision="['FP16']",
        overview=None,
        optimization_capabilities=None,
        origin="Geti",
        labels="[{'id': '1', 'name': 'box', 'is_empty': False, 'parent_id': None}]",
    )
    large = old.add("large", weights(24))
    long = old.add("long", zipped("x"), category="'\\\"" * 1600, architecture="x" * 5000)
    many = [old.add(f"model {number}", zipped(str(number))) for number in range(120)]

    lines, rest = mover.run()
    assert rest.startswith("125 moved, 0 already present, 0 skipped")
    assert set(lines) == {record.id for record in old.records}
    assert {line.outcome for line in lines.values()} == {"moved"}
    assert lines[plain.id].remarks == "" and lines[plain.id].name == "Ünï 模型"

    server = mover.installation.serve()
    client = edge(server)
    assert len(client.get("/models").json()) == 125
    created = "2023-11-14 22:13:20.123000 UTC"
    check(
        client,
        plain.id,
        plain,
        name="Ünï 模型",
        version="1",
        precision=["fp32"],
        overview={"a": True, "none": None, "text": "it's"},
        optimization_capabilities={},
        labels=["cat", "dog"],
        score=0.75,
        project_id="p1",
        project_name="Pallets",
        category="Detection",
        architecture=None,
        created_date="2024-01-01 somewhere",
        last_updated_date="2024-03-09 16:00:00.456000 UTC",
        format="openvino",
        size=len(plain.content),
    )
    check(
        client,
        changed.id,
        changed,
        precision=["FP999"],
        overview={"a": True, "none": None, "text": "it's", "nan": None},
        labels=['["c"]'],
        created_date=created,
        last_updated_date="2024-05-06 07:08:09.123000 UTC",
    )
    labels = [{"id": "1", "name": "box", "is_empty": False, "parent_id": None}]
    check(client, geti.id, geti, precision=["FP16"], origin="Geti", labels=labels, created_date=created)
    check(client, large.id, large, size=len(large.content))
    check(client, long.id, long, category="'\\\"" * 1600, architecture="x" * 5000)
    for record in many:
        check(client, record.id, record, name=record.tags["name"])

    # It is there through the other doors, too, as old as it was.
    model = server.kubeflow("GET", "registered_model", params={"name": "Ünï 模型"}).json()
    assert model["createTimeSinceEpoch"] == "1700000000123"
    artifact = server.kubeflow("GET", "artifact", params={"externalId": plain.id}).json()
    assert (artifact["createTimeSinceEpoch"], artifact["lastUpdateTimeSinceEpoch"]) == ("1700000000123", "1710000000456")
    # What is changed here is changed now.
    assert client.put(f"/models/{plain.id}", data={"category": "other"}).status_code == 200
    changed_at = client.get(f"/models/{plain.id}").json()["last_updated_date"]
    assert changed_at > time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    server.stop()


def test_what_broke_the_old_service_is_moved_or_reported(mover: Mover) -> None:
    old = mover.old
    good = old.add("good", zipped("a"))
    # Kept in spite of what is odd about them.
    odd = {
        "short id": old.add("short", zipped("b"), identity="abc"),
        "wild id": old.add("wild", zipped("c"), identity="a..b/c"),
        "no name": old.add("", zipped("d")),
        "labels": old.add("labels", zipped("e"), labels="{'a': 1}"),
        "overview": old.add("overview", zipped("f"), overview="3"),
        "capabilities": old.add("capabilities", zipped("g"), optimization_capabilities="{oops"),
        "score": old.add("score", zipped("h"), score="nan"),
        "precision": old.add("precision", zipped("i"), precision="int8]"),
        "date": old.add("date", zipped("j"), last_updated_date="yesterday"),
        "no zip": old.add("no zip", b"text"),
        "empty": old.add("empty", b""),
    }
    evil = old.add("evil", zipped("../../outside.txt"))
    folder = old.add("folder", zipped("k"), file="some/folder/m.zip")
    # Left where they are.
    skipped = {
        old.add("lost", None).id: "the bucket has no object",
        old.add("cut", zipped("l"), size="1000").id: "bytes, and should have 1000",
        old.add("x" * 600, zipped("m")).id: "600 characters",
        old.add("v", zipped("n"), version="9" * 300).id: "300 characters",
        old.add("nowhere", zipped("o"), file_url=None).id: "does not say where its archive is",
    }
    twins = [old.add("twin", zipped("p"), file=f"{number}.zip") for number in range(2)]

    lines, rest = mover.run(expect=1)
    assert rest.startswith("15 moved, 0 already present, 6 skipped")
    assert "6 records were skipped" in rest
    first, second = sorted(twin.id for twin in twins)
    skipped[second] = f"`{first}` has the same project, name, version and precision"
    assert {line.id for line in lines.values() if line.outcome == "skipped"} == set(skipped)
    for identity, why in skipped.items():
        assert why in lines[identity].remarks, lines[identity]
    assert lines[good.id].remarks == lines[folder.id].remarks == ""

    server = mover.installation.serve()
    client = edge(server)
    by_name = {model["name"]: model for model in client.get("/models").json()}
    assert len(by_name) == 15
    remarks = {line.id: line.remarks for line in lines.values()}
    for what, record in odd.items():
        identity = by_name[record.tags["name"]]["id"] if record.tags.get("name") else record.id
        assert remarks[identity], what
        check(client, identity, record)
    assert by_name["short"]["id"].startswith("edge-") and "`abc`" in remarks[by_name["short"]["id"]]
    assert by_name[odd["no name"].id]["id"] == odd["no name"].id
    assert by_name["labels"]["labels"] == [] and by_name["overview"]["overview"] == {}
    assert by_name["capabilities"]["optimization_capabilities"] == "{oops"
    assert (by_name["score"]["score"], by_name["precision"]["precision"]) == (0.0, ["int8]"])
    check(client, folder.id, folder)
    # What reaches outside is kept apart, as it is with an upload.
    assert "quarantined" in remarks[evil.id]
    assert client.get(f"/models/{evil.id}/files").status_code == 403
    # What this API cannot show is kept as a property.
    kept = server.kubeflow("GET", "artifact", params={"externalId": odd["labels"].id}).json()["customProperties"]
    assert "labels" in kept

    # Beside a running server, and again: what is here stays as it is, what has been repaired is imported.
    assert client.delete(f"/models/{good.id}").status_code == 204
    lost = next(record for record in old.records if record.tags.get("name") == "lost")
    lost.content = zipped("found")
    old.s3.put_object(Bucket=old.bucket, Key=lost.object, Body=lost.content)
    old.run(f"UPDATE registered_model_tags SET value = '{len(lost.content)}' WHERE key = 'size' AND name = '{lost.id}'")
    lines, rest = mover.run("--any-size", expect=1)
    assert rest.startswith("3 moved, 14 already present, 4 skipped"), lines
    check(client, good.id, good)
    check(client, lost.id, lost)
    cut = next(record for record in old.records if record.tags.get("name") == "cut")
    check(client, cut.id, cut, size=1000)
    server.stop()
    mover.installation.collect()
    blobs = {record.content for record in [good, folder, evil, lost, cut, twins[0], *odd.values()]}
    # A content that two records share is stored once.
    assert len(mover.installation.kept()) == len(blobs)


def test_a_move_that_is_killed_is_resumed(mover: Mover) -> None:
    old = mover.old
    records = [old.add(f"model {number}", weights(4)) for number in range(16)]
    process = mover.spawn()
    assert process.stdout
    for _ in range(5):
        assert process.stdout.readline().startswith("moved")
    process.kill()
    process.communicate()

    lines, rest = mover.run()
    moved = sum(line.outcome == "moved" for line in lines.values())
    assert 0 < moved <= 11 and rest.startswith(f"{moved} moved, {16 - moved} already present, 0 skipped")
    server = mover.installation.serve()
    client = edge(server)
    for record in records:
        check(client, record.id, record, name=record.tags["name"])
    server.stop()
    mover.installation.collect()
    assert len(mover.installation.kept()) == 16


def test_two_moves_at_once_move_each_record_once(mover: Mover) -> None:
    for number in range(12):
        mover.old.add(f"model {number}", zipped(str(number)))
    processes = [mover.spawn() for _ in range(2)]
    outputs = [process.communicate(timeout=4 * PATIENCE) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    told = [line.split("\t")[0] for output, _ in outputs for line in output.splitlines()[:-1]]
    assert (told.count("moved"), told.count("present")) == (12, 12)
    server = mover.installation.serve()
    assert len(edge(server).get("/models").json()) == 12
    server.stop()


def test_what_is_no_old_deployment_is_said_to_be_none(mover: Mover) -> None:
    old = mover.old
    old.add("model", zipped("a"))
    password = urlsplit(old.url).password or "no-password"
    mover.installation.serve().stop()
    for arguments, said in [
        (["--database-url", "mysql://h/db"], "`--database-url` is not that of PostgreSQL"),
        (["--database-url", old.services.postgres], "has no tables `registered_models`"),
        (["--database-url", "postgresql://u:secret@127.0.0.1:1/db"], "cannot be reached"),
    ]:
        _, rest = mover.run(*arguments, expect=1)
        assert said in rest
        assert "secret" not in rest and password not in rest
    old.bucket = "no-such-bucket"
    _, rest = mover.run(expect=1)
    assert "bucket `no-such-bucket`" in rest and "does not exist" in rest
    server = mover.installation.serve()
    assert edge(server).get("/models").json() == []
    server.stop()


def test_a_source_that_goes_away_ends_the_move_and_keeps_what_came(installation: Installation, tmp_path: Path) -> None:
    with Services.of_its_own() as services:
        mover = Mover(installation, OldDeployment(services), tmp_path / "secret", is_beside=False)
        records = [mover.old.add(f"model {number}", weights(8)) for number in range(12)]
        process = mover.spawn()
        assert process.stdout
        assert process.stdout.readline().startswith("moved")
        services.stop("minio")
        _, errors = process.communicate(timeout=4 * PATIENCE)
        assert process.returncode == 1
        assert "cannot be" in errors or "broke off" in errors, errors
        services.start("minio")
        lines, _ = mover.run()
        assert set(lines) == {record.id for record in records}
        assert {line.outcome for line in lines.values()} == {"moved", "present"}
