"""What ties entities together: registrations in one request, attachments, aliases by id, and what was measured."""

from collections import Counter
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from . import kubeflow, native, patches
from .base import Base
from .checks import NOT_FINITE
from .entities import TYPES, Value
from .entity_rules import editions
from .native_rules import aliases
from .plans import MILLIS, NOBODY, external_ids, names, pick, picks
from .registry import LATER, Draft, Node, Refusal
from .values import DOUBLES, ODD_DOUBLES, WRONG_ALIASES, canonical

CONTEXTS = ("kf.ModelVersion", "kf.ExperimentRun")
ARTIFACTS = tuple(name for name, of in TYPES.items() if of.kind == "artifact")
# What JSON has no numbers for is named.
NAMED = {repr(value): name for value, name in zip(ODD_DOUBLES, ["NaN", "Infinity", "-Infinity"], strict=True)}
points = st.tuples(
    names, st.sampled_from([*DOUBLES, *ODD_DOUBLES]), st.sampled_from([None, 0, 3]), st.sampled_from([None, *MILLIS])
)


def in_json(value: Value) -> Value:
    """A double as JSON has it, which has no others than numbers."""
    said = canonical(value)
    return ("double", None) if said in NOT_FINITE else said


class LinkRules(Base):
    """Edges, through the doors that write REST."""

    @rule(
        model=names,
        version=names,
        external_id=external_ids,
        artifacts=st.lists(st.one_of(st.none(), names), max_size=2),
    )
    def register(self, model: str, version: str, external_id: str | None, artifacts: list[str | None]) -> None:
        """A version with its artifacts, and its model where there is none."""
        live = {"state": ("string", "LIVE")}
        registry, found = self.registry, self.registry.named("kf.RegisteredModel", None, model)
        drafts = [Draft("kf.ModelVersion", version, found.id if found else None, external_id, properties=live)]
        drafts += [Draft("kf.ModelArtifact", name) for name in artifacts]
        body: dict[str, Any] = {"model": {"name": model}, "version": {"name": version}, "artifacts": []}
        if external_id is not None:
            body["version"]["externalId"] = external_id
        body["artifacts"] = [{"name": name} if name is not None else {} for name in artifacts]
        of_model = Draft("kf.RegisteredModel", model, properties=live)
        refusals = set() if found else registry.refusals(of_model)
        for draft in drafts:
            refusals |= registry.odd(draft)
        # Here an empty text is no name, and no id.
        refusals |= {Refusal.INVALID} if not version or external_id == "" or "" in artifacts else set()
        refusals |= registry.taken("context", external_id)
        if found and registry.named("kf.ModelVersion", found.id, version):
            refusals.add(Refusal.EXISTS)
        given = [name for name in artifacts if name]
        refusals |= {Refusal.EXISTS} if len(given) > len(set(given)) else set()
        response = self.doors.native.ask("POST", "/register", json=body)
        refusal = self.doors.native.refusal(response)
        if not self.expect(refusals, refusal, native.SAYS, f"registration {body}"):
            return
        answer = response.json()
        if not found:
            found = registry.create(of_model, int(answer["model"]["id"]))
        drafts[0].home = found.id
        made = [registry.create(drafts[0], int(answer["version"]["id"]))]
        for draft, shown in zip(drafts[1:], answer["artifacts"], strict=True):
            draft.home = made[0].id
            made.append(registry.create(draft, int(shown["id"])))
        for node, shown in zip(made, [answer["version"], *answer["artifacts"]], strict=True):
            self.agree(node, native.seen(shown), "registration")

    @precondition(lambda self: self.registry.of(*ARTIFACTS) and self.registry.of(*CONTEXTS))
    @rule(which=picks, context=picks, edition=editions)
    def attach(self, which: int, context: int, edition: str) -> None:
        """An artifact becomes one of a version's or run's, wherever it was made."""
        node, above = pick(self.registry.of(*ARTIFACTS), which), pick(self.registry.of(*CONTEXTS), context)
        of = TYPES[node.type]
        home = NOBODY if context == 9 else above.id
        body = {"id": str(node.id), "artifactType": of.artifact_type}
        path = f"/{TYPES[above.type].path}/{home}/artifacts"
        response = self.doors.kubeflow[edition].ask("POST", path, json=body)
        refusals = {Refusal.MISSING} if home == NOBODY else set()
        refusal = self.doors.kubeflow[edition].refusal(response)
        if self.expect(refusals, refusal, kubeflow.SAYS, f"attachment of {node} to {above}"):
            said = self.registry.said_by_home(node.type, above.id)
            patches.apply(self.registry, node, {"properties": said})
            self.registry.attach(above, node.id)
            self.agree(node, kubeflow.seen(response.json()), edition)

    @precondition(lambda self: self.registry.of("kf.ModelVersion"))
    @rule(which=picks, alias=aliases, stranger=picks, edition=editions)
    def point_alias(self, which: int, alias: str, stranger: int, edition: str) -> None:
        version = pick(self.registry.of("kf.ModelVersion"), which)
        model = self.registry.nodes[version.home or 0]
        if stranger >= 6:
            model = pick(self.registry.of("kf.RegisteredModel"), stranger)
        path = f"/registered_models/{model.id}/aliases/{native.segment(alias)}"
        response = self.doors.kubeflow[edition].ask("PUT", path, json={"modelVersionId": str(version.id)})
        refusals = {Refusal.INVALID} if alias in WRONG_ALIASES else set()
        refusals |= set() if version.home == model.id else {Refusal.MISSING}
        refusal = self.doors.kubeflow[edition].refusal(response)
        if self.expect(refusals, refusal, kubeflow.SAYS, f"alias {alias} of {version} in {model}"):
            self.registry.point_alias(model, alias, version)
            self.agree(version, kubeflow.seen({**response.json(), "of": version.type}), edition)

    @precondition(lambda self: self.registry.of("kf.ExperimentRun"))
    @rule(which=picks, points=st.lists(points, max_size=4), stranger=picks)
    def append(self, which: int, points: list[tuple[str, float, int | None, int | None]], stranger: int) -> None:
        """Points of a run's metrics, many at once, all of them or none."""
        run = pick(self.registry.of("kf.ExperimentRun"), which)
        body = [
            {"name": name, "value": NAMED.get(repr(value), value)}
            | ({} if step is None else {"step": step})
            | ({} if at is None else {"timestamp": at})
            for name, value, step, at in points
        ]
        home = NOBODY if stranger == 9 else run.id
        refusals = {Refusal.MISSING} if home == NOBODY else set()
        refusals |= set() if points and all(name for name, *_ in points) else {Refusal.INVALID}
        for name, *_ in points:
            refusals |= self.registry.odd(Draft("kf.Metric", name))
        response = self.doors.native.ask("POST", f"/experiment-runs/{home}/points", json={"points": body})
        if not self.expect(refusals, self.doors.native.refusal(response), native.SAYS, f"points {body} of {run}"):
            return
        shown = self.doors.kubeflow["v1"].all(f"/experiment_runs/{run.id}/artifacts", "", artifactType="metric")
        ids = {item["name"]: item["id"] for item in shown if item["id"] not in self.registry.nodes}
        touched: set[str] = set()
        self.registry.batch += 1
        # What is made is made in the order of names, each with its first point.
        for name, value, step, at in sorted(points, key=lambda point: point[0].encode()):
            said = {"value": ("double", value), "step": ("int", step or 0)}
            said["timestamp"] = ("int", LATER if at is None else at)
            metric = self.registry.named("kf.Metric", run.id, name)
            if metric is None:
                self.registry.create(Draft("kf.Metric", name, run.id, properties=said), ids[name])
                touched.add(name)
                continue
            self.registry.measure(metric, said)
            if name not in touched:
                self.registry.touch(metric)
                touched.add(name)
        for name in touched:
            metric = self.registry.named("kf.Metric", run.id, name)
            self.agree(metric, self.doors.kubeflow["v1"].get(TYPES["kf.Metric"], metric.id), "points")

    def points_of(self, run: Node) -> list[tuple[int, Any, int, int]]:
        """What was measured in a run, by its own metrics and those attached to it; a point's time is the server's where nobody
        said it."""
        metrics = {node.id for node in self.registry.members(run.id)}
        return [point for point in self.registry.points if point[0] in metrics]

    def check_edges(self) -> None:
        super().check_edges()
        door = self.doors.kubeflow["v1alpha3"]
        for model in self.registry.of("kf.RegisteredModel"):
            shown = door.ask("GET", f"/registered_models/{model.id}/aliases").json()["items"]
            expected = {alias: to for (of, alias), to in self.registry.aliases.items() if of == model.id}
            assert {item["name"]: int(item["modelVersionId"]) for item in shown} == expected
        for run in self.registry.of("kf.ExperimentRun"):
            shown = door.all(f"/experiment_runs/{run.id}/metric_history", "kf.Metric", pageSize="2")
            points = self.points_of(run)
            measured = [(item["name"], item["properties"]) for item in shown]
            seen = Counter((name, canonical(point["value"]), point["step"]) for name, point in measured)
            named = [(self.registry.nodes[of].name, value, step) for of, value, step, _ in points]
            assert seen == Counter((name, in_json(value), step) for name, value, step in named)
            times = Counter(item["properties"]["timestamp"] for item in shown)
            assert Counter(at for *_, at in points if at != ("int", LATER)) <= times
