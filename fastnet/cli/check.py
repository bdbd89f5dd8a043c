"""``fastnet check``: every kernel of both sides beside the same computation in float64."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .. import __version__
from .output import Printer, counted, json_text, table

if TYPE_CHECKING:
    from fastnet_kernels.check import Result

HEADER = ("kernel", "dtype", "compared", "reference", "jit", "of its limit", "ok")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with every comparison instead.")
@click.pass_context
def check(ctx: click.Context, /, as_json: bool) -> None:
    """Compare every fast kernel with its readable twin on this machine.

    Both sides run over regular, odd and smallest shapes in float32 and float64. The table shows the largest error of
    each in units of rounding, and how much of what rounding may cause the worst comparison took. The exit code is 1
    if any error is larger than that.
    """
    # The check takes no user data, but its kernels are compiled, and that takes seconds to import.
    from fastnet_kernels.check import check as run_check

    say = Printer(quiet=as_json)
    say("every kernel of both sides, in units of rounding (the first time, the jit kernels are compiled) ...\n")
    say.close()
    results = list(run_check())
    for line in table(HEADER, grouped(results)):
        say(line)
    wrong = [result for result in results if not result.ok]
    for result in wrong:
        errors = f"reference {result.reference:.3g}, jit {result.jit:.3g}, limit {result.limit:.3g}"
        say(f"out of its limit: {result.kernel}, {result.case}, {result.dtype}: {errors}")
    say(f"\n{counted(len(results), 'comparison')}, {len(wrong) or 'none'} out of its limit")
    if as_json:
        rows = [{**asdict(result), "ok": result.ok} for result in results]
        say.write(json_text({"version": __version__, "ok": not wrong, "results": rows}))
    say.close()
    if wrong:
        ctx.exit(1)


def grouped(results: Iterable["Result"]) -> list[tuple[str, ...]]:
    """One row for each kernel and dtype."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.kernel, result.dtype), []).append(result)
    return [
        (
            kernel,
            dtype,
            str(len(group)),
            f"{max(result.reference for result in group):.3g}",
            f"{max(result.jit for result in group):.3g}",
            f"{max(_share(result) for result in group):.0%}",
            "yes" if all(result.ok for result in group) else "NO",
        )
        for (kernel, dtype), group in sorted(groups.items())
    ]


def _share(result: "Result") -> float:
    largest = max(result.reference, result.jit)
    if not largest:
        return 0.0
    return largest / result.limit if result.limit else float("inf")
