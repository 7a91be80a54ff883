"""An identity provider for tests, `oidc-provider` for Node, and the ways to a token of its."""

import base64
import contextlib
import hashlib
import http.cookiejar
import json
import os
import re
import secrets
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
TOOLS = HERE.parents[2] / "scripts" / "tools"
CALLBACK = "http://127.0.0.1:8080/auth/callback"
USERS = {"alice": {"groups": ["ml-team", "admins"]}, "bob": {"groups": ["ml-team"]}, "eve": {"groups": []}}


class Flow(Exception):
    """What a provider answers instead of a token."""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@dataclass
class Provider:
    """The provider. Whoever logs in is who they say; `trainer` is a client with a secret."""

    folder: Path
    port: int = 0
    seconds: int = 300
    audience: str = "modelport"
    algorithm: str = "RS256"
    users: dict = field(default_factory=lambda: dict(USERS))
    # Users that are not there any more.
    gone: list = field(default_factory=list)
    secret: str = "ui-secret"
    callback: str = CALLBACK
    keys: list | None = None
    issuer: str = ""
    process: subprocess.Popen | None = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Starts it, and after a `stop` under the same URL. Without `keys` it always has the same ones."""
        modules = subprocess.run([TOOLS, "oidc-provider"], check=True, capture_output=True, text=True).stdout.strip()
        self.configure()
        self.process = subprocess.Popen(
            ["node", HERE / "idp.mjs", self.folder / "idp.json"],
            env={**os.environ, "NODE_PATH": modules},
            stdout=subprocess.PIPE,
            stderr=(self.folder / "idp.log").open("a"),
            text=True,
        )
        for line in self.process.stdout:
            if line.startswith("ready "):
                self.issuer = line.split()[1]
                self.port = urllib.parse.urlsplit(self.issuer).port
                return
        raise RuntimeError(f"the provider does not start: {(self.folder / 'idp.log').read_text()}")

    def configure(self):
        """Writes down what it is like. Of users and of those that are gone it heeds that at once."""
        names = ("port", "seconds", "audience", "algorithm", "users", "gone", "secret", "callback", "keys")
        written = self.folder / "idp.json.new"
        written.write_text(json.dumps({name: getattr(self, name) for name in names}))
        written.replace(self.folder / "idp.json")

    def stop(self):
        """Ends it. Its keys are those of the configuration, so tokens hold."""
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def grants(self):
        """What clients have sent for tokens, and with it the tokens."""
        file = self.folder / "idp.json.grants"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def client_token(self, client="trainer", secret="trainer-secret"):
        """The access token of a client with a secret."""
        return self._token({"grant_type": "client_credentials", "scope": "registry"}, (client, secret))["access_token"]

    def user_tokens(self, user, scope="openid profile email offline_access registry"):
        """All tokens that a browser's login gives: `access_token`, `id_token`, and with consent `refresh_token`."""
        browser = Browser()
        verifier = secrets.token_urlsafe(48)
        query = {
            "client_id": "modelport-ui",
            "response_type": "code",
            "redirect_uri": self.callback,
            "scope": scope,
            "prompt": "consent",
            "state": "state",
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        place = browser.log_in(f"{self.issuer}/auth?{urllib.parse.urlencode(query)}", user, self.callback)
        answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(place).query))
        if "code" not in answer:
            raise Flow(answer)
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": self.callback,
            "code_verifier": verifier,
        }
        return self._token(form, ("modelport-ui", self.secret))

    def log_in(self, place, user):
        """Where somebody is sent back to who logs in there."""
        return Browser().log_in(place, user, self.callback)

    def confirm_device(self, user, verification_uri_complete):
        """Does in a browser what somebody does who logs a command line in."""
        browser = Browser()
        page = browser.get(verification_uri_complete)
        form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
        place = browser.post(f"{self.issuer}/device", {**form, "confirm": "yes"})
        return browser.log_in(place, user, None)

    def _token(self, form, client):
        request = urllib.request.Request(f"{self.issuer}/token", urllib.parse.urlencode(form).encode())
        request.add_header("Authorization", "Basic " + base64.b64encode(":".join(client).encode()).decode())
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Flow(json.load(error)) from None


class Browser:
    """Cookies and redirects, one at a time."""

    def __init__(self):
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(cookies, _Stay)

    def get(self, url):
        """The page, or where it leads."""
        return self._open(url, None)

    def post(self, url, form):
        return self._open(url, urllib.parse.urlencode(form).encode())

    def log_in(self, place, user, callback):
        """Follows a login to its end: to the callback, or to a page where there is none."""
        for _ in range(20):
            if callback and place.startswith(callback):
                return place
            if not place.startswith("http"):
                return place
            if "/interaction/" not in place:
                place = self.get(place)
                continue
            page = self.get(place)
            if page.startswith("http"):
                place = page
            elif 'value="login"' in page:
                place = self.post(place, {"prompt": "login", "login": user, "password": "any"})
            else:
                place = self.post(place, {"prompt": "consent"})
        raise Flow(f"the login does not end: {place}")

    def _open(self, url, body):
        with contextlib.closing(self._answer(url, body)) as answer:
            place = answer.headers.get("Location")
            return urllib.parse.urljoin(url, place) if place else answer.read().decode()

    def _answer(self, url, body):
        try:
            return self.opener.open(urllib.request.Request(url, body))
        except urllib.error.HTTPError as error:
            if error.code >= 400:
                raise Flow(f"{url}: {error.code} {error.read().decode()[:500]}") from None
            return error


def _challenge(verifier):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
