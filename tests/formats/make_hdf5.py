"""Writes HDF5 files with the HDF5 library: honest ones, and ones that carry code or take data from other files where a
search through their bytes finds nothing. Beside them stand the rules that must catch each; none means that nothing may.

usage: make_hdf5.py FOLDER
"""

import json
import sys
from pathlib import Path

import h5py
import numpy as np

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/inspect/hdf5")
EXPECTED: dict[str, list[str]] = {}
LAMBDA, OUTSIDE, MALFORMED = "keras-lambda", "external-data-outside", "format-malformed"


def layer(name: str) -> dict:
    return {"class_name": name, "module": "keras.layers", "registered_name": None, "config": {"name": name.lower()}}


def model(*names: str) -> dict:
    return {"class_name": "Sequential", "module": "keras", "config": {"name": "x", "layers": [layer(name) for name in names]}}


HARMLESS, HARMFUL = json.dumps(model("Dense")), json.dumps(model("Dense", "Lambda"))


def file(name: str, *rules: str, **options) -> h5py.File:
    path = FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    EXPECTED[name] = list(rules)
    return h5py.File(path, "w", track_order=False, **options)


def harmless() -> None:
    for libver in ["earliest", "latest"]:
        with file(f"plain-{libver}.h5", libver=libver) as made:
            made.attrs["model_config"] = HARMLESS
            made.attrs["keras_version"] = "3.15.1"
            made["weights"] = np.zeros((4, 4), "f4")
            made.create_dataset("packed", data=np.zeros(1000), chunks=(100,), compression="gzip", shuffle=True)
            made.create_dataset("texts", data=["a", "b"], dtype=h5py.string_dtype())
            made["compound"] = np.zeros(3, [("a", "i4"), ("b", "f8")])
            made["soft"] = h5py.SoftLink("/weights")
            made["hard"] = made["weights"]
            made["weights"].attrs["note"] = "a `Lambda` is no layer here"
            deep = made.create_group("a/b/c")
            deep.attrs["self"] = deep.ref
            deep["up"] = made["a"]
        with file(f"many-{libver}.h5", libver=libver) as made:
            for number in range(300):
                made.create_group(f"layer {number}").attrs["weight_names"] = np.array([b"kernel:0", b"bias:0"])
                made.attrs[f"note {number}"] = number
            made.attrs["model_config"] = HARMLESS
    with file("unicode.h5") as made:
        made.attrs["model_config"] = np.bytes_(json.dumps({**model("Dense"), "größe": float("nan")}, ensure_ascii=False).encode())
        made.create_group("模型")
    with file("user-block.h5", userblock_size=1024) as made:
        made.attrs["model_config"] = HARMLESS
    with file("data.h5") as made:
        made["text"] = '{"class_name": "Lambda"}'
        made.attrs["title"] = "{curly but no JSON"
    file("empty.h5").close()


def code() -> None:
    for libver in ["earliest", "latest"]:
        with file(f"decoy-{libver}.h5", LAMBDA, libver=libver) as made:
            made.attrs["a decoy"] = HARMLESS
            made.attrs["model_config"] = HARMFUL
        with file(f"indexed-attribute-{libver}.h5", LAMBDA, libver=libver) as made:
            for number in range(100):
                made.attrs[f"note {number}"] = "x" * 100
            made.attrs["model_config"] = HARMFUL
    with file("fixed-length.h5", LAMBDA) as made:
        made.attrs["model_config"] = np.bytes_(HARMFUL)
    with file("behind-nan.h5", LAMBDA) as made:
        made.attrs["model_config"] = json.dumps({"first": float("nan"), "second": float("inf"), **model("Lambda")})
    with file("spaced.h5", LAMBDA) as made:
        made.attrs["model_config"] = HARMFUL.replace('": "', '" : "')
    with file("escaped.h5", LAMBDA) as made:
        made.attrs["model_config"] = HARMFUL.replace("Lambda", "\\u004cambda")
    with file("behind-user-block.h5", LAMBDA, userblock_size=4096) as made:
        made.attrs["model_config"] = HARMFUL
    with file("in-training.h5", "keras-dangerous-object") as made:
        made.attrs["model_config"] = HARMLESS
        made.attrs["training_config"] = json.dumps({"loss": {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}})
    with file("in-group.h5", LAMBDA) as made:
        made.create_group("model").attrs["config"] = HARMFUL
    with file("large.h5", LAMBDA) as made:
        made.attrs["model_config"] = json.dumps({**model("Lambda"), "filler": "y" * 100_000})
    with file("no-json.h5", MALFORMED) as made:
        made.attrs["model_config"] = "{"


def elsewhere() -> None:
    with file("external-storage.h5", OUTSIDE) as made:
        made.create_dataset("weights", (100,), "u1", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
    with file("external-storage-deep.h5", OUTSIDE, libver="latest") as made:
        made.create_group("a/b/c").create_dataset("weights", (10,), "u1", external=[("../secret", 0, 10)])
    for libver in ["earliest", "latest"]:
        with file(f"external-link-{libver}.h5", OUTSIDE, libver=libver) as made:
            made["weights"] = h5py.ExternalLink("/etc/secret.h5", "/data")
        with file(f"external-link-indexed-{libver}.h5", OUTSIDE, libver=libver) as made:
            for number in range(100):
                made[f"link {number}"] = h5py.SoftLink("/nowhere")
            made["weights"] = h5py.ExternalLink("other.h5", "/data")
    with file("virtual.h5", OUTSIDE, libver="latest") as made:
        layout = h5py.VirtualLayout((10,), "f4")
        layout[:] = h5py.VirtualSource("/etc/secret.h5", "data", (10,))
        made.create_virtual_dataset("weights", layout)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for make in [harmless, code, elsewhere]:
        make()
    (FOLDER / "expected.json").write_text(json.dumps(EXPECTED, indent=1, sort_keys=True) + "\n")
