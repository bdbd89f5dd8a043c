"""Every kernel of both sides against the reference in float64, within the limits that ``cases`` derives."""

from collections import defaultdict

import numpy as np
import pytest

from fastnet_kernels.cases import Case, cases
from fastnet_kernels.check import DTYPES, Result, arguments_of, call, check_case
from fastnet_kernels.check import kernel as compiled_kernel

KERNELS = sorted({case.kernel for case in cases("float32")})


def grouped(dtype: str) -> dict[str, list[Case]]:
    by_kernel: dict[str, list[Case]] = defaultdict(list)
    for case in cases(dtype):
        by_kernel[case.kernel].append(case)
    return by_kernel


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_both_sides_are_within_the_limit(kernel: str, dtype: str) -> None:
    results = [result for case in grouped(dtype)[kernel] for result in check_case(case, dtype)]
    assert results
    assert [result for result in results if not result.ok] == []


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_out", [2, 7, 20, 32])
@pytest.mark.parametrize("rows", [40, 206, 597])
def test_the_sample_space_of_many_samples_and_few_units(rows: int, n_out: int, dtype: str) -> None:
    """Where the samples' products may be read by their columns."""
    forward = [case for case in cases(dtype, {"many": (rows, 1, n_out)}) if case.kernel == "samples_forward"]
    results = [result for case in forward for result in check_case(case, dtype)]
    assert {result.case for result in results} == {"many: a", "many: z"}
    assert [result for result in results if not result.ok] == []


@pytest.mark.needs_compiler
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_compiled_side_is_compiled(kernel: str) -> None:
    """What a case calls is not the Python that a kernel is without the compiler."""
    case = grouped("float32")[kernel][0]
    arguments = tuple(arguments_of(case, "float32").values())
    entry = compiled_kernel(case.module, kernel, "jit", arguments, "float32")
    # The engine's are Python, for the team's threads, around what is compiled.
    assert kernel in ("train", "predict", "evaluate") or hasattr(entry, "py_func")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "kernel",
    [
        *("shuffle", "dropout_mask", "gather", "convert_pixels", "gather_pixels", "count_correct"),
        *("augment", "augment_gathered"),
    ],
)
def test_counted_randomness_copies_and_pixels_are_the_same_bits(kernel: str, dtype: str) -> None:
    for case in grouped(dtype)[kernel]:
        reference, jit = call(case, "reference", dtype), call(case, "jit", dtype)
        assert reference is not None
        assert jit is not None
        for name in case.bounds:
            assert np.asarray(reference[name]).tobytes() == np.asarray(jit[name]).tobytes(), (case.name, name)


def result_of(wrong: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> Result:
    """The outcome of one dense_forward case whose kernel is replaced on the reference side's dtype run."""
    case = next(case for case in cases("float32") if case.kernel == "dense_forward")
    from fastnet_kernels import check

    honest = check.kernel

    def replaced(module: str, name: str, side: str, arguments: tuple[object, ...], dtype: str) -> object:
        return wrong["kernel"] if side == "jit" else honest(module, name, side, arguments, dtype)

    monkeypatch.setattr(check, "kernel", replaced)
    return next(iter(check_case(case, "float32")))


def test_an_output_left_unfilled_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    result = result_of({"kernel": lambda *arguments: None}, monkeypatch)
    assert result.jit == np.inf
    assert not result.ok


def test_a_changed_input_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastnet_kernels.reference.dense import dense_forward

    def careless(a: np.ndarray, z: np.ndarray, x: np.ndarray, *rest: object) -> None:
        dense_forward(a, z, x, *rest)  # type: ignore[arg-type]
        x[0, 0] += 1

    assert result_of({"kernel": careless}, monkeypatch).jit == np.inf


def test_a_small_error_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastnet_kernels.reference.dense import dense_forward

    case = next(case for case in cases("float32") if case.kernel == "dense_forward")
    bound = case.bounds["a"]

    def sloppy(a: np.ndarray, *rest: object) -> None:
        dense_forward(a, *rest)  # type: ignore[arg-type]
        a += (2 * bound.limit * np.finfo(np.float32).eps * np.asarray(bound.scale)).astype(np.float32)

    assert not result_of({"kernel": sloppy}, monkeypatch).ok
