"""The loops that matter are vector instructions: read from the machine code, so that a change that breaks it is seen.

Each kernel is compiled as the engine compiles it, with options of its own, into an entry point that does nothing but
call it. Its innermost loops are cut out of the assembly, and one of them has to hold every operation that the kernel
is about as a packed instruction, of the machine's full width for float32.
"""

import functools
import importlib
import inspect
import itertools
import math
import platform
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

X86, ARM = platform.machine().lower() in ("x86_64", "amd64"), platform.machine().lower() in ("arm64", "aarch64")

pytestmark = [
    pytest.mark.needs_compiler,
    pytest.mark.skipif(
        not (X86 or ARM),
        reason=f"this test reads the assembly of x86-64 and arm64, not that of {platform.machine()}",
    ),
]

OPERATIONS = {
    "add": (r"v?addps|v?fn?m(add|sub)\d+ps", r"fadd|fml[as]"),
    "subtract": (r"v?subps|v?fn?m(add|sub)\d+ps", r"fsub|fml[as]"),
    "multiply": (r"v?mulps|v?fn?m(add|sub)\d+ps", r"fmul|fml[as]"),
    "divide": (r"v?divps", r"fdiv"),
    "root": (r"v?sqrtps", r"fsqrt"),
    "estimated root": (r"v?sqrtps", r"fsqrt"),
    "choose": (r"v?(max|min|cmp\w*|blendv|blendm|and|andn)ps", r"f(max|min|maxnm|minnm|cm\w+)|bi[tf]|bsl|and|bic"),
    "shift": (r"v?pslld", r"u?shl|shl"),
    "scale": (r"v?pslld", r"u?shl|shl"),
    "move": (r"v?mov[ua]ps|v?movdq[ua](32|64)?", r"mov|ld1|st1"),
    "multiply integers": (r"v?pmul(ld|udq)", r"mul|umull2?|mla"),
    "add doubles": (r"v?addpd|v?fn?m(add|sub)\d+pd", r"fadd|fml[as]"),
}
"""By name: how x86-64 (AT&T syntax) and arm64 spell the packed operation."""
AVX512 = {"estimated root": "vrsqrt14ps", "scale": "vscalefps"}
"""Those that AVX-512 has an instruction of its own for."""


@functools.cache
def width() -> str:
    """How a full vector register is written in this machine's assembly."""
    import llvmlite.binding

    if ARM:
        return r"v\d+\.(?:4s|16b|2d)|\bq\d+"
    return "%[yz]mm" if llvmlite.binding.get_host_cpu_features().get("avx2") else "%xmm"


def packed(operation: str, half: bool) -> re.Pattern[str]:
    """Lines of assembly that do the operation on a whole vector; ``half`` allows x86's half of one."""
    x86, arm = OPERATIONS[operation]
    if X86:
        from fastnet_kernels.jit.vectors import VECTOR_BYTES

        x86 = AVX512.get(operation, x86) if VECTOR_BYTES == 64 else x86
        return re.compile(rf"^\s+(?:{x86})\s.*{'%[xyz]mm' if half else width()}", re.MULTILINE)
    # Apple's assembler has the shape behind the mnemonic, the others behind the registers; copies are of q registers.
    shaped = rf"(?:{arm})(?:\.(?:4s|16b|2d)\s|\s+v\d+\.(?:4s|16b|2d))"
    copies = r"|(?:ld[rpu]+|st[rpu]+)\s+q\d+" if operation == "move" else ""
    return re.compile(rf"^\s+(?:{shaped}{copies})", re.MULTILINE)


@dataclass(frozen=True)
class Code:
    """The assembly of an innermost loop, or of all that was compiled."""

    text: str

    def does(self, *operations: str, half: bool = False) -> bool:
        """Whether each operation is there as a packed instruction."""
        return all(packed(operation, half and "double" not in operation).search(self.text) for operation in operations)

    def calls(self, name: str = r"\w+") -> bool:
        """Whether it calls (or takes the address of, for a call) a function of this name."""
        direct = re.search(rf"^\s+(?:callq?|bl)\s+_?(?:{name})\b", self.text, re.MULTILINE)
        by_address = re.search(rf"(?:\$|:got:|:abs_g3:)_?(?:{name})(?:@\w+)?\b", self.text)
        return bool(direct or by_address)

    def calls_anything(self) -> bool:
        """Whether any call stands in it, even by a register."""
        return bool(re.search(r"^\s+(?:callq?|blr?)\s", self.text, re.MULTILINE))


