"""Streams and archives with a pickle in them that one reader skips and another one runs."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib

from evasions import DANGER, EVIL, archive, write


def joblib_streams() -> None:
    """joblib's arrays stand between the opcodes; what one reader skips, another one runs."""
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"

    def wrapper(size: int, kind: bytes = dtype) -> bytes:
        members = [
            (b"subclass", b"cnumpy\nndarray\n"),
            (b"shape", b"J" + struct.pack("<i", size) + b"\x85"),
            (b"order", b"U\x01C"),
            (b"dtype", kind),
            (b"allow_mmap", b"\x89"),
        ]
        state = b"".join(b"U" + bytes([len(key)]) + key + value for key, value in members)
        return b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + state + b"ub"

    raw = bytes(range(200, 216))
    write("joblib-behind-array.joblib", b"\x80\x02(" + wrapper(16) + raw + b"cos\nsystem\nt.", DANGER)
    hidden = b"cos\nsystem\nU\x04true\x85R."
    write("joblib-array-is-code.joblib", b"\x80\x02" + wrapper(len(hidden)) + hidden + b".", DANGER, "pickle-odd-opcodes")
    objects = b"cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftb"
    write("joblib-objects.joblib", b"\x80\x02" + wrapper(1, objects) + EVIL + b".", DANGER)
    write("joblib-unknown-type.joblib", b"\x80\x02" + wrapper(1, b"N") + EVIL + b".", "pickle-undecodable")
    write("zlib.joblib", zlib.compress(EVIL), DANGER)
    write("gzip.joblib", gzip.compress(EVIL, mtime=0), DANGER)
    write("gzip-cut.joblib", gzip.compress(EVIL + b"\0" * 4000, mtime=0)[:-12], DANGER, "format-truncated")
    write("bz2.joblib", bz2.compress(EVIL), DANGER)
    write("xz.joblib", lzma.compress(EVIL), DANGER)
    write("lzma.joblib", lzma.compress(EVIL, lzma.FORMAT_ALONE), DANGER)
    # Under names that say nothing, too.
    write("packed-zlib", zlib.compress(EVIL), DANGER)
    write("packed-gzip", gzip.compress(EVIL, mtime=0), DANGER)
    write("packed-bz2", bz2.compress(EVIL), DANGER)
    write("packed-xz", lzma.compress(EVIL), DANGER)
    write("packed-lzma", lzma.compress(EVIL, lzma.FORMAT_ALONE), DANGER)
    write("packed-protocol-0", zlib.compress(b"cos\nsystem\n(S'true'\ntR."), DANGER)
    zfile = b"ZF" + hex(len(EVIL)).ljust(19).encode() + zlib.compress(EVIL)
    write("packed-zfile", zfile, DANGER)
    write("packed-zfile-2.pkl", zfile[:21] + b" " + zfile[21:], DANGER)
    alone = lzma.compress(EVIL, lzma.FORMAT_ALONE)
    write("packed-lzma-large-dictionary", alone[:1] + b"\0\xff\xff\xff" + alone[5:], DANGER)
    # Python's readers continue with the next stream, and unpickle across them.
    begin, end = b"\x80\x02N0" + EVIL[2:-6], EVIL[-6:]
    write("two-streams-zlib.joblib", zlib.compress(begin[:8]) + zlib.compress(begin[8:] + end), "format-limit")
    write("two-streams-bz2.joblib", bz2.compress(begin[:8]) + bz2.compress(begin[8:] + end), "format-limit")
    write("two-streams-lzma.joblib", lzma.compress(begin[:8], lzma.FORMAT_ALONE) + lzma.compress(begin[8:] + end, lzma.FORMAT_ALONE), "format-limit")
    write("two-streams-zlib", zlib.compress(begin[:8]) + zlib.compress(begin[8:] + end), "format-limit")
    write("two-streams-bz2", bz2.compress(begin[:8]) + bz2.compress(begin[8:] + end), "format-limit")
    write("two-streams-xz.joblib", lzma.compress(begin[:8]) + lzma.compress(begin[8:] + end), DANGER)
    write("two-streams-gzip.joblib", gzip.compress(begin[:8], mtime=0) + gzip.compress(begin[8:] + end, mtime=0), DANGER)
    write("seven-zip.pt", b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(60), "compressed-unreadable")
    write("seven-zip.pkl", b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(60), "compressed-unreadable")


