"""Pickles that try to get past a scanner: by what they import, by their opcodes, and by the states of objects."""

import pickle
import struct

from evasions import DANGER, EVIL, UNKNOWN, UNNEEDED, call, short, stack_global, write


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
