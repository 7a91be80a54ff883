"""Makes small files as people make them with the libraries of today: none of them may be kept from anybody.

Run by hand, in an environment with what `honest-requirements.txt` names; the files are committed. What ends in `.warn.…` holds
something that nobody vouches for, such as a function of its maker's own.

usage: make_honest.py FOLDER
"""

import bz2
import collections
import datetime
import decimal
import enum
import fractions
import functools
import gzip
import ipaddress
import lzma
import pathlib
import pickle
import random
import re
import sys
import types
import uuid
import zoneinfo
from argparse import Namespace
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import scipy.interpolate
import scipy.sparse
import scipy.spatial
import scipy.stats

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/inspect/honest")
MAX_BYTES = 16 * 1024

# A module of somebody's own, which nobody else has.
own = types.ModuleType("credit_features")
exec(
    """
import enum
from sklearn.base import BaseEstimator, TransformerMixin

def widen(x, by=1):
    return x * by

class Color(enum.Enum):
    RED = 1

class Clip(TransformerMixin, BaseEstimator):
    def __init__(self, low=0):
        self.low = low

    def fit(self, x, y=None):
        return self

    def transform(self, x):
        return x.clip(self.low)
""",
    own.__dict__,
)
sys.modules["credit_features"] = own

RANDOM = np.random.RandomState(0)
X = RANDOM.rand(24, 3).round(2)
Y = np.array([0, 1] * 12)
Z = X[:, 0] * 2 + 1


def keep(name: str, data: bytes) -> None:
    if len(data) > MAX_BYTES:
        print(f"{name}: {len(data)} bytes are too many")
        return
    path = FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def can_be_pickled(value) -> bool:
    try:
        pickle.dumps(value, 4)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        print(f"{type(value).__name__}: {error}")
        return False
    return True


def dump(name: str, value, protocols=(2, 4)) -> None:
    if type(value) is list:
        value = [each for each in value if can_be_pickled(each)]
    for protocol in protocols:
        keep(f"{name}-{protocol}.pkl", pickle.dumps(value, protocol))


def joblib_dump(name: str, value, **how) -> None:
    path = FOLDER / f"{name}.joblib"
    path.parent.mkdir(parents=True, exist_ok=True)
    joblib.dump(value, path, **how)
    if path.stat().st_size > MAX_BYTES:
        print(f"{name}: {path.stat().st_size} bytes are too many")
        path.unlink()


def python() -> None:
    dump(
        "python/values",
        [
            collections.OrderedDict(a=1), collections.defaultdict(list), collections.deque([1], 3), collections.Counter("aab"),
            collections.ChainMap({}), datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), datetime.timedelta(1),
            decimal.Decimal("1.5"), fractions.Fraction(1, 3), uuid.UUID(int=7), pathlib.PurePosixPath("a/b"), Path("a"),
            re.compile("a+", re.I), range(3), slice(1, 2), frozenset([1]), bytearray(b"a"), 1 + 2j, 10**40, ..., NotImplemented,
            ipaddress.ip_address("10.0.0.1"), zoneinfo.ZoneInfo("Europe/Berlin"), types.SimpleNamespace(a=1), Namespace(lr=0.1),
            random.Random(0), ValueError("x"), type(None), int, str.lower, len, enum.IntEnum,
        ],
        (0, 2, 4, 5),
    )
    dump("python/enum.warn", own.Color.RED)


