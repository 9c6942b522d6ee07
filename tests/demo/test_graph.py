"""Running prompts: order, caching, errors, interruption."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

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


@pytest.mark.parametrize("kind", ["nan", "error", "set", "object"])
def test_what_cannot_be_compared_in_is_changed_always_runs(tmp_path: Path, kind: str) -> None:
    async def check(demo: Demo) -> None:
        for _ in range(2):
            answers = {"nan": float("nan"), "error": ValueError("no"), "set": {1}}
            Watched.answer = answers.get(kind, object())
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
                message = await asyncio.wait_for(socket.receive_json(), 300)
                heard.append((message["type"], message["data"].get("node")))
        assert [name for name, _ in heard if name.startswith("execution_")] == [
            "execution_start",
            "execution_cached",
            "execution_success",
        ]
        assert [node for name, node in heard if name == "executing"] == ["1", "2", "3", None]
        assert ("executed", "3") in heard

    with_demo(tmp_path, check)


class Several:
    """Its one output is a list of values, not one value that is a list."""

    RETURN_TYPES = ("INT",)
    OUTPUT_IS_LIST = (True,)
    FUNCTION = "go"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"options": ("ANYTHING",)}}

    def go(self, options: dict[str, int]) -> tuple[list[int]]:
        return (sorted(options.values()),)


class Together:
    """Takes whole lists at once, and hidden inputs that this server doesn't know."""

    RETURN_TYPES = ()
    OUTPUT_NODE = True
    INPUT_IS_LIST = True
    FUNCTION = "go"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {
            "required": {"numbers": ("INT",), "word": ("STRING",)},
            "hidden": {"me": "UNIQUE_ID", "whole": "DYNPROMPT"},
        }

    def go(self, **given: Any) -> dict[str, Any]:
        return {"ui": {"given": [given]}}


class Spoiler:
    """Fails on what it gets."""

    RETURN_TYPES = ()
    OUTPUT_NODE = True
    FUNCTION = "go"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"image": ("IMAGE",)}}

    def go(self, image: Any) -> None:
        raise np.linalg.LinAlgError("spoiled")


def with_lists(tmp_path: Path, check: Any) -> None:
    kinds = {"Several": Several, "Together": Together, "Spoiler": Spoiler}
    with_demo(tmp_path, check, setup=lambda host: kinds)


def several(**options: int) -> dict[str, Any]:
    return {
        "1": {"class_type": "Several", "inputs": {"options": options}},
        "2": {"class_type": "Number", "inputs": {"value": ["1", 0], "unheard": "x"}},
        "3": {"class_type": "Together", "inputs": {"numbers": ["2", 0], "word": "w"}},
    }


def test_lists_go_through_nodes_one_by_one_or_whole(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        entry = await demo.run(several(a=3, b=1, c=2))
        assert Number.runs == [1, 2, 3]
        (given,) = entry["outputs"]["3"]["given"]
        assert given == {"numbers": [1, 2, 3], "word": ["w"], "me": ["3"]}

    with_lists(tmp_path, check)


def test_a_change_inside_an_object_runs_again(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        await demo.run(several(a=3, b=1))
        # The order of an object's keys says nothing.
        assert cached(await demo.run(several(b=1, a=3))) == {"1", "2", "3"}
        assert cached(await demo.run(several(a=3, b=2))) == set()
        assert Number.runs == [1, 3, 2, 3]

    with_lists(tmp_path, check)


def test_an_array_is_reported_by_its_shape(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        prompt = {
            "1": {"class_type": "Flat", "inputs": {}},
            "2": {"class_type": "Spoiler", "inputs": {"image": ["1", 0]}},
        }
        error = event(await demo.run(prompt), "execution_error")
        assert error["current_inputs"] == {"image": ["ndarray of shape (1, 8, 6, 3)"]}
        assert error["exception_type"] == "numpy.linalg.LinAlgError"
        assert error["current_outputs"] == ["1"]

    with_lists(tmp_path, check)


def test_a_preview_carries_its_workflow(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        prompt = {
            "1": {"class_type": "Flat", "inputs": {}},
            "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
        }
        extra = {"extra_pnginfo": {"workflow": {"id": "w", "nodes": []}}}
        body = {"prompt": prompt, "prompt_id": "x", "extra_data": extra}
        await demo.post("/prompt", json=body)
        entry = await demo.run(prompt)  # kept from the first
        (image,) = entry["outputs"]["2"]["images"]
        _, data = await demo.get(f"/view?filename={image['filename']}&type=temp")
        with Image.open(io.BytesIO(data)) as picture:
            assert json.loads(picture.text["workflow"]) == {"id": "w", "nodes": []}
            assert json.loads(picture.text["prompt"]) == prompt
            assert picture.getpixel((0, 0)) == (127, 127, 127)

    with_demo(tmp_path, check)


def test_a_link_to_nothing_spoils_only_what_needs_it(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        dangling = {"class_type": "Number", "inputs": {"value": ["gone", 0]}}
        entry = await demo.run({**chain(7), "8": dangling})
        assert entry["outputs"]["3"] == {"text": ["7"]}
        assert entry["status"]["status_str"] == "success"

    with_demo(tmp_path, check)
