"""Features as a network takes them: encoded and scaled as in training."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from ..pixels import Pixels
from .arrow import dense, is_frame, is_sparse, read_frame, read_objects
from .columns import quoted
from .dataset import Array
from .encoding import ColumnEncoding, encode
from .examine import refuse_not_finite
from .raw import RawTable
from .request import Request
from .scaling import Scaling, check_levels, divide, standardise
from .table import Table
from .tabular import dataset_of

if TYPE_CHECKING:
    from ..preparation import Preparation


@dataclass(frozen=True, kw_only=True)
class FeaturePreparation:
    """What is done to features.

    Attributes
    ----------
    input_shape : tuple of int
        The shape of one sample as a network takes it; d is its product.
    scaling : {"none", "divide", "standardise"}
        uint8 data are divided by their full scale, anything else is standardised.
    divisor : float
        For "divide", else 1.
    mean, deviation : tuple of d floats
        For "standardise", else empty.
    feature_names : tuple of d str, optional
    columns : tuple of ColumnEncoding
        What becomes of each column of a table of which not all are numbers, or may be missing; else empty, and the raw
        samples have `input_shape`.
    """

    input_shape: tuple[int, ...]
    scaling: Scaling
    divisor: float = 1.0
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    feature_names: tuple[str, ...] | None = None
    columns: tuple[ColumnEncoding, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...] | None:
        """The names of the raw columns, where the data have names."""
        return tuple(column.name for column in self.columns) or self.feature_names

    @property
    def known_columns(self) -> tuple[ColumnEncoding, ...] | None:
        """What a table must hold to be like the training data, where those had names."""
        if self.columns or self.feature_names is None:
            return self.columns or None
        return tuple(ColumnEncoding(name, "number") for name in self.feature_names)

    @property
    def n_features(self) -> int:
        """The number of values in one sample."""
        return math.prod(self.input_shape)

    def features(self, X: npt.ArrayLike | Any, *, source: str, dtype: npt.DTypeLike = np.float32) -> Array:
        """Encode and scale raw features as in training. Texts that training never saw are told of in a `DataWarning`.

        Parameters
        ----------
        X : array (n, *input_shape) or (n, d), Table, DataFrame or sparse matrix
            The columns of a frame go by their names.
        source : str
        dtype : float32 or float64

        Returns
        -------
        array (n, d), C-contiguous, of `dtype`

        Raises
        ------
        DataError
            The number of features is wrong, or a value is not finite or not of the kind the model
            was trained on.
        """
        if self.columns or isinstance(X, Table) or is_frame(X):
            X = self._raw(X, source)
        if self.columns:
            encoded = encode(self._table(X, source), self.columns, self.mean, self.deviation, source, dtype)
            refuse_not_finite(encoded, f"{source}, once scaled", names=self.feature_names)
            return encoded
        raw = self._flat(np.asarray(dense(source, X, dtype)), source)
        refuse_not_finite(raw, source, names=self.feature_names)
        if self.scaling == "standardise":
            prepared = standardise(raw, self.mean, self.deviation, dtype)
        elif self.scaling == "divide":
            check_levels(raw, self.divisor, source)
            prepared = divide(raw, self.divisor, dtype)
        else:
            with np.errstate(over="ignore"):
                prepared = np.array(raw, dtype, order="C")
        # Again, since a finite value may be too large for the dtype once it is scaled.
        refuse_not_finite(prepared, f"{source}, once scaled", names=self.feature_names)
        return prepared

    def samples(self, X: npt.ArrayLike | Any, *, source: str, dtype: npt.DTypeLike = np.float32) -> Array | Pixels:
        """What `features` gives, but uint8 data that are only divided stay bytes, as `Pixels`.

        A network makes of them the very numbers of `features`: a quotient rounded to float64 and then to float32 is
        the quotient rounded to float32 once, as float64 has more than twice float32's digits.

        Parameters and errors are those of `features`.
        """
        if self.columns or isinstance(X, Table) or is_frame(X) or is_sparse(X):
            return self.features(X, source=source, dtype=dtype)
        raw = np.asarray(X)
        divisor = self.divisor if self.scaling == "divide" else 1.0
        # A divisor that the dtype has to round would divide otherwise there than in float64.
        if raw.dtype != np.uint8 or self.scaling == "standardise" or float(np.array(divisor, dtype)) != divisor:
            return self.features(raw, source=source, dtype=dtype)
        flat = self._flat(raw, source)
        if self.scaling == "divide":
            check_levels(flat, divisor, source)
        return Pixels(np.ascontiguousarray(flat), divisor)

    def _raw(self, X: Any, source: str) -> Any:
        """A frame, or an array of text or objects, by its columns, read as in training."""
        values = dense(source, X) if not is_frame(X) else X
        if isinstance(values, Table):
            return values
        if is_frame(values):
            return self._like_training(read_frame(values, source))
        values = np.asarray(values)
        if values.dtype.kind in "OU" and values.ndim == 2:
            return self._like_training(read_objects(values, source, self.column_names))
        return values

    def _like_training(self, raw: RawTable) -> Any:
        return dataset_of(raw, Request(preparation=cast("Preparation", self), need_targets=False)).X

    def _table(self, X: Any, source: str) -> Table:
        """Columns in the order of training."""
        if not isinstance(X, Table):
            if X.ndim != 2 or X.shape[1] != len(self.columns) or X.dtype.kind not in "buif" or not len(X):
                raise DataError(
                    f"{source}: the features should be {len(self.columns)} columns of numbers and categories as in "
                    f"training, but are of type {X.dtype} and shape {X.shape}; give a table or a DataFrame"
                )
            return Table.from_array(X, self.column_names)
        by_name = {column.name: column for column in X.columns}
        if set(by_name) != set(self.column_names or ()):
            raise DataError(
                f"{source}: the columns are {quoted(X.names)}, but the model was trained on "
                f"{quoted(self.column_names or ())}; give the same"
            )
        return Table(tuple(by_name[column.name] for column in self.columns))

    def _flat(self, X: Array, source: str) -> Array:
        if X.dtype.kind not in "buif":
            raise DataError(f"{source}: the features should be real numbers, not {X.dtype}")
        if X.ndim < 2 or len(X) == 0:
            raise DataError(
                f"{source}: the features should have shape (samples, {self._shape_text}), but have shape {X.shape}"
            )
        n_features = math.prod(X.shape[1:])
        flat = X.ndim == 2 or len(self.input_shape) == 1
        if n_features != self.n_features or not (flat or X.shape[1:] == self.input_shape):
            raise DataError(
                f"{source}: each sample should have {self._shape_text} features as in training, "
                f"but has {' x '.join(map(str, X.shape[1:]))}"
            )
        return X.reshape(len(X), n_features)

    @property
    def _shape_text(self) -> str:
        return " x ".join(map(str, self.input_shape))
