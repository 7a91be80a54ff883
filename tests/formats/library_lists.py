"""What each library's list allows. Each function takes the list, and returns the versions that it was made from."""

from __future__ import annotations

import importlib
import inspect
import sys

from library_names import Found, add, below, derived, look, look_at_source, named, samples, unpicklers

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
