"""Keycloak, with a realm of its own for each test."""

import os
import signal
import subprocess
from pathlib import Path

import httpx
from harness import PATIENCE, ROOT, Port, eventually
from providers.provider import NOTEBOOK, PASSWORD, USERS, Client, IdentityProvider
from providers.visitor import Visitor

REALM = "ml"
ADMIN = ("admin", "the-administrator-of-keycloak")
PEOPLE = "openid profile email offline_access"
# What the page says to put into each token: whom it is for, and the groups.
AUDIENCE = {
    "name": "modelport",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-audience-mapper",
    "config": {"included.custom.audience": "modelport", "access.token.claim": "true"},
}
GROUPS = {
    "name": "groups",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-group-membership-mapper",
    "config": {
        "claim.name": "groups",
        "full.path": "false",
        "access.token.claim": "true",
        "id.token.claim": "true",
    },
}
KEYS = "org.keycloak.keys.KeyProvider"


class Process:
    """A Keycloak that runs, and its administrator."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.port = Port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(timeout=2 * PATIENCE, trust_env=False)
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "Process":
        self.start()
        return self

    def __exit__(self, *_details) -> None:
        self.stop()
        self.port.release()

    def start(self) -> None:
        home = subprocess.check_output([ROOT / "scripts/tools", "keycloak"], text=True).strip()
        settings = {
            "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN[0],
            "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN[1],
            "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m",
            # Its own statements name a column `value`.
            "KC_DB_URL": f"jdbc:h2:file:{self.folder / 'keycloak'};NON_KEYWORDS=VALUE",
        }
        listens = ["--http-enabled=true", "--http-host=127.0.0.1", f"--http-port={self.port}"]
        # It is alone, and reaches out for no others.
        listens += ["--hostname-strict=false", "--cache=local"]
        with (self.folder / "keycloak.log").open("a") as log:
            command = [f"{home}/bin/kc.sh", "start", "--optimized", *listens]
            options = {"stdout": log, "stderr": log, "start_new_session": True}
            self.process = subprocess.Popen(command, env=os.environ | settings, **options)
        try:
            # It makes its database first.
            eventually(self.answers, "Keycloak's start", 20 * PATIENCE)
        except BaseException:
            # The script that runs it, too.
            os.killpg(self.process.pid, signal.SIGKILL)
            raise

    def answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "keycloak.log").read_text()[-2000:]
        try:
            return self.http.get(f"{self.url}/realms/master").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def ask(self, method: str, path: str, **options) -> httpx.Response:
        """An answer of its administration."""
        form = {"grant_type": "password", "client_id": "admin-cli", "username": ADMIN[0], "password": ADMIN[1]}
        given = self.http.post(f"{self.url}/realms/master/protocol/openid-connect/token", data=form).json()
        headers = {"Authorization": f"Bearer {given['access_token']}"}
        answer = self.http.request(method, f"{self.url}/admin/realms{path}", headers=headers, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer


class Keycloak(IdentityProvider):
    """A realm."""

    notebook = Client("notebook", PEOPLE)
    foreign = Client("dashboard", PEOPLE)
    trainer = Client("trainer", "openid", "trainer-secret")

    def __init__(self, process: Process):
        self.process = process
        self.issuer = f"{process.url}/realms/{REALM}"
        self.callback = "http://127.0.0.1:8080/api/v1/login/corp/callback"
        self.priority = 100

    def __enter__(self) -> "Keycloak":
        self.process.ask("POST", "", json=self.realm())
        for name, groups in USERS.items():
            self.administer("POST", "/users", json=self.user(name, groups))
        # A client without a user of its own is in no group.
        self.set_groups(f"service-account-{self.trainer.id}", ["ml-team"])
        return self

    def __exit__(self, *_details) -> None:
        if self.process.process.poll() is not None:
            self.process.start()
        self.administer("DELETE", "")

    def administer(self, method: str, path: str, **options) -> httpx.Response:
        """An answer of the administration of the realm."""
        return self.process.ask(method, f"/{REALM}{path}", **options)

    def realm(self) -> dict:
        """The realm as somebody makes it in the console."""
        def client(name: str, mappers: list[dict], **options) -> dict:
            usual = {"standardFlowEnabled": False, "directAccessGrantsEnabled": False, "publicClient": True}
            return usual | {"clientId": name, "protocolMappers": mappers} | options

        device = {"attributes": {"oauth2.device.authorization.grant.enabled": "true"}}
        pages = {"standardFlowEnabled": True, "redirectUris": [NOTEBOOK]}
        secret = {"publicClient": False, "secret": self.trainer.secret, "serviceAccountsEnabled": True}
        browser = {"standardFlowEnabled": True, "publicClient": False, "secret": "ui-secret"}
        both = [AUDIENCE, GROUPS]
        return {
            "realm": REALM,
            "enabled": True,
            "groups": [{"name": name} for name in ("ml-team", "admins")],
            "clients": [
                client("modelport-ui", [GROUPS], redirectUris=[self.callback], **browser),
                client("modelport-cli", both, **device),
                client(self.notebook.id, both, **pages),
                client(self.foreign.id, [GROUPS], **pages),
                client(self.trainer.id, both, **secret),
            ],
        }

    @staticmethod
    def user(name: str, groups: list[str]) -> dict:
        return {
            "username": name,
            "enabled": True,
            "email": f"{name}@example.org",
            "emailVerified": True,
            "firstName": name,
            "lastName": "Example",
            "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
            "groups": [f"/{group}" for group in groups],
        }

    def start(self) -> None:
        self.process.start()

    def stop(self) -> None:
        self.process.stop()

    def settings(self) -> dict[str, str]:
        return {
            "URL": self.issuer,
            "AUDIENCES": "modelport",
            "CLIENT_ID": "modelport-cli",
            "BROWSER_CLIENT_ID": "modelport-ui",
            "BROWSER_CLIENT_SECRET": "ui-secret",
        }

    def return_to(self, callback: str) -> None:
        self.callback = callback
        [client] = self.administer("GET", "/clients", params={"clientId": "modelport-ui"}).json()
        self.administer("PUT", f"/clients/{client['id']}", json=client | {"redirectUris": [callback]})

    def log_in(self, place: str, user: str, until: str = "") -> str:
        return Visitor(username=user, password=PASSWORD).visit(place, until or self.callback)

    def confirm_device(self, place: str, user: str) -> str:
        return Visitor(username=user, password=PASSWORD).visit(place)

    def id_of(self, user: str) -> str:
        return self.administer("GET", "/users", params={"username": user, "exact": "true"}).json()[0]["id"]

    def set_groups(self, user: str, groups: list[str]) -> None:
        membership = f"/users/{self.id_of(user)}/groups"
        known = {group["name"]: group["id"] for group in self.administer("GET", "/groups").json()}
        for group in self.administer("GET", membership).json():
            self.administer("DELETE", f"{membership}/{group['id']}")
        for group in groups:
            self.administer("PUT", f"{membership}/{known[group]}")

    def change(self, user: str, **said) -> None:
        self.administer("PUT", f"/users/{self.id_of(user)}", json=said)

    def remove(self, user: str) -> None:
        self.administer("DELETE", f"/users/{self.id_of(user)}")

    def replace_key(self) -> None:
        realm = self.administer("GET", "").json()["id"]
        # The active key with the highest priority signs.
        self.priority += 1
        config = {"priority": [str(self.priority)], "algorithm": ["RS256"]}
        key = {"name": "newer", "providerId": "rsa-generated", "providerType": KEYS, "parentId": realm}
        self.administer("POST", "/components", json=key | {"config": config})
