"""The vectorised functions against a longer float type, over the whole range, in units in the last place (ULP)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

Floats = npt.NDArray[np.floating]

TRUTH: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "tanh": np.tanh,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "log1p": np.log1p,
    "root": np.sqrt,
}
BOUNDS = {"exp": 1.0, "expm1": 2.0, "tanh": 3.0, "logistic": 3.0, "log1p": 3.0, "root": 1.0}
"""As the module states them."""
SINGLE = {"tanh": 6.0}
"""Those that are others in float32."""


def bound(name: str, dtype: Any) -> float:
    return SINGLE.get(name, BOUNDS[name]) if np.dtype(dtype) == np.float32 else BOUNDS[name]


DOMAIN = {"expm1": (-np.inf, 0.0), "log1p": (0.0, np.inf), "root": (0.0, np.inf)}
FUNCTIONS, DTYPES = list(TRUTH), ("float32", "float64")
LONGER: dict[str, Any] = {"float32": np.float64, "float64": np.longdouble}

of_each = pytest.mark.parametrize("name", FUNCTIONS)
in_each = pytest.mark.parametrize("dtype", DTYPES)
needs_compiler = pytest.mark.needs_compiler


def mapped(function: Callable[[Any], Any]) -> Callable[[Floats], Floats]:
    """The function over an array, in a loop compiled as the kernels' are."""
    import numba

    from fastnet_kernels.jit.compiler import FASTMATH

    def loop(x: Any, out: Any) -> None:
        for i in range(x.size):
            out[i] = function(x[i])

    compiled = numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH)(loop)

    def over(x: Floats) -> Floats:
        out = np.empty_like(x)
        compiled(x, out)
        return out

    return over


@pytest.fixture(scope="module")
def vectorized() -> dict[str, Callable[[Floats], Floats]]:
    """Each function by name, as a map over arrays."""
    from fastnet_kernels.jit import vector_math

    return {name: mapped(getattr(vector_math, name)) for name in FUNCTIONS}


def inside(name: str, x: Floats) -> Floats:
    """The finite numbers of ``x`` for which the function promises something."""
    low, high = DOMAIN.get(name, (-np.inf, np.inf))
    return x[np.isfinite(x) & (x >= low) & (x <= high)]


def sample(name: str, dtype: str) -> Floats:
    """Numbers of every magnitude and sign, denormals among them, and many where the function is neither flat nor gone;
    for float32 every 1021st of all bit patterns, so that each exponent has some 8000."""
    if dtype == "float32":
        patterns = np.arange(0, 2**32, 1021, dtype=np.int64).astype(np.uint32).view(np.float32)
        between = np.random.default_rng(1).uniform(-20, 20, 500_000).astype(np.float32)
        return inside(name, np.concatenate([patterns, between]))
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 2**64, 200_000, dtype=np.uint64).view(np.float64)
    denormal = rng.integers(0, 2**52, 10_000, dtype=np.uint64).view(np.float64)
    whole = rng.uniform(-760, 760, 400_000)
    middle = rng.uniform(-40, 40, 400_000)
    small = rng.uniform(-1, 1, 400_000) * 2.0 ** rng.integers(-60, 1, 400_000)
    return inside(name, np.concatenate([patterns, denormal, -denormal, whole, middle, small]))


