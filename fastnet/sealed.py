"""Files of fastnet's own: HDF5 with a format, a version, and a seal over every byte.

Layout: a user block of 512 bytes, made of the seal's words, the SHA-256 of all that follows the block in hexadecimal,
and zeros; then HDF5 with attributes ``format``, ``version`` and ``fastnet_version`` and plain datasets (n,). The seal
is looked at before the HDF5 library sees a byte: a single flipped one can make that hang or crash.
"""

import hashlib
import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import FastnetError
from .files import write_atomically
from .signals import held_back
from .version import __version__

BLOCK = 512

Vectors = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class SealedFormat:
    """One kind of such files.

    Parameters
    ----------
    noun : str
        What it holds, such as "model".
    version : int
        The newest that this version reads, and which it writes.
    datasets : mapping of str to tuple of str
        The datasets, each with the dtypes that it may have.
    error : type
        What is raised for a file that cannot be read.
    """

    noun: str
    version: int
    datasets: Mapping[str, tuple[str, ...]]
    error: type[FastnetError]

    @property
    def name(self) -> str:
        """What the file calls its format."""
        return f"fastnet {self.noun}"

    @property
    def seal(self) -> bytes:
        """The words that begin the file."""
        return f"{self.name}, sealed with SHA-256 ".encode()

    def _block(self, content: bytes | memoryview) -> bytes:
        """The user block that belongs to the bytes of a file."""
        return (self.seal + hashlib.sha256(memoryview(content)[BLOCK:]).hexdigest().encode()).ljust(BLOCK, b"\0")

    def sealed(self, content: bytes) -> bytes:
        """The bytes of a file with the seal that belongs to them in its user block."""
        return self._block(content) + content[BLOCK:]

    def write(
        self, path: Path, vectors: Mapping[str, Sequence[npt.NDArray[Any]]], previous: Path | None = None
    ) -> None:
        """Write the datasets, each the vectors of a list one after another, to ``path``; an older file there is
        replaced by a whole new one or not at all, and kept as ``previous``, if that is given.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        # Built in memory: one ordinary write then meets a full disk as an ordinary error. It is there once
        # only: what it holds may be large, and a training may be held to its memory.
        with held_back():
            image = self._image(vectors)
        with image.getbuffer() as content:
            content[:BLOCK] = self._block(content)
            write_atomically(path, content, previous)

    def _image(self, vectors: Mapping[str, Sequence[npt.NDArray[Any]]]) -> io.BytesIO:
        """The file, but for the seal."""
        import h5py

        image = io.BytesIO()
        with h5py.File(image, "w", userblock_size=BLOCK) as file:
            file.attrs["format"] = self.name
            file.attrs["version"] = self.version
            file.attrs["fastnet_version"] = __version__
            for name, parts in vectors.items():
                ends = list(itertools.accumulate((part.size for part in parts), initial=0))
                kind = parts[0].dtype if parts else np.dtype(self.datasets[name][0])
                dataset = file.create_dataset(name, (ends[-1],), kind.newbyteorder("<"))
                for part, (start, end) in zip(parts, itertools.pairwise(ends), strict=True):
                    dataset[start:end] = part
        return image

    def read(self, path: Path) -> Vectors:
        """The datasets of the file.

        Raises
        ------
        FastnetError
            Of the class ``error``, if the file is missing, is none of these, is damaged or edited, or was written by a
            newer version.
        """
        import h5py

        try:
            with path.open("rb") as stream:
                # What is not sealed is not read: a data file given for a model may be larger than the memory.
                is_sealed = stream.read(len(self.seal)) == self.seal
                stream.seek(0)
                content = stream.read() if is_sealed else b""
        except (FileNotFoundError, IsADirectoryError) as error:
            raise self.error(
                f"there is no {self.noun} file at {path}; give the path of a file that fastnet saved"
            ) from error
        except OSError as error:
            raise self.error(f"{path} cannot be read: {error.strerror or error}; check its permissions") from error
        if not is_sealed:
            raise self.error(
                f"{path} is not a {self.name}: it is not an HDF5 file or it is damaged, or another program wrote it; "
                "give a file that fastnet saved"
            )
        if content[:BLOCK] != self._block(content):
            raise self.error(
                f"{path} is damaged or was edited, or a newer version than fastnet {__version__} wrote it: "
                "its contents do not match its seal; use a copy or upgrade fastnet-jit"
            )
        try:
            with h5py.File(io.BytesIO(content), "r") as file:
                return self._contents(file, path)
        except FastnetError:
            raise
        except Exception as error:  # a sealed file that is no HDF5 was forged, and h5py raises many types
            raise self.error(f"{path} is damaged: the HDF5 library cannot read it; use a copy") from error

    def _contents(self, file: Any, path: Path) -> Vectors:
        import h5py

        if file.attrs.get("format") != self.name:
            raise self.error(f"{path} is an HDF5 file but not a {self.name}; give a file that fastnet saved")
        version = file.attrs.get("version")
        if not isinstance(version, np.integer) or version < 1:
            raise self.error(f"{path} is damaged: its format version is {version!r}, not a whole number")
        if version > self.version:
            raise self.error(
                f"{path} has format version {version}, written by fastnet {file.attrs.get('fastnet_version')}; "
                f"this is fastnet {__version__}, which reads up to version {self.version}: upgrade fastnet-jit"
            )
        vectors: Vectors = {}
        for name, kinds in self.datasets.items():
            # Only a plain dataset in this very file: a link could point anywhere.
            if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not isinstance(file[name], h5py.Dataset):
                raise self.error(f"{path} is damaged: it has no dataset {name!r}")
            found = file[name]
            if found.ndim != 1 or found.dtype.str not in kinds or found.external is not None or found.is_virtual:
                raise self.error(f"{path} is damaged: its dataset {name!r} is {found.dtype} of shape {found.shape}")
            if found.id.get_storage_size() < found.nbytes:
                raise self.error(f"{path} is damaged: its dataset {name!r} declares more bytes than the file holds")
            vectors[name] = found[:]
        return vectors
