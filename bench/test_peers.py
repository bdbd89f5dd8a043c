"""Every peer that is installed, beside ours, in a small run of one workload: that the comparison works and that all
compute the same. The comparison itself is ``python bench/compare.py``, on a quiet machine."""

from typing import Any

import ceiling
import pytest
from compare import ContestantFailedError, losses_agree, measure, process
from peers import CONTESTANTS, OURS, PEERS, refusal
from peers.growth import ALL
from workloads import WORKLOADS

NAMES = ("matexp", "tabular-norm-full")
"""Full batches: the losses have to agree."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("peer", PEERS)
def test_peer(benchmark: Any, peer: str, name: str) -> None:
    reason = refusal(peer, ALL[name])
    if reason is not None:
        pytest.skip(f"{CONTESTANTS[peer].label}: {reason}")
    measured = benchmark.pedantic(measure, (name, [OURS, peer], [1], 1, 0.0), rounds=1)
    for failed, why in measured["failures"].items():
        pytest.skip(f"{failed}: {why}")
    benchmark.group = f"peers, {name}"
    benchmark.extra_info.update(kind="peer", name=name, **measured)
    assert [result["contestant"] for result in measured["results"]] == [OURS, peer]
    assert losses_agree(measured)


@pytest.mark.parametrize("peer", PEERS)
def test_peer_trains_in_shuffled_batches(peer: str) -> None:
    reason = refusal(peer, WORKLOADS["digits"])
    if reason is not None:
        pytest.skip(f"{CONTESTANTS[peer].label}: {reason}")
    losses = {}
    for contestant in (OURS, peer):
        try:
            with process(contestant, "digits", 1) as worker:
                losses[contestant] = worker.ask(check=5)["loss"]
        except ContestantFailedError as error:
            pytest.skip(f"{CONTESTANTS[contestant].label}: {error}")
    # Another order of the samples moves the loss by about a hundredth; no training at all would by a tenth.
    assert losses[peer] == pytest.approx(losses[OURS], rel=0.02)


def test_ceiling_counts_a_workload_by_hand() -> None:
    workload = ALL["moons"]
    # 1000 samples in 32 steps; forward and dW of 2x16, 16x16 and 16x1, and dX of the last two.
    assert ceiling.multiply_adds(workload) == pytest.approx(1000 / 32 * (2 * 32 + 3 * 256 + 3 * 16))
    # 2x16 + 16, 16x16 + 16 and 16 + 1 parameters; Adam has two slots; all are read and written.
    assert ceiling.moved_bytes(workload) == pytest.approx(4 * 2 * 1000 / 32 + 2 * 4 * 3 * 337)
