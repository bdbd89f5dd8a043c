"""The two engines by name. Asking for one never gives the other."""

import functools
import importlib
from types import ModuleType

from .validation import choice

BACKENDS = ("jit", "reference")


@functools.cache
def engine(backend: str) -> ModuleType:
    """The engine module of the side ``backend``, imported when first asked for.

    Raises
    ------
    ConfigurationError
        If backend is neither "jit" nor "reference".
    """
    return importlib.import_module(f"fastnet_kernels.{choice('backend', backend, BACKENDS)}.engine")
