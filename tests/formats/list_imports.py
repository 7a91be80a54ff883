"""Writes the lists that imports of pickles are evaluated by, as far as the libraries themselves can say them.

Run by hand in an environment that has some of the libraries; the lists of those it does not have stay as they are, so that large ones
can be installed one after the other. A list has up to three sections: what honest pickles hold (`allowed`: what the objects of the
library reduce to, and the functions that people hand to their estimators), classes that are not written as such, and functions that
look like classes. Names are listed below the whole library, because modules move from one version to the next.

usage: list_imports.py FOLDER [LIBRARY...]
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import pickle
import pickletools
import pkgutil
import sys
import tempfile
import warnings
from collections import defaultdict
from pathlib import Path

warnings.simplefilter("ignore")
os.environ.setdefault("KERAS_BACKEND", "numpy")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.setrecursionlimit(10_000)

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "crates/inspect/src/imports/lists")

# Elementwise functions and reductions, which are handed to transformers and metrics.
NUMPY_FUNCTIONS = """
abs absolute all allclose amax amin any argmax argmin argsort around array array_equal asanyarray asarray ascontiguousarray asfortranarray
astype atleast_1d atleast_2d average bincount broadcast_to ceil clip column_stack concatenate corrcoef cov cross cumprod cumsum diff digitize
dot dstack exp expand_dims fabs fix flip fliplr flipud floor gradient hstack hypot imag inner interp isclose isfinite isin isinf isnan
isreal kron log logical_and logical_not logical_or matmul max maximum mean median min minimum mod moveaxis nan_to_num nanargmax nanargmin
nanmax nanmean nanmedian nanmin nanpercentile nanprod nanquantile nanstd nansum nanvar ndim norm outer percentile prod ptp quantile
ravel real reshape rint roll rollaxis round round_ searchsorted select shape sign sort sqrt square squeeze stack std sum swapaxes take
tensordot trace transpose trapezoid trapz tril triu trunc unique unwrap vander var vdot vstack where bool_ inf nan
""".split()
SCIPY_STATS_FUNCTIONS = """
boxcox boxcox_llf chatterjeexi describe entropy expectile f_oneway gmean gstd gzscore hmean iqr kendalltau kurtosis linregress
median_abs_deviation mode moment obrientransform pearsonr percentileofscore pmean pointbiserialr rankdata sem sigmaclip skew somersd
spearmanr tmax tmean tmin trim_mean trimboth tstd tsem tvar variation weightedtau winsorize yeojohnson yeojohnson_llf zmap zscore
""".split()
SKLEARN_FUNCTIONS = {
    "sklearn.preprocessing": None,
    "sklearn.feature_selection": None,
    "sklearn.metrics": None,
    "sklearn.metrics.cluster": None,
    "sklearn.metrics.pairwise": None,
    "sklearn.covariance": ["empirical_covariance", "ledoit_wolf", "log_likelihood", "oas"],
    "sklearn.utils.extmath": ["softmax", "safe_sparse_dot", "row_norms", "log_logistic", "squared_norm", "stable_cumsum"],
    "sklearn.utils.validation": ["check_array", "column_or_1d"],
    "sklearn.utils.fixes": ["delayed"],
}
# Where the classes of honest estimators lie.
SKLEARN_MODULES = """
_loss base calibration cluster compose covariance cross_decomposition decomposition discriminant_analysis dummy ensemble feature_extraction
feature_selection frozen gaussian_process impute isotonic kernel_approximation kernel_ridge linear_model manifold metrics mixture
model_selection multiclass multioutput naive_bayes neighbors neural_network pipeline preprocessing random_projection semi_supervised svm
tree utils._bunch utils._metadata_requests utils._tags utils._random utils._arpack utils._param_validation utils._weight_vector
""".split()
# Calling them takes a function, reads a file, or has no purpose in a pickle.
SKLEARN_NOT = {"make_scorer", "get_scorer", "get_scorer_names", "check_scoring", "pairwise_distances_chunked", "Parallel", "Memory"}


def is_class_name(name: str) -> bool:
    return name.lstrip("_")[:1].isupper() and name.isascii() and name.replace("_", "a").isalnum()


class Found:
    """What one list says."""

    def __init__(self):
        self.allowed, self.classes, self.functions = defaultdict(set), defaultdict(set), defaultdict(set)

    def allow(self, root: str, names) -> None:
        self.allowed[f"{root}.*"] |= set(names)

    def write(self, library: str, versions: list[str]) -> None:
        lines = [f"# Written by tests/formats/list_imports.py from {', '.join(versions)}. Add by hand to imports.txt."]
        for title, section in [("allowed", self.allowed), ("classes", self.classes), ("functions", self.functions)]:
            if any(section.values()):
                lines += ["", f"[{title}]"]
            for module in sorted(section):
                line = f"{module}:"
                for name in sorted(section[module]):
                    if len(line) + len(name) + 1 > 130:
                        lines.append(line)
                        line = f"{module}:"
                    line += f" {name}"
                if not line.endswith(":"):
                    lines.append(line)
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / f"{library}.txt").write_text("\n".join(lines) + "\n")
        print(f"{library}: {sum(map(len, self.allowed.values()))} names are allowed")


def modules(root: str, skip=("test", "tests", "testing", "conftest", "_testing", "__main__", "setup", "examples", "distutils")):
    """Every module of a package that can be imported."""
    package = importlib.import_module(root)
    yield package
    for path in getattr(package, "__path__", []):
        for each in pkgutil.iter_modules([path]):
            name = f"{root}.{each.name}"
            if each.name in skip or each.name.startswith("test_"):
                continue
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    importlib.import_module(name)
            except BaseException as error:  # whatever a module of somebody else raises
                print(f"  {name}: {type(error).__name__}")
                continue
            yield from modules(name, skip)


def below(name: str | None, root: str) -> bool:
    return isinstance(name, str) and (name == root or name.startswith(root + "."))


def look(found: Found, root: str) -> dict[str, set]:
    """Every class of a library by its module; what is not written as what it is goes into the list."""
    kinds = defaultdict(set)
    lower, upper = set(), set()
    for module in list(modules(root)):
        for name, value in list(vars(module).items()):
            if inspect.isclass(value):
                if below(value.__module__, root) and name == value.__name__:
                    kinds[value.__module__].add(value)
                    if not is_class_name(name):
                        lower.add(name)
            elif is_class_name(name) and (inspect.isroutine(value) and below(getattr(value, "__module__", None), root)):
                upper.add(name)
    if lower:
        found.classes[f"{root}.*"] |= lower
    if upper:
        found.functions[f"{root}.*"] |= upper
    return kinds


def look_at_source(found: Found, root: str) -> None:
    """The same for a library that is too large to import every module of it."""
    import ast

    lower, upper = set(), set()
    for path in Path(importlib.util.find_spec(root).origin).parent.rglob("*.py"):
        try:
            tree = ast.parse(path.read_text())
        except (SyntaxError, UnicodeDecodeError):
            continue
        for each in tree.body:
            if isinstance(each, ast.ClassDef) and not is_class_name(each.name):
                lower.add(each.name)
            elif isinstance(each, ast.FunctionDef) and is_class_name(each.name):
                upper.add(each.name)
    found.classes[f"{root}.*"] |= lower
    found.functions[f"{root}.*"] |= upper


def named(kinds, *roots: str) -> set[str]:
    return {kind.__name__ for module, all_of_it in kinds.items() if any(below(module, root) for root in roots) for kind in all_of_it}


def derived(kinds, *bases) -> set[str]:
    return {kind.__name__ for all_of_it in kinds.values() for kind in all_of_it if issubclass(kind, bases)}


def reduced(data: bytes):
    """The imports of a pickle."""
    memo, stack = {}, []
    try:
        for opcode, argument, _ in pickletools.genops(data):
            name = opcode.name
            if name == "GLOBAL":
                yield tuple(argument.split(" ", 1))
            elif name == "STACK_GLOBAL":
                yield stack[-2], stack[-1]
            if name == "MEMOIZE":
                memo[len(memo)] = stack[-1] if stack else None
            elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
                memo[int(argument)] = stack[-1] if stack else None
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                stack.append(memo.get(int(argument)))
            else:
                stack.append(argument if isinstance(argument, str) else None)
    except Exception:  # joblib's arrays lie between the opcodes
        return


def samples(found: Found, *roots: str) -> None:
    """Adds what the files of `make_honest.py` import of a library."""
    for module, name in SAMPLES:
        for root in roots:
            if below(module, root):
                found.allow(root, {name})


def add(found: Found, *values) -> None:
    """Adds what objects reduce to."""
    for value in values:
        for module, name in reduced(pickle.dumps(value, 4)):
            if module and not below(module, "builtins"):
                root = module.split(".")[0]
                if root not in sys.stdlib_module_names:
                    found.allow(root, {name})


def unpicklers(root: str) -> set[str]:
    """What Cython's classes reduce to."""
    found = set()
    for name, module in list(sys.modules.items()):
        if below(name, root) and "_test" not in name:
            found |= {each for each in vars(module) if each.startswith("__pyx_unpickle_") and each != "__pyx_unpickle_Enum"}
    return found


