"""Writes files of formats without pickles that run code, read other files or hide what they hold, and the rules that must
catch each of them. The tricks are those of the advisories about Keras, Jinja templates and ONNX, recreated here.

usage: make_harmful.py FOLDER
"""

import io
import json
import sys
import zipfile
from pathlib import Path

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/inspect/harmful")
EXPECTED: dict[str, list[str]] = {}

LAMBDA, OBJECT, OUTSIDE = "keras-lambda", "keras-dangerous-object", "external-data-outside"
ODD, REMOTE, CUSTOM = "chat-template-odd", "remote-code", "custom-operator"


def write(name: str, data: bytes | str, *rules: str) -> None:
    file = FOLDER / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    EXPECTED[name] = list(rules)


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in members.items():
            each = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            each.compress_type = method
            file.writestr(each, data)
    return buffer.getvalue()


def model(*layers, **more) -> dict:
    return {"class_name": "Sequential", "module": "keras", "registered_name": None, "config": {"name": "x", "layers": list(layers)}, **more}


def named(module: str, name: str, kind: str = "function") -> dict:
    return {"module": module, "class_name": kind, "config": name, "registered_name": name}


def layer(name: str, module: str = "keras.layers", **config) -> dict:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def keras(name: str, configuration, *rules: str, method: int = zipfile.ZIP_STORED, encoding: str = "utf-8") -> None:
    text = configuration if isinstance(configuration, str) else json.dumps(configuration)
    members = {"metadata.json": b'{"keras_version": "3.8.0"}', "config.json": text.encode(encoding), "model.weights.h5": b""}
    write(f"keras/{name}.keras", archive(members, method), *rules)


CODE = layer("Lambda", function={"class_name": "__lambda__", "config": {"value": "4wAA"}})


def make_keras() -> None:
    keras("lambda", model(CODE), LAMBDA)
    keras("lambda-registered", model({"class_name": "keras>Lambda", "config": {}}), LAMBDA)
    for each in ("exec", "eval", "open", "getattr", "__import__", "compile"):
        keras(f"builtins-{each}", model(layer("Dense", activation=named("builtins", each))), OBJECT)
    for file, module, name in [
        ("os-system", "os", "system"),
        ("unsafe", "keras.config", "enable_unsafe_deserialization"),
        ("unsafe-inside", "keras.src.saving.serialization_lib", "enable_unsafe_deserialization"),
        ("load-model", "keras.saving", "load_model"),
        ("load-model-of-models", "keras.models", "load_model"),
        ("load-model-of-tf-keras", "tf_keras.models", "load_model"),
        ("load-model-of-tensorflow", "tensorflow.keras.models", "load_model"),
        ("model-from-json", "keras.models", "model_from_json"),
        ("load-weights", "keras.saving", "load_weights"),
        ("get-file", "keras.utils", "get_file"),
        ("get-file-inside", "keras.src.utils.file_utils", "get_file"),
        ("load-img", "keras.preprocessing.image", "load_img"),
        ("from-directory", "keras.utils", "image_dataset_from_directory"),
        ("deserialize", "keras.layers", "deserialize"),
        ("register", "keras.saving", "register_keras_serializable"),
        ("clear-session", "keras.backend", "clear_session"),
        ("weights-from-anywhere", "keras.applications", "VGG16"),
        ("initialize", "keras.distribution", "initialize"),
    ]:
        keras(file, model(layer("Dense", activation=named(module, name))), OBJECT)
    keras("loss", model(compile_config={"loss": named("keras.utils", "get_file")}), OBJECT)
    keras("type-specification", model({"class_name": "__typespec__", "spec_name": "system", "module": "os", "config": ["true"], "registered_name": None}), OBJECT)
    keras("saved-model", model(layer("TFSMLayer", filepath="/tmp/x", call_endpoint="serve")), OBJECT)
    keras("torch-module", model(layer("TorchModuleWrapper", module="gASV")), OBJECT)
    for name, path in [("path", "/etc/passwd"), ("url", "http://169.254.169.254/latest"), ("relative", "../words.txt"), ("beside", "words.txt")]:
        keras(f"vocabulary-{name}", model(layer("StringLookup", vocabulary=path)), OUTSIDE)
    keras("vocabulary-of-integers", model(layer("IntegerLookup", vocabulary="/etc/passwd")), OUTSIDE)
    keras("vocabulary-of-vectors", model(layer("TextVectorization", vocabulary="/etc/passwd")), OUTSIDE)
    keras("merges", model(layer("BytePairTokenizer", "keras_hub.tokenizers", merges="/etc/passwd")), OUTSIDE)
    keras("operation", model({"class_name": "TFOpLambda", "config": {"function": "io.read_file"}}), OBJECT)
    keras("operation-python", model({"class_name": "TFOpLambda", "config": {"function": "py_function"}}), OBJECT)
    keras("operation-node", model({"class_name": "TensorFlowOpLayer", "config": {"node_def": '{"op": "WriteFile"}'}}), OBJECT)
    # What one reader of JSON gives up on, Python's reads.
    dump = json.dumps(model(layer("ReLU", max_value=float("inf")), CODE))
    keras("behind-infinity", dump, LAMBDA)
    keras("behind-large-number", dump.replace("Infinity", "1e400"), LAMBDA)
    keras("behind-surrogate", dump.replace('"x"', '"\\ud800"'), LAMBDA)
    keras("mark", dump, LAMBDA, encoding="utf-8-sig")
    for encoding in ("utf-16", "utf-16-be", "utf-32", "utf-32-le"):
        keras(encoding, dump, LAMBDA, encoding=encoding)
    keras("escaped", dump.replace("Lambda", "L\\u0061mbda").replace("lambda", "l\\u0061mbda"), LAMBDA)
    keras("twice", dump.replace('"class_name": "Lambda"', '"class_name": "Dense", "class_name": "Lambda"'), LAMBDA)
    deep = CODE
    for _ in range(60):
        deep = layer("Wrapper", layer=deep)
    keras("deep", model(deep), LAMBDA)
    bottom = "[" * 3000 + "]" * 3000
    keras("too-deep", '{"class_name": "Sequential", "config": {"a": %s}, "module": "keras"}' % bottom, "format-limit")
    keras("long", json.dumps(model(CODE)) + " " * (3 << 20), LAMBDA, method=zipfile.ZIP_DEFLATED)
    # Keras reads the configuration before it misses the weights, and a folder as well as an archive.
    write("keras/only.keras", archive({"config.json": json.dumps(model(CODE)).encode()}), LAMBDA)
    inner = archive({"config.json": json.dumps(model(CODE)).encode(), "model.weights.h5": b""})
    write("keras/within.zip", archive({"model.keras": inner, "notes.txt": b"x"}), LAMBDA)
    write("keras/folder/config.json", json.dumps(model(CODE)), LAMBDA)
    write("keras/hub/tokenizer.json", json.dumps(layer("BertTokenizer", "keras_hub.src.models.bert.bert_tokenizer", vocabulary="/etc/passwd")), OUTSIDE)
    write("keras/nested/config.json", json.dumps({"a": [named("os", "system")]}), OBJECT)
    write("keras/architecture.json", json.dumps({"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": {}}]}, "keras_version": "2.15.0"}), LAMBDA)


