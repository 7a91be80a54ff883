"""Writes what the libraries of today write: Keras models, ONNX exports, boosted trees, configurations of Hugging Face
models rebuilt by hand. None of it may be quarantined. Run by hand, with what requirements-harmless.txt names.

usage: make_harmless.py FOLDER
"""

import inspect
import json
import os
import struct
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/inspect/harmless")


def path(name: str) -> str:
    file = FOLDER / name
    file.parent.mkdir(parents=True, exist_ok=True)
    return str(file)


def write(name: str, data: bytes | str) -> None:
    Path(path(name)).write_bytes(data.encode() if isinstance(data, str) else data)


def dump(name: str, value) -> None:
    """As Python writes it: a number without end is `Infinity`."""
    text = json.dumps(value, indent=2)
    write(name, text if len(text) < 20_000 else json.dumps(value))


def make_keras() -> None:
    import jax
    import keras

    def functions(module):
        names = [name for name in dir(module) if not name.startswith("_") and name not in ("get", "serialize", "deserialize")]
        return [(name, getattr(module, name)) for name in names if inspect.isfunction(getattr(module, name))]

    def classes(module, base):
        found = [getattr(module, name) for name in dir(module) if inspect.isclass(getattr(module, name))]
        return [each for each in found if issubclass(each, base) and each is not base]

    def objects(kinds):
        made = []
        for each in kinds:
            try:
                made.append(each())
            except Exception:
                pass
        return made

    @keras.saving.register_keras_serializable(package="mine")
    def registered_loss(true, predicted):
        return keras.ops.mean(keras.ops.abs(true - predicted))

    def plain_loss(true, predicted):
        return keras.ops.mean(keras.ops.square(true - predicted))

    @keras.saving.register_keras_serializable(package="mine")
    class Scale(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2

    def outputs(count, **options):
        inputs = keras.Input((2,), name="features")
        return keras.Model(inputs, [keras.layers.Dense(1, name=f"out_{at}", **options)(inputs) for at in range(count)])

    losses = [function for _, function in functions(keras.losses)] + objects(classes(keras.losses, keras.losses.Loss))
    losses += [registered_loss, plain_loss, "mse"]
    model = outputs(len(losses))
    model.compile("adam", loss=losses)
    model.save(path("keras/losses.keras"))
    write("keras/losses.json", model.to_json())

    metrics = [function for _, function in functions(keras.metrics)] + objects(classes(keras.metrics, keras.metrics.Metric))
    model = outputs(1)
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)), "mse", metrics=[*metrics, plain_loss, "accuracy"])
    model.save(path("keras/metrics.keras"))

    inputs = keras.Input((4,))
    hidden = inputs
    for _, function in functions(keras.activations):
        hidden = keras.layers.Activation(function)(hidden)
    hidden = keras.layers.Dense(4, activation=plain_activation)(hidden)
    hidden = keras.layers.Dense(4, activation=jax.nn.silu)(keras.layers.Dense(4, activation=jax.nn.relu)(hidden))
    hidden = Scale()(keras.layers.ReLU(max_value=float("inf"))(keras.layers.Masking(float("nan"))(hidden)))
    hidden = keras.ops.concatenate([keras.ops.abs(hidden), hidden * 2.0, hidden[:, :2]], axis=-1)
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden), name="activations")
    model.compile(keras.optimizers.AdamW(clipnorm=1.0), plain_loss)
    model.save(path("keras/activations.keras"))

    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="gelu")], name="inner")
    inputs = keras.Input((5, 3))
    hidden = keras.layers.TimeDistributed(inner)(inputs)
    hidden = keras.layers.Bidirectional(keras.layers.LSTM(2, return_sequences=True))(hidden)
    hidden = keras.layers.MultiHeadAttention(1, 2)(hidden, hidden)
    model = keras.Model(inputs, keras.layers.GRU(2, dtype="mixed_float16")(hidden), name="nested")
    model.compile("rmsprop", keras.losses.Huber())
    model.save(path("keras/nested.keras"))
    model.save(path("keras/nested.h5"))
    model.save_weights(path("keras/nested.weights.h5"))

    dense = [dict(kernel_initializer=each) for each in objects(classes(keras.initializers, keras.initializers.Initializer))]
    dense += [dict(kernel_regularizer=each) for each in objects(classes(keras.regularizers, keras.regularizers.Regularizer))]
    dense += [dict(kernel_constraint=each) for each in objects(classes(keras.constraints, keras.constraints.Constraint))]
    layers = [keras.layers.Dense(2, **options) for options in dense]
    dump("keras/options.json", {"class_name": "Sequential", "module": "keras", "registered_name": None, "config": {"layers": [keras.saving.serialize_keras_object(each) for each in layers]}})

    # Layers that carry code, or take it from elsewhere, are among the harmful files.
    code = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "Layer", "Wrapper", "InputLayer")
    kinds = [each for each in classes(keras.layers, keras.layers.Layer) if each.__name__ not in code]
    made = objects(kinds)
    for each in kinds:
        for options in [(1,), (2, 2), ([2],), (keras.layers.Dense(1),), (keras.layers.LSTM(1),), ("relu",), ([keras.layers.GRUCell(2)],)]:
            if any(type(one) is each for one in made):
                break
            try:
                made.append(each(*options))
            except Exception:
                pass
    configurations = [keras.saving.serialize_keras_object(each) for each in made]
    for optimizer in objects(classes(keras.optimizers, keras.optimizers.Optimizer)):
        configurations.append(keras.saving.serialize_keras_object(optimizer))
    dump("keras/config.json", {"class_name": "Sequential", "module": "keras", "registered_name": None, "config": {"name": "all", "layers": configurations}})

    quantized = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), keras.layers.Dense(2)])
    quantized.quantize("int8")
    quantized.save(path("keras/quantized.keras"))

    # What TensorFlow's layers and Keras 2 write, by hand: TensorFlow is too large for this.
    lookup = {"class_name": "StringLookup", "module": "keras.layers", "config": {"name": "words", "vocabulary": ["a", "b"], "oov_token": "[UNK]", "idf_weights": None}, "registered_name": None}
    spec = {"class_name": "__typespec__", "spec_name": "RaggedTensorSpec", "module": "tensorflow.python.ops.ragged.ragged_tensor", "config": [[None, None], "string", 1], "registered_name": None}
    vectors = {"class_name": "TextVectorization", "module": "keras.layers", "config": {"vocabulary": None, "standardize": "lower_and_strip_punctuation", "input_spec": spec}, "registered_name": None}
    operation = {"class_name": "TFOpLambda", "config": {"name": "tf.math.multiply", "function": "math.multiply"}, "inbound_nodes": []}
    space = {"class_name": "FeatureSpace", "module": "keras.utils", "config": {"features": {"age": {"class_name": "Feature", "module": "keras.src.layers.preprocessing.feature_space", "config": {"dtype": "float32"}, "registered_name": "Feature"}}}, "registered_name": None}
    dump("keras/tensorflow.json", {"class_name": "Functional", "config": {"name": "tf", "layers": [lookup, vectors, operation, space]}, "keras_version": "2.15.0", "backend": "tensorflow"})
    dump("keras/tokenizer.json", json.dumps({"class_name": "Tokenizer", "config": {"num_words": 100, "word_index": "{\"a\": 1}"}}))


