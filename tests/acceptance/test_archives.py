"""Whole folders over plain HTTP: one archive out, one archive in; and archives that mean harm."""

import io
import os
import socket
import struct
import tarfile
import time
import zipfile
from collections.abc import Callable

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
        head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
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
