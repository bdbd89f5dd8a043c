"""A training that goes on from a checkpoint ends in the bits of one that was never interrupted."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import fastnet as fn
from fastnet import state as states
from fastnet.training import Training

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = np.arange(40) % 2
WIDE = RNG.normal(size=(10, 40))
on_both_engines = pytest.mark.parametrize(
    "backend", [pytest.param("jit", marks=pytest.mark.needs_compiler), "reference"]
)
EPOCHS = 7


class Stop(fn.Callback):
    """Stands for whatever kills a training: it ends after so many epochs, and nothing was stopped for good."""

    looks_last = True

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def epochs_until_look(self) -> int | None:
        return 1

    def on_epoch_end(self, training: Training) -> None:
        if len(training.history.loss) >= self.epochs:
            raise InterruptedError


def network(*extra: Any, seed: int = 3, dtype: str = "float64", features: int = 3) -> fn.Network:
    layers = [fn.Dense(5, activation="tanh"), *extra, fn.Dense(1, activation="sigmoid")]
    return fn.Network(layers, input_shape=features, loss="binary_crossentropy", dtype=dtype, seed=seed)


OPTIMIZERS: dict[str, Any] = {
    **{kind.name: kind() for kind in (fn.Adam, fn.AdamW, fn.AMSGrad, fn.Adamax, fn.Nadam, fn.Lion)},
    **{kind.name: kind() for kind in (fn.Adagrad, fn.RMSprop, fn.Adadelta)},
    "sgd": fn.SGD(0.1),
    "nesterov": fn.SGD(0.1, momentum=0.9, nesterov=True),
    "centered": fn.RMSprop(0.01, momentum=0.5, centered=True),
    "rprop": fn.Rprop(),
    "averaged": fn.Adam(0.05, average=0.9),
    "clipped": fn.SGD(0.5, clip_norm=0.1),
    "plateau": fn.SGD(fn.ReduceOnPlateau(0.5, factor=0.5, patience=1)),
    "by steps": fn.Adam(fn.WarmUp(fn.CosineDecay(0.1, over=20, per="step"), over=5, per="step")),
    "one cycle": fn.SGD(fn.OneCycle(0.5, over=7)),
    "lbfgs": fn.LBFGS(),
}


def compare(tmp_path: Path, make: Any, epochs: int, after: int, callbacks: Any = lambda: [], **options: Any) -> None:
    """Train at a stretch, and in two parts with other first weights in the second."""
    data = options.pop("data", (X, Y))
    whole = make()
    expected = whole.fit(*data, epochs=epochs, callbacks=callbacks(), **options)
    path = tmp_path / "c.h5"
    with pytest.raises(InterruptedError):
        make().fit(*data, epochs=epochs, callbacks=[fn.Checkpoint(path, every=1), *callbacks(), Stop(after)], **options)
    parts = make()
    parts.parameters[...] = 7
    found = parts.fit(*data, epochs=epochs, callbacks=callbacks(), resume=path, **options)
    assert parts.parameters.tobytes() == whole.parameters.tobytes()
    assert found.columns() == expected.columns()
    for name in expected.columns():
        assert found[name] == expected[name]
    assert found.learning_rate == expected.learning_rate
    assert found.stopped == expected.stopped
    assert len(found.seconds) == len(found.loss)


@on_both_engines
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(tmp_path: Path, name: str, backend: str) -> None:
    optimizer = OPTIMIZERS[name]
    rows = 16 if name != "lbfgs" else None
    compare(tmp_path, network, EPOCHS, 4, backend=backend, optimizer=optimizer, batch_size=rows)


@on_both_engines
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dropout_normalisation_validation_and_early_stopping(tmp_path: Path, backend: str, dtype: str) -> None:
    for after in (1, 5, 6):
        compare(
            tmp_path,
            lambda: network(fn.BatchNorm(), fn.Dropout(0.3), fn.GaussianNoise(0.1), dtype=dtype),
            30,
            after,
            lambda: [fn.EarlyStopping(3)],
            backend=backend,
            optimizer=fn.SGD(3.0),
            batch_size=16,
            validation_data=(X[:8], Y[:8]),
            class_weight="balanced",
        )


@pytest.mark.needs_compiler
@pytest.mark.parametrize("callbacks", [[], [fn.EarlyStopping(50)]], ids=["none", "early"])
def test_sample_space(tmp_path: Path, callbacks: Any) -> None:
    state: dict[str, Any] = {}
    compare(
        tmp_path,
        lambda: network(features=40),
        40,
        20,
        lambda: list(callbacks),
        data=(WIDE, Y[:10]),
        optimizer=fn.SGD(0.1, momentum=0.9),
        batch_size=None,
    )
    state = states.read(tmp_path / "c.h5")
    assert state["first_weights"].shape == (40, 5)
    assert state["slots"].shape[1] < network(features=40).parameters.size


@pytest.mark.needs_compiler
def test_pixels(tmp_path: Path) -> None:
    levels = RNG.integers(0, 256, (40, 3), np.uint8)
    compare(tmp_path, network, EPOCHS, 3, data=(fn.Pixels(levels), Y), optimizer=fn.Adam(), batch_size=8)


@pytest.mark.needs_compiler
def test_team(tmp_path: Path) -> None:
    """Of two threads, which nobody has to ask for again."""
    wide = RNG.normal(size=(400, 64)).astype(np.float32)
    labels = np.arange(400) % 2

    def make() -> fn.Network:
        layers = [fn.Dense(64, activation="relu"), fn.Dense(1, activation="sigmoid")]
        return fn.Network(layers, input_shape=64, loss="binary_crossentropy")

    options: dict[str, Any] = {"optimizer": fn.Adam(), "batch_size": 200}
    whole, parts = make(), make()
    whole.fit(wide, labels, epochs=4, threads=2, **options)
    path = tmp_path / "c.h5"
    parts.fit(wide, labels, epochs=2, threads=2, callbacks=[fn.Checkpoint(path)], **options)
    parts.fit(wide, labels, epochs=4, resume=path, **options)
    assert parts.parameters.tobytes() == whole.parameters.tobytes()
    with pytest.raises(fn.CheckpointError, match="with threads 2, but here it is 1"):
        parts.fit(wide, labels, epochs=4, threads=1, resume=path, **options)


@on_both_engines
@pytest.mark.parametrize("optimizer", [fn.SGD(0.1), fn.LBFGS(), fn.Adam(0.05, average=0.9)], ids=str)
def test_more_epochs_than_planned(tmp_path: Path, optimizer: Any, backend: str) -> None:
    options: dict[str, Any] = {"optimizer": optimizer, "batch_size": None, "backend": backend}
    whole, parts, path = network(), network(), tmp_path / "c.h5"
    expected = whole.fit(X, Y, epochs=9, **options)
    parts.fit(X, Y, epochs=5, callbacks=[fn.Checkpoint(path)], **options)
    found = parts.fit(X, Y, epochs=9, resume=path, **options)
    assert parts.parameters.tobytes() == whole.parameters.tobytes()
    assert found.loss == expected.loss
    with pytest.raises(fn.CheckpointError, match="5 epochs are done already, more than epochs=3; ask for more"):
        parts.fit(X, Y, epochs=3, resume=path, **options)


@on_both_engines
def test_what_has_ended_stays_so_until_it_gets_more_epochs(tmp_path: Path, backend: str) -> None:
    path = tmp_path / "c.h5"
    options: dict[str, Any] = {"optimizer": fn.SGD(20.0), "backend": backend, "validation_data": (X, Y)}
    net = network()
    first = net.fit(X, Y, epochs=40, callbacks=[fn.EarlyStopping(2), fn.Checkpoint(path)], **options)
    assert first.stopped is not None
    again = network()
    history = again.fit(X, Y, epochs=40, callbacks=[fn.EarlyStopping(2)], resume=path, **options)
    assert (history.loss, history.stopped) == (first.loss, first.stopped)
    assert again.parameters.tobytes() == net.parameters.tobytes()
    more = network().fit(X, Y, epochs=41, callbacks=[fn.EarlyStopping(2)], resume=path, **options)
    assert more.loss[: len(first.loss)] == first.loss
    # Patience begins anew.
    assert len(more.loss) >= len(first.loss) + 2


@on_both_engines
def test_divergence_goes_back_as_far_as_without_an_interruption(tmp_path: Path, backend: str) -> None:
    """After the third epoch the weights are finite and the loss is not: the good ones are those before."""

    def make() -> fn.Network:
        return fn.Network([fn.Dense(1)], input_shape=3, loss="mean_squared_error", dtype="float64")

    rates = fn.PiecewiseConstant((2,), (0.01, 1e200))
    options: dict[str, Any] = {"optimizer": fn.SGD(rates), "batch_size": None, "backend": backend, "epochs": 9}
    targets = X @ [1.0, 2.0, 3.0]
    whole, parts, path = make(), make(), tmp_path / "c.h5"
    with pytest.raises(fn.DivergenceError) as expected:
        whole.fit(X, targets, **options)
    with pytest.raises(InterruptedError):
        parts.fit(X, targets, callbacks=[fn.Checkpoint(path, every=1), Stop(3)], **options)
    assert not np.isfinite(parts.evaluate(X, targets)["loss"])
    with pytest.raises(fn.DivergenceError) as found:
        parts.fit(X, targets, resume=path, **options)
    assert str(found.value) == str(expected.value)
    assert parts.parameters.tobytes() == whole.parameters.tobytes()


def test_weights_that_a_callback_changed_are_taken_up(tmp_path: Path) -> None:
    class Shrink(fn.Callback):
        def on_epoch_end(self, training: Training) -> None:
            training.model.parameters *= 0.9

    for optimizer in (fn.Adam(0.05, average=0.9), fn.Adam(0.05)):
        compare(
            tmp_path, network, EPOCHS, 3, lambda: [Shrink()], backend="reference", optimizer=optimizer, batch_size=8
        )


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "optimizer": ({"optimizer": fn.Adam(beta_1=0.5)}, "another optimizer"),
    "batch": ({"batch_size": 8}, "batch_size 16, but here it is 8; give the same"),
    "seed": ({"net": network(seed=4)}, "seed 3, but here it is 4"),
    "dtype": ({"net": network(dtype="float32")}, "dtype 'float64', but here it is 'float32'"),
    "layers": ({"net": network(fn.Dropout(0.1))}, "other layers"),
    "data": ({"X": X + 1e-9}, "other training data"),
    "fewer": ({"X": X[:30], "y": Y[:30]}, "other training data"),
    "validation": ({"validation_data": (X, Y)}, "other validation data"),
    "shuffle": ({"shuffle": False}, "shuffle True, but here it is False"),
    "metrics": ({"metrics": ["f1"]}, r"metrics \[\], but here it is \['f1'\]"),
    "callback": ({"callbacks": []}, "the callbacks EarlyStopping that keep something"),
    "monitor": ({"callbacks": [fn.EarlyStopping(monitor="accuracy")]}, "goes by 'loss', but here it is 'accuracy'"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_training_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    options: dict[str, Any] = {"optimizer": fn.Adam(), "batch_size": 16, "epochs": 4, "backend": "reference"}
    path = tmp_path / "c.h5"
    network().fit(X, Y, **options, callbacks=[fn.EarlyStopping(), fn.Checkpoint(path)])
    changed, sentence = OTHERS[name]
    given = {"net": network(), "X": X, "y": Y, "callbacks": [fn.EarlyStopping()], **options, **changed}
    net, features, labels = given.pop("net"), given.pop("X"), given.pop("y")
    with pytest.raises(fn.CheckpointError, match=sentence) as raised:
        net.fit(features, labels, resume=path, **given)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_was_read_is_taken_up_and_does_not_stay_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "c.h5"
    options: dict[str, Any] = {"epochs": 4, "backend": "reference"}
    with pytest.raises(InterruptedError):
        network().fit(X, Y, callbacks=[fn.Checkpoint(path, every=1), Stop(2)], **options)
    by_path, by_state, state = network(), network(), states.read(path)
    by_path.fit(X, Y, resume=path, **options)
    assert len(by_state.fit(X, Y, resume=state, **options).loss) == 4
    assert by_state.parameters.tobytes() == by_path.parameters.tobytes()
    assert state == {}


def test_another_learning_rate_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "c.h5"
    network().fit(X, Y, optimizer=fn.SGD(0.1), epochs=2, backend="reference", callbacks=[fn.Checkpoint(path)])
    history = network().fit(X, Y, optimizer=fn.SGD(0.2), epochs=4, backend="reference", resume=path)
    assert history.learning_rate == [0.1, 0.1, 0.2, 0.2]


@pytest.mark.parametrize("every", [0, -1, 1.5, "", "s", "0s", "-3s", "10", None, True])
def test_every_is_epochs_or_seconds(every: Any) -> None:
    with pytest.raises(fn.ConfigurationError, match="every must be"):
        fn.Checkpoint("c.h5", every=every)


def test_it_is_written_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    monkeypatch.setattr(states, "write", lambda path, state, previous: written.append(len(state["history"]["loss"])))
    for every, expected in ((3, [3, 6, 9, 10]), ("0.0001s", list(range(1, 11))), ("1000s", [10])):
        written.clear()
        checkpoint = fn.Checkpoint(tmp_path / "c.h5", every=every)
        assert checkpoint.saved == 0
        network().fit(X, Y, epochs=10, backend="reference", callbacks=[checkpoint, fn.EarlyStopping(20)])
        assert written == expected
        assert checkpoint.saved == 10


class TestFiles:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "c.h5"
        network().fit(X, Y, epochs=2, backend="reference", callbacks=[fn.Checkpoint(path, previous=tmp_path / "p.h5")])
        return path

    def test_no_folder_is_said_before_training(self, tmp_path: Path) -> None:
        with pytest.raises(fn.OutputError, match="there is no folder"):
            network().fit(X, Y, backend="reference", callbacks=[fn.Checkpoint(tmp_path / "no" / "c.h5")])

    def test_missing_and_foreign_files(self, tmp_path: Path, path: Path) -> None:
        with pytest.raises(fn.CheckpointError, match="there is no checkpoint file at"):
            network().fit(X, Y, resume=tmp_path / "none.h5")
        network().save(tmp_path / "model.h5")
        with pytest.raises(fn.CheckpointError, match="is not a fastnet checkpoint"):
            network().fit(X, Y, resume=tmp_path / "model.h5")
        with pytest.raises(fn.ModelFileError, match="is not a fastnet model"):
            fn.load(path)

    def test_a_flipped_byte_anywhere_is_refused(self, path: Path) -> None:
        image = path.read_bytes()
        original = states.read(path)
        for position in [*range(0, 700, 7), *range(700, len(image), 211)]:
            damaged = bytearray(image)
            damaged[position] ^= 0x40
            path.write_bytes(damaged)
            with pytest.raises(fn.CheckpointError, match=r"c\.h5"):
                states.read(path)
        path.write_bytes(image)
        assert states.read(path)["parameters"].tobytes() == original["parameters"].tobytes()

    @pytest.mark.parametrize(
        "change",
        [
            lambda state: state.pop("parameters"),
            lambda state: state.update(parameters=np.zeros(3)),
            lambda state: state.update(parameters=None),
            lambda state: state.update(slots=np.zeros((1, 1))),
            lambda state: state.update(history={}),
            lambda state: state.update(identity=[]),
            lambda state: state["identity"].update(threads="x"),
            lambda state: state.update(first_weights=np.zeros((2, 2))),
            lambda state: state["look"].pop("epoch"),
            lambda state: state.update(callbacks=[1]),
        ],
    )
    def test_a_forged_state_is_a_sentence(self, path: Path, change: Any) -> None:
        forged = states.read(path)
        change(forged)
        states.write(path, forged)
        with pytest.raises(fn.CheckpointError, match="does not suit this training"):
            network().fit(X, Y, epochs=4, backend="reference", resume=path)

    @pytest.mark.parametrize("what", ["open", "fsync", "replace"])
    def test_a_full_disk_leaves_the_checkpoint_before(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, what: str
    ) -> None:
        before = path.read_bytes()

        of: Any
        usual: Any
        of, usual = {"open": (Path, Path.open), "fsync": (os, os.fsync), "replace": (Path, Path.replace)}[what]

        def full(first: Any, *arguments: Any, **options: Any) -> Any:
            if what == "open" and arguments != ("xb",):
                return usual(first, *arguments, **options)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patched:
            patched.setattr(of, what, full)
            with pytest.raises(fn.OutputError, match=r"c\.h5 cannot be written: No space left on device"):
                network().fit(
                    X, Y, epochs=3, backend="reference", resume=path, callbacks=[fn.Checkpoint(path, every=1)]
                )
        assert path.read_bytes() == before
        assert [name.name for name in path.parent.iterdir()] == ["c.h5"]

    def test_the_one_before_is_kept(self, path: Path, tmp_path: Path) -> None:
        before = path.read_bytes()
        callbacks = [fn.Checkpoint(path, previous=tmp_path / "p.h5")]
        network().fit(X, Y, epochs=3, backend="reference", resume=path, callbacks=callbacks)
        assert (tmp_path / "p.h5").read_bytes() == before
        assert len(states.read(path)["history"]["loss"]) == 3


def test_states_come_back_as_they_were(tmp_path: Path) -> None:
    arrays: list[npt.NDArray[Any]] = [np.array([[np.nan, np.inf], [-0.0, 1e-310]]), np.zeros((0, 3), np.float32)]
    plain = {"c": None, "d": [1, 0.1, "x", np.float64(2.5), True]}
    state: dict[str, Any] = {"a": arrays, "b": plain, "e": np.ones(2, np.float32)}
    states.write(tmp_path / "s.h5", state)
    found = states.read(tmp_path / "s.h5")
    for one, other in zip([*found["a"], found["e"]], [*arrays, state["e"]], strict=True):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()
    assert found["b"] == {"c": None, "d": [1, 0.1, "x", 2.5, True]}
    with pytest.raises(TypeError, match="no place for"):
        states.write(tmp_path / "s.h5", {"a": np.array(["x"])})
