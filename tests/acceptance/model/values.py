"""Names and values to try, the awkward ones among them, and when two values are the same."""

import json
import math

from hypothesis import strategies as st

from .entities import Value

# Few, so that they clash; and all that separators, patterns, cases and scripts may be mistaken in.
NAMES = ["a", "b", "A", "50%_x", "x:y", "ü 模型", "a/b", "'q\"\\", "é", "e\u0301", " a", "n" * 512]
WRONG_NAMES = ["", "a\0b", "n" * 513, "模" * 513]
EXTERNAL_IDS = ["e1", "e2", "ext/ü", "E1", "e" * 512]
WRONG_EXTERNAL_IDS = ["e\0", "e" * 513]
ALIASES = ["champion", "Champion", "a.b-c_1", "0" * 128]
WRONG_ALIASES = ["latest", "LATEST", "a b", "a/b", "0" * 256]
TEXTS = ["", "x", "Ünï 🦀", "'; DROP TABLE nodes; --", "line\nbreak\t", "\\", "mlmd-struct::e30=", "__MLMD_NULL__"]
INTS = [0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)]
DOUBLES = [0.0, 1.5, -2.25, 0.1 + 0.2, 1e308, 5e-324, 1e21, 123456789.125]
ODD_DOUBLES = [math.nan, math.inf, -math.inf]
STRUCTS = [{}, {"a": [1, None, "ü", {"b": False}]}, {"n": "\\u0000"}, {"n": ["\0"]}, {"items": 1}]
PROTOS = [("type.googleapis.com/x.Y", b""), ("t/x.Y", b"\x00\x80\xff")]
PROPERTY_NAMES = ["p", "q", "P", "", "a.b `c`", "ü", "state", "description", "k" * 2048]


def canonical(value: Value) -> Value:
    """A value so that equal ones compare so: NaN equals itself, and SQLite knows one zero."""
    kind, inner = value
    if kind == "double" and isinstance(inner, float):
        return kind, repr(inner + 0.0)
    if kind == "struct":
        return kind, json.dumps(floats(inner), sort_keys=True)
    return value


def floats(inner: object) -> object:
    """JSON with every number a double, which is all that ML Metadata has."""
    match inner:
        case dict():
            return {name: floats(value) for name, value in inner.items()}
        case list():
            return [floats(value) for value in inner]
        case int() if not isinstance(inner, bool) and abs(inner) < 2**53:
            return float(inner)
    return inner


def plain(value: Value) -> object:
    """A value as the native API shows it."""
    kind, inner = value
    if kind == "double":
        return inner if math.isfinite(inner) else {"nan": "NaN", "inf": "inf", "-inf": "-inf"}[str(inner)]
    if kind == "proto":
        return {"typeUrl": inner[0], "bytes": len(inner[1])}
    return inner


def readable(value: Value) -> Value:
    """A free property as Kubeflow's clients can read it, who take integers of nine digits and no double but a number."""
    kind, inner = value
    match kind:
        case "int" if abs(inner) > 2**53:
            return "string", str(inner)
        case "int" if abs(inner) >= 10**9:
            return "double", float(inner)
        case "double" if not math.isfinite(inner):
            return "string", {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(inner)]
    return value


def values(odd: bool = False) -> st.SearchStrategy[Value]:
    """Values of every kind; the odd ones cannot be said in JSON."""
    doubles = DOUBLES + ODD_DOUBLES if odd else DOUBLES
    return st.one_of(
        st.tuples(st.just("string"), st.sampled_from(TEXTS)),
        st.tuples(st.just("int"), st.sampled_from(INTS)),
        st.tuples(st.just("double"), st.sampled_from(doubles)),
        st.tuples(st.just("bool"), st.booleans()),
        st.tuples(st.just("struct"), st.sampled_from(STRUCTS)),
        st.tuples(st.just("proto"), st.sampled_from(PROTOS)),
    )


def customs(odd: bool = False) -> st.SearchStrategy[dict[str, Value]]:
    return st.dictionaries(st.sampled_from(PROPERTY_NAMES), values(odd), max_size=3)
