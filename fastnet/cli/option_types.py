"""What an option may be: sizes, names, numbers within bounds, pieces of a schedule."""

import math
from itertools import pairwise
from typing import Any

import click

from ..errors import ConfigurationError
from ..validation import size_in_bytes

MOST_UNITS = 1_000_000


class Layers(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions of click
    """Sizes of hidden layers, such as ``20,7,5``; an empty text is no hidden layer."""

    name = "sizes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The sizes as a tuple."""
        if isinstance(value, tuple):
            return value
        sizes = []
        for part in str(value).split(",") if str(value).strip() else []:
            size = part.strip()
            if not (size.isascii() and size.isdigit() and 1 <= int(size) <= MOST_UNITS):
                self.fail(
                    f"{value!r} is not a list of whole numbers from 1 to {MOST_UNITS}, such as 20,7,5", param, ctx
                )
            sizes.append(int(size))
        return tuple(sizes)


class NameOrOwn(click.Choice):  # type: ignore[type-arg]  # as above
    """One of some names, or a name that the user may have given to something of their own."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name; whether one of the user's own is known is seen later."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            if value == "softmax" or not str(value).isidentifier():
                raise
            return value


class Names(click.ParamType):  # type: ignore[type-arg]  # as above
    """Names such as ``f1,roc_auc``."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names as a tuple."""
        if isinstance(value, tuple):
            return value
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


class Whole(click.IntRange):
    """A whole number within bounds, or one word that stands for another."""

    def __init__(self, at_least: int, at_most: int | None = None, word: str | None = None) -> None:
        super().__init__(min=at_least, max=at_most)
        self._word = word
        bounds = f"of at least {at_least}" if at_most is None else f"from {at_least} to {at_most}"
        self._expected = f"a whole number {bounds}" + (f", or {word}" if word else "")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or the word."""
        if value == self._word:
            return value
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"must be {self._expected}, not {value!r}", param, ctx)


class Every(click.ParamType):  # type: ignore[type-arg]  # as above
    """How often something is done: so many epochs, or seconds as ``30s``."""

    name = "every"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """The epochs, or the seconds as they were given."""
        from ..saving import checked_every  # here, so that --help does not load what a training keeps

        asked: int | str = int(value) if str(value).isdecimal() else str(value)
        try:
            checked_every(asked)
        except ConfigurationError:
            self.fail(f"must be a number of epochs, such as 10, or of seconds, such as 30s, not {value!r}", param, ctx)
        return asked


class Number(click.FloatRange):
    """A float within bounds that is neither NaN nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        try:
            number = super().convert(value, param, ctx)
        except click.BadParameter:
            number = math.nan
        if not math.isfinite(number):
            least = f"above {self.min:g}" if self.min_open else f"of at least {self.min:g}"
            most = "" if self.max is None else f" and below {self.max:g}"
            self.fail(f"must be a number {least}{most}, not {value!r}", param, ctx)
        return number


class Amount(click.ParamType):  # type: ignore[type-arg]  # as above
    """An amount of memory such as ``500MB``; kept as text, as a file has it."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text."""
        try:
            size_in_bytes("it", str(value))
        except ConfigurationError:
            self.fail(f"must be an amount such as 500MB or 2GiB, not {value!r}", param, ctx)
        return str(value)


class Pieces(click.ParamType):  # type: ignore[type-arg]  # as above
    """A learning rate from a count on, and so on, such as ``30:0.01,60:0.001``; kept as texts, as a file has them."""

    name = "pieces"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """One text a piece."""
        if isinstance(value, tuple):
            return value
        texts = tuple(part.strip() for part in str(value).split(",") if part.strip())
        try:
            pieces = [parsed_piece(text) for text in texts]
        except ValueError:
            pieces = [(0, math.nan)]
        counts, rates = [0, *(count for count, _ in pieces)], [rate for _, rate in pieces]
        if not all(a < b for a, b in pairwise(counts)) or not all(math.isfinite(rate) and rate >= 0 for rate in rates):
            self.fail(
                f"{value!r} is not a list of rising whole numbers from 1 on with a learning rate of at least 0 each, "
                "such as 30:0.01,60:0.001",
                param,
                ctx,
            )
        return texts


def parsed_piece(text: str) -> tuple[int, float]:
    """The count and the rate of ``30:0.01``."""
    count, _, rate = text.partition(":")
    return int(count), float(rate)


class Size(click.ParamType):  # type: ignore[type-arg]  # as above
    """A width and a height such as ``64x48``, or one number for both."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """The width and the height."""
        if isinstance(value, tuple):
            return value
        parts = str(value).lower().replace("x", ",").split(",")
        try:
            numbers = [int(part) for part in parts]
        except ValueError:
            numbers = []
        if len(numbers) not in (1, 2) or not all(1 <= number <= 65535 for number in numbers):
            self.fail(
                f"{value!r} is no size; give a number of pixels such as 64, or width and height as in 64x48", param, ctx
            )
        return numbers[0], numbers[-1]
