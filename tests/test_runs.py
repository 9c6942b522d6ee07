"""One run, one version: whatever is edited while a workflow runs, it sees one state of a pool."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from demo.demo_server import Demo, event, png, with_demo
from machines import Machine
from PIL import Image
from support import Server, git, mask, picture

from gitpool.demo.program import join
from gitpool.errors import Conflict
from gitpool.nodes import build_nodes

PROFILES = "/grid_pool/profiles/"
RED, GREEN, BLUE, GOLD = (200, 0, 0), (0, 160, 0), (0, 0, 220), (230, 180, 0)
SIZE = (8, 6)
Edit = Callable[[], Awaitable[Any]]


class Hold:
    """Passes an image on, and the number 1; waits where a test has shut it."""

    RETURN_TYPES = ("IMAGE", "INT")
    FUNCTION = "go"
    entered = threading.Event()
    opened = threading.Event()

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"images": ("IMAGE",)}}

    @classmethod
    def IS_CHANGED(cls, **_: Any) -> float:  # noqa: N802
        return float("nan")

    def go(self, images: Any) -> tuple[Any, int]:
        self.entered.set()
        assert self.opened.wait(300)
        return images, 1


class Studio:
    """A running demo and what a person does in it."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self.pools = demo.folder / "input" / "grid_pool"

    async def post(self, path: str, **fields: Any) -> Any:
        status, answer = await self.demo.post(path, json=fields)
        assert status == 200, answer
        return answer

    async def form(self, path: str, file: str, data: bytes, **fields: Any) -> Any:
        form = aiohttp.FormData({key: str(value) for key, value in fields.items()})
        form.add_field(file, data, filename="a.png", content_type="image/png")
        status, answer = await self.demo.post(path, data=form)
        assert status == 200, answer
        return answer

    async def profile(self, *colours: Any) -> str:
        made = await self.post(PROFILES + "create", name="Heroes")
        await self.add(made["id"], *colours)
        return str(made["id"])

    async def add(self, pool: str, *colours: Any) -> None:
        for colour in colours:
            data = png("RGB", SIZE, colour)
            await self.form("/grid_pool/add", "image", data, pool_id=pool, ts=1)

    async def remove(self, pool: str, index: int) -> None:
        await self.post("/grid_pool/remove", pool_id=pool, index=index)

    async def paint(self, pool: str, index: int, value: int) -> None:
        data = png("L", SIZE, value)
        await self.form("/grid_pool/set_mask", "mask", data, pool_id=pool, index=index)

    async def queue(self, prompt: dict[str, Any], **more: Any) -> str:
        return str((await self.post("/prompt", prompt=prompt, **more))["prompt_id"])

    async def ended(self, prompt_id: str, before: Any = None) -> dict[str, Any]:
        """The history entry of a run that isn't `before`, an earlier one of the same id."""
        while True:
            _, history = await self.demo.get(f"/history/{prompt_id}")
            if history and history[prompt_id] != before:
                return dict(history[prompt_id])
            await asyncio.sleep(0.01)

    async def run(self, prompt: dict[str, Any], **more: Any) -> dict[str, Any]:
        return await self.ended(await self.queue(prompt, **more))

    async def run_while(self, prompt: dict[str, Any], edit: Edit) -> dict[str, Any]:
        """Run a prompt whose second part waits until the edit is done."""
        Hold.entered.clear()
        Hold.opened.clear()
        try:
            prompt_id = await self.queue(prompt)
            assert await asyncio.to_thread(Hold.entered.wait, 60)
            await edit()
        finally:
            Hold.opened.set()
        return await self.ended(prompt_id)

    async def shown(self, entry: dict[str, Any], node: str) -> tuple[int, int, int]:
        """The colour that a preview shows."""
        assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
        name = entry["outputs"][node]["images"][0]["filename"]
        _, data = await self.demo.get(f"/view?type=temp&filename={name}")
        with Image.open(io.BytesIO(data)) as image:
            return image.convert("RGB").getpixel((0, 0))  # type: ignore[return-value]

    async def seen(self, entry: dict[str, Any]) -> dict[str, Any]:
        """What a run of `workflow` gave on both sides of what held it up."""
        return {
            "first": await self.shown(entry, "3"),
            "second": await self.shown(entry, "5"),
            "mask": (await self.shown(entry, "7"))[0],
            "label": entry["outputs"]["8"]["text"][0],
            "count": entry["outputs"]["9"]["text"][0],
        }


