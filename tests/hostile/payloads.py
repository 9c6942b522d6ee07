"""What nobody's own page sends: every kind of value that has broken some server."""

from __future__ import annotations

from typing import Any

STRINGS: tuple[str, ...] = (
    # Other places: traversal, absolute, drives, shares, devices, streams.
    *("..", "../x", "../../../../etc/passwd", "..\\..\\x", "a/../../b", "./x", "a/b", "a\\b"),
    *("/etc/passwd", "//host/share", "\\\\host\\share", "\\\\?\\C:\\x", "\\\\.\\pipe\\x"),
    *("C:", "C:\\x", "C:x", "file:///etc/passwd", "x::$DATA", "/dev/zero", "/proc/self/environ"),
    *("%2e%2e%2fx", "..%c0%afx", "~", "~/x", "$HOME", "${HOME}", "`id`", "$(id)", ";id", "|id"),
    # Names that a system keeps for itself, or spoils.
    *("con", "NUL", "aux.png", "COM1", "lpt9.txt", "x.", "x ", " x", "CON.", "com¹"),
    *(".git", ".GIT", ".git ", ".git.", "git~1", ".g\u200cit", ".gitpool", "profiles.json"),
    # Characters that cut text off, turn it round or are none.
    *("\x00", "a\x00b", "a\nb", "a\r\nSet-Cookie: x=1", "\x1b[31m", "a\x7fb", "\u202egnp.x"),
    *("\u2066x", "\ud800", "x\udfff", "\ufeffx", "e\u0301", "\u2028", "\u0130", "٣", "ａ"),
    # Too much, and nothing.
    *("", " ", "x" * 300, "x" * 70_000, "\U0001f600" * 3000, "9" * 5000),
    # Words that something may take for more than words.
    *("-x", "--upload-pack=x", "HEAD", "HEAD~1", "refs/heads/x", "@{1}", "0" * 40, "0" * 41),
    *("null", "true", "NaN", "1e999", "__proto__", "constructor", "%s%n", "{{7*7}}", "' OR 1=1--"),
    *("<script>alert(1)</script>", "javascript:alert(1)", "*", "?", "[a-z]", "a;b"),
)
OTHERS: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, -(10**400), 0.5, -0.0, 1e308),
    *(float("nan"), float("inf"), float("-inf"), [], {}, [[]], [None], [True], ["x"], {"a": 1}),
    *({"__proto__": {}}, [0] * 5000, ["../x"] * 50, {"id": "x"}),
)


def nested(depth: int = 500) -> Any:
    """A list in a list in a list…"""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


PAYLOADS: tuple[Any, ...] = (*STRINGS, *OTHERS, nested())
BODIES: tuple[bytes, ...] = (
    *(b"", b"null", b"[]", b"3", b'"x"', b"NaN", b"Infinity", b"{", b'{"a":}', b"\xff\xfe{}"),
    *(b"\x00", b"9" * 10_000, b"[" * 100_000, b'{"a":' * 100_000, b"{}" * 2, b"a=b&c=d"),
)


def shown(value: Any) -> str:
    """A payload in a test's words."""
    return ascii(value)[:60]
