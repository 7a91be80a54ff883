"""Writes, opcode by opcode, files that try to get past a scanner, and the rules that must catch each of them.

Every call is of a harmless argument (`true`), so that a mistake with these files costs nothing.
The tricks are those published about picklescan, modelscan and fickling, recreated here.

usage: make_evasions.py FOLDER
"""

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/inspect/evasions")
EXPECTED: dict[str, list[str]] = {}

DANGER, UNNEEDED, UNKNOWN = "pickle-dangerous-import", "pickle-unneeded-import", "pickle-unknown-import"


def write(name: str, data: bytes, *rules: str) -> None:
    (FOLDER / name).write_bytes(data)
    EXPECTED[name] = list(rules)


def short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


def call(module: str, name: str, argument: bytes = b"X\x04\0\0\0true") -> bytes:
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + argument + b"\x85R."


def stack_global(module: bytes, name: bytes) -> bytes:
    return b"\x80\x04" + module + name + b"\x93" + short("true") + b"\x85R."


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in members.items():
            each = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            each.compress_type = method
            file.writestr(each, data)
    return buffer.getvalue()


EVIL = call("os", "system")


def imports() -> None:
    """Names that get past lists of forbidden names, or past who reads only the usual opcodes."""
    for name, module, attribute in [
        ("os", "os", "system"),
        ("posix", "posix", "system"),
        ("nt", "nt", "system"),
        ("python2-builtin", "__builtin__", "eval"),
        ("builtins-exec", "builtins", "exec"),
        ("builtins-getattr", "builtins", "getattr"),
        ("python2-commands", "commands", "getoutput"),
        ("asyncio-submodule", "asyncio.unix_events", "_UnixSubprocessTransport._start"),
        ("pandas-read-pickle", "pandas", "read_pickle"),
        ("pandas-io-read-pickle", "pandas.io.pickle", "read_pickle"),
        ("pandas-read-csv-exfiltration", "pandas", "read_csv"),
        ("pandas-eval", "pandas", "eval"),
        ("torch-collect-env", "torch.utils.collect_env", "run"),
        ("spawnv-passfds", "multiprocessing.util", "spawnv_passfds"),
        ("torch-hub", "torch.hub", "load"),
        ("torch-load", "torch.serialization", "load"),
        ("torch-load-from-bytes", "torch.storage", "_load_from_bytes"),
        ("torch-config-module", "torch.utils._config_module", "ConfigModule.load_config"),
        ("torch-exec-wrapper", "torch.jit.unsupported_tensor_ops", "execWrapper"),
        ("torch-inductor", "torch._inductor.codecache", "compile_file"),
        ("torch-bottleneck", "torch.utils.bottleneck.__main__", "run_cprofile"),
        ("torch-shape-env", "torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression"),
        ("joblib-load", "joblib", "load"),
        ("numpy-load", "numpy", "load"),
        ("numpy-testing", "numpy.testing._private.utils", "runstring"),
        ("numpy-f2py", "numpy.f2py.crackfortran", "getlincoef"),
        ("numpy-distutils", "numpy.distutils.exec_command", "exec_command"),
        ("numpy-attribute-chain", "numpy.core.multiarray", "_reconstruct.__globals__"),
        ("sklearn-attribute-chain", "sklearn.svm._classes", "SVC.fit.__globals__"),
        ("module-as-attribute", "sklearn.base", "os"),
        ("methodcaller", "operator", "methodcaller"),
        ("attrgetter", "_operator", "attrgetter"),
        ("bdb", "bdb", "Bdb.run"),
        ("pip-main", "pip", "main"),
        ("pip-internal", "pip._internal.cli.main", "main"),
        ("pty", "pty", "spawn"),
        ("runpy", "runpy", "_run_code"),
        ("importlib", "importlib", "import_module"),
        ("pkgutil", "pkgutil", "resolve_name"),
        ("socket", "socket", "create_connection"),
        ("webbrowser", "webbrowser", "open"),
        ("timeit", "timeit", "timeit"),
        ("code", "code", "InteractiveInterpreter.runcode"),
        ("ctypes", "ctypes", "CDLL"),
        ("codetype", "types", "CodeType"),
        ("functiontype", "types", "FunctionType"),
        ("cloudpickle", "cloudpickle.cloudpickle", "_make_function"),
        ("dill", "dill._dill", "_create_function"),
        ("marshal", "marshal", "loads"),
        ("nested-pickle", "_pickle", "loads"),
        ("idlelib", "idlelib.run", "Executive.runcode"),
        ("lib2to3", "lib2to3.pgen2.grammar", "Grammar.loads"),
        ("doctest", "doctest", "debug_script"),
        ("trace", "trace", "Trace.run"),
        ("cprofile", "cProfile", "run"),
        ("profile", "profile", "Profile.run"),
        ("pydoc", "pydoc", "pipepager"),
        ("venv", "venv", "create"),
        ("ensurepip", "ensurepip", "_run_pip"),
        ("imaplib", "imaplib", "IMAP4_stream"),
        ("logging-file-handler", "logging", "FileHandler"),
        ("logging-config", "logging.config", "_resolve"),
        ("uuid-command", "uuid", "_get_command_stdout"),
        ("io-fileio", "_io", "FileIO"),
        ("osx-support", "_osx_support", "_read_output"),
        ("aix-support", "_aix_support", "_read_cmd_output"),
        ("pyrepl", "_pyrepl.pager", "pipe_pager"),
        ("test-support", "test.support.script_helper", "assert_python_ok"),
        ("distutils-file-util", "distutils.file_util", "write_file"),
        ("requests", "requests.api", "get"),
        ("urllib", "urllib.request", "urlopen"),
        ("ssl", "ssl", "get_server_certificate"),
        ("shutil", "shutil", "rmtree"),
        ("carriage-return", "os\r", "system"),
        ("spaces", " os ", "system"),
    ]:
        write(f"{name}.pkl", call(module, attribute), DANGER)
    for name, module, attribute in [
        ("sklearn-clone", "sklearn.base", "clone"),
        ("keras-input", "keras", "Input"),
        ("numpy-zeros", "numpy", "zeros"),
        ("torch-manual-seed", "torch", "manual_seed"),
        ("sklearn-method", "sklearn.linear_model._base", "LinearRegression.fit"),
    ]:
        write(f"{name}.pkl", call(module, attribute), UNNEEDED)
    for name, module, attribute in [
        ("path-unlink", "pathlib", "Path.unlink"),
        ("interpreters", "_interpreters", "run_string"),
        ("mailcap", "mailcap", "findmatch"),
        ("py-compile", "py_compile", "compile"),
        ("keras-get-file", "keras.utils", "get_file"),
    ]:
        write(f"{name}.pkl", call(module, attribute), DANGER)
    for name, module, attribute in [("unknown-class", "my.models", "Net"), ("fickling-unused-variable", "site_packages_of_mine", "f")]:
        write(f"{name}.pkl", call(module, attribute), UNKNOWN)


