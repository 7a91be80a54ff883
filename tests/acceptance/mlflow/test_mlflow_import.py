"""`modelport import mlflow`: what MLflow's own server has is here afterwards, as the stock client sees it at either."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from harness import PATIENCE, Installation, Server, eventually
from mlflow.entities import Metric
from moving import Gate, at, fill, seen
from reference import Reference

pytestmark = pytest.mark.ours


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    """MLflow's own server, full of everything. Tests leave it as it is."""
    folder = tmp_path_factory.mktemp("old")
    with Reference(folder) as server:
        fill(server, folder)
        yield server


@pytest.fixture(scope="module")
def all_of_it(old: Reference) -> dict:
    return seen(old)


@pytest.fixture(params=["embedded", "production"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    with Installation.migrated(request.param, tmp_path, lambda: request.getfixturevalue("services")) as made:
        yield made


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Installation]:
    with Installation.migrated("embedded", tmp_path, lambda: None) as made:
        yield made


def import_from(installation: Installation, url: str, *arguments: str, expect: int = 0) -> str:
    return installation.run("import", "mlflow", "--from", url, *arguments, expect=expect)


def totals(output: str) -> dict[str, str]:
    """What the command says in the end of each kind."""
    lines = [line.partition(": ") for line in output.splitlines() if "unchanged" in line and "\t" not in line]
    return {kind: counts for kind, _, counts in lines}


def changes(server: Server) -> list[dict]:
    answer = server.http.get("/api/v1/changes", params={"limit": "10000"})
    assert answer.status_code == 200, answer.text
    found = answer.json()["items"]
    assert 100 < len(found) < 10_000
    return found


def check(old: dict, server: Server) -> None:
    """That the server shows what the old one showed."""
    ours = seen(server)
    for kind, all_there in old.items():
        assert ours[kind].keys() == all_there.keys(), kind
        for identity, there in all_there.items():
            here = ours[kind][identity]
            differing = {key for key in there.keys() | here.keys() if there.get(key) != here.get(key)}
            assert not differing, (kind, identity, {key: (there.get(key), here.get(key)) for key in differing})


def test_all_of_it_is_here_and_stays_so(old: Reference, all_of_it: dict, installation: Installation):
    output = import_from(installation, old.url)
    said = totals(output)
    assert said["experiments"] == "4 imported, 0 updated, 0 unchanged, 0 left"
    assert said["runs"] == "6 imported, 0 updated, 0 unchanged, 0 left"
    assert said["logged models"] == "4 imported, 0 updated, 0 unchanged, 0 left"
    assert said["registered models"] == "2 imported, 0 updated, 0 unchanged, 0 left"
    assert said["prompts"] == "1 imported, 0 updated, 0 unchanged, 0 left"
    assert said["versions"] == "6 imported, 0 updated, 0 unchanged, 0 left"
    server = installation.serve()
    check(all_of_it, server)
    changed = changes(server)
    again = import_from(installation, old.url)
    assert all("0 imported, 0 updated" in counts and ", 0 left" in counts for counts in totals(again).values()), again
    assert "0 bytes fetched" in again
    assert changes(server) == changed
    check(all_of_it, server)


def test_it_goes_on_wherever_it_was_cut_off(old: Reference, all_of_it: dict, embedded: Installation):
    """Killed at one request after the other, each time a few later."""
    kills = 0
    with Gate(old.url) as gate:
        for after in [2, 5, 9, 14, 20, 27, 35, 44]:
            gate.asked = 0
            process = embedded.spawn("import", "mlflow", "--from", gate.url, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

            def kill(number: int, process=process, after=after) -> str | None:
                if number < after:
                    return None
                process.send_signal(signal.SIGKILL)
                return "drop"

            gate.on_request = kill
            process.communicate(timeout=4 * PATIENCE)
            kills += process.returncode == -signal.SIGKILL
        gate.on_request = lambda _number: None
        import_from(embedded, gate.url)
    assert kills >= 6
    check(all_of_it, embedded.serve())


def test_a_source_that_goes_away_ends_it_with_the_reason(old: Reference, all_of_it: dict, embedded: Installation):
    with Gate(old.url) as gate:
        gate.on_request = lambda number: "drop" if number > 25 else None
        output = import_from(embedded, gate.url, expect=1)
        assert "cannot be reached" in output and "goes on from there" in output
        gate.on_request = lambda _number: None
        import_from(embedded, gate.url)
    check(all_of_it, embedded.serve())


def test_two_at_once_make_each_thing_once(old: Reference, all_of_it: dict, installation: Installation):
    command = ("import", "mlflow", "--from", old.url)
    both = [installation.spawn(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=4 * PATIENCE)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    check(all_of_it, installation.serve())


def test_what_is_new_there_is_here_after_the_next_import(tmp_path: Path, embedded: Installation):
    (tmp_path / "old").mkdir()
    with Reference(tmp_path / "old") as server:
        with at(server) as client:
            experiment = client.create_experiment("growing")
            run = client.create_run(experiment, tags={"mlflow.user": "ann"}).info.run_id
            client.log_metric(run, "loss", 1.0, timestamp=10, step=5)
            client.create_registered_model("m")
        import_from(embedded, server.url)
        with at(server) as client:
            # Of an earlier step than the latest, and a run that goes on.
            client.log_batch(run, [Metric("loss", 2.0, 5, 1)])
            client.set_tag(run, "new", "tag")
            client.log_text(run, "text", "a.txt")
            client.set_experiment_tag(experiment, "k", "v")
            client.create_model_version("m", f"runs:/{run}/", run)
            client.set_registered_model_alias("m", "a", "1")
            client.create_run(experiment, run_name="second", tags={"mlflow.user": "ann"})
        output = import_from(embedded, server.url)
        said = totals(output)
        assert said["runs"] == "1 imported, 1 updated, 0 unchanged, 0 left"
        assert said["versions"] == "1 imported, 0 updated, 0 unchanged, 0 left"
        with at(server) as client:
            client.set_terminated(run, "FINISHED", end_time=99)
        import_from(embedded, server.url)
        check(seen(server), embedded.serve())


def test_what_is_named_alone_is_imported(old: Reference, all_of_it: dict, embedded: Installation):
    import_from(embedded, old.url, "--models", "fraud model", "greeting")
    server = embedded.serve()
    ours = seen(server)
    assert not ours["runs"] and ours["models"].keys() == {"fraud model", "greeting"}
    # Without their runs the files of versions come from the old server's proxy.
    for number, there in all_of_it["models"]["fraud model"]["versions"].items():
        assert ours["models"]["fraud model"]["versions"][number] == there, number
    import_from(embedded, old.url, "--experiments", "leftovers")
    assert seen(server)["experiments"].keys() == {"leftovers"}
    assert "has no experiment `nothing`" in import_from(embedded, old.url, "--experiments", "nothing", expect=1)


def test_a_dry_run_changes_nothing(old: Reference, embedded: Installation):
    output = import_from(embedded, old.url, "--dry-run")
    assert totals(output)["runs"] == "6 to import, 0 to update, 0 unchanged, 0 left"
    ours = seen(embedded.serve())
    assert not any(ours.values())


def test_what_is_here_already_is_not_overwritten(old: Reference, embedded: Installation):
    server = embedded.serve()
    with at(server) as client:
        client.create_registered_model("fraud model", description="ours")
        client.create_experiment("fraud", tags={"ours": "yes"})
    output = import_from(embedded, old.url, expect=1)
    assert "registered model\tfraud model\tanother one of that name is here" in output
    ours = seen(server)
    assert ours["models"]["fraud model"]["description"] == "ours" and not ours["models"]["fraud model"]["versions"]
    assert ours["experiments"]["fraud"]["tags"] == {"ours": "yes"}
    assert sum(each["experiment"] == "fraud" for each in ours["runs"].values()) == 2


def test_into_a_workspace(old: Reference, all_of_it: dict, embedded: Installation):
    embedded.run("admin", "workspace", "create", "team-a")
    import_from(embedded, old.url, "--workspace", "team-a")
    server = embedded.serve()
    assert not seen(server)["runs"]
    server.url += "/w/team-a"
    check(all_of_it, server)
    # The ids of runs are the registry's: another workspace does not get them, too.
    output = import_from(embedded, old.url, "--experiments", "leftovers", expect=1)
    assert totals(output)["runs"] == "0 imported, 0 updated, 0 unchanged, 2 left"
    assert "internal error" not in output


def test_files_that_the_server_does_not_give_out_are_said(tmp_path: Path, embedded: Installation):
    """Artifacts in a bucket that the server cannot read."""
    (tmp_path / "old").mkdir()
    with Reference(tmp_path / "old") as server:
        with at(server) as client:
            experiment = client.create_experiment("elsewhere", artifact_location="s3://no-such-bucket/place")
            run = client.create_run(experiment, tags={"mlflow.user": "ann"})
            client.set_terminated(run.info.run_id)
        output = import_from(embedded, server.url, expect=1)
        assert f"run {run.info.run_id}" in output and "cannot be listed" in output
        assert totals(output)["runs"] == "0 imported, 0 updated, 0 unchanged, 1 left"
        ours = embedded.serve()
        with at(ours) as client:
            assert client.get_run(run.info.run_id).info.artifact_uri == run.info.artifact_uri


@pytest.mark.parametrize(
    ("path", "status", "body", "why"),
    [
        ("/version", 401, "{}", "does not accept the credentials (401)"),
        ("/api/2.0/mlflow/experiments/search", 200, "<html>", "is a page, and no JSON"),
        ("/api/2.0/mlflow/experiments/search", 200, '{"experiments": [{"id": 1}]}', "not MLflow's"),
        ("/api/2.0/mlflow/experiments/search", 302, "", "redirection"),
        ("/api/2.0/mlflow/experiments/search", 404, "not found", "answers 404"),
    ],
)
def test_what_is_no_tracking_server_is_said(path, status, body, why, embedded: Installation, answering: Callable):
    with answering({path: (status, body)}) as url:
        assert why in import_from(embedded, url, expect=1)


@pytest.fixture
def answering() -> Callable:
    """A server with nothing but these answers."""

    def made(answers: dict[str, tuple[int, str]]) -> Gate:
        class Answering(Gate):
            def __enter__(self) -> str:
                def answer(request: httpx.Request) -> httpx.Response:
                    status, body = answers.get(request.url.path, (404, "{}"))
                    return httpx.Response(status, text=body)

                self.http = httpx.Client(base_url=self.upstream, transport=httpx.MockTransport(answer))
                super().__enter__()
                return self.url

        return Answering("http://upstream")

    return made


def test_an_address_that_nobody_has_is_said(embedded: Installation):
    assert "does not begin with" in import_from(embedded, "ftp://there", expect=1)
    assert "no tracking server `old`" in import_from(embedded, "old", expect=1)


def test_credentials_come_from_files_and_variables(old: Reference, embedded: Installation, tmp_path: Path):
    seen_headers = set()
    with Gate(old.url) as gate:
        gate.http.event_hooks["request"] = [lambda request: seen_headers.add(request.headers.get("Authorization"))]
        token = tmp_path / "token"
        token.write_text("secret\n")
        only = ("--models", "it's empty")
        import_from(embedded, gate.url, "--token-file", str(token), *only)
        assert seen_headers == {"Bearer secret"}
        seen_headers.clear()
        import_from(embedded, gate.url, "--username", "ann", "--password-file", str(token), *only)
        assert seen_headers == {"Basic YW5uOnNlY3JldA=="}
        settings = tmp_path / "settings.toml"
        settings.write_text(f'[imports.mlflow.old]\nurl = "{gate.url}"\ntoken_file = "{token}"\n')
        seen_headers.clear()
        embedded.run("--config", str(settings), "import", "mlflow", "--from", "old", *only)
        assert seen_headers == {"Bearer secret"}


def test_a_job_imports_from_a_server_of_the_settings(old: Reference, all_of_it: dict, embedded: Installation):
    server = embedded.serve(variables={"MODELPORT__IMPORTS__MLFLOW__OLD__URL": old.url})
    refused = server.http.post("/api/v1/imports/mlflow", json={"source": "nowhere"})
    assert (refused.status_code, refused.json()["field"]) == (400, "source")
    begun = server.http.post("/api/v1/imports/mlflow", json={"source": "old"})
    assert begun.status_code == 202, begun.text
    place = f"/api/v1/imports/mlflow/{begun.json()['id']}"

    def ended() -> dict | None:
        job = server.http.get(place).json()
        return job if job["state"] not in ("queued", "running") else None

    job = eventually(ended, "the end of an import", 4 * PATIENCE)
    assert (job["state"], job["remarks"]) == ("succeeded", []), job
    assert {"kind": "runs", "imported": 6, "updated": 0, "unchanged": 0, "left": 0} in job["counts"]
    listed = server.http.get("/api/v1/imports/mlflow").json()["items"]
    assert [each["id"] for each in listed] == [job["id"]]
    assert server.http.delete(place).status_code == 409
    check(all_of_it, server)


def test_from_another_modelport(old: Reference, all_of_it: dict, embedded: Installation, tmp_path: Path):
    """What was brought in goes on to the next server by the same API."""
    import_from(embedded, old.url)
    first = embedded.serve()
    (tmp_path / "next").mkdir()
    with Installation.migrated("embedded", tmp_path / "next", lambda: None) as following:
        import_from(following, first.url)
        check(all_of_it, following.serve())
