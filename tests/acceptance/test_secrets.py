"""No credential of a run stands anywhere but where its owner keeps it."""

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from callers import API, Accounts, Caller
from harness import Installation, eventually
from idp.provider import Provider
from person import CALLBACK, COOKIE, CSRF, Person
from signing import Cluster, Key, claims
from terminal import Asked, Terminal

KUBEFLOW = "/api/model_registry/v1alpha3"
PROXY_SECRET = "what only the proxy and the server know"
BOOTSTRAP = "any text of at least thirty-two characters"
# The cookie of a login that is under way.
PENDING = "modelport-login"
SEALING_KEY = "a key that seals what the database has to keep"


class Credentials:
    """All that a run uses, by what it is."""

    def __init__(self):
        self.found: dict[str, str] = {}

    def add(self, what: str, text: str) -> str:
        assert len(text) > 20
        self.found[what] = text
        return text

    def needles(self) -> Iterator[tuple[str, bytes]]:
        """What is searched for: each secret, its telling part, and each as it is encoded in headers."""
        for what, text in self.found.items():
            yield what, text.encode()
            yield f"{what}, as a password", base64.b64encode(f":{text}".encode())[4:-4]
            # As PostgreSQL shows bytes.
            yield f"{what}, in hexadecimal digits", text.encode().hex().encode()
            if text.startswith("mp_"):
                yield f"{what}, its secret", text.split("_")[2].encode()
            elif text.count(".") == 2:
                yield f"{what}, its signature", text.rsplit(".", 1)[1].encode()

    def check(self, place: str, content: str | bytes) -> None:
        content = content.encode() if isinstance(content, str) else content
        for what, needle in self.needles():
            assert needle not in content, f"{place} has {what}"


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """Whatever any caller is answered."""
    Caller.heard = []
    yield Caller.heard
    Caller.heard = None


def test_no_credential_leaves_its_owner(installation: Installation, tmp_path: Path, heard: list[str]) -> None:
    credentials = Credentials()
    own_token = tmp_path / "own-token"
    own_token.write_text(credentials.add("the server's own token", "the-server-s-own-token-of-its-cluster") + "\n")
    key = Key(tmp_path)
    with Provider(tmp_path, keys=[key.jwk(private=True)]) as provider, Cluster(tmp_path) as cluster:
        auth = {
            "BOOTSTRAP_TOKEN": credentials.add("the bootstrap token", BOOTSTRAP),
            "KEYS": credentials.add("the sealing key", SEALING_KEY),
            "PROXY__PEERS": "127.0.0.1",
            "PROXY__SECRET": credentials.add("the proxy's secret", PROXY_SECRET),
            "ISSUERS__CORP__URL": provider.issuer,
            "ISSUERS__CORP__AUDIENCES": "modelport",
            "KUBERNETES__REVIEW": "token-review",
            "MODE": "on",
        }
        installation.settings |= cluster.settings(own_token)
        installation.settings |= {f"MODELPORT__AUTH__{name}": value for name, value in auth.items()}
        installation.settings |= {"MODELPORT__LOG__LEVEL": "trace", "MODELPORT__AUDIT__READS": "strict"}
        server = installation.serve()
        accounts = Accounts(server, Caller(server, BOOTSTRAP))
        accounts.admin = accounts.service("operator", "admin")
        credentials.add("the administrator's token", accounts.admin.token)
        callers = use(accounts, credentials, provider, cluster, key)
        answers = list(heard)
        for caller in callers:
            everywhere(accounts, caller)
        trail = eventually(lambda: read_trail(accounts), "the audit trail")
        kept(accounts, credentials, trail)
        for answer in heard:
            # The answer that makes a token is where it is shown.
            if not (answer in answers and '"secret"' in answer):
                credentials.check("an answer", answer)
        server.stop()
    credentials.check("the log", installation.log.read_bytes())
    credentials.check("`config print`", installation.run("config", "print"))
    for command in (["audit"], ["audit", "--json"], ["admin", "token", "list", "trainer"], ["admin", "bindings"]):
        credentials.check(f"`modelport {' '.join(command)}`", installation.run(*command))
    stored(installation, credentials)