def workflow(pool: str, wiring: str = "linked", index: int = 1) -> dict[str, Any]:
    """Two Image Pools of one pool, and between them something slow.

    wiring: `linked` has the second one's index come from what is slow, `constant` hasn't,
    and `profile` has a Pool Profile feed both.
    """
    prompt: dict[str, Any] = {
        "1": {"class_type": "GridImagePool", "inputs": {"index": 0, "pool_id": pool}},
        "2": {"class_type": "Hold", "inputs": {"images": ["1", 0]}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
        "4": {"class_type": "GridImagePool", "inputs": {"index": index, "pool_id": pool}},
        "5": {"class_type": "PreviewImage", "inputs": {"images": ["4", 0]}},
        "6": {"class_type": "MaskToImage", "inputs": {"mask": ["4", 1]}},
        "7": {"class_type": "PreviewImage", "inputs": {"images": ["6", 0]}},
        "8": {"class_type": "PreviewAny", "inputs": {"source": ["4", 4]}},
        "9": {"class_type": "PreviewAny", "inputs": {"source": ["4", 3]}},
    }
    if wiring == "linked":
        prompt["4"]["inputs"]["index"] = ["2", 1]
    if wiring == "profile":
        prompt["0"] = {
            "class_type": "PoolProfile",
            "inputs": {"profile": "Heroes", "profile_id": pool},
        }
        for node in ("1", "4"):
            prompt[node]["inputs"]["profile"] = ["0", 0]
    return prompt


@pytest.fixture
def studio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Studio], Awaitable[None]]], None]:
    """Runs a test in a demo where nothing is snapshotted by itself."""
    monkeypatch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
    Hold.opened.set()

    def run(test: Callable[[Studio], Awaitable[None]]) -> None:
        async def limited(demo: Demo) -> None:
            await asyncio.wait_for(test(Studio(demo)), 300)

        with_demo(tmp_path, limited, setup=lambda host: {**join(host), "Hold": Hold})

    return run


@pytest.mark.parametrize("wiring", ["linked", "constant", "profile"])
def test_a_restore_while_a_run_is_under_way_shows_in_the_next(studio: Any, wiring: str) -> None:
    async def check(person: Studio) -> None:
        pool = await person.profile(RED, GREEN)
        first = await person.post(PROFILES + "snapshot", id=pool)
        for _ in range(2):
            await person.remove(pool, 0)
        await person.add(pool, BLUE, GOLD)
        prompt = workflow(pool, wiring)

        async def restore() -> None:
            await person.post(PROFILES + "restore", id=pool, snapshot=first["snapshot"]["id"])

        held = await person.seen(await person.run_while(prompt, restore))
        assert (held["first"], held["second"]) == (BLUE, GOLD)
        after = await person.run(prompt)
        assert not set(event(after, "execution_cached")["nodes"]) & {"1", "4"}
        seen = await person.seen(after)
        assert (seen["first"], seen["second"]) == (RED, GREEN)
        again = await person.run(prompt)
        assert "1" in event(again, "execution_cached")["nodes"]
        assert await person.seen(again) == seen

    studio(check)


