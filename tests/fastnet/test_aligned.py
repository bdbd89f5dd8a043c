"""What kernels work on begins with a line of the cache."""

import math

import numpy as np
import pytest

import fastnet as fn
from fastnet.aligned import LINE, aligned


def start(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1,), (17,), (3, 5), (1000, 33)], ids=str)
def test_an_array_of_any_shape_begins_with_a_line(shape: tuple[int, ...], dtype: str) -> None:
    array = aligned(shape, dtype)
    assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert start(array) % LINE == 0
    array[...] = np.arange(math.prod(shape)).reshape(shape)
    assert array.ravel().tolist() == list(range(math.prod(shape)))


def test_arrays_do_not_overlap() -> None:
    arrays = [aligned((5,), "float32") for _ in range(50)]
    for value, array in enumerate(arrays):
        array[...] = value
    assert [array.tolist() for array in arrays] == [[value] * 5 for value in range(50)]


def test_parameters_do_too() -> None:
    networks = [fn.Network([fn.Dense(units)], input_shape=(3,), loss="mean_squared_error") for units in range(1, 9)]
    assert [start(network.parameters) % LINE for network in networks] == [0] * 8
