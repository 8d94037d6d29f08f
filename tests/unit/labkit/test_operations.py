"""Checks and startup tasks."""

import threading

from labkit.operations import Operations


def _fails() -> None:
    raise ConnectionError("postgres refuses, password=hunter2")


def test_readiness_is_all_checks() -> None:
    """One failing check is enough, its message is the detail, redacted."""
    operations = Operations("shop")
    assert operations.readiness(1.0) == (True, {})
    operations.add_check("cache", lambda: None)
    operations.add_check("postgres", _fails)
    ready, results = operations.readiness(5.0)
    assert not ready
    assert results["cache"].ok
    assert results["postgres"].as_json()["detail"] == "postgres refuses, password=[redacted]"


def test_a_check_recovers() -> None:
    """The answer is the latest one, not the first."""
    state = {"up": False}

    def check() -> None:
        if not state["up"]:
            raise RuntimeError("down")

    operations = Operations("shop")
    operations.add_check("db", check)
    assert operations.readiness(5.0)[0] is False
    state["up"] = True
    assert operations.readiness(5.0)[0] is True


def test_a_hanging_check_is_not_waited_for_and_not_started_twice() -> None:
    """The answer says how long it has been silent; a second question joins the first."""
    release, started = threading.Event(), []

    def check() -> None:
        started.append(1)
        release.wait(30)

    operations = Operations("shop")
    operations.add_check("stuck", check)
    for _ in range(3):
        ready, results = operations.readiness(0.01)
        assert not ready
        assert results["stuck"].detail.startswith("no answer after")
    assert len(started) == 1
    release.set()
    assert operations.readiness(5.0)[0] is True
