"""A network's answers as columns with names, as they are written to files."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..network import Network
from ..pixels import Pixels
from .answers import names_of_classes, names_of_values

Columns = dict[str, npt.NDArray[Any]]


def answer_columns(network: Network, X: npt.ArrayLike | Pixels, backend: str = "jit") -> Columns:
    """What a network answers, (n,) a column.

    Parameters
    ----------
    network : Network
    X : array_like or Pixels
        (n, d), prepared.
    backend : str

    Returns
    -------
    dict
        A classifier: ``label`` (the name of the class), ``probability`` (of that class) and ``probability_NAME`` of
        each class; with several labels ``label_NAME``, 0 or 1, and ``probability_NAME`` of each. Others: a number a
        target, under its name, in the data's units. Networks whose loss gives no probabilities have labels alone.

    Raises
    ------
    DataError
        As ``Network.predict``.
    """
    answered = network.predict(X, backend=backend)
    if not network.is_classifier:
        values = answered.reshape(len(answered), -1)
        if network.preparation is not None:
            values = network.preparation.values(values).astype(network.dtype)
        return dict(zip(names_of_values(network), values.T, strict=True))
    probabilities = None
    if network.loss_function.gives_probabilities:
        probabilities = network.predict_proba(X, backend=backend)
    names = names_of_classes(network)
    columns: Columns = {}
    if network.task == "multilabel":
        columns = {f"label_{name}": labels for name, labels in zip(names, answered.T, strict=True)}
    else:
        columns["label"] = np.array(names)[answered]
        if probabilities is not None:
            if network.n_outputs == 1:
                probabilities = np.hstack([1 - probabilities, probabilities])
            columns["probability"] = probabilities[np.arange(len(answered)), answered]
    if probabilities is not None:
        columns |= {f"probability_{name}": values for name, values in zip(names, probabilities.T, strict=True)}
    return columns
