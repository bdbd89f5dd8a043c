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


def counter() -> Counter:
    """As the engine makes it."""
    from fastnet_kernels.jit.team import FINISHED

    return np.zeros(2 * FINISHED, np.int64)


def phases(compiled: bool) -> Callable[..., int]:
    """A member that takes parts, phase after phase: it notes each part as done, and counts the parts of the phase
    before that are not there yet."""
    from fastnet_kernels.jit.team import claim, finish, wait

    def member(counter: Any, done: Any) -> int:
        parts, early = done.shape[1], 0
        for phase in range(done.shape[0]):
            while True:
                wait(counter, phase * parts)
                number = claim(counter, (phase + 1) * parts)
                if number < 0:
                    break
                if phase > 0:
                    for part in range(parts):
                        if done[phase - 1, part] != 1:
                            early += 1
                done[phase, number - phase * parts] += 1
                finish(counter)
        return early

    return decorated(member) if compiled else member


def takes(compiled: bool) -> Callable[..., None]:
    """A member that takes numbers until all are gone and ticks each off."""
    from fastnet_kernels.jit.team import claim

    def member(counter: Any, taken: Any) -> None:
        while True:
            number = claim(counter, taken.size)
            if number < 0:
                break
            taken[number] += 1

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
    member, shared = phases(compiled), counter()
    # More members than cores have to hand their cores over at each phase.
    rounds = much if members <= 2 else max(much // 20, 10)
    member(counter(), np.zeros((1, 1), np.int64))  # compiles
    done, early = np.zeros((rounds, members), np.int64), np.zeros(members, np.int64)

    def work(rank: int) -> None:
        early[rank] = member(shared, done)

    together(members, work)
    np.testing.assert_array_equal(early, 0)
    np.testing.assert_array_equal(done, 1)
    assert list(shared[shared != 0]) == [rounds * members] * 2


@both_ways
def test_a_member_that_sleeps_between_parts_is_not_waited_for(compiled: bool, much: int) -> None:
    """The others do its parts too; when it wakes, nothing is left to do."""
    member, shared = phases(compiled), counter()
    member(counter(), np.zeros((1, 1), np.int64))  # compiles
    done = np.zeros((much, 2), np.int64)
    assert member(shared, done) == 0
    np.testing.assert_array_equal(done, 1)
    assert member(shared, done) == 0
    np.testing.assert_array_equal(done, 1)


@both_ways
@pytest.mark.parametrize("members", [1, 2, 3, MORE_THAN_CORES])
def test_each_number_is_taken_once(members: int, compiled: bool, much: int) -> None:
    member, shared = takes(compiled), counter()
    member(counter(), np.zeros(1, np.int64))  # compiles
    taken = [np.zeros(much * 20, np.int64) for _ in range(members)]
    together(members, lambda rank: member(shared, taken[rank]))
    np.testing.assert_array_equal(np.sum(taken, axis=0), 1)
    assert shared.sum() == much * 20


@pytest.mark.needs_compiler
def test_the_test_sees_a_team_that_does_not_wait() -> None:
    """Members that take the next part at once are early."""
    from fastnet_kernels.jit.team import claim

    def careless(counter: Any, done: Any) -> int:
        early, number = 0, claim(counter, done.shape[0])
        while number >= 0:
            if number > 0 and done[number - 1, 0] != 1:
                early += 1
            done[number, 0] += 1
            number = claim(counter, done.shape[0])
        return early

    member, shared, done = decorated(careless), counter(), np.zeros((2_000_000, 1), np.int64)
    member(counter(), done[:1].copy())
    early = np.zeros(2, np.int64)

    def work(rank: int) -> None:
        early[rank] = member(shared, done)

    together(2, work)
    assert early.sum() > 0


def test_the_first_number_is_what_the_counter_holds() -> None:
    from fastnet_kernels.jit.team import CLAIMED, claim

    shared = counter()
    shared[CLAIMED] = 41
    assert [claim(shared, 43), claim(shared, 43), claim(shared, 43)] == [41, 42, -1]
    assert shared[CLAIMED] == 43
