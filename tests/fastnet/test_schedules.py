"""What a schedule accepts, and its rates beside the formulas, worked out one count at a time."""

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastnet as fn
from fastnet.schedules import (
    SCHEDULE_CLASSES,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    OneCycle,
    PiecewiseConstant,
    PlateauState,
    PolynomialDecay,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    Timed,
    WarmUp,
    initial_rate,
)
from fastnet.validation import described

# No kernel runs in these.
pytestmark = pytest.mark.needs_compiler

RATES = st.floats(1e-6, 10)
SHARES = st.floats(0.01, 1)
COUNTS = st.integers(1, 40)
PER = st.sampled_from(["epoch", "step"])
ROUNDING = 4 * float(np.finfo(np.float64).eps)
"""A blend has two products and a sum, its share one power more."""

DECAYS: st.SearchStrategy[Timed] = st.one_of(
    st.builds(StepDecay, RATES, SHARES, COUNTS, per=PER),
    st.builds(ExponentialDecay, RATES, SHARES, per=PER),
    st.builds(InverseTimeDecay, RATES, st.floats(0, 5), COUNTS, per=PER),
    st.builds(
        lambda rate, share, kind, **given: kind(rate, rate * share, **given),
        RATES,
        st.floats(0, 1),
        st.sampled_from([PolynomialDecay, CosineDecay]),
        over=COUNTS,
        per=PER,
    ),
    st.builds(PolynomialDecay, RATES, over=COUNTS, power=st.floats(0.1, 5), per=PER),
)
WAVES: st.SearchStrategy[Timed] = st.one_of(
    st.builds(
        CosineDecay,
        RATES,
        over=st.integers(1, 9),
        growth=st.integers(1, 4),
        fade=SHARES,
        restarts=st.just(True),
        per=PER,
    ),
    st.builds(
        OneCycle,
        RATES,
        over=st.integers(2, 40),
        start_share=st.floats(0, 0.95),
        start_divisor=st.floats(1, 50),
        end_divisor=st.floats(1, 1e4),
        per=PER,
    ),
    st.builds(
        lambda boundaries, first, others, per: PiecewiseConstant(
            sorted(boundaries), [first, *others[: len(boundaries)]], per=per
        ),
        st.sets(COUNTS, max_size=4),
        RATES,
        st.lists(st.floats(0, 10), min_size=4, max_size=4),
        PER,
    ),
)
PLAIN = DECAYS | WAVES
WARM = st.builds(WarmUp, RATES | PLAIN, over=st.integers(1, 12), per=PER)
TIMED = PLAIN | WARM
STEPS = st.integers(0, 60)


