"""From one format to another, by blocks: values, types and names stay what they are wherever the format has them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigurationError, DataError
from ..files import replacing
from .across import arrays_of_table, table_of_arrays
from .array_files import total_bytes, write_hdf5, write_idx, write_npz
from .arrays import opened_arrays
from .idx import is_idx_name, labels_name
from .named import Chooser, StoredArray
from .raw import RawTable
from .request import Request
from .sources import HDF5_SUFFIXES
from .table_files import batches_of, with_types, write_table
from .tables import is_table_name, read_raw
from .tabular import refuse_unknown_columns

if TYPE_CHECKING:
    import pyarrow as pa

Watcher = Callable[[int, int], None]
"""Is told how many bytes of values were written, of how many."""


@dataclass(frozen=True)
class Options:
    """How the file is written.

    Attributes
    ----------
    part : {"train", "test"}, optional
        Of a source that has both, for formats that hold one.
    compress : bool
    chunk_rows : int, optional
        For HDF5.
    """

    part: str | None = None
    compress: bool = False
    chunk_rows: int | None = None


def outputs_of(out: Path) -> list[Path]:
    """The files that a conversion to ``out`` writes: one, or for IDX the labels beside the images.

    Raises
    ------
    ConfigurationError
        The name tells no format that can be written.
    """
    if is_idx_name(out) and "images" in out.name.lower():
        return [out, out.with_name(labels_name(out))]
    if out.suffix.lower() in (*HDF5_SUFFIXES, ".npz") or is_table_name(out):
        return [out]
    raise ConfigurationError(
        f"{out}: the format to write is not known by this name; give a .h5, .hdf5, .npz, .csv, .tsv (or .gz), .parquet "
        "or .arrow file, or for IDX a name such as train-images-idx3-ubyte.gz"
    )


def convert(
    source: str | Path, out: Path, request: Request, options: Options, watcher: Watcher = lambda *_: None
) -> list[str]:
    """Write the data of a source to a file of the format that its name tells.

    Parameters
    ----------
    source : str or Path
        Whatever can be trained on.
    out : Path
        What is there is replaced when all is written, and not before.
    request : Request
        The columns or arrays, where no usual names tell them, and the size and colour of pictures.
    options : Options
    watcher : callable

    Returns
    -------
    list of str
        What was written, a line for each array or for the table.

    Raises
    ------
    DataError
        The source cannot be read, or the format does not hold what it has.
    ConfigurationError
        The options do not suit the formats.
    OutputError
        The file cannot be written.
    """
    path = Path(source)
    outputs = outputs_of(out)
    _check_options(out, options)
    with ExitStack() as stack:
        if path.is_file() and is_table_name(path):
            request.refuse_arrays(str(path))
            request.refuse_looks(str(path))
            raw = with_types(_without(read_raw(path), request))
            if is_table_name(out):
                return _write_batches(out, *batches_of(raw), len(raw), options, watcher)
            arrays = arrays_of_table(raw, request)
        else:
            request.refuse_columns(str(source))
            if not isinstance(source, str) or path.suffix:
                _must_exist(path)
            arrays = stack.enter_context(opened_arrays(source, request))
        name = str(source)
        if is_table_name(out):
            schema, batches, rows = table_of_arrays(_pair(arrays, name, request, options), arrays, name, request)
            return _write_batches(out, schema, batches, rows, options, watcher)
        if len(outputs) == 2:
            features, targets = _pair(arrays, name, request, options)
            if targets is None:
                raise DataError(f"{name}: there are no targets for the labels file; convert to HDF5 or NPZ instead")
            arrays = [features, targets]
        elif request.x is not None or request.y is not None:
            arrays = [array for array in _pair(arrays, name, request, options) if array is not None]
        _write_arrays(outputs, arrays, name, options, watcher)
    return [f"{array.name} {array.shape} {'text' if array.is_text else array.dtype}" for array in arrays]


def _check_options(out: Path, options: Options) -> None:
    is_hdf5 = out.suffix.lower() in HDF5_SUFFIXES
    if options.chunk_rows is not None and not is_hdf5:
        raise ConfigurationError(f"{out}: --chunk-rows is for HDF5 files; leave it out")
    packs_by_name = is_idx_name(out) or out.name.lower().removesuffix(".gz").endswith((".csv", ".tsv"))
    if options.compress and packs_by_name:
        raise ConfigurationError(f"{out}: this format is compressed by its name; call it {out.name}.gz instead")
    if options.part is not None and (is_hdf5 or out.suffix.lower() == ".npz"):
        raise ConfigurationError(f"{out}: this format holds both parts; leave --part out")


def _without(raw: RawTable, request: Request) -> RawTable:
    """A table without the columns that are left out."""
    refuse_unknown_columns(raw, request)
    kept = [name for name in raw.names if name not in request.ignore]
    if not kept:
        raise DataError(f"{raw.source}: every column is left out by --ignore, so nothing is left to write; keep one")
    return replace(raw, names=kept, columns=[raw.column(name) for name in kept])


def _must_exist(path: Path) -> None:
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder; check the path")


def _pair(
    arrays: Sequence[StoredArray], source: str, request: Request, options: Options
) -> tuple[StoredArray, StoredArray | None]:
    """Features and targets of the part that is wanted."""
    parts = Chooser(arrays, source, request).parts()
    if len(parts) == 1:
        if options.part == "test":
            raise DataError(f"{source}: there is one part only; leave --part out")
        return parts[0]
    if options.part is None:
        raise DataError(f"{source}: there are two parts and the new file holds one; choose with --part train or test")
    return parts[options.part == "test"]


def _write_arrays(
    outputs: list[Path], arrays: Sequence[StoredArray], source: str, options: Options, watcher: Watcher
) -> None:
    for array in arrays:
        array.refuse_what_is_not_there(source)
    total, done = total_bytes(arrays), 0

    def written(count: int) -> None:
        nonlocal done
        done += count
        watcher(min(done, total), total)

    with ExitStack() as stack:
        temporary = [stack.enter_context(replacing(path)) for path in outputs]
        if len(outputs) == 2:
            for path, array, out in zip(temporary, arrays, outputs, strict=True):
                write_idx(path, array, source, packed=out.suffix.lower() == ".gz", watcher=written)
        elif outputs[0].suffix.lower() == ".npz":
            write_npz(temporary[0], arrays, source, compress=options.compress, watcher=written)
        else:
            write_hdf5(
                temporary[0],
                arrays,
                source,
                compress=options.compress,
                chunk_rows=options.chunk_rows,
                watcher=written,
            )


def _write_batches(
    out: Path,
    schema: "pa.Schema",
    batches: "Iterable[pa.RecordBatch]",
    rows: int,
    options: Options,
    watcher: Watcher,
) -> list[str]:
    done = 0

    def counted() -> "Iterator[pa.RecordBatch]":
        nonlocal done
        for batch in batches:
            yield batch
            done += len(batch)
            watcher(done, rows)

    with replacing(out) as temporary:
        write_table(temporary, out, schema, counted(), compress=options.compress, watcher=lambda _: None)
    return [f"{rows} rows of {len(schema)} columns"]