def plain_activation(x):
    return x


def make_onnx() -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    value = helper.make_tensor_value_info
    options = dict(opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("pkg.onnxscript.torch_lib", 1)])
    scale = numpy_helper.from_array(np.array([2.0], dtype=np.float32), "two")
    double = helper.make_function(
        "pkg.onnxscript.torch_lib", "double", ["x"], ["y"],
        [helper.make_node("Constant", [], ["two"], value=scale), helper.make_node("Mul", ["x", "two"], ["y"])],
        [helper.make_opsetid("", 20)],
    )
    twice = helper.make_function(
        "pkg.onnxscript.torch_lib", "twice", ["x"], ["y"],
        [helper.make_node("double", ["x"], ["h"], domain="pkg.onnxscript.torch_lib"), helper.make_node("double", ["h"], ["y"], domain="pkg.onnxscript.torch_lib")],
        options["opset_imports"],
    )
    graph = helper.make_graph([helper.make_node("twice", ["x"], ["y"], domain="pkg.onnxscript.torch_lib")], "functions", [value("x", TensorProto.FLOAT, ["n"])], [value("y", TensorProto.FLOAT, ["n"])])
    model = helper.make_model(graph, functions=[double, twice], **options)
    onnx.checker.check_model(model)
    onnx.save(model, path("onnx/functions.onnx"))

    body, kind = None, value("y", TensorProto.FLOAT, ["n"])
    for level in range(20):
        nodes = [helper.make_node("Identity", ["x"], ["y"])] if body is None else [helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body if level < 3 else helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "e", [], [kind]))]
        body = helper.make_graph(nodes, f"level-{level}", [], [kind])
    outer = helper.make_graph(list(body.node), "branches", [value("x", TensorProto.FLOAT, ["n"]), value("c", TensorProto.BOOL, [])], [kind])
    model = helper.make_model(outer, opset_imports=[helper.make_opsetid("", 20)])
    onnx.save(model, path("onnx/branches.onnx"))


