"""``python -m fastnet``: the command line."""

from .cli import main

main()