def opcodes() -> None:
    """The same import, by every other way the opcodes offer."""
    memo = b"\x80\x04" + short("os") + b"\x940" + short("system") + b"\x940" + b"h\x00h\x01\x93" + short("true") + b"\x85R."
    write("stack-global-from-memo.pkl", memo, DANGER)
    far = b"\x80\x04" + short("os") + b"r\xff\xff\xff\x7f0" + b"j\xff\xff\xff\x7f" + short("system") + b"\x93)R."
    write("stack-global-from-far-memo.pkl", far, "pickle-dynamic-import")
    write("stack-global-duplicated.pkl", b"\x80\x04" + short("code") + b"2\x93)R.", DANGER)
    write("stack-global-computed.pkl", b"\x80\x04cbuiltins\nstr\n" + short("os") + b"\x85R" + short("system") + b"\x93)R.", "pickle-dynamic-import")
    write("stack-global-unicode-escape.pkl", stack_global(b"V\\u006fs\n", b"Vsys\\u0074em\n"), DANGER)
    write("stack-global-string-escape.pkl", stack_global(b"S'\\x6fs'\n", b"S'\\163ystem'\n"), DANGER)
    write("stack-global-binstring.pkl", stack_global(b"U\x02os", b"T\x06\0\0\0system"), DANGER)
    write("stack-global-unicode8.pkl", stack_global(b"\x8d" + struct.pack("<Q", 2) + b"os", b"X\x06\0\0\0system"), DANGER)
    write("inst.pkl", b"(S'true'\nios\nsystem\n.", DANGER)
    write("obj.pkl", b"(cos\nsystem\nS'true'\no.", DANGER)
    write("newobj.pkl", b"\x80\x02cos\nsystem\n)\x81.", DANGER)
    write("newobj-ex.pkl", b"\x80\x04" + short("os") + short("system") + b"\x93)}\x92.", DANGER)
    write("global-without-call.pkl", b"cos\nsystem\n.", DANGER)
    write("popped-import.pkl", b"cos\nsystem\n0N.", DANGER)
    write("protocol-0.pkl", b"cos\nsystem\n(S'true'\ntR.", DANGER)
    write("extension-1.pkl", b"\x80\x02\x82\x01)R.", "pickle-extension")
    write("extension-2.pkl", b"\x80\x02\x83\x01\x01)R.", "pickle-extension")
    write("extension-4.pkl", b"\x80\x02\x84\x01\x01\x01\x01)R.", "pickle-extension")
    write("persistent-id.pkl", b"Pos.system\n.", "pickle-persistent-id")
    write("proto-twice.pkl", b"\x80\x02\x80\x04" + EVIL[2:], "pickle-odd-opcodes", DANGER)
    write("proto-within.pkl", b"\x80\x02N0\x80\x02" + b"N.", "pickle-odd-opcodes")
    write("no-stop.pkl", EVIL[:-1], DANGER, "pickle-truncated")
    write("broken-after-payload.pkl", EVIL[:-1] + b"\xff\xff\xff", DANGER, "pickle-undecodable")
    write("broken-with-underflow.pkl", EVIL[:-1] + b"0000.", DANGER, "pickle-undecodable")
    write("cut-in-operand.pkl", EVIL[:-1] + b"X\xff\xff\x00\x00abc", DANGER, "pickle-truncated")
    write("unknown-opcode-first.pkl", b"\x80\x02\xfe" + EVIL, "pickle-undecodable")
    write("unknown-protocol.pkl", b"\x80\x09" + EVIL[2:], "pickle-undecodable")
    write("second-pickle.pkl", pickle.dumps([1, 2], 4) + EVIL, DANGER)
    write("second-pickle-protocol-0.pkl", pickle.dumps([1, 2], 4) + b"cos\nsystem\n(S'true'\ntR.", DANGER, "pickle-trailing-data")
    write("trailing-data.pkl", pickle.dumps([1, 2], 4) + b"\x00" * 40, "pickle-trailing-data")
    write("reduce-of-result.pkl", b"\x80\x02cmy.models\nmake\n)R)R.", "pickle-computed-call", UNKNOWN)
    write("nested-pickle-bytes.pkl", b"\x80\x03c_pickle\nloads\nC" + bytes([len(EVIL)]) + EVIL + b"\x85R.", DANGER)


