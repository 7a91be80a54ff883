"""docs/operating/access.md as somebody follows it who has Dex or Keycloak: its commands, its configuration and its settings as they stand there."""

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from harness import ROOT
from person import CSRF
from providers.corporation import Corporation
from providers.dex import Dex
from providers.keycloak import ADMIN, REALM, Keycloak, Process
from providers.provider import USERS, Client, IdentityProvider
from test_access_page import blocks

SECRET = "what-a-program-and-its-provider-know"
SECRET_FILE = "/run/secrets/modelport-ui"
REGISTRY = "https://models.example.org"


def settings_of(issuer: str, folder: Path) -> dict[str, str]:
    """What all blocks of the page say together of the issuer whose host that is."""
    (folder / "secret").write_text(f"{SECRET}\n")
    said = {}
    for block in blocks("toml"):
        for named in tomllib.loads(block.replace("…", SECRET)).get("auth", {}).get("issuers", {}).values():
            if issuer in named["url"]:
                said |= named
    assert said
    said["browser_client_secret_file"] = str(folder / "secret")
    written = {name: ", ".join(value) if isinstance(value, list) else value for name, value in said.items()}
    return {name.upper(): value for name, value in written.items()}


def commands_of(begins: str, host: str) -> str:
    """The block of commands that begins so and has to do with that host."""
    [block] = [each for each in blocks("") if each.startswith(begins) and host in each]
    return block


class DexOfThePage(Dex):
    """Its clients are the page's. Where it keeps things and whom it knows is for everybody to say."""

    host = "https://dex.example.org"
    trainer = Client("trainer", "openid profile groups", SECRET)

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.issuer = f"http://127.0.0.1:{self.port}"

    def configuration(self) -> dict:
        [page] = blocks("yaml")[:1]
        registry = urlsplit(self.callback)._replace(path="").geturl()
        page = page.replace(self.host, self.issuer).replace(REGISTRY, registry).replace("…", SECRET)
        # Tests call every issuer so.
        page = page.replace("/login/dex/", "/login/corp/")
        own = ("storage", "web", "enablePasswordDB", "staticPasswords")
        return yaml.safe_load(page) | {name: said for name, said in super().configuration().items() if name in own}

    def settings(self) -> dict[str, str]:
        return settings_of(self.host, self.folder) | {"URL": self.issuer}


class KeycloakOfThePage(Keycloak):
    """A realm with people in groups, to which the page's commands add what the registry needs."""

    host = "https://keycloak.example.org"

    def __init__(self, process: Process, folder: Path):
        super().__init__(process)
        self.folder = folder

    def __enter__(self) -> "KeycloakOfThePage":
        groups = [{"name": name} for name in ("ml-team", "admins")]
        self.process.ask("POST", "", json={"realm": REALM, "enabled": True, "groups": groups})
        for name, groups in USERS.items():
            self.administer("POST", "/users", json=self.user(name, groups))
        return self

    def return_to(self, callback: str) -> None:
        self.callback = callback
        registry = urlsplit(callback)._replace(path="").geturl()
        commands = commands_of("kcadm.sh config", self.host) + commands_of("kcadm.sh create clients", REGISTRY)
        commands = commands.replace(self.host, self.process.url).replace(REGISTRY, registry).replace("…", SECRET)
        home = subprocess.check_output([ROOT / "scripts/tools", "keycloak"], text=True).strip()
        variables = {"PATH": f"{home}/bin:{os.environ['PATH']}", "HOME": str(self.folder), "KC_CLI_PASSWORD": ADMIN[1]}
        ran = subprocess.run(["bash", "-ec", commands], env=os.environ | variables, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        self.set_groups("service-account-trainer", ["ml-team"])

    def settings(self) -> dict[str, str]:
        return settings_of(self.host, self.folder) | {"URL": self.issuer}


@pytest.fixture(params=["dex", "keycloak"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[IdentityProvider]:
    if request.param == "dex":
        provider = DexOfThePage(tmp_path, request.getfixturevalue("services"))
    else:
        provider = KeycloakOfThePage(request.getfixturevalue("keycloak"), tmp_path)
    with provider:
        yield provider


def test_from_top_to_bottom(corporation: Corporation) -> None:
    provider, server = corporation.provider, corporation.accounts.server
    # A program, by the page's command.
    origin = urlsplit(provider.issuer)._replace(path="").geturl()
    command = commands_of("TOKEN=", provider.host).replace(provider.host, origin)
    command = command.replace(REGISTRY, server.url).replace("…", SECRET)
    who = json.loads(subprocess.check_output(["bash", "-ec", command], text=True))
    assert who["groups"] == [{"issuer": "corp", "name": "ml-team"}]
    # Somebody with a browser, and with a command line.
    bob = corporation.logged_in("bob")
    assert bob.whoami()["groups"] == [{"issuer": "corp", "name": "ml-team"}]
    assert bob.put("digits", **{CSRF: bob.csrf}) == 201
    terminal = corporation.terminal("home", "bob")
    assert terminal.run("whoami") == f"bob at {server.url}\ngroup corp:ml-team\n"
    token = terminal.run("token", "print").strip()
    assert corporation.caller(token).put("others").status_code == 201
    terminal.spoil(token)
    corporation.accounts.workspace("team-a")
    corporation.accounts.bind("writer", "team-a", group="corp:ml-team")
    shown = commands_of("$ modelport login", REGISTRY)
    commands = re.findall(r"^\$ modelport (.*)$", shown, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["login", "whoami", "token", "logout"]
    for command in commands[1:]:
        terminal.run(*command.split())