def numpy() -> None:
    record = np.array([(1, 2.5, "a")], dtype=[("Open", "<i4"), ("o", "<f8"), ("name", "<U4")])
    values = dict(
        scalars=[np.float32(1), np.int64(2), np.bool_(True), np.str_("a"), np.datetime64("2026-01-01"), np.complex64(1)],
        kinds=[np.ones(3, dtype=kind) for kind in "bBhHiIlLqQefdgFDG?"],
        texts=[np.array(["a", "bc"]), np.array([b"a"]), np.array(["a", None], dtype=object), np.array(["x"], dtype=np.dtypes.StringDType())],
        times=[np.array(["2026-01-01"], dtype="M8[D]"), np.array([3], dtype="m8[s]")],
        records=[record, record.view(np.recarray), record[0], record.view(np.recarray)[0], np.rec.array([(1, "b")])],
        masked=[np.ma.MaskedArray([1, 2], [True, False]), np.ma.masked, np.ma.array([1.0]), np.ma.masked_all((1,), record.dtype)],
        matrices=[np.matrix([[1, 2]]), np.char.array(["a"]), np.asfortranarray(X[:3]), np.memmap(FOLDER / "python/values-0.pkl", mode="r")[:4]],
        types=[np.float64, np.dtype("f4"), record.dtype, np.ndarray, np.dtypes.Float32DType, np.iinfo, np.nan],
        random=[np.random.default_rng(0), np.random.RandomState(0), np.random.Generator(np.random.Philox(0)), np.random.SFC64(0), np.random.SeedSequence(3), np.random.PCG64DXSM(1)],
        functions=[np.log1p, np.exp, np.add, np.nan_to_num, np.mean, np.percentile, np.clip, np.linalg.norm, np.where, np.hypot],
        polynomials=[np.polynomial.Polynomial([1, 2]), np.poly1d([1, 2]), np.polynomial.Chebyshev([1])],
    )
    for name, value in values.items():
        dump(f"numpy/{name}", value, (0, 2, 4, 5))
    for name, array in dict(plain=X, record=record, empty=np.zeros((0, 3)), scalar=np.array(3), fortran=np.asfortranarray(X), text=np.array(["Object", "Open"]), objects=np.array([{"a": 1}, datetime.date(2026, 1, 1)], dtype=object), void=np.zeros(2, "V3"), nested=np.zeros(1, [("a", [("O", "<i2")], (2,)), (("Title O", "t"), "?")])).items():
        np.save(FOLDER / f"numpy/{name}.npy", array, allow_pickle=True)
    np.savez(FOLDER / "numpy/several.npz", a=X, labels=np.array(["cat", None], dtype=object))
    np.savez_compressed(FOLDER / "numpy/packed.npz", a=X, b=record)
    with open(FOLDER / "numpy/two.npy", "wb") as file:
        np.save(file, X)
        np.save(file, Y)
    X.tofile(FOLDER / "numpy/raw.bin")


