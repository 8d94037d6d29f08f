"""Nothing that must stay on this machine gets into a bundle. Canaries stand for secrets."""

import base64
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from labctl.bundle.packing import collect, write
from labctl.bundle.redact import REDACTED, Redactor, values_in_environment, values_on_disk
from labctl.bundle.sources import Item, Source, configuration, environment, logs, tail
from labctl.settings import Lab
from labkit.errors import ConfigurationError

CANARY = "c4n4ry-Operator+Token/with=signs-0123456789"
OTHER = "an0ther-canary-for-the-database-98765"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab with two secrets and some logs."""
    home = tmp_path / "home"
    for consumer, name, value in (("console", "operator", CANARY), ("orders", "database", OTHER + "\n")):
        folder = home / "secrets" / consumer
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(value, encoding="utf-8")
    (home / "logs").mkdir()
    return Lab.from_env({"LAB_HOME": str(home)})


@pytest.mark.parametrize(
    "form",
    [
        CANARY,
        quote(CANARY, safe=""),
        base64.b64encode(CANARY.encode()).decode(),
        base64.b64encode(CANARY.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(CANARY.encode()).decode(),
    ],
    ids=["plain", "in a URL", "base64", "base64 without padding", "base64 for URLs"],
)
@pytest.mark.parametrize("around", ["{}", "x{}y", '{{"token":"{}"}}', "a\n{}\nb"])
def test_known_secret_is_taken_out_in_every_form(lab: Lab, form: str, around: str) -> None:
    """A value is a secret wherever it stands and however it is encoded."""
    redactor = Redactor(values_on_disk(lab))
    cleaned = redactor.clean(around.format(form))
    assert form not in cleaned
    assert not redactor.finds_in(cleaned)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abc.def.ghijkl", "abc.def.ghijkl"),
        ('{"password": "hunter22"}', "hunter22"),
        ("postgres://shop:s3cret@db/orders", "s3cret"),
        ("http_proxy=http://me:pr0xypw@proxy:3128", "pr0xypw"),
        ("Set-Cookie: session=eyJ1c2VyIjoiYSJ9.abc; HttpOnly", "eyJ1c2VyIjoiYSJ9"),
        ("cookie: session=eyJ1c2VyIjoiYSJ9.abc", "eyJ1c2VyIjoiYSJ9"),
        ("paid with 4242 4242 4242 4242 today", "4242 4242"),
    ],
    ids=["bearer", "password", "URL", "proxy", "set-cookie", "cookie", "card"],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, secret: str) -> None:
    """Also secrets that this lab does not know."""
    assert secret not in Redactor([]).clean(text)


def test_innocent_text_stays() -> None:
    """A bundle without its facts helps nobody."""
    text = "order.placed trace_id=0af7651916cd43dd8448eb211c80319c duration_ms=12.5 status=201"
    assert Redactor([CANARY, "short"]).clean(text) == text


def test_short_value_does_not_destroy_the_text() -> None:
    """A one-letter secret would take the whole text with it."""
    assert Redactor(["e", "log"]).clean("the log level") == "the log level"


def test_secret_variables_are_found_by_their_name() -> None:
    """The environment holds secrets too; paths to files of secrets are none."""
    environ = {"LAB_TOKEN": CANARY, "MY_API_KEY": OTHER, "POSTGRES_PASSWORD_FILE": "/run/x", "PATH": "/bin"}
    assert set(values_in_environment(environ)) == {CANARY, OTHER}


def test_tail_begins_with_a_whole_line(tmp_path: Path) -> None:
    """Half a line could hold the second half of a secret, which nobody would recognise."""
    file = tmp_path / "a.log"
    file.write_text(f"one\ntoken {CANARY}\nthree\n", encoding="utf-8")
    text, note = tail(file, len("three\n") + 10)
    assert text == "three\n"
    assert "of" in note


def test_logs_are_found_and_links_are_not_followed(lab: Lab) -> None:
    """A link in the log folder may lead to a secret."""
    (lab.logs_dir / "orders.log").write_text("line\n", encoding="utf-8")
    (lab.logs_dir / "link.log").symlink_to(lab.secrets_dir / "console" / "operator")
    (lab.logs_dir / "folder").symlink_to(lab.secrets_dir)
    assert [item.name for item in logs(lab)] == ["logs/orders.log"]


def test_configuration_has_no_file_of_secrets(lab: Lab) -> None:
    """Not even its name."""
    (lab.home / "process-compose.yaml").write_text("processes: {}\n", encoding="utf-8")
    names = [item.name for item in configuration(lab)]
    assert "home/process-compose.yaml" in names
    assert "configuration/compose.yaml" in names
    assert not [name for name in names if "secrets" in name]


def test_environment_is_only_what_can_matter() -> None:
    """A stranger's other variables are none of our business."""
    assert environment({"LAB_PORT": "1", "AWS_SECRET_ACCESS_KEY": "x", "https_proxy": "p", "HOME": "/h"}) == {
        "LAB_PORT": "1",
        "https_proxy": "p",
    }


