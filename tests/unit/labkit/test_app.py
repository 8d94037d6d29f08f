"""The app every service starts from, asked through Flask's test client."""

from typing import Any

import flask
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from labkit import app as labkit_app
from labkit import correlation, deadline, telemetry
from labkit.app import ApiError, new_app, parse_json
from labkit.errors import CannotTell
from labkit.settings import AppSettings
from labkit.telemetry import set_attributes
from labkit.testing import Recorded


def _add(app: flask.Flask, path: str, view: Any, methods: tuple[str, ...] = ("GET",)) -> None:
    app.add_url_rule(path, view.__name__ + path, view, methods=list(methods))


def _attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def _raise(error: Exception) -> Any:
    def view() -> Any:
        raise error

    return view


def test_every_answer_names_its_trace_and_correlation(app: flask.Flask, telemetry: Recorded) -> None:
    """Good or bad, the caller gets the ids under which everything about this request is found."""
    _add(app, "/good", lambda: {"ok": True})
    _add(app, "/bad", _raise(RuntimeError("no")))
    for path in ("/good", "/bad", "/nowhere"):
        telemetry.clear()
        answer = app.test_client().get(path, headers={"X-Correlation-ID": "order-flow-1"})
        (span,) = telemetry.spans()
        version, trace_id, span_id, flags = answer.headers["traceresponse"].split("-")
        assert (version, flags) == ("00", "01")
        assert (int(trace_id, 16), int(span_id, 16)) == (span.context.trace_id, span.context.span_id)
        assert answer.headers["X-Correlation-ID"] == _attributes(span)["correlation.id"] == "order-flow-1"
        assert telemetry.log("request.completed").attributes["correlation_id"] == "order-flow-1"


def test_the_header_wins_over_baggage_and_baggage_over_a_new_id(app: flask.Flask) -> None:
    """Where the id comes from, in this order."""
    client = app.test_client()
    both = {"X-Correlation-ID": "from-header", "baggage": "correlation.id=from-baggage"}
    assert client.get("/", headers=both).headers["X-Correlation-ID"] == "from-header"
    assert client.get("/", headers={"baggage": both["baggage"]}).headers["X-Correlation-ID"] == "from-baggage"
    assert len(client.get("/", headers={"baggage": "correlation.id=x"}).headers["X-Correlation-ID"]) == 32


def test_an_api_error_is_answered_as_it_says(app: flask.Flask, telemetry: Recorded) -> None:
    """Status, code, message, hint, context, headers, and the ids."""
    error = ApiError(409, "order.closed", "it is closed", "open one", {"order_id": "o"}, headers={"Retry-After": "3"})
    _add(app, "/x", _raise(error))
    answer = app.test_client().get("/x")
    body = answer.get_json()["error"]
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "3")
    assert body == {
        "code": "order.closed",
        "message": "it is closed",
        "hint": "open one",
        "context": {"order_id": "o"},
        "trace_id": answer.headers["traceresponse"].split("-")[1],
        "correlation_id": answer.headers["X-Correlation-ID"],
    }
    completed = telemetry.log("request.completed")
    assert completed.attributes["error.code"] == "order.closed"
    assert completed.severity_text == "INFO"


def test_an_unexpected_error_tells_the_caller_nothing_and_the_log_everything(
    app: flask.Flask, telemetry: Recorded
) -> None:
    """500 without the text of the exception; the log has it once, with the stack; the span is failed."""
    _add(app, "/x", _raise(KeyError("card 4111111111111111")))
    answer = app.test_client().get("/x")
    assert answer.status_code == 500
    assert "card" not in answer.get_data(as_text=True)
    assert "Traceback" in telemetry.log("request.failed").attributes["exception.stacktrace"]
    assert telemetry.log("request.completed").severity_text == "WARN"
    (span,) = telemetry.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert _attributes(span)["error.type"] == "500"
    assert "4111111111111111" not in span.to_json()


def test_cannot_tell_is_503(app: flask.Flask) -> None:
    """A question that could not be asked is not the caller's fault, nor a bug."""
    _add(app, "/x", _raise(CannotTell("the index does not answer", "wait")))
    answer = app.test_client().get("/x")
    assert answer.status_code == 503
    assert answer.get_json()["error"]["message"] == "the index does not answer"


def test_a_secret_in_the_query_is_not_in_the_span(app: flask.Flask, telemetry: Recorded) -> None:
    """The URL is an attribute that the instrumentation writes; it is redacted on the way out."""
    _add(app, "/search", lambda: {})
    app.test_client().get("/search?q=4111+1111+1111+1111&r=4111%201111%201111%201111&token=abc")
    (span,) = telemetry.spans()
    assert _attributes(span)["url.query"] == "q=[redacted]&r=[redacted]&token=[redacted]"


