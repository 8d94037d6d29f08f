"""The root of the command line: registers one module per noun and turns errors into exit codes.

Exit codes: 0 pass, 1 failed, 2 usage or configuration, 3 cannot tell, 130 interrupted.
"""

import difflib
import importlib
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.exceptions import TyperException

from labctl.cli.output import err, show_error
from labkit.errors import ConfigurationError, LabError

EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="lab",
    help="OpsLab: a shop you can watch, break and repair.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@dataclass(frozen=True)
class Verb:
    """Where a verb lives. ``group``: the module's ``app`` is a set of sub-commands; else its function of that name."""

    name: str
    module: str
    group: bool = False


# Imported only when called: `lab status` must not pay for the benchmark's imports.
VERBS = (
    Verb("up", "labctl.cli.up"),
    Verb("down", "labctl.cli.down"),
    Verb("status", "labctl.cli.status"),
    Verb("restart", "labctl.cli.restart"),
    Verb("doctor", "labctl.cli.doctor"),
    Verb("logs", "labctl.cli.logs", group=True),
    Verb("traces", "labctl.cli.traces", group=True),
    Verb("metrics", "labctl.cli.metrics", group=True),
    Verb("open", "labctl.cli.open"),
    Verb("support-bundle", "labctl.cli.support_bundle"),
    Verb("native", "labctl.cli.native", group=True),
    Verb("test", "labctl.cli.test"),
    Verb("prove", "labctl.cli.prove"),
    Verb("bench", "labctl.cli.bench"),
    Verb("uninstall", "labctl.cli.uninstall"),
    Verb("version", "labctl.cli.version"),
)


@app.callback(invoke_without_command=True)
def start_here(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")] = False,
) -> None:
    """Without a verb: where you are, and what to type next."""
    context.obj = {"debug": debug}
    if context.invoked_subcommand is None:
        from labctl.cli.start_here import show  # noqa: PLC0415 - lazily, like every verb

        show()


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code; never lets a traceback out without ``--debug``."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        result = _command_for(arguments).main(args=arguments, prog_name="lab", standalone_mode=False)
        # Typer itself turns Ctrl-C inside a verb into this result, without a word.
        return _interrupted() if result == EXIT_INTERRUPTED else result if isinstance(result, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except Exception as error:  # noqa: BLE001 - the one place where an error becomes an exit code
        return _exit_code(error, as_json="--json" in arguments, debug="--debug" in arguments)


def _interrupted() -> int:
    err.print("interrupted; what was done so far is kept, the same command goes on from there")
    return EXIT_INTERRUPTED


def _exit_code(error: Exception, *, as_json: bool, debug: bool) -> int:
    """Show ``error`` as it deserves and say how the process ends."""
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        # The reader (`head`, a pager) has what it wanted; without this Python complains at exit.
        sys.stdout = Console(quiet=True).file
        return 0
    if debug:
        err.print_exception()
    known = _as_lab_error(error)
    show_error(known, as_json=as_json)
    return known.exit_code


def _as_lab_error(error: Exception) -> LabError:
    if isinstance(error, LabError):
        return error
    if isinstance(error, TyperException):
        said = error.format_message() if hasattr(error, "format_message") else str(error)
        return ConfigurationError(said, "`lab <verb> --help` shows what it takes.")
    return LabError(
        f"Unexpected {type(error).__name__}: {error}",
        "This is a defect of the lab. Run the same command with `lab --debug ...` and attach `lab support-bundle`.",
    )


def _command_for(arguments: list[str]) -> Any:
    """Register the called verb alone, or all of them when the whole list is asked for."""
    called = next((word for word in arguments if not word.startswith("-")), None)
    wants_list = called is None and bool({"-h", "--help"} & set(arguments))
    for verb in VERBS:
        if wants_list or called == verb.name:
            _register(verb)
    if called is not None and all(called != verb.name for verb in VERBS):
        raise _unknown_verb(called)
    return typer.main.get_command(app)


def _unknown_verb(word: str) -> ConfigurationError:
    near = difflib.get_close_matches(word, [verb.name for verb in VERBS], n=1)
    guess = f"Did you mean `lab {near[0]}`?" if near else "`lab --help` lists the verbs."
    return ConfigurationError(f"There is no verb {word!r}.", guess)


def _register(verb: Verb) -> None:
    module = importlib.import_module(verb.module)
    if verb.group:
        app.add_typer(module.app, name=verb.name)
    else:
        app.command(verb.name)(getattr(module, verb.name.replace("-", "_")))
