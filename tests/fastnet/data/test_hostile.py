"""Files made to do harm: each is refused in a sentence, soon and in little memory."""

import gzip
import io
import signal
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from fastnet.data import limits, read_training, vetting
from fastnet.data.arrow_blocks import arrow_blocks, parquet_blocks
from fastnet.errors import DataError

MEGABYTE = 2**20
FOUND = Path(__file__).parents[2] / "fuzz" / "found"


@contextmanager
def within(megabytes: int) -> Iterator[None]:
    """What happens inside takes no more memory at any time, as far as Python and NumPy know."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * MEGABYTE
    finally:
        tracemalloc.stop()


def refused(path: Path, sentence: str, megabytes: int = 100) -> None:
    """A file is refused by a sentence that names it."""
    with within(megabytes), pytest.raises(DataError, match=sentence) as caught:
        read_training(path)
    assert str(caught.value).startswith(str(path))


class TestHdf5:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "data.h5"

    @contextmanager
    def file(self, path: Path) -> Iterator[Any]:
        with h5py.File(path, "w") as file:
            file["y"] = [0, 1]
            yield file

    @pytest.mark.parametrize("shape", [(2**60, 2), (2, 2**40), (2**31, 2**31)])
    def test_a_huge_shape_of_which_nothing_is_stored(self, shape: tuple[int, ...], path: Path) -> None:
        with self.file(path) as file:
            file.create_dataset("X", shape, "u1", chunks=(1, 2), fillvalue=7)
        refused(path, r"'X' declares \d+ bytes .* but the file holds only 0 for it")

    def test_a_compression_bomb(self, path: Path) -> None:
        """1 GB of zeros in 1 MB; the chunk that is stored here is the same one again, so that the test is quick."""
        rows = 1024
        with self.file(path) as file:
            X = file.create_dataset("X", (rows, MEGABYTE), "u1", chunks=(1, MEGABYTE), compression="gzip")
            chunk = zlib.compress(bytes(MEGABYTE), 9)
            for row in range(rows):
                X.id.write_direct_chunk((row, 0), chunk)
        assert path.stat().st_size < 2 * MEGABYTE
        refused(path, r"'X' declares 1073741824 bytes .* but the file holds only")

    def test_an_external_link_is_not_followed(self, path: Path, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "other.h5", "w") as other:
            other["X"] = [[1.0], [2.0]]
        with self.file(path) as file:
            file["X"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "X")
        refused(path, "no arrays to use were recognised.*'y'")

    def test_external_storage_is_not_read(self, path: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"root:x:0:0:root!")
        with self.file(path) as file:
            file.create_dataset("X", (2, 8), "u1", external=[(str(tmp_path / "secret"), 0, 16)])
        refused(path, "no arrays to use were recognised.*'y'")

    def test_a_virtual_dataset_is_not_read(self, path: Path, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "other.h5", "w") as other:
            other["X"] = [[1.0], [2.0]]
        layout = h5py.VirtualLayout((2, 1), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "X", shape=(2, 1))
        with self.file(path) as file:
            file.create_virtual_dataset("X", layout)
        refused(path, "no arrays to use were recognised.*'y'")

    def test_links_in_a_circle_end(self, path: Path) -> None:
        with self.file(path) as file:
            file["X"] = h5py.SoftLink("/Y")
            file["Y"] = h5py.SoftLink("/X")
            file["inner/outer"] = file["/"]
        refused(path, "no arrays to use were recognised")

    def test_references_are_not_read(self, path: Path) -> None:
        with self.file(path) as file:
            file.create_dataset("X", (2, 1), h5py.ref_dtype)[0, 0] = file["y"].ref
        refused(path, "'X' holds Python objects")

    def test_an_endless_label(self, path: Path) -> None:
        with h5py.File(path, "w") as file:
            file["X"] = np.zeros((1000, 1))
            file.create_dataset("y", data=["cat", "x" * MEGABYTE, *["dog"] * 998], dtype=h5py.string_dtype())
        refused(path, r"'y' has a text of 1048576 characters, which is no label")

    def test_a_chunk_larger_than_anybody_needs(self, path: Path) -> None:
        with self.file(path) as file:
            X = file.create_dataset("X", (2, 2**29), "u1", chunks=(1, 2**29), compression="gzip")
            X.id.write_direct_chunk((0, 0), zlib.compress(bytes(MEGABYTE)) + bytes(8 * MEGABYTE))
        refused(path, "'X' has chunks of more than 256 MB")

    def test_a_type_that_numpy_does_not_have(self, path: Path) -> None:
        with self.file(path) as file:
            space = h5py.h5s.create_simple((2, 2))
            h5py.h5d.create(file.id, b"X", h5py.h5t.UNIX_D32LE, space)
        refused(path, "'X'|no arrays to use were recognised")


class TestVetting:
    """Files at which the HDF5 library itself fails, as the fuzzer found them."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "data.h5"
        with h5py.File(path, "w") as file:
            file["X"], file["y"] = [[1.0], [2.0]], [0, 1]
        return path

    @pytest.mark.vets
    def test_a_good_file_is_read(self, path: Path) -> None:
        train, _ = read_training(path)
        np.testing.assert_array_equal(train.X, [[1.0], [2.0]])

    @pytest.mark.vets
    def test_a_good_file_is_read_where_there_is_no_such_signal(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Windows has no SIGXCPU."""
        monkeypatch.delattr(signal, "SIGXCPU", raising=False)
        assert vetting.ask(path, vetting.SECONDS) == ""

    @pytest.mark.vets
    def test_a_process_that_cannot_start_is_not_the_file_s_fault(
        self, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "h5py.py").write_text("raise ImportError('no such library')\n", encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        refused(path, r"cannot start \(ImportError: no such library\); install fastnet and h5py")

    @pytest.mark.vets
    def test_a_damaged_one_is_refused_by_the_other_process(self, path: Path) -> None:
        path.write_bytes(path.read_bytes()[:-1000])
        refused(path, "truncated or damaged")

    @pytest.mark.vets
    @pytest.mark.parametrize("name", ["hdf5-crash", "hdf5-hang", "hdf5-memory"])
    def test_what_the_library_fails_at_ends_the_other_process_alone(
        self, name: str, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With another version of the library they may be files like others, which say that they are damaged."""
        monkeypatch.setattr(vetting, "SECONDS", 1.0)
        path.write_bytes(gzip.decompress((FOUND / f"{name}.h5.gz").read_bytes()))
        refused(path, "damaged")


class TestArchives:
    """NPZ and NPY."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "data.npz"

    def write(self, path: Path, header: bytes, data: bytes = b"", name: str = "X.npy") -> None:
        """An archive with y, and an X of this header."""
        image = io.BytesIO()
        np.save(image, np.array([0, 1]))
        size = struct.pack("<H", len(header) + 1)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("y.npy", image.getvalue())
            archive.writestr(name, b"\x93NUMPY\x01\x00" + size + header + b"\n" + data)

    def header(self, shape: str, dtype: str = "<f8", order: str = "False") -> bytes:
        return f"{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': {shape}}}".encode()

    @pytest.mark.parametrize("shape", ["(2, 1152921504606846976)", "(1152921504606846976, 2)", "(2, 20000000)"])
    def test_a_header_that_declares_what_is_not_there(self, shape: str, path: Path) -> None:
        self.write(path, self.header(shape))
        refused(path, r"'X' declares \d+ bytes .* but the file holds only")

    @pytest.mark.parametrize(
        "header",
        [
            b"{'descr': '<f8', 'fortran_order': False, 'shape': __import__('os').getcwd()}",
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2)",
            b"(" * 5000,
            b"[" * 60,
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, -2)}",
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (True, 2)}",
            b"{'descr': '0|u1', 'fortran_order': False, 'shape': (2, 2)}",
            b"{'descr': 'x' * 10, 'fortran_order': False, 'shape': (2, 2)}",
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (1," + b"1," * 70 + b")}",
        ],
    )
    def test_a_header_that_is_none(self, header: bytes, path: Path) -> None:
        self.write(path, header, bytes(32))
        refused(path, "the NPZ file is damaged")
        npy = path.with_name("X.npy")
        npy.write_bytes(zipfile.ZipFile(path).read("X.npy"))
        refused(npy, "this is not an NPY file")

    def test_objects_are_never_unpickled(self, path: Path) -> None:
        self.write(path, self.header("(2, 1)", "|O"), b"cos\nsystem\n(S'exit 1'\ntR.")
        refused(path, "'X' holds Python objects, which are never unpickled")

    def test_a_bomb(self, path: Path) -> None:
        self.write(path, self.header("(2, 50000000)", "|u1"), bytes(100_000_000))
        assert path.stat().st_size < MEGABYTE
        refused(path, r"'X' declares 100000000 bytes .* but the file holds only \d+ for it")

    def test_a_size_in_the_directory_that_is_a_lie(self, path: Path) -> None:
        """The archive says that X unpacks to 64 bytes; it would unpack to 64 MB."""
        self.write(path, self.header("(2, 4)", "|u1"), bytes(64 * MEGABYTE))
        content = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            size = struct.pack("<L", archive.getinfo("X.npy").file_size)
        assert content.count(size) == 2
        path.write_bytes(content.replace(size, struct.pack("<L", 64)))
        refused(path, "the NPZ file is damaged", megabytes=10)

    @pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_damage_in_what_is_packed(self, method: int, path: Path) -> None:
        values = io.BytesIO()
        np.save(values, np.random.default_rng(0).normal(size=(5000, 3)))
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("X.npy", values.getvalue())
            archive.writestr("y.npy", values.getvalue())
        content = bytearray(path.read_bytes())
        content[30_000] ^= 0xFF
        path.write_bytes(content)
        refused(path, "damaged|Invalid data stream")

    def test_many_members(self, path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for index in range(2000):
                archive.writestr(f"{index}.npy", b"")
        refused(path, "the NPZ file is damaged")

    def test_a_member_outside_of_the_folder_is_nothing_but_a_name(self, path: Path) -> None:
        self.write(path, self.header("(2, 1)"), bytes(16), name="../../X.npy")
        refused(path, r"'y'|two arrays|no arrays")
        assert sorted(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize("code", [0x110000, 0xFFFFFFFF, 0xD800])
    def test_text_that_has_no_characters(self, code: int, path: Path) -> None:
        np.savez(path, X=np.zeros((2, 1)), y=np.array([code, 65], np.uint32).view("U1"))
        refused(path, "has a character that Unicode does not have")


class TestIdx:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "train-images-idx3-ubyte"

    @pytest.mark.parametrize(
        ("dimensions", "sentence"),
        [
            ((2**32 - 1,) * 3, "the file holds less"),
            ((2**31, 1, 1), "the file holds less"),
            ((0, 2**32 - 1, 2**32 - 1), "the data are empty"),
            ((1,) * 255, "declares 255 dimensions"),
        ],
    )
    @pytest.mark.parametrize("packed", [False, True])
    def test_absurd_dimensions(self, dimensions: tuple[int, ...], sentence: str, packed: bool, path: Path) -> None:
        n = len(dimensions)
        content = struct.pack(f">4B{n}I", 0, 0, 8, n, *dimensions)
        path.write_bytes(gzip.compress(content) if packed else content)
        refused(path, sentence)

    def test_a_bomb(self, path: Path) -> None:
        content = struct.pack(">4B3I", 0, 0, 8, 3, 100, 1000, 1000) + bytes(100_000_000)
        path.write_bytes(gzip.compress(content, 9))
        refused(path, "100000000 bytes, but the file holds less")


class TestTables:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "data.csv"

    def test_a_bomb(self, tmp_path: Path) -> None:
        """100 times the same 4 MB of zeros, each a part of a gzip file."""
        path = tmp_path / "data.csv.gz"
        path.write_bytes(gzip.compress(b"a,y\n") + 100 * gzip.compress(4 * MEGABYTE * b"0", 9))
        refused(path, "which no table does", megabytes=600)

    @pytest.mark.parametrize("content", [b"\0", b"\xff\xfea\0,\0y\0", b"a,y\n\xff,1\n", b"\xef\xbb\xbf"])
    def test_bytes_that_are_no_text(self, content: bytes, path: Path) -> None:
        path.write_bytes(content)
        refused(path, ".")

    def test_a_quotation_mark_that_is_never_closed(self, path: Path) -> None:
        path.write_bytes(b'a,y\n1,0\n"2,1\n' + 1000 * b"3,0\n")
        refused(path, "is not valid CSV .*check its quotation marks")

    def test_a_line_without_an_end(self, path: Path) -> None:
        path.write_bytes(b"a,y\n" + 3 * MEGABYTE * b"1" + b",0\n")
        refused(path, ".", megabytes=400)

    def test_more_columns_than_a_table_has(self, path: Path) -> None:
        path.write_bytes(b",".join(b"c%d" % i for i in range(200_000)) + b"\n")
        refused(path, "the header has 200,000 columns, where a table has at most 100,000", megabytes=400)

    def test_escapes_are_not_sent_to_the_terminal(self, path: Path) -> None:
        path.write_bytes(b"a,y\n1,0\n2,1\n\x1b[2J,1\n4,1\n")
        with pytest.raises(DataError) as caught:
            read_training(path)
        assert "\x1b" not in str(caught.value)
        assert "\\x1b[2J" in str(caught.value)


class TestMemory:
    def test_more_than_there_is_is_refused_before_it_is_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "available_memory", lambda: 10 * MEGABYTE)
        X = np.random.default_rng(0).integers(0, 255, (2, 6 * MEGABYTE), np.uint8)
        np.savez(tmp_path / "data.npz", X=X, y=[0, 1])
        with h5py.File(tmp_path / "data.h5", "w") as file:
            file["X"], file["y"] = X, [0, 1]
        (tmp_path / "a-images-idx3-ubyte").write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, 2, 6, MEGABYTE) + X.tobytes())
        for name in ("data.npz", "data.h5", "a-images-idx3-ubyte"):
            refused(
                tmp_path / name, r"would take 12.0 MB of memory, but only 10.0 MB are available.*--memory", megabytes=13
            )

    def test_a_table_of_text(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "available_memory", lambda: 10 * MEGABYTE)
        content = b"a,y\n" + b"0.25,1\n0.5,0\n" * (4 * MEGABYTE // 13)
        (tmp_path / "data.csv").write_bytes(content)
        (tmp_path / "data.csv.gz").write_bytes(gzip.compress(content))
        refused(tmp_path / "data.csv", "the table would take 12.0 MB of memory", megabytes=3)
        monkeypatch.setattr(limits, "available_memory", lambda: 5 * MEGABYTE)
        refused(tmp_path / "data.csv.gz", "the table would take 8.0 MB of memory", megabytes=30)

    def test_it_is_asked_of_the_system(self) -> None:
        available = limits.available_memory()
        assert available is None or MEGABYTE < available < 2**50

    @pytest.mark.parametrize(
        ("limit", "used", "stat"),
        [
            ("memory.max", "memory.current", "memory.stat"),
            ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
        ],
    )
    def test_files_that_the_system_keeps_are_no_use_of_memory(
        self, limit: str, used: str, stat: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A container that has read large files seems full of them, and gives them up as soon as it needs the room."""
        monkeypatch.setattr(limits, "_GROUP", tmp_path)
        (tmp_path / "memory").mkdir()
        for name, content in ((limit, "1000"), (used, "900")):
            (tmp_path / name).write_text(content, encoding="ascii")
        key = "total_inactive_file" if "/" in stat else "inactive_file"
        (tmp_path / stat).write_text(f"anon 200\nactive_file 0\n{key} 700\n", encoding="ascii")
        assert limits._of_the_group() == [800]
        (tmp_path / limit).write_text("max", encoding="ascii")
        assert limits._of_the_group() == []

    @pytest.mark.parametrize(("size", "words"), [(7, "7 bytes"), (2048, "2.0 kB"), (2**80, "more than 1073741824 TB")])
    def test_sizes_in_words(self, size: int, words: str) -> None:
        assert limits.in_words(size) == words


class TestPictures:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name in ("cat", "dog"):
            (tmp_path / name).mkdir()
            Image.new("RGB", (4, 4)).save(tmp_path / name / "1.png")
        return tmp_path

    def png(self, width: int, height: int, data: bytes) -> bytes:
        chunks = [(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
        parts = [
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        ]
        return b"\x89PNG\r\n\x1a\n" + b"".join(parts)

    @pytest.mark.parametrize(("width", "height"), [(100_000, 100_000), (2**31 - 1, 2**31 - 1), (6_000, 6_000)])
    def test_a_bomb(self, width: int, height: int, folder: Path) -> None:
        path = folder / "cat" / "2.png"
        path.write_bytes(self.png(width, height, zlib.compress(bytes(MEGABYTE))))
        with within(50), pytest.raises(DataError, match=r"pixels.*make it smaller|truncated or damaged") as caught:
            read_training(folder, size=4)
        assert str(caught.value).startswith(str(path))

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("2.jpg", b"<svg xmlns='http://www.w3.org/2000/svg'><rect width='1' height='1'/></svg>"),
            ("2.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n"),
            ("2.gif", b"GIF89a" + bytes(20)),
        ],
    )
    def test_what_is_no_picture(self, name: str, content: bytes, folder: Path) -> None:
        (folder / "cat" / name).write_bytes(content)
        with pytest.raises(DataError, match=r"this is not a picture of a known format|truncated or damaged"):
            read_training(folder, size=4)

    def test_a_truncated_jpeg(self, folder: Path) -> None:
        path = folder / "cat" / "2.jpg"
        Image.effect_noise((64, 64), 50).save(path)
        path.write_bytes(path.read_bytes()[:-400])
        with pytest.raises(DataError, match="truncated or damaged"):
            read_training(folder, size=4)

    def test_a_picture_with_frames_is_its_first(self, folder: Path) -> None:
        frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
        frames[0].save(folder / "cat" / "2.gif", save_all=True, append_images=frames[1:])
        train, _ = read_training(folder, size=4)
        assert train.X[1, 0, 0].tolist() == [255, 0, 0]


class TestArrow:
    def test_parquet_that_declares_more_rows_than_there_is_memory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Runs of one value: 4 million cells in a few kilobytes."""
        import pyarrow as pa
        from pyarrow import parquet

        path = tmp_path / "data.parquet"
        column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1_000_000, np.int8)), pa.array([1.5]))
        parquet.write_table(pa.table({f"c{i}": column for i in range(4)}), path)
        assert path.stat().st_size < 100_000
        monkeypatch.setattr(limits, "available_memory", lambda: 10 * MEGABYTE)
        refused(path, "would take 30.5 MB of memory, but only 10.0 MB are available")

    @pytest.mark.parametrize(
        ("compression", "available", "what"),
        [
            ("uncompressed", 2, "the table would take 3.8 MB"),
            ("zstd", 1, "another part of the table would take 1.9"),
        ],
    )
    def test_an_arrow_file_larger_than_the_memory(
        self, compression: str, available: int, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import pyarrow as pa
        from pyarrow import feather

        path = tmp_path / "data.arrow"
        table = pa.table({"a": np.zeros(250_000), "y": np.arange(250_000) % 2})
        feather.write_feather(table, path, compression=compression, chunksize=125_000)
        monkeypatch.setattr(limits, "available_memory", lambda: available * MEGABYTE)
        refused(path, f"{what}.*, but only {available}.0 MB are available")

    @pytest.mark.parametrize("name", ["data.parquet", "data.arrow"])
    def test_a_long_text_that_is_stored_once_and_stands_in_every_row(self, name: str, tmp_path: Path) -> None:
        """A bomb: 320 MB of text in a few kilobytes."""
        import pyarrow as pa
        from pyarrow import feather, parquet

        path = tmp_path / name
        text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(320, np.int8)), pa.array(["x" * 10**6]))
        table = pa.table({"text": text, "a": np.zeros(320), "y": np.arange(320) % 2})
        if path.suffix == ".parquet":
            parquet.write_table(table, path, compression="zstd", dictionary_pagesize_limit=2**22, store_schema=False)
        else:
            feather.write_feather(table, path, compression="zstd")
        assert path.stat().st_size < 20_000
        sentence = r"bytes hold texts that take 320,000,000 in its rows"
        before = pa.total_allocated_bytes()
        refused(path, sentence)
        blocks = parquet_blocks if path.suffix == ".parquet" else arrow_blocks
        with path.open("rb") as file, pytest.raises(DataError, match=sentence):
            next(blocks(file, str(path)))
        assert pa.total_allocated_bytes() - before < 20 * MEGABYTE
