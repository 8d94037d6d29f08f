"""Finding traces over all services, and by error."""

from dataclasses import dataclass, field
from typing import cast

import pytest

from labctl.backends.jaeger import Jaeger, TraceQuery
from labctl.backends.spans import Span, Trace
from labctl.traces.search import FoundTraces, TraceFilter, find_traces
from labkit.errors import CannotTell


def trace(number: int, *, is_error: bool = False) -> Trace:
    """A trace of one span that began at second ``number``."""
    trace_id = f"{number:032x}"
    return Trace(trace_id, (Span(trace_id, "a", "", "op", "server", "s", number, number + 1, is_error),))


@dataclass
class FakeJaeger:
    """Answers searches from ``stored``, as Jaeger does: the newest of a service."""

    stored: dict[str, list[Trace]]
    asked: list[TraceQuery] = field(default_factory=list)

    def services(self) -> list[str]:
        """Names of the services."""
        return sorted(self.stored)

    def find(self, query: TraceQuery) -> list[Trace]:
        """The newest traces of a service."""
        self.asked.append(query)
        return sorted(self.stored[query.service], key=lambda one: -one.start_ns)[: query.limit]


def search(jaeger: FakeJaeger, wanted: TraceFilter) -> FoundTraces:
    """Search the fake."""
    return find_traces(cast(Jaeger, jaeger), wanted)


def test_a_trace_of_several_services_is_found_once() -> None:
    """Every service of a purchase knows it."""
    found = search(FakeJaeger({"a": [trace(1), trace(2)], "b": [trace(2), trace(3)]}), TraceFilter())
    assert [one.start_ns for one in found.traces] == [3, 2, 1]
    assert found.is_complete


def test_only_the_service_asked_for_is_asked() -> None:
    """No needless questions."""
    jaeger = FakeJaeger({"a": [trace(1)], "b": [trace(2)]})
    search(jaeger, TraceFilter(service="a"))
    assert [query.service for query in jaeger.asked] == ["a"]


def test_errors_are_found_behind_many_healthy_traces() -> None:
    """One error among a hundred is not missed for a limit of twenty."""
    stored = [trace(number, is_error=number == 1) for number in range(1, 101)]
    found = search(FakeJaeger({"a": stored}), TraceFilter(errors_only=True, limit=20))
    assert [one.start_ns for one in found.traces] == [1]
    assert found.examined == 100


def test_what_was_cut_off_is_said() -> None:
    """A full answer may hide older traces."""
    stored = {"a": [trace(number) for number in range(30)]}
    assert not search(FakeJaeger(stored), TraceFilter(limit=10)).is_complete


def test_jaeger_being_away_is_not_an_empty_result() -> None:
    """A failure in any service's search is a failure of the search."""

    class Away(FakeJaeger):
        def find(self, query: TraceQuery) -> list[Trace]:
            raise CannotTell(f"no answer for {query.service}")

    with pytest.raises(CannotTell):
        search(Away({"a": [], "b": []}), TraceFilter())
