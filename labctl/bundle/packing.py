"""Writes the bundle: one tar.gz, readable by its owner only, in which every text went through the redactor."""

import io
import json
import os
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from labctl.bundle.redact import Redactor, values_in_environment, values_on_disk
from labctl.bundle.sources import Item, Source, sources
from labctl.doctor.machine import Machine
from labctl.settings import Lab
from labkit.errors import ConfigurationError

TOTAL_BYTES = 40_000_000
READ_SECRETS = 'for file in /run/opslab/secrets/*/*; do cat "$file"; echo; done'
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Packed:
    """The bundle that was written. ``left_out`` maps what is not in it to the reason."""

    path: Path
    size_bytes: int
    files: tuple[str, ...]
    left_out: Mapping[str, str]


def pack(
    lab: Lab, output: Path, *, environ: Mapping[str, str] | None = None, progress: Progress = lambda _: None
) -> Packed:
    """Collect, redact and write. Raises ConfigurationError when ``output`` cannot be written."""
    env, machine = os.environ if environ is None else environ, Machine()
    left_out: dict[str, str] = {}
    redactor, containers_known = redactor_of(lab, env, machine)
    chosen = sources(lab, env, machine)
    if not containers_known:
        chosen = [one for one in chosen if one.name != "containers"]
        left_out["containers"] = "the secrets inside the containers could not be read, so they could not be removed"
    items = collect(chosen, left_out, progress)
    return write(output, items, redactor, left_out)


def redactor_of(lab: Lab, environ: Mapping[str, str], machine: Machine) -> tuple[Redactor, bool]:
    """Who knows every secret of this lab, and whether those that only containers have are among them."""
    values = [*values_on_disk(lab), *values_in_environment(environ)]
    if lab.remembered_runtime() != "docker":
        return Redactor(values), True
    asked = machine.run(
        *("docker", "compose", "--project-name", lab.project, "--file", str(lab.checkout / "compose.yaml")),
        *("exec", "-T", "postgres", "sh", "-c", READ_SECRETS),
    )
    return Redactor([*values, asked.output if asked.code == 0 else ""]), asked.code == 0


def collect(chosen: list[Source], left_out: dict[str, str], progress: Progress) -> Iterator[Item]:
    """The items of every source, up to :data:`TOTAL_BYTES`."""
    room = TOTAL_BYTES
    for source in chosen:
        progress(source.name)
        try:
            for item in source.items():
                room -= len(item.text)
                if room < 0:
                    left_out[item.name] = "the bundle is full"
                else:
                    yield item
        except Exception as error:  # noqa: BLE001 - a bundle with a gap helps more than none
            left_out[source.name] = f"{type(error).__name__}: {error}"


def write(output: Path, items: Iterator[Item], redactor: Redactor, left_out: dict[str, str]) -> Packed:
    """Write to a scratch file beside ``output`` and rename, so that a broken run leaves no half bundle."""
    scratch = output.with_name(output.name + ".part")
    folder = output.name.removesuffix(".tar.gz")
    notes: dict[str, str] = {}
    names: list[str] = []
    try:
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as bundle:
            for item in items:
                _add(bundle, f"{folder}/{item.name}", redactor.clean(item.text))
                names.append(item.name)
                notes |= {item.name: item.note} if item.note else {}
            manifest = {"files": names, "notes": notes, "left_out": left_out, "written_unix_s": int(time.time())}
            _add(bundle, f"{folder}/manifest.json", redactor.clean(json.dumps(manifest, indent=2)))
        scratch.replace(output)
    except OSError as error:
        raise ConfigurationError(
            f"{output} cannot be written: {error.strerror or error}", "Choose another place with --output."
        ) from error
    finally:
        scratch.unlink(missing_ok=True)
    return Packed(output, output.stat().st_size, (*names, "manifest.json"), left_out)


def _add(bundle: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode("utf-8", "replace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
    bundle.addfile(entry, io.BytesIO(content))
