"""How many threads a training takes."""

import os

import numpy as np
import pytest

import fastnet as fn
from fastnet import threads
from fastnet.optimizers import Optimizer
from fastnet.threads import LIMITS, members_for, pool_for
from fastnet.training import Training
from fastnet.training.runner import COPIES, ROWS, SPLIT, Runner
from fastnet_kernels.machine import cores


@pytest.fixture(autouse=True)
def without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LIMITS:
        monkeypatch.delenv(name, raising=False)


def team_of(
    sizes: tuple[int, ...], rows: int, samples: int, optimizer: Optimizer, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """How many train a network of those sizes on a machine with two cores, and in which way."""
    monkeypatch.setattr(threads, "cores", lambda: 2)
    runners: list[Runner] = []
    monkeypatch.setattr(Training, "run", lambda training, _: runners.append(training.steps.runner))
    layers = [*(fn.Dense(units, activation="relu") for units in sizes[1:-1]), fn.Dense(sizes[-1])]
    network = fn.Network(layers, input_shape=sizes[0], loss="mean_squared_error")
    X, y = np.ones((samples, sizes[0]), np.float32), np.zeros((samples, sizes[-1]))
    network.fit(X, y, optimizer=optimizer, batch_size=rows, epochs=1000)
    return runners[0].members, runners[0].way


class TestMembers:
    HUGE = 10**12
    """Multiply-adds that make any step worth sharing."""

    @pytest.mark.parametrize(("threads", "rows", "members"), [(1, 9, 1), (2, 9, 2), (9, 9, 9), (10, 9, 9), (4, 1, 1)])
    def test_those_asked_for_but_no_more_than_rows(self, threads: int, rows: int, members: int) -> None:
        assert members_for(threads, rows, self.HUGE, 0) == members

    def test_small_work_stays_on_one(self) -> None:
        for asked in (None, 1, 2, 8):
            assert members_for(asked, 32, 3 * 32 * (17 * 16 + 33), 0) == 1
            assert members_for(asked, 1, 3, 0) == 1

    @pytest.mark.parametrize("asked", [None, 2, 8])
    def test_work_that_takes_many_numbers_from_core_to_core_stays_on_one(
        self, asked: int | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(threads, "cores", lambda: 8)
        work = threads.WORTH_A_THREAD + 1000 * threads.WORTH_A_NUMBER
        assert members_for(asked, 64, work, 1001) == 1
        assert members_for(asked, 64, work, 1000) == (asked or 8)

    @pytest.mark.parametrize(("machine", "rows", "members"), [(1, 64, 1), (2, 64, 2), (8, 64, 8), (8, 3, 3), (8, 1, 1)])
    def test_large_work_takes_the_cores_but_no_more_than_rows(
        self, machine: int, rows: int, members: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(threads, "cores", lambda: machine)
        assert members_for(None, rows, self.HUGE, 0) == members

    @pytest.mark.parametrize(
        ("said", "members"),
        [("1", 1), ("3", 3), ("99", 8), ("2,4", 2), (" 2 ", 2), ("0", 8), ("-1", 8), ("", 8), ("many", 8)],
    )
    @pytest.mark.parametrize("name", LIMITS)
    def test_the_environment_can_say_fewer(
        self, name: str, said: str, members: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(threads, "cores", lambda: 8)
        monkeypatch.setenv(name, said)
        assert members_for(None, 64, self.HUGE, 0) == members
        # Who asks for a number gets it.
        assert members_for(5, 64, self.HUGE, 0) == 5

    @pytest.mark.parametrize(
        ("sizes", "rows", "optimizer", "members"),
        [
            ((30, 64, 32, 1), 64, fn.Adam(), 1),
            ((30, 64, 32, 1), 256, fn.Adam(), 2),
            ((64, 64, 64, 10), 64, fn.Adam(), 1),
            ((64, 64, 64, 10), 128, fn.Adam(), 2),
            ((64, 128, 10), 64, fn.Adam(), 1),
            ((64, 128, 128, 10), 32, fn.Adam(), 1),
            ((64, 128, 128, 10), 128, fn.Adam(), 2),
            ((64, 32, 10), 256, fn.SGD(), 2),
            # The whole set, so read where it is.
            ((784, 128, 10), 16, fn.Adam(), 2),
            ((12288, 20, 7, 5, 1), 209, fn.Adam(), 2),
            # In sample space, where the first layer has one product in place of three.
            ((5000, 20, 7, 5, 1), 209, fn.SGD(), 1),
            ((5000, 20, 7, 1), 800, fn.SGD(), 2),
        ],
    )
    def test_the_networks_of_decision_26(
        self, sizes: tuple[int, ...], rows: int, optimizer: Optimizer, members: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert team_of(sizes, rows, rows, optimizer, monkeypatch)[0] == members

    @pytest.mark.parametrize(
        ("sizes", "rows", "members", "way"),
        [
            ((784, 128, 10), 8, 2, SPLIT),
            ((784, 128, 10), 128, 2, SPLIT),
            ((784, 128, 10), 4096, 2, COPIES),
            ((784, 32, 10), 16, 2, SPLIT),
            ((200, 64, 10), 32, 1, SPLIT),
            ((200, 64, 10), 64, 2, SPLIT),
            ((64, 32, 10), 64, 1, ROWS),
            ((64, 128, 128, 10), 128, 2, COPIES),
            ((3072, 64, 10), 64, 2, SPLIT),
            ((784, 512, 512, 10), 128, 2, SPLIT),
            ((64, 32, 10), 256, 2, COPIES),
            # Its first layer's sums are larger than a core's second cache.
            ((784, 1024, 1024, 10), 256, 2, ROWS),
        ],
    )
    def test_the_networks_of_decision_28(
        self, sizes: tuple[int, ...], rows: int, members: int, way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Which have more samples than a batch."""
        assert team_of(sizes, rows, 2 * rows, fn.Adam(), monkeypatch) == (members, way)

    def test_more_work_never_takes_fewer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(threads, "cores", lambda: 8)
        teams = [members_for(None, 64, work, 10_000) for work in np.geomspace(1, 1e9, 200).astype(int).tolist()]
        assert teams == sorted(teams)
        assert (teams[0], teams[-1]) == (1, 8)

    def test_a_prediction_starts_threads_only_where_they_pay(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(threads, "cores", lambda: 8)
        # As digits' validation is after each epoch: a step of training of that size is shared, by threads that run.
        assert (members_for(None, 180, 3 * 180 * 7510, 3 * 7510), pool_for(None, 7510, 180)) == (8, 1)
        assert (pool_for(None, 101_770, 10_000), pool_for(2, 101_770, 10_000)) == (8, 2)

    def test_the_cores_are_those_that_this_process_may_use(self) -> None:
        assert 1 <= cores() <= (os.cpu_count() or 1)
        if hasattr(os, "sched_getaffinity"):
            assert cores() == len(os.sched_getaffinity(0))
