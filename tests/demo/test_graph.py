"""Running prompts: order, caching, errors, interruption."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from .demo_server import Demo, Number, Picky, Watched, event, with_demo


def chain(value: int, word: str = "fine", node: str = "Number") -> dict:
    return {
        "1": {"class_type": node, "inputs": {"value": value}},
        "2": {"class_type": "Picky", "inputs": {"word": word, "number": ["1", 0]}},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
    }


def cached(entry: dict) -> set[str]:
    return set(event(entry, "execution_cached")["nodes"])


def test_values_flow_along_links_with_hidden_inputs(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        entry = await demo.run(chain(7))
        assert entry["outputs"]["3"] == {"text": ["7"]}
        assert entry["status"]["status_str"] == "success"
        assert Picky.seen[0]["number"] == 7
        assert Picky.seen[0]["unique_id"] == "2"
        assert set(Picky.seen[0]["prompt"]) == {"1", "2", "3"}

    with_demo(tmp_path, check)


def test_the_same_prompt_runs_nothing_again(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        first = await demo.run(chain(7))
        again = await demo.run(chain(7))
        assert cached(first) == set()
        assert cached(again) == {"1", "2", "3"}
        assert Number.runs == [7]
        assert again["outputs"]["3"] == {"text": ["7"]}

    with_demo(tmp_path, check)


def test_a_change_runs_what_comes_after_it_only(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        await demo.run(chain(7))
        entry = await demo.run(chain(7, word="other"))
        assert cached(entry) == {"1"}
        assert Number.runs == [7]

    with_demo(tmp_path, check)


def test_results_of_an_earlier_value_are_forgotten(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        for value in (1, 2, 1):
            await demo.run(chain(value))
        assert Number.runs == [1, 2, 1]
        assert len(demo.runner.results) == 3

    with_demo(tmp_path, check)


def test_is_changed_decides_about_running_again(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        for answer in ("a", "a", "b"):
            Watched.answer = answer
            await demo.run(chain(3, node="Watched"))
        assert Watched.runs == [3, 3]

    with_demo(tmp_path, check)


@pytest.mark.parametrize("kind", ["nan", "error"])
def test_nan_or_an_error_in_is_changed_always_runs(tmp_path: Path, kind: str) -> None:
    async def check(demo: Demo) -> None:
        for _ in range(2):
            Watched.answer = float("nan") if kind == "nan" else ValueError("no")
            await demo.run(chain(3, node="Watched"))
        assert Watched.runs == [3, 3]

    with_demo(tmp_path, check)


def test_is_changed_sees_linked_inputs_as_none(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        prompt = {
            "1": {"class_type": "Number", "inputs": {"value": 5}},
            "2": {"class_type": "Watched", "inputs": {"value": ["1", 0]}},
            "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
        }
        entry = await demo.run(prompt)
        assert Watched.asked == [None]
        assert entry["outputs"]["3"] == {"text": ["5"]}

    with_demo(tmp_path, check)


def test_an_error_is_reported_and_later_runs_work(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        entry = await demo.run(chain(7, word="crash"))
        error = event(entry, "execution_error")
        assert error["node_id"] == "2"
        assert error["node_type"] == "Picky"
        assert error["exception_type"] == "RuntimeError"
        assert "crashed as asked" in error["exception_message"]
        assert error["executed"] == ["1"]
        assert entry["status"]["completed"] is False
        assert (await demo.run(chain(7)))["status"]["completed"] is True
        _, jobs = await demo.get("/api/jobs?status=completed,failed")
        assert [job["status"] for job in jobs["jobs"]] == ["completed", "failed"]
        assert jobs["pagination"]["total"] == 2

    with_demo(tmp_path, check)


def test_image_and_mask_previews_are_viewable(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        prompt = {
            "1": {"class_type": "Flat", "inputs": {}},
            "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
            "3": {"class_type": "MaskToImage", "inputs": {"mask": ["1", 1]}},
            "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
        }
        entry = await demo.run(prompt)
        for node in ("2", "4"):
            (image,) = entry["outputs"][node]["images"]
            status, body = await demo.get(f"/view?filename={image['filename']}&type=temp")
            assert status == 200
            assert body.startswith(b"\x89PNG")

    with_demo(tmp_path, check)


def test_a_page_hears_a_run_in_order(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        async with demo.session.ws_connect(demo.url + "/ws?clientId=me") as socket:
            first = await socket.receive_json()
            assert first["data"]["sid"] == "me"
            await socket.send_json({"type": "feature_flags", "data": {}})
            assert (await socket.receive_json())["type"] == "feature_flags"
            await demo.post("/prompt", json={"prompt": chain(1), "client_id": "me"})
            heard = []
            while not heard or heard[-1] != ("executing", None):
                message = await asyncio.wait_for(socket.receive_json(), 5)
                heard.append((message["type"], message["data"].get("node")))
        assert [name for name, _ in heard if name.startswith("execution_")] == [
            "execution_start",
            "execution_cached",
            "execution_success",
        ]
        assert [node for name, node in heard if name == "executing"] == ["1", "2", "3", None]
        assert ("executed", "3") in heard

    with_demo(tmp_path, check)
