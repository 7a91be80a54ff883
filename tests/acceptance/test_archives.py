"""Whole folders over plain HTTP: one archive out, one archive in; and archives that mean harm."""

import base64
import gzip
import hashlib
import io
import os
import socket
import struct
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from harness import Installation, Server, eventually

MIB = 1024 * 1024
FILES = {"model.bin": os.urandom(300_000), "ünï/ço dé.txt": b"text", "empty": b"", "deep/" * 30 + "a:b": b"c"}


def files_url(server: Server, version: str) -> str:
    return f"{server.url}/api/v1/models/folder/versions/{version}/files"


def fetch(server: Server, version: str, **params: str) -> httpx.Response:
    return httpx.get(files_url(server, version), params=params, trust_env=False, timeout=120)


def unpack(server: Server, version: str, body: bytes, media_type: str = "application/octet-stream") -> httpx.Response:
    headers = {"Content-Type": media_type}
    url = files_url(server, version)
    return httpx.put(url, params={"unpack": "true"}, content=body, headers=headers, trust_env=False, timeout=120)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(members: dict[str, bytes], mode: str = "w", form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def test_python_reads_what_comes_out(server: Server) -> None:
    for path, data in FILES.items():
        assert server.put("folder", "1", path, data).status_code == 201

    answer = fetch(server, "1", archive="zip")
    assert int(answer.headers["content-length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(FILES, key=str.encode)
        assert {name: archive.read(name) for name in FILES} == FILES
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {member.external_attr >> 16 for member in archive.infolist()} == {0o100644}

    answer = fetch(server, "1", archive="tar")
    assert int(answer.headers["content-length"]) == len(answer.content)
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        assert archive.getnames() == sorted(FILES, key=str.encode)
        assert {name: archive.extractfile(name).read() for name in FILES} == FILES
        assert {(member.mode, member.uid, member.mtime) for member in archive.getmembers()} == {(0o644, 0, 315532800)}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(lambda: zipped(FILES), id="deflated"),
        pytest.param(lambda: zipped(FILES, zipfile.ZIP_STORED), id="stored"),
        pytest.param(lambda: tarred(FILES), id="pax"),
        pytest.param(lambda: tarred(FILES, form=tarfile.GNU_FORMAT), id="gnu"),
        pytest.param(lambda: tarred(FILES, "w:gz"), id="gzip"),
        pytest.param(lambda: tarred({f"./{path}": data for path, data in FILES.items()}), id="dotted"),
    ],
)
def test_what_python_packs_comes_in(server: Server, body: Callable[[], bytes]) -> None:
    packed = body()
    answer = unpack(server, "1", packed)
    assert answer.status_code == 201, answer.text
    assert {item["path"]: item["outcome"] for item in answer.json()["items"]} == dict.fromkeys(FILES, "created")
    for path, data in FILES.items():
        assert server.get("folder", "1", path).content == data
    answer = unpack(server, "1", packed)
    assert answer.status_code == 200, answer.text
    assert {item["outcome"] for item in answer.json()["items"]} == {"unchanged"}


class Pipe(io.RawIOBase):
    """Takes bytes and cannot be sought, so that sizes and checksums follow the bytes."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        self.taken += data
        return len(data)


def zip_piped(force_zip64: bool, method: int) -> bytes:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", method) as archive:
        for name, data in FILES.items():
            member = zipfile.ZipInfo(name)
            member.compress_type = method
            with archive.open(member, "w", force_zip64=force_zip64) as out:
                out.write(data)
    return bytes(pipe.taken)


def zip_large() -> bytes:
    """What is prepared for members of more than 4 GiB, and has none."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in FILES.items():
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as out:
                out.write(data)
    return buffer.getvalue()


def unsigned(body: bytes) -> bytes:
    """Without the signatures of its data descriptors, which are optional."""
    ends: list[tuple[int, int]] = []
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for member in archive.infolist():
            name, extra = struct.unpack_from("<HH", body, member.header_offset + 26)
            end = member.header_offset + 30 + name + extra + member.compress_size
            assert body[end : end + 4] == b"PK\x07\x08"
            ends.append((member.header_offset, end))
        start = archive.start_dir
    rest, directory = bytearray(), bytearray(body[start:])
    at = entry = 0
    for number, (header, end) in enumerate(ends):
        rest += body[at:end]
        at = end + 4
        struct.pack_into("<I", directory, entry + 42, header - 4 * number)
        entry += 46 + sum(struct.unpack_from("<HHH", directory, entry + 28))
    rest += body[at:start]
    struct.pack_into("<I", directory, len(directory) - 6, len(rest))
    return bytes(rest + directory)


def zip64_end(body: bytes) -> bytes:
    """With the end records of large archives."""
    disk, start, here, count, size, offset, comment = struct.unpack("<HHHHIIH", body[-18:])
    large = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(body) - 22, 1)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", disk, start, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, comment)
    return body[:-22] + large + locator + end


