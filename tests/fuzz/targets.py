"""What the fuzzer feeds: for each format, its seeds and how a file of it is read to the end.

A target either takes a file or refuses it with a `FastnetError` of one sentence. Anything else is a finding.
"""

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import mutate
import numpy as np
import seeds
import vetter

import fastnet as fn
from fastnet import checkpoint, state
from fastnet.cli import config
from fastnet.cli.runs import runs
from fastnet.cli.train import train
from fastnet.data import read_prediction, read_training
from fastnet.errors import DataWarning, FastnetError

Read = Callable[[Path], None]
_LONGEST_SENTENCE = 2000


class FindingError(AssertionError):
    """A file was neither read nor refused as it should be."""


@dataclass(frozen=True)
class Target:
    """One format.

    Attributes
    ----------
    name : str
    file_name : str
        What the file is called, which is how most readers know the format.
    seeds : function of a folder to a list of bytes
    prepare : function of a folder to a function of a path
        Puts beside the file what it needs, and gives what reads it.
    inside : sequence of mutations
        Those that know the format.
    share : float
        How many of all inputs it gets, relative to the others.
    """

    name: str
    file_name: str
    seeds: Callable[[Path], list[bytes]]
    prepare: Callable[[Path], Read]
    inside: Sequence[mutate.Mutation] = ()
    share: float = 1.0

    def attempt(self, read: Read, path: Path) -> str:
        """Read one file: "read" or "refused".

        Raises
        ------
        Exception
            What the reader lets through, or a `FindingError`.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DataWarning)
            try:
                read(path)
            except FastnetError as error:
                check_sentence(error)
                return "refused"
        return "read"


def check_sentence(error: FastnetError) -> None:
    """Whether an error says one sentence that can be printed, and is no shortage of memory in disguise."""
    sentence = str(error)
    if not sentence.isprintable() or not 10 < len(sentence) <= _LONGEST_SENTENCE:
        raise FindingError(f"not a sentence to print: {sentence[:300]!r}") from error
    if isinstance(error.__context__, MemoryError):
        raise FindingError(f"a small file asked for all of the memory: {sentence}") from error


def _used(path: Path) -> None:
    """Read data to train on and prepare them."""
    dataset, test = read_training(path)
    preparation = fn.Preparation.fit(dataset)
    for part in (dataset, test):
        if part is not None:
            preparation.check_names(part)
            preparation.samples(part.X, source=part.source)
            assert part.y is not None
            preparation.targets(part.y, source=part.source)
    if read_prediction(path, preparation=preparation).y is not None:
        raise FindingError("data to predict on came with targets")


def data(folder: Path) -> Read:
    """Read and prepare data."""
    return _used


def _vetted(folder: Path) -> Read:
    return vetter.vetted_by(vetter.Vetter(), _used)


def _npy_beside_targets(folder: Path) -> Read:
    np.save(folder / "y.npy", np.arange(6) % 2)
    return _used


def _folder_of_pictures(folder: Path) -> Read:
    """A picture among others of its size."""
    root = folder / "pictures"
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        (root / name / "2.png").write_bytes(seeds.pictures()[0])

    def read(path: Path) -> None:
        dataset, _ = read_training(root, size=5)
        fn.Preparation.fit(dataset)

    return read


def _checkpoints(folder: Path) -> Read:
    """A checkpoint is read bit by bit as it was written, or not at all."""

    def told(path: Path) -> str:
        return repr({key: value for key, value in state.read(path).items() if key != "path"})

    original = told(folder / "seed.h5")  # which holds times, so that no other one is the same

    def read(path: Path) -> None:
        if told(path) != original:
            raise FindingError("a damaged checkpoint was read as another one")

    return read


def _idx_beside_labels(folder: Path) -> Read:
    (folder / "train-labels-idx1-ubyte").write_bytes(seeds.idx_labels()[0])
    return _used


def _labels_beside_idx(folder: Path) -> Read:
    images = folder / "train-images-idx3-ubyte"
    images.write_bytes(seeds.idx_images()[0])
    return lambda path: _used(images)


def _models(folder: Path) -> Read:
    """A model is loaded bit by bit as it was saved, or not at all."""
    originals = [(repr(network), network.parameters.tobytes(), network.preparation) for network in seeds.networks()]

    def read(path: Path) -> None:
        network = fn.load(path)
        if (repr(network), network.parameters.tobytes(), network.preparation) not in originals:
            raise FindingError("a damaged model was loaded as another one")

    return read


def _forged(folder: Path) -> Read:
    """A model with a seal that fits what was made of it is loaded and answers, or is refused."""

    def read(path: Path) -> None:
        path.write_bytes(checkpoint.FILE.sealed(path.read_bytes()))
        network = fn.load(path)
        with np.errstate(all="ignore"):
            network.predict(np.ones((2, *network.input_shape)), backend="reference")

    return read


def _config(folder: Path) -> Read:
    context = click.Context(train)

    def read(path: Path) -> None:
        config.read(path, context)

    return read


def _runs(folder: Path) -> Read:
    """`fastnet runs` lists the folder of a run, or says what is damaged."""

    def read(path: Path) -> None:
        for arguments in ([], ["--json"]):
            with contextlib.redirect_stdout(io.StringIO()):
                runs.main([str(folder / "run"), *arguments], standalone_mode=False)

    return read


def _always(make: Callable[[], list[bytes]]) -> Callable[[Path], list[bytes]]:
    return lambda folder: make()


_GZIP = (mutate.inside_gzip,)
BEYOND = ("forged-model",)
"""What reaches the HDF5 library with nothing before it, and is fuzzed only where it is named."""
TARGETS = (
    Target("csv", "data.csv", _always(seeds.csv), data, share=1),
    Target("tsv", "data.tsv", _always(seeds.tsv), data),
    Target("csv.gz", "data.csv.gz", _always(seeds.csv_gz), data, inside=_GZIP, share=0.5),
    Target("parquet", "data.parquet", _always(seeds.parquet), data, share=0.5),
    Target("arrow", "data.arrow", _always(seeds.arrow), data, share=0.5),
    Target("npy", "X.npy", _always(seeds.npy), _npy_beside_targets),
    Target("pictures", "pictures/cat/1.png", _always(seeds.pictures), _folder_of_pictures, (mutate.inside_png,), 0.3),
    Target("checkpoint", "checkpoint.h5", seeds.checkpoints, _checkpoints, share=5),
    Target("hdf5", "data.h5", _always(seeds.hdf5), _vetted, share=0.15),
    Target("npz", "data.npz", _always(seeds.npz), data, inside=(mutate.inside_zip,)),
    Target("idx-images", "train-images-idx3-ubyte", _always(seeds.idx_images), _idx_beside_labels, _GZIP),
    Target("idx-labels", "train-labels-idx1-ubyte", _always(seeds.idx_labels), _labels_beside_idx, _GZIP),
    Target("model", "model.h5", seeds.models, _models, share=6),
    Target("forged-model", "model.h5", seeds.models, _forged),
    Target("about", "run/about.json", seeds.run_file("about.json"), _runs, share=0.2),
    Target("history", "run/history.csv", seeds.run_file("history.csv"), _runs, share=0.2),
    Target("config", "config.toml", _always(seeds.toml), _config),
)
