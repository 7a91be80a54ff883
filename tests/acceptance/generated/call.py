"""Calls both APIs through the Python clients that openapi-generator made: `call.py FOLDER NATIVE EDGE ZIP`."""

import sys
from pathlib import Path

folder, native_url, edge_url, archive = sys.argv[1:]
sys.path += [f"{folder}/native-python", f"{folder}/edge-python"]

import modelport_edge as edge  # noqa: E402
import modelport_native as native  # noqa: E402

BYTES = bytes(range(256)) * 3
ARCHIVE = Path(archive).read_bytes()

with native.ApiClient(native.Configuration(host=native_url)) as client:
    files, models = native.FilesApi(client), native.ModelsApi(client)
    stored = files.put_version_file("python", "1", "folder/bytes.bin", BYTES)
    assert (stored.path, stored.size) == ("folder/bytes.bin", len(BYTES)), stored
    assert bytes(files.get_version_file("python", "1", "folder/bytes.bin")) == BYTES
    assert bytes(files.get_version_file("python", "1", "folder/bytes.bin", range="bytes=1-4")) == BYTES[1:5]
    [listed] = files.list_version_files("python", "1").items
    assert listed.sha256 == stored.sha256
    unpacked = files.unpack_version_files("python", "2", True, ARCHIVE, _content_type="application/zip")
    assert unpacked.to_dict(), unpacked
    assert models.list_versions("python").to_dict()["items"], "versions"
    assert models.get_version("python", "2").name == "2"

with edge.ApiClient(edge.Configuration(host=edge_url)) as client:
    api = edge.ModelsApi(client)
    made = api.create_model(file=("m.zip", ARCHIVE), name="python", version="1").strip()
    assert [model.id for model in api.list_models(name="python")] == [made]
    assert api.get_model(made).size == len(ARCHIVE)
    assert bytes(api.get_model_files(made)) == ARCHIVE
    assert api.update_model(made, category="letters").status == "completed"
    api.delete_model(made)
