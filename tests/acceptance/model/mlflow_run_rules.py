"""What clients of MLflow's API do with experiments and runs."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from .base import reads
from .mlflow import DECLARED, NOTE, pairs
from .mlflow_base import EXPERIMENT, KEYS, RUN, MlflowBase, is_archived, keys, of_key, of_name, texts
from .plans import names, pick, picks
from .registry import LATER, Draft, Node, Refusal

STATUSES = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]


class MlflowRunRules(MlflowBase):
    """Experiments and runs."""

    @rule(name=names, key=st.sampled_from([*KEYS, *DECLARED]), value=texts)
    def train_experiment(self, name: str, key: str, value: str) -> None:
        refusals = of_name(name, False)
        refusals |= {Refusal.EXISTS} if self.registry.named(EXPERIMENT, None, name) else set()
        answered = self.doors.mlflow.post("experiments/create", name=name, tags=[{"key": key, "value": value}])
        if self.done(refusals, answered, f"experiment {name}"):
            draft = Draft(EXPERIMENT, name, properties={"state": ("string", "LIVE")})
            self.put_tag(draft, key, value)
            self.look(self.registry.create(draft, int(answered[1]["experiment_id"])), "v1")

    def put_tag(self, draft: Draft, key: str, value: str) -> None:
        """A tag, or what it stands for."""
        if key in DECLARED:
            draft.properties[DECLARED[key]] = ("string", value)
        else:
            draft.custom[key] = ("string", value)

    @precondition(lambda self: self.registry.of(EXPERIMENT))
    @rule(which=picks, name=names)
    def rename_experiment(self, which: int, name: str) -> None:
        node = pick(self.registry.of(EXPERIMENT), which)
        taken = self.registry.named(EXPERIMENT, None, name)
        refusals = of_name(name, False) | ({Refusal.EXISTS} if taken not in (None, node) else set())
        refusals |= {Refusal.INVALID} if is_archived(node) else set()
        answered = self.doors.mlflow.post("experiments/update", experiment_id=str(node.id), new_name=name)
        if self.done(refusals, answered, f"{node} named {name}"):
            self.registry.update(node, name=name)
            self.look(node, "v1")

    def told(self, node: Node) -> tuple[str, dict[str, str]]:
        """The path of the operations of an experiment or a run, and its id."""
        if node.type == EXPERIMENT:
            return "experiments", {"experiment_id": str(node.id)}
        return "runs", {"run_id": self.run_id(node)}

    def is_closed(self, node: Node) -> bool:
        """Whether nothing is written to it."""
        home = self.registry.nodes.get(node.home or 0)
        return is_archived(node) or (home is not None and is_archived(home))

    @precondition(lambda self: self.registry.of(EXPERIMENT, RUN))
    @rule(which=picks, key=st.one_of(keys, st.sampled_from([*DECLARED])), value=st.one_of(st.none(), texts))
    def tag_run(self, which: int, key: str, value: str | None) -> None:
        node = pick(self.registry.of(EXPERIMENT, RUN), which)
        path, said = self.told(node)
        properties, custom = dict(node.properties), dict(node.custom)
        place, name = (properties, DECLARED[key]) if key in DECLARED else (custom, key)
        refusals = {Refusal.INVALID} if self.is_closed(node) else set()
        noun = "-experiment-tag" if node.type == EXPERIMENT else "-tag"
        if value is None:
            answered = self.doors.mlflow.post(f"{path}/delete{noun}", key=key, **said)
            refusals |= set() if key else {Refusal.INVALID}
            refusals |= set() if name in place else {Refusal.MISSING}
            place.pop(name, None)
        else:
            answered = self.doors.mlflow.post(f"{path}/set{noun}", key=key, value=value, **said)
            refusals |= of_key(key)
            place[name] = ("string", value)
        if self.done(refusals, answered, f"tag {key} of {node}"):
            self.registry.update(node, properties=properties, custom=custom)
            self.look(node, "v1alpha3")

    @precondition(lambda self: self.registry.of(EXPERIMENT, RUN))
    @rule(which=picks, archived=st.booleans())
    def shelve(self, which: int, archived: bool) -> None:
        """Archives an experiment or a run, or brings it back."""
        node = pick(self.registry.of(EXPERIMENT, RUN), which)
        path, said = self.told(node)
        is_so = is_archived(node) == archived
        refusals = {Refusal.MISSING} if is_so and node.type == EXPERIMENT else set()
        answered = self.doors.mlflow.post(f"{path}/{'delete' if archived else 'restore'}", **said)
        if self.done(refusals, answered, f"archived {archived}: {node}") and not is_so:
            state = ("string", "ARCHIVED" if archived else "LIVE")
            self.registry.update(node, properties=node.properties | {"state": state})
        self.look(node, "v1")

    @precondition(lambda self: self.registry.of(EXPERIMENT))
    @rule(which=picks, key=st.sampled_from([*KEYS, NOTE]), value=texts)
    def train(self, which: int, key: str, value: str) -> None:
        """A run, whose name others may have."""
        home = pick(self.registry.of(EXPERIMENT), which)
        name = f"trained {len(self.registry.nodes)}"
        refusals = {Refusal.INVALID} if is_archived(home) else set()
        tag = [{"key": key, "value": value}]
        fields = {"experiment_id": str(home.id), "run_name": name, "start_time": 5, "tags": tag}
        answered = self.doors.mlflow.post("runs/create", **fields)
        if self.done(refusals, answered, f"run of {home}"):
            said = {"state": ("string", "LIVE"), "status": ("string", "RUNNING"), "start_time_since_epoch": ("int", 5)}
            draft = Draft(RUN, name, home.id, properties=said)
            self.put_tag(draft, key, value)
            run = self.registry.create(draft, self.find_new(RUN, name, home.id))
            self.run_ids[run.id] = answered[1]["run"]["info"]["run_id"]
            self.look(run, "v1")

    @precondition(lambda self: self.registry.of(RUN))
    @rule(which=picks, status=st.sampled_from([*STATUSES, "OTHER"]))
    def end_run(self, which: int, status: str) -> None:
        run = pick(self.registry.of(RUN), which)
        refusals = {Refusal.INVALID} if status == "OTHER" or self.is_closed(run) else set()
        answered = self.doors.mlflow.post("runs/update", run_id=self.run_id(run), status=status)
        if self.done(refusals, answered, f"{status} of {run}"):
            self.registry.update(run, properties=run.properties | {"status": ("string", status)})
            self.look(run, "v1")

    @precondition(lambda self: self.registry.of(RUN))
    @rule(
        which=picks,
        params=st.dictionaries(st.sampled_from(["depth", "rate", "ü ß"]), st.sampled_from(["1", "2", ""]), max_size=2),
        tags=st.dictionaries(st.sampled_from([*KEYS, NOTE]), texts, max_size=2),
        points=st.dictionaries(st.sampled_from(["error", "score"]), st.sampled_from([0.5, -1.0, 2e10]), max_size=2),
        step=st.integers(0, 2),
    )
    def log_batch(self, which: int, params: dict, tags: dict, points: dict, step: int) -> None:
        """Parameters, tags and points of metrics, all or nothing."""
        run = pick(self.registry.of(RUN), which)
        registry, door = self.registry, self.doors.kubeflow["v1"]
        there = {name: registry.named("kf.Parameter", run.id, name) for name in params}
        refusals = {Refusal.INVALID} if self.is_closed(run) else set()
        if any(node and node.properties["value"] != ("string", params[name]) for name, node in there.items()):
            refusals.add(Refusal.INVALID)
        listed = lambda said: [{"key": key, "value": value} for key, value in said.items()]
        metrics = [{"key": key, "value": value, "timestamp": 7, "step": step} for key, value in points.items()]
        fields = {"params": listed(params), "tags": listed(tags), "metrics": metrics}
        answered = self.doors.mlflow.post("runs/log-batch", run_id=self.run_id(run), **fields)
        if not self.done(refusals, answered, f"batch {fields} of {run}"):
            return
        new = [*(name for name in params if not there[name])]
        new += [name for name in points if not registry.named("kf.Metric", run.id, name)]
        shown = door.all(f"/experiment_runs/{run.id}/artifacts", "")
        ids = {item["name"]: item["id"] for item in shown if item["name"] in new}
        if tags:
            changed = Draft(RUN, properties=dict(run.properties), custom=dict(run.custom))
            for key, value in tags.items():
                self.put_tag(changed, key, value)
            registry.update(run, properties=changed.properties, custom=changed.custom)
        by_bytes = lambda name: name.encode()
        for name in sorted((name for name in params if not there[name]), key=by_bytes):
            said = {"value": ("string", params[name]), "parameter_type": ("string", "string")}
            registry.create(Draft("kf.Parameter", name, run.id, properties=said), ids[name])
        registry.batch += 1
        for name in sorted(points, key=by_bytes):
            point = {"value": ("double", points[name]), "step": ("int", step), "timestamp": ("int", 7)}
            metric = registry.named("kf.Metric", run.id, name)
            if metric is None:
                registry.create(Draft("kf.Metric", name, run.id, properties=point), ids[name])
            elif (metric.id, *(point[each] for each in ["value", "step", "timestamp"])) not in registry.points:
                # A point that is there already is that one.
                registry.measure(metric, point)
                registry.touch(metric)
        self.look(run, "v1")
        self.show_run(run)

    @precondition(lambda self: self.registry.of(EXPERIMENT))
    @rule(which=picks)
    @reads
    def show_experiment(self, which: int) -> None:
        """An experiment, and all of its runs."""
        node = pick(self.registry.of(EXPERIMENT), which)
        shown = self.doors.mlflow.get("experiments/get", experiment_id=str(node.id))["experiment"]
        assert (shown["experiment_id"], shown["name"]) == (str(node.id), node.name)
        assert shown["lifecycle_stage"] == ("deleted" if is_archived(node) else "active")
        self.same_times(node, shown, "creation_time", "last_update_time")
        self.same_tags(node, pairs(shown.get("tags")))
        runs = [each for each in self.registry.owned(node.id) if each.type == RUN]
        for view, wanted in {
            "ALL": runs,
            "ACTIVE_ONLY": [each for each in runs if not self.is_closed(each)],
            "DELETED_ONLY": [each for each in runs if self.is_closed(each)],
        }.items():
            found = self.doors.mlflow.all("POST", "runs/search", "runs", experiment_ids=[str(node.id)], run_view_type=view)
            ids = sorted(each["info"]["run_id"] for each in found)
            assert ids == sorted(map(self.run_id, wanted)), f"{view} of {node}: {ids}"
        for run in runs:
            self.show_run(run)

    def show_run(self, run: Node) -> None:
        """A run, with what it has measured."""
        shown = self.doors.mlflow.get("runs/get", run_id=self.run_id(run))["run"]
        info, data = shown["info"], shown["data"]
        assert info["status"] == run.properties.get("status", ("", "RUNNING"))[1]
        assert info["lifecycle_stage"] == ("deleted" if self.is_closed(run) else "active")
        assert info["experiment_id"] == str(run.home)
        tags = pairs(data.get("tags"))
        assert run.name is LATER or info["run_name"] == run.name
        tags.pop("mlflow.runName", None)
        self.same_tags(run, tags)
        parameters = {
            str(each.name): each.properties["value"][1]
            for each in self.registry.owned(run.id)
            if each.type == "kf.Parameter" and "value" in each.properties
        }
        assert pairs(data.get("params")) == parameters
        measured = {str(each.name) for each in self.registry.owned(run.id) if each.type == "kf.Metric"}
        assert {point["key"] for point in data.get("metrics", [])} == measured
