"""fastnet: train small and mid-size neural networks on a CPU, every fast kernel beside its readable twin.

    import fastnet as fn

    net = fn.Network([fn.Dense(32, activation="relu"), fn.Dense(10, activation="softmax")],
                     input_shape=(64,), loss="categorical_crossentropy")
    history = net.fit(X, y, optimizer=fn.Adam(), epochs=30)

Each public name is loaded when it is first used, and the engine by the first fit or predict, so that the command line
starts at once.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnet_kernels.program import ACTIVATIONS as ACTIVATIONS
    from fastnet_kernels.program import LOSSES as LOSSES

    from .activations import ELU as ELU
    from .activations import CustomActivation as CustomActivation
    from .activations import LeakyReLU as LeakyReLU
    from .callbacks import Callback as Callback
    from .callbacks import EarlyStopping as EarlyStopping
    from .cross_validation import CrossValidation as CrossValidation
    from .cross_validation import cross_validate as cross_validate
    from .data.stream import Stream as Stream
    from .errors import CheckpointError as CheckpointError
    from .errors import ConfigurationError as ConfigurationError
    from .errors import DataError as DataError
    from .errors import DivergenceError as DivergenceError
    from .errors import FastnetError as FastnetError
    from .errors import ModelFileError as ModelFileError
    from .errors import OutputError as OutputError
    from .gradient_check import check_gradients as check_gradients
    from .history import History as History
    from .initializers import INITIALIZERS as INITIALIZERS
    from .initializers import Constant as Constant
    from .initializers import Normal as Normal
    from .initializers import Uniform as Uniform
    from .layers import Activation as Activation
    from .layers import Augment as Augment
    from .layers import BatchNorm as BatchNorm
    from .layers import Dense as Dense
    from .layers import Dropout as Dropout
    from .layers import GaussianNoise as GaussianNoise
    from .layers import LayerNorm as LayerNorm
    from .losses import BinaryCrossentropy as BinaryCrossentropy
    from .losses import CategoricalCrossentropy as CategoricalCrossentropy
    from .losses import Hinge as Hinge
    from .losses import Huber as Huber
    from .losses import LogCosh as LogCosh
    from .losses import MeanAbsoluteError as MeanAbsoluteError
    from .losses import MeanSquaredError as MeanSquaredError
    from .losses import Poisson as Poisson
    from .many import fit_many as fit_many
    from .metrics import METRICS as METRICS
    from .network import Network as Network
    from .network import load as load
    from .optimizers import LBFGS as LBFGS
    from .optimizers import SGD as SGD
    from .optimizers import Adadelta as Adadelta
    from .optimizers import Adagrad as Adagrad
    from .optimizers import Adam as Adam
    from .optimizers import Adamax as Adamax
    from .optimizers import AdamW as AdamW
    from .optimizers import AMSGrad as AMSGrad
    from .optimizers import Lion as Lion
    from .optimizers import Nadam as Nadam
    from .optimizers import RMSprop as RMSprop
    from .optimizers import Rprop as Rprop
    from .pixels import Pixels as Pixels
    from .preparation import Preparation as Preparation
    from .rate_finder import find_learning_rate as find_learning_rate
    from .saving import Checkpoint as Checkpoint
    from .schedules import CosineDecay as CosineDecay
    from .schedules import ExponentialDecay as ExponentialDecay
    from .schedules import InverseTimeDecay as InverseTimeDecay
    from .schedules import OneCycle as OneCycle
    from .schedules import PiecewiseConstant as PiecewiseConstant
    from .schedules import PolynomialDecay as PolynomialDecay
    from .schedules import ReduceOnPlateau as ReduceOnPlateau
    from .schedules import StepDecay as StepDecay
    from .schedules import WarmUp as WarmUp
    from .transfer import transfer as transfer
    from .version import __version__ as __version__

_HOME = {
    "fastnet_kernels.program": ("ACTIVATIONS", "LOSSES"),
    "fastnet.activations": ("ELU", "CustomActivation", "LeakyReLU"),
    "fastnet.callbacks": ("Callback", "EarlyStopping"),
    "fastnet.cross_validation": ("CrossValidation", "cross_validate"),
    "fastnet.data.stream": ("Stream",),
    "fastnet.errors": (
        "CheckpointError",
        "ConfigurationError",
        "DataError",
        "DivergenceError",
        "FastnetError",
        "ModelFileError",
        "OutputError",
    ),
    "fastnet.gradient_check": ("check_gradients",),
    "fastnet.history": ("History",),
    "fastnet.initializers": ("INITIALIZERS", "Constant", "Normal", "Uniform"),
    "fastnet.layers": ("Activation", "Augment", "BatchNorm", "Dense", "Dropout", "GaussianNoise", "LayerNorm"),
    "fastnet.losses": (
        "BinaryCrossentropy",
        "CategoricalCrossentropy",
        "Hinge",
        "Huber",
        "LogCosh",
        "MeanAbsoluteError",
        "MeanSquaredError",
        "Poisson",
    ),
    "fastnet.many": ("fit_many",),
    "fastnet.metrics": ("METRICS",),
    "fastnet.network": ("Network", "load"),
    "fastnet.optimizers": (
        "LBFGS",
        "SGD",
        "AMSGrad",
        "Adadelta",
        "Adagrad",
        "Adam",
        "AdamW",
        "Adamax",
        "Lion",
        "Nadam",
        "RMSprop",
        "Rprop",
    ),
    "fastnet.pixels": ("Pixels",),
    "fastnet.preparation": ("Preparation",),
    "fastnet.rate_finder": ("find_learning_rate",),
    "fastnet.saving": ("Checkpoint",),
    "fastnet.schedules": (
        "CosineDecay",
        "ExponentialDecay",
        "InverseTimeDecay",
        "OneCycle",
        "PiecewiseConstant",
        "PolynomialDecay",
        "ReduceOnPlateau",
        "StepDecay",
        "WarmUp",
    ),
    "fastnet.transfer": ("transfer",),
    "fastnet.version": ("__version__",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = list(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'fastnet' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_MODULE_OF)
