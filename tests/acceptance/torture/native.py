"""What a writer does with files, over the native API."""

import io
import tarfile

from torture.ledger import Key, choose
from torture.rows import SHARED
from torture.writer import Writer, digest


def file_url(key: Key) -> str:
    _, model, version, path = key
    return f"/api/v1/models/{model}/versions/{version}/files/{path}"


def put_file(writer: Writer) -> None:
    """A new file beside those of the others, in a version that whoever comes first makes."""
    data = writer.bytes()
    key = ("file", SHARED, f"{writer.random.randrange(3)}", f"{writer.name}/{writer.number()}")
    writer.perform(
        "native.put_file",
        {key: digest(data)},
        lambda doors, headers: doors.api.put(file_url(key), content=data, headers=headers),
        {201},
        {200},
    )


def replace_file(writer: Writer) -> None:
    if chosen := choose(writer.random, writer.ledger.certain("file")):
        (key, known), data = chosen, writer.bytes() + writer.token().encode()
        writer.perform(
            "native.replace_file",
            {key: digest(data)},
            lambda doors, headers: doors.api.put(
                file_url(key), content=data, headers={**headers, "If-Match": f'"{known}"'}
            ),
            {200},
            {412},
        )


def delete_file(writer: Writer) -> None:
    if chosen := choose(writer.random, writer.ledger.certain("file")):
        key = chosen[0]
        writer.perform(
            "native.delete_file",
            {key: None},
            lambda doors, headers: doors.api.delete(file_url(key), headers=headers),
            {204},
            {404},
        )


def unpack_folder(writer: Writer) -> None:
    """Several files in one archive, which arrive together or not at all."""
    version, buffer, change = f"f{writer.number()}", io.BytesIO(), {}
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number in range(writer.random.randint(2, 5)):
            data = writer.bytes()
            member = tarfile.TarInfo(f"{writer.name}/{number}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
            change["file", SHARED, version + writer.name, member.name] = digest(data)
    url = f"/api/v1/models/{SHARED}/versions/{version}{writer.name}/files"
    writer.perform(
        "native.unpack",
        change,
        lambda doors, headers: doors.api.put(
            url,
            params={"unpack": "true"},
            content=buffer.getvalue(),
            headers={**headers, "Content-Type": "application/x-tar"},
        ),
        {201},
        {200},
    )


def set_alias(writer: Writer) -> None:
    if chosen := choose(writer.random, writer.ledger.certain("version")):
        _, model, version = chosen[0]
        key = ("alias", model, "best")
        # To set it to what it is changes nothing.
        if not writer.ledger.is_frozen(key) and writer.ledger.possible.get(key) != {version}:
            url = f"/api/v1/models/{model}/aliases/best"
            send = lambda doors, headers: doors.api.put(url, json={"version": version}, headers=headers)  # noqa: E731
            writer.perform("native.set_alias", {key: version}, send, {200, 201})
