"""A registry with accounts: whom its first administrator lets in, and what they ask for."""

import time
from typing import Self

import httpx
from harness import PATIENCE, Installation, Server

ON = {"MODELPORT__AUTH__MODE": "on"}
API = "/api/v1"
# After so long, a change of what somebody may do is seen by all replicas, in seconds.
SEEN_AFTER = 1.0


def soon(seconds: float) -> int:
    """So long from now, in milliseconds since the epoch."""
    return int((time.time() + seconds) * 1000)


def location(answer: httpx.Response) -> str:
    """Where an answer leads, whose `Location` is relative."""
    return str(answer.url.join(answer.headers["location"]))


class Caller:
    """Somebody with a credential, or without any, who keeps what was answered."""

    # Every body and header that any caller was answered with, for whoever searches them; None where nobody does.
    heard: list[str] | None = None

    def __init__(self, server: Server, token: str | None = None, handle: str = "", headers: dict | None = None):
        self.server, self.token, self.handle = server, token, handle
        credential = {"Authorization": f"Bearer {token}"} if token else {}
        limits = httpx.Limits(keepalive_expiry=2)
        hooks = {"response": [self.listen]}
        self.http = httpx.Client(
            base_url=server.url,
            headers=credential | (headers or {}),
            timeout=PATIENCE,
            trust_env=False,
            limits=limits,
            event_hooks=hooks,
        )

    @classmethod
    def listen(cls, answer: httpx.Response) -> None:
        if cls.heard is not None:
            cls.heard.append(f"{answer.headers}\n{answer.read().decode(errors='replace')}")

    def at(self, server: Server) -> Self:
        """The same at another server."""
        return type(self)(server, self.token, self.handle)

    def ask(self, method: str, path: str, expect: int | None = None, **options) -> httpx.Response:
        """The answer to a request, whose status may be expected."""
        answer = self.http.request(method, path, **options)
        assert expect in (None, answer.status_code), f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def status(self, method: str, path: str, **options) -> int:
        return self.ask(method, path, **options).status_code

    def put(self, model: str, content: bytes = b"content", prefix: str = "", path: str = "file.bin", **options):
        """Stores a file in the first version of a model."""
        return self.ask("PUT", f"{prefix}{API}/models/{model}/versions/1/files/{path}", content=content, **options)

    def get(self, model: str, prefix: str = "", path: str = "file.bin", **options) -> httpx.Response:
        url = f"{prefix}{API}/models/{model}/versions/1/files/{path}"
        return self.ask("GET", url, follow_redirects=True, **options)

    def models(self, prefix: str = "", **options) -> list[str]:
        """The names of the registered models that Kubeflow's API lists."""
        url = f"{prefix}/api/model_registry/v1alpha3/registered_models"
        return sorted(each["name"] for each in self.ask("GET", url, 200, **options).json()["items"])

    def whoami(self, **options) -> dict:
        return self.ask("GET", f"{API}/whoami", 200, **options).json()


class Accounts:
    """A server whose callers have to say who they are, and its administrator."""

    def __init__(self, server: Server, admin: Caller):
        self.server, self.admin = server, admin

    @classmethod
    def of(cls, installation: Installation, settings: dict[str, str] | None = None) -> Self:
        """A new server of an installation that has no accounts yet."""
        installation.settings |= ON | (settings or {})
        server = installation.serve()
        first = Caller(server, (installation.folder / "bootstrap-token").read_text().strip())
        accounts = cls(server, first)
        admin = accounts.service("operator")
        accounts.bind("admin", principal="operator")
        accounts.admin = admin
        return accounts

    def service(self, handle: str, role: str | None = None, workspace: str | None = None, **scope) -> Caller:
        """A service account with a token, and with a role if one is given: in its workspace, or where `scope` says."""
        belongs = {"workspace": workspace} if workspace else {}
        self.admin.ask("POST", f"{API}/principals", 201, json={"handle": handle, **belongs})
        # The token first: the bootstrap token counts no longer once somebody is bound as an administrator.
        token = self.token(handle)
        if role:
            self.bind(role, principal=handle, **(scope or belongs))
        return Caller(self.server, token, handle)

    def token(self, owner: str, **limits) -> str:
        """The text of a new token of a service account."""
        body = {"name": f"of {owner}", "owner": owner, **limits}
        return self.admin.ask("POST", f"{API}/tokens", 201, json=body).json()["secret"]

    def bind(self, role: str, workspace: str | None = None, root: str | None = None, **subject) -> str:
        """Binds a role to a `principal`, a `group` as `ISSUER:NAME`, or `all`; the id of the binding."""
        if "group" in subject:
            issuer, name = subject["group"].split(":", 1)
            subject = {"group": {"issuer": issuer, "name": name}}
        scope = {name: value for name, value in {"workspace": workspace, "root": root}.items() if value}
        body = {"role": role, "subject": subject, "scope": scope}
        return self.admin.ask("POST", f"{API}/bindings", 201, json=body).json()["id"]

    def unbind(self, binding: str) -> None:
        self.admin.ask("DELETE", f"{API}/bindings/{binding}", 204)

    def workspace(self, slug: str) -> str:
        self.admin.ask("POST", f"{API}/workspaces", 201, json={"slug": slug})
        return slug

    def anonymous(self, **headers: str) -> Caller:
        return Caller(self.server, headers={name.replace("_", "-"): value for name, value in headers.items()})
