"""The root of the command line: registers one module per noun and turns errors into exit codes.

Exit codes: 0 pass, 1 failed, 2 usage or configuration, 3 cannot tell, 130 interrupted.
"""

import importlib
import sys
from dataclasses import dataclass
from typing import Annotated

import click
import typer
from rich.console import Console

from labctl.cli.output import err, show_error
from labkit.errors import LabError

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
    as_json, debug = "--json" in arguments, "--debug" in arguments
    try:
        result = _command_for(arguments).main(args=arguments, prog_name="lab", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except LabError as error:
        if debug:
            err.print_exception()
        show_error(error, as_json=as_json)
        return error.exit_code
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        return _usage(error, as_json=as_json)
    except (KeyboardInterrupt, click.exceptions.Abort):
        err.print("interrupted; what was done so far is kept, the same command goes on from there")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader (`head`, a pager) has what it wanted; without this Python complains at exit.
        sys.stdout = Console(quiet=True).file
        return 0
    except Exception as error:
        if debug:
            raise
        return _unexpected(error, as_json=as_json)


def _command_for(arguments: list[str]) -> click.Command:
    """Register the called verb fully and the others by name only (for help)."""
    called = next((word for word in arguments if not word.startswith("-")), None)
    for verb in VERBS:
        if called in (None, verb.name) or "--help" in arguments or "-h" in arguments:
            _register(verb)
    if called is not None and all(called != verb.name for verb in VERBS):
        raise _unknown_verb(called)
    return typer.main.get_command(app)


def _register(verb: Verb) -> None:
    module = importlib.import_module(verb.module)
    if verb.group:
        app.add_typer(module.app, name=verb.name)
    else:
        app.command(verb.name)(getattr(module, verb.name.replace("-", "_")))


def _unknown_verb(word: str) -> click.UsageError:
    import difflib  # noqa: PLC0415 - only on this path

    near = difflib.get_close_matches(word, [verb.name for verb in VERBS], n=1)
    guess = f" Did you mean `lab {near[0]}`?" if near else " `lab --help` lists the verbs."
    return click.UsageError(f"There is no verb {word!r}.{guess}")


def _usage(error: click.ClickException, *, as_json: bool) -> int:
    show_error(LabError(error.format_message(), "`lab <verb> --help` shows what it takes."), as_json=as_json)
    return 2


def _unexpected(error: Exception, *, as_json: bool) -> int:
    wrapped = LabError(
        f"Unexpected {type(error).__name__}: {error}",
        "This is a defect of the lab. Run the same command with `lab --debug ...` and attach `lab support-bundle`.",
    )
    show_error(wrapped, as_json=as_json)
    return 1
