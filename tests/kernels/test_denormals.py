"""Denormals are zero while a training runs, and are themselves again afterwards."""

import platform
from typing import Any

import numpy as np
import pytest

KNOWN = platform.machine().lower() in ("x86_64", "amd64", "arm64", "aarch64")


@pytest.mark.needs_compiler
@pytest.mark.skipif(not KNOWN, reason=f"on {platform.machine()} denormals are kept")
def test_they_are_zero_between_the_two_calls() -> None:
    import numba

    from fastnet_kernels.jit.denormals import flush_denormals, restore

    def halve(x: Any, out: Any) -> None:
        state = flush_denormals()
        for i in range(x.size):
            out[i] = x[i] * np.float32(0.5)
        restore(state)

    x, out = np.full(50, np.finfo(np.float32).tiny), np.empty(50, np.float32)
    numba.njit(halve)(x, out)
    np.testing.assert_array_equal(out, 0)
    assert (x * np.float32(0.5) > 0).all()


@pytest.mark.needs_compiler
def test_a_training_leaves_the_thread_as_it_was() -> None:
    import fastnet as fn

    X = np.random.default_rng(0).normal(size=(20, 3))
    network = fn.Network([fn.Dense(1)], input_shape=(3,), loss="mean_squared_error")
    network.fit(X, X[:, 0], epochs=2)
    tiny = np.full(50, np.finfo(np.float32).tiny)
    assert (tiny * np.float32(0.5) > 0).all()


def test_without_the_compiler_nothing_changes() -> None:
    from fastnet_kernels.jit.denormals import flush_denormals, restore

    restore(flush_denormals())
    tiny = np.full(50, np.finfo(np.float32).tiny)
    assert (tiny * np.float32(0.5) > 0).all()