def numpy(found: Found) -> list[str]:
    import numpy as np

    kinds = look(found, "numpy")
    samples(found, "numpy")
    ufuncs = {name for module in list(sys.modules.values()) if below(getattr(module, "__name__", ""), "numpy") and "_tests" not in module.__name__ for name, value in vars(module).items() if isinstance(value, np.ufunc) and not name.startswith("_")}
    scalars = {name for name in dir(np) if inspect.isclass(getattr(np, name)) and issubclass(getattr(np, name), np.generic)}
    found.allow("numpy", ufuncs | scalars | {kind.__name__ for kind in np.generic.__subclasses__()} | derived(kinds, np.generic, np.dtype))
    found.allow("numpy", derived(kinds, np.ndarray) - {"memmap"} | {"ndarray", "dtype", "record", "poly1d", "finfo", "iinfo", "vectorize", "RClass", "CClass"})
    found.allow("numpy", [name for name in NUMPY_FUNCTIONS if hasattr(np, name) or hasattr(np.linalg, name)])
    found.allow("numpy", ["_reconstruct", "scalar", "_frombuffer", "_mareconstruct", "_convert_to_stringdtype_kwargs", "MaskedConstant", "_DomainGreater", "mvoid"])
    found.allow("numpy", named(kinds, "numpy.polynomial") | named(kinds, "numpy.random") | unpicklers("numpy") | {"__randomstate_ctor", "__generator_ctor", "__bit_generator_ctor"})
    found.allowed["numpy.*"] -= {"memmap"}
    return [f"numpy {np.__version__}"]


def scipy(found: Found) -> list[str]:
    import scipy
    import scipy.special
    import scipy.stats
    from numpy import ufunc

    kinds = look(found, "scipy")
    samples(found, "scipy")
    found.allow("scipy", named(kinds, "scipy.sparse", "scipy.interpolate", "scipy.spatial") | named(kinds, "scipy.signal._ltisys", "scipy.optimize._constraints"))
    found.allow("scipy", {kind.__name__ for module in kinds.values() for kind in module if kind.__name__.endswith("Result") or issubclass(kind, (scipy.stats.rv_continuous, scipy.stats.rv_discrete))})
    found.allow("scipy", named(kinds, "scipy.stats._multivariate", "scipy.stats._covariance", "scipy.stats._kde", "scipy.stats._distn_infrastructure"))
    found.allow("scipy", [name for name, value in vars(scipy.special).items() if isinstance(value, ufunc)] + ["softmax", "log_softmax", "logsumexp", "expit", "logit"])
    found.allow("scipy", [name for name in SCIPY_STATS_FUNCTIONS if hasattr(scipy.stats, name)])
    found.allow("scipy", unpicklers("scipy"))
    return [f"scipy {scipy.__version__}"]


def pandas(found: Found) -> list[str]:
    import pandas as pd
    from pandas.core.internals.blocks import Block

    kinds = look(found, "pandas")
    samples(found, "pandas")
    bases = (pd.Index, pd.Series, pd.DataFrame, pd.api.extensions.ExtensionArray, pd.api.extensions.ExtensionDtype, pd.tseries.offsets.BaseOffset, Block)
    found.allow("pandas", derived(kinds, *bases))
    found.allow("pandas", {name for name, value in vars(pd.offsets).items() if inspect.isclass(value)})
    found.allow("pandas", "Timestamp Timedelta Period Interval NaTType NAType BlockManager SingleBlockManager BlockPlacement Flags IntIndex BlockIndex FrozenList _new_Index new_block _unpickle_block".split())
    found.allow("pandas", {name for module in list(sys.modules.values()) if below(getattr(module, "__name__", ""), "pandas") for name in vars(module) if name.startswith(("_unpickle_", "_new_", "_nat_unpickle", "_timedelta_unpickle")) and "pickle_" not in name.removeprefix("_unpickle_")})
    found.allow("pandas", unpicklers("pandas"))
    return [f"pandas {pd.__version__}"]


