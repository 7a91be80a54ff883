"""Tables of requests that are refused."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from reference import REFERENCE
from wire import Wire


@dataclass(frozen=True)
class Refused:
    """A request that is refused: its method and path, its fields, and what the message says."""

    request: str
    fields: Any
    message: str = ""
    status: int = 400
    code: str = "INVALID_PARAMETER_VALUE"
    # What upstream answers where that is deliberately not the answer here: 500 to a client's mistake, or 200.
    upstream: int | None = None

    def mistake(self, wire: Wire, names: dict[str, str]) -> str | None:
        """What is wrong with the answer."""
        method, path = self.request.split(" ", 1)
        fields = filled(self.fields, names)
        options = {"params": fields} if method == "GET" else {"json": fields}
        answer = wire.ask(method, path.format_map(names), None, **options)
        shown = f"{self.request} {str(fields)[:300]}: {answer.status_code} {answer.text[:300]}"
        if REFERENCE and self.upstream:
            return None if answer.status_code == self.upstream else shown
        if answer.status_code != self.status:
            return shown
        body = answer.json()
        # Upstream says of some that the database refused them.
        known = body["error_code"] == self.code or REFERENCE and body["error_code"] == "BAD_REQUEST"
        return None if known and re.search(self.message, body["message"], re.DOTALL) else shown


def filled(value: Any, names: dict[str, str]) -> Any:
    """The value with the names of what is there in its texts."""
    if isinstance(value, str) and "{" in value:
        return value.format_map(names)
    if isinstance(value, dict):
        return {key: filled(each, names) for key, each in value.items()}
    return [filled(each, names) for each in value] if isinstance(value, list) else value


def missing(request: str, name: str, /, **fields: Any) -> Refused:
    """A request without a field that it needs."""
    return Refused(request, fields, f"Missing value for required parameter '{re.escape(name)}'")


def wrong(request: str, name: str, kind: str, /, **fields: Any) -> Refused:
    """A request with a field of another type."""
    message = f"Invalid value .* for parameter '{re.escape(name)}' supplied.*Hint: Value was of type '{kind}'"
    return Refused(request, fields, message)


def check(wire: Wire, table: list[Refused], **names: str) -> None:
    """Sends all of them, and says which were not refused as they should be."""
    mistakes = [each for each in (row.mistake(wire, names) for row in table) if each]
    if mistakes:
        pytest.fail("\n".join(mistakes), pytrace=False)
