"""Conditions that are odd or very large: refused or answered, soon, and the server lives."""

import time
from collections.abc import Iterator

from calls import OURS, Calls, mlmd

# What no condition takes.
SECONDS = 3


def filters() -> Iterator[str]:
    """Conditions that are odd or very large."""
    for literal in [
        "\0",
        "\\0",
        "\\x00",
        "\\000",
        "\\u0000",
        "\\U00000000",
        "\\ud800",
        "\\U00110000",
        "\\xff",
        "\\",
        "''",
    ]:
        yield f"name = '{literal}'"
        yield f'name = "{literal}"'
        yield f"name LIKE '%{literal}%'"
        yield f"properties.`{literal}`.string_value = '{literal}'"
    yield "(" * 3000 + "true" + ")" * 3000
    yield "NOT " * 3000 + "true"
    # Just below the largest filter that is read.
    yield from ["(" * 16_000, "1 " * 8_000, " AND ".join(["id=1"] * 1700), "a" * 16_000, "name = '" + "ä" * 8_000]
    yield from ["ä" * 8_000, "`" + "ä" * 7_000 + "`", "properties.`" + "ä" * 7_000 + "`.string_value = 1"]
    yield f"id = {'-' * 3001}1"
    yield f"id = {'- ' * 3001}1"
    yield " OR ".join(["id = 1"] * 20_000)
    yield " AND ".join(f"properties.p{number}.int_value = 1" for number in range(2000))
    yield " OR ".join(f"properties.p{number}.int_value = 1" for number in range(100))
    yield " AND ".join(f"contexts_{number}.name = 'x'" for number in range(100))
    yield f"id IN ({', '.join(str(each) for each in range(100_000))})"
    yield f"name IN ({', '.join(repr(str(each)) for each in range(40_000))})"
    yield f"id = {'1 + ' * 5000}1"
    yield f"name LIKE '{'%a' * 3000}'"
    yield f"name = '{'x' * 10_000_000}'"
    yield f"LOWER({'LOWER(' * 500}name{')' * 500}) = 'x'"
    numbers = [
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "1e400",
        "-1e-400",
        "0x7fffffffffffffff",
    ]
    for number in numbers:
        for field in ["id", "create_time_since_epoch", "properties.p.int_value", "properties.p.double_value"]:
            yield f"{field} = {number}"
            yield f"{field} + {number} > {number} * 2"
            yield f"ABS({field}) < -{number}"
    yield from [
        "id / 0 = 1",
        "1 / 0 = 1",
        "MOD(id, 0) = 1",
        "id % 0 = 1",
        "SUBSTR(name, -9223372036854775808, 9) = 'x'",
    ]
    yield from ["name = NULL", "NULL", "NULL = NULL", "id IN (NULL)", "name IS NULL IS NULL", "id BETWEEN 2 AND 1"]


def test_no_condition_breaks_the_server(calls: Calls) -> None:
    type_id = calls.type("artifact", "T", p=mlmd.STRING)
    made = mlmd.Artifact(type_id=type_id, name="a" * 512, properties={"p": mlmd.Value(string_value="x")})
    made.custom_properties["p"].int_value = 2**63 - 1
    calls.call("PutArtifacts", artifacts=[made])
    broken = []
    for query in filters():
        for method in ["GetArtifacts", "GetContexts"]:
            started = time.monotonic()
            code = calls.code(method, options=mlmd.ListOperationOptions(filter_query=query))
            if code in OURS or code.name == "RESOURCE_EXHAUSTED" or time.monotonic() - started > SECONDS:
                broken.append(f"{method} {query[:100]!r}: {code.name} after {time.monotonic() - started:.1f} s")
    assert not broken, "\n".join(broken)