def ours(assembly: str) -> Code:
    """What was compiled of our code, without the wrappers that Python enters by."""
    parts = re.split(r"(?m)^(?=_?_ZN|_?cfunc\.|_?NRT_)", assembly)
    code = "".join(part for part in parts if re.match(r"_?_ZN(?!7cpython)", part))
    assert code, "the compiled functions are not where this test looks"
    return Code(code)


def blocks(text: str) -> tuple[list[str], list[set[int]]]:
    """The basic blocks in the order they stand in, and for each where control goes from it."""
    parts: list[str] = []
    names: dict[str, int] = {}
    goes: list[set[str]] = []
    falls_through: list[bool] = []

    def begin() -> None:
        parts.append("")
        goes.append(set())
        falls_through.append(True)

    begin()
    for line in text.splitlines(keepends=True):
        label = re.match(r"(\.?\w+):", line)
        jump = re.match(r"\s+(j\w+|b(?:\.\w+)?|cbn?z\s+\w+,|tbn?z\s+\w+,\s*#?\w+,)\s+(\.?L\w+)", line)
        ends = re.match(r"\s+(?:jmp\w*|b|br|retq?|ud2|brk)(?:\s|$)", line)
        if label:
            names[label[1]] = len(parts)
            begin()
        parts[-1] += line
        if jump:
            goes[-1].add(jump[2])
        if jump or ends:
            falls_through[-1] = not ends
            begin()
    edges = [{names[name] for name in targets if name in names} for targets in goes]
    for number in range(len(parts) - 1):
        if falls_through[number]:
            edges[number].add(number + 1)
    return parts, edges


def innermost_loops(code: Code) -> list[Code]:
    """The cycles of the control flow that hold no other: each set of blocks that all reach each other is a loop, and
    what is in it without the block that it is entered by may hold further ones."""
    parts, edges = blocks(code.text)

    def cycles(among: set[int]) -> list[set[int]]:
        """The sets of more than one block, or of one that leads to itself, that all reach each other."""
        numbers = sorted(among)
        place = {number: index for index, number in enumerate(numbers)}
        pairs = [(place[number], place[target]) for number in numbers for target in edges[number] & among]
        sources, targets = zip(*pairs, strict=True) if pairs else ((), ())
        graph = csr_array((np.ones(len(pairs)), (sources, targets)), shape=(len(numbers), len(numbers)))
        _, labels = connected_components(graph, directed=True, connection="strong")
        groups: dict[int, set[int]] = {}
        for number, label in zip(numbers, labels.tolist(), strict=True):
            groups.setdefault(label, set()).add(number)
        return [group for group in groups.values() if len(group) > 1 or group <= edges[min(group)]]

    def loops(among: set[int]) -> list[set[int]]:
        found: list[set[int]] = []
        for cycle in cycles(among):
            entered = {target for before in others_of(cycle) for target in edges[before] & cycle}
            found += loops(cycle - {min(entered or cycle)}) or [cycle]
        return found

    def others_of(cycle: set[int]) -> set[int]:
        return {before for target in cycle for before in into[target]} - cycle

    into: list[set[int]] = [set() for _ in parts]
    for number, ahead in enumerate(edges):
        for target in ahead:
            into[target].add(number)
    return [Code("".join(parts[number] for number in sorted(cycle))) for cycle in loops(set(range(len(parts))))]


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, tuple[Any, ...]], Code]:
    """Compiles a kernel for arguments, not by way of the cache, whose code cannot be looked at."""
    import numba

    from fastnet_kernels.jit import compiler, library

    library.load("float32")
    monkeypatch.setattr(compiler, "cache_folder", lambda: None)

    def compile_for(kernel: Any, arguments: tuple[Any, ...]) -> Code:
        # One that is called by name is not in the code of who calls it.
        kernel = getattr(kernel, "dispatcher", kernel)

        def entry(arguments: Any) -> Any:
            return kernel(*arguments)

        entry_point = compiler.entry_point(entry, (numba.typeof(arguments),), "looked-at")
        return ours("".join(entry_point.inspect_asm().values()))  # type: ignore[attr-defined]

    return compile_for


