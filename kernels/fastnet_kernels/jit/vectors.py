"""How wide this machine's vectors are, and whole vectors loaded from and stored to an array."""

from typing import Any

import llvmlite.binding
from llvmlite import ir


def _vector_bytes() -> int:
    features = llvmlite.binding.get_host_cpu_features()
    return 32 if features.get("avx") else 16


VECTOR_BYTES = _vector_bytes()


class Vectors:
    """Loads and stores of whole vectors of an array's numbers, in the code that is being generated."""

    def __init__(self, context: Any, builder: Any, kind: Any) -> None:
        self.builder, self.itemsize = builder, context.get_abi_sizeof(context.get_data_type(kind.dtype))
        self.lanes = VECTOR_BYTES // self.itemsize
        self.vector = ir.VectorType(context.get_value_type(kind.dtype), self.lanes)

    def at(self, data: Any, place: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(data, [place]), ir.PointerType(self.vector))

    def load(self, data: Any, place: Any) -> Any:
        return self.builder.load(self.at(data, place), align=self.itemsize)

    def store(self, value: Any, data: Any, place: Any) -> None:
        self.builder.store(value, self.at(data, place), align=self.itemsize)
