"""Writes headers of NumPy's arrays in every spelling, each with what NumPy itself makes of it: `objects`, which it would unpickle,
`plain`, or `refused`. Run by hand; the table is committed.

usage: make_headers.py FILE
"""

import io
import json
import pickle
import struct
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")

DESCRIPTIONS = r"""
'|O' 'O' '|O8' 'O8' '<O' 'object' 'object_' "object" '|\x4f' '|\117' '\u004f' '|\U0000004f' '\N{LATIN CAPITAL LETTER O}' 'o\
bject' '|' 'O' '''|O''' r'|O' u'|O' R"O" ('|O') (('O')) [('a','object')] [('a', 'O')] [('a', '|\x4f')] [('a', '<i4'), ('b', [('c', 'O')])]
[('a', 'O', (2,))] ('O', (2,)) (('O', (1,)), (2,)) [(('title', 'a'), 'O')] [('Open', '<i4')] [('O', '<f8')] [('object', '<f8')]
[(('O', 'a'), '<i4')] 'f4,O' '(2,)O' '2O' 'i4,f4' '(2,3)f8' '3f4' '<f4' '<i8' '|u1' '|b1' '?' '<U5' '|S3' '|V4' '<c16' '<M8[D]'
'<m8[s]' 'datetime64[ns]' 'float' 'float32' 'bool' 'int' 'str' 'bytes' 'void' 'f' 'd' 'l' 'T' 'StringDType' 'q,q' {'aO': 1} {'ai': 1}
['aO'] ['ai'] [['a', 'O']] ['ai', 'bO'] ('aO',) b'O' None 1 [] () {} [('a',)] [('a', b'O')] [('', '|V4'), ('a', '|O')]
[('a', '<i4'), ('', '|V4')] ('<f4', (2,)) ('V8', 'O') ('<i8', 'O') ('O', 1) [('a', ('O', (1,)))] [('a', '<i4', 2)] [('a', 'S', 2)]
'X' '' ' O' 'O ' '=O' '>O' 'object0' 'Object' 'OO' 'O,O' 'a3' 'S0' [('a', '<f4'),] [('a', '<f4'), ('a', 'O')] [('\x4f', '<f4')]
""".split("\n")


def split(lines):
    """Literals with spaces between them, where the spaces are at no deeper level."""
    text, depth, quote, start, found = "\n".join(lines).strip(), 0, None, None, []
    at = 0
    while at < len(text):
        each = text[at]
        if start is None and not each.isspace():
            start = at
        if quote:
            if each == "\\":
                at += 2
                continue
            if text.startswith(quote, at):
                at += len(quote)
                quote = None
                continue
        elif each in "'\"":
            quote = each * 3 if text.startswith(each * 3, at) else each
            at += len(quote)
            continue
        elif each in "([{":
            depth += 1
        elif each in ")]}":
            depth -= 1
        elif each.isspace() and depth == 0 and start is not None:
            found.append(text[start:at])
            start = None
        at += 1
    return found + ([text[start:]] if start is not None else [])


def headers():
    rest = "'fortran_order': False, 'shape': (1,), }"
    for descr in split(DESCRIPTIONS):
        yield 1, "{'descr': " + descr + ", " + rest
    yield 1, "{'descr': '|O' '', " + rest
    yield 1, "{'descr': '<f4', 'descr': '|O', " + rest
    yield 1, "{'descr': '|O', 'descr': '<f4', " + rest
    yield 1, "{'descr': '<f4', 'd\\x65scr': '|O', " + rest
    yield 1, "{'descr': '<f4', 'de' 'scr': '|O', " + rest
    yield 1, "{'descr': '<f4', # 'descr': '|O',\n" + rest
    yield 1, "{'descr': # '<f4',\n '|O', " + rest
    yield 1, "{'descr'\n:\n'|O', " + rest
    yield 1, "({'descr': '|O', " + rest + ")"
    yield 1, "# a comment\n{'descr': '|O', " + rest
    yield 1, "\n\n{'descr': '|O', " + rest
    yield 1, " \t{'descr': '|O', " + rest + " # end"
    yield 1, "{'descr': '|O', " + rest + ";"
    yield 1, "{'descr': '|O', " + rest + ", 1"
    yield 1, "{'descr': '|O', 'fortran_order': False, 'shape': (1L,), }"
    yield 1, "{'descr': '|O', 'fortran_order': False, 'shape': (1 L,), }"
    yield 2, "{'descr': '|O', 'fortran_order': False, 'shape': (0x1,), }"
    yield 3, "{'descr': '|O', 'fortran_order': True, 'shape': (True,), }"
    yield 3, "{'descr': '|O', 'fortran_order': False, 'shape': (1L,), }"
    yield 3, "{'descr': [('é', '|O')], " + rest
    yield 1, "{'descr': '|O', 'fortran_order': False, 'shape': (+1, 1_0, 0b1), }"
    yield 1, "{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    yield 1, "{'descr': '|O', 'fortran_order': 0, 'shape': (1,), }"
    yield 1, "{'descr': '|O', 'fortran_order': False, 'shape': [1], }"
    yield 1, "{'descr': '|O', 'fortran_order': False, 'shape': (1.0,), }"
    yield 1, "{'descr': '|O', 'fortran_order': False, 'shape': (1,), 'x': 1}"
    yield 1, "{'descr': '|O', 'shape': (1,)}"
    yield 1, "dict(descr='|O', fortran_order=False, shape=(1,))"
    yield 1, "{'descr': '|O', **{'fortran_order': False}, 'shape': (1,)}"
    yield 1, "{'descr': f'|O', " + rest
    yield 1, "{b'descr': '|O', " + rest
    yield 1, "{'descr': '|' + 'O', " + rest
    yield 1, "[{'descr': '|O', " + rest + "]"


def file(version: int, header: str, data: bytes) -> bytes:
    text = header.encode("utf8" if version == 3 else "latin1")
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + data


def says(version: int, header: str) -> str:
    data = file(version, header, pickle.dumps(np.array([None], dtype=object)) + bytes(4096))
    try:
        np.load(io.BytesIO(data), allow_pickle=False)
    except ValueError as error:
        return "objects" if "Object arrays cannot be loaded" in str(error) else "refused"
    except Exception:
        return "refused"
    return "plain"


if __name__ == "__main__":
    table = [dict(version=version, header=header, numpy=says(version, header)) for version, header in headers()]
    with open(sys.argv[1], "w") as output:
        json.dump(table, output, indent=1, ensure_ascii=False)
        output.write("\n")