def arguments_for(module: str, kernel: str, numbers: int = 2) -> tuple[Any, ...]:
    """Float32 arguments: those of a case of the contract, or so many matrices where a table has the kernel."""
    from fastnet_kernels.cases import cases
    from fastnet_kernels.check import arguments_of

    if module == "optimizers":
        parameters = inspect.signature(
            getattr(importlib.import_module(f"fastnet_kernels.jit.{module}"), kernel)
        ).parameters
        is_array = {name: place <= list(parameters).index("gradients") for place, name in enumerate(parameters)}
        return tuple(np.ones(512, np.float32) if array else 0.5 for array in is_array.values())
    for case in cases("float32"):
        if case.kernel == kernel:
            return tuple(arguments_of(case, "float32").values())
    matrices = tuple(np.ones((16, 32), np.float32) for _ in range(numbers))
    # A loss has a scale beside the number of its own that an activation has too.
    return (*matrices, *{"losses": (0.5, 0.5), "activations": (0.5,)}.get(module, ()))


@dataclass(frozen=True)
class Wanted:
    """What one innermost loop of a kernel has to do packed; half where its float64 sums set the pace."""

    module: str
    kernel: str
    operations: tuple[str, ...]
    matrices: int = 2
    half: bool = False


EXP, EXPM1 = ("multiply", "scale"), ("multiply", "shift")
"""What the polynomial and the power of two come down to: in a formula; and in expm1 and loops that LLVM makes vectors
of, where no instruction of AVX-512 takes the shift's place."""

KERNELS = [
    Wanted("activations", "relu", ("choose",)),
    Wanted("activations", "relu_derivative", ("choose",), 4),
    Wanted("activations", "sigmoid", (*EXP, "divide")),
    Wanted("activations", "sigmoid_derivative", ("multiply", "subtract"), 4),
    Wanted("activations", "tanh", ("multiply", "add", "divide")),
    Wanted("activations", "tanh_derivative", ("multiply", "subtract"), 4),
    Wanted("activations", "softmax", EXP),
    Wanted("activations", "softmax", EXPM1),  # of many classes, row by row
    Wanted("activations", "softmax_derivative", ("multiply", "subtract"), 4),
    Wanted("activations", "elu", (*EXPM1, "choose")),
    Wanted("activations", "softplus", (*EXP, "divide")),
    Wanted("activations", "gelu", (*EXP, "divide")),
    Wanted("activations", "gelu_derivative", (*EXP, "divide"), 4),
    Wanted("activations", "gelu_tanh_derivative", (*EXP, "divide"), 4),
    Wanted("activations", "silu", (*EXP, "divide")),
    Wanted("activations", "hard_sigmoid", ("choose",)),
    Wanted("activations", "absolute_derivative", ("choose",), 4),
    *(
        Wanted("optimizers", name, ("multiply", "estimated root", "divide"))
        for name in ("amsgrad", "adagrad", "rmsprop", "centered_rmsprop", "adadelta")
    ),
    Wanted("optimizers", "adamax", ("multiply", "divide", "choose")),
    Wanted("optimizers", "lion", ("multiply", "choose")),
    Wanted("optimizers", "rprop", ("multiply", "choose")),
    Wanted("optimizers", "sgd", ("multiply", "add")),
    Wanted("optimizers", "nadam", ("multiply", "estimated root", "divide")),
    Wanted("optimizers", "clip", ("multiply", "choose")),
    Wanted("optimizers", "adam", ("multiply", "estimated root", "divide")),
    Wanted("dropout", "dropout_forward", ("multiply", "multiply integers")),
    Wanted("losses", "mean_squared_error", ("subtract", "multiply"), 4),
    Wanted("losses", "binary_crossentropy", (*EXP, "divide"), 4),
    Wanted("losses", "categorical_crossentropy", EXP, 4),
    Wanted("losses", "categorical_crossentropy", EXPM1, 4),  # the same
    Wanted("losses", "mean_absolute_error", ("subtract", "choose"), 4),
    Wanted("losses", "huber", ("subtract", "choose"), 4),
    Wanted("losses", "log_cosh", (*EXPM1, "divide"), 4),
    Wanted("losses", "poisson", EXP, 4),
    Wanted("losses", "hinge", ("multiply", "choose"), 4),
    Wanted("losses", "weigh", ("multiply", "add doubles"), 3, half=True),
    Wanted("augment", "augment", ("add", "subtract", "multiply", "multiply integers")),
    Wanted("noise", "noise_forward", ("multiply", "divide", "root")),
    Wanted("normalization", "batch_norm_forward", ("subtract", "multiply")),
    Wanted("normalization", "batch_norm_gradients", ("subtract", "multiply", "add")),
    Wanted("normalization", "batch_norm_backward", ("subtract", "multiply")),
    Wanted("normalization", "own_moments", ("subtract", "multiply", "add")),
    Wanted("normalization", "layer_norm_forward", ("subtract", "multiply")),
    Wanted("normalization", "layer_norm_backward", ("subtract", "multiply")),
    Wanted("pixels", "convert_pixels", ("divide", "move")),
    Wanted("pixels", "gather_pixels", ("divide", "move")),
    Wanted("engine", "times_zero", ("multiply", "add doubles"), 1, half=True),
    Wanted("dense", "weight_penalty", ("multiply", "add doubles"), half=True),
]