def per_count(schedule: Timed, counts: int) -> list[float]:
    return [float(rate) for rate in schedule.rates(0, counts, 1)]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (StepDecay(8, 0.5, 2), [8, 8, 4, 4, 2, 2, 1]),
        (StepDecay(1), [1.0] * 10 + [0.1] * 10 + [0.01]),
        (ExponentialDecay(8, 0.5), [8, 4, 2, 1, 0.5]),
        (ExponentialDecay(3, 1), [3, 3, 3]),
        (InverseTimeDecay(12), [12, 6, 4, 3, 2.4, 2]),
        (InverseTimeDecay(6, 0.5, 2), [6, 6, 4, 4, 3, 3, 2.4]),
        (InverseTimeDecay(6, 0), [6, 6, 6]),
        (PiecewiseConstant([2, 3], [1, 0.5, 0.25]), [1, 1, 0.5, 0.25, 0.25]),
        (PiecewiseConstant((1,), (1.0, 0)), [1, 0, 0]),
        (PiecewiseConstant([], [2]), [2, 2, 2]),
        (PolynomialDecay(8, over=4), [8, 6, 4, 2, 0, 0, 0]),
        (PolynomialDecay(8, 4, over=2, power=2), [8, 5, 4, 4]),
        (CosineDecay(8, over=2), [8, 4, 0, 0, 0]),
        (CosineDecay(8, 4, over=3), [8, 7, 5, 4, 4]),
        (CosineDecay(8, over=2, restarts=True), [8, 4, 8, 4, 8]),
        (CosineDecay(8, 1, over=1, growth=2, fade=0.5, restarts=True), [8, 4, 2.5, 2, None]),
        (CosineDecay(8, 3, over=1, fade=0.5, restarts=True), [8, 4, 3, 3]),
        # Up to count 2, down to count 6.
        (OneCycle(8, over=7, start_share=3 / 7, start_divisor=4, end_divisor=2), [2, 5, 8, None, 4.5, None, 1, 1, 1]),
        # The turn at count 0 is the start still.
        (OneCycle(8, over=4, start_share=0.25, start_divisor=4, end_divisor=2), [2, 6.25, 2.75, 1, 1]),
        (WarmUp(8, over=4), [2, 4, 6, 8, 8, 8]),
        (WarmUp(8, over=3, start=2), [4, 6, 8, 8]),
        (WarmUp(8, over=1), [8, 8]),
        (WarmUp(ExponentialDecay(8, 0.5), over=2), [4, 8, 8, 4, 2]),
        (WarmUp(WarmUp(8, over=2), over=2), [2, 4, 4, 8, 8]),
    ],
    ids=repr,
)
def test_rates_are_the_formulas(schedule: Timed, expected: list[float | None]) -> None:
    found = schedule.rates(0, len(expected), 1)
    assert found.dtype == np.float64
    for rate, wanted in zip(found, expected, strict=True):
        if wanted is not None:
            assert rate == pytest.approx(wanted, rel=ROUNDING, abs=0)
    np.testing.assert_array_equal(schedule.rates(0, 3 * len(expected), 3), np.repeat(found, 3))
    by_step = dataclasses.replace(schedule, per="step")
    if not isinstance(schedule, WarmUp):
        np.testing.assert_array_equal(by_step.rates(0, len(expected), 3), found)


def test_cosine_is_the_papers_equation() -> None:
    found = per_count(CosineDecay(0.3, 0.1, over=7, growth=2, fade=0.5, restarts=True), 21)
    for count, rate in enumerate(found):
        position, length, top = (count, 7, 0.3) if count < 7 else (count - 7, 14, 0.15)
        assert rate == pytest.approx(0.1 + (top - 0.1) * (1 + math.cos(math.pi * position / length)) / 2, rel=1e-14)


@pytest.mark.parametrize("growth", [1, 2, 3, 10])
def test_restarts_are_found_exactly_after_very_many_counts(growth: int) -> None:
    schedule = CosineDecay(1, over=3, growth=growth, restarts=True, per="step")
    begin = 3 * 10**14 if growth == 1 else 3 * (growth**6 - 1) // (growth - 1)
    before, at, after = schedule.rates(begin - 1, 3, 1)
    assert before < at == 1
    assert after < at


def test_a_growth_beyond_64_bits_is_only_a_long_period() -> None:
    rates = CosineDecay(1, over=2, growth=10**30, restarts=True).rates(0, 4, 1)
    np.testing.assert_allclose(rates, [1, 0.5, 1, 1], rtol=ROUNDING)


@given(TIMED, STEPS, STEPS, STEPS, st.integers(1, 7))
def test_rates_may_be_asked_for_in_parts(schedule: Timed, first: int, a: int, b: int, steps_per_epoch: int) -> None:
    whole = schedule.rates(first, a + b, steps_per_epoch)
    parts = [schedule.rates(first, a, steps_per_epoch), schedule.rates(first + a, b, steps_per_epoch)]
    assert whole.shape == (a + b,)
    assert whole.dtype == np.float64
    np.testing.assert_array_equal(whole, np.concatenate(parts))


