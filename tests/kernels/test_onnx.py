"""The kernels of both sides beside onnx's own cases of its operators: what some inputs must give.

``onnx_adapter`` and ``onnx_optimizers`` run them. What cannot mean anything to the kernels is left out by a rule that
says why, and the cases that are run are counted, so that none fades away unseen.
"""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnx.backend.test.case.node as onnx_cases
import pytest

from fastnet_kernels.check import SIDES, kernel

from . import onnx_adapter as adapter
from . import onnx_optimizers as optimizers
from .onnx_adapter import Call, Case, Outputs

# As with PyTorch: once is enough.
pytestmark = pytest.mark.needs_compiler

EPS = float(np.finfo(np.float32).eps)


class Operator(NamedTuple):
    """How an operator runs on the kernels, how many cases of it have to be run at least, and how many of its outputs
    the kernels have, if not all."""

    run: Callable[[Call, Case], Outputs]
    cases: int
    outputs: int | None = None


OPERATORS = {
    "Abs": Operator(adapter.exact("absolute"), 1),
    "Adagrad": Operator(optimizers.adagrad, 2),
    "Adam": Operator(optimizers.adam, 2),
    "BatchNormalization": Operator(adapter.batch_normalization, 4),
    "Clip": Operator(adapter.exact("hard_tanh"), 2),
    "Dropout": Operator(adapter.dropout, 8),
    "Elu": Operator(adapter.elu, 3),
    "Gelu": Operator(adapter.gelu, 4),
    "Gemm": Operator(adapter.gemm, 11),
    "HardSigmoid": Operator(adapter.hard_sigmoid, 3),
    "HardSwish": Operator(adapter.hard_swish, 1),
    "Identity": Operator(adapter.exact("identity"), 1),
    "LayerNormalization": Operator(adapter.layer_normalization, 19, outputs=1),
    "LeakyRelu": Operator(adapter.leaky_relu, 3),
    "LogSoftmax": Operator(adapter.log_softmax, 7),
    "Momentum": Operator(optimizers.momentum, 3),
    "NegativeLogLikelihoodLoss": Operator(adapter.negative_log_likelihood, 18),
    "Relu": Operator(adapter.exact("relu"), 1),
    "Selu": Operator(adapter.selu, 3),
    "Sigmoid": Operator(adapter.curve("sigmoid"), 2),
    "Softmax": Operator(adapter.softmax, 7),
    "SoftmaxCrossEntropyLoss": Operator(adapter.softmax_cross_entropy, 34),
    "Softplus": Operator(adapter.curve("softplus"), 2),
    "Swish": Operator(adapter.swish, 1),
    "Tanh": Operator(adapter.curve("tanh"), 2),
}


def is_other_type(case: Case) -> bool:
    """Integers, sequences, optional values, short floats: the kernels have float32 and float64."""
    return getattr(case.inputs[0], "dtype", None) != np.float32


def is_other_clip(case: Case) -> bool:
    """Ours is the hard tanh, which clips at -1 and 1."""
    return case.operator == "Clip" and case.inputs[1:] != [-1, 1]


def is_random(case: Case) -> bool:
    """A mask of onnx's random numbers cannot be ours: ``test_dropout_in_training`` has these cases."""
    return case.operator == "Dropout" and len(case.inputs) == 3 and bool(case.inputs[1] > 0)


RULES = (is_other_type, is_other_clip, is_random)
"""Each says of a case whether it is left out."""


def read_cases() -> list[Case]:
    """Onnx's cases of the operators in the table, without those that write the same case in other operators."""
    for module in pkgutil.iter_modules(onnx_cases.__path__):
        # A file is named for its operator, or for how that begins. To read all of them would take ten times as long.
        if any(name.lower().startswith(module.name.replace("_", "")) for name in OPERATORS):
            importlib.import_module(f"{onnx_cases.__name__}.{module.name}")
    cases = []
    for given in onnx_cases._NodeTestCases:
        node = given.model.graph.node[0]
        if node.op_type in OPERATORS and "_expanded" not in given.name:
            version = given.model.opset_import[0].version
            schema = onnx.defs.get_schema(node.op_type, version, node.domain)
            defaults = [a.default_value for a in schema.attributes.values() if a.default_value.type]
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in [*defaults, *node.attribute]}
            [(inputs, outputs)] = given.data_sets
            cases.append(Case(given.name, node.op_type, attributes, list(inputs), list(outputs)))
    return cases


CASES = read_cases()
LEFT_OUT = {case.name: rule.__name__ for case in CASES for rule in RULES[::-1] if rule(case)}
RUN = [case for case in CASES if case.name not in LEFT_OUT]


def on(side: str) -> Call:
    def call(module: str, name: str, *arguments: Any) -> Any:
        return kernel(module, name, side, arguments, "float32")(*arguments)

    return call


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("case", RUN, ids=lambda case: case.name)
def test_operator(case: Case, side: str) -> None:
    operator = OPERATORS[case.operator]
    found, outputs = operator.run(on(side), case), case.outputs[: operator.outputs]
    assert len(found) == len(outputs)
    for (value, bound), expected in zip(found, outputs, strict=True):
        assert value.shape == expected.shape
        error = np.abs(value.astype(np.float64) - np.asarray(expected, np.float64))
        # Onnx is as far from the truth as we may be.
        assert np.all(error <= 2 * EPS * np.asarray(bound)), (error / EPS, bound)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("case", [case for case in CASES if is_random(case)], ids=lambda case: case.name)
def test_dropout_in_training(case: Case, side: str) -> None:
    """By our own mask, and as onnx's where both keep a unit."""
    x, rate = case.inputs[0], float(case.inputs[1])
    out, mask = adapter.dropped(on(side), x, rate)
    kept, onnx_out = mask != 0, case.outputs[0]
    both = kept & (onnx_out != 0)
    assert 0 < np.count_nonzero(both) < np.count_nonzero(kept) < kept.size
    # A scale, a product and what it is compared with are a rounding each; onnx's have their own.
    np.testing.assert_allclose(out, np.where(kept, x / (1 - rate), 0), rtol=3 * EPS, atol=0)
    np.testing.assert_allclose(out[both], onnx_out[both], rtol=6 * EPS, atol=0)


def test_no_case_has_faded_away() -> None:
    """A later onnx may have more."""
    run = Counter(case.operator for case in RUN)
    assert {name: run[name] for name, operator in OPERATORS.items() if run[name] < operator.cases} == {}
    assert Counter(LEFT_OUT.values()) >= Counter(is_other_type=5, is_other_clip=7, is_random=4)
