"""The command line: one short file for each verb. Only this folder prints."""

from .main import INTERRUPTED, cli


def main() -> None:
    """Run the command line with the process's arguments and exit with its code."""
    from .signals import exit_at_once, heard_once

    with heard_once():
        try:
            cli(prog_name="fastnet")
        except SystemExit as ended:
            if ended.code == INTERRUPTED:
                # One more Ctrl-C while the interpreter shuts down would end it by the signal.
                exit_at_once()
            raise
