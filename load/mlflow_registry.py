"""What is put into a server through MLflow's API before it is measured. Each part is put there when it is first asked for."""

import json
import random
import re
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cached_property
from http.client import HTTPConnection

API = "/api/2.0/mlflow/"
THREADS = 8
PROGRESS_SECONDS = 10
RUNS_OF_AN_EXPERIMENT = 10_000
VERSIONS_OF_A_MODEL = 20
# How many versions have the same tag.
VERSIONS_OF_A_DATASET = 20
FULL_RUNS, FIRST_RUNS = 50, 100
# How long an answer may take that is not measured.
PATIENCE = 120
RUN_ID = re.compile(rb'"run_id":\s*"([0-9a-f]+)"')
# Of the server's, not counting that of who asks.
BUSY_SESSIONS = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'"""
STARTED = 1767225600000


def is_busy(status: int, answer: bytes) -> bool:
    """Whether nothing was done, and may be asked for again. MLflow's own server answers 400 when it has no connection left."""
    return status == 503 or b"QueuePool limit" in answer


class Client:
    """A connection to MLflow's API that is kept. Of one thread."""

    def __init__(self, url: str, timeout: float = PATIENCE):
        self.connection = HTTPConnection(url.removeprefix("http://"), timeout=timeout)

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        """Status and body of the answer. What is lost on the way raises OSError or HTTPException."""
        headers = {} if body is None else {"Content-Type": "application/json"}
        self.connection.request(method, API + path, body and body.encode(), headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def post(self, path: str, body: str) -> bytes:
        """What must be answered with 200, if not at once: what was measured before may still keep the server busy."""
        deadline = time.monotonic() + PATIENCE
        status, answer = self.ask("POST", path, body)
        while is_busy(status, answer) and time.monotonic() < deadline:
            time.sleep(1)
            status, answer = self.ask("POST", path, body)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}: {answer[:400].decode(errors='replace')}")
        return answer

    def create_experiment(self, name: str) -> str:
        return json.loads(self.post("experiments/create", json.dumps({"name": name})))["experiment_id"]

    def create_run(self, experiment: str, number: int) -> str:
        """The id of a run that has a name and three tags."""
        tags = (("mlflow.user", "ada"), ("mlflow.source.name", "train.py"), ("team", f"team-{number % 20}"))
        shown = ",".join(f'{{"key":"{key}","value":"{value}"}}' for key, value in tags)
        answer = self.post(
            "runs/create",
            f'{{"experiment_id":"{experiment}","run_name":"run-{number}","start_time":{STARTED + number},"tags":[{shown}]}}',
        )
        return RUN_ID.search(answer)[1].decode()

    def train(self, experiment: str, number: int) -> None:
        """A run with five metrics and five parameters, which are random, but for the number always the same."""
        run, value = self.create_run(experiment, number), random.Random(number).random
        metrics = ",".join(
            f'{{"key":"{key}","value":{value():.6f},"timestamp":{STARTED + number},"step":1}}'
            for key in ("accuracy", "loss", "f1", "auc", "recall")
        )
        params = {"depth": int(value() * 10), "optimizer": "adam", "rate": f"{value():.4f}", "batch": 32, "seed": number}
        shown = ",".join(f'{{"key":"{key}","value":"{value}"}}' for key, value in params.items())
        self.post("runs/log-batch", f'{{"run_id":"{run}","metrics":[{metrics}],"params":[{shown}]}}')


def for_each(url: str, count: int, what: str, work: Callable[[Client, int], None]) -> None:
    """Does the work for each number below `count`, by several threads with a connection each; says how far it is."""
    # An iterator that C implements may be shared by threads.
    numbers, done, failed = iter(range(count)), [0] * THREADS, []
    started = time.monotonic()

    def go(thread: int) -> None:
        client = Client(url)
        try:
            for number in numbers:
                if failed:
                    return
                work(client, number)
                done[thread] += 1
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            client.connection.close()

    def say() -> None:
        seconds = time.monotonic() - started
        print(f"{what}: {sum(done)} of {count} in {seconds:.0f} s, {sum(done) / seconds:.0f} a second", flush=True)

    with ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(go, thread) for thread in range(THREADS)]
        while wait(running, timeout=PROGRESS_SECONDS).not_done:
            say()
    for thread in running:
        thread.result()
    say()


