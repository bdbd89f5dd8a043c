"""What the compiler made: kept on disk under the right key, by processes and threads at once, whatever a disk does."""

import errno
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.needs_compiler

TRAIN = "from fastnet_kernels.jit.engine import compiled; f = compiled('predict', 'float32'); "
COUNTS = "print(sum(f.stats.cache_hits.values()), sum(f.stats.cache_misses.values()))"


def start(code: str, folder: Path, **settings: str) -> subprocess.Popen[str]:
    """Run Python with the kernels' cache in ``folder``."""
    environment = {**os.environ, "FASTNET_CACHE_DIR": str(folder), **settings}
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
def test_where_numba_is_told_to_use_no_avx(tmp_path: Path) -> None:
    """What has no such instructions must not be given them: LLVM would end the process."""
    code = "import fastnet as fn, numpy as np; X = np.ones((64, 64), np.float32); "
    code += "network = fn.Network([fn.Dense(40)], input_shape=64, loss='mean_squared_error'); "
    code += "network.fit(X, X[:, :40], epochs=1); print(True)"
    assert finish(start(code, tmp_path, NUMBA_ENABLE_AVX="0"))[0] == "True"


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_a_warning_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "kernels").write_text("a file where the folder should be")
    out, errors = finish(start(TRAIN + "print(len(f.signatures))", tmp_path))
    assert out == "1"
    assert "cannot be kept in" in errors
    assert "FASTNET_CACHE_DIR" in errors


def test_the_key_changes_with_any_kernel_source_with_numba_and_with_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        # What Numba would look at beside: a second compilation in a sealed folder breaks its seal.
        os.utime(package / "jit" / "dense.py", (0, 0))
        keys.append(key())
        shutil.copytree(package, tmp_path / "elsewhere" / "fastnet_kernels")
        with monkeypatch.context() as place:
            place.setattr(compiler, "__file__", str(tmp_path / "elsewhere" / "fastnet_kernels" / "jit" / "compiler.py"))
            keys.append(key())
        monkeypatch.setattr(sys.implementation, "cache_tag", "cpython-399")
        keys.append(key())
        monkeypatch.setattr("numba.__version__", "0.0")
        keys.append(key())
        assert len(set(keys)) == len(keys)
    finally:
        compiler.cache_folder.cache_clear()


def twice(x: float) -> float:
    """Something that compiles at once."""
    return x + x


def thrice(x: float) -> float:
    return x + x + x


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that entry points are kept in."""
    from fastnet_kernels.jit import compiler

    monkeypatch.setattr(compiler, "cache_folder", lambda: tmp_path)
    return tmp_path


def hits_and_misses(function: Any, name: str) -> tuple[int, int]:
    """What compiling, or loading, the function cost; that it is right is seen to here."""
    import numba

    from fastnet_kernels.jit.compiler import entry_point

    before = numba.config.CACHE_DIR
    entry: Any = entry_point(function, numba.float64(numba.float64), name)
    assert entry(21.0) == function(21.0)
    assert before == numba.config.CACHE_DIR
    return sum(entry.stats.cache_hits.values()), sum(entry.stats.cache_misses.values())


LOADED, COMPILED = (1, 0), (0, 1)


def damaged(content: bytes, how: str) -> bytes:
    if how == "flipped":
        middle = len(content) // 2
        return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
    return {"emptied": b"", "truncated": content[: len(content) // 2], "lengthened": content + b"\0"}[how]


@pytest.mark.parametrize("how", ["truncated", "emptied", "flipped", "lengthened", "lost"])
@pytest.mark.parametrize("which", ["*.nbc", "*.nbi", "seal.sha256"])
def test_a_damaged_cache_is_thrown_away_and_compiled_again(which: str, how: str, cache: Path) -> None:
    """Broken machine code would take the process down, so nothing damaged may be loaded."""
    assert hits_and_misses(twice, "twice") == COMPILED
    assert hits_and_misses(twice, "twice") == LOADED
    (file,) = cache.rglob(which)
    if how == "lost":
        file.unlink()
    else:
        file.write_bytes(damaged(file.read_bytes(), how))
    assert hits_and_misses(twice, "twice") == COMPILED
    assert hits_and_misses(twice, "twice") == LOADED
    assert [path.name for path in cache.iterdir()] == ["twice"]


def test_one_entry_point_s_damage_is_not_another_s(cache: Path) -> None:
    for function in (twice, thrice):
        assert hits_and_misses(function, function.__name__) == COMPILED
    (file,) = (cache / "twice").rglob("*.nbc")
    file.write_bytes(b"")
    assert hits_and_misses(thrice, "thrice") == LOADED
    assert hits_and_misses(twice, "twice") == COMPILED


@pytest.mark.parametrize("what", ["os.replace", "pathlib.Path.write_text", "pathlib.Path.rename"])
def test_a_full_disk_is_a_warning_and_the_code_is_right(
    what: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever write is the one too many: Numba's, the seal's or the last."""

    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(what, full)
        with pytest.warns(RuntimeWarning, match=f"cannot be kept in .*{re.escape(os.strerror(errno.ENOSPC))}"):
            assert hits_and_misses(twice, "twice") == COMPILED
    assert list(cache.iterdir()) == [], "it leaves half of something behind"
    assert hits_and_misses(twice, "twice") == COMPILED


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="only POSIX limits how large a file may grow")
def test_a_prediction_on_a_full_disk_goes_on(tmp_path: Path) -> None:
    code = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
