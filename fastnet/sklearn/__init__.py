"""scikit-learn's MLPClassifier and MLPRegressor by fastnet's engine: change one import and keep your code.

from fastnet.sklearn import MLPClassifier, MLPRegressor
"""

from .classifier import MLPClassifier
from .regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
