"""What clients do whose links break: uploads in pieces."""

import hashlib

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from . import uploads
from .edge import archive
from .native import segment
from .native_rules import WRONG_PATHS, NativeRules, paths
from .plans import NOBODY, pick, picks
from .registry import Draft, Node, Refusal
from .uploads import Upload, checksum

NO_UPLOAD = f"{NOBODY:032}"
contents = st.sampled_from([b"", b"one", b"two", archive("one"), b"\0" * 70_000])
digests = st.sampled_from([None, None, "right", "wrong"])
WRONG_HEADERS = [({"Tus-Resumable": "0.2.2"}, Refusal.STALE), ({"Content-Type": "text/plain"}, Refusal.REQUIRED)]


class UploadRules(NativeRules):
    """The door of resumable uploads."""

    @property
    def uploads(self) -> dict[str, Upload]:
        """Those that the server knows, by their ids."""
        return self.registry.uploads

    @precondition(lambda self: self.registry.of("kf.RegisteredModel"))
    @rule(
        which=picks,
        version=picks,
        path=paths,
        content=contents,
        digest=digests,
        create=st.booleans(),
        first=st.sampled_from([None, None, 0, 1, 2, 99]),
    )
    def begin_upload(
        self, which: int, version: int, path: str, content: bytes, digest: str | None, create: bool, first: int | None
    ) -> None:
        """An upload to a version that is there, or to one that is not; with its first bytes, or without."""
        model = pick(self.registry.of("kf.RegisteredModel"), which)
        own = self.registry.versions(model)
        named = str(pick(own, version).name) if own and version < 8 else f"new {version}"
        if named == "latest" or named.startswith("@"):
            return
        sha256 = {None: None, "right": hashlib.sha256(content).hexdigest(), "wrong": "0" * 64}[digest]
        upload = Upload(str(model.name), named, path, content, sha256, create)
        target = self.registry.named("kf.ModelVersion", model.id, named)
        refusals = {Refusal.INVALID} if path in WRONG_PATHS else set()
        refusals |= {Refusal.MISSING} if not create and not target else set()
        there = self.file_in(target, path)
        refusals |= {Refusal.EXISTS} if sha256 and there not in (None, sha256) else set()
        sent = None if first is None else content[:first]
        early = set(refusals)
        if not content or sent == content:
            # It ends in the request that begins it.
            refusals |= self.refusals_of_end(upload)
        response = self.doors.uploads.begin(upload, sent)
        refusal = self.doors.uploads.refusal(response)
        if self.expect(refusals, refusal, uploads.SAYS, f"begin of {upload} with {sent!r}"):
            assert response.headers["Upload-Offset"] == str(len(sent or b""))
            upload_id = response.headers["Location"].rpartition("/")[2]
            assert upload_id not in self.uploads
            self.uploads[upload_id] = upload
            self.reached(upload, len(sent or b""))
        assert early or not refusals or self.file_in(target, path) == there

    def file_in(self, version: Node | None, path: str) -> str | None:
        """The digest of a version's file."""
        own = self.artifacts(version, "kf.ModelArtifact") if version else []
        return next((node.files[path] for node in own if path in node.files), None)

    def target(self, upload: Upload) -> Node | None:
        model = self.registry.named("kf.RegisteredModel", None, upload.model)
        return self.registry.named("kf.ModelVersion", model.id, upload.version) if model else None

    def refusals_of_end(self, upload: Upload) -> set[Refusal]:
        """Why it cannot become a file, as everything is now."""
        target, digest = self.target(upload), hashlib.sha256(upload.content).hexdigest()
        refusals = {Refusal.INVALID} if upload.sha256 not in (None, digest) else set()
        refusals |= {Refusal.EXISTS} if self.file_in(target, upload.path) not in (None, digest) else set()
        if not upload.create and not (target and self.artifacts(target, "kf.ModelArtifact")):
            refusals.add(Refusal.MISSING)
        return refusals

    def reached(self, upload: Upload, offset: int) -> None:
        """So much of it is there; with the last byte it is a file."""
        upload.offset = offset
        if offset < len(upload.content):
            return
        registry, live = self.registry, {"state": ("string", "LIVE")}
        view = self.doors.native.version(upload.model, upload.version)
        assert view is not None, f"{upload} made no version"
        model = registry.named("kf.RegisteredModel", None, upload.model)
        if model is None:
            model = registry.create(Draft("kf.RegisteredModel", upload.model, properties=live), int(view["modelId"]))
        version = registry.named("kf.ModelVersion", model.id, upload.version)
        if version is None:
            version = registry.create(
                Draft("kf.ModelVersion", upload.version, model.id, properties=live), int(view["id"])
            )
        own = self.artifacts(version, "kf.ModelArtifact")
        holder = next((node for node in own if upload.path in node.files), own[0] if own else None)
        if holder is None:
            draft = Draft("kf.ModelArtifact", upload.model, version.id, state="LIVE")
            [shown] = [each for each in view["artifacts"] if each["type"] == draft.type]
            holder = registry.create(draft, int(shown["id"]))
        digest = hashlib.sha256(upload.content).hexdigest()
        if holder.files.get(upload.path) != digest:
            self.stored(holder, upload.path, digest)
        upload.artifact = holder.id
        place = f"/models/{segment(upload.model)}/versions/{segment(upload.version)}"
        assert self.doors.native.content(place, upload.path) == upload.content
        sizes = {(file["artifactId"], file["path"]): file["size"] for file in view["files"]}
        assert sizes[str(holder.id), upload.path] == len(upload.content)

    @precondition(lambda self: self.uploads)
    @rule(
        which=picks,
        size=st.sampled_from([0, 1, 2, 40_000, None, None, None]),
        skew=st.sampled_from([0, 0, 0, 0, 1, -1, 7]),
        extra=st.sampled_from([b"", b"", b"", b"more"]),
        sum_of=st.sampled_from([None, None, "right", "wrong"]),
        algorithm=st.sampled_from(["sha1", "sha256", "md5"]),
    )
    def add(self, which: int, size: int | None, skew: int, extra: bytes, sum_of: str | None, algorithm: str) -> None:
        """More bytes, after those that are there or not; all that are left, or some; and too many."""
        upload_id = pick(list(self.uploads), which)
        upload = self.uploads[upload_id]
        begin = max(0, upload.offset + skew)
        left = upload.content[upload.offset :]
        sent = left if size is None else left[:size]
        # In the middle it would be taken for the content.
        sent += extra if sent == left else b""
        headers = {}
        if sum_of:
            headers = {"Upload-Checksum": checksum(sent if sum_of == "right" else sent + b"other", algorithm)}
        refusals = {Refusal.UNSERVABLE} if begin != upload.offset else set()
        if len(sent) > len(left):
            refusals.add(Refusal.UNSERVABLE if upload.artifact else Refusal.TOO_LONG)
        refusals |= {Refusal.DAMAGED} if sum_of == "wrong" and not upload.artifact else set()
        is_last = not refusals and not upload.artifact and len(sent) == len(left)
        if is_last:
            refusals = self.refusals_of_end(upload)
        response = self.doors.uploads.add(upload_id, begin, sent, **headers)
        what = f"{len(sent)} bytes after {begin} for {upload}, {headers}"
        if self.expect(refusals, self.doors.uploads.refusal(response), uploads.SAYS, what):
            assert response.headers["Upload-Offset"] == str(upload.offset + len(sent))
            if not upload.artifact:
                self.reached(upload, upload.offset + len(sent))
        elif is_last:
            # What can never become a file leaves nothing behind.
            del self.uploads[upload_id]
        self.check_upload(upload_id)

    @precondition(lambda self: self.uploads)
    @rule(which=picks)
    def add_rest(self, which: int) -> None:
        """All that is left."""
        self.add(which=which, size=None, skew=0, extra=b"", sum_of=None, algorithm="sha256")

    def check_upload(self, upload_id: str) -> None:
        """It is as far as it should be, or nobody knows it."""
        upload, shown = self.uploads.get(upload_id), self.doors.uploads.shown(upload_id)
        if upload is None:
            assert shown is None, f"{upload_id} is shown: {shown}"
            return
        assert shown is not None, f"{upload} is not shown"
        expected = {"model": upload.model, "version": upload.version, "path": upload.path, "offset": upload.offset}
        expected |= {"length": len(upload.content), "finished": upload.artifact is not None}
        assert {name: shown[name] for name in expected} == expected
        is_whole = upload.artifact is not None
        assert shown.get("sha256") == (hashlib.sha256(upload.content).hexdigest() if is_whole else upload.sha256)

    @precondition(lambda self: self.uploads)
    @rule(which=picks)
    def give_up(self, which: int) -> None:
        """An upload is forgotten; a file that it has become stays."""
        upload_id = NO_UPLOAD if which == 9 else pick(list(self.uploads), which)
        refusals = set() if upload_id in self.uploads else {Refusal.MISSING}
        if self.expect(refusals, self.doors.uploads.give_up(upload_id), uploads.SAYS, f"end of upload {upload_id}"):
            upload = self.uploads.pop(upload_id)
            holder = self.registry.nodes.get(upload.artifact or 0)
            if holder:
                assert self.doors.native.files(f"/artifacts/{holder.id}") == holder.files
        self.check_upload(upload_id)

    @precondition(lambda self: self.uploads)
    @rule(which=picks, wrong=st.sampled_from(WRONG_HEADERS))
    def add_oddly(self, which: int, wrong: tuple[dict[str, str], Refusal]) -> None:
        """What is not of the protocol adds nothing."""
        upload_id = pick(list(self.uploads), which)
        headers, refused = wrong
        response = self.doors.uploads.add(upload_id, self.uploads[upload_id].offset, b"", **headers)
        assert self.doors.uploads.refusal(response) is refused, response.text
        self.check_upload(upload_id)

    def check_edges(self) -> None:
        """None of those in progress is lost."""
        super().check_edges()
        for upload_id in list(self.uploads):
            self.check_upload(upload_id)

    def end(self) -> None:
        super().end()
        for upload_id in list(self.uploads):
            assert self.doors.uploads.give_up(upload_id) is None
            del self.uploads[upload_id]
            self.check_upload(upload_id)
