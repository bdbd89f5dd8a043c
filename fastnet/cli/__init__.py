"""The command line: one short file for each verb. Only this folder prints."""

from .main import cli


def main() -> None:
    """Run the command line with the process's arguments and exit with its code."""
    cli(prog_name="fastnet")