def make_onnx_exports() -> None:
    import onnx
    import onnxmltools
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.common.data_types import FloatTensorType
    from skl2onnx import to_onnx
    from sklearn.ensemble import GradientBoostingClassifier, IsolationForest, RandomForestClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    from xgboost import XGBClassifier

    random = np.random.RandomState(0)
    x, y = random.rand(40, 3).astype(np.float32), np.arange(40) % 2
    for name, model in {
        "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
        "forest": RandomForestClassifier(2, max_depth=2, random_state=0),
        "boosting": GradientBoostingClassifier(n_estimators=2, max_depth=1),
        "vectors": SVC(probability=False),
        "neighbors": KNeighborsClassifier(2),
        "network": MLPClassifier((3,), max_iter=5),
        "isolation": IsolationForest(n_estimators=2, max_samples=8, random_state=0),
    }.items():
        model.fit(x, y)
        try:
            converted = to_onnx(model, x[:1], target_opset={"": 18, "ai.onnx.ml": 3})
        except Exception as error:
            print(f"skl2onnx does not convert {name}: {error}", file=sys.stderr)
            continue
        onnx.save(converted, path(f"onnx/sklearn-{name}.onnx"))
    boosted = {"classifier": LGBMClassifier(n_estimators=2, max_depth=2, verbose=-1), "regressor": LGBMRegressor(n_estimators=2, max_depth=2, verbose=-1)}
    for name, model in boosted.items():
        model.fit(x, y)
        model.booster_.save_model(path(f"lightgbm/{name}.txt"))
        dump(f"lightgbm/{name}.json", model.booster_.dump_model())
        converted = onnxmltools.convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 3]))], target_opset=15)
        onnx.save(converted, path(f"onnx/lightgbm-{name}.onnx"))
    model = XGBClassifier(n_estimators=2, max_depth=2).fit(x, y)
    booster = model.get_booster()
    for extension in ("json", "ubj"):
        booster.save_model(path(f"xgboost/model.{extension}"))
    booster.dump_model(path("xgboost/dump.txt"), with_stats=True)
    booster.dump_model(path("xgboost/dump.json"), dump_format="json")
    write("xgboost/config.json", booster.save_config())
    try:
        converted = onnxmltools.convert_xgboost(model, initial_types=[("x", FloatTensorType([None, 3]))], target_opset=15)
        onnx.save(converted, path("onnx/xgboost.onnx"))
    except Exception as error:
        print(f"onnxmltools does not convert XGBoost: {error}", file=sys.stderr)


def make_gguf() -> None:
    import gguf

    def string(text: str) -> bytes:
        return struct.pack("<Q", len(text)) + text.encode()

    def file(pairs: list[bytes], tensors: list[bytes] = [], data: bytes = b"") -> bytes:
        head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs) + b"".join(tensors)
        return head + bytes(-len(head) % 32) + data

    architecture = string("general.architecture") + struct.pack("<I", 8) + string("llama")
    nested = struct.pack("<IQ", 5, 1) + struct.pack("<i", 7)
    for _ in range(12):
        nested = struct.pack("<IQ", 9, 2) + nested * 2 if len(nested) < 200 else struct.pack("<IQ", 9, 1) + nested
    deep = file([architecture, string("a.deep") + struct.pack("<I", 9) + nested])
    write("gguf/nested-arrays.gguf", deep)
    gguf.GGUFReader(path("gguf/nested-arrays.gguf"))
    newer = string("weight") + struct.pack("<IQIQ", 1, 256, 60, 0)
    write("gguf/newer-type.gguf", file([architecture], [newer], bytes(64)))
    one_bit = string("weight") + struct.pack("<IQIQ", 1, 128, 41, 0)
    write("gguf/one-bit.gguf", file([architecture], [one_bit], bytes(32)))
    reader = gguf.GGUFReader(path("gguf/one-bit.gguf"))
    assert reader.tensors[0].tensor_type == gguf.GGMLQuantizationType.Q1_0
    template = "{%- for m in messages %}{{ '<|' + m['role'] + '|>' }}{{ m.content }}{%- endfor %}{#" + " " * 3000 + "#}"
    write("gguf/template.gguf", file([architecture, string("tokenizer.chat_template") + struct.pack("<I", 8) + string(template)]))


