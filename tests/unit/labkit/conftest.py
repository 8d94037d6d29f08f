"""Telemetry in memory and an app to ask."""

from collections.abc import Iterator

import flask
import pytest

from labkit.app import new_app
from labkit.settings import AppSettings
from labkit.testing import Recorded, recorded


@pytest.fixture
def telemetry() -> Iterator[Recorded]:
    """Spans, logs and metrics of this test."""
    with recorded() as telemetry:
        yield telemetry


@pytest.fixture
def app() -> flask.Flask:
    """An app without routes."""
    return new_app("tests.unit.labkit", AppSettings(service="shop", release="1.0", max_body_bytes=2048))