@pytest.mark.parametrize("wanted", KERNELS, ids=lambda wanted: wanted.kernel)
def test_the_loop_is_vector_instructions(wanted: Wanted, compiled: Any) -> None:
    kernel = getattr(importlib.import_module(f"fastnet_kernels.jit.{wanted.module}"), wanted.kernel)
    code = compiled(kernel, arguments_for(wanted.module, wanted.kernel, wanted.matrices))
    found = [loop for loop in innermost_loops(code) if loop.does(*wanted.operations, half=wanted.half)]
    assert found, f"no loop of {wanted.kernel} does {', '.join(wanted.operations)} on whole vectors"
    assert not any(loop.calls_anything() for loop in found)
    assert not code.calls("expf?|exp2f?|expm1f?|tanhf?|__svml_\\w+"), "it leaves an exponential to a library"


def test_the_biases_are_added_by_the_product(compiled: Any) -> None:
    """In its registers, and by vectors in a loop of their own where it has large tiles or is the BLAS's."""
    from fastnet_kernels.jit.dense import dense_forward
    from fastnet_kernels.jit.products import gemm

    def adds(code: Any) -> bool:
        loops = innermost_loops(code)
        return any(loop.does("add") and not loop.does("multiply") and not loop.does("divide") for loop in loops)

    code = compiled(dense_forward, arguments_for("dense", "dense_forward"))
    assert code.calls("fastnet_gemm_float32"), "the product is not where this test looks"
    assert not adds(code)
    matrices, biases = tuple(np.ones((8, 8), np.float32) for _ in range(3)), np.ones(8, np.float32)
    assert adds(compiled(gemm, (*matrices, biases, False, False, False, 0, 0, matrices[0])))


def test_the_tiles_of_products_stay_in_registers(compiled: Any) -> None:
    """Their sums do not go to memory while the inner dimension is gone through, and no vector comes from there but a
    mask on AVX2, which has no registers for masks. The highest take several steps in a turn."""
    from fastnet_kernels.jit.loops import UNROLLED
    from fastnet_kernels.jit.products import TALL, gemm
    from fastnet_kernels.jit.small import HEIGHTS
    from fastnet_kernels.jit.vectors import VECTOR_BYTES

    matrices = tuple(np.ones((8, 8), np.float32) for _ in range(3))
    loops = innermost_loops(compiled(gemm, (*matrices, np.ones(0, np.float32), False, False, False, 0, 0, matrices[0])))
    # One of the large tiles; of small ones, for rows and for columns, one of each width, and two of two vectors, which
    # are what is left or not.
    wanted = Counter({2 * TALL * UNROLLED: 1})
    for width, heights in HEIGHTS.items():
        wanted[UNROLLED * width * heights[0]] += 4 if width == 2 else 2
    found: dict[int, list[str]] = {count: [] for count in wanted}
    for loop in loops:
        found.get(len(packed("multiply", half=False).findall(loop.text)), []).append(loop.text)
    assert {count: len(texts) for count, texts in found.items()} == wanted
    for text in itertools.chain.from_iterable(found.values()):
        if X86:
            assert not re.search(r"%[xyz]mm\d+, \S*\(%rsp\)", text)
            assert len(re.findall(r"\(%rsp\), %[xyz]mm", text)) <= (0 if VECTOR_BYTES == 64 else UNROLLED)
        if VECTOR_BYTES == 64:
            # One instruction where its address is a register and a constant, two where another register is in it.
            assert text.count("{1to16}") >= len(packed("multiply", half=False).findall(text)) // 3
            assert not re.search(r"\(%\w+,%\w+(,\d)?\)\{1to16\}", text)


