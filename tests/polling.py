"""Waiting in tests: with a deadline, never for a fixed time, and with the last value seen in the failure."""

from labctl.prove.polling import NeverHappened, poll

__all__ = ["NeverHappened", "poll"]
