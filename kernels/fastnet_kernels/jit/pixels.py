"""As in the reference, each row converted on its way into the batch."""

from .compiler import kernel
from .views import flat, row_block, vector


@kernel
def convert_pixels(batch, pixels, divisor):
    """One loop over all numbers, which vectorises whatever the width of a row."""
    number = batch.dtype.type
    out, given, divided_by = flat(batch), flat(pixels), number(divisor)
    for i in range(out.size):
        out[i] = number(given[i]) / divided_by


@kernel
def convert_columns(batch, pixels, start, divisor, first):
    n, wide = batch.shape[1], pixels.shape[1]
    for i in range(batch.shape[0]):
        given = vector(flat(pixels), (start + i) * wide + first, n)
        convert_pixels(vector(flat(batch), i * n, n), given, divisor)


@kernel
def gather_pixels(batch, pixels, order, start, divisor, first):
    for i in range(batch.shape[0]):
        convert_columns(row_block(batch, i, 1), pixels, order[start + i], divisor, first)
