"""Draws what ``bench/compare.py --out FILE.json`` wrote: ``python bench/figure.py FILE.json``.

``FILE-ratios.svg``: how many times longer than ours each peer takes. ``FILE-growth.svg``: the time of a step against
width, depth, batch and samples, if ``--growth`` measured it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from compare import fastest, ratio, step_seconds
from matplotlib.figure import Figure
from peers import CONTESTANTS, OURS, PEERS
from peers.growth import ALL, GROWTH, SERIES, amount
from workloads import WORKLOADS

COLOURS = dict(zip(CONTESTANTS, ("black", "#e69f00", "#d55e00", "#cc79a7", "#0072b2", "#009e73"), strict=True))


def ratios(measurements: list[dict[str, Any]]) -> Figure:
    """Bars of the peers' times over ours, a group for each workload."""
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(PEERS)
    for offset, (peer, entry) in enumerate(PEERS.items()):
        places, heights = [], []
        for place, measured in enumerate(measurements):
            ours = fastest(measured["results"], [OURS])
            height = ratio(fastest(measured["results"], [peer], ours), ours)
            if height is not None:
                places.append(place - 0.4 + (offset + 0.5) * width)
                heights.append(height)
        axes.bar(places, heights, width, label=entry.label, color=COLOURS[peer])
    axes.axhline(1, color=COLOURS[OURS], linewidth=1, label=CONTESTANTS[OURS].label)
    axes.set_yscale("log")
    axes.set_ylabel("time of a step / fastnet's")
    axes.set_xticks(range(len(measurements)), [measured["workload"] for measured in measurements], rotation=20)
    axes.legend(ncols=3, fontsize="small")
    return figure


def growth(measurements: list[dict[str, Any]]) -> Figure:
    """The time of a step, in four log-log panels."""
    figure = Figure(figsize=(10, 7), layout="constrained")
    panels = figure.subplots(2, 2, sharey=True)
    for axes, series in zip(panels.flat, SERIES, strict=True):
        points = [m for m in measurements if m["workload"].startswith(f"{series}-")]
        for contestant, entry in CONTESTANTS.items():
            line = [
                (amount(series, ALL[m["workload"]]), 1e6 * step_seconds(best))
                for m in points
                if (best := fastest(m["results"], [contestant])) is not None
            ]
            if line:
                axes.loglog(*zip(*sorted(line), strict=True), marker="o", label=entry.label, color=COLOURS[contestant])
        axes.set_xlabel(series)
        axes.set_ylabel("µs a step")
        axes.grid(alpha=0.3)
    panels[0, 0].legend(fontsize="small")
    figure.suptitle("64-64-64-10, batch 64, Adam, 2048 samples, one of them growing")
    return figure


def main(path: Path) -> None:
    """Draw the figures that the file has measurements for, beside it."""
    mpl.rcParams["svg.hashsalt"] = "fastnet"
    measurements = json.loads(path.read_text(encoding="utf-8"))["measurements"]
    for kind, draw, names in (("ratios", ratios, WORKLOADS), ("growth", growth, GROWTH)):
        chosen = [measured for measured in measurements if measured["workload"] in names]
        if chosen:
            target = path.with_name(f"{path.stem}-{kind}.svg")
            draw(chosen).savefig(target, metadata={"Date": None})
            print(target)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python bench/figure.py FILE.json, FILE.json from bench/compare.py --out")
    main(Path(sys.argv[1]))