STUB = b"#!/bin/sh\nexec unzip $0\n"
ODD_ZIPS = {
    "piped": lambda: zip_piped(False, zipfile.ZIP_DEFLATED),
    "piped, stored": lambda: zip_piped(False, zipfile.ZIP_STORED),
    "piped, for large members": lambda: zip_piped(True, zipfile.ZIP_DEFLATED),
    "piped, stored, for large members": lambda: zip_piped(True, zipfile.ZIP_STORED),
    "for large members": zip_large,
    "descriptors without signatures": lambda: unsigned(zip_piped(False, zipfile.ZIP_DEFLATED)),
    "large descriptors without signatures": lambda: unsigned(zip_piped(True, zipfile.ZIP_DEFLATED)),
    "dotted": lambda: zipped({"./": b"", **{f"./{path}": data for path, data in FILES.items()}}),
    "with folders": lambda: zipped({"deep/": b"", **FILES}),
    "large end": lambda: zip64_end(zipped(FILES)),
    "extracts itself": lambda: STUB + zipped(FILES),
    "extracts itself, with a large end": lambda: STUB + zip64_end(zipped(FILES)),
    "to be split": lambda: b"PK00" + zipped(FILES),
}


@pytest.mark.parametrize("name", ODD_ZIPS)
def test_odd_zips_that_python_reads_come_in(server: Server, name: str) -> None:
    body = ODD_ZIPS[name]()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
    answer = unpack(server, "1", body, "application/zip")
    assert answer.status_code == 201, answer.text
    for path, data in FILES.items():
        assert server.get("folder", "1", path).content == data


def test_a_zip_that_names_the_same_twice_or_no_path_is_refused(server: Server) -> None:
    for members in ({"./a": b"1", "a": b"2"}, {"a//b": b"1"}, {"./": b"1"}):
        answer = unpack(server, "1", zipped(members))
        assert answer.status_code == 400 and "member" in answer.json()["detail"], answer.text


@pytest.mark.parametrize(
    "media_type",
    ["APPLICATION/ZIP", "application/x-zip", "application/x-tgz", "binary/octet-stream", "text/plain", "application/x-tar; a=b"],
)
def test_the_first_bytes_tell_what_an_archive_is(server: Server, media_type: str) -> None:
    for body in (zipped(FILES), tarred(FILES), tarred(FILES, "w:gz")):
        answer = unpack(server, "1", body, media_type)
        assert answer.status_code in (200, 201), answer.text
    for packed in ("bz2", "xz"):
        answer = unpack(server, "1", tarred(FILES, f"w:{packed}"), media_type)
        assert answer.status_code == 415, answer.text
        assert {"bz2": "bzip2", "xz": "xz"}[packed] in answer.json()["detail"]
    answer = unpack(server, "1", gzip.compress(b"no tar"), media_type)
    assert answer.status_code == 400, answer.text


SPARSE = [["gnu"], ["posix", "--sparse-version=0.0"], ["posix", "--sparse-version=0.1"], ["posix", "--sparse-version=1.0"]]


@pytest.mark.parametrize("form", SPARSE, ids=[" ".join(form) for form in SPARSE])
@pytest.mark.parametrize("zipped_too", [False, True], ids=["plain", "gzip"])
def test_files_with_holes_keep_their_bytes_and_names(
    server: Server, tmp_path: Path, form: list[str], zipped_too: bool
) -> None:
    expected: dict[str, bytes] = {}
    folder = tmp_path / "folder"
    for name, pieces, size in [("a/few", 2, 300_000), ("a/many", 90, 90 * 65_536), ("nothing", 0, 200_000)]:
        data = bytearray(size)
        for piece in range(pieces):
            data[piece * 65_536 : piece * 65_536 + 4096] = os.urandom(4096)
        expected[name] = bytes(data)
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        with (folder / name).open("wb") as file:
            file.truncate(size)
            for piece in range(pieces):
                file.seek(piece * 65_536)
                file.write(data[piece * 65_536 : piece * 65_536 + 4096])
    options = ["--sparse", "--hole-detection=raw", f"--format={form[0]}", *form[1:], *(["--gzip"] if zipped_too else [])]
    body = subprocess.run(["tar", "--create", *options, "-C", folder, "."], check=True, stdout=subprocess.PIPE).stdout
    assert len(body) < 1_000_000
    answer = unpack(server, "1", body)
    assert answer.status_code == 201, answer.text
    assert {item["path"] for item in answer.json()["items"]} == set(expected)
    for path, data in expected.items():
        assert server.get("folder", "1", path).content == data, path


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-512"])
@pytest.mark.parametrize("field", ["Content-Digest", "Repr-Digest"])
@pytest.mark.parametrize("body", [zipped(FILES), tarred(FILES), tarred(FILES, "w:gz")], ids=["zip", "tar", "gzip"])
def test_an_archive_with_another_digest_is_refused(
    server: Server, installation: Installation, algorithm: str, field: str, body: bytes
) -> None:
    before = installation.kept()
    for said, status in [(body + b"x", 400), (body, 201)]:
        digest = hashlib.new(algorithm.replace("-", ""), said).digest()
        headers = {field: f"{algorithm}=:{base64.b64encode(digest).decode()}:"}
        url = files_url(server, "1")
        answer = httpx.put(url, params={"unpack": "true"}, content=body, headers=headers, trust_env=False, timeout=60)
        assert answer.status_code == status, answer.text
        if status == 400:
            assert answer.json()["field"] == field
            assert installation.kept() == before