def make_safetensors() -> None:
    from safetensors import safe_open

    def file(name: str, header: str, data: bytes) -> None:
        write(name, struct.pack("<Q", len(header)) + header.encode() + data)

    tensor = '"dtype":"F32","shape":[2],"data_offsets":[0,8]'
    file("safetensors/further-members.safetensors", '{"a":{%s,"requires_grad":true,"nested":{"x":[[[[[1e9]]]]]}}}  ' % tensor, bytes(8))
    file("safetensors/no-metadata.safetensors", '{"__metadata__":null,"a":{%s}}' % tensor, bytes(8))
    for name in ("further-members", "no-metadata"):
        with safe_open(path(f"safetensors/{name}.safetensors"), "numpy") as opened:
            assert list(opened.keys()) == ["a"]
    # A type that the library does not know yet.
    file("safetensors/newer-type.safetensors", '{"a":{"dtype":"F5","shape":[2],"data_offsets":[0,2]}}', bytes(2))


LLAMA = """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not date_string is defined %}{%- set date_string = strftime_now("%d %b %Y") %}{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if builtin_tools is defined or tools is not none %}{{- "Environment: ipython\\n" }}{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}{{- raise_exception("This model only supports single tool-calls at once!") }}{%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '{"name": "' + tool_call.name + '", "parameters": ' }}{{- tool_call.arguments | tojson }}{{- "}" }}
    {%- endif %}
{%- endfor %}"""

QWEN = """{%- macro render_content(content) %}{%- if content is string %}{{- content }}{%- else %}{%- for item in content %}{%- if 'image' in item %}<|vision_start|><|image_pad|><|vision_end|>{%- else %}{{- item.text }}{%- endif %}{%- endfor %}{%- endif %}{%- endmacro %}
{%- if tools %}{{- "\\n\\n# Tools\\n\\nYou are provided with function signatures within <tools></tools> XML tags:\\n<tools>" }}
{%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}
{%- if ns.multi_step_tool and message.role == "user" and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}{%- set ns.multi_step_tool = false %}{%- set ns.last_query_index = index %}{%- endif %}{%- endfor %}
{%- set reasoning = message.content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
{{- '<|im_start|>' + message.role + '\\n' }}{%- if message.content == '__start__' %}{{- '__start__' }}{%- endif %}{{- render_content(message.content) + '<|im_end|>' }}"""