class Filled:
    """A server, and what the requests need to know of what has been put into it."""

    def __init__(self, name: str, url: str, database_url: str, models: int, runs: int):
        self.name, self.url, self.database_url = name, url, database_url
        self.model_count, self.run_count = models, runs

    def analyze(self) -> None:
        """What autovacuum does by itself a while later."""
        subprocess.run(["psql", "-q", self.database_url, "-c", "VACUUM ANALYZE"], check=True)

    def warm_up(self) -> None:
        """Each of several workers does something for the first time, for which it takes seconds."""
        for_each(self.url, FIRST_RUNS, f"{self.name}: first runs", lambda client, number: client.train(self.experiment, number))

    def ask_database(self, query: str) -> int:
        return int(subprocess.check_output(["psql", "-qAt", self.database_url, "-c", query], text=True))

    def settle(self) -> None:
        """Waits until the server has ended what nobody waits for any more: MLflow's own, out of connections, takes half a minute."""
        deadline, idle = time.monotonic() + PATIENCE, 0
        while idle < 2 and time.monotonic() < deadline:
            idle = 0 if self.ask_database(BUSY_SESSIONS) else idle + 1
            time.sleep(0.2)
        if idle < 2:
            print(f"{self.name} is still busy after {PATIENCE} s", flush=True)

    def deadlocks(self) -> int:
        """How many transactions PostgreSQL has ended because of one, those among them that the server has repeated by itself."""
        return self.ask_database("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")

    @cached_property
    def models(self) -> dict[str, object]:
        """Models with twenty versions each; twenty versions have the same tag."""
        datasets = max(1, self.model_count * VERSIONS_OF_A_MODEL // VERSIONS_OF_A_DATASET)

        def make(client: Client, number: int) -> None:
            name = f"model-{number:05}"
            client.post("registered-models/create", json.dumps({"name": name}))
            for version in range(VERSIONS_OF_A_MODEL):
                dataset = f"dataset-{(number * VERSIONS_OF_A_MODEL + version) % datasets}"
                tags = [{"key": "dataset", "value": dataset}, {"key": "stage", "value": f"stage-{version % 10}"}]
                source = f"s3://bucket/{name}/{version}"
                client.post("model-versions/create", json.dumps({"name": name, "source": source, "tags": tags}))

        for_each(self.url, self.model_count, f"{self.name}: models with {VERSIONS_OF_A_MODEL} versions", make)
        self.analyze()
        return {"models": self.model_count, "versions_of_a_model": VERSIONS_OF_A_MODEL, "datasets": datasets}

    @cached_property
    def experiment(self) -> str:
        """The id of one whose runs are not searched."""
        return Client(self.url).create_experiment("logged")

    def new_runs(self, count: int) -> dict[str, object]:
        """Runs that have no metric yet."""
        client = Client(self.url)
        return {"run_ids": ",".join(client.create_run(self.experiment, number) for number in range(count))}

    @cached_property
    def full_runs(self) -> dict[str, object]:
        """Runs with 50 metrics, 50 parameters and 20 tags, of which one is the name and three are those of any run."""
        made, client = self.new_runs(FULL_RUNS), Client(self.url)
        for run in made["run_ids"].split(","):
            batch = {
                "run_id": run,
                "metrics": [{"key": f"metric-{n}", "value": n / 7, "timestamp": STARTED, "step": n} for n in range(50)],
                "params": [{"key": f"param-{n}", "value": f"value {n}"} for n in range(50)],
                "tags": [{"key": f"tag-{n}", "value": f"value {n}"} for n in range(16)],
            }
            client.post("runs/log-batch", json.dumps(batch))
        self.analyze()
        return made

    @cached_property
    def experiments(self) -> list[str]:
        """The ids of experiments with 10,000 runs each, or with all there are."""
        client = Client(self.url)
        ids = [client.create_experiment(f"searched-{n}") for n in range(max(1, self.run_count // RUNS_OF_AN_EXPERIMENT))]

        def train(client: Client, number: int) -> None:
            client.train(ids[number % len(ids)], number)

        for_each(self.url, self.run_count, f"{self.name}: runs in {len(ids)} experiments", train)
        self.analyze()
        return ids
