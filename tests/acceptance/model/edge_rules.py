"""What clients of the edge registry do."""

import hashlib
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from . import edge
from .base import Base, reads
from .entities import TYPES
from .plans import pick, picks
from .registry import LATER, Draft, Refusal
from .values import ALIASES, NAMES

LONG_ENOUGH = ["0123456789abcdef", "A-b_C-d_E-f_G-h_1", "x" * 256]
WRONG_IDS = ["short", "modelport-00000001", "0123456789abcde/", "x" * 257]
names = st.sampled_from([*NAMES[:6], *NAMES[:6], *NAMES, "", "a\0b", "n" * 513])
versions = st.sampled_from(["a", "b", "x:y", "v" * 255, "v" * 256, "", *ALIASES[:1]])
forms = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.sampled_from([*edge.PRECISIONS, "INT8", "bf16"]),
        "project_name": st.sampled_from(["P", "Q_r", "ü"]),
        "category": st.sampled_from(["Detection", "", "50%", "a\0b"]),
        "score": st.sampled_from(["0.5", "0", "nan", "x", "1e300"]),
        "format": st.sampled_from(["openvino", "ü"]),
    },
)


def is_wrong(fields: dict[str, str]) -> bool:
    return (
        fields.get("score") in ("nan", "x")
        or fields.get("precision", "fp32").lower() not in ["", *edge.PRECISIONS]
        or any("\0" in value for value in fields.values())
        or len(fields.get("name", "")) > 512
        or len(fields.get("version", "")) > 255
    )