def test_the_batch_is_gathered_by_vectors(compiled: Any) -> None:
    from fastnet_kernels.jit.engine import gather

    code = compiled(gather, arguments_for("engine", "gather"))
    assert any(loop.does("move") for loop in innermost_loops(code)) or code.calls("memcpy|memmove")


class TestTheTestCanFail:
    """Loops that are no vector instructions do not pass for some."""

    def test_a_loop_that_needs_its_last_result(self, compiled: Any) -> None:
        from fastnet_kernels.jit.compiler import kernel

        def running(a: Any, z: Any) -> None:
            for i in range(z.shape[0]):
                for j in range(1, z.shape[1]):
                    a[i, j] = z[i, j] / (a[i, j - 1] * z[i, j] + z[i, 0])

        loops = innermost_loops(compiled(kernel(running), arguments_for("none", "none")))
        assert loops
        assert not any(
            loop.does(operation) for loop in loops for operation in ("add", "multiply", "divide", "shift", "scale")
        )

    def test_an_exponential_of_the_library(self, compiled: Any) -> None:
        from fastnet_kernels.jit.compiler import kernel

        def library(a: Any, z: Any) -> None:
            for i in range(z.shape[0]):
                for j in range(z.shape[1]):
                    a[i, j] = math.exp(z[i, j])

        code = compiled(kernel(library), arguments_for("none", "none"))
        assert code.calls("expf?|__svml_\\w+")
        assert not any(loop.does(*EXP) for loop in innermost_loops(code))

    def test_a_vector_of_half_the_width(self) -> None:
        """Where the machine has wider ones."""
        half = Code("\tvaddps\t%xmm1, %xmm0, %xmm0\n" if X86 else "\tfadd\tv0.2s, v0.2s, v1.2s\n")
        one = Code("\tvaddss\t%xmm1, %xmm0, %xmm0\n" if X86 else "\tfadd\ts0, s0, s1\n")
        assert not one.does("add", half=True)
        assert half.does("add") == (X86 and width() == "%xmm")
        whole = "\tvaddps\t%ymm1, %ymm0, %ymm0\n" if width() != "%xmm" else "\taddps\t%xmm1, %xmm0\n"
        assert Code(whole if X86 else "\tfadd\tv0.4s, v0.4s, v1.4s\n").does("add")

    def test_an_allocation(self, compiled: Any) -> None:
        from fastnet_kernels.jit.compiler import kernel

        def allocating(a: Any, z: Any) -> None:
            for i in range(z.shape[0]):
                temporary = np.empty(z.shape[1], z.dtype)
                for j in range(z.shape[1]):
                    temporary[j] = z[i, j]
                a[i, 0] = temporary.sum()

        assert allocations(compiled(kernel(allocating), arguments_for("none", "none")))


def allocations(code: Code) -> list[str]:
    """The runtime's functions that allocate, as far as they are named."""
    return re.findall(r"NRT_(?:\w*[Aa]lloc\w*|MemInfo_(?:new|varsize)\w*)", code.text)


@pytest.mark.slow
def test_no_kernel_counts_references_and_nothing_allocates(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastnet_kernels.jit import compiler, engine, library

    monkeypatch.setattr(compiler, "cache_folder", lambda: None)
    entry_points: list[Any] = [library._loaded.__wrapped__("float32"), engine.entry.__wrapped__("train", "float32")]
    code = ours("".join(text for entry_point in entry_points for text in entry_point.inspect_asm().values()))
    assert code.calls("fastnet_sgemm"), "the training is not where this test looks"
    assert not allocations(code)
    assert len(innermost_loops(code)) > 50
    functions = re.split(r"(?m)^(?=_?_ZN)", code.text)
    counting = {function.partition(":")[0] for function in functions if re.search(r"\$_?NRT_(?:inc|dec)ref", function)}
    # An entry point holds what it was given for as long as it runs; from there on arrays are borrowed. The two of
    # augment read arrays of a few numbers that are within an op, once a sample.
    named = {*(entry_point.__name__ for entry_point in entry_points), "drawn", "_changed"}
    assert len(functions) > 20
    assert all(any(f"{len(name)}{name}B" in symbol for name in named) for symbol in counting), counting
