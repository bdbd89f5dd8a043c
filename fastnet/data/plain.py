"""Checks of the plain values that a model file holds, before anything is made of them."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from ..errors import ModelFileError


class PlainReader:
    """Takes entries of a mapping one by one, each checked for its type.

    Parameters
    ----------
    entries : mapping
        What was decoded from the file; nothing about it is trusted.
    known : tuple of str
        The entries there must be, and no others.
    optional : tuple of str
        Entries there may be beside them.

    Raises
    ------
    ModelFileError
        By every method: one sentence with the entry, what was expected and what was found.
    """

    def __init__(self, entries: Any, known: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        if not isinstance(entries, Mapping):
            raise ModelFileError(
                f"the model's data preparation should be a mapping, but is {_shown(entries)}; save the model again"
            )
        for name in known:
            if name not in entries:
                raise ModelFileError(
                    f"the model's data preparation has no entry '{name}'; the file is damaged or "
                    "was edited, so save the model again"
                )
        for name in entries:
            if name not in known and name not in optional:
                raise ModelFileError(
                    f"the model's data preparation has an entry {_shown(name)} that this version "
                    "does not know; update fastnet or save the model again"
                )
        self.entries: Mapping[str, Any] = entries

    def require(self, holds: bool, name: str, expected: str) -> None:
        """Refuse an entry unless a condition holds."""
        if not holds:
            raise ModelFileError(
                f"the model's data preparation: '{name}' should be {expected}, but is "
                f"{_shown(self.entries[name])}; the file is damaged or was edited"
            )

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of several words."""
        value = self.entries[name]
        self.require(isinstance(value, str) and value in choices, name, f"one of {choices}")
        return str(value)

    def text(self, name: str) -> str:
        """A text."""
        value = self.entries[name]
        self.require(isinstance(value, str), name, "text")
        return str(value)

    def truth(self, name: str) -> bool:
        """True or false."""
        value = self.entries[name]
        self.require(isinstance(value, bool), name, "true or false")
        return bool(value)

    def text_or_none(self, name: str) -> str | None:
        """A text, or nothing."""
        value = self.entries[name]
        self.require(value is None or isinstance(value, str), name, "text or null")
        return None if value is None else str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        values = self.entries_of(name)
        self.require(all(isinstance(value, str) for value in values), name, "a list of texts")
        return tuple(values)

    def sizes(self, name: str) -> tuple[int, ...]:
        """A list of positive integers, at least one."""
        values = self.entries_of(name)
        fine = bool(values) and all(_is_int(value) and value > 0 for value in values)
        self.require(fine, name, "a list of positive integers")
        return tuple(values)

    def number(self, name: str) -> float:
        """A finite number."""
        value = self.entries[name]
        self.require(_is_finite(value), name, "a finite number")
        return float(value)

    def number_or_none(self, name: str) -> float | None:
        """A finite number, or nothing."""
        return None if self.entries[name] is None else self.number(name)

    def numbers(self, name: str, *, positive: bool = False) -> tuple[float, ...]:
        """A list of finite numbers, of any length."""
        values = self.entries_of(name)
        self.require(all(map(_is_finite, values)), name, "a list of finite numbers")
        self.require(not positive or all(value > 0 for value in values), name, "a list of positive numbers")
        return tuple(float(value) for value in values)

    def labels(self, name: str) -> tuple[int | float | str, ...]:
        """A rising list of labels: all 64-bit integers, all finite numbers or all text."""
        values = self.entries_of(name)
        one_kind = (
            all(_is_int(value) and -(2**63) <= value < 2**63 for value in values)
            or all(isinstance(value, float) and math.isfinite(value) for value in values)
            or all(isinstance(value, str) for value in values)
        )
        rising = one_kind and all(a < b for a, b in pairwise(values))
        self.require(rising, name, "a rising list of labels of one type")
        return tuple(values)

    def entries_of(self, name: str) -> list[Any]:
        """A list of whatever."""
        values = self.entries[name]
        self.require(isinstance(values, list | tuple), name, "a list")
        return list(values)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond what a float holds
        return False


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print integers of many thousands of digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