class EdgeRules(Base):
    """The edge registry's door."""

    def records(self) -> dict[int, dict[str, Any]]:
        shown = {node.id: edge.record(self.registry, node) for node in self.registry.nodes.values()}
        return {node_id: record for node_id, record in shown.items() if record}

    def same_as(self, wanted: tuple[str, ...], but: int = 0) -> set[Refusal]:
        """Whether another is so already."""
        others = [edge.form(record) for node_id, record in self.records().items() if node_id != but]
        return {Refusal.EXISTS} if wanted in map(edge.identity, others) else set()

    @rule(
        name=names,
        version=versions,
        fields=forms,
        given=st.one_of(st.none(), st.none(), st.sampled_from([*LONG_ENOUGH, *LONG_ENOUGH, *WRONG_IDS])),
        content=st.sampled_from(["one", "two"]),
    )
    def upload(self, name: str, version: str, fields: dict[str, str], given: str | None, content: str) -> None:
        fields = {"name": name, "version": version, **fields, **({"id": given} if given else {})}
        refusals = {Refusal.INVALID} if is_wrong(fields) or not name or not version or given in WRONG_IDS else set()
        said = {key: value for key, value in fields.items() if value and key not in ("id", "score")}
        said["precision"] = said.get("precision", "fp32").lower()
        refusals |= self.same_as(edge.identity(dict.fromkeys(edge.IDENTITY) | said))
        refusals |= self.registry.taken("artifact", given)
        refusal, record_id = self.doors.edge.create(fields, edge.archive(content))
        if not self.expect(refusals, refusal, edge.SAYS, f"upload of {fields}"):
            return
        assert given in (None, record_id)
        self.made(record_id, said, fields.get("score"), hashlib.sha256(edge.archive(content)).hexdigest())

    def made(self, record_id: str, said: dict[str, str], score: str | None, digest: str) -> None:
        """What a record is in the graph: a model, a version of its own, an artifact and a file."""
        registry, kubeflow, live = self.registry, self.doors.kubeflow["v1"], {"state": ("string", "LIVE")}
        refusal, artifact = kubeflow.find(TYPES["kf.ModelArtifact"], externalId=record_id)
        assert refusal is None, f"no model artifact is {record_id}"
        _, answer = self.doors.graph.ask("GetContextsByArtifact", artifact_id=artifact)
        [version] = [each for each in answer.contexts if each.type == "kf.ModelVersion"]
        model_id, _, version_name = version.name.partition(":")
        model = registry.named("kf.RegisteredModel", None, said["name"])
        if not model:
            made_by = {"made_by": ("string", "edge")}
            draft = Draft("kf.RegisteredModel", said["name"], properties=live, custom=made_by)
            model = registry.create(draft, int(model_id))
        assert model.id == int(model_id)
        self.give_up_key(edge.identity(dict.fromkeys(edge.IDENTITY) | said))
        wanted = [said["version"], f"{said['version']}-{said['precision']}"]
        wanted += [f"{wanted[1]}-{said['project_name']}"] if "project_name" in said else []
        wanted += [f"{said['version']}-{record_id}"]
        free = [name for name in wanted if not registry.named("kf.ModelVersion", model.id, name)]
        assert version_name == free[0]
        node = registry.create(Draft("kf.ModelVersion", version_name, model.id, properties=live), version.id)
        node.external_id = version.external_id
        self.keys[node.id] = (version.external_id, edge.identity(dict.fromkeys(edge.IDENTITY) | said))
        assert version.external_id.startswith("edge:")
        custom: dict[str, Any] = {key: ("string", value) for key, value in said.items()}
        custom |= {"edge_file": ("string", "m.zip"), **({"score": ("double", float(score))} if score else {})}
        properties = {"model_format_name": ("string", said["format"])} if "format" in said else {}
        draft = Draft("kf.ModelArtifact", said["name"], node.id, record_id, None, "LIVE", properties, custom)
        node = registry.create(draft, artifact)
        node.files["m.zip"] = digest
        registry.touch(node, "file.put")
        self.agree(node, self.doors.graph.get(node), "gRPC")

    def give_up_key(self, wanted: tuple[str, ...]) -> None:
        """A version that is no such record any more loses the key to the one that is."""
        for node_id, (key, of) in self.keys.items():
            node = self.registry.nodes.get(node_id)
            if of == wanted and node and node.external_id == key:
                self.registry.update(node, external_id=None)

    @precondition(lambda self: self.records())
    @rule(which=picks, fields=forms, name=st.one_of(st.none(), names), version=st.one_of(st.none(), versions))
    def change(self, which: int, fields: dict[str, str], name: str | None, version: str | None) -> None:
        records = self.records()
        node = self.registry.nodes[pick(list(records), which)]
        record = edge.form(records[node.id])
        sent = fields | ({} if name is None else {"name": name}) | ({} if version is None else {"version": version})
        useful = {key: value for key, value in sent.items() if value or key not in ("name", "version")}
        refusals = {Refusal.INVALID} if is_wrong(sent) or not useful else set()
        now = record | {key: value or None for key, value in useful.items() if key != "score"}
        now["precision"] = (useful["precision"] or "fp32").lower() if "precision" in useful else record["precision"]
        was = edge.identity(record)
        if edge.identity(now) != was:
            refusals |= self.same_as(edge.identity(now), but=node.id)
        response = self.doors.edge.ask("PUT", f"/models/{record['id']}", data=sent)
        refusal = self.doors.edge.refusal(response)
        if not self.expect(refusals, refusal, edge.SAYS, f"change of {record} by {sent}"):
            return
        custom = {key: value for key, value in node.custom.items() if key not in [*edge.TEXTS, *edge.IDENTITY]}
        for key in {*edge.TEXTS, *edge.IDENTITY}:
            custom |= {key: ("string", now[key])} if now[key] is not None else {}
        if useful.get("score"):
            custom["score"] = ("double", float(useful["score"]))
        properties = dict(node.properties)
        if useful.get("format"):
            properties["model_format_name"] = ("string", useful["format"])
        self.registry.update(node, custom=custom, properties=properties)
        above = self.registry.nodes[node.home or 0]
        if edge.identity(now) != was and (above.external_id or "edge:").startswith("edge:"):
            self.give_up_key(edge.identity(now))
            self.registry.update(above, external_id=LATER)
            self.agree(above, self.doors.graph.get(above), "gRPC")
            self.keys[above.id] = (str(above.external_id), edge.identity(now))
        self.agree(node, self.doors.graph.get(node), "gRPC")

    @precondition(lambda self: self.records())
    @rule(which=picks)
    def remove(self, which: int) -> None:
        records = self.records()
        node = self.registry.nodes[pick(list(records), which)]
        version = self.registry.nodes[node.home or 0]
        model = self.registry.nodes[version.home or 0]
        is_own = (version.external_id or "").startswith("edge:") and self.registry.owned(version.id) == [node]
        ends_model = is_own and "made_by" in model.custom and self.registry.owned(model.id) == [version]
        refusals = {Refusal.OWNS} if is_own and self.registry.is_served(model if ends_model else version) else set()
        response = self.doors.edge.ask("DELETE", f"/models/{records[node.id]['id']}")
        if not self.expect(refusals, self.doors.edge.refusal(response), edge.SAYS, f"removal of {records[node.id]}"):
            return
        self.registry.delete(version if is_own else node)
        if "made_by" in model.custom and not self.registry.owned(model.id):
            self.registry.delete(model)

    @rule(
        wanted=st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from(["a", "A", "_", "模", "x:"]),
                "version": st.sampled_from(["a", "b"]),
                "precision": st.sampled_from(["INT", "fp32", "p"]),
                "project_name": st.sampled_from(["p", "_"]),
                "category": st.sampled_from(["det", ""]),
            },
        )
    )
    @reads
    def search(self, wanted: dict[str, str]) -> None:
        self.found(wanted)

    def found(self, wanted: dict[str, str]) -> None:
        def holds(record: dict[str, Any]) -> bool:
            if record["version"] != wanted.get("version", record["version"]):
                return False
            within = {key: value for key, value in wanted.items() if value and key != "version"}
            texts = edge.form(record)
            return all(value.lower() in (texts[key] or "").lower() for key, value in within.items())

        records = [record for record in self.records().values() if holds(record)]
        response = self.doors.edge.ask("GET", "/models", params=wanted)
        if not records and any(wanted.values()):
            assert response.status_code == 404
            return
        records.sort(key=lambda record: record["id"])
        shown = response.json()
        assert [each["id"] for each in shown] == [record["id"] for record in records]
        for each, record in zip(shown, records, strict=True):
            expected = {key: value for key, value in record.items() if key != "file"}
            assert {key: each[key] for key in expected} == expected

    def check_edges(self) -> None:
        super().check_edges()
        self.found({})

    def check_bytes(self) -> None:
        super().check_bytes()
        for node_id, record in self.records().items():
            response = self.doors.edge.ask("GET", f"/models/{record['id']}/files")
            if record["file"] is None:
                assert response.status_code == 404
            else:
                digest = self.registry.nodes[node_id].files[record["file"]]
                assert hashlib.sha256(response.content).hexdigest() == digest
