"""As in the reference."""

from .compiler import kernel
from .formula import elementwise
from .randomness import gaussian


@elementwise("out")
def _add(out, x):
    return out + x


@kernel
def noise_forward(out, x, deviation, seed, stream, step, first_row):
    gaussian(out, deviation, seed, stream, step, first_row)
    _add(out, x)


@elementwise("dx")
def noise_backward(dout):
    return dout
