"""Every route, with a request that would be good, and what each of its fields is.

A field's kind says which values it may have; whatever else it gets is refused. A value that a
field may have isn't tried: it would change something, as it should.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitpool.identifiers import check_name, check_text
from gitpool.pool.manifest import LABEL_LIMIT

P = "/grid_pool/profiles/"
ABSENT = "never-made"


@dataclass(frozen=True)
class Route:
    """good: the fields of a request that works; kinds: what they are. form: it is multipart, and
    this is its file's field. optional: fields that the good request doesn't have."""

    good: Mapping[str, Any]
    kinds: Mapping[str, str] = field(default_factory=dict)
    form: str = ""


def routes(profile: str, other: str, snapshot: str, blob: str) -> dict[tuple[str, str], Route]:
    """By method and path. profile: one with two images, saved as `snapshot`; other: an empty
    one; blob: the first image's content."""
    pool, own = {"pool_id": profile}, {"id": profile}
    slot, snap = {**pool, "index": 0}, {**own, "snapshot": snapshot}
    at = {"pool_id": "id", "index": "index", "image": "image?"}
    one, which = {"id": "profile"}, {"id": "profile", "snapshot": "snapshot"}
    url = "https://git.invalid/x.git"
    found = {
        ("POST", "/grid_pool/add"): Route({**pool, "ts": 5}, {"pool_id": "id", "ts": "number"}),
        ("POST", "/grid_pool/set_mask"): Route(slot, {"pool_id": "id", "index": "index"}),
        ("POST", "/grid_pool/remove"): Route(slot, {**at, "images": "images"}),
        ("POST", "/grid_pool/active"): Route(slot, at),
        ("POST", "/grid_pool/label"): Route({**slot, "label": "x"}, {**at, "label": "label"}),
        ("POST", "/grid_pool/reorder"): Route(
            {**pool, "order": [1, 0]}, {"pool_id": "id", "order": "order"}
        ),
        ("POST", "/grid_pool/undo"): Route(pool, {"pool_id": "id"}),
        ("POST", "/grid_pool/redo"): Route(pool, {"pool_id": "id"}),
        ("POST", P + "create"): Route({"name": "new"}, {"name": "name"}),
        ("POST", P + "rename"): Route({**own, "name": "new"}, {**one, "name": "name"}),
        ("POST", P + "delete"): Route(own, {**one, "forever": "flag?"}),
        ("POST", P + "undelete"): Route(own, one),
        ("POST", P + "duplicate"): Route({**own, "name": "new"}, {**one, "name": "name"}),
        ("POST", P + "adopt"): Route(
            {"pool_id": "plain", "name": "new"}, {"pool_id": "profile", "name": "name"}
        ),
        ("POST", P + "seed"): Route(
            {"from": "plain", "id": other}, {"from": "profile", "id": "profile"}
        ),
        ("POST", P + "branch_off"): Route({**snap, "name": "new"}, {**which, "name": "name"}),
        ("POST", P + "snapshot"): Route(own, {**one, "message": "label?", "auto": "flag?"}),
        ("POST", P + "restore"): Route(snap, {**which, "images": "images?", "what": "never?"}),
        ("POST", P + "lock"): Route(
            {**snap, "locked": True},
            {**which, "locked": "flag", "message": "label?", "note": "label?"},
        ),
        ("POST", P + "import"): Route({}, {"name": "name"}),
        ("POST", P + "remote"): Route(
            {"url": url}, {"id": "profile?", "url": "url?", "auto_sync": "flag?"}
        ),
        ("POST", P + "remote/test"): Route({"url": url}, {"id": "profile?", "url": "url"}),
        ("POST", P + "remote/delete"): Route({"remote_branch": "x"}, {"remote_branch": "never"}),
        ("POST", P + "sync"): Route(own, {**one, "again": "flag?", "copy": "free"}),
        ("POST", P + "cancel"): Route({"job": "x"}, {"job": "profile"}),
        ("POST", P + "resolve"): Route(
            {**own, "conflict": "x", "choice": "mine"},
            {**one, "conflict": "never", "choice": "never"},
        ),
        ("POST", P + "compact"): Route(
            {**own, "keep": {"newest": 1}, "dry_run": True},
            {**one, "keep": "keep", "dry_run": "flag?", "background": "flag?"},
        ),
        ("GET", "/grid_pool/list"): Route(pool, {"pool_id": "id"}),
        ("GET", "/grid_pool/thumb"): Route(
            {**pool, "name": "img_0001.png"},
            {"pool_id": "id", "name": "image", "size": "size", "snapshot": "snapshot?"},
        ),
        ("GET", "/grid_pool/layers"): Route(
            {**pool, "filename": "img_0001.png"},
            {"pool_id": "id", "filename": "image", "channel": "free"},
        ),
        ("GET", P + "list"): Route({}),
        ("GET", P + "history"): Route(
            own, {**one, "limit": "number", "before": "snapshot?", "q": "free", "auto": "free"}
        ),
        ("GET", P + "look"): Route(own, {**one, "snapshot": "now"}),
        ("GET", P + "diff"): Route(
            {**own, "from": snapshot, "to": "now"}, {**one, "from": "snapshot", "to": "now"}
        ),
        ("GET", P + "export"): Route(own, {**one, "format": "never"}),
        ("GET", P + "storage"): Route(own, one),
        ("GET", P + "remote"): Route({}, {"id": "profile?"}),
        ("GET", P + "remote/profiles"): Route({}),
        ("GET", P + "remote/thumb"): Route({"blob": blob}, {"blob": "snapshot"}),
        ("GET", P + "job"): Route({"id": "x"}, one),
        ("GET", P + "conflicts"): Route(own, one),
    }
    forms = {"/grid_pool/add": "image", "/grid_pool/set_mask": "mask", P + "import": "file"}
    return {
        (method, path): Route(route.good, route.kinds, forms.get(path, ""))
        for (method, path), route in found.items()
    }


def _accepts(check: Callable[[Any], Any], value: Any) -> bool:
    try:
        check(value)
    except Exception:
        return False
    return True


def _is_whole(value: Any) -> bool:
    return _accepts(int, value) if isinstance(value, str) else isinstance(value, int)


def may_be(kind: str, value: Any, in_query: bool) -> bool:
    """Whether a field of that kind may have the value. In a query, or a form, all is text, and
    an empty one may be as good as none."""
    if kind.endswith("?") and (value is None or (in_query and value == "")):
        return True
    match kind.rstrip("?"):
        case "id":
            plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][\w-]{0,63}", value, re.A)
            return bool(plain)
        case "profile" | "snapshot" | "never" | "order" | "images":
            return False  # none of the payloads is one that there is
        case "name":
            return _accepts(check_name, value) or (in_query and value == "")
        case "label":
            return _accepts(lambda text: check_text(text, "label", LABEL_LIMIT), value)
        case "flag":
            return isinstance(value, bool)
        case "index":
            whole = _is_whole(value) and (in_query or not isinstance(value, bool))
            return whole and 0 <= int(value) < 2
        case "number" | "size":
            return _is_whole(value)
        case "now":
            return value == "now"
        case "free":
            return True
        case "keep":
            return value in (None, {})
        case "image" | "url":
            return False
    raise AssertionError(kind)
