"""As in the reference, each row converted on its way into the batch."""

from .compiler import kernel
from .views import flat, row_block


@kernel
def convert_pixels(batch, pixels, divisor):
    """One loop over all numbers, which vectorises whatever the width of a row."""
    number = batch.dtype.type
    out, given, divided_by = flat(batch), flat(pixels), number(divisor)
    for i in range(out.size):
        out[i] = number(given[i]) / divided_by


@kernel
def gather_pixels(batch, pixels, order, start, divisor):
    for i in range(batch.shape[0]):
        convert_pixels(row_block(batch, i, 1), row_block(pixels, order[start + i], 1), divisor)
