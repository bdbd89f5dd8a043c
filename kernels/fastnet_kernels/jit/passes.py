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
from numba.core.compiler_lock import global_compiler_lock
from numba.core.typing.context import BaseContext

LEFT_OUT = {
    "InlineClosureLikes",  # functions within functions, comprehensions
    "InlineInlinables",  # functions that are to be inlined by Numba and not by LLVM
    "InlineOverloads",
    "WithLifting",  # with statements
    "DeadBranchPrune",  # branches on None or on constants
    "NopythonRewrites",  # operations on whole arrays
}
"""By name: a Numba that has no such pass has nothing to leave out."""


class KernelCompiler(CompilerBase):  # type: ignore[misc]
    """What ``numba.njit`` takes as its ``pipeline_class``."""

    def define_pipelines(self) -> list[Any]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state, "kernel")
        passes.passes = [one for one in passes.passes if one[0].__name__ not in LEFT_OUT]
        passes.finalize()
        return [passes]


def _is_built_in(function: Any, signature: Any) -> bool:
    """Whether the call is written down by Numba itself. What is Python (an ``overload``) is compiled with the
    ``fastmath`` of whoever calls it, and to look for it is what chooses between two of them."""
    if isinstance(function, types.Function):
        return bool(function.get_impl_key(signature) == function.typing_key)
    return isinstance(function, str)


@contextmanager
def types_remembered() -> Iterator[None]:
    """Within it, what operators and functions of Numba's own return for arguments of some types is found once."""
    find = BaseContext.resolve_function_type
    found: dict[Any, Any] = {}

    def resolve_function_type(self: Any, function: Any, arguments: Any, named: Any) -> Any:
        call = function, arguments
        if call in found and not named:
            return found[call]
        signature = find(self, function, arguments, named)
        if signature is not None and not named and _is_built_in(function, signature):
            found[call] = signature
        return signature

    # The lock is Numba's own, so no function of somebody else's is compiled meanwhile in another thread.
    with global_compiler_lock:
        BaseContext.resolve_function_type = resolve_function_type
        try:
            yield
        finally:
            BaseContext.resolve_function_type = find
