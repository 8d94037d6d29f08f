"""``python -m labctl.native.postgres postgres [options]``: PostgreSQL natively, by the contract of its container image.

The first start makes the cluster: in a scratch folder, moved into place when it is complete. Then this process becomes
the server, so that signals reach it. PostgreSQL refuses to run as root: then the server runs as ``nobody``.
"""

import os
import pwd
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from labctl.native.postgres_binaries import postgres_bin_dir
from labkit.errors import ConfigurationError, LabError
from labkit.settings import env_address, env_str

ROOT_STAND_IN = "nobody"


def main(arguments: list[str]) -> int:
    """Prepare the cluster and become the server. ``arguments`` are the image's: ``postgres`` and its options."""
    try:
        start(arguments[1:], os.environ)
    except LabError as error:
        sys.stderr.write(f"{error.message} {error.hint}\n")
        return error.exit_code
    return 0


def start(options: list[str], environ: Mapping[str, str]) -> None:
    """Does not return when all is well."""
    programs = postgres_bin_dir()
    bind = env_address(environ, "POSTGRES_BIND")
    data = Path(env_str(environ, "POSTGRES_DATA_DIR")) / "cluster"
    if not (data / "PG_VERSION").is_file():
        _make_cluster(programs, data, environ)
    where = ["-D", str(data), "-c", f"listen_addresses={bind.host}", "-p", str(bind.port)]
    # No Unix socket: its path may be too long, and everything here speaks TCP.
    argv = [*_unprivileged(), str(programs / "postgres"), *where, "-c", "unix_socket_directories=", *options]
    os.execvp(argv[0], argv)  # noqa: S606 - becoming the server is the point; the arguments are our own list


def _make_cluster(programs: Path, data: Path, environ: Mapping[str, str]) -> None:
    password_file = Path(env_str(environ, "POSTGRES_PASSWORD_FILE"))
    scratch = data.with_name("cluster.new")
    shutil.rmtree(scratch, ignore_errors=True)
    data.parent.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(mode=0o700)
    # initdb reads the password as the server's user, who cannot read ours: hand it over by a pipe's name.
    reading, writing = os.pipe()
    os.write(writing, password_file.read_bytes())
    os.close(writing)
    if os.geteuid() == 0:
        user = pwd.getpwnam(ROOT_STAND_IN)
        os.chown(scratch, user.pw_uid, user.pw_gid)
        os.fchown(reading, user.pw_uid, user.pw_gid)
    options = shlex.split(environ.get("POSTGRES_INITDB_ARGS", ""))
    name = environ.get("POSTGRES_USER", "postgres")
    argv = [*_unprivileged(), str(programs / "initdb"), "-D", str(scratch), "-U", name, f"--pwfile=/dev/fd/{reading}"]
    done = subprocess.run(
        [*argv, "--encoding=UTF8", "--locale=C", *options],
        pass_fds=(reading,),
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(reading)
    if done.returncode:
        shutil.rmtree(scratch, ignore_errors=True)
        raise LabError(
            f"initdb failed: {done.stderr.strip()[-1000:]}", "Is the disk full, or LAB_HOME on an unusual file system?"
        )
    scratch.rename(data)


def _unprivileged() -> list[str]:
    """A prefix that gives up root, keeping one ability: to pass through folders that only root may enter.

    The lab's folder often lies below one (a home directory), and PostgreSQL must reach its programs and its data.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if not setpriv:
        raise ConfigurationError(
            "PostgreSQL refuses to run as root, and there is no `setpriv` to run it as another user.",
            "Run the lab as an ordinary user, or install util-linux.",
        )
    user = pwd.getpwnam(ROOT_STAND_IN)
    capabilities = "-all,+dac_read_search"
    return [
        setpriv,
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        f"--inh-caps={capabilities}",
        f"--ambient-caps={capabilities}",
        "--",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