def states() -> None:
    """Objects of harmless classes, whose state is not."""
    made = b"\x80\x02csklearn.svm._classes\nSVC\n)\x81"
    write("build-setstate.pkl", made + b"}U\x0c__setstate__cos\nsystem\nsbU\x04trueb.", "pickle-tampers-with-state", DANGER)
    write("build-setstate-allowed.pkl", made + b"}U\x0c__setstate__cnumpy\ndtype\nsbU\x04trueb.", "pickle-tampers-with-state")
    write("build-slots.pkl", made + b"N}U\x09__class__cmy.models\nNet\ns\x86b.", "pickle-tampers-with-state", UNKNOWN)
    write("build-on-class.pkl", b"\x80\x02csklearn.svm._classes\nSVC\n}U\x03fitcnumpy\ndtype\nsb.", "pickle-tampers-with-state")
    write("build-on-function.pkl", b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n}U\x01aK\x01sb.", "pickle-tampers-with-state")
    write("numpy-reduce.pkl", b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncos\nsystem\nK\x00\x85U\x01b\x87R.", DANGER)
    write("reconstructor.pkl", b"ccopy_reg\n_reconstructor\n(cmy.models\nNet\nc__builtin__\nobject\nNtR.", UNKNOWN)
    write("reconstructor-of-danger.pkl", b"ccopyreg\n_reconstructor\n(csubprocess\nPopen\nc__builtin__\nobject\nNtR.", DANGER)
    write("partial.pkl", b"\x80\x02cfunctools\npartial\ncmy.models\nf\n\x85R)R.", DANGER)
    write("partial-of-memmap.pkl", b"\x80\x02cfunctools\npartial\ncnumpy\nmemmap\n\x85R.", DANGER)
    write("getattr-of-class.pkl", b"\x80\x02cbuiltins\ngetattr\ncpathlib\nPath\nU\x06unlink\x86R.", DANGER)
    write("getattr-of-object.pkl", b"\x80\x02cbuiltins\ngetattr\ncpathlib\nPath\nU\x01a\x85RU\x06unlink\x86R)R.", DANGER)
    write("getattr-computed.pkl", b"\x80\x02cbuiltins\ngetattr\ncnumpy\nndarray\ncbuiltins\nstr\nU\x01a\x85R\x86R.", DANGER)
    write("getattr-handed.pkl", b"\x80\x02cfunctools\npartial\ncbuiltins\ngetattr\n\x85R.", DANGER)
    write("type-makes-class.pkl", b"\x80\x02cbuiltins\ntype\nU\x01a)}\x87R.", DANGER)
    write("type-is-called.pkl", b"\x80\x02cbuiltins\ntype\nK\x01\x85R)R.", "pickle-computed-call")
    write("memmap-called.pkl", b"\x80\x02cnumpy\nmemmap\nU\x01aU\x01aU\x02w+\x87R.", DANGER)
    write("guessed-computed", b"cbuiltins\nstr\n(S'os'\ntRS'system'\n\x93(S'true'\ntR\xff\xff", "pickle-dynamic-import")
    write("guessed-cut", EVIL[:-1] + b"\xff", DANGER)
    write("guessed-behind", pickle.dumps([1, 2], 4) + EVIL + b"\0\0", DANGER)
    write("map-over.pkl", b"\x80\x02cbuiltins\nmap\ncmy.models\nf\n]\x86R.", DANGER)


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