@given(TIMED, st.integers(1, 7))
def test_rates_are_at_least_0_and_at_most_the_peak(schedule: Timed, steps_per_epoch: int) -> None:
    rates = schedule.rates(0, 300, steps_per_epoch)
    assert np.isfinite(rates).all()
    assert rates.min() >= 0
    assert rates.max() <= schedule.peak * (1 + ROUNDING)
    assert rates[0] == schedule.initial == initial_rate(schedule) > 0


@given(DECAYS, st.integers(1, 7))
def test_decays_never_rise(schedule: Timed, steps_per_epoch: int) -> None:
    rates = schedule.rates(0, 300, steps_per_epoch)
    assert rates[0] == schedule.initial == schedule.peak == vars(schedule)["learning_rate"]
    assert (np.diff(rates) <= ROUNDING * rates[:-1]).all()


@given(DECAYS | WAVES, st.integers(2, 7))
def test_a_schedule_per_epoch_changes_between_epochs_alone(schedule: Timed, steps_per_epoch: int) -> None:
    by_epoch, by_step = (dataclasses.replace(schedule, per=per) for per in ("epoch", "step"))
    counted = by_step.rates(0, 20, steps_per_epoch)
    np.testing.assert_array_equal(
        by_epoch.rates(0, 20 * steps_per_epoch, steps_per_epoch), np.repeat(counted, steps_per_epoch)
    )


@given(PLAIN, st.integers(1, 12), PER, st.floats(0, 1), st.integers(1, 7))
def test_a_warm_up_leads_to_the_beginning_of_its_schedule(
    after: Timed, over: int, per: str, share: float, steps_per_epoch: int
) -> None:
    schedule = WarmUp(after, over=over, start=share * after.initial, per=per)
    length = over if per == "step" else over * steps_per_epoch
    np.testing.assert_array_equal(schedule.rates(length, 50, steps_per_epoch), after.rates(0, 50, steps_per_epoch))
    warm = schedule.rates(0, length, steps_per_epoch)
    assert warm[0] > 0
    assert warm[-1] == after.initial
    assert (np.diff(warm) >= -ROUNDING * after.initial).all()


def test_a_warm_up_per_step_before_a_schedule_per_epoch_shifts_its_epochs() -> None:
    schedule = WarmUp(ExponentialDecay(8, 0.5), over=2, per="step")
    assert schedule.rates(0, 10, 3).tolist() == [4, 8, 8, 8, 8, 4, 4, 4, 2, 2]
    schedule = WarmUp(ExponentialDecay(8, 0.5, per="step"), over=2)
    assert schedule.rates(0, 8, 2).tolist() == [4, 4, 8, 8, 8, 4, 2, 1]
    assert WarmUp(8, over=2, per="step").rates(1, 3, 5).tolist() == [8, 8, 8]


PLATEAU = ReduceOnPlateau(8, factor=0.5, patience=1, min_delta=0.1)


@pytest.mark.parametrize(
    ("schedule", "values", "rates"),
    [
        (PLATEAU, [], []),
        (PLATEAU, [1, 1, 1, 1, 1], [8, 8, 4, 4, 2]),
        (PLATEAU, [1, 0.91, 0.9, 0.89, 1], [8, 8, 4, 4, 4]),  # only 0.89 is better than 1 by more than a tenth
        (PLATEAU, [math.nan, math.nan, math.nan, 1, 0.8], [8, 4, 4, 4, 4]),
        (PLATEAU, [math.inf, 1, math.nan, 0.5, math.nan, math.inf], [8, 8, 8, 8, 8, 4]),
        (PLATEAU, [0.0, 0.0, 0.0], [8, 8, 4]),
        # Standing still below 0 is no improvement either, and by more than a tenth is.
        (PLATEAU, [-1, -1.05, -1.1], [8, 8, 4]),
        (PLATEAU, [-1, -1.05, -1.2, -1.2, -1.2], [8, 8, 8, 8, 4]),
        (dataclasses.replace(PLATEAU, patience=0), [1, 1, 0.5, 1, 0.1], [8, 4, 4, 2, 2]),
        (dataclasses.replace(PLATEAU, cooldown=2), [1] * 8, [8, 8, 4, 4, 4, 4, 2, 2]),
        (dataclasses.replace(PLATEAU, smallest=3), [1] * 7, [8, 8, 4, 4, 3, 3, 3]),
        (dataclasses.replace(PLATEAU, smallest=8 - 1e-9), [1] * 5, [8] * 5),  # a change too small to make
    ],
)
def test_plateau(schedule: ReduceOnPlateau, values: list[float], rates: list[float]) -> None:
    assert [schedule.rate_after(values[: epoch + 1]) for epoch in range(len(values))] == rates
    assert schedule.rate_after([]) == schedule.initial == schedule.peak == 8


