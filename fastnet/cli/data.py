"""``fastnet data``: what is done with data files beside training on them, one verb a file."""

import click

from .main import LazyGroup

VERBS: dict[str, str] = {}


@click.group(cls=LazyGroup, verbs=VERBS, prefix="data_")
def data() -> None:
    """Work with data files."""
