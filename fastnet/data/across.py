"""Between arrays and tables: a column for each feature and for each target, and back."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from .array_files import as_text
from .arrays import blocks, in_memory
from .columns import target_columns
from .dataset import Array
from .named import Chooser, StoredArray
from .raw import RawTable
from .request import Request

if TYPE_CHECKING:
    import pyarrow as pa


def table_of_arrays(
    pair: tuple[StoredArray, StoredArray | None], arrays: Sequence[StoredArray], source: str, request: Request
) -> tuple["pa.Schema", "Iterator[pa.RecordBatch]", int]:
    """Features and targets as a table: a column for each feature, and one for each target at the end."""
    import pyarrow as pa

    features, targets = pair
    if not features.shape:
        raise DataError(f"{source}: '{features.name}' is a single value; a table needs an array of samples")
    chooser = Chooser(arrays, source, request)
    width = int(np.prod(features.shape[1:]))
    names = list(chooser.feature_names or [f"x{index + 1}" for index in range(width)])
    if len(names) != width:
        raise DataError(f"{source}: there are {len(names)} feature names for {width} features; give one for each")
    answers = [] if targets is None else _answers(targets, chooser.class_names, source, features.shape[0])
    names += [_unused(name, names) for name, _ in answers]
    kind = _plain(np.empty(0, features.dtype)).dtype
    if kind.kind not in "buif":
        raise DataError(
            f"{source}: '{features.name}' has the type {kind}, which no column of numbers has; convert to NPZ"
        )
    schema = pa.schema(
        [(name, pa.from_numpy_dtype(kind)) for name in names[:width]]
        + [(name, pa.array(values).type) for name, (_, values) in zip(names[width:], answers, strict=True)]
    )

    def batches() -> "Iterator[pa.RecordBatch]":
        begin = 0
        for block in blocks(features, source):
            flat = _plain(block.reshape(len(block), width))
            columns = [pa.array(np.ascontiguousarray(column)) for column in flat.T]
            end = begin + len(block)
            yield pa.record_batch([*columns, *(pa.array(values[begin:end]) for _, values in answers)], schema=schema)
            begin = end

    return schema, batches(), features.shape[0]


def _plain(values: Array) -> Array:
    """Values in a type that tables have."""
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    return native.astype(np.float32) if native.dtype == np.float16 else native


def _answers(
    targets: StoredArray, class_names: Sequence[str] | None, source: str, n_samples: int
) -> list[tuple[str, Array]]:
    """Columns of the targets: labels by their names, where they have some."""
    values = as_text(_plain(np.asarray(targets.values(source))))
    if values.size != n_samples and (values.ndim != 2 or len(values) != n_samples):
        raise DataError(f"{source}: X has {n_samples} samples but y has shape {values.shape}; give one target for each")
    if values.size != n_samples:
        called = class_names if class_names is not None and len(class_names) == values.shape[1] else None
        return [(called[i] if called else f"y{i + 1}", values[:, i]) for i in range(values.shape[1])]
    flat = values.reshape(-1)
    if class_names is not None and flat.dtype.kind in "bui" and len(set(class_names)) == len(class_names):
        codes = flat.astype(np.int64)
        if codes.min(initial=0) >= 0 and codes.max(initial=0) < len(class_names):
            return [("y", np.array(class_names, dtype=object)[codes])]
    return [("y", flat.astype(object) if flat.dtype.kind == "U" else flat)]


def _unused(name: str, names: Sequence[str]) -> str:
    while name in names:
        name += "_"
    return name


def arrays_of_table(raw: RawTable, request: Request) -> list[StoredArray]:
    """A table of numbers as ``X``, ``y`` and the names of the features."""
    targets = target_columns(raw.source, list(raw.names), request.target, set_aside=False)
    names = [name for name in raw.names if name not in targets]
    if not names:
        raise DataError(f"{raw.source}: no features are left beside the target; give the features as columns too")
    columns = [_numbers(raw, name) for name in names]
    dtype = np.result_type(*columns)
    for name, column in zip(names, columns, strict=True):
        if dtype.kind == "f" and column.dtype.kind in "iu" and _is_rounded(column, dtype):
            raise DataError(
                f"{raw.source}: column '{name}' has whole numbers that {dtype} would round, which other columns need; "
                "convert to .parquet or .arrow instead, or leave the column out"
            )

    def by_blocks(rows: int) -> Iterator[Array]:
        for begin in range(0, len(raw), rows):
            yield np.column_stack([column[begin : begin + rows] for column in columns]).astype(dtype, copy=False)

    shape = (len(raw), len(names))
    X = StoredArray(
        name="X",
        shape=shape,
        dtype=dtype,
        stored_bytes=int(np.prod(shape)) * dtype.itemsize,
        read=lambda: np.column_stack(columns).astype(dtype, copy=False),
        blocks=by_blocks,
    )
    answers = [_target(raw, name, alone=len(targets) == 1) for name in targets]
    y = answers[0] if len(answers) == 1 else np.column_stack(answers)
    arrays = [X, in_memory("y", y), in_memory("feature_names", np.array(names, dtype=np.str_))]
    return arrays if len(targets) == 1 else [*arrays, in_memory("class_names", np.array(targets, dtype=np.str_))]


def _is_rounded(column: Array, dtype: "np.dtype[Any]") -> bool:
    """Whether a whole number is another as a float of that type."""
    most = 2 ** (np.finfo(dtype).nmant + 1)
    beyond = column[(column > most) | (column < -most)]
    return any(int(dtype.type(number)) != number for number in beyond.tolist())


def _numbers(raw: RawTable, name: str) -> Array:
    """A column of numbers, of which missing ones are NaN."""
    import pyarrow as pa

    column = raw.column(name)
    kind = column.type
    if not (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)
    ):
        raise DataError(
            f"{raw.source}: column '{name}' holds values of the type {kind}, and arrays hold numbers; convert to "
            ".parquet or .arrow instead, or take the column out of the table first"
        )
    if column.null_count:
        try:
            column = column.cast(pa.float64())
        except pa.ArrowInvalid as error:
            raise DataError(
                f"{raw.source}: column '{name}' has missing values beside whole numbers that no array with NaN in it "
                f"holds ({str(error).splitlines()[0]}); convert to .parquet or .arrow instead, or fill them in"
            ) from None
    values: Array = column.to_numpy()
    return values


def _target(raw: RawTable, name: str, *, alone: bool) -> Array:
    import pyarrow as pa

    column = raw.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return _numbers(raw, name)
    if not alone:
        raw.refuse(0, name, "(one of several targets) is text; give numbers, or one target alone")
    if column.null_count:
        row = next(row for row, value in enumerate(column.to_pylist()) if value is None)
        raw.refuse(row, name, "(the target) is empty; fill it in or remove the row")
    return np.array(column.to_pylist(), dtype=np.str_)
