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


class Chooser:
    """One of two, or one of very many; a list by itself is a value too."""

    RETURN_TYPES = (["a", "b"],)
    FUNCTION = "go"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        many = [f"choice {number}" for number in range(21)]
        return {"optional": {"few": (["a", "b"],), "many": (many,), "free": ("ANYTHING",)}}

    def go(self, **given: Any) -> tuple[Any]:
        return (given.get("few") or given.get("free"),)


class Judge:
    """Judges everything about its inputs itself, the types of its links too."""

    RETURN_TYPES = ("INT",)
    FUNCTION = "go"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"link": ("IMAGE",), "mode": ("INT", {"max": 2})}}

    @classmethod
    def VALIDATE_INPUTS(cls, input_types: dict[str, Any], mode: int) -> Any:  # noqa: N802
        if mode == 7:
            raise LookupError("broke while it judged")
        if mode == 8:
            return False
        return True if input_types == {"link": "INT"} else f"not {input_types}"

    def go(self, link: int, mode: int) -> tuple[int]:
        return (link + mode,)


class Everything:
    """Takes any input into its judgement."""

    RETURN_TYPES = ()
    FUNCTION = "go"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"number": ("INT", {"max": 2})}}

    @classmethod
    def VALIDATE_INPUTS(cls, **given: Any) -> Any:  # noqa: N802
        return True if given == {"number": 5} else f"got {given}"

    def go(self, number: int) -> dict[str, Any]:
        return {"ui": {"number": (number,)}}


def with_judges(tmp_path: Path, check: Any) -> None:
    kinds = {"Chooser": Chooser, "Judge": Judge, "Everything": Everything}
    with_demo(tmp_path, check, setup=lambda host: kinds)


def seen(kind: str, **inputs: Any) -> dict[str, Any]:
    return {
        "1": {"class_type": kind, "inputs": inputs},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }


async def errors_of(demo: Demo, prompt: dict[str, Any], node: str = "1") -> list[dict[str, Any]]:
    status, answer = await demo.post("/prompt", json={"prompt": prompt})
    assert status == 400
    return answer["node_errors"][node]["errors"]


def test_a_choice_must_be_among_its_values(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        (few,) = await errors_of(demo, seen("Chooser", few="c"))
        assert few["type"] == "value_not_in_list"
        assert few["details"] == "few: 'c' not in ['a', 'b']"
        assert few["extra_info"]["received_value"] == "c"
        assert few["extra_info"]["input_config"] == [["a", "b"], {}]
        (many,) = await errors_of(demo, seen("Chooser", many="c"))
        assert many["details"] == "many: 'c' not in (list of length 21)"
        assert many["extra_info"]["input_config"] is None
        entry = await demo.run(seen("Chooser", few="b", many="choice 20"))
        assert entry["outputs"]["2"] == {"text": ["b"]}

    with_judges(tmp_path, check)


def test_a_wrapped_list_is_a_value_and_no_link(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        entry = await demo.run(seen("Chooser", free={"__value__": ["x", "y", 1]}))
        assert entry["outputs"]["2"] == {"text": ['["x", "y", 1]']}
        (bare,) = await errors_of(demo, seen("Chooser", free=["x", "y", 1]))
        assert bare["type"] == "bad_linked_input"

    with_judges(tmp_path, check)


def test_a_text_is_no_choice(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        prompt = {
            "1": {"class_type": "Chooser", "inputs": {"few": "a"}},
            "2": {"class_type": "Picky", "inputs": {"word": "w", "number": ["1", 0]}},
            "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
        }
        (error,) = await errors_of(demo, prompt, "2")
        assert error["type"] == "return_type_mismatch"
        # The same list of choices on both ends fits.
        prompt["2"] = {"class_type": "Chooser", "inputs": {"few": ["1", 0]}}
        assert (await demo.run(prompt))["outputs"]["3"] == {"text": ["a"]}

    with_judges(tmp_path, check)


@pytest.mark.parametrize(
    ("mode", "kind", "details"),
    [
        (7, "exception_during_validation", ["broke while it judged"]),
        (8, "custom_validation_failed", ["mode", "input_types"]),
    ],
)
def test_a_node_that_judges_types_itself(
    tmp_path: Path, mode: int, kind: str, details: list[str]
) -> None:
    def judged(by: int, source: str = "Number") -> dict[str, Any]:
        first = {"Number": {"value": 3}, "Flat": {}}[source]
        return {
            "0": {"class_type": source, "inputs": first},
            **seen("Judge", link=["0", 0], mode=by),
        }

    async def check(demo: Demo) -> None:
        # The link's type is not the one it names, and 5 is above its maximum: its own judgement.
        assert (await demo.run(judged(5)))["outputs"]["2"] == {"text": ["8"]}
        errors = await errors_of(demo, judged(mode))
        assert {error["type"] for error in errors} == {kind}
        assert [error["details"] for error in errors] == details
        said = await errors_of(demo, judged(1, "Flat"))
        assert said[0]["details"] == "mode - not {'link': 'IMAGE'}"

    with_judges(tmp_path, check)


def test_a_node_that_judges_whatever_it_is_given(tmp_path: Path) -> None:
    async def check(demo: Demo) -> None:
        def prompt(number: int) -> dict[str, Any]:
            return {"1": {"class_type": "Everything", "inputs": {"number": number, "more": 1}}}

        # Above its maximum: its own judgement; what the class doesn't name isn't given to it.
        assert (await demo.run(prompt(5)))["outputs"]["1"] == {"number": [5]}
        (error,) = await errors_of(demo, prompt(1))
        assert error["details"] == "number - got {'number': 1}"

    with_judges(tmp_path, check)


def test_an_earlier_mistake_is_told_once_for_all_that_depend_on_it(tmp_path: Path) -> None:
    prompt = {
        **shown(word="bad"),
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    answer = refused(tmp_path, prompt)
    assert set(answer["node_errors"]) == {"1"}
    assert answer["node_errors"]["1"]["dependent_outputs"] == ["2", "3"]
