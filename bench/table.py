"""Prints the speed-up tables: ``python bench/table.py FILE``, FILE from ``pytest bench --benchmark-json=FILE``."""

import json
import statistics
import sys
from pathlib import Path
from typing import Any


def trainings(results: list[dict[str, Any]]) -> list[str]:
    """Rows of the trainings' table, in Markdown."""
    rows = [
        "| training | reference, µs a step | jit, µs a step | times faster | jit's first run, s | final losses |",
        "|---|---|---|---|---|---|",
    ]
    for info in results:
        seconds = info["seconds"]
        step = {side: 1e6 * statistics.median(times) / info["steps"] for side, times in seconds.items()}
        # A ratio of neighbours in time, so that a machine whose speed drifts does not count.
        ratio = statistics.median(r / j for r, j in zip(seconds["reference"], seconds["jit"], strict=True))
        losses = " / ".join(f"{info['final_loss'][side]:.5f}" for side in ("reference", "jit"))
        rows.append(
            f"| {info['name']} | {step['reference']:.1f} | {step['jit']:.1f} | {ratio:.1f} "
            f"| {info['cold_seconds']['jit']:.2f} | {losses} |"
        )
    return rows


def kernels(results: list[dict[str, Any]]) -> list[str]:
    """Rows of the kernels' table, in Markdown."""
    medians: dict[str, dict[str, float]] = {}
    for info in results:
        medians.setdefault(info["name"], {})[info["side"]] = 1e6 * info["median"]
    rows = ["| kernel | reference, µs | jit, µs | times faster |", "|---|---|---|---|"]
    for name, times in medians.items():
        if {"reference", "jit"} <= times.keys():
            ratio = times["reference"] / times["jit"]
            rows.append(f"| {name} | {times['reference']:.1f} | {times['jit']:.1f} | {ratio:.1f} |")
    return rows


def parts(results: list[dict[str, Any]]) -> list[str]:
    """Rows of the table of what networks are put together from, in Markdown."""
    rows = ["| part | jit, µs | beside, µs | which is | times faster |", "|---|---|---|---|---|"]
    for info in results:
        ours, other = (1e6 * statistics.median(info["seconds"][side]) for side in ("jit", info["beside"]))
        rows.append(f"| {info['name']} | {ours:.1f} | {other:.1f} | {info['beside']} | {info['ratio']:.1f} |")
    return rows


def optimizers(results: list[dict[str, Any]]) -> list[str]:
    """Rows of the optimizers' table, in Markdown."""
    rows = ["| optimizer | update, µs | GB/s | Adam's GB/s beside it | of Adam's rate |", "|---|---|---|---|---|"]
    for info in results:
        rates = info["bytes_per_second"]
        rows.append(
            f"| {info['name']} | {1e6 * statistics.median(info['seconds']['jit']):.0f} "
            f"| {rates['jit'] / 1e9:.1f} | {rates['adam'] / 1e9:.1f} | {info['ratio']:.2f} |"
        )
    return rows


def estimators(results: list[dict[str, Any]]) -> list[str]:
    """Rows of the table of fits beside scikit-learn's own, in Markdown."""
    rows = ["| table | ours, ms | scikit-learn's, ms | times faster | final losses |", "|---|---|---|---|---|"]
    for info in results:
        # The first round is a warm-up.
        ours, theirs = (1e3 * statistics.median(info["seconds"][side][1:]) for side in ("ours", "scikit-learn"))
        losses = " / ".join(f"{statistics.mean(info['losses'][side]):.4f}" for side in ("ours", "scikit-learn"))
        rows.append(f"| {info['name']} | {ours:.1f} | {theirs:.1f} | {info['ratio']:.1f} | {losses} |")
    return rows


TABLES = {
    "training": trainings,
    "kernel": kernels,
    "part": parts,
    "optimizer": optimizers,
    "sklearn": estimators,
}
"""By kind of result."""


def main(path: Path) -> None:
    """Print the tables and the machine they were measured on."""
    report = json.loads(path.read_text(encoding="utf-8"))
    results = [
        {**benchmark["extra_info"], "median": benchmark["stats"]["median"]} for benchmark in report["benchmarks"]
    ]
    machine = report["machine_info"]
    print(
        f"{machine['cpu'].get('brand_raw', machine['processor'])}, {machine['cpu'].get('count')} cores, "
        f"Python {machine['python_version']}; medians\n"
    )
    for kind, rows in TABLES.items():
        chosen = [result for result in results if result["kind"] == kind]
        if chosen:
            print("\n".join(rows(chosen)), end="\n\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
