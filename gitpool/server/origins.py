"""Whether an `Origin` is the one a request was made to, as the request and the proxies that it
came through say it. Pure: headers and settings in, a decision out.

What a proxy says (`X-Forwarded-…`, `Forwarded`) may be believed here, whoever wrote it: no page
can send such a header to another site without the browser asking first, and nobody here answers
that question. A script may send anything, and needs no `Origin` at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from multidict import MultiMapping

PORTS = {"http": 80, "https": 443}
_HOST = re.compile(
    r"(?P<name>\[[0-9a-f:.]+\]|[^\s\[\]@/\\?#:,]+)(?::(?P<port>\d{1,5})?)?", re.ASCII
)
# One pair of `Forwarded`: https://www.rfc-editor.org/rfc/rfc7239#section-4
_PAIR = re.compile(r'[\s;,]*([\w-]+)=("(?:[^"\\]|\\.)*"|[^\s;,"]+)\s*(?=[;,]|$)', re.ASCII)
_LONGEST = 1024


@dataclass(frozen=True)
class Origin:
    """A scheme, a host and a port, none of them left out."""

    scheme: str
    name: str
    port: int


def parse(text: str) -> Origin | None:
    """An origin as a browser writes it, or None for `null` and for anything that is none."""
    try:
        parts = urlsplit(text.strip().lower())
    except ValueError:
        return None
    if parts.scheme not in PORTS or parts.path or parts.query or parts.fragment:
        return None
    found = _authority(parts.netloc)
    if found is None:
        return None
    name, port = found
    return Origin(parts.scheme, name, port or PORTS[parts.scheme])


def parse_trusted(text: str) -> Origin | None:
    """An origin as a person writes it: with a slash at its end, or letters of any script."""
    text = text.strip().removesuffix("/")
    try:
        return parse(text if text.isascii() else _in_ascii(text))
    except UnicodeError:
        return None


def _in_ascii(address: str) -> str:
    scheme, _, rest = address.partition("://")
    name, colon, port = rest.partition(":")
    return f"{scheme}://{name.lower().encode('idna').decode('ascii')}{colon}{port}"


def is_own(origin: Origin, headers: MultiMapping[str]) -> bool:
    """Whether a request with these headers was made to that origin."""
    told = _Told(headers)
    if told.protocols and origin.scheme not in told.protocols:
        return False
    # A name alone stands for the scheme's own port, unless a proxy says which one it was.
    unsaid = told.ports or {PORTS[origin.scheme]}
    return any(
        name == origin.name and origin.port in ({port} if port else unsaid)
        for name, port in told.hosts
    )


class _Told:
    """What a request and its proxies say that it was made to. Several proxies each add theirs,
    in no order that holds everywhere; each is what some server was asked for."""

    def __init__(self, headers: MultiMapping[str]) -> None:
        forwarded = [
            pair for line in headers.getall("Forwarded", ()) for pair in _pairs(line[:_LONGEST])
        ]
        protocols = [*_listed(headers, "X-Forwarded-Proto"), *_of(forwarded, "proto")]
        self.protocols = {each.lower() for each in protocols} & PORTS.keys()
        ports = _listed(headers, "X-Forwarded-Port")
        self.ports = {int(each) for each in ports if each.isdecimal() and len(each) <= 5}
        asked = [*_listed(headers, "X-Forwarded-Host"), *_of(forwarded, "host")]
        found = (_authority(host) for host in [*headers.getall("Host", ()), *asked])
        self.hosts = [host for host in found if host]


def _listed(headers: MultiMapping[str], name: str) -> Iterator[str]:
    for line in headers.getall(name, ()):
        yield from filter(None, (each.strip() for each in line.split(",")))


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    """What a `Forwarded` header says, up to what can't be read."""
    place = 0
    while match := _PAIR.match(line, place):
        yield match[1].lower(), _unquoted(match[2])
        place = match.end()


def _of(pairs: Iterable[tuple[str, str]], key: str) -> list[str]:
    return [value for name, value in pairs if name == key]


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _authority(netloc: str) -> tuple[str, int | None] | None:
    """Host and, if it is said, port; None for anything that isn't just that, which no browser
    sends."""
    match = _HOST.fullmatch(netloc.strip().lower())
    if match is None:
        return None
    port = int(match["port"]) if match["port"] else None
    return match["name"], port
