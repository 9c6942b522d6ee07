"""The queue: what waits, runs and is over; how it is put in order, cut short and forgotten."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gitpool.demo import jobs as jobs_module

from .demo_server import Demo, Picky, event, with_demo


class Gate:
    """Holds the run until the test lets it go on."""

    RETURN_TYPES = ("INT",)
    FUNCTION = "go"
    entered: ClassVar[threading.Event]
    opened: ClassVar[threading.Event]

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"value": ("INT", {})}}

    def go(self, value: int) -> tuple[int]:
        self.entered.set()
        assert self.opened.wait(300)
        return (value,)


def with_held(tmp_path: Path, test: Callable[[Demo, Gate], Awaitable[None]]) -> None:
    """Run `test` while the job “first” is held at its gate."""
    events = {"entered": threading.Event(), "opened": threading.Event()}
    gate: Any = type("Gate", (Gate,), events)

    async def check(demo: Demo) -> None:
        try:
            await put(demo, "first", 1)
            assert await asyncio.to_thread(gate.entered.wait, 5)
            await test(demo, gate)
        finally:
            gate.opened.set()

    with_demo(tmp_path, check, setup=lambda host: {"Gate": gate})


def held(value: int) -> dict[str, Any]:
    return {
        "1": {"class_type": "Gate", "inputs": {"value": value}},
        "2": {"class_type": "Picky", "inputs": {"word": "fine", "number": ["1", 0]}},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
    }


async def put(demo: Demo, name: str, value: int, **more: Any) -> dict[str, Any]:
    body = {"prompt": held(value), "prompt_id": name, **more}
    status, answer = await demo.post("/prompt", json=body)
    assert status == 200, answer
    assert answer["prompt_id"] == name
    return answer


async def queued(demo: Demo) -> tuple[list[str], list[str]]:
    """The names of what runs and of what waits."""
    _, queue = await demo.get("/api/queue")
    running, pending = queue["queue_running"], queue["queue_pending"]
    return [each[1] for each in running], [each[1] for each in pending]


async def history(demo: Demo, query: str = "") -> list[str]:
    return list((await demo.get("/history" + query))[1])


async def all_done(demo: Demo) -> None:
    for _ in range(30_000):
        if (await demo.get("/prompt"))[1]["exec_info"]["queue_remaining"] == 0:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the queue did not come to its end")


def test_what_waits_is_shown_and_can_be_taken_out(tmp_path: Path) -> None:
    async def check(demo: Demo, gate: Gate) -> None:
        for value, name in enumerate(("second", "third", "fourth"), 2):
            await put(demo, name, value)
        assert await queued(demo) == (["first"], ["second", "third", "fourth"])
        assert (await demo.get("/prompt"))[1] == {"exec_info": {"queue_remaining": 4}}
        assert (await demo.post("/queue", json={"delete": ["third", "first"]}))[0] == 200
        assert await queued(demo) == (["first"], ["second", "fourth"])
        assert (await demo.post("/queue", json={"clear": True}))[0] == 200
        assert await queued(demo) == (["first"], [])
        assert (await demo.post("/free", json={"unload_models": True}))[0] == 200
        gate.opened.set()
        await all_done(demo)
        assert await history(demo) == ["first"]

    with_held(tmp_path, check)


def test_the_lowest_number_runs_first(tmp_path: Path) -> None:
    async def check(demo: Demo, gate: Gate) -> None:
        await put(demo, "usual", 2)
        await put(demo, "front", 3, front=True)
        assert (await put(demo, "given", 4, number=-50))["number"] == -50
        assert await queued(demo) == (["first"], ["given", "front", "usual"])
        gate.opened.set()
        await all_done(demo)
        assert await history(demo) == ["first", "given", "front", "usual"]

    with_held(tmp_path, check)


@pytest.mark.parametrize("body", [{}, {"json": {}}, {"json": {"prompt_id": "first"}}])
def test_an_interrupt_ends_the_run_before_its_next_node(tmp_path: Path, body: dict) -> None:
    async def check(demo: Demo, gate: Gate) -> None:
        await put(demo, "second", 2)
        assert (await demo.post("/interrupt", **body))[0] == 200
        gate.opened.set()
        await all_done(demo)
        _, ended = await demo.get("/history")
        stopped = event(ended["first"], "execution_interrupted")
        assert (stopped["node_id"], stopped["node_type"]) == ("2", "Picky")
        assert stopped["executed"] == ["1"]
        assert ended["first"]["status"]["completed"] is False
        # The next one isn't stopped by what was meant for this one.
        assert ended["second"]["outputs"]["3"] == {"text": ["2"]}
        assert [seen["number"] for seen in Picky.seen] == [2]

    with_held(tmp_path, check)


def test_an_interrupt_for_another_run_is_nothing_to_this_one(tmp_path: Path) -> None:
    async def check(demo: Demo, gate: Gate) -> None:
        await demo.post("/interrupt", json={"prompt_id": "unheard"})
        gate.opened.set()
        await all_done(demo)
        await demo.post("/interrupt")  # nothing runs: nothing to stop, and none stored up
        await put(demo, "second", 2)
        await all_done(demo)
        _, ended = await demo.get("/history")
        assert [each["status"]["status_str"] for each in ended.values()] == ["success"] * 2

    with_held(tmp_path, check)


def test_jobs_tell_of_every_state(tmp_path: Path) -> None:
    async def check(demo: Demo, gate: Gate) -> None:
        named = {"extra_pnginfo": {"workflow": {"id": "my-workflow"}}}
        await put(demo, "second", 2, extra_data=named)
        _, one = await demo.get("/jobs/first")
        assert (one["id"], one["status"], one["outputs"]) == ("first", "in_progress", {})
        assert one["workflow"]["prompt"] == held(1)
        assert one["execution_start_time"] >= one["create_time"]
        assert one["execution_end_time"] is None
        _, other = await demo.get("/api/jobs/second")
        assert (other["status"], other["workflow_id"]) == ("pending", "my-workflow")
        assert other["execution_start_time"] is None
        gate.opened.set()
        await all_done(demo)
        _, done = await demo.get("/jobs/second")
        assert done["status"] == "completed"
        assert done["outputs"]["3"] == {"text": ["2"]}
        assert done["execution_status"]["completed"] is True
        assert done["update_time"] == done["execution_end_time"]
        assert (await demo.get("/jobs/unheard"))[0] == 404

    with_held(tmp_path, check)


@pytest.mark.parametrize("singly", [True, False])
def test_jobs_are_cancelled_whether_they_wait_or_run(tmp_path: Path, singly: bool) -> None:
    async def check(demo: Demo, gate: Gate) -> None:
        for value, name in enumerate(("second", "third"), 2):
            await put(demo, name, value)
        if singly:
            for name in ("first", "second"):
                answer = await demo.post(f"/jobs/{name}/cancel")
                assert answer == (200, {"cancelled": [name]})
        else:
            answer = await demo.post("/jobs/cancel", json={"job_ids": ["second", "first"]})
            assert answer == (200, {"cancelled": ["first", "second"]})
        assert await queued(demo) == (["first"], ["third"])
        gate.opened.set()
        await all_done(demo)
        _, listed = await demo.get("/jobs?sort_order=asc")
        states = {job["id"]: job["status"] for job in listed["jobs"]}
        assert states == {"first": "cancelled", "third": "completed"}

    with_held(tmp_path, check)


def test_jobs_and_history_come_in_pages(tmp_path: Path) -> None:
    async def check(demo: Demo, gate: Gate) -> None:
        for value, name in enumerate(("second", "third"), 2):
            await put(demo, name, value)
        gate.opened.set()
        await all_done(demo)
        _, page = await demo.get("/jobs?sort_order=asc&limit=1&offset=1")
        assert [job["id"] for job in page["jobs"]] == ["second"]
        assert page["pagination"] == {"offset": 1, "limit": 1, "total": 3, "has_more": True}
        _, rest = await demo.get("/jobs?limit=2&offset=1")
        assert [job["id"] for job in rest["jobs"]] == ["second", "first"]
        assert rest["pagination"]["has_more"] is False
        assert (await demo.get("/jobs?limit=all"))[0] == 400
        assert await history(demo, "?max_items=2") == ["second", "third"]
        assert await history(demo, "?max_items=1&offset=0") == ["first"]
        assert await history(demo, "?offset=1") == ["second", "third"]
        assert (await demo.get("/history?max_items=all"))[0] == 400

    with_held(tmp_path, check)


def test_history_is_forgotten_one_by_one_or_all(tmp_path: Path) -> None:
    async def check(demo: Demo, gate: Gate) -> None:
        for value, name in enumerate(("second", "third"), 2):
            await put(demo, name, value)
        gate.opened.set()
        await all_done(demo)
        assert (await demo.post("/history", json={"delete": ["second", "unheard"]}))[0] == 200
        assert await history(demo) == ["first", "third"]
        assert (await demo.get("/history/second"))[1] == {}
        assert (await demo.post("/history", json={"clear": True}))[0] == 200
        assert await history(demo) == []

    with_held(tmp_path, check)


def test_a_long_history_loses_its_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "LONGEST_HISTORY", 2)

    async def check(demo: Demo, gate: Gate) -> None:
        gate.opened.set()
        for value, name in enumerate(("second", "third"), 2):
            await put(demo, name, value)
        await all_done(demo)
        assert await history(demo) == ["second", "third"]

    with_held(tmp_path, check)


def test_keys_to_paid_services_are_not_kept(tmp_path: Path) -> None:
    async def check(demo: Demo, gate: Gate) -> None:
        extra = {"api_key_comfy_org": "s3cret", "auth_token_comfy_org": "s3cret", "kept": 1}
        await put(demo, "second", 2, extra_data=extra, client_id="page")
        gate.opened.set()
        await all_done(demo)
        _, entry = await demo.get("/history/second")
        assert entry["second"]["prompt"][3] == {"kept": 1, "client_id": "page"}

    with_held(tmp_path, check)


def test_the_queue_survives_a_failure_of_the_runner_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def check(demo: Demo) -> None:
        prompt = {"1": {"class_type": "PreviewAny", "inputs": {"source": "x"}}}
        whole = demo.runner.run

        def broken(*given: Any) -> None:
            demo.runner.run = whole
            raise RuntimeError("the runner broke")

        demo.runner.run = broken
        failed = await demo.run(prompt)
        assert failed["status"]["status_str"] == "error"
        assert "the runner broke" in caplog.text
        assert (await demo.run(prompt))["outputs"]["1"] == {"text": ["x"]}

    with_demo(tmp_path, check)


@pytest.mark.parametrize("body", [{}, {"prompt": None}, {"prompt": []}])
def test_without_a_prompt_nothing_is_queued(tmp_path: Path, body: dict) -> None:
    async def check(demo: Demo) -> None:
        status, answer = await demo.post("/prompt", json=body)
        assert status == 400
        assert answer["error"]["type"] == "no_prompt"
        assert answer["node_errors"] == {}

    with_demo(tmp_path, check)


def test_only_the_outputs_asked_for_run(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        prompt = {
            each: {"class_type": "PreviewAny", "inputs": {"source": each}} for each in ("1", "2")
        }
        body = {"prompt": prompt, "partial_execution_targets": ["2"], "prompt_id": "part"}
        assert (await demo.post("/prompt", json=body))[0] == 200
        await all_done(demo)
        _, entry = await demo.get("/history/part")
        assert entry["part"]["outputs"] == {"2": {"text": ["2"]}}

    with_demo(tmp_path, check)


ADDRESSES = ("/prompt", "/queue", "/interrupt", "/history", "/jobs/cancel", "/settings")


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_no_request_is_refused(tmp_path: Path, address: str) -> None:
    async def check(demo: Demo) -> None:
        for data in (b"{", b"\xff\xfe", b"[" * 100_000, b"[1]", b'"text"', b"7"):
            assert (await demo.post(address, data=data))[0] == 400, data[:9]

    with_demo(tmp_path, check)


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("/prompt", {"extra_data": "text"}),
        ("/prompt", {"number": "first"}),
        ("/queue", {"delete": "text"}),
        ("/history", {"delete": 7}),
        ("/jobs/cancel", {"job_ids": {"a": "b"}}),
    ],
)
def test_odd_fields_are_refused(tmp_path: Path, address: str, body: dict[str, Any]) -> None:
    async def check(demo: Demo) -> None:
        prompt = {"1": {"class_type": "PreviewAny", "inputs": {"source": "x"}}}
        assert (await demo.post(address, json={"prompt": prompt, **body}))[0] == 400

    with_demo(tmp_path, check)
