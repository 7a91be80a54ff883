"""Makes files with thousands of tensors by the formats' own libraries, and says what these read back from them.

usage: make_tensors.py FOLDER

`tables.json` in the folder has for each file the tensors that its library lists: name, element type, shape, number of elements, bytes, and
where they begin in the file, which is null where the library does not say it.
"""

import json
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(sys.argv[1])
MANY = 10_000
TABLES: dict[str, list] = {}


def path(name: str) -> str:
    return str(FOLDER / name)


def name(number: int) -> str:
    return f"model.layers.{number // 10}.part_{number % 10}.weight"


def shape(number: int) -> tuple[int, ...]:
    return [(number % 7 + 1,), (number % 3 + 1, number % 5 + 1), (), (2, 0, 3)][number % 4]


def row(tensor: str, dtype: str, sizes, parameters: int, size: int, offset: int | None) -> list:
    return [tensor, dtype, [int(each) for each in sizes], int(parameters), int(size), offset]


def arrays(count: int) -> dict[str, np.ndarray]:
    kinds = [np.float32, np.float16, np.int64, np.uint8]
    return {name(number): np.ones(shape(number), kinds[number // 4 % 4]) for number in range(count)}


def read_safetensors(file: str) -> list:
    from safetensors import safe_open

    sizes = {"F32": 4, "F16": 2, "I64": 8, "U8": 1}
    with safe_open(path(file), "numpy") as opened:
        slices = {key: opened.get_slice(key) for key in opened.keys()}
        found = []
        for key, each in slices.items():
            parameters = int(np.prod(each.get_shape()))
            found.append(row(key, each.get_dtype(), each.get_shape(), parameters, parameters * sizes[each.get_dtype()], None))
        return found


def make_safetensors() -> None:
    from safetensors.numpy import save_file

    save_file(arrays(MANY), path("many.safetensors"))
    TABLES["many.safetensors"] = read_safetensors("many.safetensors")
    shards, weights = 5, arrays(MANY)
    index: dict[str, str] = {}
    TABLES["model.safetensors.index.json"] = []
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        mine = {key: value for at, (key, value) in enumerate(weights.items()) if at % shards == shard}
        save_file(mine, path(file))
        index |= dict.fromkeys(mine, file)
        TABLES["model.safetensors.index.json"] += read_safetensors(file)
    (FOLDER / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))


def make_gguf() -> None:
    import gguf

    writer = gguf.GGUFWriter(path("many.gguf"), "llama")
    writer.add_token_list([f"token {number}" for number in range(1000)])
    quantized = gguf.quants.quantize(np.ones((4, 64), dtype=np.float32), gguf.GGMLQuantizationType.Q8_0)
    for number in range(MANY):
        if number % 3:
            writer.add_tensor(name(number), np.ones((number % 5 + 1, 32), dtype=np.float32))
        else:
            writer.add_tensor(name(number), quantized, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    TABLES["many.gguf"] = [
        row(each.name, each.tensor_type.name, each.shape, each.n_elements, each.n_bytes, int(each.data_offset))
        for each in gguf.GGUFReader(path("many.gguf")).tensors
    ]


def make_onnx() -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = []
    for number in range(MANY):
        value = np.ones(shape(number), np.float32)
        if number % 3:
            weights.append(numpy_helper.from_array(value, name(number)))
        else:
            # The numbers one by one, and not as bytes.
            kind = TensorProto.INT64 if number % 2 else TensorProto.DOUBLE
            weights.append(helper.make_tensor(name(number), kind, value.shape, value.astype(np.int64).flatten().tolist()))
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("Identity", [name(1)], ["y"])], "many", [], [output], weights)
    model = helper.make_model(graph)
    for file, more in {"many.onnx": {}, "outside.onnx": {"save_as_external_data": True, "location": "outside.data", "size_threshold": 0}}.items():
        onnx.save(model, path(file), **more)
        TABLES[file] = [
            row(each.name, TensorProto.DataType.Name(each.data_type), each.dims, np.prod(each.dims), numpy_helper.to_array(each).nbytes, None)
            for each in onnx.load(path(file)).graph.initializer
        ]


def make_openvino() -> None:
    import openvino as ov
    from openvino import opset13 as ops

    parts = []
    for number in range(1000):
        kind = np.float32 if number % 2 else np.int64
        constant = ops.constant(np.full(number % 9 + 1, number, kind), name=name(number))
        parts.append(constant if kind is np.float32 else ops.convert(constant, "f32"))
    model = ov.Model([ops.result(ops.concat(parts, 0))], [], "many")
    ov.save_model(model, path("many.xml"), compress_to_fp16=False)
    read = ov.Core().read_model(path("many.xml"))
    TABLES["many.xml"] = [
        row(op.get_friendly_name(), op.get_element_type().get_type_name(), op.shape, np.prod(op.shape), op.data.nbytes, None)
        for op in read.get_ops()
        if op.get_type_name() == "Constant"
    ]


def make_numpy() -> None:
    np.savez(path("many.npz"), **arrays(MANY))
    np.savez_compressed(path("packed.npz"), **arrays(1000))
    np.save(path("one.npy"), np.ones((3, 4), dtype=">i2", order="F"))
    for file in ("many.npz", "packed.npz"):
        with np.load(path(file)) as read:
            TABLES[file] = [row(key, read[key].dtype.str, read[key].shape, read[key].size, read[key].nbytes, None) for key in read.files]
    read = np.load(path("one.npy"))
    TABLES["one.npy"] = [row("arr_0", read.dtype.str, read.shape, read.size, read.nbytes, 128)]


for make in (make_safetensors, make_gguf, make_onnx, make_openvino, make_numpy):
    make()
(FOLDER / "tables.json").write_text(json.dumps(TABLES))
