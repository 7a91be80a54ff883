"""What is measured by threads of Python and not by wrk, because the next request depends on the last answer, or on the time."""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from threading import Event

from load import TIMEOUT, Figures
from mlflow_registry import STARTED, Client, Filled

CLIENTS, BATCHES = 8, 300
# How many clients write while searches are measured, and how many runs each of them starts in a second.
WRITERS, WRITTEN_PER_SECOND = 2, 25
TOKEN = re.compile(rb'"next_page_token":\s*"([^"]+)"')


def figures(times: list[float], seconds: float, errors: Counter[str]) -> Figures:
    """Of answers that took so many seconds each."""
    if not times:
        return Figures(0, 0, 0, 0, dict(errors))
    times = sorted(times)
    at = [times[min(int(len(times) * share), len(times) - 1)] * 1000 for share in (0.5, 0.99, 1)]
    return Figures((len(times) - errors.total()) / seconds, *at, dict(errors))


def timed(client: Client, path: str, body: str, times: list[float], errors: Counter[str]) -> bytes | None:
    """The answer, where it is one of success."""
    started = time.perf_counter()
    try:
        status, answer = client.ask("POST", path, body)
    except (OSError, HTTPException):
        client.connection.close()
        status, answer = 0, b""
    times.append(time.perf_counter() - started)
    if status == 200:
        return answer
    errors[f"{status // 100}xx" if status else "lost"] += 1
    return None


def log_singly(filled: Filled) -> tuple[Figures, int]:
    """Eight clients that each log batches of one metric to one run, all at once, and then the same batches once more: a client that
    had no answer does so. The figures of the first time, and how many points there are in the end that nobody logged, or are not there.
    """
    run = filled.new_runs(1)["run_ids"]
    batches = [
        [f'{{"run_id":"{run}","metrics":[{{"key":"loss","value":{1 / (1 + step)},"timestamp":{STARTED},"step":{step}}}]}}'
         for step in range(client, CLIENTS * BATCHES, CLIENTS)]
        for client in range(CLIENTS)
    ]  # fmt: skip
    times: list[float] = []
    errors: Counter[str] = Counter()

    def log(mine: list[str]) -> None:
        client = Client(filled.url, TIMEOUT)
        for batch in mine:
            timed(client, "runs/log-batch", batch, times, errors)

    with ThreadPoolExecutor(CLIENTS) as pool:
        started = time.monotonic()
        list(pool.map(log, batches))
        first = figures(times, time.monotonic() - started, errors)
        errors.clear()
        list(pool.map(log, batches))
    for kind, count in errors.items():
        first.errors[f"{kind} when repeated"] = count
    status, answer = Client(filled.url).ask("GET", f"metrics/get-history?run_id={run}&metric_key=loss")
    assert status == 200, answer
    return first, len(json.loads(answer)["metrics"]) - CLIENTS * BATCHES


@contextmanager
def written_meanwhile(filled: Filled) -> Iterator[None]:
    """Other clients start runs and log to them, at a steady pace that costs few of the cores."""
    ended, counts = Event(), [0] * WRITERS

    def write(writer: int) -> None:
        client, started = Client(filled.url), time.monotonic()
        while not ended.wait(max(0, started + counts[writer] / WRITTEN_PER_SECOND - time.monotonic())):
            ids = filled.experiments
            client.train(ids[counts[writer] % len(ids)], 10**9 * (writer + 1) + counts[writer])
            counts[writer] += 1

    started = time.monotonic()
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(write, writer) for writer in range(WRITERS)]
        try:
            yield
        finally:
            ended.set()
    for each in writing:
        each.result()
    print(f"{filled.name}: {sum(counts) / (time.monotonic() - started):.0f} runs a second were written meanwhile", flush=True)


def page_through(filled: Filled, experiments: list[str], page: int, seconds: float) -> tuple[Figures, Figures]:
    """Searches by a metric and a parameter in the order of another metric: first pages, and those after them. One client."""
    client = Client(filled.url, TIMEOUT)
    first: list[float] = []
    after: list[float] = []
    errors: Counter[str] = Counter()
    later_errors: Counter[str] = Counter()
    asked = {"experiment_ids": experiments, "max_results": page, "order_by": ["metrics.loss ASC"]}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or not first:
        bound, depth = random.uniform(0.05, 0.95), random.randrange(10)
        asked["filter"] = f"metrics.accuracy > {bound:.4f} AND params.depth = '{depth}'"
        answer = timed(client, "runs/search", json.dumps(asked), first, errors)
        if answer and (token := TOKEN.search(answer)):
            timed(client, "runs/search", json.dumps(asked | {"page_token": token[1].decode()}), after, later_errors)
    return figures(first, sum(first), errors), figures(after, sum(after), later_errors)
