"""What a reader is asked for, beside where the data are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import DataError

if TYPE_CHECKING:
    from ..preparation import Preparation


@dataclass(frozen=True)
class Request:
    """One field for each thing that a caller of `read_training` and its like may ask for.

    Attributes
    ----------
    target : str, optional
        The target's column of a table, or several with commas between.
    x, y : str, optional
        The arrays of the features and of the targets, in HDF5 and NPZ, where no usual names tell them.
    size : (width, height), optional
        Of pictures in files of their own.
    grey : bool, optional
        Whether those are made grey.
    aside : tuple of str
        Columns or arrays that are neither features nor targets but wanted too.
    ignore : tuple of str
        Columns of a table that are left out.
    categorical : tuple of str
        Columns of a table that are categories, whatever they look like.
    keep_missing : bool
        Whether missing cells of a table's features are kept, for `Preparation.fit` to fill in.
    need_targets : bool
        False for predict: targets need not be there, and are not read if they are.
    preparation : Preparation, optional
        What the model was trained on, which columns and classes are matched to.
    in_place : bool
        Whether the features stay in their file, and X is `StoredSamples`.
    """

    target: str | None = None
    x: str | None = None
    y: str | None = None
    size: tuple[int, int] | None = None
    grey: bool | None = None
    aside: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    keep_missing: bool = False
    need_targets: bool = True
    preparation: "Preparation | None" = None
    in_place: bool = False

    def refuse_target(self, source: str) -> None:
        """Refuse names of columns, where the data are no table.

        Raises
        ------
        DataError
        """
        if self.target is not None:
            raise DataError(
                f"{source}: the target '{self.target}' names a column of a table, which this is "
                "not; leave the target out"
            )
        self.refuse_columns(source)

    def refuse_columns(self, source: str) -> None:
        """Refuse names of columns that are no targets, where the data are no table.

        Raises
        ------
        DataError
        """
        for what, names in (("left out", self.ignore), ("taken for categories", self.categorical)):
            if names:
                raise DataError(
                    f"{source}: '{names[0]}' is to be {what}, but names a column of a table, which this is not; leave "
                    "it away"
                )

    def refuse_arrays(self, source: str) -> None:
        """Refuse names of arrays, where the data have none.

        Raises
        ------
        DataError
        """
        for flag, name in (("x", self.x), ("y", self.y)):
            if name is not None:
                raise DataError(
                    f"{source}: {flag} '{name}' names an array of an HDF5, NPZ or NPY file, which this is not; leave "
                    f"{flag} out"
                )

    def refuse_looks(self, source: str) -> None:
        """Refuse a size or greyness of pictures, where the data are no files of pictures.

        Raises
        ------
        DataError
        """
        for name, value in (("size", self.size), ("grey", self.grey)):
            if value is not None:
                raise DataError(f"{source}: {name} is for folders of pictures, which this is not; leave {name} out")

    def refuse_aside(self, source: str) -> None:
        """Refuse anything aside, where the data have features and targets alone.

        Raises
        ------
        DataError
        """
        if self.aside:
            raise DataError(
                f"{source}: there is nothing called '{self.aside[0]}', as these data have features and targets alone; "
                "give a table or an HDF5 or NPZ file that has it"
            )
