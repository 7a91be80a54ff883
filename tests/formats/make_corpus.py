"""Writes inputs that are nasty to parsers: deep, long, cut or endless; none of them may cost more than a moment.

usage: make_corpus.py FOLDER
"""

import gzip
import struct
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/inspect/corpus")

NASTY = {
    "deep-tuples": b"\x80\x02N" + b"\x85" * 20000 + b".",
    "deep-marks": b"(" * 20000,
    "deep-json": b"{\"a\":" * 4000,
    "deep-yaml": b"---\n" + b"[" * 4000 + b"\n---\n",
    "deep-xml": b"<net version=\"11\">" + b"<a>" * 4000,
    "endless-line": b"c" + b"a" * 20000,
    "huge-operand": b"\x80\x04\x8d" + b"\xff" * 8,
    "huge-memo": b"\x80\x02Nr\xff\xff\xff\xffj\xff\xff\xff\xff.",
    "huge-long": b"\x80\x02\x8b\xff\xff\xff\xff",
    "many-duplicates": b"\x80\x02]" + b"2a" * 8000 + b".",
    "self-in-self": b"\x80\x02]q\x00h\x00a}q\x01h\x01h\x01s.",
    "huge-gguf": b"GGUF" + struct.pack("<IQQ", 3, 10, 10) + b"\xff" * 64,
    "gguf-array-of-arrays": b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<I", 9) + struct.pack("<IQ", 9, 2**60) * 40,
    "gguf-array-of-empty": b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 8, 2**60) + bytes(4096),
    "huge-npy": b"\x93NUMPY\x02\0\xff\xff\xff\xff",
    "zip-of-nothing": b"PK\x05\x06" + bytes(18),
    "zip64-loop": b"PK\x03\x04" + b"PK\x06\x07" + bytes(16) + b"PK\x05\x06" + b"\xff" * 16 + b"\0\0",
    "gzip-of-gzip": gzip.compress(gzip.compress(gzip.compress(gzip.compress(bytes(1 << 20), mtime=0), mtime=0), mtime=0), mtime=0),
    "gzip-of-zeros": gzip.compress(bytes(8 << 20), mtime=0),
    "varint-without-end": b"\x08" + b"\xff" * 200,
    "negative-tar": b"a" * 512,
    "nothing-but-mark": b"\x80\x04\x95" + b"\0" * 8,
    "quote": b"S'\n.",
    "hdf5-json": b"\x89HDF\r\n\x1a\n{\"class_name\"" + b"[" * 4000,
}

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, data in NASTY.items():
        (FOLDER / name).write_bytes(data)
