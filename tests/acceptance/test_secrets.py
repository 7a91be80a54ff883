"""No credential of a run stands anywhere but where its owner keeps it."""

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from callers import API, Accounts, Caller
from harness import Installation, eventually
from idp.provider import Provider
from signing import Cluster, Key, claims

KUBEFLOW = "/api/model_registry/v1alpha3"
PROXY_SECRET = "what only the proxy and the server know"
BOOTSTRAP = "any text of at least thirty-two characters"
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
    for file in tmp_path.rglob("*.db*"):
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
    for path in ["changes", "principals", "bindings?scope=registry", "tokens?owner=trainer", "whoami", "workspaces"]:
        credentials.check(path, admin.ask("GET", f"{API}/{path}", 200).text)
    credentials.check("the metrics", admin.ask("GET", "/metrics", 200).text)
