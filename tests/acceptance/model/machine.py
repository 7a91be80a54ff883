"""Sequences of what clients may do through any door, each step checked against the model."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from .archive_rules import ArchiveRules
from .base import Doors
from .edge_rules import EdgeRules
from .entities import OWN
from .entity_rules import EntityRules, editions
from .filter_rules import FilterRules
from .link_rules import LinkRules
from .mlflow_rules import MlflowRules
from .mlflow_run_rules import MlflowRunRules
from .odd_rules import OddRules
from .publish_rules import PublishRules
from .registry import Draft

__all__ = ["Doors", "Machine", "WithTraining"]


SCENES = ["nothing", "registered", "measured", "served", "recorded", "published", "all", "all", "all"]


class Machine(OddRules, FilterRules, EdgeRules, LinkRules, EntityRules, ArchiveRules, PublishRules):
    """All doors together."""

    @initialize(scene=st.sampled_from(SCENES), edition=editions)
    def begin(self, scene: str, edition: str) -> None:
        """Something to work on, so that few steps lead to what is rare."""
        made = {"edition": edition, "home": 1, "reference": 0, "nested": True}
        self.empty()
        if scene in ("registered", "all"):
            self.register(model="a", version="a", external_id="e1", artifacts=["a", "b"])
            self.register(model="a", version="b", external_id=None, artifacts=[None])
            self.set_alias(which=0, alias="champion", stranger=0)
            # A version's files are those of several artifacts, and each may have one of the same path.
            for which, path, content in [(0, "a.bin", b"one"), (1, "a.bin", b"two"), (1, "a.zip", b"two")]:
                self.put_file(which=which, path=path, content=content, match=None)
            # One upload that will do, and one whose path is taken.
            for path in ["b/c.txt", "a.bin"]:
                file = {"path": path, "content": b"two", "digest": None, "create": True}
                self.begin_upload(which=0, version=0, first=1, **file)
        if scene in ("measured", "all"):
            self.create(Draft("kf.Experiment", "a"), **made)
            self.create(Draft("kf.ExperimentRun", "a"), **made)
            # A home that is not left out, of the last that may be one.
            point = {"value": ("double", 0.5), "step": ("int", 1)}
            self.create(Draft("kf.Metric", "loss", properties=point), **{**made, "home": 8})
        if scene in ("served", "all"):
            self.register(model="b", version="a", external_id=None, artifacts=[])
            self.create(Draft("kf.ServingEnvironment", "a"), **made)
            self.create(Draft("kf.InferenceService", "a"), **made)
            self.create(Draft("kf.ServeModel", "a"), **made)
        if scene in ("published", "all"):
            for name in OWN:
                self.put_new(draft=Draft(name, "a"), home=0, reference=0)
        if scene in ("recorded", "all"):
            self.upload(name="a", version="a", fields={"project_name": "P"}, given=None, content="one")


class WithTraining(MlflowRunRules, MlflowRules, Machine):
    """The same with MLflow's door."""
