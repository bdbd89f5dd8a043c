"""Small valid files of every format, which the fuzzer starts from."""

import contextlib
import gzip
import io
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import fastnet as fn
from fastnet.data import read_training


def csv() -> list[bytes]:
    """Tables as people write them."""
    return [
        b"a,b,y\n1,2,0\n3,4,1\n5,6,0\n7,8,1\n",
        b"a,b,price\r\n1.5,-2e3,10.25\r\n3,4e-5,11\r\n0,.5,12.5\r\n",
        b'\xef\xbb\xbf"name, long",b,label\n1,2,"yes"\n3,4,"no ""really"""\n5,6,yes\n',
        "größe,b,label\n1,2,käse\n3,4,wurst\n5,6,käse\n".encode(),
        b"date,id,colour,v,y\n2024-01-02,1,red,2,1\n2024-01-03,2,blue,3.5,0\n2024-01-04,3,red,1,1\n2024-01-05,4,red,2,0\n",
        b'a;"b, long";price\n1,5;-2,75;1,234\n3;4;"11,5"\n0,25;5;12\n',
    ]


def tsv() -> list[bytes]:
    """The same, separated by tabs where that is by commas."""
    return [content if b";" in content else content.replace(b",", b"\t") for content in csv()]


def csv_gz() -> list[bytes]:
    """The same, compressed."""
    return [gzip.compress(content, mtime=0) for content in csv()]


def hdf5() -> list[bytes]:
    """The course's layout and others: contiguous, chunked, compressed, in groups, with text and links."""
    pixels = np.arange(4 * 2 * 2 * 3, dtype=np.uint8).reshape(4, 2, 2, 3)
    labels = np.array([0, 1, 0, 1])

    def course(file: Any) -> None:
        file["train_set_x"], file["train_set_y"] = pixels, labels
        file["test_set_x"], file["test_set_y"] = pixels, labels
        file["list_classes"] = np.array([b"non-cat", b"cat"])

    def compressed(file: Any) -> None:
        rows = np.arange(32, dtype=np.float32).reshape(8, 4)
        file.create_dataset("X", data=rows, chunks=(2, 4), compression="gzip", shuffle=True, fletcher32=True)
        file.create_dataset("y", data=np.arange(8) % 2, chunks=(4,), compression="lzf", maxshape=(None,))
        file["X"].attrs["unit"] = "metres"

    def texts(file: Any) -> None:
        file["X"] = np.arange(12, dtype=np.float64).reshape(6, 2)
        file.create_dataset("y", data=["cat", "dog", "cat", "dog", "cat", "eel"], dtype=h5py.string_dtype())
        file["feature_names"] = ["a", "b"]
        file["alias"] = h5py.SoftLink("/X")
        file.create_group("more").create_dataset("X", data=[[1.0]])

    def modern(file: Any) -> None:
        file.create_dataset("X", data=np.arange(12, dtype=">i2").reshape(6, 2), chunks=(3, 2), maxshape=(None, None))
        file["y"] = np.arange(6) % 2 == 0

    layouts: list[tuple[Callable[[Any], None], Mapping[str, Any]]] = [
        (course, {}),
        (compressed, {}),
        (texts, {}),
        (modern, {"libver": "latest"}),
        (compressed, {"libver": "latest"}),
    ]
    return [_hdf5(fill, **options) for fill, options in layouts]


def _hdf5(fill: Callable[[Any], None], **options: Any) -> bytes:
    image = io.BytesIO()
    with h5py.File(image, "w", **options) as file:
        fill(file)
    return image.getvalue()


def npz() -> list[bytes]:
    """Archives with numbers and text, compressed and not."""
    X, y = np.arange(12, dtype=np.float32).reshape(6, 2), np.arange(6) % 2
    names = {"classes": np.array(["cat", "dog"]), "feature_names": np.array([b"a", b"b"])}
    return [
        _npz(np.savez, X=X, y=y),
        _npz(np.savez_compressed, X=X, y=y, **names),
        _npz(np.savez, x_train=X, y_train=np.array(["a", "b"] * 3), x_test=X, y_test=np.array(["a", "b"] * 3)),
        _npz(np.savez, X=np.asfortranarray(X.astype(">f8")), y=y.astype(bool)),
    ]


def _npz(save: Callable[..., None], **arrays: Any) -> bytes:
    image = io.BytesIO()
    save(image, **arrays)
    return image.getvalue()


def idx_images() -> list[bytes]:
    """Four pictures of 2 x 2, plain and compressed, and rows of floats."""
    plain = struct.pack(">4B3I", 0, 0, 8, 3, 4, 2, 2) + bytes(range(16))
    floats = struct.pack(">4B2I", 0, 0, 13, 2, 4, 2) + np.arange(8, dtype=">f4").tobytes()
    return [plain, gzip.compress(plain, mtime=0), floats]


