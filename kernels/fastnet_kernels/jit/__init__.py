"""The kernels in Numba: file for file and name for name the twins of ``reference``, plus what compiling needs
(``compiler``, ``blas``). A docstring here says only what its kernel does differently and what that gained."""
