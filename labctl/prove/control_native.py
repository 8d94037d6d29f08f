"""Control over a lab whose components are processes of this machine."""

import os
from collections.abc import Mapping

import psutil
import psycopg

from labctl.prove.control import kill
from labctl.prove.polling import poll
from labctl.runtime.belongings import pids_by_component, processes_of
from labctl.runtime.description import load_stack
from labctl.runtime.native import compose_values, memory_by_component
from labctl.runtime.supervisor import Supervisor
from labctl.runtime.translate import Translation
from labctl.settings import Lab
from labkit.errors import CannotTell

STOP_TIMEOUT_S = 30.0


class NativeControl:
    """See :class:`labctl.prove.control.Control`."""

    runtime = "native"
    memory_measure = "PSS (proportional set size), every process of the component"

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._supervisor = Supervisor(lab)

    def stop(self, component: str) -> None:
        """Through the supervisor, so that it does not start the component again."""
        self._supervisor.stop(component)
        poll(
            f"{component} to end",
            lambda: pids_by_component(self._lab).get(component, []),
            lambda pids: not pids,
            timeout_s=STOP_TIMEOUT_S,
        )

    def start(self, component: str) -> None:
        """Through the supervisor."""
        self._supervisor.start_process(component)

    def kill_worker(self, service: str) -> float:
        """To the children of the service's first process, which is gunicorn's master."""
        pids = self._pids(service)
        workers = [pid for pid in pids if _parent(pid) in pids]
        if not workers:
            raise CannotTell(f"{service} has no worker just now.", "lab status")
        return kill(workers)

    def kill_all(self, component: str) -> float:
        """To all its processes; children first would let the master start new ones."""
        return kill(self._pids(component))

    def sql(self, database: str, statement: str) -> list[str]:
        """Straight to PostgreSQL's local port."""
        password = (self._lab.secrets_dir / "postgres" / "superuser").read_text(encoding="utf-8").strip()
        port = self.port_of("postgres", 5432)
        with psycopg.connect(
            host="127.0.0.1", port=port, dbname=database, user="postgres", password=password, connect_timeout=5
        ) as connection:
            return [str(row[0]) for row in connection.execute(statement.encode())]

    def memory_bytes(self) -> Mapping[str, int]:
        """From the kernel's sums over each process's mappings; shared pages count once in all."""
        return memory_by_component(self._lab)

    def port_of(self, component: str, inside: int) -> int:
        """The local port that stands for a container port."""
        stack = load_stack(self._lab.checkout / "compose.yaml", compose_values(self._lab))
        return Translation(stack, self._lab, os.environ).port(stack[component], inside)

    def listening_addresses(self) -> list[str]:
        """``address:port`` of every TCP socket on which a process of the lab listens."""
        mine = {process.pid for process in processes_of(self._lab)}
        return [
            f"{one.laddr.ip}:{one.laddr.port}"
            for one in psutil.net_connections(kind="tcp")
            if one.pid in mine and one.status == psutil.CONN_LISTEN and one.laddr
        ]

    def supervisor_pid(self) -> int:
        """The process that starts the others."""
        return self._pids("supervisor")[0]

    def _pids(self, component: str) -> list[int]:
        pids = pids_by_component(self._lab).get(component, [])
        if pids:
            return pids
        raise CannotTell(f"{component} has no process just now.", "lab status")


def _parent(pid: int) -> int:
    try:
        return int(psutil.Process(pid).ppid())
    except psutil.Error:
        return 0
