"""Fetching data sets, from a server on this machine that fails in every way a real one does."""

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastnet.data import CATALOGUE, names_data, read_evaluation, read_training
from fastnet.data.catalogue import Collection, RemoteFile, folder_of
from fastnet.data.fetch import fetch
from fastnet.errors import DataError, OutputError

CONTENT = np.random.default_rng(0).bytes(300_000)
HASH = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Site:
    """What the server has, how it behaves, and what it was asked."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)
    has_ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server, for as long as a test takes; nothing goes through a proxy of the machine's."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    here = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked_for = self.headers.get("Range")
            here.asked.append((self.path, asked_for))
            content = here.files.get(self.path.rpartition("/")[2])
            if content is None:
                self.send_error(404)
                return
            begin = int(asked_for.removeprefix("bytes=").removesuffix("-")) if asked_for and here.has_ranges else 0
            if begin >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(content) - begin))
            self.end_headers()
            end = begin + here.cut_after.pop(0) if here.cut_after else len(content)
            self.wfile.write(content[begin:end])

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        here.address = f"http://127.0.0.1:{server.server_address[1]}/"
        yield here
        server.shutdown()
        thread.join()


def collection(*mirrors: str, **files: str) -> Collection:
    return Collection("numbers", tuple(RemoteFile(name, digest) for name, digest in files.items()), mirrors)


def test_files_are_downloaded_checked_and_then_kept(site: Site, tmp_path: Path) -> None:
    site.files["a"] = CONTENT
    told: list[tuple[str, int, int | None]] = []
    [got] = fetch(collection(site.address, a=HASH), tmp_path / "new", watcher=lambda *now: told.append(now))
    assert (got.how, got.address) == ("downloaded", f"{site.address}a")
    assert got.path.read_bytes() == CONTENT
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a"]
    assert told[-1] == ("a", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in told] == sorted({done for _, done, _ in told})
    assert fetch(collection(site.address, a=HASH), tmp_path / "new")[0].how == "kept"
    assert len(site.asked) == 1


def test_a_connection_that_is_cut_goes_on_where_it_ended(site: Site, tmp_path: Path) -> None:
    site.files["a"], site.cut_after = CONTENT, [100_000, 50_000]
    [got] = fetch(collection(site.address, a=HASH), tmp_path)
    assert got.path.read_bytes() == CONTENT
    begins = [0 if asked is None else int(asked[6:-1]) for _, asked in site.asked]
    assert len(begins) == 3
    # Some of what was sent may be lost with the connection, but most is not asked for again.
    assert 0 < begins[1] <= 100_000
    assert begins[1] < begins[2] <= 150_000


def test_a_later_run_goes_on_too(site: Site, tmp_path: Path) -> None:
    site.files["a"], site.cut_after = CONTENT, [90_000, 0]
    with pytest.raises(DataError, match=r"numbers cannot be downloaded \(http.*/a: the connection was cut\)"):
        fetch(collection(site.address, a=HASH), tmp_path)
    left = (tmp_path / "a.part").read_bytes()
    assert left
    assert left == CONTENT[: len(left)]
    fetch(collection(site.address, a=HASH), tmp_path)
    assert site.asked[-1][1] == f"bytes={len(left)}-"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == CONTENT


@pytest.mark.parametrize("left", [CONTENT[:1000], b"something else", CONTENT, CONTENT + b"more"])
@pytest.mark.parametrize("has_ranges", [True, False])
def test_whatever_an_earlier_run_left(site: Site, tmp_path: Path, left: bytes, has_ranges: bool) -> None:
    site.files["a"], site.has_ranges = CONTENT, has_ranges
    (tmp_path / "a.part").write_bytes(left)
    fetch(collection(site.address, a=HASH), tmp_path)
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert not (tmp_path / "a.part").exists()


def test_the_next_mirror_is_tried(site: Site, tmp_path: Path) -> None:
    site.files["a"] = CONTENT
    [got] = fetch(collection("http://127.0.0.1:9/", f"{site.address}", a=HASH), tmp_path)
    assert got.address == f"{site.address}a"


def test_another_content_is_never_kept(site: Site, tmp_path: Path) -> None:
    site.files["a"] = b"an error page"
    with pytest.raises(DataError, match=r"/a: the file there has another SHA-256\)"):
        fetch(collection(site.address, a=HASH), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_had_is_said_with_what_to_do(site: Site, tmp_path: Path) -> None:
    site.files["a"] = CONTENT
    wanted = collection(site.address, "http://127.0.0.1:9/", a=HASH, b=HASH, c=HASH)
    with pytest.raises(DataError) as caught:
        fetch(wanted, tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert f"{site.address}b: 404 Not Found; http://127.0.0.1:9/b: it cannot be reached" in message
    assert f"get b and c by other means from {site.address} or http://127.0.0.1:9/ and put" in message
    assert f"into {tmp_path}, or into any folder that you give with --from" in message
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_proxy_is_gone_through(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.files["a"] = CONTENT
    monkeypatch.setenv("HTTP_PROXY", site.address)
    monkeypatch.setenv("http_proxy", site.address)
    elsewhere = "http://data.invalid/numbers/"
    fetch(collection(elsewhere, a=HASH), tmp_path)
    assert site.asked == [(f"{elsewhere}a", None)]


def test_a_proxy_that_is_not_there_is_named(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    with pytest.raises(DataError, match="the proxy cannot be reached or refuses"):
        fetch(collection("http://data.invalid/", a=HASH), tmp_path)
    assert list(tmp_path.iterdir()) == []


class TestFromAFolder:
    """Without any network."""

    def test_files_are_copied_and_checked(self, tmp_path: Path) -> None:
        (tmp_path / "usb").mkdir()
        (tmp_path / "usb" / "a").write_bytes(CONTENT)
        [got] = fetch(collection(a=HASH), tmp_path / "to", source=tmp_path / "usb")
        assert (got.how, got.path.read_bytes()) == ("copied", CONTENT)
        (tmp_path / "usb" / "a").write_bytes(CONTENT[1:])
        with pytest.raises(DataError, match=rf"this is not the file that numbers has, whose SHA-256 is {HASH}"):
            fetch(collection(a=HASH), tmp_path / "other", source=tmp_path / "usb")
        with pytest.raises(DataError, match=r"usb: numbers needs b and c, which this folder has not"):
            fetch(collection(b=HASH, c=HASH), tmp_path / "other", source=tmp_path / "usb")
        with pytest.raises(DataError, match="there is no such folder"):
            fetch(collection(b=HASH), tmp_path / "other", source=tmp_path / "nowhere")

    @pytest.mark.parametrize(
        ("name", "pack"),
        [("a.gz", lambda raw: gzip.compress(raw, 1)), ("a", lambda raw: raw), ("a.gz", lambda raw: raw)],
        ids=["compressed-again", "plain", "plain-but-called-gz"],
    )
    def test_the_same_content_is_known(self, tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
        published = gzip.compress(CONTENT, 9)
        file = RemoteFile("a.gz", hashlib.sha256(published).hexdigest(), HASH)
        wanted = Collection("numbers", (file,), ())
        (tmp_path / "usb").mkdir()
        (tmp_path / "usb" / name).write_bytes(pack(CONTENT))
        assert fetch(wanted, tmp_path / "to", source=tmp_path / "usb")[0].path.name == name
        assert fetch(wanted, tmp_path / "to")[0].how == "kept"
        (tmp_path / "usb" / name).write_bytes(pack(CONTENT)[:-10])
        with pytest.raises(DataError, match="this is not the file"):
            fetch(wanted, tmp_path / "more", source=tmp_path / "usb")


def test_a_file_of_somebody_elses_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(OutputError, match="has another content than numbers should have; remove it"):
        fetch(collection(a=HASH), tmp_path)
    assert (tmp_path / "a").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be used"):
        fetch(collection(a=HASH), tmp_path / "file" / "folder")


class TestByName:
    """What was fetched is data by its name."""

    @pytest.fixture(autouse=True)
    def _own_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FASTNET_DATA_DIR", str(tmp_path / "data"))
        monkeypatch.chdir(tmp_path)

    def test_what_is_not_there_is_to_be_fetched(self) -> None:
        for name in CATALOGUE:
            with pytest.raises(DataError, match=rf"{name}: .* get them with `fastnet data fetch {name}`$"):
                read_training(name)

    def test_a_path_goes_first(self, tmp_path: Path) -> None:
        assert names_data("mnist")
        (tmp_path / "mnist").mkdir()
        assert not names_data("mnist")
        assert names_data("mnist", tmp_path / "data")
        with pytest.raises(DataError, match="no files that are recognised"):
            read_training("mnist")

    def test_the_real_files(self, shared_data: Path) -> None:
        fetch(CATALOGUE["cats"], folder_of("cats"), source=shared_data)
        train, test = read_training("cats")
        assert test is not None
        assert (train.X.shape, test.X.shape) == ((209, 64, 64, 3), (50, 64, 64, 3))
        assert train.source == "cats"
        fetch(CATALOGUE["mnist"], folder_of("mnist"), source=shared_data)
        assert read_evaluation("mnist").X.shape == (10_000, 28, 28)

    def test_names_of_classes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = folder_of("fashion-mnist")
        folder.mkdir(parents=True)
        for part in ("train", "t10k"):
            labels = bytes([0, 0, 8, 1, 0, 0, 0, 10, *range(10)])
            images = bytes([0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0, 2, *range(40)])
            (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
            (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        train, test = read_training("fashion-mnist")
        assert test is not None
        assert train.class_names == test.class_names == CATALOGUE["fashion-mnist"].class_names
        assert train.class_names is not None
        assert len(set(train.class_names)) == 10


def test_every_collection_has_two_places_and_whole_hashes() -> None:
    for one in CATALOGUE.values():
        assert len(one.mirrors) >= 2
        assert all(mirror.endswith("/") for mirror in one.mirrors)
        for file in one.files:
            for digest in (file.sha256, file.content):
                assert digest is None or (len(digest) == 64 and int(digest, 16))
