"""Mutations of files: bytes, numbers, pieces, and the contents that lie behind checksums."""

import gzip
import io
import random
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence

Mutation = Callable[[random.Random, bytes], bytes]

_WORDS = (
    *(b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b",", b"\t", b"\n", b"\r", b"\r\n", b";", b"_", b"-"),
    *(
        b"nan",
        b"inf",
        b"-inf",
        b"1e999",
        b"0x10",
        b"1_0",
        b"True",
        b"None",
        b"null",
        b"[",
        b"]",
        b"{",
        b"}",
        b"(",
        b")",
    ),
    *(
        b"../../etc/passwd",
        b"/dev/zero",
        b"|O",
        b"|O8",
        b"<f8",
        b">c16",
        b"V0",
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"\x1b[2J",
    ),
    *(b"-1", b"0", b"1", b"255", b"65536", b"4294967295", b"9223372036854775807", b"1" + b"0" * 400),
)
_NUMBERS = (
    0,
    1,
    2,
    7,
    8,
    127,
    128,
    255,
    256,
    2**15,
    2**16 - 1,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**63 - 1,
    2**64 - 1,
)
_DIGITS = re.compile(rb"\d+")


def mutated(source: random.Random, seeds: Sequence[bytes], inside: Sequence[Mutation] = ()) -> bytes:
    """One mutated file.

    Parameters
    ----------
    source : random.Random
        All chance comes from it, so that its seed names the file.
    seeds : sequence of bytes
        Valid files of the format.
    inside : sequence of mutations
        Those that know the format: what they change gets past its checksums.
    """
    content = source.choice(seeds)
    if inside and source.random() < 0.5:
        content = source.choice(inside)(source, content)
        if source.random() < 0.8:
            return content
    if source.random() < 0.1:
        content = _spliced(source, content, source.choice(seeds))
    return edited(source, content)


def edited(source: random.Random, content: bytes) -> bytes:
    """The bytes with one to eight edits of no format in particular."""
    for _ in range(min(8, 1 + int(source.expovariate(0.7)))):
        content = source.choice(_EDITS)(source, content)
    return content


def _flip(source: random.Random, content: bytes) -> bytes:
    return _put(content, source.randrange(len(content) + 1), bytes([1 << source.randrange(8)]), xor=True)


def _byte(source: random.Random, content: bytes) -> bytes:
    return _put(
        content,
        source.randrange(len(content) + 1),
        bytes([source.choice((0, 1, 127, 128, 255, source.randrange(256)))]),
    )


def _number(source: random.Random, content: bytes) -> bytes:
    """A number in binary, of 1, 2, 4 or 8 bytes, often where one would be aligned."""
    size = source.choice((1, 2, 4, 8))
    place = source.randrange(len(content) + 1)
    if source.random() < 0.7:
        place -= place % size
    value = source.choice(_NUMBERS) + source.choice((0, 0, 0, 1, -1))
    return _put(content, place, (value % 2 ** (8 * size)).to_bytes(size, source.choice(("little", "big"))))


def _digits(source: random.Random, content: bytes) -> bytes:
    """Another number where one stands in text."""
    match = _DIGITS.search(content, source.randrange(len(content) + 1))
    if match is None:
        return _number(source, content)
    return content[: match.start()] + str(source.choice(_NUMBERS)).encode() + content[match.end() :]


def _word(source: random.Random, content: bytes) -> bytes:
    place = source.randrange(len(content) + 1)
    end = place + source.choice((0, 0, 1, 4))
    return content[:place] + source.choice(_WORDS) + content[end:]


def _cut(source: random.Random, content: bytes) -> bytes:
    place = source.randrange(len(content) + 1)
    return content[:place] + content[place + source.choice((1, 2, 8, 64, 512)) :]


def _truncated(source: random.Random, content: bytes) -> bytes:
    return content[: source.randrange(len(content) + 1)]


def _repeated(source: random.Random, content: bytes) -> bytes:
    place = source.randrange(len(content) + 1)
    piece = content[place : place + source.choice((1, 4, 16, 128))]
    return content[:place] + piece * source.choice((1, 2, 16)) + content[place:]


def _moved(source: random.Random, content: bytes) -> bytes:
    """A piece of the file written over another."""
    size = source.choice((4, 8, 32, 128))
    place = source.randrange(len(content) + 1)
    return _put(content, source.randrange(len(content) + 1), content[place : place + size])


def _appended(source: random.Random, content: bytes) -> bytes:
    return content + source.randbytes(source.choice((1, 8, 100)))


_EDITS: tuple[Mutation, ...] = (
    *(_flip, _flip, _byte, _byte, _number, _number, _number, _digits, _digits, _word, _word),
    *(_cut, _truncated, _repeated, _moved, _appended),
)


def _put(content: bytes, place: int, piece: bytes, *, xor: bool = False) -> bytes:
    if xor:
        piece = bytes(a ^ b for a, b in zip(content[place:], piece, strict=False))
    return content[:place] + piece[: len(content) - place] + content[place + len(piece) :]


def _spliced(source: random.Random, one: bytes, other: bytes) -> bytes:
    return one[: source.randrange(len(one) + 1)] + other[source.randrange(len(other) + 1) :]


def inside_gzip(source: random.Random, content: bytes) -> bytes:
    """The content of a gzip file edited, and compressed again with a checksum that fits."""
    try:
        plain = gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return edited(source, content)
    return gzip.compress(edited(source, plain), 1, mtime=0)


def inside_zip(source: random.Random, content: bytes) -> bytes:
    """One member of a zip file edited, dropped, renamed or doubled; the archive is whole again."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    index = source.randrange(len(members))
    name, data = members[index]
    kind = source.random()
    if kind < 0.8:
        members[index] = (name, edited(source, data))
    elif kind < 0.85:
        del members[index]
    elif kind < 0.95:
        names = ("../x.npy", "X.npy", "x.npy", "y.npy", "", "X", "/X.npy", "classes.npy", "\n.npy", "\x1b[2J.npy")
        members[index] = (source.choice(names), data)
    else:
        members[index] = (name, members[source.randrange(len(members))][1])
    image = io.BytesIO()
    method = source.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with warnings.catch_warnings(), zipfile.ZipFile(image, "w", method, compresslevel=1) as archive:
        warnings.simplefilter("ignore")  # two members may have one name
        for member, data in members:
            archive.writestr(zipfile.ZipInfo(member), data, method)
    return image.getvalue()


def inside_png(source: random.Random, content: bytes) -> bytes:
    """One chunk of a PNG edited, with a length and a checksum that fit."""
    chunks, place = [], 8
    while place + 12 <= len(content):
        size = struct.unpack_from(">I", content, place)[0]
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + size]))
        place += 12 + size
    if not chunks:
        return edited(source, content)
    index = source.randrange(len(chunks))
    chunks[index] = (chunks[index][0], edited(source, chunks[index][1]))
    parts = [content[:8]]
    for kind, data in chunks:
        parts += [struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(kind + data))]
    return b"".join(parts)
