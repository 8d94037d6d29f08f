"""Metric labels come from closed sets: a label that can take any value is a series without end."""

from collections.abc import Collection, Mapping

OTHER = "other"
HTTP_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class ClosedLabels:
    """The labels of an instrument and the values each may take.

    ``ClosedLabels({"payment.method": ("card", "bank", "crypto")}).of({"payment.method": value})`` gives attributes in
    which a value outside its set is ``other``. A label that is not declared is a programming error: ``KeyError``.
    """

    def __init__(self, values: Mapping[str, Collection[str]]) -> None:
        self._values = {label: frozenset(allowed) for label, allowed in values.items()}

    def of(self, values: Mapping[str, object]) -> dict[str, str]:
        """The attributes for one measurement."""
        return {label: self._closed(label, value) for label, value in values.items()}

    def _closed(self, label: str, value: object) -> str:
        text = str(value)
        return text if text in self._values[label] else OTHER
