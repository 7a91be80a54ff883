"""Writes, opcode by opcode, files that try to get past a scanner, and the rules that must catch each of them.

Every call is of a harmless argument (`true`), so that a mistake with these files costs nothing.
The tricks are those published about picklescan, modelscan and fickling, recreated here.

usage: make_evasions.py FOLDER
"""

import json
import struct

from evasions import EXPECTED, FOLDER, write
from evasive_archives import archives, joblib_streams
from evasive_pickles import imports, opcodes, states


def others() -> None:
    """What is dangerous without a pickle."""

    def text(data: str) -> bytes:
        return data.encode()

    def field(number: int, data: bytes) -> bytes:
        size = len(data)
        length = b""
        while size > 127:
            length += bytes([size & 127 | 128])
            size >>= 7
        return bytes([number << 3 | 2]) + length + bytes([size]) + data

    for name, location in [("parent", "../../etc/passwd"), ("absolute", "/etc/passwd"), ("url", "http://example.com/x")]:
        tensor = field(8, b"w") + field(13, field(1, b"location") + field(2, text(location)))
        write(f"onnx-{name}.onnx", b"\x08\x08" + field(7, field(5, tensor)), "external-data-outside")
    write("onnx-operator.onnx", b"\x08\x08" + field(7, field(1, field(4, b"PyOp") + field(7, b"ai.onnx.contrib"))), "custom-operator")
    deep = b""
    for _ in range(40):
        deep = field(1, field(5, field(6, deep)))
    write("onnx-deep.onnx", b"\x08\x08" + field(7, deep), "format-limit")

    def gguf(key: str, value: str) -> bytes:
        string = lambda text: struct.pack("<Q", len(text)) + text.encode()
        return b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + string(key) + struct.pack("<I", 8) + string(value)

    write("template.gguf", gguf("tokenizer.chat_template", "{{ messages }}"), "chat-template")
    write("template-odd.gguf", gguf("tokenizer.chat_template", "{{ x.__class__.__mro__ }}"), "chat-template-odd")
    write("template-hidden.gguf", gguf("tokenizer.chat_template.rag", "{% set c = cycler.__init__ %}"), "chat-template-odd")
    write("counts.gguf", b"GGUF" + struct.pack("<IQQ", 3, 2**63, 2**63), "format-limit")
    for name, header in [
        ("gap", '{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}'),
        ("overlap", '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}'),
        ("short", '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'),
        ("size", '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,2]}}'),
        ("overflow", '{"a":{"dtype":"F64","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,2]}}'),
        ("twice", '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}'),
    ]:
        write(f"{name}.safetensors", struct.pack("<Q", len(header)) + header.encode() + b"ab", "format-malformed")
    write("long-header.safetensors", struct.pack("<Q", 2**62) + b"{}", "format-limit")
    config = {"architectures": ["Net"], "auto_map": {"AutoModel": "modeling_net.Net"}}
    (FOLDER / "remote").mkdir(exist_ok=True)
    write("remote/config.json", json.dumps(config).encode(), "remote-code")
    write("remote/modeling_net.py", b"import os\n", "python-code")
    write("remote/MLmodel", b"flavors:\n  python_function:\n    loader_module: mine\n    python_model: python_model.pkl\n", "loader-module", "python-model")
    ir = '<net name="x" version="11"><layers><layer id="0" name="w" type="Const" version="opset1"><data element_type="f32" shape="4" offset="%d" size="16"/></layer></layers></net>'
    write("missing-weights.xml", text(ir % 0), "external-data-missing")
    write("short-weights.xml", text(ir % 100), "external-data-too-short")
    write("short-weights.bin", bytes(50))
    write("overflow.xml", text(ir % (2**64 - 1)), "format-malformed")
    write("doctype.xml", b'<net version="11"><!DOCTYPE x [<!ENTITY a "b">]></net>', "format-malformed")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for make in [imports, opcodes, states, joblib_streams, archives, others]:
        make()
    (FOLDER / "expected.json").write_text(json.dumps(EXPECTED, indent=1, sort_keys=True) + "\n")
