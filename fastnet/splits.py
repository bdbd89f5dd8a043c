"""Which samples are held out: by a share or in folds, stratified by class, whole groups, or the last in time."""

import re
from contextlib import suppress
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ConfigurationError, DataError

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

_ISO = re.compile(
    r"(?P<moment>\d{4}(?:-\d\d(?:-\d\d(?:[T ]\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)?)?)?)"
    r" ?(?P<zone>Z|[+-](?P<hours>\d\d)(?::?(?P<minutes>\d\d))?)?"
)
"""A date as ISO 8601 writes it, perhaps with a time zone; NumPy alone takes "today" and an empty text for dates too."""

_TRIES = 50
"""Random choices of groups, the best balanced of which is taken."""


def hold_out(
    classes: Array, share: float, seed: int, *, groups: Array | None = None, times: Array | None = None
) -> Mask:
    """Choose what is held out.

    Parameters
    ----------
    classes : (n,) of class indices
        All 0 where there are none.
    share : float in (0, 1)
    seed : int
    groups : (n,), optional
        No group is on both sides.
    times : (n,), optional
        What comes last is held out; what has the same time stays together.

    Returns
    -------
    (n,) bool, True for what is held out: about the share, of every class too where there is no time, and never all of a
    class

    Raises
    ------
    ConfigurationError
        If that is nothing, or what is left lacks a class.
    DataError
        If the times have no order, or a group is missing.
    """
    if groups is not None:
        return _by_group(classes, share, seed, groups)
    if times is not None:
        return _by_time(classes, share, times)
    shuffled = np.random.default_rng(seed).permutation(len(classes))
    order = shuffled[np.argsort(classes[shuffled], kind="stable")]
    # Every (1/share)th sample of the list sorted by class: shares are right to one sample in each class and in all.
    chosen = np.diff(np.floor(np.arange(len(order) + 1) * share)) > 0
    chosen[np.unique(classes[order], return_index=True)[1]] = False
    if not chosen.any():
        raise ConfigurationError(
            f"a validation share of {share:g} holds out none of the {len(classes)} samples; give a larger one"
        )
    held_out = np.zeros(len(classes), bool)
    held_out[order[chosen]] = True
    return held_out


def _by_group(classes: Array, share: float, seed: int, groups: Array) -> Mask:
    from sklearn.model_selection import GroupShuffleSplit

    codes = _codes(groups)
    count = int(codes.max()) + 1
    if count < 2:
        raise ConfigurationError("all samples are of one group, so none can be held out; choose another column")
    # The share of the groups, which is that of the samples only where these are of one size: the best of some tries.
    number = min(max(1, round(share * count)), count - 1)
    splitter = GroupShuffleSplit(_TRIES, test_size=number, random_state=seed % 2**32)
    kinds = np.unique(classes, return_inverse=True)[1]
    sizes = np.bincount(kinds)
    best: tuple[float, Indices | None] = (np.inf, None)
    for _, held_out in splitter.split(codes, groups=codes):
        shares = np.bincount(kinds[held_out], minlength=len(sizes)) / sizes
        distance = float(np.abs(shares - share).mean() + abs(len(held_out) / len(codes) - share))
        if shares.max() < 1 and distance < best[0]:
            best = distance, held_out
    if best[1] is None:
        raise ConfigurationError(
            f"of {count} groups none could be held out that would leave samples of every class to train on; give more "
            "groups or a smaller share"
        )
    mask = np.zeros(len(codes), bool)
    mask[best[1]] = True
    return mask


def _codes(groups: Array) -> Indices:
    """The number of each sample's group, (n,)."""
    for index, group in enumerate(groups.tolist()):
        if group is None or group != group:
            raise DataError(
                f"sample {index + 1} of {len(groups)} has no group ({group}), so which samples it belongs with is not "
                "known; fill it in or remove the sample"
            )
    try:
        return np.unique(groups, return_inverse=True)[1]
    except TypeError:
        raise DataError("the groups are of several types; give all of them as numbers or all as text") from None


def _by_time(classes: Array, share: float, times: Array) -> Mask:
    moments = in_order(times)
    wanted = max(1, round(share * len(moments)))
    held_out: Mask = moments >= np.sort(moments)[len(moments) - wanted]
    if held_out.all():
        held_out = moments > moments.min()
    if not held_out.any():
        raise ConfigurationError("all samples are of one time, so none come last; choose another column")
    _refuse_lost(classes, np.flatnonzero(~held_out), "what comes before the time from which on samples are held out")
    return held_out


def in_order(times: Array) -> Array:
    """Times as numbers that rise with them, (n,): numbers as they are, texts as dates and times of ISO 8601.

    Raises
    ------
    DataError
        One is missing, a text is no such date, or some have a time zone and others have none.
    """
    if times.dtype == object:
        with suppress(TypeError, ValueError):
            times = times.astype(np.float64)
    if times.dtype.kind in "biufmM":
        missing = np.flatnonzero(times != times)
        if len(missing):
            raise DataError(
                f"sample {missing[0] + 1} of {len(times)} has no time ({times[missing[0]]}), so whether it comes last "
                "is not known; fill it in or remove the sample"
            )
        return np.unique(times, return_inverse=True)[1]
    pairs = [_moment(str(text)) for text in times]
    if len({zone is None for _, zone in pairs}) == 2:
        raise DataError("some times have a time zone and others have none, so they have no order; write them alike")
    moments = np.array([moment for moment, _ in pairs])
    shifts = np.array([zone or timedelta() for _, zone in pairs], dtype="timedelta64[us]")
    return np.unique(moments - shifts, return_inverse=True)[1]


