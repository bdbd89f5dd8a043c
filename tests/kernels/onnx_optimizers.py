"""How onnx's optimizers run on the kernels (see ``onnx_adapter``): all tensors of a kind as one flat vector."""

import numpy as np

from fastnet_kernels.cases import FEW
from fastnet_kernels.program import OPTIMIZER, OPTIMIZERS

from .onnx_adapter import Array, Call, Case, Outputs, floats

ENDLESS = 10**9
"""A step at which a running mean that began at zero needs no correction any more: onnx has none at its step 0."""


def flat_vectors(case: Case, groups: int) -> list[Array]:
    """All tensors of a kind as one: parameters, gradients, then what the optimizer remembers."""
    tensors = case.inputs[2:]
    count = len(tensors) // groups
    parts = [tensors[i * count : (i + 1) * count] for i in range(groups)]
    return [floats(np.concatenate([np.ravel(tensor) for tensor in part])) for part in parts]


def penalised(call: Call, case: Case, x: Array, g: Array) -> Array:
    """The gradient with that of the L2 penalty, which onnx's optimizers add and here a layer."""
    gradients = g.copy()
    call("dense", "weight_penalty", gradients[:, None], x[:, None], 0.0, float(case.attributes["norm_coefficient"]))
    return gradients


def updated(
    call: Call, kind: str, x: Array, slots: list[Array], g: Array, rate: float, step: int, **settings: float
) -> list[Array]:
    """The parameters, then the slots, after one update."""
    record = np.zeros(1, OPTIMIZER)
    record["kind"] = OPTIMIZERS.index(kind)
    for name, value in settings.items():
        record[name] = value
    parameters, state = x.copy(), np.stack(slots)
    product, factor = 0.0, 1.0  # nadam's, and nothing is clipped
    call("optimizers", "update", parameters, state, g, record[0], rate, product, factor, step, 0)
    return [parameters, *state]


def as_tensors(case: Case, found: list[Array], bounds: list[Array]) -> Outputs:
    """Each flat vector as onnx's tensors again, in the order of its outputs."""
    cuts = np.cumsum([output.size for output in case.outputs])[:-1]
    values, limits = (np.split(np.concatenate(vectors), cuts) for vectors in (found, bounds))
    shapes = [output.shape for output in case.outputs]
    return [
        (value.reshape(shape), limit.reshape(shape)) for value, limit, shape in zip(values, limits, shapes, strict=True)
    ]


def adam(call: Call, case: Case) -> Outputs:
    """onnx adds epsilon before the second moment's correction, ours after it."""
    rate, step, settings = float(case.inputs[0]), int(case.inputs[1]) or ENDLESS, case.attributes
    assert settings["norm_coefficient_post"] == 0
    alpha, beta, epsilon = settings["alpha"], settings["beta"], settings["epsilon"]
    correction = np.sqrt(1 - beta**step)
    x, g, v, h = flat_vectors(case, 4)
    g = penalised(call, case, x, g)
    constants = {"beta_1": alpha, "beta_2": beta, "epsilon": epsilon / correction}
    found = updated(call, "adam", x, [v, h], g, rate, step, **constants)
    # alpha and beta are rounded themselves, which the moments' terms carry whole, and the quotient theirs.
    first, second = np.abs(v) + np.abs(g), h + g * g
    change = rate * correction / (1 - alpha**step) * first / (np.sqrt(found[2]) + epsilon)
    return as_tensors(case, found, [FEW * (np.abs(x) + change * (1 + second / found[2])), FEW * first, FEW * second])


def adagrad(call: Call, case: Case) -> Outputs:
    """Its step is counted from 0."""
    rate, step, settings = float(case.inputs[0]), int(case.inputs[1]) + 1, case.attributes
    x, g, h = flat_vectors(case, 3)
    g = penalised(call, case, x, g)
    constants = {"decay": settings["decay_factor"], "epsilon": settings["epsilon"]}
    found = updated(call, "adagrad", x, [h], g, rate, step, **constants)
    return as_tensors(case, found, [FEW * (np.abs(x) + rate * np.abs(g) / np.sqrt(found[1])), FEW * found[1]])


def momentum(call: Call, case: Case) -> Outputs:
    """onnx's velocity has the other sign and no learning rate in it, and beta scales the gradient from step 1 on.
    Nesterov's own gradient is not scaled by it, where ours has one rate for both, so it may only be 1."""
    rate, settings = float(case.inputs[0]), case.attributes
    beta = settings["beta"] if case.inputs[1] > 0 else 1.0
    nesterov = settings["mode"] == b"nesterov"
    assert beta == 1 or not nesterov
    x, g, v = flat_vectors(case, 3)
    g = penalised(call, case, x, g)
    constants = {"momentum": settings["alpha"], "nesterov": nesterov}
    parameters, velocity = updated(call, "sgd", x, [floats(-rate * v)], g, rate * beta, 1, **constants)
    terms = np.abs(v) + np.abs(g)
    return as_tensors(case, [parameters, -velocity / rate], [FEW * (np.abs(x) + 2 * rate * terms), FEW * terms])
