"""An estimator's network, and scikit-learn's lists of weights as views of its parameters."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ..errors import DataError
from ..losses import Loss
from ..network import Network
from .architecture import dense_views, layers_of
from .losses import OUT_ACTIVATIONS


class WithNetwork(BaseEstimator):  # type: ignore[misc]
    """Base of BaseMLP."""

    coefs_: list[Any]
    intercepts_: list[Any]

    def _loss_function(self) -> Loss:
        """The loss for the targets that have been seen."""
        raise NotImplementedError

    @property
    def network_(self) -> Network:
        """The network with the weights that ``coefs_`` and ``intercepts_`` now have: for ``save``, ``predict_spread``
        and whatever else a network can do."""
        check_is_fitted(self, "_network")
        self._connect(self._network)
        return self._network

    def _make_network(self, units: list[int], first_pass: bool, mean_weight: float) -> None:
        """The network of these sizes with the weights of ``coefs_`` and ``intercepts_``; of one that was trained before
        also what else it had."""
        loss = self._loss_function()
        self.out_activation_ = OUT_ACTIVATIONS[loss.output_activation]
        network = Network(
            layers_of(self, units, loss, mean_weight),
            input_shape=units[0],
            loss=loss,
            dtype=np.asarray(self.coefs_[0]).dtype.name,
        )
        before = None if first_pass else getattr(self, "_network", None)
        if before is not None and before.parameters.shape == network.parameters.shape:
            self._connect(before)
            network.parameters[...] = before.parameters
        self._connect(network)
        self._network = network

    def _connect(self, network: Network) -> None:
        """Make ``coefs_`` and ``intercepts_``, which a user may have set, views of the network's parameters."""
        views = dense_views(network)
        # Lists of its own: a user's are left as they are.
        self.coefs_, self.intercepts_ = list(self.coefs_), list(self.intercepts_)
        given: list[tuple[list[Any], int, Any, Any]] = []
        for name, own, which in (("coefs_", self.coefs_, 0), ("intercepts_", self.intercepts_, 1)):
            if len(own) != len(views):
                raise DataError(f"{name} must have {len(views)} arrays, one for each layer, but it has {len(own)}")
            for place, pair in enumerate(views):
                view = pair[which]
                if getattr(own[place], "__array_interface__", None) == view.__array_interface__:
                    continue
                if np.shape(own[place]) != view.shape:
                    raise DataError(
                        f"{name}[{place}] must have shape {view.shape}, not {np.shape(own[place])}; "
                        "fit anew with warm_start=False to change the sizes of layers"
                    )
                # A copy, since it may be the view of another layer; and nothing is changed before all is known to fit.
                given.append((own, place, view, np.array(own[place], dtype=view.dtype)))
        for own, place, view, values in given:
            view[...] = values
            own[place] = view

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "_network" in state:
            self._connect(self._network)
            # They are views, and would be saved beside what they are views of.
            del state["coefs_"], state["intercepts_"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_network" in state:
            self.coefs_, self.intercepts_ = (list(arrays) for arrays in zip(*dense_views(self._network), strict=True))
