"""Secrets, rendered configuration and the plan that says who gets what."""

import os
import re
from pathlib import Path

import pytest

from labkit import init
from labkit.errors import ConfigurationError
from labkit.init import Plan

PLAN = Plan((("a/token", "b/token"), ("a/own",)), {"a": 1, "b": 2}, {})


def _read(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """A shared secret has one value, different secrets differ, and a second run changes nothing."""
    assert init.make_secrets(tmp_path, PLAN, chown=False) == 3
    first = _read(tmp_path)
    assert first["a/token"] == first["b/token"] != first["a/own"]
    assert all(len(value) >= 43 for value in first.values())
    assert init.make_secrets(tmp_path, PLAN, chown=False) == 0
    assert _read(tmp_path) == first


def test_secrets_are_private_from_the_beginning(tmp_path: Path) -> None:
    """0600 in folders of 0700, whatever the umask would allow."""
    before = os.umask(0)
    try:
        init.make_secrets(tmp_path, PLAN, chown=False)
    finally:
        os.umask(before)
    assert {(path.stat().st_mode & 0o777) for path in tmp_path.rglob("*") if path.is_file()} == {0o600}
    assert {(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {0o700}


def test_a_missing_copy_gets_the_value_of_the_others(tmp_path: Path) -> None:
    """A consumer that is new joins the secret that exists."""
    init.make_secrets(tmp_path, PLAN, chown=False)
    value = (tmp_path / "a/token").read_text()
    (tmp_path / "b/token").unlink()
    assert init.make_secrets(tmp_path, PLAN, chown=False) == 1
    assert (tmp_path / "b/token").read_text() == value


@pytest.mark.parametrize("content", ["changed by hand", ""])
def test_copies_that_differ_are_an_error(tmp_path: Path, content: str) -> None:
    """Guessing which is right could lock a component out; the message names the files and not their content."""
    init.make_secrets(tmp_path, PLAN, chown=False)
    (tmp_path / "b/token").write_text(content)
    with pytest.raises(ConfigurationError, match="a/token, b/token") as caught:
        init.make_secrets(tmp_path, PLAN, chown=False)
    assert "changed by hand" not in str(caught.value.as_json())


def test_an_interrupted_run_leaves_no_half_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between writing and naming: the secret is not there, and the next run makes it."""

    def killed(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", killed)
    with pytest.raises(KeyboardInterrupt):
        init.make_secrets(tmp_path, PLAN, chown=False)
    assert _read(tmp_path) == {}
    monkeypatch.undo()
    assert init.make_secrets(tmp_path, PLAN, chown=False) == 3


def test_owners_are_set_where_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In containers each folder and file goes to its consumer; what is right already is not touched."""
    changed: dict[str, tuple[int, int]] = {}
    monkeypatch.setattr(os, "chown", lambda path, uid, gid: changed.update({path.name: (uid, gid)}))
    init.make_secrets(tmp_path, Plan((("a/token",),), {"a": 4242, "me": os.getuid()}, {}), chown=True)
    assert changed == {"a": (4242, 4242), "token": (4242, 4242)}


def test_only_upper_case_places_are_filled() -> None:
    """Prometheus has dollars of its own: `$1`, `$labels`, `${1}`, `$$`."""
    text = 'target: ${LOKI_ADDR}\nreplacement: $1 ${1}\nsummary: "{{ $labels.job }} costs $$5 ${lower}"\n'
    assert init.render(text, {"LOKI_ADDR": "loki:3100"}, name="x") == (
        'target: loki:3100\nreplacement: $1 ${1}\nsummary: "{{ $labels.job }} costs $5 ${lower}"\n'
    )


def test_an_unset_variable_is_named_with_file_and_line() -> None:
    """An empty address in a configuration would be found much later, by nobody."""
    with pytest.raises(ConfigurationError, match=re.escape("prometheus/prometheus.yml, line 2: LOKI_ADDR is not set")):
        init.render("a: 1\nb: ${LOKI_ADDR}\n", {}, name="prometheus/prometheus.yml")


def test_templates_are_rendered_beside_each_other(tmp_path: Path) -> None:
    """Only what changed is written; rules in folders below are not templates."""
    source = tmp_path / "prometheus"
    (source / "rules").mkdir(parents=True)
    (source / "prometheus.yml").write_text("a: ${A}\n")
    (source / "rules" / "shop.yml").write_text("b: ${B}\n")
    assert init.render_folder(source, tmp_path / "out", {"A": "1"}) == 1
    assert _read(tmp_path / "out") == {"prometheus.yml": "a: 1\n"}
    assert init.render_folder(source, tmp_path / "out", {"A": "1"}) == 0
    assert init.render_folder(source, tmp_path / "out", {"A": "2"}) == 1


def test_a_folder_without_templates_is_an_error(tmp_path: Path) -> None:
    """A wrong mount is not "nothing to do"."""
    with pytest.raises(ConfigurationError, match="no template"):
        init.render_folder(tmp_path, tmp_path, {})


def test_run_says_what_it_did(tmp_path: Path) -> None:
    """Secrets always, templates and owners where asked; each folder of templates keeps its name."""
    environ = {"LAB_SECRETS_DIR": str(tmp_path / "secrets"), "LAB_RENDERED_DIR": str(tmp_path / "out"), "A": "1"}
    assert init.run(environ, PLAN) == {"secrets_created": 3, "files_rendered": 0, "owners_changed": 0}
    for name in ("prometheus", "alertmanager"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.yml").write_text("a: ${A}\n")
    environ["LAB_TEMPLATES"] = f"{tmp_path / 'prometheus'}:{tmp_path / 'alertmanager'}"
    assert init.run(environ, PLAN) == {"secrets_created": 0, "files_rendered": 2, "owners_changed": 0}
    assert set(_read(tmp_path / "out")) == {"prometheus/prometheus.yml", "alertmanager/alertmanager.yml"}


def test_the_plan_gives_every_service_what_it_reads() -> None:
    """Each service has its tokens, the console one per service, and the passwords pair up."""
    plan = init.load_plan()
    groups = {frozenset(group) for group in plan.secrets}
    for service in ("storefront", "catalog", "orders", "payments", "thirdparty"):
        assert frozenset({f"{service}/management", f"console/management-{service}"}) in groups
    for service in ("catalog", "orders"):
        assert frozenset({f"{service}/database", f"database-setup/{service}"}) in groups
    (otlp,) = [group for group in groups if "collector/otlp" in group]
    assert len(otlp) == 6
    assert frozenset({"storefront/session-key"}) in groups


@pytest.mark.parametrize("files", ['["nobody/token"]', '["a/../b"]', '["a/token", "a/token"]'])
def test_a_plan_that_makes_no_sense_is_refused(tmp_path: Path, files: str) -> None:
    """A file without an owner, outside the folder, or twice."""
    plan = tmp_path / "plan.toml"
    plan.write_text(f"[[secret]]\nfiles = {files}\n[consumers]\na = 1\n[volumes]\n")
    with pytest.raises(ConfigurationError, match="plan"):
        init.load_plan(plan)