@given(
    st.lists(st.sampled_from([1.0, 0.99, 0.8, 0.5, -1.0, math.nan, math.inf]), max_size=20),
    st.lists(st.sampled_from([1.0, 0.4, 0.2, -2.0, math.nan]), max_size=20),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_plateau_may_go_on_from_a_state(a: list[float], b: list[float], patience: int, cooldown: int) -> None:
    schedule = ReduceOnPlateau(1.0, patience=patience, cooldown=cooldown, smallest=1e-3)
    assert schedule.state_after(b, schedule.state_after(a)) == schedule.state_after(a + b)
    assert schedule.state_after([]) == PlateauState(1.0, math.inf, 0, 0)
    assert 1e-3 <= schedule.rate_after(a + b) <= schedule.rate_after(a) <= 1


def test_only_a_plateau_needs_values() -> None:
    assert {name for name, kind in SCHEDULE_CLASSES.items() if kind.needs_values} == {"plateau"}
    assert {name for name, kind in SCHEDULE_CLASSES.items() if not issubclass(kind, Timed)} == {"plateau"}
    assert not hasattr(ReduceOnPlateau(1), "rates")


def test_names() -> None:
    assert list(SCHEDULE_CLASSES) == [
        "step",
        "exponential",
        "inverse_time",
        "piecewise",
        "polynomial",
        "cosine",
        "one_cycle",
        "warm_up",
        "plateau",
    ]
    assert all(kind.name == name for name, kind in SCHEDULE_CLASSES.items())


ONE_OF_EACH: list[Schedule] = [
    StepDecay(0.5, 0.25, 3),
    ExponentialDecay(0.5, 0.25, per="step"),
    InverseTimeDecay(0.5, 0.25, 3),
    PiecewiseConstant([2, 3], [0.5, 0.25, 0]),
    PolynomialDecay(0.5, 0.25, over=3, power=2),
    CosineDecay(0.5, 0.25, over=3, growth=2, fade=0.5, restarts=True),
    OneCycle(0.5, over=9, start_share=0.25, start_divisor=2, end_divisor=3),
    WarmUp(0.5, over=3, start=0.25),
    ReduceOnPlateau(0.5, 0.25, 3, 0.125, 2, 0.0625, "val_loss"),
]


@pytest.mark.parametrize("schedule", ONE_OF_EACH, ids=repr)
def test_a_schedule_is_plain_data(schedule: Schedule) -> None:
    text = json.dumps({"kind": schedule.name, **vars(schedule)})
    assert described("schedule", json.loads(text), SCHEDULE_CLASSES) == schedule
    assert hash(schedule) == hash(dataclasses.replace(schedule))
    assert len(ONE_OF_EACH) == len(SCHEDULE_CLASSES)


def test_numbers_of_any_type_are_held_as_pythons_own() -> None:
    numbers: Any = {"end": np.float16(0.25), "over": np.int8(100), "power": np.int64(1)}
    schedule = PolynomialDecay(0.5, **numbers)
    assert [type(value) for value in vars(schedule).values()] == [str, float, float, int, float]
    assert schedule.rates(127, 2, 1).tolist() == [0.25, 0.25]
    pieces: Any = np.array([3], np.uint8), np.array([0.5, 0.25], np.float32)
    piecewise = PiecewiseConstant(*pieces)
    assert piecewise == PiecewiseConstant([3], [0.5, 0.25])
    assert [type(value) for value in (*piecewise.boundaries, *piecewise.values)] == [int, float, float]


NO_RATES = [0, -1, float("nan"), float("inf"), True, "0.1", None]


@pytest.mark.parametrize("rate", NO_RATES)
@pytest.mark.parametrize(
    "make",
    [
        StepDecay,
        ExponentialDecay,
        InverseTimeDecay,
        ReduceOnPlateau,
        lambda rate: PolynomialDecay(rate, over=3),
        lambda rate: CosineDecay(rate, over=3),
        lambda rate: WarmUp(rate, over=3),
        initial_rate,
    ],
)
def test_a_learning_rate_is_above_0_and_finite(make: Callable[[Any], Any], rate: Any) -> None:
    with pytest.raises(fn.ConfigurationError, match=f"^learning_rate must be a number above 0, not {rate!r}$"):
        make(rate)


def test_initial_rate_takes_a_number_or_a_schedule() -> None:
    assert initial_rate(0.25) == 0.25
    assert initial_rate(StepDecay(0.5)) == 0.5
    assert initial_rate(ReduceOnPlateau(0.5)) == 0.5
    assert initial_rate(OneCycle(1, over=10, start_divisor=4)) == 0.25
    with pytest.raises(fn.ConfigurationError, match="learning_rate must be a number above 0, not <class"):
        initial_rate(StepDecay)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "wrong", "sentence"),
    [
        (StepDecay, {"factor": 0}, "factor must be a number above 0, not 0"),
        (StepDecay, {"factor": 1.5}, "factor must be a number of at most 1, not 1.5"),
        (StepDecay, {"interval": 0}, "interval must be a whole number of at least 1, not 0"),
        (StepDecay, {"per": "epochs"}, r"per must be one of epoch, step, not 'epochs' \(did you mean 'epoch'\?\)"),
        (ExponentialDecay, {"factor": math.nan}, "factor must be a number above 0, not nan"),
        (ExponentialDecay, {"factor": 1.01}, "factor must be a number of at most 1, not 1.01"),
        (InverseTimeDecay, {"decay": -1}, "decay must be a number at least 0, not -1"),
        (InverseTimeDecay, {"interval": 1.5}, "interval must be a whole number of at least 1, not 1.5"),
        (PolynomialDecay, {"over": 0}, "over must be a whole number of at least 1, not 0"),
        (PolynomialDecay, {"over": 3, "end": 2}, "end must be a number of at most 1, not 2"),
        (PolynomialDecay, {"over": 3, "end": -1}, "end must be a number at least 0, not -1"),
        (PolynomialDecay, {"over": 3, "power": 0}, "power must be a number above 0, not 0"),
        (CosineDecay, {"over": 2.5}, "over must be a whole number of at least 1, not 2.5"),
        (CosineDecay, {"over": 3, "end": 2}, "end must be a number of at most 1, not 2"),
        (CosineDecay, {"over": 3, "growth": 0}, "growth must be a whole number of at least 1, not 0"),
        (CosineDecay, {"over": 3, "growth": 1.5}, "growth must be a whole number of at least 1, not 1.5"),
        (CosineDecay, {"over": 3, "fade": 0}, "fade must be a number above 0, not 0"),
        (CosineDecay, {"over": 3, "fade": 2}, "fade must be a number of at most 1, not 2"),
        (CosineDecay, {"over": 3, "restarts": 1}, "restarts must be True or False, not 1"),
        (
            CosineDecay,
            {"over": 3, "growth": 2},
            "growth and fade say what a restart changes, so 2 and 1 need restarts=True",
        ),
        (
            CosineDecay,
            {"over": 3, "fade": 0.5},
            "growth and fade say what a restart changes, so 1 and 0.5 need restarts=True",
        ),
        (OneCycle, {"over": 1}, "over must be a whole number of at least 2, not 1"),
        (OneCycle, {"over": 9, "highest": 0}, "highest must be a number above 0, not 0"),
        (OneCycle, {"over": 9, "start_share": 1}, "start_share must be a number at least 0 and below 1, not 1"),
        (OneCycle, {"over": 9, "start_divisor": 0.5}, "start_divisor must be a number at least 1, not 0.5"),
        (OneCycle, {"over": 9, "end_divisor": 0}, "end_divisor must be a number at least 1, not 0"),
        (WarmUp, {"over": 0}, "over must be a whole number of at least 1, not 0"),
        (WarmUp, {"over": 3, "start": 2}, "start must be a number of at most 1, not 2"),
        (WarmUp, {"over": 3, "start": -1}, "start must be a number at least 0, not -1"),
        (
            WarmUp,
            {"over": 3, "learning_rate": ReduceOnPlateau(1)},
            "a warm-up cannot lead to ReduceOnPlateau, whose rates depend on what is measured; "
            "give a number or another schedule",
        ),
        (ReduceOnPlateau, {"factor": 1}, "factor must be a number above 0 and below 1, not 1"),
        (ReduceOnPlateau, {"patience": -1}, "patience must be a whole number of at least 0, not -1"),
        (ReduceOnPlateau, {"min_delta": 1}, "min_delta must be a number at least 0 and below 1, not 1"),
        (ReduceOnPlateau, {"cooldown": None}, "cooldown must be a whole number of at least 0, not None"),
        (ReduceOnPlateau, {"smallest": 2}, "smallest must be a number of at most 1, not 2"),
        (ReduceOnPlateau, {"monitor": 3}, "monitor must be the name of a column of the history or None, not 3"),
    ],
)
def test_numbers_out_of_range_are_refused(kind: Any, wrong: dict[str, Any], sentence: str) -> None:
    first = "highest" if kind is OneCycle else "learning_rate"
    with pytest.raises(fn.ConfigurationError, match=f"^{sentence}$"):
        kind(**{first: 1, **wrong})


