"""What clients of MLflow's API do with models and their versions."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from .base import reads
from .entities import Value
from .mlflow import STAGES, pairs
from .mlflow_base import EXPERIMENT, MODEL, VERSION, MlflowBase, is_archived, keys, of_key, of_name, texts
from .native_rules import aliases
from .plans import names, pick, picks
from .registry import Draft, Node, Refusal
from .values import WRONG_ALIASES

SOURCE = "s3://elsewhere/file"


class MlflowRules(MlflowBase):
    """Models, and searches of everything."""

    @rule(name=names, description=texts, key=keys, value=texts)
    def train_model(self, name: str, description: str, key: str, value: str) -> None:
        """A registered model."""
        refusals = of_name(name, True) | of_key(key)
        refusals |= {Refusal.EXISTS} if self.registry.named(MODEL, None, name) else set()
        tag = [{"key": key, "value": value}]
        answered = self.doors.mlflow.post("registered-models/create", name=name, description=description, tags=tag)
        if self.done(refusals, answered, f"model {name}"):
            said: dict[str, Value] = {"state": ("string", "LIVE")}
            said |= {"description": ("string", description)} if description else {}
            draft = Draft(MODEL, name, properties=said, custom={key: ("string", value)})
            self.look(self.registry.create(draft, self.find_new(MODEL, name)), "v1")

    @precondition(lambda self: self.registry.of(MODEL))
    @rule(which=picks, name=names)
    def rename_model(self, which: int, name: str) -> None:
        model = pick(self.registry.of(MODEL), which)
        taken = self.registry.named(MODEL, None, name)
        refusals = of_name(name, True) | ({Refusal.EXISTS} if taken not in (None, model) else set())
        answered = self.doors.mlflow.post("registered-models/rename", name=model.name, new_name=name)
        if self.done(refusals, answered, f"{model} named {name}"):
            self.registry.update(model, name=name)
            self.look(model, "v1")

    @precondition(lambda self: self.registry.of(MODEL, VERSION))
    @rule(which=picks, text=texts)
    def describe_model(self, which: int, text: str) -> None:
        node = pick(self.registry.of(MODEL, VERSION), which)
        path, said = self.named(node)
        answered = self.doors.mlflow.said("PATCH", f"{path}/update", description=text, **said)
        if self.done(set(), answered, f"description of {node}"):
            properties = {name: value for name, value in node.properties.items() if name != "description"}
            self.changed(node, properties=properties | ({"description": ("string", text)} if text else {}))

    @precondition(lambda self: self.registry.of(MODEL, VERSION))
    @rule(which=picks, key=keys, value=st.one_of(st.none(), texts))
    def tag_model(self, which: int, key: str, value: str | None) -> None:
        """Sets a tag, or removes it, if it is there."""
        node = pick(self.registry.of(MODEL, VERSION), which)
        path, said = self.named(node)
        custom = {name: kept for name, kept in node.custom.items() if name != key}
        if value is None:
            answered = self.doors.mlflow.said("DELETE", f"{path}/delete-tag", key=key, **said)
            refusals = set() if key else {Refusal.INVALID}
        else:
            answered, refusals = self.doors.mlflow.post(f"{path}/set-tag", key=key, value=value, **said), of_key(key)
            custom[key] = ("string", value)
        if self.done(refusals, answered, f"tag {key} of {node}"):
            self.changed(node, custom=custom)

    def named(self, node: Node) -> tuple[str, dict[str, str]]:
        """The path of the operations of a model or a version, and how it is named."""
        if node.type == MODEL:
            return "registered-models", {"name": str(node.name)}
        model = self.registry.nodes[node.home or 0]
        return "model-versions", {"name": str(model.name), "version": str(self.number_of(node))}

    def changed(self, node: Node, **changes: Any) -> None:
        """A change of a version is one of its model, too."""
        with self.one_write():
            if node.type == VERSION:
                self.registry.touch(self.registry.nodes[node.home or 0], "update")
            self.registry.update(node, **changes)
        self.look(node, "v1alpha3")

    @precondition(lambda self: self.registry.of(MODEL))
    @rule(which=picks)
    def remove_model(self, which: int) -> None:
        model = pick(self.registry.of(MODEL), which)
        refusals = {Refusal.OWNS} if self.registry.is_served(model) else set()
        if self.done(refusals, self.doors.mlflow.said("DELETE", "registered-models/delete", name=model.name), f"end of {model}"):
            self.registry.delete(model)
            self.look_back(model)

    # Versions.

    @precondition(lambda self: self.registry.of(MODEL))
    @rule(which=picks, description=texts)
    def train_version(self, which: int, description: str) -> None:
        """A version, whose name is its number."""
        model = pick(self.registry.of(MODEL), which)
        given = [self.number_of(each) for each in self.registry.versions(model)]
        answered = self.doors.mlflow.post("model-versions/create", name=model.name, source=SOURCE, description=description)
        if not self.done(set(), answered, f"version of {model}"):
            return
        number = answered[1]["model_version"]["version"]
        assert all(int(number) > each for each in given), f"{model} had version {given}, and then {number}"
        said: dict[str, Value] = {"state": ("string", "LIVE")}
        said |= {"description": ("string", description)} if description else {}
        draft = Draft(VERSION, number, model.id, properties=said)
        version = self.registry.create(draft, self.find_new(VERSION, number, model.id))
        source: dict[str, Value] = {"model_source_kind": ("string", "mlflow"), "model_source_id": ("string", SOURCE)}
        draft = Draft("kf.ModelArtifact", model.name, version.id, uri=SOURCE, state="LIVE", properties=source)
        self.registry.create(draft, self.find_new("kf.ModelArtifact", str(model.name), version.id))
        self.registry.touch(model, "update")
        assert self.number_of(version) == int(number)
        self.look(version, "v1")

    @precondition(lambda self: self.registry.of(VERSION))
    @rule(which=picks)
    def remove_version(self, which: int) -> None:
        version = pick(self.registry.of(VERSION), which)
        model, (_, said) = self.registry.nodes[version.home or 0], self.named(version)
        refusals = {Refusal.OWNS} if self.registry.is_served(version) else set()
        if self.done(refusals, self.doors.mlflow.said("DELETE", "model-versions/delete", **said), f"end of {version}"):
            self.registry.delete(version)
            self.registry.touch(model, "update")
            self.look_back(version)

    @precondition(lambda self: self.registry.of(VERSION))
    @rule(which=picks, stage=st.sampled_from([*STAGES, "Other"]), archive=st.booleans())
    def move_version(self, which: int, stage: str, archive: bool) -> None:
        """Into another stage, sometimes in the place of those that are there."""
        version = pick(self.registry.of(VERSION), which)
        model, (_, said) = self.registry.nodes[version.home or 0], self.named(version)
        refusals = {Refusal.INVALID} if stage == "Other" else set()
        refusals |= {Refusal.INVALID} if archive and stage not in ("Staging", "Production") else set()
        fields = {"stage": stage, "archive_existing_versions": archive}
        if not self.done(refusals, self.doors.mlflow.post("model-versions/transition-stage", **said, **fields), f"{stage} of {version}"):
            return
        others = [each for each in self.registry.versions(model) if each is not version and self.stage(each) == stage]
        with self.one_write():
            for each, to in [*((other, "Archived") for other in (others if archive else [])), (version, stage)]:
                properties = {name: value for name, value in each.properties.items() if name != "stage"}
                properties |= {"stage": ("string", to)} if to != "None" else {}
                if to != "Archived" and self.stage(each) == "Archived" and "state" in properties:
                    properties["state"] = ("string", "LIVE")
                self.registry.update(each, properties=properties)
            self.registry.touch(model, "update")
        for each in [version, *others]:
            self.look(each, "v1")

    def stage(self, version: Node) -> str:
        return "Archived" if is_archived(version) else version.properties.get("stage", ("", "None"))[1]

    @precondition(lambda self: self.registry.of(VERSION))
    @rule(which=picks, alias=aliases)
    def name_number(self, which: int, alias: str) -> None:
        """An alias for a version by its number."""
        version = pick(self.registry.of(VERSION), which)
        model, (_, said) = self.registry.nodes[version.home or 0], self.named(version)
        refusals = {Refusal.INVALID} if alias in WRONG_ALIASES or "." in alias else set()
        if self.done(refusals, self.doors.mlflow.post("registered-models/alias", alias=alias, **said), f"{alias} of {version}"):
            self.registry.point_alias(model, alias, version)

    @precondition(lambda self: self.registry.of(MODEL))
    @rule(which=picks, alias=aliases)
    def forget_alias(self, which: int, alias: str) -> None:
        """Of what is not there nothing is told."""
        model = pick(self.registry.of(MODEL), which)
        refusals = {Refusal.INVALID} if alias in WRONG_ALIASES else set()
        answered = self.doors.mlflow.said("DELETE", "registered-models/alias", name=model.name, alias=alias)
        if self.done(refusals, answered, f"end of {alias}") and (model.id, alias) in self.registry.aliases:
            self.registry.drop_alias(model, alias)

    # Reads of what was written by any door.

    @precondition(lambda self: self.registry.of(MODEL))
    @rule(which=picks)
    @reads
    def show_model(self, which: int) -> None:
        """A model, and all of its versions."""
        model = pick(self.registry.of(MODEL), which)
        door, name = self.doors.mlflow, str(model.name)
        shown = door.get("registered-models/get", name=name)["registered_model"]
        self.same_times(model, shown, "creation_timestamp", "last_updated_timestamp")
        assert shown.get("description", "") == model.properties.get("description", ("", ""))[1]
        self.same_tags(model, pairs(shown.get("tags")))
        versions = {self.number_of(each): each for each in self.registry.versions(model)}
        aliased = {alias: to for (of, alias), to in self.registry.aliases.items() if of == model.id}
        found = {each["alias"]: versions[int(each["version"])].id for each in shown.get("aliases", [])}
        assert found == aliased, f"aliases of {model}: {found}, not {aliased}"
        latest: dict[str, int] = {}
        for number, version in sorted(versions.items()):
            latest[self.stage(version)] = number
        stages = {each["current_stage"]: int(each["version"]) for each in shown.get("latest_versions", [])}
        assert stages == latest, f"latest versions of {model}: {stages}, not {latest}"
        for number, version in versions.items():
            body = door.get("model-versions/get", name=name, version=str(number))["model_version"]
            assert (body["name"], body["version"], body["current_stage"]) == (name, str(number), self.stage(version))
            assert body["description"] == version.properties.get("description", ("", ""))[1]
            self.same_times(version, body, "creation_timestamp", "last_updated_timestamp")
            tags = pairs(body.get("tags"))
            assert tags.pop("modelport.version", str(number)) == version.name
            self.same_tags(version, tags)
            assert sorted(body.get("aliases", [])) == sorted(alias for alias, to in aliased.items() if to == version.id)

    @rule()
    @reads
    def search_everything(self) -> None:
        """What others made is found, and what is archived is not, unless it is wanted."""
        door = self.doors.mlflow
        models = [each["name"] for each in door.all("GET", "registered-models/search", "registered_models")]
        assert sorted(models) == sorted(str(each.name) for each in self.registry.of(MODEL))
        found = door.all("GET", "model-versions/search", "model_versions")
        versions = sorted((each["name"], int(each["version"])) for each in found)
        wanted = [(str(self.registry.nodes[each.home or 0].name), self.number_of(each)) for each in self.registry.of(VERSION)]
        assert versions == sorted(wanted)
        experiments = self.registry.of(EXPERIMENT)
        for view, wanted_of in {
            "ALL": experiments,
            "ACTIVE_ONLY": [each for each in experiments if not is_archived(each)],
        }.items():
            found = door.all("POST", "experiments/search", "experiments", view_type=view)
            assert sorted(each["experiment_id"] for each in found) == sorted(str(each.id) for each in wanted_of)
