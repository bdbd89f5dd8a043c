"""Machine code for entry points alone.

Numba optimises every function that it compiles, each time with all that the function calls, and makes machine code of
it. Kernels are never called by address: their code is linked into the entry points', where it is optimised again. To
leave the first of the two out takes a third to a half off the time of a first compilation, and changes no result.

Numba has no option for it, so four of its internal methods step aside while an entry point is compiled, for
exactly the functions that have no wrapper to be called by. A Numba without these methods compiles as it always did.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding
from numba.core import codegen
from numba.core.compiler_lock import global_compiler_lock

_OPTIMIZE, _FINALIZE, _SET_ENV = "_optimize_final_module", "_finalize_final_module", "set_env"
_SIMPLIFY = "_optimize_functions"


def _is_only_linked(library: Any) -> bool:
    """Whether the library defines functions and none that Python enters by. (One loaded from the cache has none at
    all at this point: it brings machine code.)"""
    names = [function.name for function in library._final_module.functions if not function.is_declaration]
    return bool(names) and not any(name.startswith("_ZN7cpython") for name in names)


def _optimize(module: Any, machine: Any) -> None:
    """LLVM's ordinary passes, but no loop is unrolled: the kernels' own are vectors already, four at a time where that
    helps. Unrolled, the entry points' code was a sixth larger and no workload faster. Nor is straight code searched for
    what could be vectors, which finds nothing."""
    options = llvmlite.binding.create_pipeline_tuning_options(speed_level=3)
    options.loop_unrolling = options.slp_vectorization = False
    builder = llvmlite.binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)


@contextmanager
def entry_points_only() -> Iterator[None]:
    """Within it, what has no wrapper is kept as LLVM's intermediate code, to be linked into what has one."""
    library_class, codegen_class = codegen.CPUCodeLibrary, codegen.JITCPUCodegen
    try:
        optimize, finalize = getattr(library_class, _OPTIMIZE), getattr(library_class, _FINALIZE)
        simplify, set_env = getattr(library_class, _SIMPLIFY), getattr(codegen_class, _SET_ENV)
    except AttributeError:
        yield
        return

    def leave_functions(self: Any, module: Any) -> None:
        # They are simplified where they are optimised.
        module.data_layout = self._codegen._data_layout

    def optimize_final_module(self: Any) -> None:
        if not _is_only_linked(self):
            _optimize(self._final_module, self._codegen._tm)

    def finalize_final_module(self: Any) -> None:
        if _is_only_linked(self):
            self._finalized = True
        else:
            finalize(self)

    def set_known_env(self: Any, name: str, env: Any) -> None:
        # Of a function without machine code there is no place where its environment could be noted.
        if self._engine.is_symbol_defined(name):
            set_env(self, name, env)

    # The lock is Numba's own, so no function of somebody else's is compiled meanwhile in another thread.
    with global_compiler_lock:
        try:
            setattr(library_class, _SIMPLIFY, leave_functions)
            setattr(library_class, _OPTIMIZE, optimize_final_module)
            setattr(library_class, _FINALIZE, finalize_final_module)
            setattr(codegen_class, _SET_ENV, set_known_env)
            yield
        finally:
            setattr(library_class, _SIMPLIFY, simplify)
            setattr(library_class, _OPTIMIZE, optimize)
            setattr(library_class, _FINALIZE, finalize)
            setattr(codegen_class, _SET_ENV, set_env)
