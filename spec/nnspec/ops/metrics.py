"""Metrics of whole arrays. What is counted is counted in integers; `nnspec.metrics` adds the counts of batches up."""

from __future__ import annotations

import functools
import math

from nnspec.operation import Array, Family, operation
from nnspec.ops import _counts as counts
from nnspec.ops import _metric_checks as checks

__all__ = ["Metrics"]


class Metrics(Family):
    """What models are judged by."""

    #: floating dtype of ratios of counts
    dtype: str

    @operation(since="1.0", check=checks.accuracy, low="wide")
    def accuracy(self, predicted: Array, target: Array, *, threshold: float = 0.5) -> Array:
        """Share of correct classes: `correct / all`.

        Args:
            predicted: classes `(...)`, integers; or scores `(..., classes)`, floating, of which the largest is the
                class; or scores of class 1 of two `(...)`, floating.
            target: true classes `(...)`, integers.
            threshold: a score of class 1 above it stands for that class.

        Returns:
            Floating, of rank 0.

        Raises:
            DTypeError: `target` is no integer array, or `predicted` no integer or floating one.
            ShapeError: `predicted` has another shape.
            ArgumentError: `threshold` is no finite number.

        Requires:
            [ACCURACY-1] Correct classes over all, however many axes there are; 0 where there is none.
            [ACCURACY-2] Of equal largest scores the first is the class.
            [ACCURACY-3] A score of class 1 has to be above the threshold: at it the class is 0.
            [ACCURACY-4] Scores with NaN are of no class: never correct.

        Differs:
            NumPy's argmax takes a NaN for the largest.

        Source:
            Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2009, section 7.2.

        Example:
            >>> scores = B.asarray([[0.1, 0.9], [0.5, 0.5], [0.2, 0.8], [0.7, 0.3]])
            >>> float(B.accuracy(scores, B.asarray([1, 0, 0, 0])))
            0.75
        """
        return _share(self, counts.correct(self, predicted, target, threshold), math.prod(target.shape))

    @operation(since="1.0", check=checks.top_k, low="wide")
    def top_k_accuracy(self, scores: Array, target: Array, *, k: int = 5) -> Array:
        """Share of samples whose true class is among the k best scored.

        Args:
            scores: `(..., classes)`, floating.
            target: true classes `(...)`, integers in [0, classes).
            k: how many of the best count, >= 1.

        Returns:
            Floating, of rank 0.

        Raises:
            DTypeError: `scores` is no floating array, or `target` no integer one.
            ShapeError: `target` has another shape than `scores` without its last axis.
            ArgumentError: `k` is no integer >= 1, or a class is out of range (looked at where that costs nothing).

        Requires:
            [TOP_K_ACCURACY-1] Correct is a sample with fewer than k scores above that of its true class; the share is
                0 where there is no sample.
            [TOP_K_ACCURACY-2] A score equal to that of the true class is not above it.
            [TOP_K_ACCURACY-3] NaN is above every score, and every score is above it.

        Differs:
            scikit-learn sorts, so that ties are cut by position.

        Source:
            Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", 2015, section 4.1.

        Example:
            >>> scores = B.asarray([[0.1, 0.6, 0.3], [0.4, 0.1, 0.5]])
            >>> float(B.top_k_accuracy(scores, B.asarray([2, 1]), k=2))
            0.5
        """
        return _share(self, counts.correct_in_top(self, scores, target, k), math.prod(target.shape))

    @operation(since="1.0", check=checks.confusion, low="wide", exact=True)
    def confusion_matrix(self, predicted: Array, target: Array, *, num_classes: int, threshold: float = 0.5) -> Array:
        """How often each class was taken for each: `y_ij` counts samples of class i that are called j.

        Args:
            predicted: as in `accuracy`; classes in [0, num_classes), or num_classes scores.
            target: true classes `(...)`, integers in [0, num_classes); fewer than 2^24.
            num_classes: how many classes there are, >= 2.
            threshold: as in `accuracy`.

        Returns:
            `(num_classes, num_classes)`, int32: a row for each true class, a column for each predicted one.

        Raises:
            DTypeError: `target` is no integer array, or `predicted` no integer or floating one.
            ShapeError: `predicted` has another shape, or another number of scores.
            ArgumentError: `num_classes` is no integer >= 2, `threshold` no finite number, or a class is out of range
                (looked at where that costs nothing).

        Requires:
            [CONFUSION_MATRIX-1] Rows are true classes and columns predicted ones; all counts are exact.
            [CONFUSION_MATRIX-2] Classes are read off scores as in accuracy; a sample with NaN is not counted.
            [CONFUSION_MATRIX-3] Classes that do not occur have a row and a column of zeros.

        Differs:
            scikit-learn has rows and columns for the classes that occur, unless they are listed.

        Source:
            Stehman, "Selecting and Interpreting Measures of Thematic Classification Accuracy", 1997.

        Example:
            >>> said, true = B.asarray([1, 1, 0, 2]), B.asarray([1, 0, 0, 1])
            >>> B.to_numpy(B.confusion_matrix(said, true, num_classes=3)).tolist()
            [[1, 1, 0], [0, 1, 1], [0, 0, 0]]
        """
        return counts.confusion(self, predicted, target, num_classes, threshold)

    @operation(since="1.0", check=checks.rate, low="wide")
    def precision(
        self,
        predicted: Array,
        target: Array,
        *,
        num_classes: int = 2,
        average: str = "binary",
        threshold: float = 0.5,
    ) -> Array:
        """How many of those called a class are of it: `tp / (tp + fp)`.

        tp counts samples of the class that are called so, fp others that are called so.

        Args:
            predicted: as in `confusion_matrix`.
            target: true classes `(...)`, integers in [0, num_classes).
            num_classes: how many classes there are, >= 2.
            average: "binary", that of class 1 of two; "macro", the mean over all classes; "weighted", the mean by how
                often each is true; "micro", of the summed counts; "none", one a class.
            threshold: as in `accuracy`.

        Returns:
            Floating, of rank 0, or `(num_classes,)` with "none".

        Raises:
            DTypeError, ShapeError, ArgumentError: as `confusion_matrix`; `average` is another, or "binary" for more
                classes than two.

        Requires:
            [PRECISION-1] True positives over all that are predicted to be of the class.
            [PRECISION-2] 0/0 is 0: the precision of a class never predicted.
            [PRECISION-3] The averages are those of Args; macro counts a class that never occurs as 0.

        Differs:
            Keras once averaged batches; scikit-learn leaves classes that do not occur out of the macro average unless
            they are listed, and warns at 0/0.

        Source:
            van Rijsbergen, "Information Retrieval", 1979, chapter 7.

        Example:
            >>> said, true = B.asarray([1, 1, 0, 1]), B.asarray([1, 0, 1, 1])
            >>> round(float(B.precision(said, true)), 6)
            0.666667
        """
        return _rate(self, predicted, target, num_classes, average, threshold, "precision")

    @operation(since="1.0", check=checks.rate, low="wide")
    def recall(
        self,
        predicted: Array,
        target: Array,
        *,
        num_classes: int = 2,
        average: str = "binary",
        threshold: float = 0.5,
    ) -> Array:
        """How many of a class are called so: `tp / (tp + fn)`.

        tp counts samples of the class that are called so, fn those that are called otherwise.

        Args:
            predicted: as in `confusion_matrix`.
            target: true classes `(...)`, integers in [0, num_classes).
            num_classes: how many classes there are, >= 2.
            average: "binary", that of class 1 of two; "macro", the mean over all classes; "weighted", the mean by how
                often each is true; "micro", of the summed counts; "none", one a class.
            threshold: as in `accuracy`.

        Returns:
            Floating, of rank 0, or `(num_classes,)` with "none".

        Raises:
            DTypeError, ShapeError, ArgumentError: as `confusion_matrix`; `average` is another, or "binary" for more
                classes than two.

        Requires:
            [RECALL-1] True positives over all that are of the class.
            [RECALL-2] 0/0 is 0: the recall of a class that is never true.
            [RECALL-3] The averages are those of Args; macro counts a class that never occurs as 0.

        Differs:
            Keras once averaged batches; scikit-learn leaves classes that do not occur out of the macro average unless
            they are listed, and warns at 0/0.

        Source:
            van Rijsbergen, "Information Retrieval", 1979, chapter 7.

        Example:
            >>> said, true = B.asarray([1, 1, 0, 1]), B.asarray([1, 0, 1, 1])
            >>> round(float(B.recall(said, true)), 6)
            0.666667
        """
        return _rate(self, predicted, target, num_classes, average, threshold, "recall")

    @operation(since="1.0", check=checks.rate, low="wide")
    def f1(
        self,
        predicted: Array,
        target: Array,
        *,
        num_classes: int = 2,
        average: str = "binary",
        threshold: float = 0.5,
    ) -> Array:
        """Harmonic mean of precision and recall: `2 tp / (2 tp + fp + fn)`.

        Counts are those of `precision` and `recall`.

        Args:
            predicted: as in `confusion_matrix`.
            target: true classes `(...)`, integers in [0, num_classes).
            num_classes: how many classes there are, >= 2.
            average: "binary", that of class 1 of two; "macro", the mean over all classes; "weighted", the mean by how
                often each is true; "micro", of the summed counts; "none", one a class.
            threshold: as in `accuracy`.

        Returns:
            Floating, of rank 0, or `(num_classes,)` with "none".

        Raises:
            DTypeError, ShapeError, ArgumentError: as `confusion_matrix`; `average` is another, or "binary" for more
                classes than two.

        Requires:
            [F1-1] Twice the true positives over all predictions and all samples of the class.
            [F1-2] 0/0 is 0: the F1 of a class neither predicted nor true.
            [F1-3] The averages are those of Args; macro counts a class that never occurs as 0.

        Differs:
            Keras once averaged batches; scikit-learn leaves classes that do not occur out of the macro average unless
            they are listed, and warns at 0/0.

        Source:
            van Rijsbergen, "Information Retrieval", 1979, chapter 7, E with beta = 1.

        Example:
            >>> said, true = B.asarray([1, 1, 0, 1]), B.asarray([1, 0, 1, 1])
            >>> round(float(B.f1(said, true)), 6)
            0.666667
        """
        return _rate(self, predicted, target, num_classes, average, threshold, "f1")

    @operation(since="1.0", check=checks.roc_auc, low="wide")
    def roc_auc(self, scores: Array, target: Array) -> Array:
        """Area under the ROC curve: how often a sample of class 1 is scored above one of class 0.

        Over all such pairs, a tie counting 1/2. The definition compares all pairs of samples.

        Args:
            scores: `(samples,)`, floating.
            target: true classes `(samples,)`, integers 0 or 1.

        Returns:
            Floating, of rank 0.

        Raises:
            DTypeError: `scores` is no floating array, or `target` no integer one.
            ShapeError: shapes differ, or have another number of axes than one.
            ArgumentError: a class is neither 0 nor 1 (looked at where that costs nothing).

        Requires:
            [ROC_AUC-1] The share of pairs in which class 1 has the higher score, exact, without thresholds.
            [ROC_AUC-2] A tie counts 1/2.
            [ROC_AUC-3] 0 where either class does not occur; a pair with NaN counts 0.

        Differs:
            Keras interpolates over 200 thresholds; scikit-learn gives NaN and warns where one class does not occur.

        Source:
            Hanley and McNeil, "The Meaning and Use of the Area under a ROC Curve", 1982.

        Example:
            >>> float(B.roc_auc(B.asarray([0.1, 0.4, 0.4, 0.8]), B.asarray([0, 0, 1, 1])))
            0.875
        """
        return counts.ratio(self.xp, functools.partial(_floating, self), *counts.won(self, scores, target))

    @operation(since="1.0", check=checks.mean, low="wide")
    def mean(self, values: Array, weight: Array | None = None) -> Array:
        """Weighted mean: `sum w v / sum w` over all elements.

        Args:
            values: `(...)`, floating.
            weight: `(...)`, floating, >= 0, or None: all weigh 1.

        Returns:
            Rank 0, of the dtype of `values`.

        Raises:
            DTypeError: `values` is no floating array, or `weight` not of its dtype.
            ShapeError: `weight` has another shape.
            ArgumentError: a weight is negative (looked at where that costs nothing).

        Requires:
            [MEAN-1] The sum of weighted values over the sum of weights, not over their number.
            [MEAN-2] 0 where there is no weight; a value of weight 0 does not count, whatever it is.
            [MEAN-3] The derivative to a value is its weight over the sum of weights, that to a weight is 0.

        Source:
            The weighted arithmetic mean, as in Hardy, Littlewood, Polya, "Inequalities", 1934, section 2.1.

        Example:
            >>> float(B.mean(B.asarray([1.0, 4.0]), B.asarray([3.0, 1.0])))
            1.75
        """
        xp = self.xp
        if weight is None:
            return xp.sum(values) / float(max(math.prod(values.shape), 1))
        weight = self.stop_gradient(weight)
        total = xp.sum(weight)
        return xp.sum(xp.where(weight == 0, 0.0, values) * weight) / xp.where(total == 0, 1.0, total)


def _floating(self: Metrics, count: Array) -> Array:
    return self.asarray(count, dtype=self.working_dtype)


def _share(self: Metrics, count: Array, total: int) -> Array:
    return _floating(self, count) / float(max(total, 1))


def _rate(
    self: Metrics, predicted: Array, target: Array, num_classes: int, average: str, threshold: float, kind: str
) -> Array:
    matrix = counts.confusion(self, predicted, target, num_classes, threshold)
    return counts.averaged(self.xp, functools.partial(_floating, self), matrix, kind, average)