def test_every_edit_of_a_profile_waits_for_the_next_run(studio: Any) -> None:
    async def check(person: Studio) -> None:
        pool = await person.profile(RED, GREEN)
        await person.paint(pool, 1, 255)
        prompt = workflow(pool)
        now = {"first": RED, "second": GREEN, "mask": 255, "label": "", "count": "2"}

        async def edits_then(edit: Edit, **changes: Any) -> None:
            nonlocal now
            assert await person.seen(await person.run_while(prompt, edit)) == now
            now = {**now, **changes}
            assert await person.seen(await person.run(prompt)) == now

        await edits_then(lambda: person.paint(pool, 1, 51), mask=51)
        form = {"pool_id": pool, "index": 1}
        await edits_then(lambda: person.post("/grid_pool/label", **form, label="hat"), label="hat")
        await edits_then(lambda: person.add(pool, BLUE), count="3")
        reorder = {"pool_id": pool, "order": [2, 1, 0]}
        await edits_then(lambda: person.post("/grid_pool/reorder", **reorder), first=BLUE)
        await edits_then(lambda: person.remove(pool, 1), second=RED, mask=0, label="", count="2")

        async def remove_all() -> None:
            await person.remove(pool, 0)
            await person.remove(pool, 0)

        black = (0, 0, 0)
        await edits_then(remove_all, first=black, second=black, count="0")

    studio(check)


def test_the_active_image_is_the_run_s_own(studio: Any) -> None:
    async def check(person: Studio) -> None:
        pool = await person.profile(RED, GREEN)
        prompt = workflow(pool, "constant", index=-1)

        async def choose() -> None:
            await person.post("/grid_pool/active", pool_id=pool, index=1)

        assert (await person.seen(await person.run_while(prompt, choose)))["second"] == RED
        assert (await person.seen(await person.run(prompt)))["second"] == GREEN

    studio(check)


@pytest.mark.parametrize("saved", [True, False])
def test_a_file_that_somebody_took_away_is_found_or_the_run_says_so(
    studio: Any, saved: bool
) -> None:
    async def check(person: Studio) -> None:
        pool = await person.profile(RED, GREEN, BLUE)
        if saved:
            await person.post(PROFILES + "snapshot", id=pool)
        prompt = workflow(pool)

        async def take_away() -> None:
            (person.pools / pool / "img_0002.png").unlink()
            await person.post("/grid_pool/label", pool_id=pool, index=0, label="x")

        held = await person.run_while(prompt, take_away)
        if saved:
            seen = await person.seen(held)
            assert (seen["first"], seen["second"], seen["count"]) == (RED, GREEN, "3")
        else:
            said = event(held, "execution_error")["exception_message"]
            assert "img_0002.png" in said
            assert "changed while the run was under way" in said
        after = await person.seen(await person.run(prompt))
        assert (after["first"], after["second"], after["count"]) == (RED, BLUE, "2")

    studio(check)


def test_a_file_painted_over_in_place_is_never_taken_for_the_old_one(studio: Any) -> None:
    async def check(person: Studio) -> None:
        pool = await person.profile(RED, GREEN)
        await person.post(PROFILES + "snapshot", id=pool)
        path = person.pools / pool / "img_0002.png"

        async def paint_over() -> None:
            path.write_bytes(png("RGB", SIZE, GOLD))

        prompt = workflow(pool)
        assert (await person.seen(await person.run_while(prompt, paint_over)))["second"] == GREEN
        assert (await person.seen(await person.run(prompt)))["second"] == GOLD

    studio(check)


def test_a_profile_deleted_meanwhile_is_whole_until_the_run_ends(studio: Any) -> None:
    async def check(person: Studio) -> None:
        pool = await person.profile(RED, GREEN)
        prompt = workflow(pool, "profile")

        async def delete() -> None:
            await person.post(PROFILES + "delete", id=pool)

        seen = await person.seen(await person.run_while(prompt, delete))
        assert (seen["first"], seen["second"]) == (RED, GREEN)
        status, answer = await person.demo.post("/prompt", json={"prompt": prompt})
        assert status == 400
        assert "“Heroes”" in str(answer)

    studio(check)


