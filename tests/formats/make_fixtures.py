"""Makes small files with the formats' own libraries, and writes beside each what the library says about it.

usage: make_fixtures.py FOLDER
"""

import json
import os
import pickle
import sys
import types
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path

os.environ["KERAS_BACKEND"] = "numpy"

import numpy as np

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/inspect/made")


def says(name: str, format_name: str, version: str | None = None, **facts) -> None:
    """Writes what the library says about the file `name`."""
    document = {"format": format_name, "format_version": version, "facts": facts}
    (FOLDER / f"{name}.expected.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def path(name: str) -> str:
    return str(FOLDER / name)


def make_safetensors() -> None:
    from safetensors import safe_open
    from safetensors.numpy import save_file

    tensors = {
        "a.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
        "a.bias": np.zeros(3, dtype=np.float16),
        "steps": np.array(7, dtype=np.int64),
        "mask": np.ones((2, 5), dtype=bool),
    }
    save_file(tensors, path("small.safetensors"), metadata={"format": "pt", "author": "a test"})
    with safe_open(path("small.safetensors"), "numpy") as file:
        slices = [file.get_slice(key) for key in file.keys()]
        says(
            "small.safetensors",
            "safetensors",
            tensor_count=len(slices),
            parameter_count=sum(int(np.prod(each.get_shape())) for each in slices),
            dtypes=Counter(each.get_dtype() for each in slices),
            metadata=file.metadata(),
        )


def make_gguf() -> None:
    import gguf

    writer = gguf.GGUFWriter(path("small.gguf"), "llama")
    writer.add_name("tiny")
    writer.add_context_length(2048)
    writer.add_embedding_length(64)
    writer.add_block_count(2)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_license("mit")
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<s>", "</s>", "a", "b"])
    writer.add_chat_template("{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}{% endfor %}")
    writer.add_tensor("norm", np.ones(64, dtype=np.float32))
    quantized = gguf.quants.quantize(np.ones((4, 64), dtype=np.float32), gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("weight", quantized, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reader = gguf.GGUFReader(path("small.gguf"))
    field = lambda name: reader.fields[name].contents()
    says(
        "small.gguf",
        "gguf",
        str(field("GGUF.version")),
        architecture=field("general.architecture"),
        model_name=field("general.name"),
        license=field("general.license"),
        context_length=int(field("llama.context_length")),
        quantization=gguf.LlamaFileType(int(field("general.file_type"))).name.removeprefix("MOSTLY_"),
        vocab_size=len(field("tokenizer.ggml.tokens")),
        tensor_count=len(reader.tensors),
        parameter_count=sum(int(tensor.n_elements) for tensor in reader.tensors),
        dtypes=Counter(tensor.tensor_type.name for tensor in reader.tensors),
    )


def make_onnx() -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.ones((4, 3), dtype=np.float32), "weight")
    bias = numpy_helper.from_array(np.ones(3, dtype=np.float32), "bias")
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "weight", "bias"], ["h"]), helper.make_node("Relu", ["h"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [weight, bias],
    )
    model = helper.make_model(graph, producer_name="a-test", producer_version="1.5", opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    helper.set_model_props(model, {"task": "classification"})
    onnx.checker.check_model(model)
    onnx.save(model, path("small.onnx"))

    def ports(values):
        return [
            {
                "name": value.name,
                "dtype": TensorProto.DataType.Name(value.type.tensor_type.elem_type),
                "shape": [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim],
            }
            for value in values
        ]

    def said(name, model):
        weights = model.graph.initializer
        says(
            name,
            "onnx",
            str(model.ir_version),
            producer=model.producer_name,
            producer_version=model.producer_version,
            opset=model.opset_import[0].version,
            inputs=ports(model.graph.input),
            outputs=ports(model.graph.output),
            operators=Counter(node.op_type for node in model.graph.node),
            tensor_count=len(weights),
            parameter_count=sum(int(np.prod(weight.dims)) for weight in weights),
            dtypes=Counter(TensorProto.DataType.Name(weight.data_type) for weight in weights),
        )

    said("small.onnx", onnx.load(path("small.onnx")))
    onnx.save(model, path("external.onnx"), save_as_external_data=True, location="external.data", size_threshold=0)
    said("external.onnx", onnx.load(path("external.onnx"), load_external_data=False))


def make_openvino() -> None:
    import openvino as ov
    from openvino import opset13 as ops

    x = ops.parameter([2, 3, 8, 8], np.float32, name="x")
    x.output(0).set_names({"image"})
    filters = ops.constant(np.ones((4, 3, 3, 3), dtype=np.float32))
    y = ops.relu(ops.convolution(x, filters, [1, 1], [0, 0], [0, 0], [1, 1]))
    result = ops.result(y)
    model = ov.Model([result], [x], "tiny")
    model.set_rt_info("cat dog", ["model_info", "labels"])
    ov.save_model(model, path("small.xml"), compress_to_fp16=False)
    model = ov.Core().read_model(path("small.xml"))
    shape = lambda port: [dim.get_length() if dim.is_static else -1 for dim in port.partial_shape]
    constants = [op for op in model.get_ops() if op.get_type_name() == "Constant"]
    says(
        "small.xml",
        "openvino-ir",
        str(model.get_rt_info(["version"]).value),
        input_shapes=[shape(port) for port in model.inputs],
        output_shapes=[shape(port) for port in model.outputs],
        node_count=len(model.get_ops()),
        tensor_count=len(constants),
        parameter_count=sum(int(np.prod(op.shape)) for op in constants),
        labels=model.get_rt_info(["model_info", "labels"]).value,
    )


def make_numpy() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(path("array.npy"), array)
    says("array.npy", "npy", "1.0", dtype=array.dtype.str, shape=list(array.shape))
    np.save(path("objects.npy"), np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    says("objects.npy", "npy", "1.0", dtype="|O", shape=[2])
    np.savez_compressed(path("arrays.npz"), a=array, b=np.array(["x", "yy"]), c=np.array([1, "two"], dtype=object))
    says("arrays.npz", "npz", array_count=len(np.load(path("arrays.npz"), allow_pickle=True).files))


def make_sklearn() -> None:
    import joblib
    import sklearn
    from scipy import sparse
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from sklearn.svm import SVC

    random = np.random.RandomState(0)
    x, y = random.rand(30, 3), np.array(["no", "yes", "maybe"] * 10, dtype=object)
    columns = ColumnTransformer([("n", StandardScaler(), [0, 1]), ("c", OneHotEncoder(handle_unknown="ignore"), [2])])
    models = {
        "forest": RandomForestClassifier(3, max_depth=2, random_state=random).fit(x, y),
        "boosting": GradientBoostingClassifier(n_estimators=1, max_depth=1, random_state=0).fit(x, y),
        "histogram": HistGradientBoostingClassifier(max_iter=1, max_leaf_nodes=2).fit(x, y),
        "pipeline": make_pipeline(columns, LogisticRegression()).fit(x, y),
        "neighbors": KNeighborsClassifier(algorithm="kd_tree").fit(x, y),
        "vectors": SVC(probability=False).fit(sparse.csr_matrix(x), y),
    }
    for name, model in models.items():
        kind = type(model)
        said = dict(framework="scikit-learn", framework_version=sklearn.__version__, estimator=f"{kind.__module__}.{kind.__name__}")
        for protocol in range(6):
            if protocol in (0, 2, 5) or name == "pipeline":
                file = f"{name}-{protocol}.pkl"
                Path(path(file)).write_bytes(pickle.dumps(model, protocol))
                says(file, "pickle", **said)
        joblib.dump(model, path(f"{name}.joblib"))
        says(f"{name}.joblib", "pickle", **said)
    model = models["pipeline"]
    for compression in ("zlib", "gzip"):
        joblib.dump(model, path(f"pipeline.{compression}.joblib"), compress=(compression, 3))
        says(f"pipeline.{compression}.joblib", compression, framework="scikit-learn", framework_version=sklearn.__version__)
    for name in list(models):
        for file in [f"{name}-0.pkl", f"{name}-2.pkl", f"{name}-5.pkl", f"{name}.joblib"]:
            if os.path.getsize(path(file)) > 20 * 1024:
                os.remove(path(file))
                os.remove(path(f"{file}.expected.json"))


def make_pandas() -> None:
    import pandas

    frame = pandas.DataFrame({"a": [1, 2], "b": [1.5, 2.5]})
    frame.to_pickle(path("frame.pkl"))
    says("frame.pkl", "pickle")


def torch_names() -> dict:
    """PyTorch's names, as its files have them; the module itself is too large to install for a test."""
    torch, utils, parameter = types.ModuleType("torch"), types.ModuleType("torch._utils"), types.ModuleType("torch.nn.parameter")

    def function(module, name):
        def stand_in(*arguments):
            return arguments

        stand_in.__module__, stand_in.__name__, stand_in.__qualname__ = module.__name__, name, name
        setattr(module, name, stand_in)
        return stand_in

    names = {"tensor": function(utils, "_rebuild_tensor_v2"), "parameter": function(utils, "_rebuild_parameter")}
    for storage in ("FloatStorage", "HalfStorage", "LongStorage"):
        kind = type(storage, (), {"__module__": "torch"})
        setattr(torch, storage, kind)
        names[storage] = kind
    sys.modules |= {"torch": torch, "torch._utils": utils, "torch.nn.parameter": parameter}
    return names


def make_torch() -> None:
    import io

    names = torch_names()
    storages = {np.dtype("f4"): "FloatStorage", np.dtype("f2"): "HalfStorage", np.dtype("i8"): "LongStorage"}

    class Storage:
        def __init__(self, array, key):
            self.array, self.key = array, key

    class Tensor:
        def __init__(self, array, key):
            self.array, self.storage = array, Storage(array, key)

        def __reduce__(self):
            strides = tuple(stride // self.array.itemsize for stride in self.array.strides)
            return names["tensor"], (self.storage, 0, self.array.shape, strides, False, OrderedDict())

    class Pickler(pickle._Pickler):
        def persistent_id(self, each):
            if isinstance(each, Storage):
                kind = names[storages[each.array.dtype]]
                return ("storage", kind, each.key, "cpu", each.array.size)
            return None

    arrays = {
        "layer.weight": np.arange(20, dtype=np.float32).reshape(4, 5),
        "layer.bias": np.zeros(4, dtype=np.float16),
        "steps": np.array([3], dtype=np.int64),
    }
    state = OrderedDict((name, Tensor(array, str(at))) for at, (name, array) in enumerate(arrays.items()))
    state_bytes = io.BytesIO()
    Pickler(state_bytes, 2).dump(state)

    def info(name, method=zipfile.ZIP_STORED):
        each = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        each.compress_type = method
        return each

    with zipfile.ZipFile(path("state.pt"), "w") as archive:
        archive.writestr(info("state/data.pkl"), state_bytes.getvalue())
        archive.writestr(info("state/byteorder"), "little")
        for at, array in enumerate(arrays.values()):
            archive.writestr(info(f"state/data/{at}"), array.tobytes())
        archive.writestr(info("state/version"), "3\n")
        archive.writestr(info("state/.data/serialization_id"), "0" * 40)
    facts = dict(
        framework="pytorch",
        tensor_count=len(arrays),
        parameter_count=sum(array.size for array in arrays.values()),
        dtypes=Counter({"f4": "F32", "f2": "F16", "i8": "I64"}[array.dtype.str[1:]] for array in arrays.values()),
    )
    says("state.pt", "pytorch", "3", **facts)

    # The files from before PyTorch 1.6: five pickles, then the tensors' bytes.
    with open(path("legacy.pth"), "wb") as file:
        pickle.dump(0x1950A86A20F9469CFC6C, file, 2)
        pickle.dump(1001, file, 2)
        pickle.dump(dict(protocol_version=1001, little_endian=True, type_sizes=dict(short=2, int=4, long=4)), file, 2)
        file.write(state_bytes.getvalue())
        pickle.dump([str(at) for at in range(len(arrays))], file, 2)
        for array in arrays.values():
            file.write(np.int64(array.size).tobytes() + array.tobytes())
    says("legacy.pth", "pytorch", "legacy", **facts)

    import tarfile

    with tarfile.open(path("small.nemo"), "w") as archive:
        for name in ("state.pt", "small.safetensors"):
            archive.add(path(name), "./" + name.replace("state.pt", "model_weights.ckpt"), filter=plain)
    says("small.nemo", "nemo", **facts)
    with tarfile.open(path("small.tar.gz"), "w:gz") as archive:
        archive.add(path("state.pt"), "state.pt", filter=plain)
    says("small.tar.gz", "gzip", **facts)


def plain(each):
    each.mtime, each.uid, each.gid, each.uname, each.gname = 0, 0, 0, "", ""
    return each


def make_keras() -> None:
    import keras

    inputs = keras.Input((4,), name="features")
    hidden = keras.layers.Dense(3, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(hidden), name="tiny")
    model.save(path("small.keras"))
    said = dict(framework="keras", architecture="Functional", model_name=model.name, layer_count=len(model.layers) - 1)
    said |= dict(framework_version=keras.__version__, input_shapes=[[None, 4]])
    says("small.keras", "keras", "3", **said)
    model.save(path("small.h5"))
    says("small.h5", "keras-hdf5", **said)


def make_mlflow() -> None:
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    signature = ModelSignature(Schema([ColSpec(DataType.double, "a")]), Schema([ColSpec(DataType.string)]))
    model = Model(run_id="0123", signature=signature, utc_time_created="2026-01-01 00:00:00")
    model.add_flavor("python_function", loader_module="mlflow.sklearn", python_version="3.11.7", model_path="model.pkl")
    model.add_flavor("sklearn", sklearn_version="1.9.1", pickled_model="model.pkl", serialization_format="cloudpickle")
    folder = FOLDER / "mlflow"
    folder.mkdir(exist_ok=True)
    model.save(str(folder / "MLmodel"))
    loaded = Model.load(str(folder / "MLmodel"))
    says(
        "mlflow/MLmodel",
        "mlmodel",
        loaded.mlflow_version,
        flavors=sorted(loaded.flavors),
        inputs=loaded.signature.inputs.to_dict(),
        outputs=loaded.signature.outputs.to_dict(),
        framework="scikit-learn",
        framework_version="1.9.1",
        python_version="3.11.7",
    )


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for make in [make_safetensors, make_gguf, make_onnx, make_openvino, make_numpy, make_sklearn, make_pandas, make_torch, make_keras, make_mlflow]:
        make()
