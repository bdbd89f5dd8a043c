"""The kernels of fastnet: every fast one (``jit``, Numba) beside its readable twin (``reference``, NumPy).

This package stands alone: it needs numpy, numba, scipy's BLAS and platformdirs, and never imports fastnet. Importing it
imports none of them but numpy; ``fastnet_kernels.jit`` is imported when the first compiled kernel is asked for.
"""
