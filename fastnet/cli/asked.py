"""What options ask for together: whether it makes sense, and whether a flag or the configuration file is to blame."""

from pathlib import Path

import click
from click.core import ParameterSource

from ..data import BUILT_IN
from ..errors import ConfigurationError
from .misfits import misfits
from .settings import OF_THE_LAYERS, Settings


def check_options(ctx: click.Context, settings: Settings, config: Path | None) -> None:
    """Refuse what cannot be trained, before anything is read.

    Raises
    ------
    click.UsageError
        If a flag does not suit the others.
    ConfigurationError
        If a value of the configuration file does not, or it names data that are not there.
    """
    misfit = next(misfits(settings), None)
    if misfit is not None:
        name, sentence = misfit
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT_MAP:
            raise click.UsageError(sentence, ctx)
        raise ConfigurationError(f"{config}: {sentence}")
    for name in OF_THE_LAYERS:
        if settings.base is not None and ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
            flag = name.replace("_", "-")
            raise click.UsageError(f"--from keeps the layers that the model has; leave --{flag} out", ctx)
    for name, value in (("data", settings.data), ("test", settings.test)):
        from_file = ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP
        if from_file and value is not None and value not in BUILT_IN and not Path(value).exists():
            raise ConfigurationError(
                f"{config}: {name} leads to {value}, where there is no file or folder; give a path that starts in the "
                f"configuration's own folder, or one of {', '.join(BUILT_IN)}"
            )