def archives() -> None:
    """Archives that PyTorch or NumPy opens, but a scanner gives up on or reads differently."""
    members = {"model/data.pkl": EVIL, "model/version": b"3\n"}
    good = archive(members)
    write("torch.pt", good, DANGER)
    write("torch-deflated.pt", archive(members, zipfile.ZIP_DEFLATED), DANGER)
    write("torch-as.bin", good, DANGER)
    write("pickle-as.bin", EVIL, DANGER)
    write("pickle-as.pt", EVIL, DANGER)
    write("pickle-as.txt", b"cos\nsystem\n(S'true'\ntR.", DANGER)
    write("pickle-as.safetensors", EVIL, DANGER)
    write("torch-other-names.pt", archive({"model/version": b"3", "model/notes": EVIL}), DANGER)

    wrong = bytearray(good)
    wrong[14:18] = b"\0\0\0\0"
    central = bytes(good).index(b"PK\x01\x02")
    wrong[central + 16 : central + 20] = b"\0\0\0\0"
    write("zip-wrong-crc.pt", bytes(wrong), DANGER, "archive-checksum")

    flags = bytearray(good)
    flags[6] |= 1
    flags[central + 8] |= 1
    write("zip-encrypted-flag.pt", bytes(flags), DANGER, "archive-encrypted")
    only_local = bytearray(good)
    only_local[6] |= 1
    write("zip-encrypted-locally.pt", bytes(only_local), DANGER, "archive-inconsistent")

    name = bytearray(good)
    name[30:44] = b"model/data.txt"
    write("zip-other-local-name.pt", bytes(name), DANGER, "archive-inconsistent")
    listed = bytearray(good)
    listed[central + 46 : central + 60] = b"model/data.txt"
    write("zip-other-central-name.pt", bytes(listed), DANGER, "archive-inconsistent")
    size = bytearray(good)
    size[central + 24 : central + 28] = struct.pack("<I", 2)
    write("zip-other-size.pt", bytes(size), "archive-inconsistent", DANGER)
    broken = bytearray(good)
    broken[0:4] = b"XXXX"
    write("zip-broken-local-header.pt", bytes(broken), "archive-inconsistent", DANGER)

    hidden = archive({"a": b"1"})
    first = archive({"model/data.pkl": EVIL})
    cut = first[: first.index(b"PK\x01\x02")]
    write("zip-unlisted-member.pt", cut + hidden, "archive-inconsistent")
    write("zip-behind-pickle.pt", pickle.dumps([1]) + good, DANGER, "archive-inconsistent")
    write("zip-two-directories.pt", good[:-2] + struct.pack("<H", 22) + good[-22:], "format-malformed")
    write("zip-cut.pt", good[:-30], "format-malformed")
    write("zip-slip.zip", archive({"../../evil.py": b"x"}), "archive-path")
    write("zip-bzip2.pt", archive(members, zipfile.ZIP_BZIP2), DANGER)
    write("zip-lzma.pt", archive(members, zipfile.ZIP_LZMA), "compressed-unreadable")
    odd_end = bytearray(pickle.dumps([1]) + good)
    odd_end[-18:-14] = b"PK\x05\x06"
    write("zip-end-within-end", bytes(odd_end), DANGER, "archive-inconsistent")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w") as file:
        each = zipfile.ZipInfo("zeros", (1980, 1, 1, 0, 0, 0))
        each.compress_type = zipfile.ZIP_DEFLATED
        file.writestr(each, bytes(1000))
    large = bytearray(bomb.getvalue())
    central = bytes(large).index(b"PK\x01\x02")
    large[22:26] = large[central + 24 : central + 28] = struct.pack("<I", 0xF0000000)
    write("zip-bomb.zip", bytes(large), "archive-bomb")
    overlapping = bytearray(archive({"a": b"1", "b": b"2"}))
    second = bytes(overlapping).rindex(b"PK\x01\x02")
    overlapping[second + 42 : second + 46] = struct.pack("<I", 0)
    write("zip-overlap.zip", bytes(overlapping), "archive-inconsistent")
    nested = good
    for level in range(5):
        nested = archive({f"level-{level}.zip": nested})
    write("zip-nested.zip", nested, "archive-nested")
    write("zip-in-zip.zip", archive({"inner.pt": good}), DANGER)

    objects = b"\x93NUMPY\x01\x00" + struct.pack("<H", 62) + b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(61) + b"\n"
    write("objects.npy", objects + EVIL, DANGER)

    def array(descr: str, name: str = "plain") -> bytes:
        header = ("{'descr': " + descr + ", 'fortran_order': False, 'shape': (1,), }\n").encode()
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header

    write("objects-named.npy", array("'object'") + EVIL, DANGER)
    write("objects-escaped.npy", array("'|\\x4f'") + EVIL, DANGER)
    write("objects-field.npy", array("[('a','object')]") + EVIL, DANGER)
    write("objects-twice.npy", array("'<f4', 'descr': '|O'") + EVIL, DANGER)
    write("objects-comment.npy", array("'|O' # '<f4'\n") + EVIL, DANGER)
    write("objects-second.npy", array("'|u1'") + b"\0" + array("'|O'") + EVIL, DANGER)
    write("objects-then-pickle.npy", array("'|u1'") + b"\0" + EVIL, DANGER)
    write("objects-as-weights", array("'O'") + EVIL, DANGER)
    write("objects-named.npz", archive({"a.npy": array("'object'") + EVIL}), DANGER)
    write("objects-unnamed-member.npz", archive({"a": array("[('a', [('b', 'O')])]") + EVIL}), DANGER)
    write("pickle-as.npy", EVIL, DANGER)
    write("objects.npz", archive({"a.npy": objects + EVIL}, zipfile.ZIP_DEFLATED), DANGER)

    def tar(name: str, data: bytes, kind: bytes = tarfile.REGTYPE, mode: str = "w") -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode) as file:
            each = tarfile.TarInfo(name)
            each.size, each.type = len(data), kind
            if kind == tarfile.SYMTYPE:
                each.linkname, each.size = "../../etc/passwd", 0
            file.addfile(each, io.BytesIO(data))
        return buffer.getvalue()

    write("model.nemo", tar("./model_weights.ckpt", good), DANGER)
    write("slip.tar", tar("../evil", b"x"), "archive-path")
    write("link.tar", tar("link", b"", tarfile.SYMTYPE), "archive-path")
    packed = gzip.compress(tar("x/" + "long" * 40 + "/model.pkl", EVIL), mtime=0)
    write("model.tar.gz", packed, DANGER)
    write("keras-lambda.keras", archive({"config.json": json.dumps({"class_name": "Functional", "module": "keras", "config": {"layers": [{"class_name": "Lambda", "module": "keras.layers", "config": {}}]}}).encode(), "metadata.json": b"{}", "model.weights.h5": b""}), "keras-lambda")
    write("keras-module.keras", archive({"config.json": json.dumps({"class_name": "function", "module": "builtins", "config": "exec"}).encode(), "metadata.json": b"{}"}), "keras-dangerous-object")
    write("keras-custom.keras", archive({"config.json": json.dumps({"class_name": "Net", "module": "mine", "config": {}}).encode(), "metadata.json": b"{}"}), "keras-custom-object")
    write("keras-lambda.h5", b"\x89HDF\r\n\x1a\n" + bytes(100) + b'{"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda"}]}}', "format-malformed")
