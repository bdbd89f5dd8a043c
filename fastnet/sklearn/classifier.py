"""MLPClassifier."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from ..activations import ActivationObject
from ..callbacks import Callback
from ..labelled import Labelled
from ..losses import Hinge, Loss
from ..optimizers import Optimizer
from ..schedules import Schedule
from .base import DTYPES, Array, BaseMLP, can_go_on
from .labels import refuse_other_classes, refuse_unknown_classes, weights_of_classes
from .losses import loss_of_classes
from .parameters import CONSTRAINTS, Constraints
from .scores import accuracy_of


def _gives_probabilities(estimator: "MLPClassifier") -> bool:
    """Whether its loss is one of probabilities, as every one but hinge is."""
    return estimator.loss != Hinge.name and not isinstance(estimator.loss, Hinge)


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """scikit-learn's MLPClassifier, trained by fastnet.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        The hidden layers' units.
    activation : str or activation
        Of the hidden layers: "identity", "logistic", "tanh", "relu", any other of ``fastnet.ACTIVATIONS``, or an
        activation object of fastnet's.
    solver : str or Optimizer
        "lbfgs", "sgd" and "adam" are scikit-learn's, with the parameters below. Other names are fastnet's optimizers,
        such as "adamw", with their own defaults and ``learning_rate_init``; an Optimizer object is taken as it is.
    alpha : float
        L2 penalty, divided by the samples in a batch.
    batch_size : int or "auto"
        "auto" is 200, or all samples if they are fewer.
    learning_rate : str or Schedule
        "constant", "invscaling" or "adaptive", for solver="sgd" alone as in scikit-learn; or one of
        fastnet's schedules, in place of ``learning_rate_init``, for any solver given by name but "lbfgs".
    learning_rate_init, power_t : float
        The first learning rate, and the exponent of "invscaling".
    max_iter : int
        Epochs at the most; iterations of "lbfgs".
    shuffle : bool
        Whether each epoch takes the samples in an order of its own.
    random_state : int, RandomState or None
        Decides the initial weights, which are scikit-learn's, the validation split, which is too, and shuffles and
        dropout, which are fastnet's.
    tol, n_iter_no_change : float, int
        Training stops when for so many epochs in a row the loss has not fallen, or the validation score not risen, by
        ``tol``. ``tol`` also bounds the gradients of "lbfgs".
    verbose : bool
        Whether to print each epoch's loss.
    warm_start : bool
        Whether ``fit`` goes on from the weights of the fit before.
    momentum, nesterovs_momentum : float, bool
        Of solver="sgd".
    early_stopping, validation_fraction : bool, float
        Whether to stop by the score of samples that are set aside, this share of all, or of ``validation_data``, and go
        back to the weights that scored best.
    beta_1, beta_2, epsilon : float
        Of solver="adam".
    max_fun : int
        Evaluations of the loss by "lbfgs" at the most.
    dropout : float
        After each hidden layer, in [0, 1).
    batch_norm : bool
        Whether each hidden layer is batch-normalised before its activation.
    l1 : float
        L1 penalty, divided by the samples in a batch.
    clip_value, clip_norm : float or None
        Bounds of the gradients, one by one or all together.
    callbacks : list of Callback or None
        fastnet's, or your own.
    dtype : "float32", "float64" or None
        What is computed in; None is X's own, as in scikit-learn. "float32" is faster.
    backend : str
        "jit" or "reference".
    threads : int or None
        None takes as many cores as help, and leaves joblib's other processes theirs. Give 1 where several estimators
        are fitted at a time in threads of one process.
    loss : str or Loss
        "log_loss" (binary or categorical cross-entropy, by the targets); or "hinge" for two classes or several labels,
        or a loss object that fits the targets, such as ``fastnet.CategoricalCrossentropy(label_smoothing=0.1)``.
    class_weight : dict, list of dict, "balanced" or None
        How much each class counts, as in scikit-learn's other classifiers.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    coefs_, intercepts_ : list of ndarray
        Weights (n_in, n_out) and biases (n_out,) of each layer.
    loss_, best_loss_, loss_curve_ : float, float or None, list of float
        As in scikit-learn, penalties included.
    validation_scores_, best_validation_score_ : list of float or None, float or None
        With early stopping.
    validation_loss_curve_ : list of float or None
        Of ``validation_data``, without penalties.
    n_iter_, t_, n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in scikit-learn.
    network_ : Network
        The trained network itself.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastnet.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(max_iter=1000, random_state=1).fit(X, y)
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **CONSTRAINTS,
        "loss": [StrOptions({"log_loss", "hinge"}), Loss],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str | ActivationObject = "relu",
        *,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: str | Loss = "log_loss",
        class_weight: Any = None,
        dropout: float = 0.0,
        batch_norm: bool = False,
        l1: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        callbacks: Sequence[Callback] | None = None,
        dtype: str | None = None,
        backend: str = "jit",
        threads: int | None = None,
    ) -> None:
        self._keep(locals())

    def _validate_input(
        self, X: Any, y: Any, incremental: bool, reset: bool
    ) -> tuple[Any, Array, npt.NDArray[np.float64] | None]:
        X, y = validate_data(self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=DTYPES, reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            refuse_other_classes(self, unique_labels(y))
        return X, self._encode(y), weights_of_classes(self.class_weight, y, incremental)

    def _encode(self, y: Any) -> Array:
        refuse_unknown_classes(self, unique_labels(y))
        # Bytes, since one-hot rows of many samples and classes take room.
        encoded: Array = self._label_binarizer.transform(y).astype(bool)
        return encoded

    def _loss_function(self) -> Loss:
        return loss_of_classes(self.loss, self._label_binarizer.y_type_)

    def _scoring(self, data: Labelled) -> Callable[[], float]:
        if len(self.classes_) == 1:
            return lambda: 1.0
        network = self._network
        # Hinge has -1 for no.
        targets = np.maximum(data.Y, 0).astype(np.int64)
        one_of_all = network.n_outputs == 1 or self._label_binarizer.y_type_ == "multiclass"
        score = accuracy_of(targets[:, 0] if one_of_all else targets, data.sample_weight)
        return lambda: score(network.predict_checked(data.X, self.backend, self.threads))

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Sequence[Any] | None = None
    ) -> "MLPClassifier":
        """Train anew, or with ``warm_start`` from the weights that there are.

        Parameters
        ----------
        X : (n_samples, n_features) array_like, frame or sparse matrix
            A sparse matrix is made dense for training.
        y : (n_samples,) or (n_samples, n_labels) array_like
            Labels of any type, or an indicator matrix.
        sample_weight : (n_samples,) array_like or None
        validation_data : (X, y), (X, y, sample_weight) or None
            Measured after each epoch: ``validation_loss_curve_``. ``early_stopping`` goes by them.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter or the data cannot be used, or the training diverged.
        """
        self._fit(X, y, sample_weight, validation_data)
        return self

    @available_if(can_go_on)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> "MLPClassifier":
        """Train one more epoch on these samples; the optimizer goes on from where it was.

        Parameters
        ----------
        X, y, sample_weight : as of ``fit``
        classes : (n_classes,) array_like or None
            All labels there will be; needed in the first call.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As ``fit``.
        """
        if _check_partial_fit_first_call(self, classes):
            several = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if several else classes)
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> Array:
        """The label of each sample: (n_samples,), or (n_samples, n_labels) of 0 and 1, sparse if those of ``fit`` were.

        Raises
        ------
        NotFittedError
            If it was not fitted.
        ValueError
            If X has other features than in ``fit``.
        """
        check_is_fitted(self)
        answers = self.network_.predict(self._features(X), backend=self.backend)
        if self._label_binarizer.y_type_ == "multiclass":
            return np.asarray(self.classes_[answers])
        # Sparse where the labels were.
        labels: Array = self._label_binarizer.inverse_transform(answers)
        return labels

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (n_samples, n_classes), in the order of ``classes_``; of each label by itself
        where there are several. Errors as of ``predict``."""
        check_is_fitted(self)
        probabilities = self.network_.predict_proba(self._features(X), backend=self.backend)
        if self.n_outputs_ == 1:
            return np.hstack([1 - probabilities, probabilities])
        return probabilities

    @available_if(_gives_probabilities)
    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of ``predict_proba``."""
        probabilities: Array = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            np.log(probabilities, out=probabilities)
        return probabilities

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
