"""Training on a file that is read in buffers, beside the same training in memory."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnet as fn
import fastnet.training.loop
from fastnet.buffers import Buffers, Plan, plan
from fastnet.callbacks import Callback
from fastnet.data import Dataset
from fastnet.data.scaling import fit_scaling_by_blocks
from fastnet.data.stored_rows import StoredRows
from fastnet.data.stored_samples import StoredSamples
from fastnet.labelled import Labelled
from fastnet.streamed import Streamed
from fastnet.training import Training
from fastnet.validation import size_in_bytes

SAMPLES, FEATURES, CLASSES, BATCH = 700, 12, 3, 16
ROUNDING = SAMPLES * float(np.finfo(np.float32).eps)
"""Of a sum over all samples."""


@pytest.fixture(autouse=True, scope="module")
def _small_blocks() -> Iterator[None]:
    """So that a file of a few hundred samples has many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastnet.data.stored_rows.BLOCK_BYTES", 1)
        patch.setattr("fastnet.streamed.PART_BYTES", 1000)
        yield


@pytest.fixture
def buffers_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make each buffer hold so many samples, where the memory would have room for all."""

    def use(rows: int) -> None:
        def planned(*arguments: Any) -> Plan:
            real = plan(*arguments)
            return Plan(rows, -(-real.rows // rows), real.row_bytes)

        monkeypatch.setattr(fastnet.training.loop, "plan", planned)

    return use


def pixels() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (SAMPLES, FEATURES), dtype=np.uint8)
    return X, (X[:, 0] > 90).astype(np.int64) + (X[:, 1] > 150)


def written(path: Path, X: Any, y: Any, **how: Any) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("X", data=X, **({"chunks": (32, X.shape[1])} | how))
        file["y"] = y
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "pixels.h5", *pixels(), compression="lzf")


def network(*, dtype: str = "float32", dropout: float = 0.0, preparation: Any = None) -> fn.Network:
    made = fn.Network(
        [fn.Dense(8, activation="relu"), fn.Dropout(dropout), fn.Dense(CLASSES, activation="softmax")],
        input_shape=(FEATURES,),
        loss="categorical_crossentropy",
        dtype=dtype,
    )
    made.preparation = preparation
    return made


@pytest.mark.parametrize("backend", [pytest.param("jit", marks=pytest.mark.needs_compiler), "reference"])
@pytest.mark.parametrize("kind", ["uint8", "float32", "int16"])
def test_what_fits_is_trained_on_as_in_memory(tmp_path: Path, kind: str, backend: str) -> None:
    X, y = pixels()
    X = X if kind == "uint8" else (X - 100.0).astype(kind)
    stream = fn.Stream(written(tmp_path / "data.h5", X, y))
    preparation = fn.Preparation.fit(stream)
    options: dict[str, Any] = {"epochs": 3, "batch_size": BATCH, "backend": backend, "metrics": ("f1_macro",)}
    streamed, in_memory = network(preparation=preparation), network(preparation=preparation)
    history = streamed.fit(stream, validation_data=stream[:100], **options)
    samples = preparation.samples(X, source="X")
    expected = in_memory.fit(samples, y, validation_data=(samples[:100], y[:100]), **options)
    np.testing.assert_array_equal(streamed.parameters, in_memory.parameters)
    assert history.loss == expected.loss
    assert history.accuracy == expected.accuracy
    assert history["val_f1_macro"] == expected["val_f1_macro"]
    # Evaluated in parts, whose sums round otherwise: as many additions as there are samples.
    np.testing.assert_allclose(history.val_loss, expected.val_loss, rtol=ROUNDING)


@pytest.mark.usefixtures("teams_for_small_work")
@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("options", [{"batch_size": BATCH}, {"batch_size": 3, "shuffle": False}, {"batch_size": None}])
@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_so_it_is_by_a_team(kind: str, options: dict[str, Any], threads: int, tmp_path: Path) -> None:
    """Whichever way it comes by the gradients."""
    X, y = pixels()
    stream = fn.Stream(written(tmp_path / "data.h5", X.astype(kind), y))
    streamed, in_memory = network(), network()
    streamed.fit(stream, epochs=2, threads=threads, **options)
    in_memory.fit(X.astype(np.float32), y, epochs=2, threads=threads, **options)
    np.testing.assert_array_equal(streamed.parameters, in_memory.parameters)


def test_pixels_are_read_until_their_range_is_known() -> None:
    def blocks(*tops: int) -> Iterator[tuple[int, Any]]:
        for top in tops:
            yield 0, np.array([[0, top]], np.uint8)

    def scaling(of: Iterator[tuple[int, Any]]) -> float:
        return fit_scaling_by_blocks(of, "pictures", None, int, 3).divisor

    left = blocks(1, 16, 17, 3)
    assert scaling(left) == 255
    assert len(list(left)) == 1
    left = blocks(1, 16, 2)
    assert scaling(left) == 16
    assert not list(left)


def test_the_scaling_of_blocks_is_that_of_all_samples(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(1000, 3, (SAMPLES, FEATURES))
    X[:, 4] = 0.1
    y = rng.integers(0, 2, SAMPLES)
    stream = fn.Stream(written(tmp_path / "data.h5", X, y))
    held_out = rng.random(SAMPLES) < 0.3
    found = fn.Preparation.fit(stream[~held_out])
    expected = fn.Preparation.fit(Dataset(X[~held_out], y[~held_out], "X"))
    # A deviation loses the digits that mean and values share, here 3, and the square doubles what is left of rounding.
    rtol = SAMPLES * float(np.finfo(np.float64).eps) * (1000 / 3) ** 2
    np.testing.assert_allclose(found.mean, expected.mean, rtol=rtol)
    np.testing.assert_allclose(found.deviation, expected.deviation, rtol=rtol)
    assert (found.mean[4], found.deviation[4]) == (0.1, 1.0)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> StoredRows:
    """A hundred samples, each its own number."""
    path = written(tmp_path_factory.mktemp("numbers") / "numbers.h5", np.arange(100.0)[:, np.newaxis], np.zeros(100))
    with h5py.File(path) as file:
        return StoredRows.of(path, file["X"])


@settings(max_examples=30)
@given(
    kept=st.lists(st.booleans(), min_size=100, max_size=100).filter(any),
    block=st.integers(1, 100),
    rows=st.integers(1, 100),
    shuffle=st.booleans(),
    seed=st.integers(0, 9),
    epoch=st.integers(0, 5),
)
def test_an_epoch_has_every_sample_once(
    numbers: StoredRows, kept: list[bool], block: int, rows: int, shuffle: bool, seed: int, epoch: int
) -> None:
    samples, is_kept = StoredSamples(replace(numbers, block=block)), np.array(kept)
    dataset = Dataset(cast(Any, samples[is_kept]), np.flatnonzero(is_kept), "numbers.h5")
    X = Streamed(fn.Stream.of(dataset, "1MB"), None, np.dtype(np.float32), (1,))
    rows = min(rows, len(X))
    planned = Plan(rows, -(-len(X) // rows), 4)
    with (
        contextlib.closing(Buffers(X, planned, seed, shuffle)) as buffers,
        contextlib.closing(Buffers(X, planned, seed, shuffle)) as others,
    ):
        later = [np.arange(len(X))[buffer.rows].copy() for buffer in others.epoch(epoch + 1)]
        for turn in (epoch, epoch + 1):
            seen = []
            for buffer in buffers.epoch(turn):
                seen.append(np.arange(len(X))[buffer.rows].copy())
                np.testing.assert_array_equal(np.asarray(buffer.X)[:, 0], np.flatnonzero(is_kept)[seen[-1]])
            assert [len(which) for which in seen[:-1]] == [rows] * (planned.buffers - 1)
            np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.arange(len(X)))
            if not shuffle:
                np.testing.assert_array_equal(np.concatenate(seen), np.arange(len(X)))
        # What an epoch has does not hang on what was asked for before.
        for one, other in zip(seen, later, strict=True):
            np.testing.assert_array_equal(one, other)


OPTIONS: list[dict[str, Any]] = [
    {"optimizer": fn.Adam(0.01)},
    {"optimizer": fn.Nadam(0.01), "shuffle": False},
    {"optimizer": fn.SGD(fn.ExponentialDecay(0.1, 0.99, per="step"), momentum=0.9)},
    {"optimizer": fn.SGD(0.1, average=0.9), "class_weight": "balanced", "metrics": ("f1_macro",)},
]


@pytest.mark.needs_compiler
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_both_engines_train_alike_on_buffers(file: Path, buffers_of: Any, options: dict[str, Any]) -> None:
    buffers_of(6 * BATCH)
    stream = fn.Stream(file)
    preparation = fn.Preparation.fit(stream)
    histories, ends = [], []
    for backend in ("jit", "reference"):
        net = network(dtype="float64", dropout=0.2, preparation=preparation)
        fit = {"epochs": 3, "batch_size": BATCH, "backend": backend, "validation_data": stream[::7], **options}
        histories.append(net.fit(stream, **fit))
        ends.append(net.parameters)
    # Float64, some hundred steps: rounding is far below a millionth of what a wrong step would change.
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-9, atol=1e-9)
    for name in histories[0].columns():
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-9)
    # 44 batches in the order of the file, in buffers or not, are the same 44 batches.
    if not options.get("shuffle", True):
        in_memory = network(dtype="float64", dropout=0.2)
        in_memory.fit(fn.Pixels(pixels()[0], 255), stream.y, **(fit | {"validation_data": None}))
        np.testing.assert_array_equal(ends[1], in_memory.parameters)


@pytest.mark.parametrize("rows", [BATCH, 5 * BATCH, SAMPLES])
def test_two_parts_are_the_whole(file: Path, buffers_of: Any, rows: int) -> None:
    buffers_of(rows)
    stream = fn.Stream(file)

    def run(net: fn.Network, epochs: int, after: Any = None) -> Training:
        X, Y = net.check_samples(stream), net.check_targets(net.targets_of(stream, None), len(stream))
        this = Training(
            net,
            Labelled(X, Y, net.check_weights(Y)),
            optimizer=fn.Adam(),
            epochs=epochs,
            batch_size=BATCH,
            shuffle=True,
            validation=None,
            metrics=(),
            backend="reference",
            threads=1,
            after=after,
        )
        this.run([])
        return this

    whole, parts = network(dropout=0.3), network(dropout=0.3)
    expected = run(whole, 3)
    first = run(parts, 2)
    then = run(parts, 1, first.progress())
    np.testing.assert_array_equal(parts.parameters, whole.parameters)
    assert first.history.loss + then.history.loss == expected.history.loss


def test_a_saved_network_is_evaluated_and_asked_on_a_stream(file: Path, tmp_path: Path) -> None:
    X, y = pixels()
    stream = fn.Stream(file)
    net = network(preparation=fn.Preparation.fit(stream))
    net.fit(stream, epochs=2, backend="reference")
    net.save(tmp_path / "model.h5")
    again = fn.load(tmp_path / "model.h5")
    scores = again.evaluate(stream[50:], metrics=("f1_macro",), backend="reference")
    expected = net.evaluate(fn.Pixels(X[50:], 255), y[50:], metrics=("f1_macro",), backend="reference")
    assert scores["accuracy"] == expected["accuracy"]
    assert scores["f1_macro"] == expected["f1_macro"]
    assert scores["loss"] == pytest.approx(expected["loss"], rel=ROUNDING)
    for ask in (net.predict, net.predict_proba):
        np.testing.assert_array_equal(ask(stream, backend="reference"), ask(fn.Pixels(X, 255), backend="reference"))


class Spoil(Callback):
    """Does something to the file when an epoch has ended."""

    def __init__(self, change: Any) -> None:
        self.change = change

    def on_epoch_end(self, training: Training) -> None:
        self.kept = training.model.parameters.copy()
        self.change()


def test_a_file_that_shrinks_leaves_the_last_good_model(file: Path, buffers_of: Any) -> None:
    buffers_of(5 * BATCH)
    net, spoil = network(), Spoil(lambda: os.truncate(file, 2000))
    with pytest.raises(fn.DataError, match=r"pixels\.h5: the (file was changed|HDF5 file is truncated)"):
        net.fit(fn.Stream(file), batch_size=BATCH, epochs=4, backend="reference", callbacks=[spoil])
    np.testing.assert_array_equal(net.parameters, spoil.kept)


def test_a_damaged_chunk_ends_in_a_sentence(tmp_path: Path, buffers_of: Any) -> None:
    file = written(tmp_path / "damaged.h5", *pixels(), compression="gzip", fletcher32=True)
    with h5py.File(file) as h5:
        chunk = h5["X"].id.get_chunk_info(15)
    stream, status = fn.Stream(file), file.stat()
    # A disk that forgets does not tell the time.
    with file.open("r+b") as raw:
        raw.seek(chunk.byte_offset + chunk.size // 2)
        raw.write(b"\xff\x00\xff\x00\xff")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    buffers_of(5 * BATCH)
    net = network()
    before = net.parameters.copy()
    with pytest.raises(fn.DataError, match=r"damaged\.h5: the HDF5 file is truncated or damaged \(.*\); copy or write"):
        net.fit(stream, batch_size=BATCH, epochs=1, backend="reference")
    np.testing.assert_array_equal(net.parameters, before)


def test_a_training_that_diverges_leaves_the_last_good_model(file: Path, buffers_of: Any) -> None:
    buffers_of(5 * BATCH)
    net = network()
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(fn.DivergenceError, match="epoch"):
        net.fit(fn.Stream(file), batch_size=BATCH, epochs=5, optimizer=fn.SGD(1e30), backend="reference")
    assert np.isfinite(net.parameters).all()


def test_a_value_that_is_not_finite_is_named_by_its_row(tmp_path: Path) -> None:
    X, y = pixels()
    X = X.astype(np.float32)
    X[300, 2] = np.nan
    stream = fn.Stream(written(tmp_path / "gap.h5", X, y))[200:]
    with pytest.raises(fn.DataError, match=r"gap\.h5: sample 301 of 700, feature 3 of 12 is nan"):
        fn.Preparation.fit(stream)
    with pytest.raises(fn.DataError, match=r"gap\.h5: sample 301 of 700 holds NaN or infinity"):
        network().predict(stream, backend="reference")


@pytest.mark.parametrize("use", ["predict", "evaluate", "evaluate with metrics", "fit", "validate"])
def test_a_number_that_the_network_has_no_room_for_is_named_by_its_row(use: str, tmp_path: Path) -> None:
    X, y = pixels()
    good = fn.Stream(written(tmp_path / "good.h5", X.astype(np.float64), y))
    X = X.astype(np.float64)
    X[300, 2] = 1e300
    large = fn.Stream(written(tmp_path / "large.h5", X, y))[200:]
    options: dict[str, Any] = {"epochs": 2, "batch_size": BATCH, "backend": "reference"}
    net = network()
    before = net.parameters.copy()
    calls: dict[str, Callable[[], Any]] = {
        "predict": lambda: net.predict(large, backend="reference"),
        "evaluate": lambda: net.evaluate(large, backend="reference"),
        "evaluate with metrics": lambda: net.evaluate(large, metrics=["f1"], backend="reference"),
        "fit": lambda: net.fit(large, **options),
        "validate": lambda: net.fit(good, validation_data=large, **options),
    }
    with pytest.raises(fn.DataError, match=r"large\.h5: sample 301 of 700 holds a number too large for float32; scale"):
        calls[use]()
    assert use == "validate" or np.array_equal(net.parameters, before)


def test_what_does_not_go_together_is_refused(file: Path, tmp_path: Path) -> None:
    stream = fn.Stream(file, memory="1MB")
    with pytest.raises(
        fn.ConfigurationError, match=r"1 MB is too small for this network and batches of 16 .* need \d+MB"
    ):
        network().fit(stream, epochs=1, batch_size=16, backend="reference")
    with pytest.raises(fn.DataError, match="a stream is for fit, evaluate and predict"):
        fn.find_learning_rate(network(), stream, stream.y, backend="reference")  # type: ignore[arg-type]
    with pytest.raises(fn.ConfigurationError, match="memory must be an amount such as 500MB or 2GiB, not '5 apples'"):
        fn.Stream(file, memory="5 apples")
    with pytest.raises(fn.DataError, match="it has no test part"):
        fn.Stream(file, part="test")
    with pytest.raises(fn.DataError, match="by a mask or by rising indices"):
        stream[[3, 2]]
    with pytest.raises(fn.DataError, match="one sample"):
        stream[np.zeros(SAMPLES, bool)]
    with pytest.raises(fn.DataError, match=r"should have shape \(5,\)"):
        fn.Network([fn.Dense(1)], input_shape=5, loss="mean_squared_error").predict(stream)
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(fn.DataError, match=r"table\.csv: only an HDF5 file can be streamed"):
        fn.Stream(table)
    unlabelled = tmp_path / "unlabelled.h5"
    with h5py.File(unlabelled, "w") as h5:
        h5["X"] = pixels()[0]
        h5["elsewhere"] = h5py.ExternalLink("other.h5", "y")
    with pytest.raises(fn.DataError, match="no targets beside"):
        fn.Stream(unlabelled)


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 500_000_000), ("1.5 GiB", 3 * 2**29), ("64k", 64_000), ("7", 7), (4096, 4096)]
)
def test_an_amount_of_memory(text: Any, size: int) -> None:
    assert size_in_bytes("memory", text) == size


@pytest.mark.parametrize("text", ["", "MB", "-5MB", "0", "nan", "1e999GB", "5 XB", True, 2.5, None])
def test_no_amount_of_memory(text: Any) -> None:
    with pytest.raises(fn.ConfigurationError, match="must be an amount"):
        size_in_bytes("memory", text)
