"""Teams of threads: the same bits every time, right beside others, and no trace of them is left in the BLAS."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import fastnet as fn
from fastnet.threads import in_parts, one_blas_thread
from fastnet.training import Training
from fastnet.training.runner import COPIES, ROWS, SPLIT
from fastnet_kernels.machine import cores

pytestmark = pytest.mark.usefixtures("teams_for_small_work")

Floats = npt.NDArray[np.floating]
MORE_THAN_CORES = (os.cpu_count() or 1) + 1
TEAMS = sorted({1, 2, 3, 5, MORE_THAN_CORES})

SETTINGS: dict[str, dict[str, Any]] = {
    "sgd, ragged": {"optimizer": fn.SGD(0.1, momentum=0.9), "batch_size": 8},
    "adam, dropout, l2": {"optimizer": fn.Adam(0.01), "batch_size": 8, "dropout": 0.3, "l2": 0.01},
    "sgd, fewer rows than threads": {"optimizer": fn.SGD(0.1), "batch_size": 2, "dropout": 0.3},
    "adam, whole set, l2": {"optimizer": fn.Adam(0.01), "batch_size": None, "l2": 0.01},
    "adam, split, dropout, l2": {
        "optimizer": fn.Adam(0.01),
        "batch_size": 8,
        "dropout": 0.3,
        "l2": 0.01,
        "features": 31,
    },
    "clipped, split pixels": {"optimizer": fn.SGD(0.1, clip_norm=0.1), "batch_size": 8, "features": 31, "pixels": True},
    "split, few rows in order": {"optimizer": fn.Adam(0.01), "batch_size": 3, "features": 31, "shuffle": False},
    "split pixels in order": {"optimizer": fn.SGD(), "batch_size": 3, "features": 31, "shuffle": False, "pixels": True},
    "first layer frozen": {"optimizer": fn.Adam(0.01), "batch_size": 3, "features": 31, "frozen": True},
    "narrow": {"optimizer": fn.Adam(0.01), "batch_size": 2, "features": 4},
    "split, fewer rows than threads": {"optimizer": fn.Adam(0.01), "batch_size": 2, "features": 31},
}
"""21 samples: with batches of 8 the last has 5, with batches of 2 the last has one. With 31 features the first layer is
shared by its inputs; with 4 there is room for that in a team of 3, and none in one of 5."""

of_each_setting = pytest.mark.parametrize("name", SETTINGS)


def fitted(
    name: str, threads: int | None, epochs: int = 3, *, dtype: str = "float64", seed: int = 5, **more: Any
) -> tuple[bytes, list[float], Floats]:
    """Parameters (as bits and as numbers) and losses of a training."""
    settings = {"dropout": 0.0, "l2": 0.0, "features": 3, "pixels": False, "frozen": False} | SETTINGS[name]
    X: Any
    rng, features = np.random.default_rng(1), settings.pop("features")
    X, y = rng.normal(size=(21, features)), np.arange(21) % 2
    if settings.pop("pixels"):
        X = fn.Pixels(rng.integers(0, 256, X.shape, np.uint8))
    first = fn.Dense(4, activation="relu", l2=settings.pop("l2"), trainable=not settings.pop("frozen"))
    layers: list[Any] = [first, fn.Dropout(settings.pop("dropout"))]
    layers += [fn.Dense(3, activation="tanh"), fn.Dense(2, activation="softmax")]
    net = fn.Network(layers, input_shape=features, loss="categorical_crossentropy", dtype=dtype, seed=seed)
    history = net.fit(X, y, epochs=epochs, threads=threads, **settings, **more)
    return net.parameters.tobytes(), history.loss, net.parameters


def way_of(training: Training) -> str:
    """How its team comes by the gradients."""
    return training.steps.runner.way


class TestBits:
    def test_the_team_is_the_one_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Else the tests of teams would try one thread again and again."""
        teams: list[int] = []
        monkeypatch.setattr(Training, "run", lambda training, _: teams.append(training.steps.runner.members))
        for team in TEAMS:
            fitted("adam, whole set, l2", team)
        assert teams == TEAMS

    def test_gradients_come_in_every_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ways: dict[str, str] = {}
        for name in SETTINGS:
            monkeypatch.setattr(Training, "run", lambda training, _, name=name: ways.update({name: way_of(training)}))
            fitted(name, 2)
        assert {name for name, way in ways.items() if way == SPLIT} >= {name for name in SETTINGS if "split" in name}
        assert set(ways.values()) == {COPIES, ROWS, SPLIT}, ways

    @pytest.mark.parametrize(("team", "has_room"), [(3, True), (4, False), (5, False)])
    def test_the_sums_of_a_split_layer_have_room(
        self, team: int, has_room: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Those of the third member and further ones are where the gradient of the inputs would be."""
        ways: list[str] = []
        monkeypatch.setattr(Training, "run", lambda training, _: ways.append(way_of(training)))
        X, y = np.random.default_rng(0).normal(size=(64, 16)), np.arange(64) % 3
        layers = [fn.Dense(16), fn.Dense(40), fn.Dense(40), fn.Dense(3, activation="softmax")]
        net = fn.Network(layers, input_shape=16, loss="categorical_crossentropy")
        net.fit(X, y, batch_size=8, threads=team)
        assert (ways == [SPLIT]) == has_room

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("team", TEAMS)
    @of_each_setting
    def test_the_same_seed_and_team_give_the_same_bits(self, name: str, team: int, dtype: str) -> None:
        first = fitted(name, team, dtype=dtype)
        for _ in range(3):
            again = fitted(name, team, dtype=dtype)
            assert again[:2] == first[:2]
        assert fitted(name, team, dtype=dtype, seed=6)[0] != first[0]

    @pytest.mark.slow
    @pytest.mark.parametrize("team", TEAMS)
    @of_each_setting
    def test_over_many_steps_and_repetitions(self, name: str, team: int) -> None:
        assert len({fitted(name, team, 40, dtype="float32")[0] for _ in range(20)}) == 1

    @pytest.mark.parametrize("team", TEAMS[1:])
    @of_each_setting
    def test_a_team_is_one_thread_to_rounding(self, name: str, team: int) -> None:
        """Members add their gradients up in another order, so 50 steps and no more."""
        steps = -(-21 // (SETTINGS[name]["batch_size"] or 21))
        epochs = -(-50 // steps)
        one, many = fitted(name, 1, epochs), fitted(name, team, epochs)
        np.testing.assert_allclose(many[1], one[1], rtol=1e-12)
        assert np.linalg.norm(many[2] - one[2]) <= 1e-12 * np.linalg.norm(one[2])

    @of_each_setting
    def test_a_team_is_the_reference_to_rounding(self, name: str) -> None:
        team, reference = fitted(name, 3), fitted(name, None, backend="reference")
        np.testing.assert_allclose(team[1], reference[1], rtol=1e-12)
        assert np.linalg.norm(team[2] - reference[2]) <= 1e-12 * np.linalg.norm(reference[2])


@of_each_setting
def test_two_fits_at_once_are_the_fits_alone(name: str) -> None:
    seeds, epochs = (5, 6), 5
    alone = [fitted(name, 2, epochs, seed=seed)[:2] for seed in seeds]
    start = threading.Barrier(2)
    results: dict[int, Any] = {}

    def fit(seed: int) -> None:
        start.wait(timeout=30)
        results[seed] = [fitted(name, 2, epochs, seed=seed)[:2] for _ in range(3)]

    together = [threading.Thread(target=fit, args=(seed,), daemon=True) for seed in seeds]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join(timeout=120)
        assert not thread.is_alive()
    for seed, expected in zip(seeds, alone, strict=True):
        assert results[seed] == [expected] * 3


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_a_team_is_a_whole_number_of_members(threads: Any) -> None:
    with pytest.raises(fn.ConfigurationError, match=r"threads must be a whole number of at least 1"):
        fitted("sgd, ragged", threads)


@pytest.mark.parametrize("backend", ["jit", "reference"])
@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_so_it_is_where_the_work_is_too_small_to_share(
    threads: Any, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastnet.threads.WORTH_A_THREAD", 10**12)
    with pytest.raises(fn.ConfigurationError, match=r"threads must be a whole number of at least 1"):
        fitted("sgd, ragged", threads, backend=backend)


class TestParts:
    @pytest.mark.parametrize(("rows", "members"), [(1, 1), (7, 1), (7, 2), (7, 3), (7, 7), (1000, 3)])
    def test_the_parts_are_all_rows_in_order_and_even(self, rows: int, members: int) -> None:
        parts = in_parts(lambda part: list(range(rows))[part], rows, members)
        assert [row for part in parts for row in part] == list(range(rows))
        assert len(parts) == members
        assert max(map(len, parts)) - min(map(len, parts)) <= 1

    def test_they_run_at_once(self) -> None:
        meeting = threading.Barrier(3)
        in_parts(lambda part: meeting.wait(timeout=30), 9, 3)

    def test_an_error_in_one_is_raised(self) -> None:
        def fail(part: slice) -> None:
            if part.start > 0:
                raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            in_parts(fail, 9, 3)


def set_blas_threads(libraries: list[Any], numbers: list[int]) -> None:
    """Set each BLAS, and leave this thread the one that threadpoolctl lets set an OpenBLAS from now on."""
    for library, number in zip(libraries, numbers, strict=True):
        getattr(library, "clear_controlling_thread", lambda force: None)(force=True)
        library.set_num_threads(number)


@pytest.fixture
def two_blas_threads() -> Iterator[Callable[[], set[int]]]:
    """Every BLAS set to two threads, as a program's main thread may have done; gives what they are set to now."""
    import scipy.linalg.cython_blas  # noqa: F401
    from threadpoolctl import ThreadpoolController

    libraries = list(ThreadpoolController().select(user_api="blas").lib_controllers)
    before = [library.num_threads for library in libraries]
    set_blas_threads(libraries, [2] * len(libraries))
    if {library.num_threads for library in libraries} != {2}:
        pytest.skip("a BLAS in this process cannot be told to use two threads")
    yield lambda: {library.num_threads for library in libraries}
    set_blas_threads(libraries, before)


class Between(fn.Callback):
    """Calls a function after the first epoch."""

    def __init__(self, function: Callable[[], None]) -> None:
        self.function = function

    def on_epoch_end(self, training: Training) -> None:
        if len(training.history.loss) == 1:
            self.function()


class TestBlas:
    def test_it_is_held_at_one_thread_during_a_fit_only(self, two_blas_threads: Callable[[], set[int]]) -> None:
        seen = []
        fitted("sgd, ragged", 2, callbacks=[Between(lambda: seen.append(two_blas_threads()))])
        assert seen == [{1}]
        assert two_blas_threads() == {2}

    def test_it_is_held_for_a_fit_in_another_thread_too(self, two_blas_threads: Callable[[], set[int]]) -> None:
        seen = []
        watch = Between(lambda: seen.append(two_blas_threads()))
        other = threading.Thread(target=fitted, args=("sgd, ragged", 2), kwargs={"callbacks": [watch]}, daemon=True)
        other.start()
        other.join(timeout=60)
        assert seen == [{1}]
        assert two_blas_threads() == {2}

    def test_the_reference_leaves_it_alone(self, two_blas_threads: Callable[[], set[int]]) -> None:
        seen = []
        watch = Between(lambda: seen.append(two_blas_threads()))
        fitted("sgd, ragged", None, backend="reference", callbacks=[watch])
        assert seen == [{2}]
        assert two_blas_threads() == {2}

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_it_is_given_back_when_a_callback_raises(
        self, error: type[BaseException], two_blas_threads: Callable[[], set[int]]
    ) -> None:
        def fail() -> None:
            raise error

        with pytest.raises(error):
            fitted("sgd, ragged", 2, callbacks=[Between(fail)])
        assert two_blas_threads() == {2}

    def test_it_is_given_back_when_the_training_diverges(self, two_blas_threads: Callable[[], set[int]]) -> None:
        net = fn.Network([fn.Dense(1)], input_shape=3, loss="mean_squared_error")
        with pytest.raises(fn.DivergenceError):
            net.fit(np.eye(3) * 9, np.arange(3.0), optimizer=fn.SGD(300.0), epochs=400, batch_size=None)
        assert two_blas_threads() == {2}

    @pytest.mark.parametrize("fails", [False, True])
    def test_fits_that_overlap_hold_it_until_the_last_ends(
        self, fails: bool, two_blas_threads: Callable[[], set[int]]
    ) -> None:
        """One begins, another begins, the first ends (or fails), the other ends."""
        both_are_in, one_is_out = threading.Barrier(2), threading.Event()
        seen: dict[str, Any] = {}

        def first() -> None:
            both_are_in.wait(timeout=60)
            if fails:
                raise ValueError("on purpose")

        def second() -> None:
            both_are_in.wait(timeout=60)
            assert one_is_out.wait(timeout=60)
            seen["after the first"] = two_blas_threads()

        def run(name: str, between: Callable[[], None]) -> None:
            try:
                fitted("sgd, ragged", 2, callbacks=[Between(between)])
            except ValueError as error:
                seen[name] = str(error)

        others = [
            threading.Thread(target=run, args=arguments, daemon=True)
            for arguments in (("first", first), ("second", second))
        ]
        for other in others:
            other.start()
        others[0].join(timeout=120)
        one_is_out.set()
        others[1].join(timeout=120)
        assert seen == {"after the first": {1}} | ({"first": "on purpose"} if fails else {})
        assert two_blas_threads() == {2}

    def test_contexts_nest(self, two_blas_threads: Callable[[], set[int]]) -> None:
        with one_blas_thread():
            with one_blas_thread():
                assert two_blas_threads() == {1}
            assert two_blas_threads() == {1}
        assert two_blas_threads() == {2}


FIT = """
import numpy as np
import fastnet as fn
import fastnet.threads

fastnet.threads.WORTH_A_THREAD = fastnet.threads.WORTH_A_NUMBER = 0

def fit(threads=2, epochs=30):
    X = np.random.default_rng(1).normal(size=(50, 4))
    layers = [fn.Dense(8, activation="tanh"), fn.Dropout(0.2), fn.Dense(2, activation="softmax")]
    net = fn.Network(layers, input_shape=4, loss="categorical_crossentropy", seed=3)
    net.fit(X, np.arange(50) % 2, epochs=epochs, batch_size=16, threads=threads)
    return net.parameters.tobytes().hex()
"""

CHILDREN = (
    FIT
    + """
import multiprocessing
import sys
import warnings

def child(results):
    results.put(fit())

if __name__ == "__main__":
    # Python warns of any fork beside threads; the BLAS has some.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    context = multiprocessing.get_context(sys.argv[1])
    before = fit()
    results = context.Queue()
    children = [context.Process(target=child, args=(results,)) for _ in range(2)]
    for process in children:
        process.start()
    found = [results.get(timeout=100) for _ in children]
    for process in children:
        process.join()
    assert [process.exitcode for process in children] == [0, 0]
    assert found == [before, before], "a child's training is another"
    assert fit() == before
    print("right")
"""
)


def python(*arguments: str, timeout: float) -> str:
    """What a new Python prints, which must end well and in time."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_children_of_a_process_that_has_trained_train_right(method: str, tmp_path: Any) -> None:
    import multiprocessing

    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system starts no process by {method}")
    script = tmp_path / "children.py"
    script.write_text(CHILDREN, encoding="utf-8")
    assert python(str(script), method, timeout=150) == "right"


@pytest.mark.slow
def test_a_team_gets_on_while_others_burn_every_core() -> None:
    """A member that waits for one that has no core must give its own away, or each meeting takes a time slice."""
    code = FIT + "print(fit(epochs=100))"
    calm = python("-c", code, timeout=120)
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(max(cores(), 2))]
    try:
        assert python("-c", code, timeout=60) == calm
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


@pytest.mark.slow
def test_a_member_that_cannot_be_started_is_no_endless_wait() -> None:
    """The members that did start wait in compiled code, which nothing interrupts."""
    code = (
        FIT
        + """
import threading
started, start = [], threading.Thread.start

def start_two(thread):
    if len(started) == 2:
        raise RuntimeError("can't start new thread")
    started.append(thread)
    start(thread)

fit(threads=1)
threading.Thread.start = start_two
try:
    fit(threads=4)
except Exception as error:
    print("refused:", error)
else:
    print("done")
for thread in started:
    thread.join(timeout=10)
    assert not thread.is_alive()
"""
    )
    assert python("-c", code, timeout=40).startswith(("refused: ", "done"))


def test_a_team_without_the_threads_it_asked_for_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has no thread to give: whoever runs does all parts."""
    import threading

    X = np.random.default_rng(0).normal(size=(40, 3))
    y = (X[:, 0] > 0).astype(int)

    def trained() -> Any:
        network = fn.Network([fn.Dense(8, activation="tanh"), fn.Dense(1)], input_shape=(3,), loss="mean_squared_error")
        network.fit(X, y, epochs=3, batch_size=7, threads=3)
        return network.parameters

    expected = trained()

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    np.testing.assert_array_equal(trained(), expected)
