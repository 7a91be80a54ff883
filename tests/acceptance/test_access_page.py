"""What docs/operating/access.md says to put into settings, into nginx and on the command line."""

import re
import subprocess
import tomllib
from pathlib import Path

import httpx
import pytest
from callers import API, Accounts
from harness import ROOT, Installation, Port
from test_reverse_proxy import nginx

PAGE = (ROOT / "docs/operating/access.md").read_text()
SECRET = "what only the proxy and the server know"
anywhere = pytest.mark.parametrize("installation", ["embedded"], indirect=True)


def blocks(language: str) -> list[str]:
    """The blocks of the page in a language, or in none, those within a list among them."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", PAGE, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, named, block in found if named == language]


@anywhere
def test_the_binary_takes_the_settings(installation: Installation, tmp_path: Path) -> None:
    found = blocks("toml")
    assert len(found) == 9
    for number, block in enumerate(found):
        wanted = block.replace("…", SECRET)
        if "kubernetes" in tomllib.loads(wanted).get("auth", {}):
            # It is about the cluster of the block before.
            wanted = f"{found[number - 1]}{wanted}"
        if "auth" not in tomllib.loads(wanted):
            wanted = f'{wanted}\n[auth]\nmode = "on"\n'
        elif "mode" not in tomllib.loads(wanted)["auth"]:
            wanted = f'[auth]\nmode = "on"\n{wanted}'
        file = tmp_path / f"{number}.toml"
        file.write_text(wanted)
        printed = tomllib.loads(installation.run("config", "print", "--config", str(file)))
        for name, issuer in tomllib.loads(wanted)["auth"].get("issuers", {}).items():
            assert issuer.items() <= printed["auth"]["issuers"][name].items(), block


@anywhere
def test_the_commands(installation: Installation) -> None:
    accounts = Accounts.of(installation, {"MODELPORT__EDGE__PRINCIPAL": "pipelines"})
    # As the page says, a client asks for something first.
    assert httpx.get(f"http://127.0.0.1:{accounts.server.edge_port}/models", trust_env=False).is_success
    commands = re.findall(r"^modelport (admin .*)", PAGE, re.MULTILINE)
    assert len(commands) == 6
    for command in commands:
        installation.run(*command.split())
    for workspace, number in [("team-a", 2), ("team-b", 1)]:
        bound = accounts.admin.ask("GET", f"{API}/bindings", 200, params={"workspace": workspace}).json()["items"]
        assert len(bound) == number
    [curl] = [block for block in blocks("") if '"everyone"' in block]
    curl = curl[curl.index("curl ") :].replace("localhost:8080", f"127.0.0.1:{accounts.server.port}")
    subprocess.run(["bash", "-ec", f"TOKEN={accounts.admin.token}; {curl.replace('curl ', 'curl -sf ')}"], check=True)
    assert accounts.anonymous().models(prefix="/w/public") == []
    accounts.server.stop()


@anywhere
def test_nginx_says_who_is_calling(installation: Installation, tmp_path: Path) -> None:
    settings = {"MODELPORT__AUTH__PROXY__PEERS": "127.0.0.1", "MODELPORT__AUTH__PROXY__SECRET": SECRET}
    accounts = Accounts.of(installation, settings)
    hashed = subprocess.check_output(["openssl", "passwd", "-apr1", "pa55word"], text=True).strip()
    (tmp_path / "users").write_text(f"alice:{hashed}\n")
    [location] = blocks("nginx")
    location = location.replace("…", SECRET)
    login = f'auth_basic "models"; auth_basic_user_file {tmp_path / "users"};'
    port = Port()
    with nginx(tmp_path / "nginx", port.number, accounts.server, f"server {{ listen 80; {login} {location} }}"):
        url = f"http://127.0.0.1:{port}{API}/whoami"
        assert httpx.get(url, trust_env=False).status_code == 401
        forged = [("kubeflow-userid", "root"), ("kubeflow-groups", "admins"), ("X-Modelport-Proxy-Secret", "mine")]
        forged += [("X-Forwarded-Access-Token", accounts.admin.token)]
        for headers in ([], forged):
            who = httpx.get(url, auth=("alice", "pa55word"), headers=headers, trust_env=False).json()
            assert (who["principal"]["issuer"], who["principal"]["subject"]) == ("proxy", "alice"), who
            assert who["groups"] == []
    port.release()
    accounts.server.stop()
