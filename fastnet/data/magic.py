"""Files that are not the text they are taken for, by the bytes they begin with."""

from ..errors import DataError

_BEGINNINGS = (
    # With the byte that follows in every such file, since a column may be called PAR1.
    (b"PAR1\x15", "Parquet", "let its name end in .parquet, or give --input-format parquet for standard input"),
    (b"ARROW1\0", "Arrow", "let its name end in .arrow, or give --input-format arrow for standard input"),
    (b"\x89HDF\r\n\x1a\n", "HDF5", "give it as a file whose name ends in .h5"),
    (b"\x93NUMPY", "NPY", "give it as a file whose name ends in .npy"),
    (
        b"PK\x03\x04",
        "a ZIP archive, as XLSX and NPZ are",
        "save a table as CSV, let the name of arrays end in .npz",
    ),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "XLS", "save the table as CSV"),
    (b"\x1f\x8b", "gzip", "let its name end in .gz, or unpack it first"),
)
"""What a file begins with, what that is, and what to do."""


def refuse_other_formats(beginning: bytes, source: str) -> None:
    """Refuse what is to be read as a table in text but is another format.

    Raises
    ------
    DataError
    """
    for bytes_, called, advice in _BEGINNINGS:
        if beginning.startswith(bytes_):
            raise DataError(f"{source}: by its first bytes this is {called}, and not text; {advice}")
