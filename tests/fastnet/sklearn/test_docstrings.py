"""What both estimators have is said in the same words, at each where editors look for it; and all of it is said."""

import inspect
import re
from typing import Any

import pytest

from fastnet.sklearn import MLPClassifier, MLPRegressor


def entries(kind: Any, section: str) -> dict[str, str]:
    """The entries of a section of a docstring, by what stands before the colon."""
    text = inspect.cleandoc(kind.__doc__)
    body = re.split(r"\n\n?(?=[A-Z]\w+\n-+\n)", text.split(f"{section}\n{'-' * len(section)}\n")[1])[0]
    parts = re.split(r"\n(?=\S)", body.strip())
    return {part.partition(" : ")[0].partition("\n")[0]: part for part in parts}


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_every_parameter_is_described(kind: Any) -> None:
    described = ", ".join(entries(kind, "Parameters")).split(", ")
    assert sorted(described) == sorted(inspect.signature(kind).parameters)


@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
def test_the_same_words(section: str) -> None:
    mine, other = entries(MLPClassifier, section), entries(MLPRegressor, section)
    shared = set(mine) & set(other) - {"loss"}
    assert len(shared) > 5
    assert {name: mine[name] for name in shared} == {name: other[name] for name in shared}
    assert set(mine) ^ set(other) <= {"class_weight", "classes_"}


def test_the_same_defaults() -> None:
    mine, other = (inspect.signature(kind).parameters for kind in (MLPClassifier, MLPRegressor))
    shared = set(mine) & set(other) - {"loss"}
    assert {name: mine[name].default for name in shared} == {name: other[name].default for name in shared}
    assert set(mine) ^ set(other) == {"class_weight"}
