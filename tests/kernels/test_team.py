"""A team's words: a number is taken once, and no part begins before the phases before it are finished."""

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

Counter = npt.NDArray[np.int64]
MORE_THAN_CORES = (os.cpu_count() or 1) + 2


def together(members: int, work: Callable[[int], None]) -> None:
    """Run ``work(rank)`` in so many threads; an error in one of them is an error here."""
    errors: list[BaseException] = []

    def safely(rank: int) -> None:
        try:
            work(rank)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=safely, args=(rank,), daemon=True) for rank in range(members)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "a member still waits"
    assert not errors, errors


def counter(parts: int) -> Counter:
    """As the engine makes it."""
    from fastnet_kernels.jit.team import counter_of

    made: Counter = counter_of(parts)
    return made


def phases(compiled: bool) -> Callable[..., int]:
    """A member that takes parts, phase after phase, from the one of its ``rank`` on: it notes each part as done, and
    counts the parts of the phase before that are not there yet."""
    from fastnet_kernels.jit.team import claim, finish, wait

    def member(counter: Any, done: Any, rank: int) -> int:
        parts, early = done.shape[1], 0
        for phase in range(done.shape[0]):
            while True:
                wait(counter, phase * parts)
                number = claim(counter, phase, parts, rank)
                if number < 0:
                    break
                if phase > 0:
                    for part in range(parts):
                        if done[phase - 1, part] != 1:
                            early += 1
                done[phase, number] += 1
                finish(counter)
        return early

    return decorated(member) if compiled else member


def takes(compiled: bool) -> Callable[..., None]:
    """A member that takes parts until all are gone and ticks each off, phase after phase without waiting."""
    from fastnet_kernels.jit.team import claim

    def member(counter: Any, taken: Any, rank: int) -> None:
        phases, parts = taken.shape
        for phase in range(phases):
            while True:
                part = claim(counter, phase, parts, rank)
                if part < 0:
                    break
                taken[phase, part] += 1

    return decorated(member) if compiled else member


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    import numba

    from fastnet_kernels.jit.compiler import FASTMATH

    compiled: Callable[..., Any] = numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH)(function)
    return compiled


both_ways = pytest.mark.parametrize(
    ("compiled", "much"),
    [pytest.param(True, 20_000, marks=pytest.mark.needs_compiler, id="compiled"), pytest.param(False, 30, id="python")],
)


@both_ways
@pytest.mark.parametrize("members", [1, 2, 3, MORE_THAN_CORES])
def test_no_part_begins_before_the_phases_before_it_are_finished(members: int, compiled: bool, much: int) -> None:
    from fastnet_kernels.jit.team import APART, FINISHED

    member, shared = phases(compiled), counter(members)
    # More members than cores have to hand their cores over at each phase.
    rounds = much if members <= 2 else max(much // 20, 10)
    member(counter(1), np.zeros((1, 1), np.int64), 0)  # compiles
    done, early = np.zeros((rounds, members), np.int64), np.zeros(members, np.int64)

    def work(rank: int) -> None:
        early[rank] = member(shared, done, rank)

    together(members, work)
    np.testing.assert_array_equal(early, 0)
    np.testing.assert_array_equal(done, 1)
    assert shared[FINISHED] == rounds * members
    assert list(shared[APART::APART]) == [rounds] * members


@both_ways
def test_a_member_that_sleeps_between_parts_is_not_waited_for(compiled: bool, much: int) -> None:
    """The others do its parts too; when it wakes, nothing is left to do."""
    member, shared = phases(compiled), counter(2)
    member(counter(1), np.zeros((1, 1), np.int64), 0)  # compiles
    done = np.zeros((much, 2), np.int64)
    for rank in (0, 1):
        assert member(shared, done, rank) == 0
        np.testing.assert_array_equal(done, 1)


@both_ways
@pytest.mark.parametrize("members", [1, 2, 3, MORE_THAN_CORES])
@pytest.mark.parametrize("parts", [1, 3])
def test_each_part_is_taken_once(parts: int, members: int, compiled: bool, much: int) -> None:
    member, shared = takes(compiled), counter(parts)
    member(counter(1), np.zeros((1, 1), np.int64), 0)  # compiles
    taken = [np.zeros((much, parts), np.int64) for _ in range(members)]
    together(members, lambda rank: member(shared, taken[rank], rank))
    total = np.sum(taken, axis=0)
    # Nobody waits here, so who is behind finds parts that were taken for a later phase.
    assert total.max() == 1
    np.testing.assert_array_equal(total[-1], 1)
    if members == 1:
        np.testing.assert_array_equal(total, 1)


@pytest.mark.needs_compiler
def test_the_test_sees_a_team_that_does_not_wait() -> None:
    """Members that take the next part at once are early."""
    from fastnet_kernels.jit.team import claim

    def careless(counter: Any, done: Any) -> int:
        early = 0
        for phase in range(done.shape[0]):
            if claim(counter, phase, 1, 0) == 0:
                if phase > 0 and done[phase - 1, 0] != 1:
                    early += 1
                done[phase, 0] += 1
        return early

    member, shared, done = decorated(careless), counter(1), np.zeros((2_000_000, 1), np.int64)
    member(counter(1), done[:1].copy())
    early = np.zeros(2, np.int64)

    def work(rank: int) -> None:
        early[rank] = member(shared, done)

    together(2, work)
    assert early.sum() > 0


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=pytest.mark.needs_compiler), False])
def test_a_member_takes_its_own_part_first_and_then_those_behind_it(compiled: bool) -> None:
    from fastnet_kernels.jit.team import claim

    def one(counter: Any, phase: int, parts: int, preferred: int) -> int:
        return claim(counter, phase, parts, preferred)

    take, shared = decorated(one) if compiled else one, counter(3)
    assert [take(shared, 7, 3, 1) for _ in range(4)] == [1, 2, 0, -1]
    # An earlier phase is over, whoever asks; in one of a single part there is no other.
    assert [take(shared, 6, 3, rank) for rank in range(3)] == [-1, -1, -1]
    assert [take(shared, 8, 1, 2) for _ in range(2)] == [0, -1]
    assert [take(shared, 9, 3, 2) for _ in range(4)] == [2, 0, 1, -1]
