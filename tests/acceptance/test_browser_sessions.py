"""Sessions of browsers: logging in by a real OpenID Connect provider, what a cookie may, and how sessions end."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from callers import API, SEEN_AFTER, Accounts, Caller
from harness import Installation, Services, eventually
from idp.provider import Provider
from person import CALLBACK, COOKIE, CSRF, LOGIN, Person

KEYS = {"MODELPORT__AUTH__KEYS": "a key that all of these servers share"}
anywhere = pytest.mark.parametrize("installation", ["embedded"], indirect=True)


class Corporation:
    """A registry whose people log in by a provider."""

    def __init__(self, installation: Installation, provider: Provider, settings: dict[str, str] | None = None):
        self.provider = provider
        client = {
            "URL": provider.issuer,
            "AUDIENCES": "modelport",
            "BROWSER_CLIENT_ID": "modelport-ui",
            "BROWSER_CLIENT_SECRET": "ui-secret",
            "BROWSER_PROMPT": "consent",
        }
        named = {f"MODELPORT__AUTH__ISSUERS__CORP__{name}": value for name, value in client.items()}
        self.accounts = Accounts.of(installation, named | (settings or {}))
        # The provider has to know where the server is.
        provider.stop()
        provider.callback = f"{self.accounts.server.url}{CALLBACK}"
        provider.start()

    def person(self, name: str) -> Person:
        return Person(self.accounts.server, self.provider, name)

    def logged_in(self, name: str) -> Person:
        person = self.person(name)
        person.log_in()
        return person

    def trail(self, action: str, **query: str) -> list[dict]:
        asked = {"action": action, **query}
        return self.accounts.admin.ask("GET", f"{API}/audit", 200, params=asked).json()["items"]


@pytest.fixture
def settings() -> dict[str, str]:
    return {}


@pytest.fixture
def corporation(installation: Installation, tmp_path: Path, settings: dict[str, str]) -> Iterator[Corporation]:
    with Provider(tmp_path) as provider:
        corporation = Corporation(installation, provider, settings)
        yield corporation
        corporation.accounts.server.stop()


def sessions(*, idle: int = 600, longest: int = 600, renewal: int = 600, stale: int = 600) -> dict[str, str]:
    named = {"IDLE": idle, "MAX": longest, "RENEWAL": renewal, "STALE": stale}
    return {f"MODELPORT__AUTH__SESSIONS__{name}_SECONDS": str(seconds) for name, seconds in named.items()}


def shortly(**named: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("settings", [sessions(**named)], ids=["shortly"])


def test_from_the_login_to_the_logout(corporation: Corporation) -> None:
    accounts = corporation.accounts
    accounts.bind("writer", group="corp:ml-team")
    bob = corporation.person("bob")
    [login] = bob.http.get(f"{API}/login").json()["items"]
    assert login == {"issuer": "corp", "url": f"{accounts.server.url}{LOGIN}"}
    assert bob.status() == 401

    ended = bob.log_in("/models/digits?version=1#files")
    assert ended.headers["location"] == "/models/digits?version=1#files"
    assert ended.headers["cache-control"] == "no-store"
    [cookie] = [each for each in ended.headers.get_list("set-cookie") if each.startswith(f"{COOKIE}=")]
    attributes = [each.strip() for each in cookie.split(";")[1:]]
    assert {"Path=/", "HttpOnly", "SameSite=Lax"} < set(attributes) and "Domain" not in cookie
    who = bob.whoami()
    assert (who["principal"]["issuer"], who["principal"]["subject"]) == ("corp", "bob")
    assert who["groups"] == [{"issuer": "corp", "name": "ml-team"}]
    assert who["session"]["endsAt"] - who["session"]["createdAt"] == 24 * 60 * 60 * 1000
    # What is read by a cookie is not for caches that others share.
    assert bob.http.get(f"{API}/whoami").headers["cache-control"] == "private, no-cache"

    # A change needs what only a page of this server can read.
    assert bob.put("digits") == bob.put("digits", **{CSRF: "wrong"}) == 403
    assert bob.put("digits", **{CSRF: bob.csrf, "Sec_Fetch_Site": "cross-site"}) == 403
    assert bob.put("digits", **{CSRF: bob.csrf}) == 201
    assert accounts.admin.models() == ["digits"]
    # A token beside the cookie decides.
    assert bob.put("digits", Authorization=f"Bearer {accounts.admin.token}") in (200, 201)
    assert bob.http.get(f"{API}/whoami", headers={"Authorization": "Bearer nonsense"}).status_code == 401

    assert bob.http.post(f"{API}/logout").status_code == 403
    taken = bob.at(accounts.server)
    gone = bob.log_out()
    assert (gone.status_code, bob.cookie()) == (204, None)
    assert bob.status() == taken.status() == 401
    # The browser forgets what counts no longer, so that it is not in the way.
    assert taken.cookie() is None
    done = eventually(lambda: corporation.trail("logout"), "the entry of the logout")
    assert [entry["details"] for entry in done] == [{"reason": "logout"}]
    assert any(entry["outcome"] == "done" for entry in corporation.trail("login"))


@anywhere
def test_other_listeners_and_protocols(corporation: Corporation) -> None:
    corporation.accounts.bind("writer", group="corp:ml-team")
    bob = corporation.logged_in("bob")
    server = corporation.accounts.server
    assert bob.http.get("/api/model_registry/v1/registered_models").status_code == 200
    # Cookies know no ports; the other listeners take none.
    with httpx.Client(cookies={COOKIE: bob.cookie()}, trust_env=False) as http:
        assert http.get(f"http://127.0.0.1:{server.edge_port}/models").status_code == 401
    # Where several cookies have the name, nobody knows who set them.
    twice = httpx.get(f"{server.url}{API}/whoami", headers={"Cookie": f"{COOKIE}={bob.cookie()}; {COOKIE}=x"})
    assert twice.status_code == 401


@anywhere
def test_what_an_answer_of_the_issuer_has_to_be(corporation: Corporation) -> None:
    good = corporation.person("bob")
    answer = good.answer_of_issuer(good.begin())
    stranger = corporation.person("bob")
    # Another browser, another state, another issuer, none of its answers.
    assert stranger.complete(answer).status_code == 401
    for wrong in [
        {"state": "x"},
        {"state": ""},
        {"iss": "https://elsewhere.example"},
        {"error": "access_denied"},
        {"code": "made-up"},
    ]:
        person = corporation.person("bob")
        own = person.answer_of_issuer(person.begin())
        refused = person.complete(own | wrong)
        assert (refused.status_code, person.cookie()) == (401, None), wrong
    for missing in ["state", "code", "iss"]:
        person = corporation.person("bob")
        own = person.answer_of_issuer(person.begin())
        del own[missing]
        assert person.complete(own).status_code == 401, missing
    # What an issuer says besides does not count.
    assert good.complete(answer | {"session_state": "abc"}).status_code == 303
    eventually(lambda: any(e["outcome"] == "unauthenticated" for e in corporation.trail("login")), "failed logins")


@anywhere
def test_a_code_counts_once(corporation: Corporation) -> None:
    bob = corporation.person("bob")
    answer = bob.answer_of_issuer(bob.begin())
    under_way = bob.http.cookies.get("modelport-login")
    assert bob.complete(answer).status_code == 303
    # The browser has forgotten the login.
    assert bob.complete(answer).status_code == 401
    # Whoever kept its cookie is refused by the issuer.
    kept = corporation.person("bob")
    kept.http.cookies.set("modelport-login", under_way, domain="127.0.0.1", path="/")
    assert kept.complete(answer).status_code == 401


@anywhere
@pytest.mark.parametrize("settings", [{"MODELPORT__LIMITS__FAILED_LOGINS_PER_MINUTE": "3"}], ids=["limited"])
def test_too_many_answers_that_do_not_count(corporation: Corporation) -> None:
    guesser = corporation.person("bob")
    guesses = [guesser.complete({"code": "a", "state": str(number)}) for number in range(5)]
    assert [guess.status_code for guess in guesses] == [401] * 3 + [429] * 2
    assert 1 <= int(guesses[-1].headers["retry-after"]) <= 20
    # What counts is never refused for those.
    assert corporation.logged_in("bob").status() == 200


@anywhere
def test_a_login_leads_nowhere_else(corporation: Corporation) -> None:
    bob = corporation.person("bob")
    for elsewhere in ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "evil", "/\t/x"]:
        answer = bob.http.get(LOGIN, params={"next": elsewhere})
        assert (answer.status_code, answer.json()["field"]) == (400, "next"), elsewhere
    assert bob.http.get(f"{API}/login/nobody").status_code == 404
    sent = parse_qs(urlsplit(bob.begin()).query)
    assert sent["code_challenge_method"] == ["S256"] and len(sent["nonce"][0]) == 43
    assert sent["redirect_uri"] == [corporation.provider.callback]


@anywhere
@shortly(renewal=1)
def test_groups_are_taken_anew(corporation: Corporation) -> None:
    accounts, provider = corporation.accounts, corporation.provider
    accounts.admin.put("digits")
    accounts.bind("reader", group="corp:ml-team")
    bob = corporation.logged_in("bob")

    def models() -> int:
        return len(bob.http.get("/api/model_registry/v1/registered_models").json()["items"])

    assert models() == 1
    provider.users["bob"] = {"groups": []}
    provider.configure()
    eventually(lambda: models() == 0, "the removal from the group")
    provider.users["bob"] = {"groups": ["ml-team"]}
    provider.configure()
    # By then the refresh token has been replaced several times.
    eventually(lambda: models() == 1, "the return to the group")
    provider.gone.append("bob")
    provider.configure()
    eventually(lambda: bob.status() == 401, "the end of the session of a user who is gone")
    ended = eventually(lambda: corporation.trail("logout"), "the entry of the end")
    assert [entry["details"]["reason"] for entry in ended] == ["the issuer did not confirm it"]


@anywhere
@shortly(renewal=1, stale=4)
def test_a_provider_that_is_down(corporation: Corporation) -> None:
    provider = corporation.provider
    bob = corporation.logged_in("bob")
    new = corporation.person("bob")
    provider.stop()
    began = time.monotonic()
    statuses = []
    while time.monotonic() - began < 3:
        statuses.append(bob.status())
    # What it said counts for a while, and then nobody knows; that ends no session.
    assert set(statuses) == {200}
    eventually(lambda: bob.status() in (502, 503), "the end of what was said")
    assert bob.cookie()
    eventually(lambda: new.http.get(LOGIN).status_code in (502, 503, 303), "an answer")
    provider.start()
    # It has forgotten whose refresh token that was; an attempt is made when the pause is over.
    eventually(lambda: bob.status() == 401, "the word of the provider", 60)


@anywhere
@shortly(idle=2)
def test_a_session_that_is_not_used(corporation: Corporation) -> None:
    bob = corporation.logged_in("bob")
    for _ in range(6):
        time.sleep(0.5)
        assert bob.status() == 200
    time.sleep(2.5)
    assert bob.status() == 401


@anywhere
@shortly(longest=3)
def test_a_session_that_is_old(corporation: Corporation) -> None:
    bob = corporation.logged_in("bob")
    assert bob.status() == 200
    eventually(lambda: bob.status() == 401, "the end of the session", 10)


def test_accounts_that_count_no_longer(corporation: Corporation) -> None:
    admin = corporation.accounts.admin
    bob = corporation.logged_in("bob")
    handle = bob.whoami()["principal"]["handle"]
    admin.ask("PATCH", f"{API}/principals/{handle}", 200, json={"disabled": True})
    assert bob.status() == 401
    assert bob.complete(bob.answer_of_issuer(bob.begin())).status_code == 401
    admin.ask("PATCH", f"{API}/principals/{handle}", 200, json={"disabled": False})
    assert bob.status() == 401
    # The issuer says the time in seconds.
    time.sleep(1)
    bob.log_in()
    admin.ask("POST", f"{API}/principals/{handle}/logout")
    assert bob.status() == 401


def test_on_two_replicas(services: Services, tmp_path: Path) -> None:
    with Installation.production(tmp_path, services) as installation, Provider(tmp_path) as provider:
        installation.run("migrate")
        corporation = Corporation(installation, provider, KEYS | sessions(renewal=1))
        other = installation.serve(variables={"MODELPORT__SERVER__PUBLIC_URL": corporation.accounts.server.url})
        corporation.accounts.bind("writer", group="corp:ml-team")
        bob = corporation.logged_in("bob")
        elsewhere = bob.at(other)
        # Both ask the issuer anew, whose refresh tokens count once.
        began = time.monotonic()
        while time.monotonic() - began < 6:
            assert bob.status() == elsewhere.status() == 200
        time.sleep(SEEN_AFTER)
        assert elsewhere.put("digits", **{CSRF: bob.csrf}) == 201
        assert bob.log_out().status_code == 204
        time.sleep(SEEN_AFTER)
        assert elsewhere.status() == 401
        # A login that one begins another ends.
        answer = bob.answer_of_issuer(bob.begin())
        second = Person(other, provider, "bob")
        second.http.cookies.set("modelport-login", bob.http.cookies["modelport-login"], domain="127.0.0.1", path="/")
        assert second.complete(answer).status_code == 303 and second.status() == 200


@anywhere
def test_without_accounts_there_are_no_logins(installation: Installation) -> None:
    server = installation.serve()
    anybody = Caller(server)
    assert anybody.ask("GET", f"{API}/login", 200).json() == {"items": []}
    assert anybody.status("GET", LOGIN) == anybody.status("GET", CALLBACK) == 404
    assert anybody.status("POST", f"{API}/logout") == 204


@pytest.fixture
def with_pages(installation: Installation, tmp_path: Path) -> Iterator[Corporation]:
    """One that has MLflow's own pages, of which a page without anything is enough."""
    folder = tmp_path / "pages"
    (folder / "static").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>MLflow</title>")
    (folder / "static/a.js").write_text("1")
    with Provider(tmp_path) as provider:
        corporation = Corporation(installation, provider, {"MODELPORT__MLFLOW__STATIC_DIR": str(folder)})
        yield corporation
        corporation.accounts.server.stop()