def idx_labels() -> list[bytes]:
    """Their labels."""
    plain = struct.pack(">4BI", 0, 0, 8, 1, 4) + bytes([0, 1, 0, 1])
    return [plain, gzip.compress(plain, mtime=0)]


def npy() -> list[bytes]:
    """Six samples, in either order and of several types."""
    X = np.arange(12, dtype=np.float32).reshape(6, 2)
    images = []
    for values in (X, np.asfortranarray(X.astype(">f8")), (X > 3), X.astype(np.uint8)):
        image = io.BytesIO()
        np.save(image, values)
        images.append(image.getvalue())
    return images


def _table() -> Any:
    import pyarrow as pa

    return pa.table(
        {
            "a": [1.5, 2.5, 3.5, 4.5],
            "n": pa.array([1, 2, 3, 4], pa.int32()),
            "colour": pa.array(["red", "blue", "red", "red"]).dictionary_encode(),
            "on": [True, False, True, True],
            "label": ["cat", "dog", "cat", "dog"],
        }
    )


def parquet() -> list[bytes]:
    """Columns of every usual type, compressed and not."""
    from pyarrow import parquet as pq

    images = []
    for options in ({}, {"compression": "none", "use_dictionary": False}, {"compression": "gzip", "version": "1.0"}):
        image = io.BytesIO()
        pq.write_table(_table(), image, **options)
        images.append(image.getvalue())
    return images


def arrow() -> list[bytes]:
    """The same as a file and as a stream."""
    import pyarrow as pa

    images = []
    for writer in (pa.ipc.new_file, pa.ipc.new_stream):
        image = io.BytesIO()
        with writer(image, _table().schema) as out:
            out.write_table(_table())
        images.append(image.getvalue())
    return images


def pictures() -> list[bytes]:
    """One picture in every format."""
    from PIL import Image

    picture = Image.fromarray(np.arange(6 * 5 * 3, dtype=np.uint8).reshape(6, 5, 3))
    images = []
    for kind, mode in [*((kind, "RGB") for kind in ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM")), ("GIF", "P")]:
        image = io.BytesIO()
        picture.convert(mode).save(image, kind)
        images.append(image.getvalue())
    for mode in ("L", "RGBA", "I;16"):
        image = io.BytesIO()
        picture.convert("L" if mode == "I;16" else mode).convert(mode).save(image, "PNG")
        images.append(image.getvalue())
    return images


def networks() -> list[fn.Network]:
    """Networks with what a model file can hold: a preparation, classes, a regression, normalisation."""
    train, _ = read_training("moons")
    classifier = fn.Network(
        [fn.Dense(3, activation="tanh", l2=0.1), fn.Dropout(0.1), fn.BatchNorm(), fn.Dense(1, activation="sigmoid")],
        input_shape=2,
        loss="binary_crossentropy",
    )
    classifier.preparation = fn.Preparation.fit(train)
    return [classifier, fn.Network([fn.Dense(1)], input_shape=(2, 2), loss="huber", dtype="float64", seed=3)]


def models(folder: Path) -> list[bytes]:
    """Their files."""
    images = []
    for network in networks():
        network.save(folder / "seed.h5")
        images.append((folder / "seed.h5").read_bytes())
    return images


def checkpoints(folder: Path) -> list[bytes]:
    """What is kept of a training under way."""
    X, y = np.arange(12.0).reshape(6, 2), np.arange(6) % 2
    network = fn.Network(
        [fn.Dense(2, activation="tanh"), fn.Dense(1, activation="sigmoid")], input_shape=2, loss="binary_crossentropy"
    )
    path = folder / "seed.h5"
    network.fit(X, y, optimizer=fn.Adam(), epochs=2, backend="reference", callbacks=[fn.Checkpoint(path)])
    return [path.read_bytes()]


def run_file(name: str) -> Callable[[Path], list[bytes]]:
    """A file of a run's folder, and beside it the others."""

    def made(folder: Path) -> list[bytes]:
        from fastnet.cli.train import train

        arguments = ["moons", "--epochs", "2", "--no-jit", "--layers", "2", "--json", "--out", str(folder / "run")]
        with contextlib.redirect_stdout(io.StringIO()):
            train.main(arguments, standalone_mode=False)
        return [(folder / "run" / name).read_bytes()]

    return made


def toml() -> list[bytes]:
    """Configurations as ``fastnet train`` saves them and as people write them."""
    return [
        b'data = "digits"\nlayers = [20, 7]\nactivation = "relu"\nepochs = 3\nlearning-rate = 0.01\njit = false\n',
        b'data = "a.csv"\ntarget = "y"\noptimizer = "adam"\nbatch_size = "full"\nvalidation = 0.2\ndtype = "float64"\n',
        b"# a comment\nlayers = 20\nl2 = 1e-4\ndropout = 0.5\nseed = 7\n",
    ]
