"""MLflow's own pages in a browser, on what the stock client made: each shows what it is for, and nothing goes wrong in it."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from browser import Browser, Tab, chromium
from callers import Accounts
from harness import Installation, Server
from idp.provider import Provider
from mlflow import MlflowClient
from person import CALLBACK, COOKIE, Person
from reference import PAGES, REFERENCE, Reference
from sklearn.linear_model import LogisticRegression

LOSSES = [1.0, 0.5, 0.25, 0.125, 0.0625]


@dataclass(frozen=True)
class Trained:
    """What the client made at a server, and where the pages are that show it."""

    base: str
    server: Server | Reference
    experiment: str
    experiment_name: str
    runs: tuple[str, str]
    model: str
    logged_model: str
    prompt: str


def train(server: Server | Reference) -> Trained:
    """Two runs with what runs have, a model with a version, and a prompt."""
    mlflow.set_tracking_uri(server.url)
    mlflow.set_registry_uri(server.url)
    suffix = uuid.uuid4().hex[:8]
    name, model, prompt = f"seen-{suffix}", f"fraud-{suffix}", f"greeting-{suffix}"
    experiment = mlflow.set_experiment(name).experiment_id
    runs = []
    for number in range(2):
        with mlflow.start_run(run_name=f"attempt-{number}") as run:
            mlflow.log_params({"depth": 3 + number, "solver": "lbfgs"})
            for step, loss in enumerate(LOSSES):
                mlflow.log_metric("loss", loss + number, step=step)
            # What is no number is not shown, and nothing fails because of it.
            mlflow.log_metrics({"accuracy": 0.75 + number / 8, "odd": float("nan")})
            mlflow.log_text("what was learned", "notes/first.txt")
            runs.append(run.info.run_id)
    with mlflow.start_run(run_id=runs[0]):
        rows = mlflow.data.from_pandas(pd.DataFrame({"amount": [1.0]}), name="payments")
        mlflow.log_input(rows, context="training")
        mlflow.log_image(np.full((8, 8, 3), 200, dtype=np.uint8), "pictures/grey.png")
        mlflow.log_text("<p>a report</p><script>document.body.append('its script ran')</script>", "report.html")
        learned = LogisticRegression().fit([[0.1], [0.9]], [0, 1])
        logged = mlflow.sklearn.log_model(
            learned, name="classifier", registered_model_name=model, pip_requirements=["scikit-learn"]
        )
    client = MlflowClient()
    client.set_registered_model_alias(model, "champion", "1")
    client.set_model_version_tag(model, "1", "reviewed", "by-two")
    mlflow.genai.register_prompt(name=prompt, template="Say {{what}} to everybody")
    base = f"{server.url}/" if REFERENCE else f"{server.url}/mlflow/"
    return Trained(base, server, experiment, name, (runs[0], runs[1]), model, logged.model_id, prompt)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module", params=["reference"] if REFERENCE else ["embedded", "production"])
def trained(request: pytest.FixtureRequest, servers: Callable) -> Trained:
    return train(servers(request.param))


@pytest.fixture
def tab(browser: Browser, trained: Trained) -> Iterator[Tab]:
    with browser.tab(trained.base) as tab:
        yield tab


def of_experiment(trained: Trained, path: str = "") -> str:
    return f"experiments/{trained.experiment}{path}"


def of_run(trained: Trained, path: str = "") -> str:
    return of_experiment(trained, f"/runs/{trained.runs[0]}{path}")


def test_the_start_shows_the_newest_experiments(tab: Tab, trained: Trained) -> None:
    # Whatever else is there changes meanwhile.
    MlflowClient(trained.server.url).set_experiment_tag(trained.experiment, "seen", "now")
    tab.open("").sees("Experiments", trained.experiment_name)
    tab.check()


def test_the_list_of_experiments(tab: Tab, trained: Trained) -> None:
    MlflowClient(trained.server.url).set_experiment_tag(trained.experiment, "seen", "again")
    tab.open("experiments").sees(trained.experiment_name)
    tab.check()


def test_the_table_of_an_experiment(tab: Tab, trained: Trained) -> None:
    tab.open(of_experiment(trained, "/runs")).sees(trained.experiment_name, "attempt-0", "attempt-1", "2 matching runs")
    tab.sees("payments", trained.model)
    tab.check()


def test_the_charts_of_an_experiment(tab: Tab, trained: Trained) -> None:
    tab.open(of_experiment(trained, "/runs?compareRunsMode=CHART")).sees("attempt-0", "accuracy", "loss")
    # A bar and a line for each of the runs.
    tab.visible(tab.page.locator(".js-plotly-plot .bars path").nth(1))
    tab.visible(tab.page.locator(".js-plotly-plot path.js-line").nth(1))
    tab.check()


def test_the_logged_models_of_an_experiment(tab: Tab, trained: Trained) -> None:
    tab.open(of_experiment(trained, "/models")).sees("classifier", trained.model, "attempt-0")
    tab.check()


def test_a_run(tab: Tab, trained: Trained) -> None:
    tab.open(of_run(trained)).sees(trained.runs[0], "attempt-0", "Finished", "Metrics (2)", "Parameters (2)")
    tab.sees("accuracy", "0.75", "loss", "0.0625", "depth", "solver", "lbfgs")
    tab.sees("payments", "Training", "classifier", trained.model)
    tab.check()


def test_the_metrics_of_a_run(tab: Tab, trained: Trained) -> None:
    tab.open(of_run(trained, "/model-metrics")).sees("loss", "accuracy")
    tab.visible(tab.page.locator(".js-plotly-plot path.js-line"))
    tab.check()


def test_a_text_among_the_artifacts_of_a_run(tab: Tab, trained: Trained) -> None:
    tab.open(of_run(trained, "/artifacts/notes/first.txt")).sees("notes", "first.txt", "pictures", "what was learned")
    tab.check()


def test_a_picture_among_the_artifacts_of_a_run(tab: Tab, trained: Trained) -> None:
    tab.open(of_run(trained, "/artifacts/pictures/grey.png")).sees("grey.png")
    picture = tab.visible(tab.page.locator("img[src^='blob:']"))
    assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 8
    tab.check()


@pytest.mark.ours
def test_a_page_among_the_artifacts_of_a_run_is_shown_without_its_scripts(tab: Tab, trained: Trained) -> None:
    tab.open(of_run(trained, "/artifacts/report.html"))
    report = tab.page.frame_locator("iframe").locator("body")
    report.get_by_text("a report").wait_for()
    tab.settle()
    assert report.inner_text().strip() == "a report"
    [refused] = tab.wrong
    assert "inline script" in refused and "Content Security Policy" in refused


def test_runs_beside_each_other(tab: Tab, trained: Trained) -> None:
    compared = f"compare-runs?runs={json.dumps(trained.runs)}&experiments={json.dumps([trained.experiment])}"
    tab.open(compared).sees("Comparing 2 Runs", "attempt-0", "attempt-1", "depth", "0.875", "0.063")
    tab.visible(tab.page.locator(".js-plotly-plot"))
    tab.check()


def test_the_list_of_models(tab: Tab, trained: Trained) -> None:
    tab.open(f"models?searchQuery={trained.model}").sees(trained.model, "Version 1", "@ champion")
    tab.check()


def test_a_model(tab: Tab, trained: Trained) -> None:
    tab.open(f"models/{trained.model}").sees(trained.model, "Version 1", "@ champion", "reviewed")
    tab.check()


def test_a_version_of_a_model(tab: Tab, trained: Trained) -> None:
    tab.open(f"models/{trained.model}/versions/1").sees("attempt-0", "classifier", "@ champion", "reviewed", "by-two")
    tab.check()


def test_a_logged_model(tab: Tab, trained: Trained) -> None:
    tab.open(of_experiment(trained, f"/models/{trained.logged_model}")).sees(trained.logged_model, "classifier", "Ready")
    tab.sees("attempt-0", trained.model)
    tab.check()


def test_the_list_of_prompts_and_a_prompt(tab: Tab, trained: Trained) -> None:
    tab.open("prompts").sees(trained.prompt)
    tab.open(f"prompts/{trained.prompt}").sees("Version 1", "Say {{what}} to everybody")
    tab.check()


def test_a_run_that_is_not_there(tab: Tab, trained: Trained) -> None:
    missing = "0" * 31 + "7"
    tab.open(of_experiment(trained, f"/runs/{missing}")).sees(f"Run ID {missing} does not exist")
    tab.check()


def rename_run(tab: Tab, name: str) -> None:
    """Renames the run that is shown."""
    tab.page.get_by_test_id("overflow-menu-trigger").click()
    tab.page.get_by_role("menuitem", name="Rename").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_test_id("rename-modal-input").fill(name)
    dialog.get_by_role("button", name="Save").click()


def add_alias(tab: Tab, alias: str) -> None:
    """Gives the version that is shown an alias."""
    tab.page.get_by_title("Edit aliases").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_role("combobox").fill(alias)
    dialog.get_by_role("combobox").press("Enter")
    dialog.get_by_role("button", name="Save aliases").click()


def test_what_is_written_in_the_pages(tab: Tab, trained: Trained) -> None:
    client = MlflowClient(trained.server.url, trained.server.url)
    tab.open(of_experiment(trained, f"/runs/{trained.runs[1]}")).sees("attempt-1")
    rename_run(tab, "attempt-renamed")
    tab.sees("attempt-renamed")
    tab.settle()
    assert client.get_run(trained.runs[1]).info.run_name == "attempt-renamed"
    client.update_run(trained.runs[1], name="attempt-1")

    tab.open(f"models/{trained.model}/versions/1").sees("@ champion")
    add_alias(tab, "shadow")
    tab.sees("@ shadow")
    tab.page.get_by_label("tag name").fill("seen")
    tab.page.get_by_label("tag value").fill("in a browser")
    tab.page.get_by_role("button", name="Add", exact=True).click()
    tab.sees("in a browser")
    tab.check()
    version = client.get_model_version_by_alias(trained.model, "shadow")
    assert (version.version, version.tags["seen"]) == ("1", "in a browser")
    client.delete_registered_model_alias(trained.model, "shadow")


class Corporation:
    """A registry with accounts and with MLflow's pages, whose people log in by a provider."""

    def __init__(self, installation: Installation, provider: Provider):
        self.provider = provider
        client = {
            "URL": provider.issuer,
            "AUDIENCES": "modelport",
            "BROWSER_CLIENT_ID": "modelport-ui",
            "BROWSER_CLIENT_SECRET": "ui-secret",
        }
        settings = {f"MODELPORT__AUTH__ISSUERS__CORP__{name}": value for name, value in client.items()}
        settings["MODELPORT__MLFLOW__STATIC_DIR"] = str(PAGES)
        self.accounts = Accounts.of(installation, settings)
        self.base = f"{self.accounts.server.url}/mlflow/"
        # The provider has to know where the server is.
        provider.stop()
        provider.callback = f"{self.accounts.server.url}{CALLBACK}"
        provider.start()

    def logged_in(self, name: str) -> Person:
        person = Person(self.accounts.server, self.provider, name)
        person.log_in()
        return person


