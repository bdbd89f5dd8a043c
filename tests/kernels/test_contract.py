"""Both sides have the same files, names and parameters, and every kernel has cases."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

import fastnet_kernels
from fastnet_kernels.cases import cases
from fastnet_kernels.program import ACTIVATIONS, LOSSES, OPTIMIZERS, SLOTS

FOLDER = Path(fastnet_kernels.__file__).parent
MODULES = sorted(path.stem for path in (FOLDER / "reference").glob("*.py") if path.stem != "__init__")
ONLY_JIT = {
    "ahead",
    "blas",
    "compiler",
    "custom",
    "denormals",
    "few_classes",
    "formula",
    "inlined",
    "library",
    "linking",
    "loops",
    "descent",
    "passes",
    "products",
    "rows",
    "small",
    "split",
    "team",
    "thin",
    "transpose",
    "vector_math",
    "vectors",
    "view_type",
}
# Reached by way of others: what the engine's entry points call, and what a table dispatches by code.
INNER = {
    "forward",
    "backward",
    "rows_of",
    "inputs_of",
    "rectifies",
    "samples_of",
    "weight_gradients",
    "penalize",
    "update_range",
    "update_part",
    "penalties",
    "barrier",
    "barriers",
    "moment",
    "statistic",
    "mean_and_variance",
    "count_of",
    "part_of",
    "merge_batch",
    "merge_gradients",
    "sum_copies",
    "sum_gradients",
    "keep_statistics",
    "settle",
    "times_zero",
    "weight_of",
    "weight_of_batch",
    "strength_of",
    "entries",
    "clipping",
} | {
    "mix",
    "stream_key",
    "row_key",
    "unit_bits",
    "sine_and_cosine",
    "drawn",
    "move_pixels",
    "augment_rows",
}


def functions(side: str, module: str) -> dict[str, list[str]]:
    """Public functions of a module by name, with the names of their parameters."""
    loaded = importlib.import_module(f"fastnet_kernels.{side}.{module}")

    def plain(value: Any) -> Any:
        return getattr(value, "py_func", value)

    return {
        name: list(inspect.signature(plain(value)).parameters)
        for name, value in vars(loaded).items()
        if not name.startswith("_")
        and inspect.isfunction(plain(value))
        and plain(value).__module__ == loaded.__name__
        and name != "compiled"
    }


def test_the_two_sides_have_the_same_files() -> None:
    jit = {path.stem for path in (FOLDER / "jit").glob("*.py") if path.stem != "__init__"}
    assert jit - ONLY_JIT == set(MODULES)


@pytest.mark.parametrize("module", [module for module in MODULES if module != "views"])
def test_the_two_sides_have_the_same_functions_and_parameters(module: str) -> None:
    reference = functions("reference", module)
    assert reference
    assert functions("jit", module) == reference


def test_views_are_one_and_the_same_functions_on_both_sides() -> None:
    reference = importlib.import_module("fastnet_kernels.reference.views")
    jit = importlib.import_module("fastnet_kernels.jit.views")
    assert jit.__all__
    assert set(jit.__all__) == set(functions("reference", "views"))
    assert all(getattr(jit, name) is getattr(reference, name) for name in jit.__all__)


def test_every_public_kernel_has_cases() -> None:
    dispatched = {*ACTIVATIONS, *(f"{name}_derivative" for name in ACTIVATIONS), *LOSSES, *OPTIMIZERS}
    public = {name for module in MODULES if module != "views" for name in functions("reference", module)}
    assert public - dispatched - INNER == {case.kernel for case in cases("float64")}


@pytest.mark.parametrize(("table", "kernel"), [(ACTIVATIONS, "activation_forward"), (LOSSES, "loss_forward_backward")])
def test_every_name_of_a_table_has_cases(table: tuple[str, ...], kernel: str) -> None:
    named = {case.name.split(",")[0] for case in cases("float32") if case.kernel == kernel}
    assert named == set(table)


def test_every_optimizer_has_cases_and_slots() -> None:
    named = {case.name.split(",")[0].split()[0] for case in cases("float32") if case.kernel == "update"}
    assert named == set(OPTIMIZERS) == set(SLOTS)