def _moment(text: str) -> tuple[np.datetime64, timedelta | None]:
    """A date or a time, and how far its zone is ahead of Greenwich."""
    found = _ISO.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(text)
        moment = np.datetime64(found["moment"], "us")
    except ValueError:
        raise DataError(
            f"the times must be numbers or dates such as 2024-05-31 or 2024-05-31T13:00:00, but one is {text!r}; write "
            "them so"
        ) from None
    if found["zone"] is None:
        return moment, None
    shift = timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    return moment, -shift if found["zone"].startswith("-") else shift


def folds_of(
    classes: Array | None,
    n_samples: int,
    *,
    folds: int,
    repeats: int = 1,
    seed: int = 0,
    groups: Array | None = None,
    times: Array | None = None,
) -> list[tuple[Indices, Indices]]:
    """Training and test samples of each fold, repeat after repeat.

    Parameters
    ----------
    classes : (n,) of class indices, or None where there are none
        Each fold has about the same share of every class.
    n_samples : int
    folds : int
        At least 2.
    repeats : int
        How often everything is shuffled anew.
    seed : int
    groups : (n,), optional
        No group is on both sides of a fold.
    times : (n,), optional
        Fold i tests on the part of the samples that follows in time on those it trains on; what has the same time
        stays together. Nothing is shuffled, so there is one repeat.

    Returns
    -------
    list of (train, test), indices

    Raises
    ------
    ConfigurationError
        If there are too few samples, groups, times or samples of a class for so many folds.
    DataError
        If the times have no order, or a group is missing.
    """
    from sklearn import model_selection as sk

    state = seed % 2**32
    if times is not None:
        return _by_times(classes, in_order(times), folds, repeats)
    if groups is not None:
        codes = _codes(groups)
        _refuse_few(int(codes.max()) + 1, folds, "groups")
        kind = sk.GroupKFold if classes is None else sk.StratifiedGroupKFold
        splitters = [kind(folds, shuffle=True, random_state=(state + i) % 2**32) for i in range(repeats)]
        y = np.zeros(n_samples, np.int64) if classes is None else classes
        splits = [split for splitter in splitters for split in _quietly(splitter, y, codes)]
    else:
        _refuse_few(n_samples, folds, "samples")
        if classes is None:
            splitter = sk.RepeatedKFold(n_splits=folds, n_repeats=repeats, random_state=state)
        else:
            sizes = np.unique(classes, return_counts=True)[1]
            if sizes.min() < 2:
                raise ConfigurationError(
                    "a class has one sample only, which cannot be trained on and tested on; leave the class out"
                )
            _refuse_few(int(sizes.max()), folds, "samples of any class")
            splitter = sk.RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=state)
        splits = _quietly(splitter, np.zeros(n_samples) if classes is None else classes, None)
    for train, _ in splits:
        _refuse_lost(classes, train, "the training part of a fold")
    return splits


def _quietly(splitter: Any, y: Array, groups: Array | None) -> list[tuple[Indices, Indices]]:
    import warnings

    with warnings.catch_warnings():
        # That a class has fewer samples than there are folds is no error: some folds then do not test it.
        warnings.simplefilter("ignore", UserWarning)
        return list(splitter.split(np.zeros(len(y)), y, groups))


def _by_times(classes: Array | None, moments: Array, folds: int, repeats: int) -> list[tuple[Indices, Indices]]:
    from sklearn.model_selection import TimeSeriesSplit

    if repeats > 1:
        raise ConfigurationError("what is split by time is not shuffled, so repeats would all be the same; give 1")
    count = int(moments.max()) + 1
    _refuse_few(count, folds + 1, "different times")
    splits = []
    for before, after in TimeSeriesSplit(folds).split(np.arange(count)):
        train = np.flatnonzero(np.isin(moments, before))
        _refuse_lost(classes, train, "the first times, which a fold trains on,")
        splits.append((train, np.flatnonzero(np.isin(moments, after))))
    return splits


def _refuse_few(found: int, needed: int, what: str) -> None:
    if found < needed:
        raise ConfigurationError(f"there are only {found} {what}, but at least {needed} are needed; give fewer folds")


def _refuse_lost(classes: Array | None, train: Indices, where: str) -> None:
    """Refuse a part to train on in which a class does not occur, which a network could then not answer."""
    if classes is None:
        return
    lost = np.setdiff1d(classes, classes[train])
    if len(lost):
        raise ConfigurationError(
            f"{where} has no sample of class {int(lost[0]) + 1} of {len(np.unique(classes))}, so it could not be "
            "learned; hold out less or give more samples of it"
        )
