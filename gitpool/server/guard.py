"""Who may change something: our own page and plain scripts, not what another site's page sends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from aiohttp import web

from ..errors import Foreign, Malformed
from . import origins

_BODIES = ("application/json", "multipart/form-data")
_OWN_SITES = {"same-origin", "none"}
_LONGEST_SHOWN = 120

# The origins that whoever runs the server trusts. Asked for at each request that needs them, so
# that nothing has to be started anew.
TRUSTED: web.AppKey[Callable[[], Awaitable[Iterable[str]]]] = web.AppKey("gitpool_trusted")


async def check_caller(request: web.Request) -> None:
    """Let our own page and plain scripts pass; raise Foreign for what a browser marks as
    another site's, Malformed for a body that such a site could send without asking first."""
    sites = {site.strip().lower() for site in request.headers.getall("Sec-Fetch-Site", ())} - {""}
    sent = [origin.strip() for origin in request.headers.getall("Origin", ())]
    if not await _may_come(request, sites, sent):
        raise _foreign(sent)
    if request.content_type not in _BODIES or "Content-Type" not in request.headers:
        raise Malformed("bad_content_type", "Send JSON or multipart form data.")


async def _may_come(request: web.Request, sites: set[str], sent: Sequence[str]) -> bool:
    # A frame without an origin of its own is nobody's, whatever else is said of it.
    if "null" in (origin.lower() for origin in sent):
        return False
    # No page can write this header: where the browser sends it, it alone decides.
    if sites:
        return sites <= _OWN_SITES
    found = [origins.parse(origin) for origin in sent]
    own = [origin for origin in found if origin and origins.is_own(origin, request.headers)]
    if len(own) == len(sent):
        return True
    read = request.config_dict.get(TRUSTED)
    trusted = {origins.parse_trusted(text) for text in await read()} if read else set()
    return all(origin in own or (origin and origin in trusted) for origin in found)


def _foreign(sent: Sequence[str]) -> Foreign:
    """What a person is told: which address it was, and where to say that it is their own."""
    named = ", ".join(f"“{_shown(origin)}”" for origin in sent)
    return Foreign(
        "foreign_page",
        f"This request comes from another web page{f', {named}' if named else ''}, "
        "so it was refused.",
        "If that is where you open ComfyUI, have the proxy before it send X-Forwarded-Host, or "
        "name it in “trusted_origins” in Git Pool's settings.json, or in "
        "GITPOOL_TRUSTED_ORIGINS. If not, open ComfyUI itself and try again.",
    )


def _shown(origin: str) -> str:
    """Somebody else's words, so that they can be shown and logged: browsers write plain ASCII."""
    plain = "".join(c if "!" <= c <= "~" else "?" for c in origin)
    return plain if len(plain) <= _LONGEST_SHOWN else plain[:_LONGEST_SHOWN] + "…"
