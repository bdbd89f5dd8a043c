"""The well-known data sets that `fastnet data fetch` gets: their files, what those hash to, and where they are.

How each hash was obtained is in docs/formats.md.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from .builtin import BUILT_IN

_MNIST_CONTENT = {
    "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@dataclass(frozen=True)
class RemoteFile:
    """A file of a collection.

    Attributes
    ----------
    name : str
    sha256 : str
        Of the file as it is published.
    content : str, optional
        SHA-256 of what a ``.gz`` file holds, so that one compressed by somebody else is known too.
    """

    name: str
    sha256: str
    content: str | None = None


@dataclass(frozen=True)
class Collection:
    """A data set of some files.

    Attributes
    ----------
    name : str
    files : tuple of RemoteFile
        MNIST's four, or an HDF5 file of each part, the training part first.
    mirrors : tuple of str
        Addresses of folders that have all files, in the order they are tried.
    class_names : tuple of str, optional
        For labels that are numbers.
    """

    name: str
    files: tuple[RemoteFile, ...]
    mirrors: tuple[str, ...]
    class_names: tuple[str, ...] | None = None


_ALL = (
    Collection(
        "mnist",
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                _MNIST_CONTENT["train-images-idx3-ubyte.gz"],
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                _MNIST_CONTENT["train-labels-idx1-ubyte.gz"],
            ),
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                _MNIST_CONTENT["t10k-images-idx3-ubyte.gz"],
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                _MNIST_CONTENT["t10k-labels-idx1-ubyte.gz"],
            ),
        ),
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
    ),
    Collection(
        "fashion-mnist",
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
            ),
            RemoteFile("t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            RemoteFile("t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        (
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
    ),
    Collection(
        "cats",
        (
            RemoteFile("train_catvnoncat.h5", "fbe56ab67c3ae28d564e3a644189117976d6b31af0a3ce9bb17dbf22908af242"),
            RemoteFile("test_catvnoncat.h5", "6a9d39ce52fa85953c5834695b8534a30ed8cfd54971fb2f080b5a24d002b951"),
        ),
        (
            "https://github.com/ridhimagarg/Cat-vs-Non-cat-Deep-learning-implementation/raw/master/datasets/",
            "https://raw.githubusercontent.com/ramakris/coursera-deeplearning/"
            "b1c8f954b5711f918c75f764138837bbe1b3f7fc/datasets/",
        ),
    ),
)
CATALOGUE = {collection.name: collection for collection in _ALL}


def names_data(text: str, folder: Path = Path()) -> bool:  # a path is never changed
    """Whether a text names data that are no file: built in, or of the catalogue unless ``folder`` has such a path."""
    return text in BUILT_IN or (text in CATALOGUE and not (folder / text).exists())


def folder_of(name: str) -> Path:
    """Where a collection is kept: in the user's data folder, or below what ``FASTNET_DATA_DIR`` names."""
    root = os.environ.get("FASTNET_DATA_DIR")
    if root:
        return Path(root) / name
    import platformdirs

    return platformdirs.user_data_path("fastnet", appauthor=False) / "datasets" / name


def there(collection: Collection, folder: Path) -> dict[str, Path]:
    """The files of a collection that a folder has, by the names they are published with; plain ones before ``.gz``."""
    found = {}
    for file in collection.files:
        for candidate in (folder / file.name.removesuffix(".gz"), folder / file.name):
            if candidate.is_file():
                found[file.name] = candidate
                break
    return found
