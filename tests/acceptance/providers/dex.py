"""Dex, with users of its own and a PostgreSQL database: with one in a file, or in memory, this version hangs at a refresh token."""

import json
import subprocess
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from harness import ROOT, Port, Services, eventually
from providers.provider import NOTEBOOK, PASSWORD, USERS, Client, IdentityProvider
from providers.visitor import Visitor

# The hash of `PASSWORD` that Dex's own examples have.
HASH = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"
PEOPLE = "openid profile email groups offline_access"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


class Dex(IdentityProvider):
    """One that runs. Of its configuration it takes notice at its start alone."""

    notebook = Client("notebook", PEOPLE)
    foreign = Client("dashboard", PEOPLE)
    trainer = Client("trainer", "openid profile groups", "trainer-secret")

    def __init__(self, folder: Path, services: Services):
        self.folder, self.services = folder, services
        self.database = f"dex_{uuid.uuid4().hex}"
        services.sql(f"CREATE DATABASE {self.database}")
        self.postgres = urlsplit(services.postgres)
        self.port = Port()
        # Inside a cluster it is often below a path.
        self.issuer = f"http://127.0.0.1:{self.port}/dex"
        self.users = {name: list(groups) for name, groups in USERS.items()}
        self.callback = "http://127.0.0.1:8080/api/v1/login/corp/callback"
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "Dex":
        self.start()
        return self

    def __exit__(self, *_details) -> None:
        self.stop()
        self.port.release()

    def configuration(self) -> dict:
        """Its configuration, as YAML is a superset of JSON."""
        trusted = [self.notebook.id, "modelport-cli"]
        database = {
            "host": self.postgres.hostname,
            "port": self.postgres.port,
            "user": self.postgres.username,
            "password": self.postgres.password or "",
            "database": self.database,
            "ssl": {"mode": "disable"},
        }
        return {
            "issuer": self.issuer,
            "storage": {"type": "postgres", "config": database},
            "web": {"http": f"127.0.0.1:{self.port}"},
            "oauth2": {
                "grantTypes": ["authorization_code", "refresh_token", DEVICE, "client_credentials"],
                "skipApprovalScreen": True,
            },
            "enablePasswordDB": True,
            "staticPasswords": [
                {
                    "email": f"{name}@example.org",
                    "hash": HASH,
                    "username": name,
                    "preferredUsername": name,
                    "userID": f"{name}-of-dex",
                    "groups": groups,
                }
                for name, groups in self.users.items()
            ],
            "staticClients": [
                {
                    "id": "modelport-ui",
                    "name": "Modelport",
                    "secret": "ui-secret",
                    "redirectURIs": [self.callback],
                    "trustedPeers": trusted,
                },
                {
                    "id": "modelport-cli",
                    "name": "Modelport's command line",
                    "public": True,
                    "redirectURIs": ["/dex/device/callback"],
                },
                {"id": self.notebook.id, "name": "Notebook", "public": True, "redirectURIs": [NOTEBOOK]},
                {"id": self.foreign.id, "name": "Dashboard", "public": True, "redirectURIs": [NOTEBOOK]},
                {
                    "id": self.trainer.id,
                    "name": "Trainer",
                    "secret": self.trainer.secret,
                    "clientCredentialsClaims": {"groups": ["ml-team"]},
                },
            ],
        }

    def start(self) -> None:
        program = subprocess.check_output([ROOT / "scripts/tools", "dex"], text=True).strip()
        file = self.folder / "dex.json"
        file.write_text(json.dumps(self.configuration()))
        with (self.folder / "dex.log").open("a") as log:
            self.process = subprocess.Popen([program, "serve", file], stdout=log, stderr=log)
        try:
            eventually(self.answers, "Dex's start")
        except BaseException:
            self.process.kill()
            raise

    def answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "dex.log").read_text()
        try:
            return "issuer" in self.document()
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def settings(self) -> dict[str, str]:
        scopes = PEOPLE.replace(" ", ", ")
        return {
            "URL": self.issuer,
            "AUDIENCES": f"modelport-cli, {self.notebook.id}, {self.trainer.id}",
            "CLIENT_ID": "modelport-cli",
            "CLIENT_SCOPES": scopes,
            "BROWSER_CLIENT_ID": "modelport-ui",
            "BROWSER_CLIENT_SECRET": "ui-secret",
            "BROWSER_SCOPES": scopes,
        }

    def return_to(self, callback: str) -> None:
        self.callback = callback
        self.restart()

    def log_in(self, place: str, user: str, until: str = "") -> str:
        return Visitor(login=f"{user}@example.org", password=PASSWORD).visit(place, until or self.callback)

    def confirm_device(self, place: str, user: str) -> str:
        return Visitor(login=f"{user}@example.org", password=PASSWORD).visit(place)

    def set_groups(self, user: str, groups: list[str]) -> None:
        self.users[user] = groups
        self.restart()

    def remove(self, user: str) -> None:
        del self.users[user]
        self.restart()

    def replace_key(self) -> None:
        self.stop()
        # What happens by itself every six hours.
        self.services.sql("UPDATE keys SET next_rotation = now()", self.database)
        self.start()
