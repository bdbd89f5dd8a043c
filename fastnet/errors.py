"""The errors a user can cause: each carries one sentence that names the thing, what was expected,
what was found and what to do."""

_LONGEST = 2000


def printable(text: str) -> str:
    """One line that a terminal shows as it is: what would move, colour or break it is escaped, and what is too long for
    anybody to read is left out of its middle. Messages quote files, and a file may hold anything.
    """
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 4 :]}"
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


class FastnetError(Exception):
    """Base of every error that fastnet raises on purpose; the CLI prints its sentence alone.

    Parameters
    ----------
    sentence : str
        It is made `printable`.

    Attributes
    ----------
    exit_code : int
        The exit code the command line gives for it.
    """

    exit_code = 1

    def __init__(self, sentence: str) -> None:
        super().__init__(printable(sentence))


class DataError(FastnetError, ValueError):
    """Data that cannot be read or used: a file, a column, a row, a label or an array's shape."""


class LostDataError(DataError):
    """A file that was trained on can no longer be read; the network has the weights of the last epoch that ended."""


class ConfigurationError(FastnetError, ValueError):
    """An architecture, option or parameter that does not make sense."""


class MissingActivationError(ConfigurationError):
    """A description names an activation of the user's own that was not given with it.

    Attributes
    ----------
    activation : str
    """

    def __init__(self, activation: str) -> None:
        super().__init__(
            f"the activation {activation!r} is one of the user's own, which a file does not hold; "
            "give it to fastnet.load again, as activations=[...]"
        )
        self.activation = activation


class ModelFileError(FastnetError, ValueError):
    """A model file that is missing, damaged, edited, or newer than this version."""


class CheckpointError(FastnetError, ValueError):
    """A checkpoint that is missing, damaged, edited, newer than this version, or of another training."""


class OutputError(FastnetError, OSError):
    """A file or folder that cannot be written, or that would be overwritten."""


class DivergenceError(FastnetError, ArithmeticError):
    """Training stopped because the loss was no longer a finite number."""

    exit_code = 3


class DataWarning(UserWarning):
    """Data that can be used, but not in full or not as somebody may expect: columns left out, texts never seen."""