def scikit_learn(found: Found) -> list[str]:
    import sklearn

    kinds = look(found, "sklearn")
    samples(found, "sklearn")
    found.allow("sklearn", named(kinds, *(f"sklearn.{module}" for module in SKLEARN_MODULES)))
    for module, names in SKLEARN_FUNCTIONS.items():
        module = importlib.import_module(module)
        for name in names or dir(module):
            value = getattr(module, name, None)
            if inspect.isfunction(value) and below(value.__module__, "sklearn") and not name.startswith("_"):
                found.allow("sklearn", {name})
    found.allow("sklearn", unpicklers("sklearn") | {"newObj"})
    found.allowed["sklearn.*"] -= SKLEARN_NOT
    return [f"scikit-learn {sklearn.__version__}"]


def joblib(found: Found) -> list[str]:
    import joblib

    look(found, "joblib")
    samples(found, "joblib")
    found.allowed["joblib.*"] = {"NumpyArrayWrapper"}
    return [f"joblib {joblib.__version__}"]


def arrow(found: Found) -> list[str]:
    import pyarrow as pa

    kinds = look(found, "pyarrow")
    samples(found, "pyarrow")
    table = pa.table({"a": [1, 2], "b": ["x", None], "c": pa.array(["x", "y"]).dictionary_encode(), "d": [[1], []]})
    kinds_of_data = [pa.int8(), pa.list_(pa.int64()), pa.struct([("a", pa.string())]), pa.timestamp("ns", "UTC"), pa.decimal128(5, 2), pa.map_(pa.string(), pa.int8()), pa.dictionary(pa.int8(), pa.string()), pa.large_string(), pa.string_view(), pa.bool_()]
    add(found, table, table.schema, table.column("a"), table.to_batches()[0], pa.scalar(1), pa.scalar("a"), pa.py_buffer(b"a"), *kinds_of_data)
    found.allow("pyarrow", derived(kinds, pa.DataType))
    return [f"pyarrow {pa.__version__}"]


def boosting(found: Found) -> list[str]:
    import catboost
    import lightgbm
    import xgboost

    for library in (lightgbm, xgboost, catboost):
        root = library.__name__
        kinds = look(found, root)
        samples(found, root)
        found.allow(root, named(kinds, f"{root}.sklearn") | {"Booster"} & named(kinds, root))
    found.allow("catboost", {"CatBoost", "CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker"})
    return [f"{library.__name__} {library.__version__}" for library in (lightgbm, xgboost, catboost)]


