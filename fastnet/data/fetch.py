"""Getting a data set of the catalogue: from its mirrors, or from a folder; checked by its hash either way."""

import gzip
import hashlib
import io
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ..errors import DataError, OutputError
from .catalogue import Collection, RemoteFile, there

_ATTEMPTS = 3
_CHUNK = 2**14  # of which what a cut connection leaves unfinished is lost
_TIMEOUT = (10, 30)  # seconds to connect, and between two pieces


class Watcher(Protocol):
    """What is told of a download as it goes on."""

    def __call__(self, name: str, done: int, total: int | None) -> None:
        """So many bytes of a file are there, of so many if that is known."""


@dataclass(frozen=True)
class Got:
    """A file that is there now, with its right hash, and how it came: "kept", "copied" or "downloaded"."""

    path: Path
    how: str
    address: str | None = None


def fetch(
    collection: Collection, folder: Path, *, source: Path | None = None, watcher: Watcher = lambda *_: None
) -> list[Got]:
    """Have all files of a collection in a folder.

    Parameters
    ----------
    collection : Collection
    folder : Path
        It is made if it is not there. What was downloaded of a file stays in it when the connection is cut, as
        ``NAME.part``, and the next call goes on from there.
    source : Path, optional
        A folder to copy the files from instead of downloading them.
    watcher : callable

    Raises
    ------
    DataError
        A file cannot be downloaded or has another content; the sentence says which files, from where, to put where.
    OutputError
        The folder cannot be written, or has a file of such a name and another content.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        present = there(collection, folder)
        for file in collection.files:
            if file.name in present and not is_right(present[file.name], file):
                raise OutputError(
                    f"{present[file.name]} has another content than {collection.name} should have; remove it or choose "
                    "another folder with --to"
                )
        missing = [file for file in collection.files if file.name not in present]
        if source is not None:
            originals = _originals(collection, missing, source)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"{folder} cannot be used: {error.strerror or error}; choose a folder that can be written with --to"
        ) from None
    got = [Got(path, "kept") for path in present.values()]
    for file in missing:
        if source is None:
            got.append(_download(collection, file, folder, missing, watcher))
        else:
            got.append(_copy(originals[file.name], folder, watcher))
    return got


def is_right(path: Path, file: RemoteFile) -> bool:
    """Whether a file is the published one, or holds the same, plain or compressed by somebody else."""
    if path.name == file.name and _sha256(path.open("rb")) == file.sha256:
        return True
    if file.content is None:
        return False
    try:
        with path.open("rb") as stream:
            compressed = stream.read(2) == b"\x1f\x8b"
        return _sha256(gzip.open(path) if compressed else path.open("rb")) == file.content
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False


def _sha256(stream: "io.BufferedReader | gzip.GzipFile") -> str:
    with stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _originals(collection: Collection, missing: list[RemoteFile], source: Path) -> dict[str, Path]:
    """The files to copy, all of them there and right."""
    if not source.is_dir():
        raise DataError(f"{source}: there is no such folder; give the one that the files are in with --from")
    found = there(collection, source)
    absent = [file.name for file in missing if file.name not in found]
    if absent:
        raise DataError(f"{source}: {collection.name} needs {_listed(absent)}, which this folder has not; put it there")
    for file in missing:
        if not is_right(found[file.name], file):
            raise DataError(
                f"{found[file.name]}: this is not the file that {collection.name} has, whose SHA-256 is {file.sha256}; "
                f"download it again, from {_addresses(collection)}"
            )
    return found


def _copy(original: Path, folder: Path, watcher: Watcher) -> Got:
    path, part = folder / original.name, folder / f"{original.name}.part"
    try:
        shutil.copyfile(original, part)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; make room or choose another folder"
        ) from None
    watcher(path.name, path.stat().st_size, path.stat().st_size)
    return Got(path, "copied")


def _download(
    collection: Collection, file: RemoteFile, folder: Path, missing: list[RemoteFile], watcher: Watcher
) -> Got:
    """Try mirror after mirror."""
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")  # what is done is said by whoever calls
    reasons = []
    for mirror in collection.mirrors:
        address = mirror + file.name
        download = _Resumed(folder / f"{file.name}.part", file.name, watcher)
        for _ in range(_ATTEMPTS):
            before, resumed = download.size, download.size > 0
            try:
                pooch.retrieve(address, file.sha256, fname=file.name, path=folder, downloader=download)
                return Got(folder / file.name, "downloaded", address)
            except requests.RequestException as error:
                reason = _reason(error)
                if getattr(error.response, "status_code", None) == requests.codes.requested_range_not_satisfiable:
                    download.part.unlink(missing_ok=True)  # more of it is there than the server has
                elif download.size <= before:
                    break  # nothing came, so nothing would
            except ValueError:  # pooch's word for another hash, after which it has removed what it got
                reason = "the file there has another SHA-256"
                if not resumed:
                    break
            except OSError as error:
                raise OutputError(
                    f"{folder / file.name} cannot be written: {error.strerror or error}; make room or choose another "
                    "folder with --to"
                ) from None
        reasons.append(f"{address}: {reason}")
        if not download.size:
            download.part.unlink(missing_ok=True)
    # What came from a mirror that gave it whole and wrong is gone; what was cut off stays for the next time.
    raise DataError(
        f"{collection.name} cannot be downloaded ({'; '.join(reasons)}); run this again when the network is back, or "
        f"get {_listed([one.name for one in missing if not (folder / one.name).is_file()])} by other means from "
        f"{_addresses(collection)} and put it into {folder}, or into any folder that you give with --from"
    )


class _Resumed:
    """A downloader for pooch that goes on where an earlier one ended, if the server can."""

    def __init__(self, part: Path, name: str, watcher: Watcher) -> None:
        self.part, self.name, self.watcher = part, name, watcher

    @property
    def size(self) -> int:
        """How much is there."""
        return self.part.stat().st_size if self.part.is_file() else 0

    def __call__(self, address: str, output_file: Any, pooch_object: object) -> None:
        """Download to the partial file, and make that ``output_file`` once it is whole."""
        import pooch
        import requests

        had = self.size
        # What is compressed is hashed so: nothing may undo it on the way.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={had}-"} if had else {})
        with self.part.open("ab") as stream:

            def begin(response: requests.Response, *_: object, **__: object) -> None:
                nonlocal had
                if response.status_code == requests.codes.ok:  # all of it, whatever was asked for
                    had = 0
                    stream.truncate(0)
                length = response.headers.get("Content-Length", "")
                counted.total = had + int(length) if length.isdigit() else None
                counted.done = had

            counted = _Counted(stream, self.name, self.watcher)
            download = pooch.HTTPDownloader(
                chunk_size=_CHUNK, headers=headers, timeout=_TIMEOUT, hooks={"response": begin}
            )
            download(address, counted, None)
        self.part.replace(output_file)


class _Counted:
    """A stream that tells how much went through."""

    def __init__(self, stream: BinaryIO, name: str, watcher: Watcher) -> None:
        self.stream, self.name, self.watcher = stream, name, watcher
        self.done, self.total = 0, None  # type: int, int | None

    def write(self, content: bytes) -> None:
        """Write and tell."""
        self.stream.write(content)
        self.done += len(content)
        self.watcher(self.name, self.done, self.total)

    def flush(self) -> None:
        """What pooch calls after each piece."""
        self.stream.flush()


def _reason(error: Exception) -> str:
    """Why a download failed, in a few words."""
    import requests

    response = getattr(error, "response", None)
    if response is not None:
        return f"{response.status_code} {response.reason}"
    words: dict[type[Exception], str] = {
        requests.exceptions.ProxyError: "the proxy cannot be reached or refuses",
        requests.exceptions.SSLError: "its certificate cannot be checked",
        requests.exceptions.ChunkedEncodingError: "the connection was cut",
        requests.exceptions.Timeout: "no answer in time",
        requests.exceptions.ConnectionError: "it cannot be reached",
    }
    return next((text for kind, text in words.items() if isinstance(error, kind)), type(error).__name__)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _addresses(collection: Collection) -> str:
    return " or ".join(collection.mirrors)