@anywhere
def test_pages_of_mlflow_change_something_without_the_header(with_pages: Corporation) -> None:
    with_pages.accounts.bind("writer", group="corp:ml-team")
    bob, made = with_pages.logged_in("bob"), []

    def asked(prefix: str, *sites: str, **headers: str) -> int:
        sent = [(name.replace("_", "-"), value) for name, value in headers.items()]
        sent += [("Sec-Fetch-Site", site) for site in sites]
        made.append(f"m{len(made)}")
        url = f"{prefix}/ajax-api/2.0/mlflow/registered-models/create"
        return bob.http.post(url, json={"name": made[-1]}, headers=sent).status_code

    for prefix in ("/mlflow", "/w/default/mlflow"):
        assert asked(prefix, "same-origin") == 200
        for sites in [(), ("none",), ("same-site",), ("cross-site",), ("same-origin", "same-origin"), ("same-origin", "none")]:
            assert asked(prefix, *sites) == 403, sites
        assert asked(prefix, "cross-site", Origin="https://evil.example") == 403
        assert asked(prefix, Origin=with_pages.accounts.server.url) == 403
    # What is no page of MLflow's needs the header as ever.
    assert asked("", "same-origin") == 403
    assert asked("", "same-origin", X_Modelport_CSRF=bob.csrf) == 200
    assert asked("/mlflow", X_Modelport_CSRF=bob.csrf) == 200


