"""Configuration files: flag, then file, then default. Values of a file are read as if they had been typed as flags."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..errors import ConfigurationError
from ..validation import choice

PATHS = ("data", "test", "base")
"""The settings that may name a file, which is looked for from the configuration's own folder."""


def use_file(ctx: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """Callback of ``--config``: the file's values become the defaults of the command's other options.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, is not TOML, has an unknown key or a value that its option would not take.
    """
    if path is not None:
        ctx.default_map = read(path, ctx)
    return path


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    callback=use_file,
    metavar="FILE",
    help="TOML with values for the options of train; a flag goes before it.",
)


def read(path: Path, ctx: click.Context) -> dict[str, str]:
    """The file's values by option, as texts that the options accept; relative paths start in the file's folder."""
    from ..data import names_data
    from .settings import OPTIONS

    options = {option.name: option for option in ctx.command.params if option.name in OPTIONS}
    flags = {flag.lstrip("-") for option in ctx.command.params if option.name not in OPTIONS for flag in option.opts}
    given: dict[str, str] = {}
    for key, value in _load(path).items():
        if key in flags:
            raise ConfigurationError(f"{path}: {key!r} is for the command line only; give it there, as --{key}")
        try:
            name = choice("a key", key.replace("-", "_"), OPTIONS)
            given[name] = as_typed(value)
            is_path = name in PATHS or (name == "y" and given[name].lower().endswith(".npy"))
            if is_path and not names_data(given[name], path.parent):
                given[name] = str(path.parent / given[name])
            options[name].type.convert(given[name], options[name], ctx)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from None
        except click.BadParameter as error:
            raise ConfigurationError(f"{path}: {key}: {error.message.rstrip('.')}; correct the value") from None
    return given


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: the configuration cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path}: the configuration is not TOML ({error}); write one `name = value` a line, text in quotation marks"
        ) from None


def as_typed(value: Any) -> str:
    """The text a user would type for a TOML value, so that 1.5 epochs are refused in a file as they are in a flag."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(as_typed(part) for part in value)
    return str(value)


def to_toml(values: Mapping[str, Any]) -> str:
    """Plain values, one a line, as TOML."""
    return "".join(f"{name} = {_literal(value)}\n" for name, value in values.items())


def _literal(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_literal(part) for part in value)}]"
    if isinstance(value, str):
        # JSON's text is TOML's, but for the one control character that JSON does not escape.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return as_typed(value)
