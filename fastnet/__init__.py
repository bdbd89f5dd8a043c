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
    from .activations import LeakyReLU as LeakyReLU
    from .callbacks import Callback as Callback
    from .callbacks import EarlyStopping as EarlyStopping
    from .errors import ConfigurationError as ConfigurationError
    from .errors import DataError as DataError
    from .errors import DivergenceError as DivergenceError
    from .errors import FastnetError as FastnetError
    from .errors import ModelFileError as ModelFileError
    from .errors import OutputError as OutputError
    from .initializers import INITIALIZERS as INITIALIZERS
    from .initializers import Constant as Constant
    from .initializers import Normal as Normal
    from .initializers import Uniform as Uniform
    from .layers import Dense as Dense
    from .layers import Dropout as Dropout
    from .many import fit_many as fit_many
    from .network import Network as Network
    from .network import load as load
    from .optimizers import SGD as SGD
    from .optimizers import Adadelta as Adadelta
    from .optimizers import Adagrad as Adagrad
    from .optimizers import Adam as Adam
    from .optimizers import Adamax as Adamax
    from .optimizers import AdamW as AdamW
    from .optimizers import AMSGrad as AMSGrad
    from .optimizers import Lion as Lion
    from .optimizers import RMSprop as RMSprop
    from .optimizers import Rprop as Rprop
    from .pixels import Pixels as Pixels
    from .preparation import Preparation as Preparation
    from .training import History as History
    from .version import __version__ as __version__

_HOME = {
    "fastnet_kernels.program": ("ACTIVATIONS", "LOSSES"),
    "fastnet.activations": ("ELU", "LeakyReLU"),
    "fastnet.callbacks": ("Callback", "EarlyStopping"),
    "fastnet.errors": (
        "ConfigurationError",
        "DataError",
        "DivergenceError",
        "FastnetError",
        "ModelFileError",
        "OutputError",
    ),
    "fastnet.initializers": ("INITIALIZERS", "Constant", "Normal", "Uniform"),
    "fastnet.layers": ("Dense", "Dropout"),
    "fastnet.many": ("fit_many",),
    "fastnet.network": ("Network", "load"),
    "fastnet.optimizers": (
        "SGD",
        "AMSGrad",
        "Adadelta",
        "Adagrad",
        "Adam",
        "AdamW",
        "Adamax",
        "Lion",
        "RMSprop",
        "Rprop",
    ),
    "fastnet.pixels": ("Pixels",),
    "fastnet.preparation": ("Preparation",),
    "fastnet.training": ("History",),
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