def scipy_() -> None:
    from scipy import integrate, optimize, signal, special
    from scipy.spatial.transform import Rotation

    sparse = scipy.sparse.random(4, 4, 0.5, random_state=0)
    values = dict(
        sparse=[getattr(sparse, f"to{kind}")() for kind in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")],
        arrays=[getattr(scipy.sparse, f"{kind}_array")(sparse) for kind in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")],
        stats=[scipy.stats.norm(0, 1), scipy.stats.uniform(1, 2), scipy.stats.randint(1, 5), scipy.stats.loguniform(1e-3, 1), scipy.stats.poisson(3)],
        density=[scipy.stats.gaussian_kde(Z), scipy.stats.multivariate_normal([0, 0])],
        interpolate=[scipy.interpolate.interp1d([0, 1, 2], [1, 2, 4]), scipy.interpolate.CubicSpline([0, 1, 2], [1, 2, 4]), scipy.interpolate.PchipInterpolator([0, 1, 2], [1, 2, 4]), scipy.interpolate.make_interp_spline([0, 1, 2, 3], [1, 2, 4, 5]), scipy.interpolate.UnivariateSpline([0, 1, 2, 3], [1, 2, 4, 5]), scipy.interpolate.RegularGridInterpolator(([0, 1], [0, 1]), [[1, 2], [3, 4]])],
        spatial=[scipy.spatial.KDTree(X[:4]), scipy.spatial.cKDTree(X[:4]), Rotation.from_quat([0, 0, 0, 1])],
        results=[optimize.minimize(np.sum, [0.0], method="Nelder-Mead", options=dict(maxiter=1)), scipy.stats.linregress([0, 1], [1, 2]), scipy.stats.ttest_ind([1, 2, 3], [2, 3, 5])],
        functions=[special.expit, special.logit, special.boxcox1p, scipy.stats.uniform, scipy.stats.pearsonr, scipy.stats.boxcox],
        signal=[signal.dlti([1], [1, 2]), signal.butter(2, 0.5, output="sos")],
    )
    for name, value in values.items():
        dump(f"scipy/{name}", value)
    scipy.sparse.save_npz(FOLDER / "scipy/sparse.npz", sparse)


def pandas() -> None:
    times = pd.date_range("2026-01-01", periods=3, tz="Europe/Berlin")
    values = dict(
        frame=pd.DataFrame(dict(a=[1, 2, 3], b=["x", "y", None], c=[1.5, None, 2])),
        kinds=pd.DataFrame(dict(a=pd.array([1, None], "Int64"), b=pd.Categorical(["x", "y"]), c=pd.array([True, None], "boolean"), d=pd.array(["a", None], "string"), e=pd.arrays.SparseArray([0, 1]), f=pd.array([1.5, None], "Float32"), g=pd.Series(["a", "b"], dtype=object))),
        times=pd.DataFrame(dict(a=[1, 2, 3], b=times), index=times),
        naive=pd.Series([1, 2], index=pd.date_range("2026-01-01", periods=2, tz="UTC")),
        indexes=[pd.MultiIndex.from_product([["a"], [1, 2]]), pd.RangeIndex(3), pd.CategoricalIndex(["a"]), pd.interval_range(0, 2), pd.period_range("2026", periods=2, freq="M"), pd.timedelta_range("1D", periods=2)],
        scalars=[pd.Timestamp("2026-01-01", tz="UTC"), pd.Timedelta("1D"), pd.Period("2026", "M"), pd.Interval(0, 1), pd.NA, pd.NaT, pd.offsets.MonthEnd(), pd.offsets.BDay(2), pd.Timestamp("2026-01-01", tz="Europe/Berlin")],
        dtypes=[pd.CategoricalDtype(["a"]), pd.StringDtype(), pd.Int64Dtype(), pd.DatetimeTZDtype(tz="UTC"), pd.PeriodDtype("M"), pd.IntervalDtype("int64"), pd.SparseDtype("float64")],
    )
    try:
        values["arrow"] = pd.DataFrame(dict(a=pd.array([1, None], "int64[pyarrow]"), b=pd.array(["x", None], "string[pyarrow]")))
    except ImportError:
        print("no pyarrow")
    for name, value in values.items():
        dump(f"pandas/{name}", value)
    values["frame"].to_pickle(FOLDER / "pandas/frame.pkl.gz")
    values["frame"].to_pickle(FOLDER / "pandas/frame.pkl.bz2")
    values["frame"].to_pickle(FOLDER / "pandas/frame.pkl.xz")
    values["frame"].to_pickle(FOLDER / "pandas/frame.pkl.zip")


def sklearn_() -> None:
    import warnings

    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn import metrics
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, KFold, RandomizedSearchCV, StratifiedKFold, TimeSeriesSplit
    from sklearn.pipeline import FeatureUnion, make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler
    from sklearn.utils import Bunch, all_estimators

    warnings.simplefilter("ignore")
    special = dict(
        grid=GridSearchCV(Ridge(), dict(alpha=[0.1, 1]), cv=2).fit(X, Z),
        grid_scorers=GridSearchCV(LogisticRegression(), dict(C=[1.0]), scoring=dict(auc="roc_auc", f=metrics.make_scorer(metrics.fbeta_score, beta=2), acc="accuracy", loss="neg_log_loss"), refit="auc", cv=StratifiedKFold(2)).fit(X, Y),
        random=RandomizedSearchCV(Ridge(), dict(alpha=scipy.stats.loguniform(0.01, 1)), n_iter=1, cv=KFold(2), scoring="r2", random_state=np.random.RandomState(0)).fit(X, Z),
        halving=HalvingGridSearchCV(Ridge(), dict(alpha=[0.1, 1, 2]), cv=TimeSeriesSplit(2), min_resources=6).fit(X, Z),
        log=make_pipeline(FunctionTransformer(np.log1p, np.expm1, validate=True), StandardScaler(), Ridge()).fit(X, Z),
        partial=make_pipeline(FunctionTransformer(functools.partial(np.clip, a_min=0, a_max=1)), Ridge()).fit(X, Z),
        lower=make_pipeline(CountVectorizer(preprocessor=str.lower, tokenizer=str.split, token_pattern=None), LogisticRegression()).fit(["a b", "b c"], [0, 1]),
        text=make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(["a word", "or two"], [0, 1]),
        hashing=HashingVectorizer(n_features=8).fit(["a"]),
        union=FeatureUnion([("a", StandardScaler()), ("b", FunctionTransformer())]).fit(X),
        columns=ColumnTransformer([("a", StandardScaler(), make_column_selector("a", dtype_include=np.number))], remainder="passthrough").fit(pd.DataFrame(X, columns=list("abc"))),
        target=TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1).fit(X, Z),
        dictionary=DictVectorizer().fit([dict(a=1)]),
        scorers=[metrics.get_scorer(name) for name in sorted(metrics.get_scorer_names())],
        metrics=[metrics.accuracy_score, metrics.mean_squared_error, metrics.pairwise.rbf_kernel, metrics.DistanceMetric.get_metric("euclidean")],
        bunch=Bunch(data=X, target=Y),
        splits=[KFold(), StratifiedKFold(2, shuffle=True, random_state=1), TimeSeriesSplit()],
    )
    for name, value in special.items():
        dump(f"sklearn/{name}", value)
        joblib_dump(f"sklearn/{name}", value)
    dump("sklearn/own-function.warn", make_pipeline(FunctionTransformer(own.widen), Ridge()).fit(X, Z))
    dump("sklearn/own-partial.warn", make_pipeline(FunctionTransformer(functools.partial(own.widen, by=2)), Ridge()).fit(X, Z))
    dump("sklearn/own-class.warn", make_pipeline(own.Clip(), Ridge()).fit(X, Z))
    dump("sklearn/own-scorer.warn", metrics.make_scorer(own.widen))
    targets = [Z, Y, np.abs(Z), np.c_[Y, 1 - Y], ["a b", "c d", "a d"] * 8]
    small = dict(n_estimators=2, max_iter=2, max_depth=2, max_leaf_nodes=3, n_components=2, n_clusters=2, n_init=1, hidden_layer_sizes=(2,), estimator=Ridge(), estimators=[("a", Ridge()), ("b", Ridge())], transformers=[("a", StandardScaler(), [0])], transformer_list=[("a", StandardScaler())], steps=[("a", Ridge())], param_grid=dict(alpha=[1]), param_distributions=dict(alpha=[1]), dictionary=X[:3], bins=4)
    seen = set()
    for name, kind in all_estimators():
        made = None
        for target in targets:
            for estimator in (Ridge(), LogisticRegression()):
                try:
                    asked = kind().get_params(deep=False)
                except TypeError:
                    asked = dict.fromkeys(__import__("inspect").signature(kind).parameters)
                given = {key: value for key, value in {**small, "estimator": estimator}.items() if key in asked and not (key == "max_iter" and name == "LogisticRegression")}
                try:
                    made = kind(**given)
                    made.fit(X if target is not targets[-1] else target, target if target is not targets[-1] else Y)
                    break
                except Exception:
                    continue
            else:
                continue
            break
        if made is not None:
            seen.add(name)
            dump(f"sklearn/all/{name}", made, (4,))
    print("estimators:", len(seen))


def joblib_() -> None:
    from sklearn.linear_model import Ridge

    value = dict(model=Ridge().fit(X, Z), array=np.arange(100.0), objects=np.array(["a", None], dtype=object))
    for kind in ("zlib", "gzip", "bz2", "xz", "lzma", "lz4"):
        for level in (1, 9):
            joblib_dump(f"joblib/{kind}-{level}", value, compress=(kind, level))
        # The same under a name that says nothing.
        joblib.dump(value, FOLDER / f"joblib/{kind}.bin", compress=(kind, 3))
    joblib_dump("joblib/plain", value)
    joblib_dump("joblib/compressed", value, compress=True)
    joblib_dump("joblib/protocol-2", value, protocol=2)
    for suffix in ("z", "gz", "bz2", "xz", "lzma", "lz4"):
        joblib.dump(value, FOLDER / f"joblib/model.pkl.{suffix}")
    plain = pickle.dumps(value)
    keep("joblib/pickle.pkl.gz", gzip.compress(plain, mtime=0))
    keep("joblib/pickle.pkl.bz2", bz2.compress(plain))
    keep("joblib/pickle.pkl.xz", lzma.compress(plain))


def boosting() -> None:
    import lightgbm
    import xgboost

    small = dict(n_estimators=1, max_depth=1, random_state=0)
    quiet = dict(verbose=-1, num_leaves=2, min_child_samples=1)
    for name, model in dict(
        lightgbm_classifier=lightgbm.LGBMClassifier(**small, **quiet).fit(X, Y),
        lightgbm_regressor=lightgbm.LGBMRegressor(**small, **quiet).fit(X, Z),
        lightgbm_ranker=lightgbm.LGBMRanker(**small, **quiet).fit(X, Y, group=[12, 12]),
        lightgbm_frame=lightgbm.LGBMClassifier(**small, **quiet).fit(pd.DataFrame(X, columns=list("abc")), np.array(["n", "y"])[Y]),
        lightgbm_booster=lightgbm.LGBMClassifier(**small, **quiet).fit(X, Y).booster_,
        xgboost_classifier=xgboost.XGBClassifier(**small).fit(X, Y),
        xgboost_regressor=xgboost.XGBRegressor(**small).fit(X, Z),
        xgboost_ranker=xgboost.XGBRanker(**small).fit(X, Y, qid=Y.cumsum()),
        xgboost_forest=xgboost.XGBRFClassifier(**small).fit(X, Y),
        xgboost_booster=xgboost.XGBClassifier(**small).fit(X, Y).get_booster(),
    ).items():
        dump(f"boosting/{name}", model)
        joblib_dump(f"boosting/{name}", model)
    booster = xgboost.XGBClassifier(**small).fit(X, Y).get_booster()
    for suffix in ("json", "ubj"):
        booster.save_model(FOLDER / f"boosting/model.{suffix}")
    lightgbm.LGBMClassifier(**small, **quiet).fit(X, Y).booster_.save_model(FOLDER / "boosting/model.txt")
    try:
        import catboost
    except ImportError:
        print("no catboost")
        return
    model = catboost.CatBoostClassifier(iterations=1, depth=1, verbose=0, allow_writing_files=False).fit(X, Y)
    dump("boosting/catboost_classifier", model)
    dump("boosting/catboost_regressor", catboost.CatBoostRegressor(iterations=1, depth=1, verbose=0, allow_writing_files=False).fit(X, Z))
    model.save_model(FOLDER / "boosting/model.cbm")


if __name__ == "__main__":
    for make in [python, numpy, scipy_, pandas, sklearn_, joblib_, boosting]:
        try:
            make()
        except ImportError as error:
            print(f"{make.__name__}: {error}")
