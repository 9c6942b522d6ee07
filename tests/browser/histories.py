"""Long histories, made by C git itself: many snapshots of one profile, in no time."""

from __future__ import annotations

import io
import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from support import git

_WHO = b"Git Pool <gitpool@localhost>"
_IMAGES = 40


def grow(folder: Path, profile: str, name: str, count: int, now: int, seed: int = 1) -> None:
    """Put `count` snapshots into a profile's empty folder, the newest a minute before `now`
    (seconds since 1970): sittings of edits a few minutes apart, with hours and days between."""
    branch = git(folder, "symbolic-ref", "HEAD")
    stream = io.BytesIO()
    for part in _stream(branch, profile, name, _moments(count, now, seed), seed):
        stream.write(part)
    subprocess.run(
        ["git", "fast-import", "--quiet", "--force"],
        cwd=folder,
        input=stream.getvalue(),
        check=True,
        timeout=300,
    )
    git(folder, "reset", "--hard", "--quiet")


def _moments(count: int, now: int, seed: int) -> list[int]:
    """Times, oldest first."""
    dice = random.Random(seed)
    at, times = now - 60, []
    for _ in range(count):
        times.append(at)
        at -= (
            dice.choice([30, 60, 90, 200, 300])
            if dice.random() < 0.9
            else dice.randrange(3600, 90_000)
        )
    return times[::-1]


def _stream(branch: str, profile: str, name: str, times: list[int], seed: int) -> Iterator[bytes]:
    dice = random.Random(seed)
    yield from _pictures(dice)
    slots: list[dict[str, Any]] = []
    for number, when in enumerate(times):
        changed, text, kind = _edit(slots, number, dice)
        manifest = {"active": 0, "slots": slots, "next_seq": len(times) + 1}
        body = json.dumps(manifest, indent=1).encode()
        said = f"{text}\n\nPool-Profile: {profile}\nPool-Name: {name}\nPool-Snapshot: {kind}\n"
        message = said.encode()
        yield b"commit %s\n" % branch.encode()
        who = b"Mina <mina@example.org>" if number % 53 == 0 else _WHO
        yield b"author %s %d +0000\ncommitter %s %d +0000\n" % (who, when, _WHO, when)
        yield b"data %d\n%s\n" % (len(message), message)
        yield b"".join(changed)
        yield b"M 100644 inline manifest.json\ndata %d\n%s\n" % (len(body), body)


def _pictures(dice: random.Random) -> Iterator[bytes]:
    """Blobs: marks 1 to 40 are images, 41 to 60 masks."""
    for mark in range(1, 61):
        data = _image(dice) if mark <= _IMAGES else _mask(dice)
        yield b"blob\nmark :%d\ndata %d\n%s\n" % (mark, len(data), data)


def _edit(
    slots: list[dict[str, Any]], number: int, dice: random.Random
) -> tuple[list[bytes], str, str]:
    """Change the slots; gives what to tell git, the sentence and the kind."""
    if len(slots) < 6 or (len(slots) < 30 and dice.random() < 0.25):
        image = f"img_{number + 1:04d}.png"
        slots.append({"image": image, "mask": None, "label": "", "added": 0})
        return [b"M 100644 :%d %s\n" % (dice.randint(1, 40), image.encode())], "Add 1 image", "auto"
    slot = dice.choice(slots)
    if len(slots) > 8 and dice.random() < 0.15:
        slots.remove(slot)
        files = [slot["image"], *([slot["mask"]] if slot["mask"] else [])]
        return [b"D %s\n" % file.encode() for file in files], "Remove 1 image", "auto"
    if number % 97 == 0:
        slot["label"] = f"version {number}"
        return [], f"Version {number // 97}", "named"
    if dice.random() < 0.15:
        slot["label"] = f"look {number}"
        return [], "Change 1 label", "auto"
    verb = "Repaint" if slot["mask"] else "Paint"
    slot["mask"] = slot["image"].replace(".png", ".mask.png")
    return (
        [b"M 100644 :%d %s\n" % (dice.randint(41, 60), slot["mask"].encode())],
        f"{verb} 1 mask",
        "auto",
    )


def _image(dice: random.Random) -> bytes:
    picture = Image.new("RGB", (96, 72), tuple(dice.randrange(30, 230) for _ in range(3)))
    draw = ImageDraw.Draw(picture)
    for _ in range(4):
        x, y, r = dice.randrange(96), dice.randrange(72), dice.randrange(8, 30)
        colour = tuple(dice.randrange(256) for _ in range(3))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    return _png(picture)


def _mask(dice: random.Random) -> bytes:
    picture = Image.new("L", (96, 72))
    x, y, r = dice.randrange(96), dice.randrange(72), dice.randrange(12, 34)
    ImageDraw.Draw(picture).ellipse((x - r, y - r, x + r, y + r), fill=255)
    return _png(picture)


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
