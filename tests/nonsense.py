"""Bodies that no honest client sends."""

from typing import Any

NOT_JSON = [b"", b"{", b"nonsense", b"\xff\xfe", b"[", b'{"label": NaN}', b"1" * 5000, b"[" * 60_000]
NOT_OBJECTS: list[Any] = [[], [1], "text", 5, 1.5, True, False, b"null"]


def twisted(resource: str, names: list[str]) -> list[Any]:
    """Objects whose wrapper or values are not what they should be."""
    odd: list[Any] = [
        *(None, "", " ", "x" * 5_000, "\x00", "a\x00b", "\ud800", "😀", 0, -1, 10**30, 1e308, 1.5),
        *(True, False, [], {}, [1], {"a": 1}, [[]], "2031-02-31", "9999-12-31T23:59:59-23:59", "0001-01-01"),
        *(
            "-5",
            "1e5",
            "１",
            "null",
            "NaN",
            "2031-05-06T25:00:00Z",
            "'; --",
            "%00",
            "2031-05-06T10:00:00+99:99",
        ),
    ]
    wrapped = [{resource: value} for value in odd]
    flat = [{name: value} for name in names for value in odd]
    nested = [{resource: dict.fromkeys(names, value)} for value in odd]
    return [*wrapped, *flat, *nested, {resource: {resource: {resource: {}}}}, {"unknown": 1}, {}]
