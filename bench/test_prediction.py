"""``predict_proba`` beside PyTorch's and scikit-learn's, of one row and of 100,000: 64-32-10, float32, in turns."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from workloads import WORKLOADS

ROUNDS = 7
CALLS = {1: 500, 100_000: 3}
"""Calls in a turn, by rows."""

Predict = Callable[[np.ndarray], np.ndarray]


def ours() -> Predict:
    network = WORKLOADS["digits"].network()
    return network.predict_proba


def pytorch() -> Predict:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    weights = WORKLOADS["digits"].network().get_weights()
    layers: list[Any] = []
    for W, b in weights:
        linear = torch.nn.Linear(*W.shape)
        linear.weight.data, linear.bias.data = torch.from_numpy(W.T.copy()), torch.from_numpy(b)
        layers += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1], torch.nn.Softmax(1)).eval()

    def predict(X: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(X)).numpy()  # type: ignore[no-any-return]

    return predict


def sklearn() -> Predict:
    from sklearn.neural_network import MLPClassifier

    X, y = WORKLOADS["digits"].data()
    model = MLPClassifier((32,), max_iter=200, tol=1e9, n_iter_no_change=1).fit(X, y)
    model.coefs_, model.intercepts_ = map(list, zip(*WORKLOADS["digits"].network().get_weights(), strict=True))
    return model.predict_proba  # type: ignore[no-any-return]


@pytest.mark.parametrize("rows", CALLS)
@pytest.mark.parametrize("peer", [pytorch, sklearn], ids=lambda peer: peer.__name__)
def test_prediction(benchmark: Any, peer: Callable[[], Predict], rows: int, capsys: Any) -> None:
    X = np.random.default_rng(0).standard_normal((rows, 64)).astype(np.float32)
    contestants = {"ours": ours(), peer.__name__: peer()}
    taken: dict[str, list[float]] = {name: [] for name in contestants}

    def one_round() -> None:
        for name, predict in contestants.items():
            started = time.perf_counter()
            for _ in range(CALLS[rows]):
                predict(X)
            taken[name].append((time.perf_counter() - started) / CALLS[rows])

    benchmark.group = f"prediction, {rows} rows"
    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    counted = [times[1:] for times in taken.values()]
    ratio = statistics.median(theirs / mine for mine, theirs in zip(*counted, strict=True))
    benchmark.extra_info.update(kind="prediction", name=f"{rows} rows", peer=peer.__name__, seconds=taken, ratio=ratio)
    with capsys.disabled():
        mine, theirs = (1e6 * statistics.median(times) for times in counted)
        print(f"\n{rows} rows: ours {mine:.1f} us, {peer.__name__} {theirs:.1f} us, ratio {ratio:.1f}")
    np.testing.assert_allclose(contestants[peer.__name__](X), contestants["ours"](X), rtol=1e-4, atol=1e-6)
