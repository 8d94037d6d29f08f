"""Steady load with an open loop: requests begin on time, whether or not earlier ones have been answered."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from labctl.prove.shopper import Placed, Shopper
from labkit.errors import LabError

Result = TypeVar("Result")
MOST_THREADS = 48


@dataclass(frozen=True)
class Done(Generic[Result]):
    """One action: when it began and ended (monotonic seconds), what it brought, or why it failed."""

    began_s: float
    ended_s: float
    result: Result | None
    error: str = ""


@dataclass
class Load(Generic[Result]):
    """Runs ``act`` at ``rate_per_s`` until stopped. Use as a context manager; ``done`` is complete after it.

    ``most``: begin so many actions and no more, and set ``exhausted`` when the last one has begun.
    """

    act: Callable[[], Result]
    rate_per_s: float
    most: int | None = None
    exhausted: threading.Event = field(default_factory=threading.Event)
    done: list[Done[Result]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="load")
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._pending: list[Future[None]] = []

    def __enter__(self) -> "Load[Result]":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._pool.shutdown(wait=True)
        for future in self._pending:
            future.result()

    @property
    def results(self) -> list[Result]:
        """What the successful actions brought."""
        return [one.result for one in self.done if one.result is not None]

    @property
    def errors(self) -> list[str]:
        """Why the others failed."""
        return [one.error for one in self.done if one.error]

    def _run(self) -> None:
        started, sent = time.monotonic(), 0
        while not self._stop.wait(max(0.0, started + sent / self.rate_per_s - time.monotonic())):
            self._pending.append(self._pool.submit(self._once))
            sent += 1
            if sent == self.most:
                self.exhausted.set()
                return

    def _once(self) -> None:
        began = time.monotonic()
        try:
            result = self.act()
        except LabError as error:
            self.done.append(Done(began, time.monotonic(), None, error.message))
        else:
            self.done.append(Done(began, time.monotonic(), result))


@dataclass(frozen=True)
class Journey:
    """A customer's way through the shop; ``trace_ids`` of its four requests: login, search, cart, checkout."""

    placed: Placed
    trace_ids: tuple[str, ...]


def journey(url: str) -> Journey:
    """A new customer buys something."""
    shopper = Shopper(url)
    return Journey(shopper.buy_something(), tuple(shopper.trace_ids))


class Customers:
    """Customers who are logged in and know a product, handed to one thread at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free: SimpleQueue[tuple[Shopper, str]] = SimpleQueue()

    def buy(self) -> Placed:
        """One purchase of two requests: cart, checkout. After a failure the next one begins with a new customer."""
        shopper, product_id = self._take()
        shopper.put_in_cart(product_id)
        placed = shopper.check_out()
        self._free.put((shopper, product_id))
        return placed

    def _take(self) -> tuple[Shopper, str]:
        try:
            return self._free.get_nowait()
        except Empty:
            shopper = Shopper(self._url)
            shopper.login()
            return shopper, str(shopper.search(limit=1)[0]["id"])
