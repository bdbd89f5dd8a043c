"""What each parameter of the estimators may be, as scikit-learn checks it when a fit begins."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from fastnet_kernels.program import ACTIVATIONS

from ..activations import ELU, CustomActivation, LeakyReLU
from ..optimizers import OPTIMIZER_CLASSES, Optimizer
from ..schedules import Schedule

Constraints = dict[str, list[Any]]

POSITIVE = Interval(Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
COUNT = Interval(Integral, 1, None, closed="left")
SHARE = Interval(Real, 0, 1, closed="left")

CONSTRAINTS: Constraints = {
    "hidden_layer_sizes": ["array-like", COUNT],
    "activation": [StrOptions({*ACTIVATIONS, "logistic", "linear"}), LeakyReLU, ELU, CustomActivation],
    "solver": [StrOptions(set(OPTIMIZER_CLASSES)), Optimizer],
    "alpha": [NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), COUNT],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), Schedule],
    "learning_rate_init": [POSITIVE],
    "power_t": [NOT_NEGATIVE],
    "max_iter": [COUNT],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [NOT_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [SHARE],
    "beta_1": [SHARE],
    "beta_2": [SHARE],
    "epsilon": [POSITIVE],
    "n_iter_no_change": [COUNT, Options(Real, {np.inf})],
    "max_fun": [COUNT],
    "dropout": [SHARE],
    "batch_norm": ["boolean"],
    "l1": [NOT_NEGATIVE],
    "clip_value": [POSITIVE, None],
    "clip_norm": [POSITIVE, None],
    "callbacks": [list, tuple, None],
    "dtype": [StrOptions({"float32", "float64"}), None],
    "backend": [StrOptions({"jit", "reference"})],
    "threads": [COUNT, None],
}