import numpy as np, fastnet as fn
net = fn.Network([fn.Dense(1)], input_shape=2, loss="mean_squared_error")
print(len(net.predict(np.eye(2))))
"""
    out, errors = finish(start(code, tmp_path))
    assert out == "2"
    assert "cannot be kept in" in errors
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_threads_that_compile_at_once_leave_the_setting_as_it_was(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Numba caches is one setting for the whole process, and not ours."""
    import numba

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(cache / "somebody's"))
    functions = [twice, thrice]
    begin, right = threading.Barrier(2 * len(functions)), []

    def compile_one(function: Any) -> None:
        from fastnet_kernels.jit.compiler import entry_point

        begin.wait(timeout=60)
        for number in range(3):
            entry = entry_point(function, numba.float64(numba.float64), f"{function.__name__}-{number}")
            right.append(entry(2.0) == function(2.0))

    threads = [threading.Thread(target=compile_one, args=(function,), daemon=True) for function in functions * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive()
    assert right == [True] * 12
    assert str(cache / "somebody's") == numba.config.CACHE_DIR
    # Each in a folder of its own and whole.
    names = {f"{function.__name__}-{number}" for function in functions for number in range(3)}
    assert {path.name for path in cache.iterdir()} == names
    for name in names:
        assert len(list((cache / name).rglob("*.nbc"))) == 1
        function = twice if name.startswith("twice") else thrice
        assert hits_and_misses(function, name) == LOADED


def test_what_does_not_compile_leaves_the_setting_as_it_was(cache: Path) -> None:
    import numba

    from fastnet_kernels.jit.compiler import entry_point

    def wrong(x: Any) -> Any:
        return x + "text"

    before = numba.config.CACHE_DIR
    with pytest.raises(numba.TypingError):
        entry_point(wrong, numba.float64(numba.float64), "wrong")
    assert before == numba.config.CACHE_DIR
    assert list(cache.iterdir()) == []


def aged(folder: Path, days: float) -> Path:
    """The folder, last used so many days ago."""
    folder.mkdir(parents=True, exist_ok=True)
    then = time.time() - days * 24 * 60 * 60
    os.utime(folder, (then, then))
    return folder


@pytest.fixture
def version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of this version's entry points, where those of other versions are beside it."""
    from fastnet_kernels.jit import compiler

    folder = tmp_path / "kernels" / ("a" * 20)
    monkeypatch.setattr(compiler, "cache_folder", lambda: folder)
    return folder


def test_leftovers_are_swept_away_and_nothing_else(version: Path) -> None:
    assert hits_and_misses(thrice, "thrice") == COMPILED
    kept = {
        aged(version / "thrice", 400),
        aged(version / "train-float32-fresh", 0.9),
        aged(version.parent / ("b" * 20), 29),
        aged(version.parent / "somebody's", 400),
        aged(version.parent / ("c" * 19), 400),
    }
    file = version.parent / ("e" * 20)
    file.write_text("a file, where a version would be a folder")
    os.utime(file, (0, 0))
    killed, old = aged(version / "train-float32-killed" / "new", 2), aged(version.parent / ("d" * 20) / "train", 31)
    for inner in (killed, old):
        (inner / "half.nbc").write_bytes(b"half")
        aged(inner.parent, 31)
    aged(version, 400)
    assert hits_and_misses(twice, "twice") == COMPILED
    assert not killed.parent.exists()
    assert not old.parent.exists()
    assert [folder for folder in kept if not folder.exists()] == []
    assert file.exists()
    for function in (twice, thrice):
        assert hits_and_misses(function, function.__name__) == LOADED


def test_loading_sweeps_nothing(version: Path) -> None:
    assert hits_and_misses(twice, "twice") == COMPILED
    leftover = aged(version / "train-float32-killed", 2)
    assert hits_and_misses(twice, "twice") == LOADED
    assert leftover.exists()


def test_a_sweep_that_meets_errors_goes_on(version: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may sweep the same at the same time, and what belongs to another user cannot be removed."""
    stat, leftovers = Path.stat, [aged(version / name, 2) for name in ("first", "second", "third")]

    def refused(path: Path, **options: Any) -> os.stat_result:
        if path.name == "second":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return stat(path, **options)

    with monkeypatch.context() as files:
        files.setattr(Path, "stat", refused)
        assert hits_and_misses(twice, "twice") == COMPILED
    assert [folder.exists() for folder in leftovers] == [False, True, False]


def test_a_cache_that_is_cleared_while_a_process_runs_is_made_again(version: Path) -> None:
    import shutil

    assert hits_and_misses(twice, "twice") == COMPILED
    shutil.rmtree(version)
    assert hits_and_misses(twice, "twice") == COMPILED
    assert hits_and_misses(twice, "twice") == LOADED


def test_a_version_in_use_is_stamped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastnet_kernels.jit import compiler

    monkeypatch.setenv("FASTNET_CACHE_DIR", str(tmp_path))
    compiler.cache_folder.cache_clear()
    try:
        folder = compiler.cache_folder()
        assert folder is not None
        aged(folder, 400)
        compiler.cache_folder.cache_clear()
        assert compiler.cache_folder() == folder
        assert time.time() - folder.stat().st_mtime < 24 * 60 * 60
    finally:
        compiler.cache_folder.cache_clear()