def linked(name: str, kind: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("good"))
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    return buffer.getvalue()


def zip_link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo("evil")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
    return buffer.getvalue()


def duplicate() -> bytes:
    return zipped({"evil": b"1", "evi2": b"2"}).replace(b"evi2", b"evil")


def patched(signature: bytes, offset: int, value: int) -> bytes:
    body = bytearray(zipped({"evil": b"some text"}))
    struct.pack_into("<H", body, body.index(signature) + offset, value)
    return bytes(body)


EVIL = {
    "dots": (lambda: zipped({"good": b"1", "../evil": b"2"}), 400),
    "absolute": (lambda: zipped({"/evil": b"2"}), 400),
    "backslash": (lambda: tarred({"a\\evil": b"2"}), 400),
    "zip link": (zip_link, 400),
    "symlink": (lambda: linked("evil", tarfile.SYMTYPE), 400),
    "hard link": (lambda: linked("evil", tarfile.LNKTYPE), 400),
    "device": (lambda: linked("evil", tarfile.CHRTYPE), 400),
    "twice": (duplicate, 400),
    "twice in a tar": (lambda: tarred({"evil": b"1"})[:1024] + tarred({"evil": b"1"}), 400),
    "file and folder": (lambda: zipped({"a": b"1", "a/evil": b"2"}), 400),
    "zip bomb": (lambda: zipped({"evil": bytes(16 * MIB)}), 413),
    "gzip bomb": (lambda: tarred({"evil": bytes(16 * MIB)}, "w:gz"), 413),
    "wrong checksum": (lambda: zipped({"evil": b"abcdef"}, zipfile.ZIP_STORED).replace(b"abcdef", b"abcdeF"), 400),
    "two names": (lambda: zipped({"evil": b"2"}).replace(b"evil", b"good", 1), 400),
    "encrypted": (lambda: patched(b"PK\x01\x02", 8, 1), 400),
    "unknown method": (lambda: zipped({"evil": b"2" * 1000}, zipfile.ZIP_LZMA), 400),
    "cut tar": (lambda: tarred({"evil": b"x" * 5000})[:3000], 400),
}


@pytest.mark.parametrize("name", EVIL)
def test_an_evil_archive_is_refused_and_leaves_nothing(server: Server, installation: Installation, name: str) -> None:
    make, status = EVIL[name]
    before = installation.kept()
    answer = unpack(server, "1", make())
    assert answer.status_code == status, answer.text
    assert "evil" in answer.json()["detail"], answer.text
    assert fetch(server, "1").status_code == 404
    assert installation.kept() == before


@pytest.mark.parametrize("cut", [10, 22, 60])
def test_a_cut_zip_is_refused(server: Server, installation: Installation, cut: int) -> None:
    before = installation.kept()
    answer = unpack(server, "1", zipped(FILES)[:-cut], "application/zip")
    assert answer.status_code == 400, answer.text
    assert installation.kept() == before


def test_what_is_no_archive_is_refused(server: Server) -> None:
    assert unpack(server, "1", b"neither").status_code == 415
    assert unpack(server, "1", b"neither", "text/plain").status_code == 415
    assert unpack(server, "1", zipped({})).status_code == 400


@pytest.mark.parametrize("media_type", ["application/zip", "application/x-tar"])
def test_a_client_that_goes_away_leaves_nothing(server: Server, installation: Installation, media_type: str) -> None:
    members = {"a": os.urandom(2 * MIB), "b": os.urandom(8 * MIB)}
    body = zipped(members, zipfile.ZIP_STORED) if media_type == "application/zip" else tarred(members)
    before = installation.kept()
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port)) as connection:
        path = "/api/v1/models/folder/versions/1/files?unpack=true"
        head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[: 6 * MIB])
        time.sleep(0.5)
    eventually(lambda: installation.kept() == before, "nothing is kept of the archive")
    assert fetch(server, "1").status_code == 404


def test_memory_does_not_grow_with_the_folder(server: Server, figures: list[str]) -> None:
    for number in range(5):
        assert server.put("folder", "1", f"{number}.bin", os.urandom(100 * MIB)).status_code == 201
    before = server.memory("VmHWM")
    for form in ("zip", "tar"):
        with httpx.stream("GET", files_url(server, "1"), params={"archive": form}, trust_env=False, timeout=300) as out:
            url = files_url(server, form)
            headers = {"Content-Length": out.headers["content-length"]}
            chunks = out.iter_raw(MIB)
            put = httpx.put(
                url, params={"unpack": "true"}, content=chunks, headers=headers, trust_env=False, timeout=300
            )
        assert put.status_code == 201, put.text
        assert len(put.json()["items"]) == 5
    grown = server.memory("VmHWM") - before
    figures.append(f"500 MiB out and in as zip and tar: {grown / MIB:.0f} MiB more than {before / MIB:.0f} MiB")
    assert grown < 100 * MIB
