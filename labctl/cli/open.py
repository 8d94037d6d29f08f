"""``lab open``: the lab's pages in the browser."""

import os
import sys
import webbrowser
from enum import Enum
from typing import Annotated

import typer
from rich.text import Text

from labctl.backends import Session
from labctl.cli.output import AsJson, emit, err
from labctl.settings import Lab


class Page(Enum):
    """The pages behind the lab's front door."""

    STATUS = "status"
    SHOP = "shop"
    TRACES = "traces"
    LOGS = "logs"
    JAEGER = "jaeger"
    PROMETHEUS = "prometheus"
    ALERTMANAGER = "alertmanager"
    GRAFANA = "grafana"


PATHS = {Page.STATUS: "/"}
# The Go modules that the native runtime is built from carry no web pages of these.
WITHOUT_PAGE_NATIVELY = {
    Page.JAEGER: "Jaeger has no page of its own in the native runtime; `lab open traces` shows its traces.",
    Page.PROMETHEUS: "Prometheus has no page of its own in the native runtime; `lab metrics query` asks it.",
    Page.GRAFANA: "Grafana runs natively only where a `grafana` program is installed.",
}


def open(
    page: Annotated[Page, typer.Argument(help="Which page.")] = Page.STATUS,
    print_only: Annotated[bool, typer.Option("--print", help="Only print the address.")] = False,
    as_json: AsJson = False,
) -> None:
    """Open a page of the lab in the browser; without a display, print its address."""
    lab = Lab.from_env()
    Session(lab.url).get_json("/api/lab", backend="The lab")
    url = lab.url + PATHS.get(page, f"/{page.value}")
    opened = not print_only and not as_json and has_display() and webbrowser.open(url)
    emit({"page": page.value, "url": url, "opened": opened}, lambda: Text(url), as_json=as_json)
    if not lab.is_remote and lab.remembered_runtime() == "native" and page in WITHOUT_PAGE_NATIVELY:
        err.print(Text(WITHOUT_PAGE_NATIVELY[page], "dim"))


def has_display() -> bool:
    """Whether a graphical browser can appear here (a text browser would take over the terminal)."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
