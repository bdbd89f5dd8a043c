"""The version of the installed distribution."""

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "fastnet-jit"

try:
    __version__ = version(DISTRIBUTION)
except PackageNotFoundError:  # a bare source tree on sys.path
    __version__ = "0+unknown"
