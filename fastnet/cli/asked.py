"""What options ask for together: whether it makes sense, and whether a flag or the configuration file is to blame."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ..data import BUILT_IN, CATALOGUE, names_data
from ..errors import ConfigurationError
from .main import complain
from .misfits import misfits
from .settings import OF_THE_LAYERS, OF_THE_OPTIMIZER, Settings

OWNERS = {
    **dict.fromkeys(OF_THE_OPTIMIZER, ("optimizer",)),
    **dict.fromkeys(("decay", "interval", "pieces", "per"), ("schedule",)),
    **dict.fromkeys(("slope", "alpha"), ("activation",)),
    "nesterov": ("optimizer", "momentum"),
    "delta": ("loss",),
    "monitor": ("validation",),
}
"""What an option belongs to: with another one it may mean nothing."""


def check_options(ctx: click.Context, settings: Settings, config: Path | None) -> Settings:
    """Refuse what cannot be trained, before anything is read.

    Returns
    -------
    Settings
        Without what a flag has made meaningless of the configuration file, which is said.

    Raises
    ------
    click.UsageError
        If a flag does not suit the others.
    ConfigurationError
        If a value of the configuration file does not, or it names data that are not there.
    """
    options = {option.name: option for option in ctx.command.params}
    while (misfit := next(misfits(settings), None)) is not None:
        name, sentence = misfit
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT_MAP:
            raise click.UsageError(sentence, ctx)
        owners = OWNERS.get(name, ())
        owner = next((one for one in owners if ctx.get_parameter_source(one) is ParameterSource.COMMANDLINE), None)
        if owner is None:
            raise ConfigurationError(f"{config}: {sentence}")
        complain(f"fastnet: {config}: {name} is left out, which goes with another --{owner}")
        # Not get_default, which is the file's. Without one, click has a mark of its own there.
        default = options[name].default
        is_given = isinstance(default, (str, int, float))
        changed: dict[str, Any] = {name: options[name].type_cast_value(ctx, default) if is_given else None}
        settings = replace(settings, **changed)
    for name in OF_THE_LAYERS:
        if settings.base is not None and ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
            flag = name.replace("_", "-")
            raise click.UsageError(f"--from keeps the layers that the model has; leave --{flag} out", ctx)
    for name, value in (("data", settings.data), ("test", settings.test)):
        from_file = ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP
        if from_file and value is not None and not names_data(value) and not Path(value).exists():
            raise ConfigurationError(
                f"{config}: {name} leads to {value}, where there is no file or folder; give a path that starts in the "
                f"configuration's own folder, or one of {', '.join([*BUILT_IN, *CATALOGUE])}"
            )
    return settings