def make_configurations() -> None:
    quantization = {"quant_method": "bitsandbytes", "load_in_4bit": True, "llm_int8_threshold": 6.0, "bnb_4bit_compute_dtype": "bfloat16"}
    dump("mamba/config.json", {"architectures": ["Mamba2ForCausalLM"], "model_type": "mamba2", "time_step_limit": [0.0, float("inf")], "vocab_size": 32768, "hidden_size": 4096, "num_hidden_layers": 64, "dtype": "bfloat16", "transformers_version": "4.57.0", "quantization_config": quantization})
    dump("nan/config.json", {"architectures": ["XNet"], "model_type": "x", "loss_scale": float("nan"), "floor": float("-inf")})
    write("exponent/config.json", '{"architectures": ["XNet"], "model_type": "x", "mask_value": -1e400, "layer_norm_eps": 1E-05, "vocab_size": 8.0}')
    write("mark/config.json", b"\xef\xbb\xbf" + json.dumps({"architectures": ["BertModel"], "model_type": "bert", "id2label": {"0": "a"}}).encode())
    write("wide/config.json", json.dumps({"model_type": "bert"}).encode("utf-16"))
    dump("gemma/config.json", {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}, "vision_config": {"model_type": "siglip_vision_model", "vision_use_head": False}, "mm_tokens_per_image": 256})
    dump("llama/tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1000000000000000019884624838656, "chat_template": LLAMA, "added_tokens_decoder": {"128000": {"content": "<|begin_of_text|>", "special": True}}})
    dump("llama/generation_config.json", {"_from_model_config": True, "temperature": 0.6, "top_p": 0.9, "eos_token_id": [128001, 128009], "penalty_alpha": float("inf")})
    write("qwen/chat_template.jinja", QWEN)
    dump("qwen/chat_template.json", {"chat_template": QWEN})
    write("qwen/additional_chat_templates/tool_use.jinja", LLAMA)
    dump("qwen/processor_config.json", {"processor_class": "Qwen2_5_VLProcessor", "chat_template": {"default": QWEN, "rag": LLAMA}, "image_processor": {"image_mean": [0.48, 0.45, 0.4], "max_pixels": float("inf")}})
    dump("qwen/preprocessor_config.json", {"image_processor_type": "Qwen2VLImageProcessorFast", "processor_class": "Qwen2_5_VLProcessor", "min_pixels": 3136})
    dump("named/tokenizer_config.json", {"tokenizer_class": "CohereTokenizer", "chat_template": [{"name": "default", "template": LLAMA}, {"name": "rag", "template": QWEN}]})
    dump("adapter/adapter_config.json", {"peft_type": "LORA", "base_model_name_or_path": "meta-llama/Llama-3.1-8B", "r": 16, "lora_alpha": 32, "target_modules": ["q_proj"], "auto_mapping": {"base_model_class": "BertModel", "parent_library": "transformers.models.bert.modeling_bert"}})
    dump("sentences/modules.json", [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}, {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.sentence_transformer.modules.Pooling"}])
    dump("sentences/config_sentence_transformers.json", {"__version__": {"sentence_transformers": "5.1.0"}, "prompts": {"query": "query: "}, "similarity_fn_name": "cosine"})
    dump("diffusion/model_index.json", {"_class_name": "StableDiffusionXLPipeline", "_diffusers_version": "0.35.0", "unet": ["diffusers", "UNet2DConditionModel"], "text_encoder": ["transformers", "CLIPTextModel"], "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"], "feature_extractor": [None, None]})
    dump("sharded/model.safetensors.index.json", {"metadata": {"total_size": 8.0, "total_parameters": 13476831232.0, "loss": float("nan")}, "weight_map": {"a": "model-00001-of-00001.safetensors"}})
    header = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    write("sharded/model-00001-of-00001.safetensors", struct.pack("<Q", len(header)) + header.encode() + bytes(8))
    dump("search/faiss.index.json", [{"id": 1}])
    dump("tokenizer/tokenizer.json", {"version": "1.0", "truncation": None, "added_tokens": [], "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", float("-inf")]]}})
    dump("training/trainer_state.json", {"best_metric": float("inf"), "log_history": [{"loss": float("nan"), "step": 1}]})
    write("comments/tsconfig.json", "{\n  // not JSON, and nothing that a model's library reads\n  \"a\": 1,\n}\n")
    write("story/README.md", "---\ntitle: My model: a story\ntags: [a\n---\n# My model\n")
    write("tab/README.md", "---\nlicense: mit\n\tlanguage: en\n---\n")
    write("rule/README.md", "---\n\nA text between rules: not YAML: at all.\n\n---\n")
    write("twice/README.md", "---\nbase_model: &base org/model\ndatasets: [*base]\n---\n")
    bomb = "".join(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]\n" for at in range(1, 12))
    write("bomb/README.md", f"---\na0: &a0 x\n{bomb}---\n")
    write("list/README.md", "---\n- a\n- b\n---\n")
    write("mlflow/MLmodel", 'artifact_path: model\nflavors:\n  python_function: &flavor\n    loader_module: mlflow.sklearn\n    env: {conda: conda.yaml}\n  sklearn:\n    sklearn_version: 1.9.1\n    copy: *flavor\nsignature:\n  inputs: \'[{"type": "double", "name": "a"}]\'\n')


if __name__ == "__main__":
    for make in [make_keras, make_onnx, make_onnx_exports, make_gguf, make_safetensors, make_configurations]:
        make()
