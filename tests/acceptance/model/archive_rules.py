"""Whole folders: in as one archive, and out as one."""

import hashlib

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from . import native
from .archives import MEDIA_TYPES, Members, digests, packed
from .native import segment
from .native_rules import WRONG_PATHS, paths
from .plans import pick, picks
from .registry import Draft, Node, Refusal
from .upload_rules import UploadRules

# One of them has the path of another's folder.
members = st.lists(
    st.tuples(st.one_of(paths, st.sampled_from(["b", "b/d"])), st.sampled_from([b"", b"one", b"two"])),
    min_size=1,
    max_size=3,
    unique_by=lambda member: member[0],
)
FLAWS = ["cut short", "empty", "twice", "no archive"]
matches = st.sampled_from([None, None, None, "If-None-Match", "If-Match"])


class ArchiveRules(UploadRules):
    """The native door, with many files at once."""

    def names(self, version: Node) -> str | None:
        """The path of a version, where its name is no other word for one."""
        model = self.registry.nodes[version.home or 0]
        if version.name == "latest" or str(version.name).startswith("@"):
            return None
        return f"/models/{segment(str(model.name))}/versions/{segment(str(version.name))}"

    @precondition(lambda self: self.registry.of("kf.ModelVersion", "kf.ModelArtifact"))
    @rule(
        which=picks,
        members=members,
        form=st.sampled_from(list(MEDIA_TYPES)),
        match=matches,
        flaw=st.sampled_from([None, None, None, None, *FLAWS]),
    )
    def unpack(self, which: int, members: Members, form: str, match: str | None, flaw: str | None) -> None:
        """All files of an archive, or none; into a version, or into an artifact."""
        # Rather one whose files are several artifacts' than any.
        parted = self.parted() if which % 2 else []
        node = pick(parted or self.registry.of("kf.ModelVersion", "kf.ModelArtifact"), which)
        self.unpack_into(node, members, form, match, flaw)

    def unpack_into(self, node: Node, members: Members, form: str, match: str | None, flaw: str | None) -> None:
        is_version = node.type == "kf.ModelVersion"
        place = self.names(node) if is_version else f"/artifacts/{node.id}"
        if place is None:
            return
        own = self.artifacts(node, "kf.ModelArtifact") if is_version else [node]
        refusals = {Refusal.INVALID} if any(path in WRONG_PATHS for path, _ in members) else set()
        refusals |= {Refusal.INVALID} if self.clash([path for path, _ in members]) else set()
        for path, content in members:
            there = next((each.files[path] for each in own if path in each.files), None)
            match match:
                case None if there not in (None, hashlib.sha256(content).hexdigest()):
                    refusals.add(Refusal.EXISTS)
                case "If-None-Match" if there:
                    refusals.add(Refusal.STALE)
                case "If-Match" if not there:
                    refusals.add(Refusal.STALE)
        sent = packed([*members, *(members[:1] if flaw == "twice" else [])], form)
        match flaw:
            case "cut short":
                sent = sent[:-10] if form == "zip" else sent[:40]
            case "empty":
                sent = packed([], form)
            case "no archive":
                sent = b"no archive"
        refusals |= {Refusal.INVALID} if flaw else set()
        headers = {"Content-Type": MEDIA_TYPES[form], **({match: "*"} if match else {})}
        response = self.doors.native.ask(
            "PUT", f"{place}/files", params={"unpack": "true"}, content=sent, headers=headers
        )
        what = f"{flaw or ''} {form} of {members} for {node}, {match}"
        if self.expect(refusals, self.doors.native.refusal(response), native.SAYS, f"unpacking {what}"):
            self.unpacked(node, own, members, response.json()["items"])
        for each in self.artifacts(node, "kf.ModelArtifact") if is_version else own:
            assert self.doors.native.files(f"/artifacts/{each.id}") == each.files

    def clash(self, paths: list[str]) -> bool:
        """Whether one of them is the folder of another."""
        return any(path[:at] in paths for path in paths for at, letter in enumerate(path) if letter == "/")

    def parted(self) -> list[Node]:
        """Versions whose files are several artifacts'."""
        versions = [node for node in self.registry.of("kf.ModelVersion") if self.names(node)]
        holders = lambda version: [node for node in self.artifacts(version, "kf.ModelArtifact") if node.files]
        return [version for version in versions if len(holders(version)) > 1]

    @precondition(lambda self: self.parted())
    @rule(
        which=picks,
        contents=st.lists(st.sampled_from([b"", b"one", b"two"]), min_size=2, max_size=3),
        skip=picks,
        form=st.sampled_from(list(MEDIA_TYPES)),
    )
    def unpack_again(self, which: int, contents: list[bytes], skip: int, form: str) -> None:
        """Files of several artifacts are replaced, each where it is."""
        version = pick(self.parted(), which)
        own = self.artifacts(version, "kf.ModelArtifact")
        there = sorted({path for node in own for path in node.files}, key=lambda path: path.encode())
        turned = there[skip % len(there) :] + there[: skip % len(there)]
        # A member for every path, as far as there are contents.
        self.unpack_into(version, list(zip(turned, contents, strict=False)), form, "If-Match", None)

    def unpacked(self, node: Node, own: list[Node], members: Members, items: list[dict]) -> None:
        """Each file is where one of its path was, and otherwise where the first is."""
        in_place = [next((each for each in own if path in each.files), None) for path, _ in members]
        first = in_place[0] or (own[0] if own else None)
        if first is None:
            model = self.registry.nodes[node.home or 0]
            draft = Draft("kf.ModelArtifact", model.name, node.id, state="LIVE")
            first = self.registry.create(draft, int(items[0]["artifactId"]))
        changed: dict[int, list[str]] = {}
        for (path, content), there, item in zip(members, in_place, items, strict=True):
            holder, digest = there or first, hashlib.sha256(content).hexdigest()
            was = holder.files.get(path)
            outcome = "created" if was is None else "unchanged" if was == digest else "replaced"
            shown = (item["path"], item["artifactId"], item["sha256"], item["outcome"], item["size"])
            assert shown == (path, str(holder.id), digest, outcome, len(content))
            if outcome != "unchanged":
                holder.files[path] = digest
                changed.setdefault(holder.id, []).append("file.put")
        for holder_id in sorted(changed):
            self.registry.touch(self.registry.nodes[holder_id], *changed[holder_id])

    @precondition(lambda self: self.registry.of("kf.ModelVersion", "kf.ModelArtifact"))
    @rule(which=picks, form=st.sampled_from(["zip", "tar"]))
    def pack(self, which: int, form: str) -> None:
        """All files of a version or of an artifact, in order; the oldest of those of one path."""
        parted = self.parted() if which % 2 else []
        node = pick(parted or self.registry.of("kf.ModelVersion", "kf.ModelArtifact"), which)
        is_version = node.type == "kf.ModelVersion"
        place = self.names(node) if is_version else f"/artifacts/{node.id}"
        if place is None:
            return
        own = self.artifacts(node, "kf.ModelArtifact") if is_version else [node]
        files: dict[str, str] = {}
        for each in own:
            files = each.files | files
        refusals = {Refusal.EXISTS} if self.clash(list(files)) else set()
        query = {"archive": form, "quarantined": "true"}
        response = self.doors.native.http.get(f"{place}/files", params=query)
        refusal = self.doors.native.refusal(response)
        if self.expect(refusals, refusal, native.SAYS, f"{form} of {node} with {files}"):
            assert digests(response.content, form) == sorted(files.items(), key=lambda file: file[0].encode())
            again = {"If-None-Match": response.headers["ETag"]}
            repeated = self.doors.native.ask("GET", f"{place}/files", params=query, headers=again)
            assert (repeated.status_code, repeated.content) == (304, b"")