TEMPLATES = {
    "attribute": "{{ x.__class__ }}",
    "subscript": "{{ x['__class__'] }}",
    "joined": "{{ x['__cla' ~ 'ss__'] }}",
    "escaped": "{{ x['\\x5f\\137class\\u005f\\N{LOW LINE}'] }}",
    "variables": "{% set a = '__cla' %}{% set b = 'ss__' %}{{ x[a ~ b] }}",
    "reversed": "{{ x['__ssalc__'[::-1]] }}",
    "repeated": "{{ x['_' * 2 ~ 'class' ~ '_' * 2] }}",
    "filter": "{{ x | attr(y) }}",
    "map": "{{ [x] | map('attr', y) | list }}",
    "format": "{{ '{0.__class__}'.format(x) }}",
    "hidden-end": "{{ '}}' ~ x.__class__ }}",
    "hidden-comment": "{{ '{#' }}{{ x.__class__ }}{{ '#}' }}",
    "frame": "{{ (y for y in x).gi_frame.f_back }}",
    "self": "{{ self._TemplateReference__context }}",
    "cycler": "{{ cycler.__init__.__globals__.os.popen('true').read() }}",
    "include": "{% include '/etc/passwd' %}",
    "open": "{{ 'a' }}{{ x.__init__",
}


def make_templates() -> None:
    for name, code in TEMPLATES.items():
        write(f"templates/{name}.jinja", code, ODD)
    code = TEMPLATES["cycler"]
    write("templates/a/chat_template.jinja", code, ODD)
    write("templates/a/chat_template.json", json.dumps({"chat_template": code}), ODD)
    write("templates/a/additional_chat_templates/rag.jinja", "{# padding #}" + code, ODD)
    write("templates/a/processor_config.json", json.dumps({"chat_template": code}), ODD)
    write("templates/b/processor_config.json", json.dumps({"chat_template": {"default": "{{ x }}", "rag": code}}), ODD)
    write("templates/b/tokenizer_config.json", json.dumps({"chat_template": [{"name": str(at), "template": "{{ x }}"} for at in range(30)] + [{"name": "last", "template": code}]}), ODD)
    write("templates/c/tokenizer_config.json", b"\xef\xbb\xbf" + json.dumps({"floor": float("-inf"), "chat_template": code}).encode(), ODD)
    write("templates/c/my_settings.json", json.dumps({"chat_template": code}), ODD)
    write("templates/archive.zip", archive({"m/chat_template.jinja": (" " * (2 << 20) + code).encode(), "m/tokenizer_config.json": json.dumps({"chat_template": " " * (2 << 20) + code}).encode()}, zipfile.ZIP_DEFLATED), ODD)


