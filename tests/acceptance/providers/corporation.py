"""A registry whose people and programs log in by a provider."""

from callers import API, Accounts, Caller
from harness import Installation
from person import CALLBACK, Person
from providers.provider import IdentityProvider
from terminal import Asked, Terminal

# When the provider has not answered, it is asked anew of a session after so many seconds.
ASKED_AGAIN = 30


def sessions(*, renewal: int, stale: int) -> dict[str, str]:
    """After how many seconds the provider is asked anew, and for how many its word counts."""
    named = {"RENEWAL": renewal, "STALE": stale}
    return {f"MODELPORT__AUTH__SESSIONS__{name}_SECONDS": str(seconds) for name, seconds in named.items()}


class Corporation:
    """The group `ml-team` may write, everybody else nothing."""

    def __init__(self, installation: Installation, provider: IdentityProvider, settings: dict[str, str]):
        self.installation, self.provider = installation, provider
        named = {f"MODELPORT__AUTH__ISSUERS__CORP__{name}": value for name, value in provider.settings().items()}
        self.accounts = Accounts.of(installation, named | settings)
        self.accounts.bind("writer", group="corp:ml-team")
        provider.return_to(f"{self.accounts.server.url}{CALLBACK}")

    def caller(self, token: str) -> Caller:
        return Caller(self.accounts.server, token)

    def status(self, token: str) -> int:
        return self.caller(token).status("GET", f"{API}/whoami")

    def logged_in(self, name: str) -> Person:
        """Somebody with a browser of their own."""
        person = Person(self.accounts.server, self.provider, name)
        person.log_in()
        return person

    def terminal(self, name: str, user: str) -> Terminal:
        """A command line of its own, at which somebody has logged in."""
        terminal = Terminal(self.installation, self.installation.folder / name)
        login = Asked(terminal, "--server", self.accounts.server.url)
        self.provider.confirm_device(login.url, user)
        code, said = login.end()
        assert (code, said) == (0, f"Logged in to {self.accounts.server.url} as {user}.\n")
        return terminal

    def ends(self) -> list[str]:
        """Why sessions have ended."""
        found = self.accounts.admin.ask("GET", f"{API}/audit", 200, params={"action": "logout"}).json()["items"]
        return [entry["details"]["reason"] for entry in found]
