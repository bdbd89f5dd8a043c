"""What ``evaluate`` says beyond the scores: intervals, classes, confusions, mistakes and calibration, as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from .output import Printer, counted
from .tables import room, shortened, show, width_of

Report = Mapping[str, Any]
MOST_CLASSES = 20
MOST_CONFUSIONS = 10
BY = {"wilson": "Wilson", "bootstrap": "bootstrap", "order_statistics": "order statistics"}


def tell(say: Printer, report: Report, scores: Report) -> None:
    """Print all the tables of a report."""
    _intervals(say, report, scores)
    if report["task"] == "regression":
        _targets(say, report)
    elif report["task"] == "multilabel":
        _labels(say, report)
    else:
        _classes(say, report)
        _confusion(say, report["confusion"])
        _mistakes(say, report)
        if report["calibration"] is not None:
            _calibration(say, report["calibration"])


def _intervals(say: Printer, report: Report, scores: Report) -> None:
    rows = []
    for name, found in report["intervals"].items():
        several = isinstance(found, list)
        for place, interval in enumerate(found if several else [found]):
            value = scores[name][place] if several else scores[name]
            label = f"{name} of {report['targets'][place]['target']}" if several else name
            as_share = name == "accuracy"
            numbers = [_share(x) if as_share else _number(x) for x in (value, interval["low"], interval["high"])]
            rows.append([label, *numbers, BY[interval["method"]]])
    show(say, f"{report['confidence']['level']:.0%} confidence intervals", ("score", "value", "from", "to", "by"), rows)


def _classes(say: Printer, report: Report) -> None:
    _some(say, "class", report["per_class"], ("precision", "recall", "f1"), ("support",))


def _labels(say: Printer, report: Report) -> None:
    exact = report["exact"]
    say("")
    say(
        f"every label right in {exact['right']:,} of {counted(exact['samples'], 'sample')} that have all, "
        f"{_share(exact['share'])} ({_share(exact['interval']['low'])} to {_share(exact['interval']['high'])})"
    )
    rows = [
        {**label, **{name: (label["calibration"] or {}).get(key) for name, key in _OF_CALIBRATION.items()}}
        for label in report["per_label"]
    ]
    measures = ("accuracy", "precision", "recall", "f1", *_OF_CALIBRATION)
    _some(say, "label", rows, measures, ("support", "labelled"))
    mistakes = report["mistakes"]
    if mistakes["worst"]:
        cells = [
            [str(one["index"]), one["label"], str(one["true"]), str(one["predicted"]), _of_one(one["probability"])]
            for one in mistakes["worst"]
        ]
        show(say, _worst_in_words(report), (_place(report), "label", "true", "predicted", "how sure"), cells)


_OF_CALIBRATION = {"Brier": "brier", "ECE": "expected_calibration_error"}


def _some(say: Printer, what: str, each: Sequence[Report], measures: Sequence[str], counts: Sequence[str]) -> None:
    """A row a class or label; of very many those with the lowest F1."""
    shown, title = each, f"by {what}"
    if len(each) > MOST_CLASSES:
        shown = sorted(each, key=lambda one: one["f1"])[:MOST_CLASSES]
        title = f"by {what}: the {MOST_CLASSES} of {len(each)} with the lowest F1 (--json has all)"
    rows = [
        [one[what], *(_of_one(one[name]) for name in measures), *(f"{one[name]:,}" for name in counts)] for one in shown
    ]
    show(say, title, (what, *measures, *counts), rows)


def _confusion(say: Printer, confusion: Report) -> None:
    names, matrix = confusion["classes"], confusion["rows"]
    for most in (12, 8, 6, 4):
        short = [shortened(name, most) for name in names]
        header, rows = ("true", *short), [[name, *map(str, row)] for name, row in zip(short, matrix, strict=True)]
        if len(names) <= MOST_CLASSES and width_of(header, rows) <= room():
            show(say, "confusion: how often a true class (row) was answered as each class (column)", header, rows)
            return
    pairs = sorted(
        (
            (count, true, answered)
            for true, row in enumerate(matrix)
            for answered, count in enumerate(row)
            if count and true != answered
        ),
        key=lambda pair: (-pair[0], pair[1:]),
    )
    cells = [
        [names[true], names[answered], f"{count:,}", _share(count / sum(matrix[true]))]
        for count, true, answered in pairs[:MOST_CONFUSIONS]
    ]
    if cells:
        title = "most frequent confusions (--json has the whole matrix)"
        show(say, title, ("true", "answered", "samples", "of the class"), cells)


def _mistakes(say: Printer, report: Report) -> None:
    worst = report["mistakes"]["worst"]
    if not worst:
        return
    if worst[0]["probability"] is None:
        header: tuple[str, ...] = (_place(report), "class", "predicted", "loss")
        rows = [[_which(one), one["class"], one["predicted"], _number(one["loss"])] for one in worst]
    else:
        header = (_place(report), "class", "predicted", "probability", "of the class")
        rows = [
            [
                _which(one),
                one["class"],
                one["predicted"],
                *(_of_one(one[name]) for name in ("probability", "probability_of_class")),
            ]
            for one in worst
        ]
    show(say, _worst_in_words(report), header, rows)


def _worst_in_words(report: Report) -> str:
    mistakes = report["mistakes"]
    return f"{counted(mistakes['count'], 'mistake')}, the {len(mistakes['worst'])} worst first"


def _which(mistake: Report) -> str:
    return str(mistake.get("file", mistake["index"]))


def _place(report: Report) -> str:
    """What tells the samples: rows of a table counted from 1, as its errors do, samples of arrays from 0, or files."""
    if any("file" in mistake for mistake in report.get("mistakes", {}).get("worst", ())):
        return "file"
    return "row" if report["counted_from"] == 1 else "index"


def _calibration(say: Printer, found: Report) -> None:
    title = (
        f"calibration of the probability of {found['of']}: expected calibration error "
        f"{_of_one(found['expected_calibration_error'])}, Brier score {_of_one(found['brier'])}"
    )
    rows = [
        [
            f"{one['low']:g} to {one['high']:g}",
            f"{one['samples']:,}",
            _share(one["mean_probability"]),
            _share(one["observed"]),
            f"{_share(one['interval']['low'])} to {_share(one['interval']['high'])}",
        ]
        for one in found["bins"]
    ]
    show(say, title, ("probability", "samples", "said", "came true", "95% interval"), rows)


def _targets(say: Printer, report: Report) -> None:
    measures = {
        "MAE": "mean_absolute_error",
        "RMSE": "root_mean_squared_error",
        "R2": "r2",
        "median error": "median_absolute_error",
    }
    targets = report["targets"]
    rows = [
        [
            target["target"],
            short,
            _number(target[name]),
            *(_number(target["intervals"][name][end]) for end in ("low", "high")),
        ]
        for target in targets
        for short, name in measures.items()
    ]
    show(say, "by target, in the data's units", ("target", "score", "value", "95% from", "to"), rows)
    shares = [f"{one['share']:.0%}" for one in targets[0]["residuals"]["quantiles"]]
    rows = [
        [target["target"], *(_number(one["residual"]) for one in target["residuals"]["quantiles"])]
        for target in targets
    ]
    show(say, "residuals (answer less truth): quantiles", ("target", *shares), rows)
    for target in targets:
        if target["worst"]:
            rows = [
                [str(one["index"]), *(_number(one[name]) for name in ("true", "predicted", "error"))]
                for one in target["worst"]
            ]
            title = f"largest errors of {shortened(target['target'])}"
            show(say, title, (_place(report), "true", "predicted", "error"), rows)


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.4g}"


def _of_one(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.4f}"


def _share(value: float) -> str:
    return "-" if value != value else f"{value:.2%}"
