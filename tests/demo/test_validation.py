"""Prompts that are refused, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .demo_server import Demo, Number, with_demo


def refused(tmp_path: Path, prompt: dict[str, Any]) -> dict[str, Any]:
    """The answer to a prompt that gets HTTP 400."""
    answers = []

    async def check(demo: Demo) -> None:
        status, answer = await demo.post("/api/prompt", json={"prompt": prompt})
        assert status == 400
        answers.append(answer)

    with_demo(tmp_path, check)
    return answers[0]


def shown(**inputs: Any) -> dict[str, Any]:
    return {
        "1": {"class_type": "Picky", "inputs": inputs},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }


def test_a_text_from_validate_inputs_reaches_the_editor(tmp_path: Path) -> None:
    answer = refused(tmp_path, shown(word="bad"))
    assert answer["error"]["type"] == "prompt_outputs_failed_validation"
    node = answer["node_errors"]["1"]
    assert node["class_type"] == "Picky"
    assert node["dependent_outputs"] == ["2"]
    assert node["errors"] == [
        {
            "type": "custom_validation_failed",
            "message": "Custom validation failed for node",
            "details": "word - this word is bad",
            "extra_info": {"input_name": "word"},
        }
    ]


def test_a_missing_required_input(tmp_path: Path) -> None:
    answer = refused(tmp_path, shown())
    (error,) = answer["node_errors"]["1"]["errors"]
    assert error["type"] == "required_input_missing"
    assert error["details"] == "word"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (-1, "value_smaller_than_min"),
        (100, "value_bigger_than_max"),
        ("x", "invalid_input_type"),
        (["9", 0], "bad_linked_input"),
    ],
)
def test_a_bad_number(tmp_path: Path, value: Any, kind: str) -> None:
    prompt = {
        "1": {"class_type": "Number", "inputs": {"value": value}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    (error,) = refused(tmp_path, prompt)["node_errors"]["1"]["errors"]
    assert error["type"] == kind


def test_a_link_of_the_wrong_type(tmp_path: Path) -> None:
    prompt = {
        "1": {"class_type": "Number", "inputs": {"value": 1}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    (error,) = refused(tmp_path, prompt)["node_errors"]["2"]["errors"]
    assert error["type"] == "return_type_mismatch"


def test_a_circle_is_refused(tmp_path: Path) -> None:
    prompt = {
        "1": {"class_type": "Picky", "inputs": {"word": "a", "number": ["2", 0]}},
        "2": {"class_type": "Picky", "inputs": {"word": "b", "number": ["1", 0]}},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    assert refused(tmp_path, prompt)["error"]["type"] == "prompt_outputs_failed_validation"


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ({"1": {"class_type": "Unheard", "inputs": {}}}, "invalid_prompt"),
        ({"1": {"inputs": {}}}, "invalid_prompt"),
        ({"1": {"class_type": "Number", "inputs": {"value": 1}}}, "prompt_no_outputs"),
    ],
)
def test_prompts_that_cannot_run_at_all(tmp_path: Path, prompt: dict, kind: str) -> None:
    assert refused(tmp_path, prompt)["error"]["type"] == kind


def test_a_good_output_runs_beside_a_bad_one(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        prompt = {
            **shown(word="bad"),
            "3": {"class_type": "Number", "inputs": {"value": "4"}},
            "4": {"class_type": "PreviewAny", "inputs": {"source": ["3", 0]}},
        }
        status, answer = await demo.post("/prompt", json={"prompt": prompt})
        assert status == 200
        assert set(answer["node_errors"]) == {"1"}
        entry = await demo.run({key: prompt[key] for key in ("3", "4")})
        assert entry["outputs"]["4"] == {"text": ["4"]}
        assert Number.runs == [4]

    with_demo(tmp_path, check)
