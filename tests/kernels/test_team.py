"""A team's two words: nobody leaves a meeting before all have come, and a number is taken once."""

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
    """As the engine makes it: a cache line of its own."""
    return np.zeros(16, np.int64)


def meetings(compiled: bool) -> Callable[..., int]:
    """A member that writes its number of each round, meets, and counts the others' that are not there yet."""
    from fastnet_kernels.jit.team import meet

    def member(rank: int, counter: Any, seen: Any, rounds: int) -> int:
        members = seen.shape[0]
        early = met = 0
        for number in range(1, rounds + 1):
            seen[rank, 0] = number
            met += members
            meet(counter, met)
            for other in range(members):
                if seen[other, 0] != number:
                    early += 1
            met += members
            meet(counter, met)
        return early

    return decorated(member) if compiled else member


def takes(compiled: bool) -> Callable[..., None]:
    """A member that takes numbers until all are gone and ticks each off."""
    from fastnet_kernels.jit.team import take

    def member(counter: Any, taken: Any) -> None:
        while True:
            number = take(counter)
            if number >= taken.size:
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
def test_nobody_leaves_before_all_have_come(members: int, compiled: bool, much: int) -> None:
    member, shared = meetings(compiled), counter()
    # More members than cores have to hand their cores over at each meeting.
    rounds = much if members <= 2 else max(much // 20, 10)
    seen = np.zeros((members, 16), np.int64)
    member(0, counter(), seen[:1].copy(), 1)  # compiles
    early = np.zeros(members, np.int64)

    def work(rank: int) -> None:
        early[rank] = member(rank, shared, seen, rounds)

    together(members, work)
    np.testing.assert_array_equal(early, 0)
    np.testing.assert_array_equal(seen[:, 0], rounds)
    assert shared[0] == 2 * rounds * members
    assert not shared[1:].any()


@both_ways
@pytest.mark.parametrize("members", [1, 2, 3, MORE_THAN_CORES])
def test_each_number_is_taken_once(members: int, compiled: bool, much: int) -> None:
    member, shared = takes(compiled), counter()
    member(counter(), np.zeros(1, np.int64))  # compiles
    taken = [np.zeros(much * 20, np.int64) for _ in range(members)]
    together(members, lambda rank: member(shared, taken[rank]))
    np.testing.assert_array_equal(np.sum(taken, axis=0), 1)
    # Each found the numbers gone once, and took one more to find that out.
    assert shared[0] == much * 20 + members


@pytest.mark.needs_compiler
def test_the_test_sees_a_team_that_does_not_wait() -> None:
    """Members that only count themselves in are not together."""

    def careless(rank: int, counter: Any, seen: Any, rounds: int) -> int:
        early = 0
        for number in range(1, rounds + 1):
            seen[rank, 0] = number
            counter[0] += 1
            for other in range(seen.shape[0]):
                if seen[other, 0] != number:
                    early += 1
        return early

    member, shared, seen = decorated(careless), counter(), np.zeros((2, 16), np.int64)
    member(0, counter(), seen.copy(), 1)
    early = np.zeros(2, np.int64)

    def work(rank: int) -> None:
        early[rank] = member(rank, shared, seen, 1000)

    together(2, work)
    assert early.sum() > 0


def test_the_first_number_is_what_the_counter_holds() -> None:
    from fastnet_kernels.jit.team import take

    shared = counter()
    shared[0] = 41
    assert [take(shared), take(shared)] == [41, 42]
    assert shared[0] == 43


def test_a_meeting_of_one_is_no_wait() -> None:
    from fastnet_kernels.jit.team import meet

    shared = counter()
    for target in (1, 2, 3):
        meet(shared, target)
    assert shared[0] == 3