def stored(installation: Installation, credentials: Credentials) -> None:
    """What the database has."""
    url = installation.places[installation.places.index("--database-url") + 1]
    if url.startswith("postgres:"):
        credentials.check("the database", subprocess.check_output(["pg_dump", url]))
    files = list(installation.folder.glob("modelport.db*"))
    assert url.startswith("postgres:") or files
    for file in files:
        credentials.check(f"the database's file {file.name}", file.read_bytes())


def use(accounts: Accounts, credentials: Credentials, provider: Provider, cluster: Cluster, key: Key) -> list[Caller]:
    """One caller for each kind of credential, those that are refused among them."""
    accounts.bind("writer", all="authenticated")
    trainer = accounts.service("trainer")
    credentials.add("a token", trainer.token)
    expired = credentials.add("a token that was revoked", accounts.token("trainer"))
    revoked = Caller(accounts.server, expired)
    accounts.admin.ask("DELETE", f"{API}/tokens/{revoked.whoami()['token']['id']}", 204)
    user = provider.user_tokens("alice")
    for kind in ("access_token", "id_token", "refresh_token"):
        credentials.add(f"somebody's {kind}", user[kind])
    tokens = {
        "a client's token": provider.client_token(),
        "a token for others": key.sign(claims(provider.issuer, "mallory", aud="others")),
        "a token that has ended": key.sign(claims(provider.issuer, "mallory", exp=1)),
        "a forged token": key.sign(claims(provider.issuer, "mallory"), alg="HS256"),
        "a service account's": cluster.token("team-a/trainer"),
        "one that the cluster knows no more": cluster.token("team-a/gone"),
        "a mistyped token": trainer.token[:-1] + ("x" if trainer.token[-1] != "x" else "y"),
        "a password of somewhere else": "correct horse battery staple",
        "a token of somewhere else": "hf_abcdefghijklmnopqrstuvwxyz",
    }
    cluster.gone.add(tokens["one that the cluster knows no more"])
    for what, token in tokens.items():
        credentials.add(what, token)
    server = accounts.server
    presented = [Caller(server, token) for token in [*tokens.values(), user["access_token"], user["id_token"]]]
    basic = base64.b64encode(f":{trainer.token}".encode()).decode()
    proxied = {"X-Modelport-Proxy-Secret": PROXY_SECRET, "kubeflow-userid": "bob@example.org"}
    return [
        *presented,
        trainer,
        revoked,
        accounts.anonymous(),
        accounts.anonymous(Authorization=f"Basic {basic}"),
        accounts.anonymous(Authorization=f"Token {trainer.token}"),
        accounts.anonymous(Authorization=trainer.token),
        accounts.anonymous(**proxied),
        accounts.anonymous(**proxied, X_Forwarded_Access_Token=user["access_token"]),
        accounts.anonymous(**proxied, X_Forwarded_Access_Token=tokens["a forged token"]),
        # Somebody who gets the scheme or the header wrong.
        accounts.anonymous(X_Api_Key=trainer.token, Cookie=f"session={trainer.token}"),
    ]


