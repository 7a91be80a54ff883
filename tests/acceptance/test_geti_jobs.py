"""Imports as jobs: cancelled, cut off by a crash or a shutdown, large, in rivalry, and from the command line."""

import itertools
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from geti_client import LONG, PACKAGE, QUICK, bytes_of, ended, look, members, models, start
from geti_seed import MIB, TASKS
from geti_server import Geti
from harness import Installation, Server, Services, eventually


@pytest.mark.parametrize("geti", [{"seconds": 60.0}], indirect=True)
def test_an_import_is_cancelled(geti: Geti, importer: Server) -> None:
    job = start(importer, geti.project("detection")["id"])
    eventually(lambda: geti.asked(PACKAGE), "a download")
    running = look(importer, job)
    assert (running["state"], running["cancelling"]) == ("running", False)
    answer = importer.http.delete(f"/api/v1/imports/{job}")
    assert (answer.status_code, answer.json()["cancelling"]) == (200, True)
    found = ended(importer, job, seconds=10)
    assert found["state"] == "cancelled"
    assert importer.http.delete(f"/api/v1/imports/{job}").status_code == 409
    assert models(importer) == []
    assert len(geti.asked(PACKAGE)) == 1
    text = importer.http.get("/metrics").text
    eventually(
        lambda: 'modelport_jobs{kind="geti.import",state="cancelled"} 1' in importer.http.get("/metrics").text,
        f"the figure in {text}",
    )


def test_a_crash_in_the_middle(geti: Geti, set_up: Installation) -> None:
    geti.seconds = 1.0
    server = set_up.serve()
    job = start(server, geti.project("detection")["id"])
    eventually(lambda: len(geti.asked(PACKAGE)) == 3, "the third download")
    server.kill()
    geti.seconds = 0.0
    server = set_up.serve()
    found = ended(server, job)
    assert (found["state"], found["attempts"]) == ("succeeded", 2), found
    # What the first attempt brought in is its work, and is not asked for again.
    assert [each["outcome"] for each in found["results"]] == ["imported"] * 6
    assert len(geti.asked(PACKAGE)) == 7
    expected = {each["id"]: 1 for each in geti.models("detection")}
    assert Counter(each["externalId"] for each in models(server)) == expected
    server.stop()


def test_a_shutdown_hands_back(geti: Geti, set_up: Installation) -> None:
    geti.seconds = 30.0
    server = set_up.serve()
    job = start(server, geti.project("detection")["id"])
    eventually(lambda: geti.asked(PACKAGE), "a download")
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 10
    geti.seconds = 0.0
    server = set_up.serve()
    found = ended(server, job, seconds=20)
    # The attempt that was cut off does not count.
    assert (found["state"], found["attempts"]) == ("succeeded", 1), found
    server.stop()
    set_up.collect()
    assert len(set_up.store.objects()) == 6


def test_a_large_package_takes_no_memory(geti: Geti, importer: Server, figures: list[str]) -> None:
    wanted, size = geti.models("detection")[0]["id"], 2048 * MIB if LONG else 64 * MIB
    warm = geti.models("detection")[1]["id"]
    project = geti.project("detection")["id"]
    assert ended(importer, start(importer, project, warm))["state"] == "succeeded"
    before = importer.memory("VmHWM")
    geti.sizes[wanted] = size
    began = time.monotonic()
    job = ended(importer, start(importer, project, wanted), seconds=1800)
    took = time.monotonic() - began
    assert job["state"] == "succeeded", job
    grown = importer.memory("VmHWM") - before
    files = importer.http.get(f"/api/v1/artifacts/{job['results'][0]['artifactId']}/files").json()["items"]
    assert files[0]["size"] > size
    memory = f"{grown / MIB:.1f} MiB of memory (limit 96 MiB)"
    figures.append(f"import of a package of {size // MIB} MiB from Geti: {took:.1f} s, {memory}")
    assert grown < 96 * MIB


def test_rival_replicas_bring_in_each_model_once(services: Services, geti: Geti, tmp_path: Path) -> None:
    """Fifty imports, two replicas over one PostgreSQL and one bucket, of which one is killed in the middle."""
    with Installation.production(tmp_path, services) as installation:
        installation.settings |= {**QUICK, **geti.settings(), "MODELPORT__JOBS__ATTEMPTS": "5"}
        installation.run("migrate")
        one, other = installation.serve(), installation.serve()
        names = itertools.islice(itertools.cycle(TASKS), 50)
        servers = itertools.cycle([one, other])
        jobs = [start(server, geti.project(name)["id"]) for name, server in zip(names, servers, strict=False)]
        eventually(lambda: len(geti.asked(PACKAGE)) > 10, "some downloads")
        one.kill()
        found = [ended(other, job, seconds=240) for job in jobs]
        assert [each for each in found if each["state"] != "succeeded"] == []
        projects = {each["id"]: name for name in TASKS for each in geti.models(name)}
        expected = dict.fromkeys(projects, 1)
        known = models(other)
        assert Counter(each["externalId"] for each in known) == expected
        listed = {each["id"]: each["artifactId"] for job in found for each in job["results"]}
        assert len(listed) == len(expected)
        for model, identifier in listed.items():
            folder = projects[model].replace(" ", "-")
            assert members(bytes_of(other, identifier), folder) == members(geti.package(model))
        other.stop()
        installation.settings["MODELPORT__JOBS__WORKERS"] = "0"
        installation.collect()
        assert len(installation.store.objects()) == len(expected)


def test_the_command(geti: Geti, set_up: Installation) -> None:
    project, wanted = geti.project("detection")["id"], geti.models("detection")[0]["id"]
    shown = set_up.run("import", "geti", "projects")
    assert f"{project}\tdetection\n" in shown
    assert f"  {wanted}\tNet-detection OpenVINO FP16, version 2\n" in shown
    # Without a server, the command does the work.
    shown = set_up.run("import", "geti", "start", "--project", project, "--model", wanted)
    assert f"{wanted}\timported\tNet-detection OpenVINO FP16\tdetection - Net-detection, version 2\n" in shown
    shown = set_up.run("import", "geti", "start", "--project", "6" * 24, expect=1)
    assert "import 2 failed" in shown
    shown = set_up.run("import", "geti", "start", "--project", project, "--no-wait")
    assert "import 3\n" in shown
    assert "import 3 is cancelled\n" in set_up.run("import", "geti", "cancel", "3")
    lines = set_up.run("import", "geti", "list").splitlines()
    assert [line.split("\t")[:2] for line in lines] == [["3", "cancelled"], ["2", "failed"], ["1", "succeeded"]]
    assert "import 3 cancelled" in set_up.run("import", "geti", "watch", "3", expect=1)


def test_imports_are_listed_in_pages(geti: Geti, set_up: Installation) -> None:
    set_up.settings["MODELPORT__JOBS__WORKERS"] = "0"
    server = set_up.serve()
    jobs = [start(server, geti.project("detection")["id"]) for _ in range(5)]
    found, token = [], ""
    while True:
        query = httpx.QueryParams({"pageSize": 2, **({"nextPageToken": token} if token else {})})
        page = server.http.get("/api/v1/imports", params=query).json()
        found += [each["id"] for each in page["items"]]
        if not (token := page["nextPageToken"]):
            break
    assert found == jobs[::-1]
    assert server.http.delete(f"/api/v1/imports/{jobs[0]}").json()["state"] == "cancelled"
    assert geti.log == []
    server.stop()
