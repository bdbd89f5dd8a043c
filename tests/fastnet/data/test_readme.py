"""The Python in the README runs as it stands."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from fastnet.cli.main import cli

README = Path(__file__).resolve().parents[3] / "README.md"


def python_blocks() -> list[str]:
    """What stands between the fences."""
    return re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.needs_compiler
def test_python_blocks_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = python_blocks()
    names: dict[str, Any] = {}
    exec(compile(first, "README.md", "exec"), names)
    assert names["net"].evaluate(names["X"], names["y"])["accuracy"] > 0.8
    exec(compile(second, "README.md", "exec"), names)
    assert names["accuracy"] > 0.9
    assert np.mean(names["names"] == names["test"].y.astype(str)) == pytest.approx(names["accuracy"])
    result = CliRunner().invoke(cli, ["evaluate", "digits.h5", "digits"])
    assert f"accuracy {names['accuracy']:.2%}" in result.stdout
