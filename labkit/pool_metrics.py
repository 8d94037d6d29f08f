"""The connections of the open pools as metrics, read when metrics are collected."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from opentelemetry.metrics import CallbackOptions, Observation

from labkit import telemetry


class Watched(Protocol):
    """A pool, as far as its metrics go."""

    @property
    def name(self) -> str:
        """The label of its metrics."""

    @property
    def max_size(self) -> int:
        """The most connections there may be."""

    def counts(self) -> Mapping[str, int]:
        """Connections by state."""


_Read = Callable[[Watched], Iterable[tuple[int, dict[str, str]]]]
_POOLS: list[Watched] = []
_REGISTERED: list[bool] = []


def watch(pool: Watched) -> None:
    """Report this pool from now on."""
    _POOLS.append(pool)
    if _REGISTERED:
        return
    _REGISTERED.append(True)
    create = telemetry.meter().create_observable_up_down_counter
    create("db.client.connection.count", [_observe(_counts)], "{connection}", "Connections by state.")
    create("db.client.connection.max", [_observe(_limits)], "{connection}", "The most connections there may be.")


def forget(pool: Watched) -> None:
    """Report it no longer."""
    if pool in _POOLS:
        _POOLS.remove(pool)


def _counts(pool: Watched) -> Iterable[tuple[int, dict[str, str]]]:
    return [(value, {"db.client.connection.state": state}) for state, value in pool.counts().items()]


def _limits(pool: Watched) -> Iterable[tuple[int, dict[str, str]]]:
    return [(pool.max_size, {})]


def _observe(read: _Read) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        for pool in list(_POOLS):
            for value, labels in read(pool):
                yield Observation(value, {**labels, "db.client.connection.pool.name": pool.name})

    return observe
