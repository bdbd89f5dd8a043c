"""Python functions that compiled code has as instructions, written down right where they are called.

Numba's ``overload`` gives a function another one to be compiled in its place, and each of those goes through the whole
of the compiler: some ten milliseconds for every combination of types, a tenth of a first compilation in all. What is
nothing but instructions is better an ``intrinsic``, but that can be called from compiled code alone. This is one whose
name is an ordinary function, which runs as Python where the compiler is switched off.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from numba.core import types
from numba.core.typing.templates import infer_global, make_intrinsic_template

Definition = Callable[..., Any]


def inlined(function: Callable[..., Any], names: Sequence[str] = ()) -> Callable[[Definition], Definition]:
    """Decorator for the definition of ``function`` in compiled code, written as for Numba's ``intrinsic``.

    Parameters
    ----------
    function : what compiled code calls
    names : of its parameters, where the definition takes them as ``*arguments``
    """

    def decorate(definition: Definition) -> Definition:
        if names:
            parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in ("typingctx", *names)]
            definition.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        template = make_intrinsic_template(function, definition, function.__name__)
        infer_global(function, types.Function(template))
        return definition

    return decorate
