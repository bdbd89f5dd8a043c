"""Loading an engine before anything is timed, and saying so where it takes long."""

import threading

import click

from ..backends import engine

SECONDS_TO_LOAD = 2.0


def load_engine(backend: str, dtype: str, *entry_points: str) -> None:
    """Import an engine; compile what is wanted of the jit one for a dtype, or load it from its cache."""
    if backend == "reference":
        engine(backend)
        return
    notice = threading.Timer(SECONDS_TO_LOAD, _say_why_it_takes_long)
    notice.daemon = True
    notice.start()
    try:
        from fastnet_kernels.jit.engine import compiled

        for name in entry_points:
            compiled(name, dtype)
    finally:
        notice.cancel()


def _say_why_it_takes_long() -> None:
    click.echo("fastnet: compiling the kernels, which later runs on this machine find in a cache ...", err=True)
