"""Pictures from files of their own, read by Pillow: each becomes bytes of one size, grey or RGB."""

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import DataError
from .dataset import Array

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
# Pillow knows more, some of which run other programs.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
# Where there are no smaller scales to decode at, as JPEG has them: a few bytes can declare any number of them.
_MOST_PIXELS = 30_000_000
_GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L")
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)


@dataclass(frozen=True)
class Frame:
    """What every picture is made to be.

    Attributes
    ----------
    width, height : int
    grey : bool
        One value a pixel instead of three.
    axis : bool
        Whether grey pictures have an axis of length 1 at the end.
    """

    width: int
    height: int
    grey: bool
    axis: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one picture: (height, width), (height, width, 1) or (height, width, 3)."""
        channels = () if self.grey and not self.axis else (1 if self.grey else 3,)
        return (self.height, self.width, *channels)

    @classmethod
    def of_shape(cls, shape: tuple[int, ...], source: str) -> "Frame":
        """The frame of a model's samples, so that pictures are made what it was trained on.

        Raises
        ------
        DataError
            Samples of this shape are no pictures.
        """
        if len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3)):
            return cls(shape[1], shape[0], grey=shape[2:] != (3,), axis=len(shape) == 3)
        raise DataError(
            f"{source}: the model was trained on samples of shape {' x '.join(map(str, shape))}, not on pictures "
            "(height x width, grey or RGB); give data like those of its training"
        )


def is_picture_name(path: Path) -> bool:
    """Whether a file is named as pictures are; hidden files are not."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read_pictures(files: Sequence[Path], frame: Frame) -> Array:
    """Read pictures, each stretched or shrunk to the same size.

    Parameters
    ----------
    files : sequence of n Path
    frame : Frame

    Returns
    -------
    array (n, *frame.shape) of uint8

    Raises
    ------
    DataError
        A file is no picture, is damaged, or has more pixels than are let in.
    """
    X = np.empty((len(files), *frame.shape), np.uint8)

    def fill(place: int) -> None:
        X[place] = _read(files[place], frame).reshape(frame.shape)

    with _pillow_told(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for _ in pool.map(fill, range(len(files))):
            pass
    return X


def frame_for(files: Sequence[Path], source: str, *, size: tuple[int, int] | None, grey: bool | None) -> Frame:
    """What pictures are made to be: what was asked for, else what all of them are already.

    Parameters
    ----------
    files : sequence of Path
        They are looked into for what was not asked for only, and of most formats only their beginnings are read.
    source : str
    size : (width, height), optional
    grey : bool, optional
        By default whether there is no colour in any of them.

    Raises
    ------
    DataError
        No size was asked for and they differ in theirs, or one cannot be read.
    """
    if size is not None and grey is not None:
        return Frame(*size, grey=grey)
    found: dict[tuple[int, int], Path] = {}
    colour = False
    with _pillow_told():
        for file in files:
            with _opened(file) as image:
                width, height = image.size
                turned = size is None and image.getexif().get(_ORIENTATION) in _SIDEWAYS
                found.setdefault((height, width) if turned else (width, height), file)
                colour = colour or not _is_grey(image)
    if size is None:
        if len(found) > 1:
            least, most = min(found, key=_pixels), max(found, key=_pixels)
            raise DataError(
                f"{source}: the pictures have {len(found)} different sizes, from {least[0]}x{least[1]} "
                f"('{found[least].name}') to {most[0]}x{most[1]} ('{found[most].name}'); say which one to make them, "
                "such as --size 64 (in Python size=64)"
            )
        size = next(iter(found))
    return Frame(*size, grey=not colour if grey is None else grey)


def _pixels(size: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    return size[0] * size[1], size


def _is_grey(image: "Image") -> bool:
    if image.mode == "P" and image.palette is not None:
        colours = np.frombuffer(image.convert("RGB").tobytes(), np.uint8).reshape(-1, 3)
        return bool((colours == colours[:, :1]).all())
    return image.mode in _GREY_MODES


def _read(path: Path, frame: Frame) -> Array:
    from PIL import Image, ImageOps

    with _opened(path) as image:
        longest = 2 * max(frame.width, frame.height)
        image.draft(image.mode, (longest, longest))  # a large JPEG is decoded at a smaller scale, much faster
        upright = ImageOps.exif_transpose(image)
        plain = _without_alpha(_eight_bits(upright, path))
        channels = plain.convert("L" if frame.grey else "RGB")
        if channels.size != (frame.width, frame.height):
            channels = channels.resize((frame.width, frame.height), Image.Resampling.BILINEAR)
        return np.asarray(channels)


def _eight_bits(image: "Image", path: Path) -> "Image":
    """The picture with its most significant 8 bits, where it has 16; Pillow itself would cut large values off."""
    from PIL import Image

    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM", None)):
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray((values >> 8).clip(0, 255).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise DataError(
            f"{path}: the picture has 32-bit values, of which no scale is known; save it with 8 or 16 bits, or "
            "give the values as an array in an NPZ or HDF5 file"
        )
    return image


def _without_alpha(image: "Image") -> "Image":
    """The picture on white, where it lets something through."""
    from PIL import Image

    if not image.has_transparency_data:
        return image
    coloured = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured).convert("RGB")


@contextmanager
def _opened(path: Path) -> Iterator["Image"]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.format != "JPEG" and image.width * image.height > _MOST_PIXELS:
                raise DataError(
                    f"{path}: the picture has {image.width * image.height:,} pixels, more than {_MOST_PIXELS:,}, "
                    "which are read whole; make it smaller, or save it as JPEG"
                )
            yield image
    except (DataError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(
            f"{path}: the picture has more than {Image.MAX_IMAGE_PIXELS:,} pixels; make it smaller or remove it"
        ) from None
    except UnidentifiedImageError:
        raise DataError(
            f"{path}: this is not a picture of a known format (JPEG, PNG, GIF, BMP, TIFF, WebP, PPM), or its beginning "
            "is damaged; copy it again or remove it"
        ) from None
    except Exception as error:  # Pillow's decoders raise whatever they trip over
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: the picture is truncated or damaged ({reason}); copy it again or remove it") from None


@contextmanager
def _pillow_told() -> Iterator[None]:
    """Have Pillow refuse pictures that are too large, and say nothing about odd metadata."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield
