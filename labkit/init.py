"""``python -m labkit.init``: secrets that must not be in the repository, configuration of servers that cannot read the
environment, and the owners of fresh volumes. What to make is data, in ``init_plan.toml``.

Running it again changes nothing that exists: a secret that is there stays. Exit code 2 when the environment or a
template is wrong.
"""

import json
import os
import re
import secrets
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import ConfigurationError, LabError
from labkit.settings import Environ, env_choice, env_str

PLAN_FILE = Path(__file__).with_name("init_plan.toml")
_TOKEN_BYTES = 32
_PLACE = re.compile(r"\$\$|\$\{([A-Z][A-Z0-9_]*)\}")
_FILE = re.compile(r"[a-z][a-z0-9-]*/[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Plan:
    """Who gets what: secrets as groups of files with one value, user ids by consumer, owners by volume."""

    secrets: tuple[tuple[str, ...], ...]
    consumers: Mapping[str, int]
    volumes: Mapping[str, int]


def load_plan(path: Path = PLAN_FILE) -> Plan:
    """Read and check the plan. Raises ``ConfigurationError`` for a file that no consumer owns."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    groups = tuple(tuple(secret["files"]) for secret in data["secret"])
    consumers: dict[str, int] = data["consumers"]
    seen: set[str] = set()
    for name in (name for group in groups for name in group):
        if not _FILE.fullmatch(name) or name.partition("/")[0] not in consumers or name in seen:
            raise ConfigurationError(f"{path.name}: {name!r} is no file of a consumer, or there twice", "mend the plan")
        seen.add(name)
    return Plan(groups, consumers, data["volumes"])


def main() -> int:
    """Do all of it; one line of JSON says what was made."""
    try:
        result = run(os.environ, load_plan())
    except LabError as error:
        sys.stdout.write(json.dumps(error.as_json()) + "\n")
        return error.exit_code
    sys.stdout.write(json.dumps({"event": "init.completed", **result}) + "\n")
    return 0


def run(environ: Environ, plan: Plan) -> dict[str, int]:
    """Make secrets, render templates, set owners; returns how many of each were new or changed."""
    chown = env_choice(environ, "LAB_INIT_CHOWN", ("0", "1"), "0") == "1" and os.geteuid() == 0
    result = {
        "secrets_created": make_secrets(Path(env_str(environ, "LAB_SECRETS_DIR")), plan, chown=chown),
        "files_rendered": 0,
        "owners_changed": 0,
    }
    if environ.get("LAB_TEMPLATES"):
        rendered_dir = Path(env_str(environ, "LAB_RENDERED_DIR"))
        for folder in env_str(environ, "LAB_TEMPLATES").split(":"):
            result["files_rendered"] += render_folder(Path(folder), rendered_dir / Path(folder).name, environ)
    if chown and environ.get("LAB_VOLUMES_DIR"):
        result["owners_changed"] = own_volumes(Path(env_str(environ, "LAB_VOLUMES_DIR")), plan)
    return result


def make_secrets(directory: Path, plan: Plan, *, chown: bool) -> int:
    """Create the secrets that are missing; returns the number of files made.

    A group of which one file exists keeps that value. Raises ``ConfigurationError`` when two files of a group differ:
    then somebody changed one of them, and guessing which would lock out the other.
    """
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    for consumer, uid in plan.consumers.items():
        folder = directory / consumer
        folder.mkdir(mode=0o700, exist_ok=True)
        _own(folder, uid, chown=chown)
    created = 0
    for group in plan.secrets:
        value = _value_of(directory, group)
        for name in group:
            created += _create(directory / name, value)
            _own(directory / name, plan.consumers[name.partition("/")[0]], chown=chown)
    return created


def render_folder(templates: Path, rendered: Path, environ: Environ) -> int:
    """Render ``<templates>/*.yml`` to the same names in ``rendered``; returns the number of files that changed."""
    files = sorted(templates.glob("*.yml"))
    if not files:
        raise ConfigurationError(f"there is no template in {templates}", "LAB_TEMPLATES must name folders with *.yml")
    rendered.mkdir(mode=0o755, parents=True, exist_ok=True)
    changed = 0
    for source in files:
        target = rendered / source.name
        text = render(source.read_text(encoding="utf-8"), environ, name=f"{source.parent.name}/{source.name}")
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            _replace(target, text)
            changed += 1
    return changed


def render(text: str, environ: Environ, *, name: str) -> str:
    """The text with ``${UPPER_CASE}`` from the environment and ``$$`` as ``$``; any other ``$`` stays as it is.

    Raises ``ConfigurationError`` naming file, line and variable for one that is not set.
    """
    lines = text.splitlines(keepends=True)
    return "".join(_render_line(line, environ, f"{name}, line {number}") for number, line in enumerate(lines, 1))


def own_volumes(directory: Path, plan: Plan) -> int:
    """Give each volume to its owner, the folder itself only; returns how many changed."""
    return sum(_own(directory / name, uid, chown=True) for name, uid in plan.volumes.items())


def _render_line(line: str, environ: Environ, where: str) -> str:
    def value(match: re.Match[str]) -> str:
        variable = match.group(1)
        if variable is None:
            return "$"
        if variable not in environ:
            raise ConfigurationError(
                f"{where}: {variable} is not set", f"set {variable}, or write $$ for a dollar sign", {"where": where}
            )
        return environ[variable]

    return _PLACE.sub(value, line)


def _value_of(directory: Path, group: Sequence[str]) -> str:
    found = {name: (directory / name).read_text(encoding="utf-8") for name in group if (directory / name).exists()}
    values = {value.strip() for value in found.values()}
    if len(values) > 1 or "" in values:
        raise ConfigurationError(
            f"the files of one secret differ or are empty: {', '.join(sorted(found))}",
            f"remove them from {directory}, or the whole lab's data with `down --volumes`",
        )
    return values.pop() if values else secrets.token_urlsafe(_TOKEN_BYTES)


def _create(path: Path, value: str) -> bool:
    """Write a new file of mode 0600 in one step; False when it exists already."""
    if path.exists():
        return False
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        _write_new(temporary, value, 0o600)
        os.link(temporary, path)  # fails, instead of replacing, when another init was faster
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    _write_new(temporary, text, 0o644)
    temporary.replace(path)


def _write_new(path: Path, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _own(path: Path, uid: int, *, chown: bool) -> bool:
    if not chown or path.stat().st_uid == uid:
        return False
    os.chown(path, uid, uid)
    return True


if __name__ == "__main__":
    sys.exit(main())
