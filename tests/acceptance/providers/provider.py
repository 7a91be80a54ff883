"""What the providers have in common: how programs get tokens of them, and what a registry is told of them."""

import base64
import hashlib
import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from harness import PATIENCE
from providers.visitor import Refused

# Where programs are sent back to; nothing has to answer there.
NOTEBOOK = "http://127.0.0.1:8000/callback"
USERS = {"alice": ["ml-team", "admins"], "bob": ["ml-team"], "eve": []}
PASSWORD = "password"


@dataclass
class Client:
    """A program, as a provider knows it."""

    id: str
    scope: str
    secret: str = ""


class IdentityProvider(ABC):
    """A provider whose users are those of `USERS`. It is set up as docs/operating/access.md says."""

    issuer: str
    # A program in which people log in, one whose users the registry does not take, and one that logs in by itself.
    notebook: Client
    foreign: Client
    trainer: Client

    @abstractmethod
    def start(self) -> None:
        """Starts it, and after a `stop` under the same URL with what it has kept."""

    @abstractmethod
    def stop(self) -> None:
        """Ends it as an operator does."""

    @abstractmethod
    def settings(self) -> dict[str, str]:
        """What the registry's settings say of it."""

    @abstractmethod
    def return_to(self, callback: str) -> None:
        """Says where the registry is, to which browsers are sent back."""

    @abstractmethod
    def log_in(self, place: str, user: str, until: str = "") -> str:
        """Where somebody is sent back to who logs in there: to the registry, or to another address that begins with `until`."""

    @abstractmethod
    def confirm_device(self, place: str, user: str) -> str:
        """Does in a browser what somebody does who logs a command line in; the last page."""

    @abstractmethod
    def set_groups(self, user: str, groups: list[str]) -> None:
        """Puts somebody into just these groups."""

    @abstractmethod
    def remove(self, user: str) -> None:
        """Removes somebody."""

    @abstractmethod
    def replace_key(self) -> None:
        """Signs with another key from now on; what was signed with the one before still holds."""

    def document(self) -> dict:
        """Its discovery document."""
        return httpx.get(f"{self.issuer}/.well-known/openid-configuration", timeout=PATIENCE, trust_env=False).json()

    def tokens(self, user: str, client: Client | None = None) -> dict:
        """What a program gets in which somebody logs in: by the code flow with PKCE."""
        client = client or self.notebook
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(8)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "client_id": client.id,
            "response_type": "code",
            "redirect_uri": NOTEBOOK,
            "scope": client.scope,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        place = f"{self.document()['authorization_endpoint']}?{urlencode(query)}"
        answer = parse_qs(urlsplit(self.log_in(place, user, NOTEBOOK)).query)
        if "code" not in answer:
            raise Refused(answer)
        assert answer["state"] == [state]
        form = {"code": answer["code"][0], "redirect_uri": NOTEBOOK, "code_verifier": verifier}
        return self.ask(client, grant_type="authorization_code", **form)

    def token(self, user: str, client: Client | None = None) -> str:
        """The one of them that is for the registry."""
        return self.tokens(user, client)["access_token"]

    def client_token(self) -> str:
        """The token of a program that logs in by itself: by client credentials."""
        return self.ask(self.trainer, grant_type="client_credentials", scope=self.trainer.scope)["access_token"]

    def ask(self, client: Client, **form: str) -> dict:
        """What the token endpoint answers."""
        named = {} if client.secret else {"client_id": client.id}
        credential = (client.id, client.secret) if client.secret else None
        endpoint = self.document()["token_endpoint"]
        answer = httpx.post(endpoint, data=form | named, auth=credential, timeout=PATIENCE, trust_env=False)
        if answer.status_code != 200:
            raise Refused(answer.text)
        return answer.json()
