"""The collector's own counters, so that a lost log line can be traced to its hop."""

import http.client
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from labctl.console.plain_http import exchange
from labctl.console.problems import ApiProblem
from labkit.settings import Address

TIMEOUT_S = 1.0
SIGNALS = {"logs": "log_records", "traces": "spans", "metrics": "metric_points"}
# Our name -> the collector's, without `otelcol_` and `_total` (which its releases add or leave out).
COUNTERS = {
    "accepted": "receiver_accepted_{0}",
    "refused": "receiver_refused_{0}",
    "sent": "exporter_sent_{0}",
    "send_failed": "exporter_send_failed_{0}",
}


def pipeline_counters(address: Address | None) -> dict[str, dict[str, float]]:
    """Per signal: accepted, refused, sent, send_failed (since the collector started) and queued (batches now).

    Raises ApiProblem 503 when the collector's metrics cannot be read.
    """
    if address is None:
        raise ApiProblem(503, "collector.unset", "This console is not told where the collector's metrics are.")
    try:
        reply = exchange(address, "/metrics", timeout_s=TIMEOUT_S)
    except (OSError, http.client.HTTPException) as error:
        message = f"The collector's metrics at {address} cannot be read: {error or type(error).__name__}."
        raise ApiProblem(503, "collector.unreachable", message, "`./lab status`") from error
    return read_counters(reply.body.decode("utf-8", "replace"))


def read_counters(exposition: str) -> dict[str, dict[str, float]]:
    """The counters in the collector's metrics page, summed over receivers and exporters."""
    total: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            name = sample.name.removeprefix("otelcol_").removesuffix("_total")
            key = (name, _data_type(sample.labels))
            total[key] = total.get(key, 0.0) + sample.value
    return {signal: _signal(total, signal, unit) for signal, unit in SIGNALS.items()}


def _signal(total: Mapping[tuple[str, str], float], signal: str, unit: str) -> dict[str, float]:
    def summed(name: str) -> float:
        return sum(value for (found, _), value in total.items() if found == name)

    counters = {ours: summed(theirs.format(unit)) for ours, theirs in COUNTERS.items()}
    return {**counters, "queued": total.get(("exporter_queue_size", signal), 0.0)}


def _data_type(labels: Mapping[str, str]) -> str:
    return labels.get("data_type", "")
