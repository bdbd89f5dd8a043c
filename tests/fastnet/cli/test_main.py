"""The group of verbs: help, version, and what an error, a warning and Ctrl-C look like."""

import subprocess
import sys
import warnings

import click
import pytest
from click.testing import CliRunner

import fastnet
from fastnet.cli import main as entry
from fastnet.cli.main import VERBS, cli
from fastnet.errors import DataError, DivergenceError

from .conftest import Run


def raising(error: BaseException) -> click.Command:
    """A verb that only raises."""

    @click.command("verb")
    def verb() -> None:
        raise error

    return verb


def run_verb(verb: click.Command, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of a verb put in the place of ``check``."""
    monkeypatch.setattr(type(cli), "get_command", lambda *_: verb)
    result = CliRunner().invoke(cli, ["check"], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_help_names_every_verb(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    for verb, what in VERBS.items():
        assert verb in result.stdout
        assert what in result.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(run: Run, verb: str) -> None:
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: cli {verb}")
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_version(run: Run) -> None:
    assert run("--version").stdout.split()[-1] == fastnet.__version__


def test_unknown_verb_is_wrong_usage(run: Run) -> None:
    result = run("trian")
    assert result.exit_code == 2
    assert "trian" in result.stderr


@pytest.mark.parametrize(("error", "code"), [(DataError("a\nb"), 1), (DivergenceError("a\nb"), 3)])
def test_error_is_one_line_and_its_exit_code(error: Exception, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_verb(raising(error), monkeypatch) == (code, "", "fastnet: error: a\\nb\n")


def test_lack_of_memory_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, stderr = run_verb(raising(MemoryError("8 TiB")), monkeypatch)
    assert (code, stderr.count("\n")) == (1, 1)
    assert "8 TiB" in stderr


def test_interrupt_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_verb(raising(KeyboardInterrupt()), monkeypatch) == (130, "", "fastnet: interrupted\n")


def test_unexpected_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        run_verb(raising(ZeroDivisionError()), monkeypatch)


def test_warning_of_the_kernels_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command("verb")
    def verb() -> None:
        warnings.warn_explicit(
            "no cache", RuntimeWarning, "fastnet_kernels/jit/compiler.py", 1, module="fastnet_kernels.jit.compiler"
        )

    assert run_verb(verb, monkeypatch) == (0, "", "fastnet: warning: no cache\n")


def test_other_warnings_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command("verb")
    def verb() -> None:
        warnings.warn("something else", UserWarning, stacklevel=1)

    with pytest.warns(UserWarning, match="something else"):
        run_verb(verb, monkeypatch)


def test_entry_point_exits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["anything", "--help"])
    with pytest.raises(SystemExit) as ended:
        entry()
    assert ended.value.code == 0
    assert "Usage: fastnet " in capsys.readouterr().out


def test_command_line_itself_needs_no_numpy() -> None:
    # `import fastnet` aside, which is for another test: the group must not import a verb.
    program = (
        "import sys; from fastnet.cli.main import cli\n"
        "try: cli(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith('fastnet.cli.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['fastnet.cli.main']"


def test_help_on_training_needs_nothing_that_trains() -> None:
    program = (
        "import sys; from fastnet.cli.main import cli\n"
        "try: cli(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = ['fastnet.network', 'fastnet.model', 'fastnet.training', 'h5py', 'pyarrow', 'rich', 'numba']\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "--learning-rate" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
