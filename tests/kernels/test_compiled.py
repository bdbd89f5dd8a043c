"""What the compiler made: kept on disk under the right key, by several processes at once, and free of allocations."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.needs_compiler

TRAIN = "from fastnet_kernels.jit.engine import compiled; f = compiled('predict', 'float32'); "
COUNTS = "print(sum(f.stats.cache_hits.values()), sum(f.stats.cache_misses.values()))"


def start(code: str, folder: Path) -> subprocess.Popen[str]:
    """Run Python with the kernels' cache in ``folder``."""
    environment = {**os.environ, "FASTNET_CACHE_DIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-W", "default", "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Its output and errors, once it ended well."""
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return out.strip(), errors


@pytest.mark.slow
def test_the_second_process_compiles_nothing_and_processes_that_start_together_are_right(tmp_path: Path) -> None:
    code = TRAIN + COUNTS
    together = [start(code, tmp_path) for _ in range(2)]
    assert {finish(process)[0] for process in together} <= {"0 1", "1 0"}
    assert finish(start(code, tmp_path)) == ("1 0", "")


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_a_warning_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "kernels").write_text("a file where the folder should be")
    out, errors = finish(start(TRAIN + "print(len(f.signatures))", tmp_path))
    assert out == "1"
    assert "cannot be kept in" in errors
    assert "FASTNET_CACHE_DIR" in errors


def test_the_key_changes_with_any_kernel_source_and_with_numba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    import fastnet_kernels
    from fastnet_kernels.jit import compiler

    package = tmp_path / "fastnet_kernels"
    shutil.copytree(Path(fastnet_kernels.__file__).parent, package)
    monkeypatch.setattr(compiler, "__file__", str(package / "jit" / "compiler.py"))
    monkeypatch.setenv("FASTNET_CACHE_DIR", str(tmp_path / "cache"))

    def key() -> str:
        compiler.cache_folder.cache_clear()
        folder = compiler.cache_folder()
        assert folder is not None
        return folder.name

    try:
        keys = [key()]
        assert key() == keys[0]
        for name in ("program.py", "jit/dense.py", "jit/engine.py", "reference/views.py"):
            source = package / name
            source.write_text(source.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
            keys.append(key())
        monkeypatch.setattr("numba.__version__", "0.0")
        keys.append(key())
        assert len(set(keys)) == len(keys)
    finally:
        compiler.cache_folder.cache_clear()


def inspected(entry_point: Any) -> list[str]:
    """The assembly of what was compiled in this process."""
    return list(entry_point.inspect_asm().values())


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_training_allocates_nothing(dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastnet_kernels.jit import compiler, engine

    # Code that comes from a cache cannot be looked at.
    monkeypatch.setattr(compiler, "cache_folder", lambda: tmp_path)
    assembly = "".join(inspected(engine.compiled.__wrapped__("train", dtype)))
    assert re.search(r"fastnet_[sd]gemm", assembly), "the products are not where this test looks"
    assert not re.findall(r"NRT_\w*[Aa]lloc\w*", assembly)