def test_a_plain_pool_is_one_version_or_the_run_says_so(studio: Any) -> None:
    async def check(person: Studio) -> None:
        pool = "plain"
        await person.add(pool, RED, GREEN, BLUE)
        await person.paint(pool, 1, 255)
        prompt = workflow(pool)
        label = {"pool_id": pool, "index": 1, "label": "hat"}
        held = await person.run_while(prompt, lambda: person.post("/grid_pool/label", **label))
        seen = await person.seen(held)
        assert (seen["second"], seen["mask"], seen["label"]) == (GREEN, 255, "")
        edits: list[tuple[Edit, dict[str, Any]]] = [
            (lambda: person.paint(pool, 1, 51), {"second": GREEN, "mask": 51}),
            (lambda: person.remove(pool, 1), {"second": BLUE, "mask": 0}),
        ]
        before = {"second": GREEN, "mask": 255}
        for edit, after in edits:
            held = await person.run_while(prompt, edit)
            if held["status"]["status_str"] == "success":
                seen = await person.seen(held)
                assert before.items() <= seen.items()
            else:
                said = event(held, "execution_error")["exception_message"]
                assert "changed while the run was under way" in said
            assert after.items() <= (await person.seen(await person.run(prompt))).items()
            before = after
        assert not (person.pools / pool / ".git").exists()

    studio(check)


def test_a_prompt_sent_again_under_its_id_is_another_run(studio: Any) -> None:
    async def check(person: Studio) -> None:
        pool = await person.profile(RED, GREEN)
        prompt = workflow(pool)
        entry = await person.run(prompt, prompt_id="again")
        assert (await person.seen(entry))["first"] == RED
        await person.remove(pool, 0)
        await person.queue(prompt, prompt_id="again")
        seen = await person.seen(await person.ended("again", before=entry))
        assert (seen["first"], seen["count"]) == (GREEN, "1")

    studio(check)


class Present:
    """The nodes of a server, and which run they are told is under way."""

    def __init__(self, server: Server) -> None:
        self.run: str | None = None
        self.nodes = build_nodes(server.service, server.host.to_tensor, lambda: self.run)

    def give(self, **inputs: Any) -> Any:
        return self.nodes["GridImagePool"]().run(**inputs)

    def key(self, **inputs: Any) -> Any:
        return self.nodes["GridImagePool"].IS_CHANGED(**inputs)


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float32)[None] / np.float32(255)


def test_what_a_run_is_asked_first_is_what_it_gets(server: Server) -> None:
    present, profile = Present(server), server.create("p")
    server.add(profile, picture(0))
    server.add(profile, picture(1))
    look = {"index": 0, "pool_id": profile}
    present.run = "one"
    key = present.key(**look)
    vouched = present.nodes["PoolProfile"].IS_CHANGED("p", profile)
    server.post("/grid_pool/remove", pool_id=profile, index=0)
    assert present.key(**look) == key
    assert present.nodes["PoolProfile"].IS_CHANGED("p", profile) == vouched
    assert np.array_equal(present.give(**look)[0], pixels(picture(0)))
    present.run = "two"
    assert present.key(**look) != key
    assert present.nodes["PoolProfile"].IS_CHANGED("p", profile) != vouched
    assert np.array_equal(present.give(**look)[0], pixels(picture(1)))
    present.run = None
    server.add(profile, picture(2))
    assert present.give(**look)[3] == 2


def test_a_pool_that_was_empty_stays_so_for_the_run(server: Server) -> None:
    present = Present(server)
    present.run = "one"
    key = present.key(pool_id="later")
    server.add("later", picture())
    assert present.key(pool_id="later") == key
    assert present.give(pool_id="later")[3] == 0
    present.run = "two"
    assert present.give(pool_id="later")[3] == 1
    assert present.key(pool_id="later") != key


def test_only_the_last_runs_are_remembered(server: Server) -> None:
    present = Present(server)
    server.add("p", picture(0))
    for run in ("one", "two", "three"):
        present.run = run
        assert present.give(pool_id="p")[3] == 1
    server.add("p", picture(1))
    assert present.give(pool_id="p")[3] == 1
    present.run = "one"
    assert present.give(pool_id="p")[3] == 2