def errors(got: Floats, truth: Floats) -> Floats:
    """How far ``got`` is from ``truth``, which is of a longer type, in spacings of got's type at the truth."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        rounded = truth.astype(got.dtype)
        largest = np.finfo(got.dtype).max
        spacing = np.spacing(np.minimum(np.abs(rounded), largest)).astype(truth.dtype)
        distance = np.abs(got.astype(truth.dtype) - truth) / spacing
    return np.where(got == rounded, np.minimum(np.nan_to_num(distance, nan=0.0), 0.5), distance)


def true(name: str, x: Floats) -> Floats:
    """The function in the longer type."""
    with np.errstate(over="ignore", under="ignore"):
        truth: Floats = TRUTH[name](x.astype(LONGER[x.dtype.name]))
        return truth


def skip_without_a_longer_type(dtype: str) -> None:
    if np.finfo(LONGER[dtype]).nmant < np.finfo(dtype).nmant + 10:
        pytest.skip(f"this platform's longest float type is no longer than {dtype}, so there is no truth to compare to")


@needs_compiler
@in_each
@of_each
def test_the_error_is_within_the_stated_bound(name: str, dtype: str, vectorized: Any) -> None:
    skip_without_a_longer_type(dtype)
    x = sample(name, dtype)
    assert x.size > 200_000
    got = vectorized[name](x)
    error = errors(got, true(name, x))
    worst = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
    assert error[worst] <= bound(name, dtype), f"{name}({x[worst]!r}) = {got[worst]!r}: {float(error[worst])} ULP"


@needs_compiler
@of_each
def test_the_error_is_of_the_kind_that_a_rounding_makes(name: str, vectorized: Any) -> None:
    """Not zero either: a measure that cannot see an error would say so here."""
    x = sample(name, "float32")
    x = x[np.abs(x) < 20]
    got, truth = vectorized[name](x), true(name, x)
    assert 0.3 < float(errors(got, truth).max()) <= bound(name, "float32")
    assert float(errors(got + 7 * np.spacing(got), truth).max()) > bound(name, "float32")


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("exp", [(0.0, 1.0), (-0.0, 1.0), (np.inf, np.inf), (-np.inf, 0.0), (1e30, np.inf), (-1e30, 0.0)]),
        ("expm1", [(0.0, 0.0), (-0.0, 0.0), (-np.inf, -1.0), (-1e30, -1.0), (-1e-30, -1e-30)]),
        ("tanh", [(0.0, 0.0), (np.inf, 1.0), (-np.inf, -1.0), (1e30, 1.0), (-1e30, -1.0), (-1e-30, -1e-30)]),
        ("logistic", [(0.0, 0.5), (-0.0, 0.5), (np.inf, 1.0), (-np.inf, 0.0), (1e30, 1.0), (-1e30, 0.0)]),
        ("log1p", [(0.0, 0.0), (1e-30, 1e-30), (np.inf, np.inf)]),
        ("root", [(0.0, 0.0), (1.0, 1.0), (4.0, 2.0), (2.0**-100, 2.0**-50), (np.inf, np.inf)]),
    ],
)
@in_each
@needs_compiler
def test_particular_numbers(name: str, numbers: list[tuple[float, float]], dtype: str, vectorized: Any) -> None:
    x, expected = np.array(numbers, dtype).T.copy()
    np.testing.assert_array_equal(vectorized[name](x), expected)


@needs_compiler
@in_each
def test_numbers_below_zero_have_no_root(dtype: str, vectorized: Any) -> None:
    finite = np.finfo(dtype)
    below = np.array([-1.0, -finite.tiny, -finite.smallest_subnormal, -finite.max, -np.inf], dtype)
    assert np.isnan(vectorized["root"](below)).all()


@needs_compiler
@in_each
@of_each
def test_nan_stays_nan_whatever_its_bits(name: str, dtype: str, vectorized: Any) -> None:
    bits = np.uint32 if dtype == "float32" else np.uint64
    exponent = np.array([np.inf, -np.inf], dtype).view(bits)
    mantissas = np.array([1, 2, 12345, 1 << (np.finfo(dtype).nmant - 1)], bits)
    x = np.bitwise_or.outer(exponent, mantissas).ravel().view(dtype)
    assert np.isnan(x).all()
    assert np.isnan(vectorized[name](x)).all()
    # Where a vector holds numbers too, they are not touched by their neighbours.
    mixed = np.full(67, 0.0, dtype)
    mixed[::3] = x[0]
    got = vectorized[name](mixed)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(mixed))


@needs_compiler
@in_each
@of_each
def test_a_number_has_one_result_wherever_it_stands(name: str, dtype: str, vectorized: Any) -> None:
    """In a full vector or in the rest of a loop: the same training on other row counts must not differ by that."""
    x = sample(name, dtype)[:: 50_021 if dtype == "float32" else 20_011]
    alone = np.concatenate([vectorized[name](x[i : i + 1]) for i in range(x.size)])
    np.testing.assert_array_equal(vectorized[name](x), alone)


@needs_compiler
@in_each
@of_each
def test_a_number_has_the_same_result_in_a_vector(name: str, dtype: str, vectorized: Any) -> None:
    """In the instructions of a formula, which are other ones for whole vectors than for the numbers that are left."""
    from fastnet_kernels.jit import vector_math
    from fastnet_kernels.jit.formula import elementwise
    from fastnet_kernels.jit.library import entry_point_for

    function = getattr(vector_math, name)
    over = elementwise("out")(lambda x: function(x))
    x = sample(name, dtype)[: 10**6 + 1]
    out = np.empty_like(x)
    entry_point_for(over, (out, x), name)(out, x)
    np.testing.assert_array_equal(out, vectorized[name](x))


EDGES = {
    ("exp", "float32"): (-104.0, -103.97, -87.34, 0.0, 88.72, 89.0),
    ("exp", "float64"): (-746.0, -745.13, -708.4, 0.0, 709.78, 710.0),
    ("expm1", "float32"): (-104.0, -87.34, -17.33, -0.3465736),
    ("expm1", "float64"): (-746.0, -708.4, -37.43, -0.34657359),
    ("tanh", "float32"): (-9.1, -9.01, 0.0, 9.01, 9.1),
    ("tanh", "float64"): (-19.1, -19.06, 0.0, 19.06, 19.1),
    ("logistic", "float32"): (-104.0, -103.97, -88.72, 0.0, 16.64, 104.0),
    ("logistic", "float64"): (-746.0, -745.13, -709.78, 0.0, 36.74, 746.0),
    ("log1p", "float32"): (1.2e-38, 1e-7, 0.4142136, 1.0, 1.8284271, 3.0),
    ("log1p", "float64"): (2.3e-308, 1e-16, 0.41421356237, 1.0, 1.82842712474, 3.0),
    ("root", "float32"): (1.2e-38, 1.0, 2.0, 4.0),
    ("root", "float64"): (2.3e-308, 1.0, 2.0, 4.0),
}
"""Where something changes: the result ends, becomes a denormal or flat, the range is cut, a select changes sides."""


@needs_compiler
@pytest.mark.parametrize(("name", "dtype"), EDGES, ids=lambda value: str(value))
def test_nothing_jumps_back_at_an_edge(name: str, dtype: str, vectorized: Any) -> None:
    """Over every neighbour of the edge no result is below an earlier one by more than two errors allow, and coarse
    steps across it never go down at all."""
    for edge in EDGES[name, dtype]:
        at = np.array(edge, dtype)
        fine = at + np.abs(np.spacing(at)) * np.arange(-5000, 5001).astype(dtype)
        got = vectorized[name](inside(name, fine))
        highest = np.maximum.accumulate(got)
        with np.errstate(invalid="ignore"):
            fall = np.where(highest == got, 0, (highest - got) / np.spacing(np.abs(got)))
        assert fall.max() <= 2 * bound(name, dtype), f"{name} falls by {fall.max()} ULP near {edge}"
        scale = max(abs(edge), 2.0**-6)
        coarse = inside(name, np.unique((edge + scale * np.linspace(-1, 1, 257)).astype(dtype)))
        values = vectorized[name](coarse)
        values = values[np.isfinite(values)]
        # What is cheaper in float32 may go down by as much as it errs where it hardly rises.
        slack = 2 * SINGLE[name] * np.spacing(np.abs(values[1:])) if dtype == "float32" and name in SINGLE else 0.0
        assert (np.diff(values) >= -slack).all()


@needs_compiler
@in_each
def test_results_never_leave_the_range(dtype: str, vectorized: Any) -> None:
    for name, (low, high) in {"tanh": (-1, 1), "logistic": (0, 1), "expm1": (-1, 0), "exp": (0, np.inf)}.items():
        got = vectorized[name](np.append(sample(name, dtype), np.array(0, dtype)))
        assert low == got.min(), name
        assert got.max() == high, name


@needs_compiler
@in_each
def test_underflow_is_gradual(dtype: str, vectorized: Any) -> None:
    """Denormal results are there, each below the next, down to the smallest one."""
    finite = np.finfo(dtype)
    logarithms = np.log(np.longdouble(finite.smallest_subnormal)) + np.arange(0, 20) * np.log(np.longdouble(2))
    for name in ("exp", "logistic"):
        got = vectorized[name]((logarithms + 0.01).astype(dtype))
        assert (got > 0).all(), name
        assert (got < finite.tiny).all(), name
        np.testing.assert_array_equal(got, np.sort(got))
    tiny = np.array([finite.smallest_subnormal, finite.tiny / 2, finite.tiny], dtype)
    np.testing.assert_array_equal(vectorized["tanh"](tiny), tiny)
    np.testing.assert_array_equal(vectorized["tanh"](-tiny), -tiny)
    np.testing.assert_array_equal(vectorized["expm1"](-tiny), -tiny)
    # It halves its argument first, so of the very smallest nothing need be left.
    assert (np.abs(vectorized["log1p"](tiny) - tiny) <= finite.smallest_subnormal).all()


@needs_compiler
@in_each
def test_tanh_is_odd_and_keeps_the_sign_of_zero(dtype: str, vectorized: Any) -> None:
    x = sample("tanh", dtype)[::11]
    tanh = vectorized["tanh"]
    np.testing.assert_array_equal(tanh(-x), -tanh(x))
    zeros = tanh(np.array([0.0, -0.0], dtype))
    np.testing.assert_array_equal(np.signbit(zeros), [False, True])


@in_each
@of_each
def test_without_the_compiler_python_gives_the_same_numbers(name: str, dtype: str) -> None:
    from fastnet_kernels.jit import vector_math

    function, kind = getattr(vector_math, name), np.dtype(dtype).type
    for number in (-1000.0, -100.0, -2.5, -0.0, 0.0, 1e-30, 0.75, 1.0, 50.0, 1000.0, np.nan):
        x = kind(number)
        if not np.isnan(x) and inside(name, np.array([x])).size == 0:
            continue
        with np.errstate(over="ignore"):
            got = function(x)
        assert got.dtype == x.dtype
        expected = true(name, np.array([x]))
        if np.isnan(x):
            assert np.isnan(got)
        else:
            assert float(errors(np.array([got]), expected)[0]) <= bound(name, dtype)


@needs_compiler
@in_each
def test_the_normal_distribution_is_right_in_its_tails_too(dtype: str) -> None:
    """The exponential's argument is rounded by half an eps of x**2 / 2, the truth's by an eps, of which its function
    makes x**2 times as much; an eps is up to two spacings."""
    from scipy.special import erfc

    from fastnet_kernels.jit import vector_math

    rng = np.random.default_rng(0)
    lowest = -13.0 if dtype == "float32" else -37.0
    x = np.concatenate([rng.uniform(lowest, 10, 200_000), rng.uniform(-3, 3, 200_000), [0.0]]).astype(dtype)
    exact = x.astype(LONGER["float32"])
    truth = 0.5 * erfc(-exact / np.sqrt(2.0))
    got = mapped(vector_math.normal_cdf)(x)
    allowed = 6 + exact**2 / 2 + (0 if dtype == "float32" else 3 + 2 * exact**2)
    distance = np.abs(got - truth) / np.spacing(truth.astype(dtype))
    assert np.all(distance <= allowed)
    far = np.array([-np.inf, -1e4, 1e4, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(mapped(vector_math.normal_cdf)(far), np.array([0, 0, 1, 1, np.nan], dtype))


@needs_compiler
@in_each
def test_quantiles_of_the_normal_distribution(dtype: str) -> None:
    """Beside SciPy's, which errs by a few roundings of float64 itself; near one half the tail's own rounding is all of
    the result, so the scale there is 1."""
    from scipy.special import ndtri

    from fastnet_kernels.jit import vector_math

    rng = np.random.default_rng(0)
    tail = np.concatenate([2.0 ** rng.uniform(-33, -1, 200_000), rng.uniform(0.01, 0.5, 200_000), [0.5, 2.0**-33]])
    tail = tail.astype(dtype)
    truth = -ndtri(tail.astype(np.float64))
    got = mapped(vector_math.normal_quantile)(tail)
    assert (np.abs(got - truth) <= 6 * np.finfo(dtype).eps * np.maximum(truth, 1)).all()
    assert got[-2] == 0
    assert got[-1] == got.max()
