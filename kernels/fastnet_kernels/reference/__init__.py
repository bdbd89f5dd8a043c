"""The kernels as a person would write them in NumPy: the truth that the jit side is held to. Imports numpy only."""