def test_a_sync_while_a_run_is_under_way_shows_in_the_next(
    machines: Callable[[str], Machine], tmp_path: Path
) -> None:
    first, second = machines("first"), machines("second")
    for machine in (first, second):
        machine.connect(str(tmp_path / "remote.git"))
    profile = first.filled("Heroes", 3)
    first.paint(profile, 1, 5)
    first.sync(profile)
    second.fetch("Heroes")
    first.remove(profile, 0)
    first.paint(profile, 0, 11)
    first.sync(profile)
    second.add(profile, picture(9))
    second.paint(profile, 2, 7)

    present = Present(second)
    present.run = "one"
    places = [{"index": i, "pool_id": profile} for i in range(4)]
    keys = [present.key(**place) for place in places]
    assert second.sync(profile)["status"] == "merged"
    held = [present.give(**place) for place in places]
    assert [present.key(**place) for place in places] == keys
    for number, given in zip((0, 1, 2, 9), held, strict=True):
        assert np.array_equal(given[0], pixels(picture(number)))
        assert given[3] == 4
    assert [int(given[1].sum()) for given in held] == [0, 5 * 16, 7 * 16, 0]
    present.run = "two"
    after = [present.give(index=i, pool_id=profile) for i in range(3)]
    assert [given[3] for given in after] == [3, 3, 3]
    assert [int(given[1].sum()) for given in after] == [11 * 16, 7 * 16, 0]


def test_threads_of_one_run_agree_while_somebody_restores(server: Server) -> None:
    present, profile = Present(server), server.create("p")
    for seed in (0, 1):
        server.add(profile, picture(seed))
    old = server.snapshot(profile)["id"]
    for _ in range(2):
        server.post("/grid_pool/remove", pool_id=profile, index=0)
    for seed in (2, 3):
        server.add(profile, picture(seed))
    server.set_mask(profile, 0, mask())
    new = server.snapshot(profile)["id"]
    versions = [[pixels(picture(seed)) for seed in pair] for pair in ((0, 1), (2, 3))]
    start = threading.Barrier(5)
    gave: list[tuple[str, int, Any, Any]] = []

    def look(index: int) -> None:
        start.wait(300)
        for number in range(20):
            run = f"run {number}"
            image = runs[run].give(index=index, pool_id=profile)[0]
            gave.append((run, index, image, runs[run].key(index=index, pool_id=profile)))

    # Each run its own eyes: threads come to a run at different times.
    runs = {f"run {number}": Present(server) for number in range(20)}
    for run, eyes in runs.items():
        eyes.run = run
    threads = [threading.Thread(target=look, args=(i % 2,)) for i in range(4)]
    for thread in threads:
        thread.start()
    start.wait(300)
    for number in range(8):
        snapshot = old if number % 2 == 0 else new
        fields = {"id": profile, "snapshot": snapshot}
        assert server.post(PROFILES + "restore", **fields).status == 200
    for thread in threads:
        thread.join(300)
    assert len(gave) == 80
    for run in runs:
        seen = [(i, image, key) for each, i, image, key in gave if each == run]
        which = {
            next(v for v in (0, 1) if np.array_equal(versions[v][i], image)) for i, image, _ in seen
        }
        assert len(which) == 1
        assert len({(i, key) for i, _, key in seen}) == 2
    assert present.give(index=0, pool_id=profile)[3] == 2


def test_bytes_that_are_gone_for_good_are_never_replaced_by_others(server: Server) -> None:
    present = Present(server)
    server.add("p", picture(0))
    present.run = "one"
    present.key(index=0, pool_id="p")
    (server.pools / "p" / "img_0001.png").write_bytes(picture(1))
    with pytest.raises(Conflict, match="Run it again"):
        present.give(index=0, pool_id="p")
    present.run = "two"
    assert np.array_equal(present.give(index=0, pool_id="p")[0], pixels(picture(1)))


def test_bytes_that_an_edit_kept_for_its_undo_serve_the_run(server: Server) -> None:
    present = Present(server)
    server.add("p", picture(0))
    present.run = "one"
    present.key(index=0, pool_id="p")
    image = server.pools / "p" / "img_0001.png"
    kept = server.pools / ".gitpool" / "undo" / "p"
    kept.mkdir(parents=True, exist_ok=True)
    image.rename(kept / git(server.pools, "hash-object", "--no-filters", str(image)))
    assert np.array_equal(present.give(index=0, pool_id="p")[0], pixels(picture(0)))
