"""Loops in the code that is being generated, whose values stay in registers."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir


def repeated(builder: Any, times: Any, values: list[Any], body: Callable[[list[Any]], list[Any]]) -> list[Any]:
    """Write the loop that replaces the values so often by what ``body`` makes of them."""
    before, test, inside, after = builder.block, *(builder.append_basic_block() for _ in range(3))
    builder.branch(test)
    builder.position_at_end(test)
    running = [builder.phi(value.type) for value in (times, *values)]
    for value, start in zip(running, (ir.Constant(times.type, 0), *values), strict=True):
        value.add_incoming(start, before)
    builder.cbranch(builder.icmp_signed("<", running[0], times), inside, after)
    builder.position_at_end(inside)
    results = [builder.add(running[0], ir.Constant(times.type, 1)), *body(running[1:])]
    for value, result in zip(running, results, strict=True):
        value.add_incoming(result, builder.block)
    builder.branch(test)
    builder.position_at_end(after)
    return running[1:]