def everywhere(accounts: Accounts, caller: Caller) -> None:
    """Asks what works, what is refused, and what makes no sense."""
    caller.put("digits")
    caller.get("digits")
    caller.put("digits", path="a/../b")
    for method, path, options in [
        ("GET", f"{API}/whoami", {}),
        ("GET", f"{API}/models/absent/versions/1/files", {}),
        ("GET", f"{KUBEFLOW}/registered_models", {}),
        ("POST", f"{KUBEFLOW}/registered_models", {"content": b"{"}),
        ("DELETE", f"{API}/models/digits", {"params": {"recursive": "true"}}),
        ("POST", f"{API}/tokens", {"json": {"name": "", "owner": "trainer"}}),
        ("GET", f"{API}/changes", {}),
        ("PATCH", f"{API}/nothing", {}),
        # Where no credential belongs, and where some clients put it all the same.
        ("GET", f"{KUBEFLOW}/registered_models", {"params": {"access_token": caller.token or ""}}),
    ]:
        caller.ask(method, path, **options)
    headers = caller.http.headers
    edge = f"http://127.0.0.1:{accounts.server.edge_port}"
    Caller.listen(httpx.get(f"{edge}/models", headers=headers, trust_env=False, timeout=60))


def read_trail(accounts: Accounts) -> str | None:
    trail = accounts.admin.ask("GET", f"{API}/audit/export", 200).text
    return trail if '"unauthenticated"' in trail and '"file.download"' in trail else None


def kept(accounts: Accounts, credentials: Credentials, trail: str) -> None:
    """What the server shows to an administrator afterwards."""
    admin = accounts.admin
    credentials.check("the audit trail", trail)
    paths = ["changes", "principals", "bindings?scope=registry", "tokens?owner=trainer", "whoami", "workspaces"]
    for path in [*paths, "system"]:
        credentials.check(path, admin.ask("GET", f"{API}/{path}", 200).text)
    credentials.check("the metrics", admin.ask("GET", "/metrics", 200).text)


def test_no_secret_of_a_login_leaves_its_owner(installation: Installation, tmp_path: Path, heard: list[str]) -> None:
    """Those of browsers' sessions and of the command line: cookies, what pages send along, codes, and what the issuer gives for them."""
    credentials = Credentials()
    secret = credentials.add("the secret of the server as a client", "what-only-the-provider-and-the-server-know")
    installation.settings |= {"MODELPORT__LOG__LEVEL": "trace", "MODELPORT__AUDIT__READS": "strict"}
    with Provider(tmp_path, secret=secret) as provider:
        issuer = {
            "URL": provider.issuer,
            "AUDIENCES": "modelport",
            "CLIENT_ID": "modelport-cli",
            "CLIENT_SCOPES": "openid, profile, registry, offline_access",
            "BROWSER_CLIENT_ID": "modelport-ui",
            "BROWSER_CLIENT_SECRET": secret,
            "BROWSER_PROMPT": "consent",
        }
        settings = {f"MODELPORT__AUTH__ISSUERS__CORP__{name}": value for name, value in issuer.items()}
        settings["MODELPORT__AUTH__KEYS"] = credentials.add("the sealing key", SEALING_KEY)
        settings["MODELPORT__AUTH__SESSIONS__RENEWAL_SECONDS"] = "1"
        accounts = Accounts.of(installation, settings)
        accounts.bind("writer", all="authenticated")
        accounts.service("trainer")
        provider.stop()
        provider.callback = f"{accounts.server.url}{CALLBACK}"
        provider.start()
        people = [browse(accounts, credentials, provider, name) for name in ("alice", "bob", "eve")]
        said = command_line(installation, credentials, accounts, provider, tmp_path / "home")
        for person in people:
            person.status()
        given = eventually(lambda: has_renewed(provider), "a token that replaces another")
        for number, grant in enumerate(given):
            for name in ("code", "code_verifier", "device_code", "access_token", "id_token", "refresh_token"):
                if name in grant:
                    credentials.add(f"the {name} of grant {number}", grant[name])
        # What a page or a command line shows to others than who asked for it.
        credentials.check("the command line", said)
        people[2].log_out()
        # The others' sessions stay in the database.
        trail = eventually(lambda: read_logins(accounts), "the audit trail")
        kept(accounts, credentials, trail)
        for answer in heard:
            credentials.check("an answer", answer)
        accounts.server.stop()
    credentials.check("the log", installation.log.read_bytes())
    credentials.check("`config print`", installation.run("config", "print"))
    for command in (["audit"], ["audit", "--json"], ["admin", "bindings"]):
        credentials.check(f"`modelport {' '.join(command)}`", installation.run(*command))
    stored(installation, credentials)


