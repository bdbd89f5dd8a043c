"""The training of a model: the epoch loop and what it is made of. It never prints.

``loop`` is the loop itself, which measures and tells the callbacks; ``steps`` trains its epochs. ``runner`` calls the
engine; ``trained`` is what that works on, with ``average`` and ``sample_space`` where it is not the model's own
parameters, and ``start`` chooses; ``rates`` are the learning rates; ``divergence`` goes back to the last good
parameters; ``quasi_newton`` is L-BFGS.
"""

from .loop import Training
from .position import Progress

__all__ = ["Progress", "Training"]