@pytest.mark.parametrize(
    ("boundaries", "values", "sentence"),
    [
        (3, [1, 2], "boundaries must be a list of numbers, not 3"),
        ([3], "12", "values must be a list of numbers, not '12'"),
        ([3], [1], "values must be one more than boundaries, which are 1, but they are 1"),
        ([], [], "values must be one more than boundaries, which are 0, but they are 0"),
        ([0], [1, 2], r"boundaries\[0\] must be a whole number of at least 1, not 0"),
        ([2.5], [1, 2], r"boundaries\[0\] must be a whole number of at least 1, not 2.5"),
        ([3, 3], [1, 2, 3], r"boundaries\[1\] must be a whole number of at least 4, not 3"),
        ([3], [0, 1], r"values\[0\] must be a number above 0, not 0"),
        ([3], [1, -1], r"values\[1\] must be a number at least 0, not -1"),
    ],
)
def test_pieces_that_make_no_sense_are_refused(boundaries: Any, values: Any, sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=f"^{sentence}$"):
        PiecewiseConstant(boundaries, values)


@pytest.mark.parametrize("schedule", [StepDecay(1), WarmUp(1, over=3)], ids=repr)
@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ((-1, 2, 3), "first_step must be a whole number of at least 0, not -1"),
        ((0, -1, 3), "steps must be a whole number of at least 0, not -1"),
        ((0, 2, 0), "steps_per_epoch must be a whole number of at least 1, not 0"),
        ((0, 2, 1.5), "steps_per_epoch must be a whole number of at least 1, not 1.5"),
    ],
)
def test_steps_that_make_no_sense_are_refused(schedule: Timed, asked: Any, sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=f"^{sentence}$"):
        schedule.rates(*asked)