def browse(accounts: Accounts, credentials: Credentials, provider: Provider, name: str) -> Person:
    """Somebody who logs in, and gets wrong what can be got wrong."""
    person = Person(accounts.server, provider, name)
    refused = []
    answer = person.answer_of_issuer(person.begin())
    pending = credentials.add(f"{name}'s login cookie", person.http.cookies[PENDING])
    for part in ("code", "state"):
        credentials.add(f"{name}'s {part}", answer[part])
    for wrong in ({"state": "x"}, {"iss": "https://elsewhere.example"}, {"code": f"{answer['code']}x"}):
        stranger = Person(accounts.server, provider, name)
        stranger.http.cookies.set(PENDING, pending, domain="127.0.0.1", path="/")
        refused.append(stranger.complete(answer | wrong))
    assert person.complete(answer).status_code == 303
    cookie = credentials.add(f"{name}'s cookie", person.cookie())
    person.csrf = credentials.add(f"what {name}'s pages send along", person.whoami()["session"]["csrf"])
    refused.append(person.complete(answer))
    assert person.put("digits", **{CSRF: person.csrf}) in (200, 201)
    edge = f"http://127.0.0.1:{accounts.server.edge_port}/models"
    with httpx.Client(base_url=accounts.server.url, trust_env=False, timeout=60) as http:
        for url, headers in [
            (f"{API}/models/absent/versions/1/files", {"Cookie": f"{COOKIE}={cookie}", CSRF: person.csrf}),
            (f"{API}/whoami", {"Cookie": f"{COOKIE}={cookie}x"}),
            (f"{API}/whoami", {"Cookie": f"{COOKIE}={cookie}; {COOKIE}={cookie}"}),
            (f"{API}/whoami", {"Authorization": f"Bearer {cookie}"}),
            (f"{API}/whoami", {"Authorization": f"Basic {base64.b64encode(f':{cookie}'.encode()).decode()}"}),
            (f"{API}/whoami?session={cookie}&csrf={person.csrf}", {}),
            (edge, {"Cookie": f"{COOKIE}={cookie}"}),
        ]:
            refused.append(http.get(url, headers=headers))
        refused.append(http.post(f"{API}/tokens", headers={"Cookie": f"{COOKIE}={cookie}", CSRF: f"{person.csrf}x"}))
    for answered in refused:
        assert answered.status_code >= 400, answered.text
        Caller.listen(answered)
    return person


def command_line(
    installation: Installation, credentials: Credentials, accounts: Accounts, provider: Provider, home: Path
) -> str:
    """What a terminal shows at which somebody logs in, whose token is replaced, and who logs out."""
    terminal = Terminal(installation, home)
    login = Asked(terminal, "--server", accounts.server.url)
    provider.confirm_device("alice", login.url)
    code, said = login.end()
    assert code == 0, said
    terminal.spoil(credentials.add("what the terminal presents", terminal.run("token", "print").strip()))
    said += terminal.run("whoami") + terminal.run("logout")
    return said + terminal.run("whoami", expect=1)


def has_renewed(provider: Provider) -> list[dict] | None:
    """What the provider was sent and has given, once it has replaced tokens of browsers and of the command line."""
    grants = provider.grants()
    renewed = {grant.get("client_id", "modelport-ui") for grant in grants if grant["grant_type"] == "refresh_token"}
    return grants if len(renewed) == 2 else None


def read_logins(accounts: Accounts) -> str | None:
    trail = accounts.admin.ask("GET", f"{API}/audit/export", 200).text
    return trail if '"logout"' in trail and '"unauthenticated"' in trail else None
