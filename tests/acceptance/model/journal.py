"""How it is asked; how much was, and what was answered last, for the message of a step that fails."""

import httpx

# A connection that is idle is not taken up again just when the server closes it.
OPTIONS = {"timeout": 60.0, "trust_env": False, "limits": httpx.Limits(keepalive_expiry=1.0)}


class Journal:
    """Of all doors together."""

    requests = 0
    answer = ""

    @classmethod
    def note(cls, answer: str) -> None:
        cls.requests += 1
        cls.answer = answer[:300]


class Door:
    """A protocol over HTTP."""

    def __init__(self, base_url: str):
        self.http = httpx.Client(base_url=base_url, **OPTIONS)

    def ask(self, method: str, path: str, **options) -> httpx.Response:
        response = self.http.request(method, path, **options)
        Journal.note(f"{response.status_code} {response.text}")
        assert response.status_code < 500, f"{method} {path} {options}: {response.status_code} {response.text}"
        return response
