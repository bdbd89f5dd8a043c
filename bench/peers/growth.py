"""Series of workloads in which one thing grows: width, depth, batch or samples."""

from dataclasses import replace

from workloads import CLASSES, WORKLOADS, Workload

import fastnet as fn

BASE = Workload((64, 64, 64, 10), "relu", CLASSES, 64, fn.Adam(), 2048, 1)
SERIES = {
    "width": [replace(BASE, sizes=(64, n, n, 10)) for n in (8, 32, 128, 512)],
    "depth": [replace(BASE, sizes=(64, *[64] * n, 10)) for n in (1, 2, 4, 8)],
    "batch": [replace(BASE, batch_size=n) for n in (4, 16, 64, 256, 1024)],
    "samples": [replace(BASE, samples=n) for n in (512, 2048, 8192, 32768)],
}


def amount(series: str, workload: Workload) -> int:
    """How much there is of what grows in the series."""
    amounts = {"width": workload.sizes[1], "depth": len(workload.sizes) - 2, "batch": workload.batch_size or 0}
    return amounts.get(series, workload.samples)


GROWTH = {f"{series}-{amount(series, point)}": point for series, points in SERIES.items() for point in points}
FULL_BATCH = {
    "tabular-norm-full": replace(
        WORKLOADS["tabular-norm"], batch_size=None, samples=32, epochs=10, optimizer=fn.SGD(learning_rate=0.1)
    )
}
"""Batch normalisation where all see the same batches, so that the losses have to agree. By SGD, since a bias before a
normalisation has no gradient but for roundings, and Adam makes whole steps of those; few samples, so that it counts
whether a running variance is divided by n or by n - 1."""
ALL = {**WORKLOADS, **GROWTH, **FULL_BATCH}
