"""Files that clients read from the bucket itself."""

import os
import time

import httpx
import pytest
from harness import Installation
from model_registry import ModelRegistry

DATA = os.urandom(3 * 2**20 + 7)
PATH = "/api/v1/models/digits/versions/1.0/files/a%20folder/n%C3%A4me.data"


@pytest.fixture
def answers(installation: Installation, request) -> tuple[httpx.Client, str]:
    """A server that sends clients to the bucket for so many seconds."""
    installation.settings["MODELPORT__ARTIFACTS__REDIRECT_SECONDS"] = str(getattr(request, "param", 60))
    server = installation.serve()
    answer = server.http.put(PATH, content=DATA, headers={"Content-Type": "application/x-onnx"})
    assert answer.status_code == 201, answer.text
    return server.http, installation.store.url.partition(":")[0]


def test_a_download_goes_to_the_bucket(answers) -> None:
    http, store = answers
    here = http.head(PATH)
    assert (here.status_code, here.headers["content-length"]) == (200, str(len(DATA)))
    answer = http.get(PATH)
    if store == "file":
        # There is no bucket to go to.
        assert (answer.status_code, answer.content) == (200, DATA)
        return
    assert answer.status_code == 307
    assert not answer.content
    assert answer.headers["etag"] == here.headers["etag"]
    assert answer.headers["cache-control"] == "no-store"
    link = answer.headers["location"]
    assert not link.startswith(str(http.base_url))
    whole = httpx.get(link, trust_env=False)
    assert (whole.status_code, whole.content) == (200, DATA)
    assert whole.headers["content-type"] == "application/x-onnx"
    assert whole.headers["content-disposition"] == here.headers["content-disposition"]
    part = http.get(PATH, headers={"Range": "bytes=5-9"}, follow_redirects=True)
    assert (part.status_code, part.content) == (206, DATA[5:10])
    # Nobody goes there with what they do not have to fetch, or may not change.
    assert http.get(PATH, headers={"If-None-Match": here.headers["etag"]}).status_code == 304
    assert http.get(PATH, headers={"If-Match": '"other"'}).status_code == 412
    assert http.get(PATH + "x").status_code == 404
    assert httpx.put(link, content=b"other", trust_env=False).status_code == 403
    assert httpx.get(link.replace("Expires=60", "Expires=600"), trust_env=False).status_code == 403


@pytest.mark.parametrize("answers", [1], indirect=True)
def test_a_link_ends(answers) -> None:
    http, store = answers
    answer = http.get(PATH)
    if store == "file":
        assert answer.status_code == 200
        return
    link = answer.headers["location"]
    deadline = time.monotonic() + 30
    while httpx.get(link, trust_env=False).status_code != 403:
        assert time.monotonic() < deadline, "the link does not end"
        time.sleep(0.2)
    assert http.get(PATH, follow_redirects=True).content == DATA


def test_the_stock_client_is_sent_on(answers, installation: Installation) -> None:
    server = installation.servers[0]
    client: ModelRegistry = server.client()
    uri = client.get_model_artifact("digits", "1.0").uri
    assert httpx.get(uri, follow_redirects=True, trust_env=False).content == DATA


def test_no_link_is_for_longer_than_seven_days(installation: Installation) -> None:
    installation.settings["MODELPORT__ARTIFACTS__REDIRECT_SECONDS"] = "604801"
    assert "artifacts.redirect_seconds" in installation.run("config", "print", expect=1)
