"""The training of a model: the epoch loop and what it is made of. It never prints.

``loop`` has the loop itself; ``runner`` calls the engine; ``trained`` is what the engine works on, with ``average`` and
``sample_space`` where that is not the model's own parameters, and ``start`` chooses; ``rates`` are the learning rates;
``divergence`` goes back to the last good parameters; ``quasi_newton`` is L-BFGS.
"""

from .loop import Training
from .position import Progress

__all__ = ["Progress", "Training"]