def torch(found: Found) -> list[str]:
    import torch
    import torch.nn.functional

    kinds = look(found, "torch")
    found.allow("torch", derived(kinds, torch.nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler, torch.autograd.Function) & (named(kinds, "torch.nn", "torch.optim", "torch.ao.nn", "torch.nn.utils") | {"LambdaLR"}))
    found.allow("torch", {name for name, value in vars(torch).items() if isinstance(value, (torch.dtype, torch.layout, torch.memory_format, torch.qscheme))})
    found.allow("torch", {name for module in (torch, torch.storage) for name in vars(module) if name.endswith("Storage")})
    found.allow("torch", {name for name in vars(torch._utils) if name.startswith("_rebuild_") and "python_object" not in name} | {"_rebuild_from_type_v2", "_get_layout", "_set_obj_state"})
    # The functions that layers keep as their activation.
    found.allow("torch", {name for name, value in vars(torch.nn.functional).items() if callable(value) and not inspect.isclass(value) and below(getattr(value, "__module__", None) or "torch", "torch") and not name.startswith("_") and name not in ("handle_torch_function", "has_torch_function", "boolean_dispatch")})
    found.allow("torch", "Tensor Parameter Buffer UninitializedParameter Size device dtype Generator finfo iinfo relu tanh sigmoid softmax log_softmax selu abs exp log sqrt square clamp sum mean max min add sub mul div matmul cat stack flatten".split())
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.TransformerEncoderLayer(2, 1, 2), torch.nn.LSTM(2, 2))
    add(found, torch.ones(2), torch.nn.Parameter(torch.ones(2)), torch.ones(2).to_sparse(), model.state_dict()["0.weight"].storage().dtype, torch.Size([1]), torch.device("cpu"), torch.float32, model[0], torch.optim.Adam(model.parameters()).state_dict())
    found.allowed["torch.*"] -= {"_load_from_bytes", "boolean_dispatch", "_rebuild_wrapper_subclass", "assert_int_or_pair"}
    versions = [f"torch {torch.__version__}"]
    try:
        kinds = look(found, "torchvision")
        found.allow("torchvision", derived(kinds, torch.nn.Module))
        versions.append(f"torchvision {importlib.import_module('torchvision').__version__}")
    except ImportError:
        pass
    return versions