def test_the_server_span_has_the_route(app: flask.Flask, telemetry: Recorded) -> None:
    """Low-cardinality name and route, and attributes that a view adds."""

    def view(order_id: str) -> dict[str, str]:
        set_attributes({"order.id": order_id})
        return {}

    _add(app, "/orders/<order_id>", view)
    app.test_client().get("/orders/7")
    (span,) = telemetry.spans()
    assert (span.name, span.kind) == ("GET /orders/<order_id>", SpanKind.SERVER)
    assert (_attributes(span)["http.route"], _attributes(span)["order.id"]) == ("/orders/<order_id>", "7")


def test_the_deadline_is_the_shorter_of_callers_and_own(app: flask.Flask) -> None:
    """A caller can shorten the service's budget, never lengthen it."""
    seen: list[float | None] = []

    def view() -> dict[str, str]:
        seen.append(deadline.remaining_s())
        return {}

    _add(app, "/x", view)
    for header in ("500", "999999", "nonsense"):
        app.test_client().get("/x", headers={"X-Request-Deadline": header})
    assert 0.4 < (seen[0] or 0) <= 0.5
    assert all(9.5 < (left or 0) <= 10.0 for left in seen[1:])


def test_nothing_of_a_request_is_left_after_it(app: flask.Flask) -> None:
    """The next request of this thread starts clean, after a good one and after a bad one."""
    _add(app, "/good", lambda: {})
    _add(app, "/bad", _raise(RuntimeError("no")))
    for path in ("/good", "/bad", "/nowhere"):
        app.test_client().get(path)
        assert correlation.current() is None
        assert deadline.current() is None
        assert telemetry.trace_id_hex() is None


def test_bound_fields_are_on_every_later_line_of_the_request(app: flask.Flask, telemetry: Recorded) -> None:
    """What a view binds, the line that closes the request carries."""

    def view() -> dict[str, str]:
        correlation.bind(order_id="o-1")
        return {}

    _add(app, "/x", view)
    app.test_client().get("/x")
    assert telemetry.log("request.completed").attributes["order_id"] == "o-1"


def test_a_body_at_the_limit_passes_and_one_over_it_does_not(app: flask.Flask) -> None:
    """2048 bytes are allowed here; one more is 413, with and without a declared length."""
    _add(app, "/x", lambda: parse_json(flask.request), ("POST",))
    client = app.test_client()
    body = b'{"a":"' + b"x" * 2040 + b'"}'
    assert len(body) == 2048
    assert client.post("/x", data=body, content_type="application/json").status_code == 200
    assert client.post("/x", data=body + b" ", content_type="application/json").status_code == 413


def test_a_redirect_passes_as_it_is(app: flask.Flask) -> None:
    """A missing slash is answered by Flask, not turned into an error."""
    _add(app, "/folder/", lambda: {})
    assert app.test_client().get("/folder").status_code == 308


def test_an_exemplar_has_the_trace_of_its_request(app: flask.Flask, telemetry: Recorded) -> None:
    """The way from a slow bar in a histogram to a trace that was in it."""
    _add(app, "/exemplar", lambda: {})
    answer = app.test_client().get("/exemplar")
    points = telemetry.metric_points("http.server.request.duration")
    (point,) = [point for point in points if point.attributes.get("http.route") == "/exemplar"]
    trace_ids = [f"{exemplar.trace_id:032x}" for exemplar in point.exemplars]
    assert trace_ids == [answer.headers["traceresponse"].split("-")[1]]


def test_startup_tasks_and_closers_run_in_order(app: flask.Flask) -> None:
    """Startup as registered, shutdown the other way round, and a failing closer does not keep the others."""
    done: list[str] = []
    labkit_app.add_startup(app, "schema", lambda: done.append("schema"))
    labkit_app.add_startup(app, "seed", lambda: done.append("seed"))
    labkit_app.on_shutdown(app, lambda: done.append("pool"))
    labkit_app.on_shutdown(app, lambda: 1 / 0)  # type: ignore[arg-type]
    labkit_app.on_shutdown(app, lambda: done.append("client"))
    assert labkit_app.operations(app).readiness(1.0)[0] is False
    labkit_app.run_startup(app)
    assert labkit_app.operations(app).readiness(1.0)[0] is True
    labkit_app.operations(app).close()
    assert done == ["schema", "seed", "client", "pool"]


def test_each_app_has_its_own_operations() -> None:
    """Two apps in one process, as in tests, do not share checks."""
    one, two = (new_app("x", AppSettings(service=name)) for name in ("one", "two"))
    labkit_app.add_check(one, "db", lambda: None)
    assert labkit_app.operations(two).checks == {}
