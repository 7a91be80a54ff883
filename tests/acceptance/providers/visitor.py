"""A browser, as far as logging in needs one: cookies, redirects, and the forms of pages."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx
from harness import PATIENCE


class Refused(Exception):
    """What a provider shows instead of going on."""


@dataclass
class Form:
    """A form of a page: where it is sent, what with if nobody types anything, and the buttons by which it is."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, str] = field(default_factory=dict)


class Forms(HTMLParser):
    """The forms of a page, in order."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[Form] = []
        self.is_inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.found.append(Form(has.get("action", "")))
            self.is_inside = True
        elif self.is_inside and tag in ("input", "button") and "name" in has:
            form, value = self.found[-1], has.get("value", "")
            if tag == "button" or has.get("type") == "submit":
                form.buttons[has["name"]] = value
            elif has.get("type") != "checkbox":
                form.fields[has["name"]] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.is_inside = False


class Visitor:
    """Somebody at a browser of their own, who types the same into each field of a name and presses the first button of a form."""

    def __init__(self, presses: str = "", **typed: str):
        """Where there is a button of the name `presses`, it is that one."""
        self.presses, self.typed = presses, typed
        self.http = httpx.Client(timeout=PATIENCE, trust_env=False, event_hooks={"response": [self.keep_cookies]})

    def keep_cookies(self, _answer: httpx.Response) -> None:
        """Those for TLS alone, too: to browsers an address of the machine itself is as good as TLS."""
        for cookie in self.http.cookies.jar:
            cookie.secure = False

    def visit(self, place: str, until: str = "") -> str:
        """Where a login ends: the address that begins with `until`, or else the page that asks nothing more."""
        answer, sent = self.http.get(place), []
        for _ in range(20):
            if answer.is_redirect:
                place = urljoin(str(answer.url), answer.headers["location"])
                if until and place.startswith(until):
                    return place
                answer = self.http.get(place)
                continue
            forms = Forms(answer.text).found
            if answer.status_code == 200 and not forms and not until:
                return answer.text
            form = self.filled(forms[0]) if forms else None
            # A page that comes again has not liked what was typed.
            if answer.status_code != 200 or not form or form in sent:
                raise Refused(f"{answer.url}: {answer.status_code} {answer.text}")
            sent.append(form)
            answer = self.http.post(urljoin(str(answer.url), form.action), data=form.fields)
        raise Refused(f"the login does not end: {place}")

    def filled(self, form: Form) -> Form:
        typed = {name: text for name, text in self.typed.items() if name in form.fields}
        pressed = self.presses if self.presses in form.buttons else next(iter(form.buttons), None)
        return Form(form.action, form.fields | typed | ({pressed: form.buttons[pressed]} if pressed else {}))