@anywhere
def test_whoever_wants_pages_of_mlflow_is_asked_to_log_in(with_pages: Corporation) -> None:
    server, wanted = with_pages.accounts.server, {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
    bob = with_pages.person("bob")
    for path in ("/mlflow/", "/w/default/mlflow/?x=1"):
        page = bob.http.get(path, headers=wanted)
        assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert page.headers["www-authenticate"] == 'Bearer realm="modelport"'
        [link] = re.findall(r'<a href="([^"]+)">corp</a>', page.text)
        # By the link they log in, and get where they wanted to.
        begun = bob.http.get(link)
        ended = bob.complete(bob.answer_of_issuer(begun.headers["location"]))
        assert ended.headers["location"] == path
        assert "<title>MLflow</title>" in bob.http.get(path, headers=wanted).text
        bob.csrf = bob.whoami()["session"]["csrf"]
        assert bob.log_out().status_code == 204
    # The files are the same for everybody; what is no page and whoever is no browser are answered in the words of the API.
    assert bob.http.get("/mlflow/static-files/static/a.js").status_code == 200
    for path, headers in [("/mlflow/", {}), ("/ajax-api/2.0/mlflow/experiments/search", wanted)]:
        refused = server.http.get(path, headers=headers)
        assert (refused.status_code, refused.json()["error_code"]) == (401, "UNAUTHENTICATED")
