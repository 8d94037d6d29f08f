"""From what Go printed to what the reader is told."""

import errno
from pathlib import Path

import pytest

from labctl.native import servers, trouble
from labkit.errors import ConfigurationError, LabError

TOY = servers.Server("toy", "1.2.3", "example.org/toy", "v1.2.3", {"toy": "example.org/toy"}, ("--version",), 1)
LOG = Path("logs/toy.log")
DOWNLOADS = "go: downloading example.org/fine v1.0.0\ngo: downloading example.org/other v0.1.0\n"
PROXY = "https://proxy.example.org"


def told(output: str) -> LabError:
    """The error for a build that printed ``output``."""
    return trouble.explain(TOY, output, LOG)


@pytest.mark.parametrize(
    ("output", "names"),
    [
        pytest.param(
            f"go: example.org/dep@v9.9.9: reading {PROXY}/example.org/dep/@v/v9.9.9.mod: 403 Forbidden",
            "example.org/dep@v9.9.9",
            id="refused with 403",
        ),
        pytest.param(
            f"go: github.com/Azure/x@v68.0.0+incompatible: reading {PROXY}/x.zip: 404 Not Found\n\tserver response: no",
            "github.com/Azure/x@v68.0.0+incompatible",
            id="not there, capitals and build suffix",
        ),
        pytest.param(
            f'main.go:3:8: example.org/dep@v1.0.0: Get "{PROXY}/x.mod": dial tcp: lookup proxy: no such host',
            "example.org/dep@v1.0.0",
            id="no name resolution",
        ),
        pytest.param(
            f'go: example.org/dep@v1.0.0: Get "{PROXY}": tls: failed to verify certificate: x509: unknown authority',
            "example.org/dep@v1.0.0",
            id="proxy with its own authority",
        ),
        pytest.param(
            "go: example.org/dep@v1.0.0: module lookup disabled by GOPROXY=off",
            "example.org/dep@v1.0.0",
            id="proxy off",
        ),
        pytest.param(
            f'go: Get "{PROXY}": proxyconnect tcp: connection refused', "example.org/toy@v1.2.3", id="no module named"
        ),
    ],
)
def test_module_that_cannot_be_had_is_named(output: str, names: str) -> None:
    """The reader learns which module it was, whatever the reason, and that GOPROXY decides where it comes from."""
    error = told(DOWNLOADS + output)
    assert names in error.message
    assert "GOPROXY" in error.hint
    assert str(LOG) in error.hint


@pytest.mark.parametrize(
    ("complaint", "says"),
    [
        pytest.param("a/b.go:3:1: undefined: nothing", "undefined: nothing", id="undefined name"),
        pytest.param("a/b.go:3:1: undefined: x509.Nothing", "undefined: x509.Nothing", id="about certificates"),
        pytest.param("go: updates to go.mod needed", "updates to go.mod needed", id="go.mod out of date"),
        pytest.param("builder: no such component", "no such component", id="the collector's builder"),
    ],
)
def test_compile_error_shows_the_first_complaint(complaint: str, says: str) -> None:
    """Download progress is no complaint, and a compiler's words about certificates are not the network's."""
    error = told(f"{DOWNLOADS}# example.org/toy/a\n{complaint}\n")
    assert isinstance(error, trouble.BuildFailed)
    assert says in error.message
    assert "GOPROXY" not in error.hint


def test_other_content_than_pinned_is_not_called_a_network_problem() -> None:
    """Retrying does not help against a checksum mismatch, so the message says what it is."""
    error = told("verifying example.org/dep@v1.0.0: checksum mismatch\n\tdownloaded: h1:a\n\tgo.sum: h1:b")
    assert "example.org/dep@v1.0.0 is not what go.sum pins" in error.message


def test_killed_compiler_points_at_memory() -> None:
    """The kernel's out-of-memory killer leaves only these words."""
    assert "memory" in told("github.com/x/y: /go/compile: signal: killed").message


def test_silent_failure_still_names_the_log() -> None:
    """A build that ends without a word has a log all the same."""
    error = told("")
    assert "it said nothing" in error.message
    assert str(LOG) in error.hint


@pytest.mark.parametrize("words", ["write /x: no space left on device", "write /x: disk quota exceeded"])
def test_disk_full_is_recognised(words: str) -> None:
    """A quota is a full disk too."""
    assert isinstance(told(DOWNLOADS + words), trouble.DiskFull)


def test_password_in_the_proxy_setting_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors are pasted into tickets."""
    monkeypatch.setenv("GOPROXY", "https://me:secret@proxy.example.org,https://you:other@second.example.org")
    error = told("go: example.org/dep@v1.0.0: reading x: 403 Forbidden")
    assert "secret" not in str(error.as_json())
    assert "other@" not in str(error.as_json())
    assert "https://proxy.example.org" in error.message


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        pytest.param(errno.ENOSPC, trouble.DiskFull, id="no space"),
        pytest.param(errno.EDQUOT, trouble.DiskFull, id="quota"),
        pytest.param(errno.EROFS, ConfigurationError, id="read-only disk"),
        pytest.param(errno.EIO, OSError, id="anything else stays what it is"),
    ],
)
def test_own_file_errors_are_told_apart(number: int, kind: type[Exception]) -> None:
    """Copying and renaming can fail as well as compiling."""
    assert isinstance(trouble.explain_os(TOY, OSError(number, "why", "/x"), LOG), kind)
