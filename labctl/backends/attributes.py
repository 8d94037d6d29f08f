"""Attribute values of OTLP's JSON form, decoded to plain Python."""

from collections.abc import Mapping
from typing import TypeAlias

AttributeValue: TypeAlias = "str | bool | int | float | list[AttributeValue] | dict[str, AttributeValue] | None"


def decode_attributes(pairs: object) -> dict[str, AttributeValue]:
    """``[{"key": k, "value": {...}}, ...]`` as a dict; anything malformed in it is left out."""
    if not isinstance(pairs, list):
        return {}
    return {str(pair.get("key", "")): decode_value(pair.get("value")) for pair in pairs if isinstance(pair, Mapping)}


def decode_value(value: object) -> AttributeValue:  # noqa: PLR0911 - one return for each of OTLP's value types
    """One ``AnyValue``. 64-bit integers arrive as strings (proto3 JSON); bytes stay base64 text."""
    if not isinstance(value, Mapping):
        return None
    for key, content in value.items():
        match key:
            case "stringValue" | "bytesValue":
                return str(content)
            case "boolValue":
                return bool(content)
            case "intValue":
                return int(content)
            case "doubleValue":
                return float(content)
            case "arrayValue":
                return [decode_value(item) for item in (content or {}).get("values", [])]
            case "kvlistValue":
                return decode_attributes((content or {}).get("values", []))
    return None
