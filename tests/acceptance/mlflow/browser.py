"""A browser in front of MLflow's own pages, which keeps what went wrong in it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import playwright.sync_api
from harness import PATIENCE, ROOT
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response, sync_playwright

# What the pages ask everywhere, and do without: whose account it is in MLflow's own accounts, and its assistant.
DONE_WITHOUT = (
    "mlflow/users/current",
    "mlflow/assistant/config",
    "mlflow/assistant/providers",
    # A version whose source is elsewhere has no such file here.
    "get-artifact?path=MLmodel&name=fraud&version=1",
)
# A worker, of whose script the browser never says that it is loaded.
WORKER = "TelemetryLogger.telemetry-worker"
MILLISECONDS = 1000
# How long nothing is asked any more once a page has all that it wants.
QUIET = 300


class Tab:
    """A tab of the browser."""

    def __init__(self, page: Page, base: str):
        self.page, self.base = page, base
        # What was asked and is not answered, and what was answered with.
        self.waiting: set[Request] = set()
        self.answers: list[tuple[int, str, str]] = []
        self.wrong: list[str] = []
        page.set_default_timeout(PATIENCE * MILLISECONDS)
        page.on("request", self.on_request)
        page.on("requestfinished", lambda request: self.waiting.discard(request))
        page.on("requestfailed", self.on_failure)
        page.on("response", self.on_response)
        page.on("console", self.on_message)
        page.on("pageerror", lambda error: self.wrong.append(f"a script failed: {error}"))

    def on_request(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")) and WORKER not in request.url:
            self.waiting.add(request)

    def on_failure(self, request: Request) -> None:
        self.waiting.discard(request)
        # A page that is left does not wait for what it asked.
        if request.failure != "net::ERR_ABORTED":
            self.wrong.append(f"{request.method} {request.url}: {request.failure}")

    def on_response(self, response: Response) -> None:
        url = response.url
        self.answers.append((response.status, response.request.method, url.removeprefix(self.base)))
        if not url.startswith((self.base, "data:", "blob:")):
            self.wrong.append(f"{url} is elsewhere")
        if response.status >= 400 and not url.endswith(DONE_WITHOUT):
            self.wrong.append(f"{response.request.method} {url}: {response.status}")

    def on_message(self, message: ConsoleMessage) -> None:
        is_known = message.text.startswith("Failed to load resource") and message.location["url"].endswith(DONE_WITHOUT)
        if message.type == "error" and not is_known:
            self.wrong.append(f"the console says: {message.text[:1000]}")

    def open(self, path: str) -> Self:
        """Shows a page, by the path that the pages themselves keep behind the `#`."""
        self.page.goto(f"{self.base}#/{path}")
        return self

    def sees(self, *texts: str) -> None:
        """Waits until all of these can be read."""
        for text in texts:
            self.visible(self.page.get_by_text(text))

    def visible(self, found: Locator) -> Locator:
        """The first of what can be seen, once there is one."""
        first = found.filter(visible=True).first
        first.wait_for()
        return first

    def settle(self) -> None:
        """Waits until all that was asked is answered and nothing more is asked."""
        for _ in range(int(PATIENCE * MILLISECONDS / QUIET)):
            before = len(self.answers)
            self.page.wait_for_timeout(QUIET)
            if not self.waiting and len(self.answers) == before:
                return
        raise AssertionError(f"still waiting: {[request.url for request in self.waiting]}")

    def check(self) -> None:
        """Nothing went wrong, of what is to be expected of a page that has all it wants."""
        self.settle()
        assert self.wrong == [], self.wrong


class Browser:
    """Chromium, without a window."""

    def __init__(self, started: playwright.sync_api.Browser):
        self.started = started
        # What its tabs share, so that they have what they loaded.
        self.ours = self.context()

    def context(self) -> BrowserContext:
        return self.started.new_context(viewport={"width": 1500, "height": 1000})

    @contextmanager
    def tab(self, base: str) -> Iterator[Tab]:
        """A tab whose pages are below `base`."""
        with self.ours.new_page() as page:
            yield Tab(page, base)

    @contextmanager
    def somebody(self, base: str, cookie: tuple[str, str] | None = None) -> Iterator[Tab]:
        """The same of somebody else, who has this cookie."""
        with self.context() as context:
            if cookie:
                context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": base}])
            yield Tab(context.new_page(), base)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, which is started for it."""
    program = subprocess.check_output([ROOT / "scripts/tools", "chromium"], text=True).strip()
    with sync_playwright() as driver, driver.chromium.launch(executable_path=program) as started:
        yield Browser(started)
