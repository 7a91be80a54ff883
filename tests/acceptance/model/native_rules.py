"""What clients of the native API do."""

import hashlib

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from . import checks, native
from .base import Base, reads
from .edge import archive
from .entities import TYPES
from .native import segment
from .plans import pick, picks, rarely
from .registry import Draft, Node, Refusal
from .values import ALIASES, WRONG_ALIASES

aliases = st.sampled_from([*ALIASES, *ALIASES, *WRONG_ALIASES])

PATHS = ["a.bin", "z.zip", "a.zip", "b/c.txt", "ü 50%.txt", "a.bin.txt"]
WRONG_PATHS = ["/a", "a//b", "x" * 1025, "a\\b"]
paths = rarely(WRONG_PATHS, PATHS)
contents = st.sampled_from([b"", archive("one"), b"one", b"two", b"\0" * 70_000])
matches = st.sampled_from([None, None, None, "If-None-Match", "If-Match *", "If-Match", "If-Match stale"])


class NativeRules(Base):
    """The native door."""

    @precondition(lambda self: self.registry.of("kf.ModelVersion"))
    @rule(which=picks, alias=aliases, stranger=picks)
    def set_alias(self, which: int, alias: str, stranger: int) -> None:
        version = pick(self.registry.of("kf.ModelVersion"), which)
        model = pick(self.registry.of("kf.RegisteredModel"), stranger)
        if stranger < 6:
            model = self.registry.nodes[version.home or 0]
        refusals = {Refusal.INVALID} if alias in WRONG_ALIASES else set()
        target = self.registry.named("kf.ModelVersion", model.id, version.name)
        refusals |= set() if target else {Refusal.MISSING}
        refusal = self.doors.native.set_alias(str(model.name), alias, str(version.name))
        if self.expect(refusals, refusal, native.SAYS, f"alias {alias} of {version}") and target:
            self.registry.point_alias(model, alias, target)

    @precondition(lambda self: self.registry.of("kf.RegisteredModel"))
    @rule(which=picks, alias=aliases)
    def drop_alias(self, which: int, alias: str) -> None:
        model = pick(self.registry.of("kf.RegisteredModel"), which)
        refusals = {Refusal.INVALID} if alias in WRONG_ALIASES else set()
        refusals |= set() if (model.id, alias) in self.registry.aliases else {Refusal.MISSING}
        if self.expect(refusals, self.doors.native.drop_alias(str(model.name), alias), native.SAYS, f"end of {alias}"):
            self.registry.drop_alias(model, alias)

    # Files.

    @precondition(lambda self: self.registry.of("kf.ModelArtifact"))
    @rule(which=picks, path=paths, content=contents, match=matches)
    def put_file(self, which: int, path: str, content: bytes, match: str | None) -> None:
        node = pick(self.registry.of("kf.ModelArtifact"), which)
        self.put(node, f"/artifacts/{node.id}", path, content, match)

    @precondition(lambda self: self.registry.of("kf.ModelVersion"))
    @rule(which=picks, path=paths, content=contents, match=matches)
    def put_file_of_version(self, which: int, path: str, content: bytes, match: str | None) -> None:
        """By names; the version's first model artifact takes it, and is made where there is none."""
        version = pick(self.registry.of("kf.ModelVersion"), which)
        model = self.registry.nodes[version.home or 0]
        own = self.artifacts(version, "kf.ModelArtifact")
        place = f"/models/{segment(str(model.name))}/versions/{segment(str(version.name))}"
        if version.name in ("latest",) or str(version.name).startswith("@"):
            return
        holder = next((node for node in own if path in node.files), own[0] if own else None)
        if holder is None and match and match.startswith("If-Match"):
            refusal, _ = self.doors.native.put_file(place, path, content, **{"If-Match": "*"})
            refusals = {Refusal.STALE} | ({Refusal.INVALID} if path in WRONG_PATHS else set())
            self.expect(refusals, refusal, native.SAYS, "replacement of nothing")
            return
        if holder is None:
            draft = Draft("kf.ModelArtifact", name=model.name, home=version.id, state="LIVE")
            refusal, stored = self.doors.native.put_file(place, path, content)
            refusals = {Refusal.INVALID} if path in WRONG_PATHS else set()
            if self.expect(refusals, refusal, native.SAYS, f"first file {path} of {version}"):
                holder = self.registry.create(draft, int(stored["artifactId"]))
                self.stored(holder, path, stored["sha256"])
            return
        self.put(holder, place, path, content, match)

    def artifacts(self, version: Node, *types: str) -> list[Node]:
        """Those of a version and those attached to it, oldest first."""
        found = [node for node in self.registry.members(version.id) if node.kind == "artifact" and node.type in types]
        return sorted(found, key=lambda node: node.id)

    def put(self, node: Node, place: str, path: str, content: bytes, match: str | None) -> None:
        digest = hashlib.sha256(content).hexdigest()
        there = node.files.get(path)
        refusals = {Refusal.INVALID} if path in WRONG_PATHS else set()
        headers = {}
        match match:
            case None if there not in (None, digest):
                refusals.add(Refusal.EXISTS)
            case "If-None-Match":
                headers = {"If-None-Match": "*"}
                refusals |= {Refusal.STALE} if there else set()
            case "If-Match *":
                headers = {"If-Match": "*"}
                refusals |= set() if there else {Refusal.STALE}
            case "If-Match":
                headers = {"If-Match": f'"{there or digest}"'}
                refusals |= set() if there else {Refusal.STALE}
            case "If-Match stale":
                headers = {"If-Match": f'"{"0" * 64}"'}
                refusals.add(Refusal.STALE)
        refusal, stored = self.doors.native.put_file(place, path, content, **headers)
        if self.expect(refusals, refusal, native.SAYS, f"file {path} of {node}, {headers}"):
            assert (stored["artifactId"], stored["status"]) == (str(node.id), 200 if there else 201)
            if there != digest:
                self.stored(node, path, digest)
        assert self.doors.native.files(f"/artifacts/{node.id}") == node.files

    def stored(self, node: Node, path: str, digest: str) -> None:
        node.files[path] = digest
        self.registry.touch(node, "file.put")
        shown = self.doors.native.files(f"/artifacts/{node.id}")
        assert shown == node.files, f"{node} has {shown}"

    @precondition(lambda self: self.registry.of("kf.ModelArtifact"))
    @rule(which=picks, path=paths)
    def drop_file(self, which: int, path: str) -> None:
        node = pick(self.registry.of("kf.ModelArtifact"), which)
        refusals = {Refusal.INVALID} if path in WRONG_PATHS else set()
        refusals |= set() if path in node.files else {Refusal.MISSING}
        refusal = self.doors.native.drop_file(f"/artifacts/{node.id}", path)
        if self.expect(refusals, refusal, native.SAYS, f"removal of {path} of {node}"):
            del node.files[path]
            self.registry.touch(node, "file.delete")
        assert self.doors.native.files(f"/artifacts/{node.id}") == node.files

    # Versions by name.

    @precondition(lambda self: self.registry.of("kf.RegisteredModel"))
    @rule(which=picks, size=st.integers(1, 3))
    @reads
    def versions(self, which: int, size: int) -> None:
        model = pick(self.registry.of("kf.RegisteredModel"), which)
        nodes = self.registry.versions(model)
        shown = self.doors.native.versions(str(model.name), size)
        self.same(nodes, shown, "versions")
        checks.in_order(nodes, shown, "CREATE_TIME", True)
        newest = self.doors.native.version(str(model.name), "latest")
        assert (newest and int(newest["id"])) == (shown[0]["id"] if shown else None)
        for (of, alias), version in self.registry.aliases.items():
            if of == model.id:
                aliased = self.doors.native.version(str(model.name), f"@{alias}")
                assert aliased is not None and int(aliased["id"]) == version

    @precondition(lambda self: self.registry.of("kf.ModelVersion"))
    @rule(which=picks)
    @reads
    def version(self, which: int) -> None:
        """All that a version holds."""
        version = pick(self.registry.of("kf.ModelVersion"), which)
        model = self.registry.nodes[version.home or 0]
        shown = self.doors.native.version(str(model.name), str(version.name))
        assert shown is not None
        self.agree(version, native.seen(shown), "version")
        aliases_of = sorted(name for (_, name), to in self.registry.aliases.items() if to == version.id)
        assert shown["aliases"] == aliases_of
        assert (shown["model"], shown["modelId"]) == (model.name, str(model.id))
        own = self.artifacts(version, *TYPES)
        self.same(own, [native.seen(each) for each in shown["artifacts"]], "version")
        files = sorted((path, str(node.id), digest) for node in own for path, digest in node.files.items())
        assert sorted((file["path"], file["artifactId"], file["sha256"]) for file in shown["files"]) == files

    @precondition(lambda self: self.registry.of("kf.ModelVersion"))
    @rule(which=picks, force=st.booleans())
    def delete_version(self, which: int, force: bool) -> None:
        version = pick(self.registry.of("kf.ModelVersion"), which)
        model = self.registry.nodes[version.home or 0]
        refusal = self.doors.native.delete_version(str(model.name), str(version.name), force)
        refusals = {Refusal.OWNS} if self.is_in_use(version) and not force else set()
        if self.expect(refusals, refusal, native.SAYS, f"removal of {version}"):
            self.registry.delete(version)

    def is_in_use(self, version: Node) -> bool:
        """Whether it has an alias, or something that serves it names it."""
        services = [*self.registry.of("kf.InferenceService"), *self.registry.of("kf.ServeModel")]
        return version.id in self.registry.aliases.values() or any(
            service.properties.get("model_version_id", ("int", None))[1] == version.id for service in services
        )
