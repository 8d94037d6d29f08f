"""Every configuration file is accepted by the very server that will read it."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from labctl.native import require
from labctl.settings import CHECKOUT
from labkit.init import render_folder

ADDRESSES = dict.fromkeys(
    (
        "PROMETHEUS_ADDR",
        "ALERTMANAGER_ADDR",
        "COLLECTOR_METRICS_ADDR",
        "LOKI_ADDR",
        "JAEGER_METRICS_ADDR",
        "CONSOLE_ADDR",
        *(f"{service}_MANAGEMENT_ADDR" for service in ("STOREFRONT", "CATALOG", "ORDERS", "PAYMENTS", "THIRDPARTY")),
    ),
    "127.0.0.1:1",
)


def run(*argv: object, **variables: object) -> subprocess.CompletedProcess[str]:
    """Run a server's own checker, with variables of the configuration."""
    environ = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    return subprocess.run([str(a) for a in argv], env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_collector_accepts_its_configuration(tmp_path: Path) -> None:
    """Components, pipelines and the token's file are as the built collector knows them."""
    (tmp_path / "otlp").write_text("token")
    config = CHECKOUT / "collector" / "collector.yaml"
    variables = {"COLLECTOR_TOKEN_FILE": tmp_path / "otlp", "COLLECTOR_DATA_DIR": tmp_path}
    done = run(require("otelcol"), "validate", "--config", config, **variables)
    assert done.returncode == 0, done.stderr


def test_loki_accepts_its_configuration(tmp_path: Path) -> None:
    """Variables are expanded and every field is known."""
    arguments = (f"-config.file={CHECKOUT / 'loki' / 'loki.yaml'}", "-config.expand-env=true", "-verify-config")
    done = run(require("loki"), *arguments, LOKI_DATA_DIR=tmp_path)
    assert done.returncode == 0, done.stderr


def test_gateway_accepts_its_configuration() -> None:
    """Caddy provisions all routes and matchers."""
    done = run(require("caddy"), "validate", "--config", CHECKOUT / "gateway" / "Caddyfile", "--adapter", "caddyfile")
    assert done.returncode == 0, done.stderr


def test_prometheus_accepts_its_rendered_configuration_and_rules(tmp_path: Path) -> None:
    """The template renders without a gap, and promtool finds nothing wrong in it or in the rules."""
    (tmp_path / "scrape").write_text("token")
    environ = {
        **ADDRESSES,
        "SCRAPE_TOKEN_FILE": str(tmp_path / "scrape"),
        "RULES_DIR": str(CHECKOUT / "prometheus" / "rules"),
    }
    render_folder(CHECKOUT / "prometheus", tmp_path / "rendered", environ)
    done = run(require("promtool"), "check", "config", tmp_path / "rendered" / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_alertmanager_accepts_its_rendered_configuration(tmp_path: Path) -> None:
    """The same for its routes and receivers."""
    render_folder(CHECKOUT / "alertmanager", tmp_path / "rendered", ADDRESSES)
    done = run(require("amtool"), "check-config", tmp_path / "rendered" / "alertmanager.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("values", "alerts"),
    [
        pytest.param("1 1 1 1 1 1", [], id="silent while the service answers"),
        pytest.param("1 1 0 0 0 0", [{"severity": "page"}], id="fires when the scrape fails"),
    ],
)
def test_service_down_alert(tmp_path: Path, values: str, alerts: list[dict[str, str]]) -> None:
    """promtool evaluates the rule on a series of ours: it fires for a dead service and for nothing else."""
    labels = {"job": "management", "service": "orders", "instance": "x"}
    series = "up{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"
    summary = {"summary": "orders does not answer its scrape"}
    expected = [{"exp_labels": {**labels, **alert}, "exp_annotations": summary} for alert in alerts]
    test = {
        "rule_files": [str(CHECKOUT / "prometheus" / "rules" / "services.yml")],
        "evaluation_interval": "1s",
        "tests": [
            {
                "interval": "1s",
                "input_series": [{"series": series, "values": values}],
                "alert_rule_test": [{"eval_time": "5s", "alertname": "ServiceDown", "exp_alerts": expected}],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    done = run(require("promtool"), "test", "rules", tmp_path / "test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_links_lead_to_data_sources_that_exist() -> None:
    """Every uid in a link is a data source of the same file, and literal dollars are escaped for provisioning."""
    text = (CHECKOUT / "grafana" / "provisioning" / "datasources" / "opslab.yaml").read_text(encoding="utf-8")
    known = {source["uid"] for source in yaml.safe_load(text)["datasources"]}
    linked = set(re.findall(r"datasourceUid: (\w+)", text))
    assert linked
    assert linked <= known
    assert not re.search(r"(?<!\$)\$\{__", text)