def make_configurations() -> None:
    code = {"AutoProcessor": "processing_x.XProcessor"}
    write("code/processor_config.json", json.dumps({"auto_map": code}), REMOTE)
    write("code/preprocessor_config.json", json.dumps({"auto_map": code, "size": float("inf")}), REMOTE)
    write("code/video_preprocessor_config.json", json.dumps({"auto_map": code}), REMOTE)
    write("code/config.json", json.dumps({"model_type": "x", "text_config": {"auto_map": code}}), REMOTE)
    write("code/generation_config.json", json.dumps({"trust_remote_code": True}), REMOTE)
    write("code/tokenizer_config.json", json.dumps({"auto_map": ["tokenization_x.XTokenizer", None]}), REMOTE)
    write("code/adapter_config.json", json.dumps({"auto_mapping": {"base_model_class": "X", "parent_library": "mine.models"}}), REMOTE)
    write("code/modules.json", json.dumps([{"idx": 0, "type": "mine.modules.X"}]), REMOTE)
    write("code/model_index.json", json.dumps({"_class_name": ["pipeline", "X"], "unet": ["my.unet", "X"]}), REMOTE)
    write("code/other.json", json.dumps({"auto_map": code}), REMOTE)
    write("code/sharded/model.safetensors.index.json", json.dumps({"metadata": {"total_size": 8.0}, "weight_map": {"a": "../../x", "b": "b"}}), OUTSIDE)


def make_onnx() -> None:
    def varint(number: int) -> bytes:
        parts = b""
        while number > 127:
            parts += bytes([number & 127 | 128])
            number >>= 7
        return parts + bytes([number])

    def field(number: int, data: bytes | str) -> bytes:
        data = data.encode() if isinstance(data, str) else data
        return varint(number << 3 | 2) + varint(len(data)) + data

    def tensor(location: str, before: int = 0) -> bytes:
        entries = b"".join(field(13, field(1, f"x{at}") + field(2, "y")) for at in range(before))
        return field(8, "w") + entries + field(13, field(1, "location") + field(2, location)) + b"\x70\x01"

    def node(operator: str, domain: str = "", attribute: bytes = b"") -> bytes:
        return field(4, operator) + field(7, domain) + (field(5, attribute) if attribute else b"")

    def function(name: str, *nodes: bytes, domain: str = "mine", more: bytes = b"") -> bytes:
        return field(25, field(1, name) + b"".join(field(7, each) for each in nodes) + field(10, domain) + more)

    head = b"\x08\x08"
    calls = field(7, field(1, node("f", "mine")))
    evil = tensor("../../etc/passwd")
    write("onnx/function-external.onnx", head + calls + function("f", node("Constant", attribute=field(1, "value") + field(5, evil))), OUTSIDE)
    branch = field(1, "then_branch") + field(6, field(5, evil))
    write("onnx/function-branch.onnx", head + calls + function("f", node("If", attribute=branch)), OUTSIDE)
    write("onnx/function-default.onnx", head + calls + function("f", more=field(11, field(1, "value") + field(5, evil))), OUTSIDE)
    write("onnx/function-operator.onnx", head + calls + function("f", node("Run", "elsewhere")), CUSTOM)
    write("onnx/function-python.onnx", head + calls + function("f", node("PyOp", "ai.onnx.contrib")), CUSTOM)
    write("onnx/function-of-another-name.onnx", head + calls + function("g", node("Relu")), CUSTOM)
    write("onnx/function-of-another-domain.onnx", head + calls + function("f", node("Relu"), domain="yours"), CUSTOM)
    many = b"".join(function(f"f{at}", node("Relu"), domain=f"d{at}") + field(7, field(1, node(f"f{at}", f"d{at}"))) for at in range(200))
    write("onnx/function-among-many.onnx", head + many + field(7, field(1, node("Run", "zzz"))), CUSTOM)
    write("onnx/training.onnx", head + field(20, field(2, field(5, evil))), OUTSIDE)
    write("onnx/behind-entries.onnx", head + field(7, field(5, tensor("/etc/passwd", 40))), OUTSIDE)


if __name__ == "__main__":
    for make in [make_keras, make_templates, make_configurations, make_onnx]:
        make()
    (FOLDER / "expected.json").write_text(json.dumps(EXPECTED, indent=1, sort_keys=True) + "\n")
