"""What the provider remembers: the latest charges, in memory. A provider forgets too, only later."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from thirdparty.domain import Charge


class ChargeStore:
    """At most ``capacity`` charges; the one not asked for the longest time goes first. Safe to share among threads."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._by_reference: OrderedDict[str, Charge] = OrderedDict()
        self._reference_of: dict[str, str] = {}
        self._lock = threading.Lock()

    def get_or_add(self, reference: str, make: Callable[[], Charge]) -> tuple[Charge, bool]:
        """The charge of ``reference`` and whether it is new. ``make`` runs at most once per reference, under a lock."""
        with self._lock:
            known = self._by_reference.get(reference)
            if known is None:
                return self._add(reference, make()), True
            self._by_reference.move_to_end(reference)
            return known, False

    def find(self, charge_id: str) -> Charge | None:
        """A charge by its own id, or None when it was never made or is forgotten."""
        with self._lock:
            reference = self._reference_of.get(charge_id)
            return None if reference is None else self._by_reference[reference]

    def __len__(self) -> int:
        return len(self._by_reference)

    def _add(self, reference: str, charge: Charge) -> Charge:
        self._by_reference[reference] = charge
        self._reference_of[charge.charge_id] = reference
        if len(self._by_reference) > self._capacity:
            _, oldest = self._by_reference.popitem(last=False)
            del self._reference_of[oldest.charge_id]
        return charge
