"""Machines that sync: servers with our routes, and a remote between them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support import Server, judge, mask, picture

ROUTE = "/grid_pool/profiles/"
# For waiting: what is right comes long before, on the slowest machine too.
PATIENCE = 300.0


def eventually(condition: Callable[[], object]) -> None:
    """Wait for what is about to be."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


class Machine(Server):
    """One machine with Git Pool, and what a person does on it."""

    def connect(self, url: str, token: str | None = None, **more: Any) -> Any:
        answer = self.post(ROUTE + "remote", url=url, token=token, **more)
        assert answer.status == 200, answer.body
        return answer.json

    def start_sync(self, **fields: Any) -> str:
        answer = self.post(ROUTE + "sync", **fields)
        assert answer.status == 202, answer.body
        return answer.json["job"]

    def job(self, job_id: str) -> Any:
        return self.get(ROUTE + "job", id=job_id).json

    def ended(self, job_id: str) -> Any:
        """The job's answer once it has ended."""
        end = time.monotonic() + PATIENCE
        while (job := self.job(job_id))["state"] == "running":
            assert time.monotonic() < end, job
            time.sleep(0.01)
        return job

    def sync(self, profile_id: str, **fields: Any) -> Any:
        """The result of a sync that works."""
        job = self.ended(self.start_sync(id=profile_id, **fields))
        assert job["state"] == "done", job
        return job["result"]

    def failed_sync(self, profile_id: str, **fields: Any) -> Any:
        """The error of a sync that doesn't."""
        job = self.ended(self.start_sync(id=profile_id, **fields))
        assert job["state"] == "failed", job
        return job["error"]

    def fetch(self, branch: str, **fields: Any) -> Any:
        """Get a profile from the remote."""
        job = self.ended(self.start_sync(remote_branch=branch, **fields))
        assert job["state"] == "done", job
        return job["result"]

    def profiles(self) -> dict[str, str]:
        """Ids by name."""
        listed = self.get(ROUTE + "list").json["profiles"]
        return {entry["name"]: entry["id"] for entry in listed}

    def slots(self, profile_id: str) -> list[dict[str, Any]]:
        return self.list(profile_id)["slots"]

    def labels(self, profile_id: str) -> list[str]:
        return [slot["label"] for slot in self.slots(profile_id)]

    def index(self, profile_id: str, image: str) -> int:
        return [slot["image"] for slot in self.slots(profile_id)].index(image)

    def label(self, profile_id: str, index: int, text: str) -> None:
        fields = {"pool_id": profile_id, "index": index, "label": text}
        assert self.post("/grid_pool/label", **fields).status == 200

    def paint(self, profile_id: str, index: int, left: int) -> None:
        assert self.set_mask(profile_id, index, mask(left=left)).status == 200

    def remove(self, profile_id: str, index: int) -> None:
        fields = {"pool_id": profile_id, "index": index}
        assert self.post("/grid_pool/remove", **fields).status == 200

    def reorder(self, profile_id: str, order: list[int]) -> None:
        answer = self.post("/grid_pool/reorder", pool_id=profile_id, order=order)
        assert answer.status == 200, answer.body

    def images(self, profile_id: str) -> list[bytes]:
        """The images' bytes, in order."""
        folder = self.pools / profile_id
        return [(folder / slot["image"]).read_bytes() for slot in self.slots(profile_id)]

    def filled(self, name: str = "Heroes", count: int = 3, first: int = 0) -> str:
        """A new profile with some pictures."""
        profile = self.create(name)
        for number in range(first, first + count):
            self.add(profile, picture(number))
        return profile

    def judge(self, profile_id: str, clean: bool = True) -> None:
        judge(self.pools / profile_id, clean)


def linked(machines: Callable[[str], Machine], tmp_path: Path) -> tuple[Machine, Machine]:
    """Two machines that sync with one folder, `remote.git`, which isn't there yet."""
    one, two = machines("one"), machines("two")
    for machine in (one, two):
        machine.connect(str(tmp_path / "remote.git"))
    return one, two


def picture_bytes(*numbers: int) -> list[bytes]:
    return [picture(number) for number in numbers]


def files_with(folder: Path, text: str) -> list[Path]:
    """Every file below a folder that holds a text."""
    wanted = text.encode()
    return [p for p in folder.rglob("*") if p.is_file() and wanted in p.read_bytes()]