def keras(found: Found) -> list[str]:
    import keras
    from keras.src.saving.keras_saveable import KerasSaveable

    kinds = look(found, "keras")
    bases = (KerasSaveable, keras.initializers.Initializer, keras.regularizers.Regularizer, keras.constraints.Constraint, keras.optimizers.schedules.LearningRateSchedule, keras.losses.Loss, keras.metrics.Metric, keras.DTypePolicy)
    found.allow("keras", derived(kinds, *bases) - {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
    for module in (keras.activations, keras.losses, keras.metrics):
        found.allow("keras", {name for name, value in vars(module).items() if inspect.isfunction(value) and name not in ("get", "serialize", "deserialize")})
    found.allow("keras", {"History", "KerasVariable", "Variable", "TrackedDict", "TrackedList", "TrackedSet"})
    return [f"keras {keras.__version__}"]


def tensorflow(found: Found) -> list[str]:
    import tensorflow as tf

    look_at_source(found, "tensorflow")
    add(found, tf.constant([1.0]), tf.float32, tf.TensorShape([1]), tf.TensorSpec([1]), tf.Variable([1.0]))
    found.allow("tensorflow", {"ListWrapper", "_DictWrapper", "_TupleWrapper", "DType", "TensorShape", "TensorSpec", "as_dtype"})
    found.allowed = {"tensorflow.*": found.allowed["tensorflow.*"]}
    return [f"tensorflow {tf.__version__}"]


def transformers(found: Found) -> list[str]:
    import enum

    import transformers
    import transformers.trainer_utils
    import transformers.training_args

    look_at_source(found, "transformers")
    for root in ("transformers.training_args", "transformers.trainer_utils", "transformers.utils.generic", "transformers.tokenization_utils_base", "transformers.trainer_pt_utils"):
        module = importlib.import_module(root)
        found.allow("transformers", {name for name, value in vars(module).items() if inspect.isclass(value) and below(value.__module__, "transformers") and issubclass(value, enum.Enum)})
    found.allow("transformers", "TrainingArguments Seq2SeqTrainingArguments AcceleratorConfig BatchEncoding EvalPrediction PredictionOutput TrainOutput BatchFeature AddedToken GenerationConfig HfTrainerDeepSpeedConfig ExplicitEnum TrainerState".split())
    try:
        import accelerate
        import accelerate.utils.dataclasses as dataclasses

        found.allow("accelerate", {name for name, value in vars(dataclasses).items() if inspect.isclass(value) and below(value.__module__, "accelerate")})
        found.allow("accelerate", {"PartialState", "AcceleratorState", "GradientState"})
        versions = [f"accelerate {accelerate.__version__}"]
    except ImportError:
        versions = []
    return [f"transformers {transformers.__version__}", *versions]


def mlflow(found: Found) -> list[str]:
    import mlflow.version

    found.allow("mlflow", "PythonModel PythonModelContext ModelSignature Schema ColSpec TensorSpec DataType ParamSchema ParamSpec Array Object Property Map AnyType".split())
    return [f"mlflow {mlflow.version.VERSION}"]


def standard_library(found: Found) -> list[str]:
    """Adds this Python's modules to those of the Pythons that it was run with before."""
    path = FOLDER / "standard-library.txt"
    kept = path.read_text().split("]\n", 1)[1].split() if path.exists() else []
    folder = os.path.dirname(os.__file__)
    names = {each.name for each in pkgutil.iter_modules([folder, os.path.join(folder, "lib-dynload")])}
    names |= set(kept) | set(sys.builtin_module_names) | set(getattr(sys, "stdlib_module_names", ()))
    names = sorted(name.split("-")[0] for name in names if not name.startswith("__main__"))
    lines, line = [], ""
    for name in dict.fromkeys(names):
        if len(line) + len(name) + 1 > 130:
            lines.append(line)
            line = ""
        line = f"{line} {name}".strip()
    head = "# Written by tests/formats/list_imports.py from Python 3.6 to the newest that it was run with.\n\n[standard library]\n"
    FOLDER.mkdir(parents=True, exist_ok=True)
    path.write_text(head + "\n".join([*lines, line]) + "\n")


SAMPLES: set[tuple[str, str]] = set()


def read_samples() -> None:
    """What the files of `make_honest.py` import."""
    with tempfile.TemporaryDirectory() as folder:
        sys.argv = ["make_honest.py", folder]
        import make_honest

        for make in (make_honest.python, make_honest.numpy, make_honest.scipy_, make_honest.pandas, make_honest.sklearn_, make_honest.joblib_, make_honest.boosting):
            try:
                make()
            except ImportError as error:
                print(f"{make.__name__}: {error}")
        for path in Path(folder).rglob("*"):
            if path.suffix in (".pkl", ".joblib"):
                SAMPLES.update((module, name) for module, name in reduced(path.read_bytes()) if module and name)


LISTS = {
    "standard-library": standard_library, "numpy": numpy, "scipy": scipy, "pandas": pandas, "scikit-learn": scikit_learn, "joblib": joblib,
    "arrow": arrow, "boosting": boosting, "torch": torch, "keras": keras, "tensorflow": tensorflow, "transformers": transformers, "mlflow": mlflow,
}

if __name__ == "__main__":
    wanted = sys.argv[2:] or list(LISTS)
    sys.path.insert(0, str(Path(__file__).parent))
    if {"numpy", "scipy", "pandas", "scikit-learn", "joblib", "arrow", "boosting"} & set(wanted):
        read_samples()
    for name in wanted:
        found = Found()
        try:
            versions = LISTS[name](found)
        except ImportError as error:
            print(f"{name}: {error}")
            continue
        if versions:
            found.write(name, versions)