@pytest.fixture
def corporation(installation: Installation, tmp_path: Path) -> Iterator[Corporation]:
    with Provider(tmp_path) as provider:
        corporation = Corporation(installation, provider)
        yield corporation
        corporation.accounts.server.stop()




@pytest.fixture
def registered(corporation: Corporation, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """The client of a writer, who made a run in the experiment `0` and the model `fraud` with a version."""
    accounts = corporation.accounts
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", accounts.service("trainer", "writer").token)
    client = MlflowClient(accounts.server.url, accounts.server.url)
    client.create_run("0", run_name="attempt")
    client.create_registered_model("fraud")
    client.create_model_version("fraud", "s3://elsewhere/model")
    return client


@pytest.mark.ours
@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_people_who_logged_in(corporation: Corporation, registered: MlflowClient, browser: Browser) -> None:
    corporation.accounts.bind("reader", group="corp:ml-team")
    alice, eve = corporation.logged_in("alice"), corporation.logged_in("eve")
    corporation.accounts.bind("maintainer", principal=alice.whoami()["principal"]["handle"])
    [run] = registered.search_runs(["0"])
    # Where a version has an alias, the page names the button that edits them.
    registered.set_registered_model_alias("fraud", "first", "1")
    with browser.somebody(corporation.base, (COOKIE, alice.cookie())) as tab:
        tab.open(f"experiments/0/runs/{run.info.run_id}").sees("attempt")
        rename_run(tab, "attempt-of-alice")
        tab.sees("attempt-of-alice")
        tab.open("models/fraud/versions/1").sees("Version 1")
        add_alias(tab, "of-alice")
        tab.sees("@ of-alice")
        tab.check()
    assert registered.get_run(run.info.run_id).info.run_name == "attempt-of-alice"
    assert registered.get_model_version_by_alias("fraud", "of-alice").version == "1"
    # Who made it is in the record, and it is she.
    trail = corporation.accounts.admin.ask("GET", "/api/v1/changes", 200).json()["items"]
    assert alice.whoami()["principal"]["handle"] in {entry["actor"] for entry in trail}

    bob = corporation.logged_in("bob")
    with browser.somebody(corporation.base, (COOKIE, bob.cookie())) as tab:
        tab.open("models/fraud/versions/1").sees("@ of-alice")
        tab.check()
        with tab.page.expect_response(lambda response: response.status == 403):
            add_alias(tab, "of-bob")
    assert set(registered.get_registered_model("fraud").aliases) == {"first", "of-alice"}

    with browser.somebody(corporation.base, (COOKIE, eve.cookie())) as tab:
        tab.open("models").sees("Registered Models")
        tab.check()
        assert tab.page.get_by_text("fraud").count() == 0
