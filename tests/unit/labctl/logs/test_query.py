"""From words to LogQL."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.logs.query import EVERYTHING, from_arguments, quoted, to_logql
from labkit.errors import ConfigurationError


@pytest.mark.parametrize(
    ("words", "logql"),
    [
        ("", EVERYTHING),
        ("service=orders", '{service_name="orders"}'),
        ("service.name=orders", '{service_name="orders"}'),
        ("service=orders order_id=x", '{service_name="orders"} | order_id="x"'),
        ("service!=orders", '{service_name!="orders", service_name=~".+"}'),
        ("trace=abc", '{service_name=~".+"} | trace_id="abc"'),
        ("correlation=abc", '{service_name=~".+"} | correlation_id="abc"'),
        ("duration_ms>200", '{service_name=~".+"} | duration_ms>200'),
        ("http.route=~/shop.*", '{service_name=~".+"} | http_route=~"/shop.*"'),
        ('message="two words"', '{service_name=~".+"} | message="two words"'),
        ('{service_name="x"} |= "y"', '{service_name="x"} |= "y"'),
    ],
)
def test_words_become_logql(words: str, logql: str) -> None:
    """Index labels select the stream, other fields filter, LogQL passes unchanged."""
    assert to_logql(words) == logql


def test_text_is_looked_for_in_message_and_fields() -> None:
    """A bare word is a line filter over the line with its fields, after which the line is as before."""
    found = to_logql("service=orders declined")
    assert found.startswith('{service_name="orders"} | label_format')
    assert '|= "declined"' in found
    assert found.endswith("| drop lab_line")


def test_a_level_word_is_that_level_and_the_option_is_that_and_above() -> None:
    """level=error in the query is exact; --level error includes critical."""
    assert "critical" not in to_logql("level=error")
    assert "critical" in to_logql("", level="error")
    assert "severity_text!~" in to_logql("level!=info")


def test_options_narrow_a_logql_query() -> None:
    """--level also works on LogQL."""
    assert to_logql('{a="b"}', level="critical", fields=[("trace", "1")]).startswith('{a="b"} | severity_text=~')


@pytest.mark.parametrize("words", ["level=loud", "duration_ms>fast", '"open quote'])
def test_nonsense_is_refused_with_an_example(words: str) -> None:
    """Usage, exit code 2."""
    with pytest.raises(ConfigurationError) as caught:
        to_logql(words)
    assert caught.value.hint


def test_an_unknown_level_option_names_the_levels() -> None:
    """The message lists what there is."""
    with pytest.raises(ConfigurationError) as caught:
        to_logql("", level="loud")
    assert "warning" in caught.value.hint


@given(st.text())
def test_no_value_can_end_its_literal(value: str) -> None:
    """Whatever is searched for stays inside one string literal of LogQL."""
    literal = quoted(value)
    assert re.fullmatch(r'"(?:[^"\\\x00-\x1f]|\\.)*"', literal)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_value_survives_quoting(value: str) -> None:
    """Undoing Go's escapes gives the value back."""
    undone = re.sub(
        r"\\(u[0-9a-f]{4}|.)",
        lambda found: chr(int(found[1][1:], 16)) if len(found[1]) > 1 else found[1],
        quoted(value)[1:-1],
        flags=re.DOTALL,
    )
    assert undone == value


@given(st.lists(st.text(min_size=1), max_size=5))
def test_any_words_give_a_query_or_a_usage_error(words: list[str]) -> None:
    """No input breaks the parser."""
    try:
        logql = to_logql(from_arguments(words))
    except ConfigurationError:
        return
    assert logql.startswith("{")


def test_several_arguments_keep_their_spaces() -> None:
    """The shell's quotes are put back; a single argument is a whole query."""
    assert to_logql(from_arguments(["message=two words", "service=a"])) == '{service_name="a"} | message="two words"'
    assert to_logql(from_arguments(["message=two service=a"])) == '{service_name="a"} | message="two"'
