"""What Numba's compiler does to a kernel before it writes it down: its ordinary passes, but for those that look for
what no kernel has, and what a call returns found once.

Each pass goes over every function, and those that may have changed one work its variables out anew: together a tenth of
what a first compilation does in Python. To find the type of ``a + b`` Numba tries every meaning that the operator has
been given, and of a thousand calls nine hundred are such as there were before: another tenth.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import types
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.typed_passes import InlineOverloads, NopythonRewrites
from numba.core.typing.context import BaseContext
from numba.core.untyped_passes import DeadBranchPrune, InlineClosureLikes, InlineInlinables, WithLifting

LEFT_OUT = {
    InlineClosureLikes,  # functions within functions, comprehensions
    InlineInlinables,  # functions that are to be inlined by Numba and not by LLVM
    InlineOverloads,
    WithLifting,  # with statements
    DeadBranchPrune,  # branches on None or on constants
    NopythonRewrites,  # operations on whole arrays
}


class KernelCompiler(CompilerBase):  # type: ignore[misc]
    """What ``numba.njit`` takes as its ``pipeline_class``."""

    def define_pipelines(self) -> list[Any]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state, "kernel")
        passes.passes = [one for one in passes.passes if one[0] not in LEFT_OUT]
        passes.finalize()
        return [passes]


@contextmanager
def types_remembered() -> Iterator[None]:
    """Within it, what operators and functions of Numba's vocabulary return for arguments of some types is found once.

    Whoever enters holds Numba's lock.
    """
    find, found = BaseContext.resolve_function_type, {}

    def resolve_function_type(self: Any, function: Any, arguments: Any, named: Any) -> Any:
        if named or not isinstance(function, (types.Function, str)):
            return find(self, function, arguments, named)
        call = function, arguments
        if call not in found:
            found[call] = find(self, function, arguments, named)
        return found[call]

    BaseContext.resolve_function_type = resolve_function_type
    try:
        yield
    finally:
        BaseContext.resolve_function_type = find
