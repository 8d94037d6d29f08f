"""What OpenTelemetry is told."""

import os

import pytest

from labkit import serve, telemetry_environment
from labkit.settings import AppSettings


def test_the_identity_is_bounded_and_complete() -> None:
    """One instance id per service, not one per fork."""
    identity = telemetry_environment.identity(AppSettings(service="orders", release="1.2"))
    assert identity["OTEL_SERVICE_NAME"] == "orders"
    attributes = dict(item.split("=") for item in identity["OTEL_RESOURCE_ATTRIBUTES"].split(","))
    assert attributes == {
        "service.namespace": "opslab",
        "service.version": "1.2",
        "service.instance.id": "orders-1",
        "deployment.environment.name": "lab",
    }


def test_what_the_operator_set_stays_and_who_we_are_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable from outside wins over a default, never over the name."""
    monkeypatch.setattr(os, "environ", {"OTEL_BSP_SCHEDULE_DELAY": "75", "OTEL_SERVICE_NAME": "impostor"})
    serve.prepare_environment(AppSettings(service="orders"))
    assert os.environ["OTEL_BSP_SCHEDULE_DELAY"] == "75"
    assert os.environ["OTEL_SERVICE_NAME"] == "orders"
    assert os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf"


def test_no_secret_is_in_the_environment() -> None:
    """The collector's token goes to the exporters directly; children and /proc do not see it."""
    names = [*telemetry_environment.variables(), *telemetry_environment.identity(AppSettings(service="x"))]
    assert not [name for name in names if "HEADERS" in name]
