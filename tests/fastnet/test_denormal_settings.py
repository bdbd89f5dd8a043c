"""Settings too small for the model's type, which a training would take for zero."""

from typing import Any

import numpy as np
import pytest

import fastnet as fn


@pytest.mark.parametrize("backend", ["jit", "reference"])
@pytest.mark.parametrize(("name", "value"), [("epsilon", 1e-40), ("epsilon", 1e-60), ("learning_rate", 1e-40)])
def test_they_are_refused(name: str, value: float, backend: str) -> None:
    X = np.zeros((8, 2))
    network = fn.Network([fn.Dense(1)], input_shape=(2,), loss="mean_squared_error")
    options: dict[str, Any] = {name: value}
    with pytest.raises(fn.ConfigurationError, match=f"{name} {value:g} is 0 in float32; use a larger one or float64"):
        network.fit(X, X[:, 0], optimizer=fn.Adam(**options), epochs=1, backend=backend)
