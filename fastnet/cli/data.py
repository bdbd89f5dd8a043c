"""``fastnet data``: what is done with data files beside training on them, one verb a file."""

import click

from .main import LazyGroup

VERBS = {
    "describe": "Say what is in data: types, ranges, missing values, classes, duplicates.",
    "convert": "Write data to a file of another format.",
    "fetch": "Get a well-known data set, such as mnist.",
}


@click.group(cls=LazyGroup, verbs=VERBS, prefix="data_")
def data() -> None:
    """Work with data files."""