def _sources(*items: Item) -> list[Source]:
    return [Source("some", lambda: iter(items))]


def content(bundle: Path) -> dict[str, str]:
    """Name -> text of every file in the bundle, without the folder."""
    with tarfile.open(bundle) as archive:
        members = [(member.name.split("/", 1)[1], archive.extractfile(member)) for member in archive.getmembers()]
        return {name: file.read().decode() for name, file in members if file}


def test_bundle_is_clean_and_private(lab: Lab, tmp_path: Path) -> None:
    """Every text goes through the redactor, the manifest included, and only the owner may read the file."""
    target = tmp_path / "b.tar.gz"
    left_out = {"x": f"because {CANARY}"}
    write(
        target, iter([Item("a.log", f"token {CANARY}"), Item("b.log", OTHER)]), Redactor(values_on_disk(lab)), left_out
    )
    found = content(target)
    assert set(found) == {"a.log", "b.log", "manifest.json"}
    assert found["b.log"] == REDACTED
    assert CANARY not in str(found)
    assert target.stat().st_mode & 0o777 == 0o600


def test_source_that_breaks_is_a_gap_not_the_end(tmp_path: Path) -> None:
    """Half a bundle helps; the manifest says which half is missing."""

    def broken() -> Iterator[Item]:
        yield Item("first", "text")
        raise OSError("gone")

    left_out: dict[str, str] = {}
    items = list(collect([Source("broken", broken), *_sources(Item("second", "text"))], left_out, lambda _: None))
    assert [item.name for item in items] == ["first", "second"]
    assert "gone" in left_out["broken"]


def test_full_bundle_names_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is bounded."""
    monkeypatch.setattr("labctl.bundle.packing.TOTAL_BYTES", 10)
    left_out: dict[str, str] = {}
    items = list(collect(_sources(Item("a", "12345"), Item("b", "1234567")), left_out, lambda _: None))
    assert [item.name for item in items] == ["a"]
    assert left_out == {"b": "the bundle is full"}


def test_broken_run_leaves_no_half_bundle(tmp_path: Path) -> None:
    """The file appears complete or not at all."""

    def items() -> Iterator[Item]:
        yield Item("a", "text")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "b.tar.gz", items(), Redactor([]), {})
    assert list(tmp_path.iterdir()) == []


def test_place_that_cannot_be_written_is_a_configuration_error(tmp_path: Path) -> None:
    """The path and the option are named."""
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write(tmp_path / "no" / "b.tar.gz", iter([]), Redactor([]), {})


def test_manifest_says_what_was_cut(tmp_path: Path) -> None:
    """A reader must know that a log is not whole."""
    target = tmp_path / "b.tar.gz"
    write(target, iter([Item("a.log", "x", "the last 1 of 9 bytes")]), Redactor([]), {})
    assert json.loads(content(target)["manifest.json"])["notes"] == {"a.log": "the last 1 of 9 bytes"}
