"""The page's languages: nothing is left out, and every translation fits its English."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import locales_sync
import pytest
from locales_sync import FORMS, LANGUAGES, LOCALES, collect, read, texts_of

from gitpool.demo.small_routes import find_locales, translations
from gitpool.nodes import DISPLAY_NAMES
from gitpool.nodes.image_pool import GridImagePool
from gitpool.nodes.pool_profile import PoolProfile

OTHERS = LANGUAGES[1:]
NODES = {"GridImagePool": GridImagePool, "PoolProfile": PoolProfile}


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def shape(value: Any) -> Any:
    return {key: shape(each) for key, each in value.items()} if isinstance(value, dict) else ""


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    return [value]


def test_every_text_is_written_out_where_it_is_said() -> None:
    assert collect().odd == []


def test_a_text_is_found_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(
        'say(t("One"), t(\n  "Two {x}",\n  { x },\n), tn("{n} a", "{n} b", n), t("\\"Three\\""));\n'
        't(name); t(`Four ${x}`); put("x"); function t(english) {}\n'
    )
    said = collect(tmp_path)
    assert said.texts == {
        "One": "One",
        "Two {x}": "Two {x}",
        "{n} b": ["{n} a", "{n} b"],
        '"Three"': '"Three"',
    }
    assert said.odd == ["a.js:5", "a.js:5"]


def test_english_holds_exactly_what_the_page_says() -> None:
    assert texts_of("en") == collect().texts, "run: python tests/locales_sync.py --write"


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_says_all_that_english_does(language: str) -> None:
    english, spoken = texts_of("en"), texts_of(language)
    assert sorted(set(english) ^ set(spoken)) == []
    for key, text in spoken.items():
        forms = text if isinstance(text, list) else [text]
        assert isinstance(text, list) == isinstance(english[key], list), key
        assert len(forms) == (FORMS[language] if isinstance(text, list) else 1), key
        assert all(form.strip() for form in forms), key
        # One thing needn't be numbered.
        assert all(placeholders(key) - {"n"} <= placeholders(form) for form in forms), key
        assert all(placeholders(form) <= placeholders(key) for form in forms), key
        assert placeholders(forms[-1]) == placeholders(key), key


@pytest.mark.parametrize("name", ["nodeDefs", "settings"])
def test_nodes_and_settings_have_one_shape_in_every_language(name: str) -> None:
    english = read("en", name)
    assert english
    for language in OTHERS:
        assert shape(read(language, name)) == shape(english), language
        assert all(leaf.strip() for leaf in leaves(read(language, name))), language


def test_the_nodes_texts_are_those_of_the_nodes() -> None:
    english = read("en", "nodeDefs")
    assert {name: english[name]["display_name"] for name in english} == DISPLAY_NAMES
    for name, node in NODES.items():
        inputs = {**node.INPUT_TYPES()["required"], **node.INPUT_TYPES().get("optional", {})}
        assert english[name]["description"] == node.DESCRIPTION
        assert list(english[name]["inputs"]) == list(inputs)
        outputs = [output["name"] for output in english[name]["outputs"].values()]
        assert outputs == list(node.RETURN_NAMES)
        for key, (_, *options) in inputs.items():
            if tooltip := (options[0] if options else {}).get("tooltip"):
                assert english[name]["inputs"][key]["tooltip"] == tooltip
    # The editor reads these as templates, where such characters mean something.
    for language in LANGUAGES:
        assert not re.search(r"[{}@|]", "".join(leaves(read(language, "nodeDefs"))))


def test_the_demo_serves_them_as_comfyui_does() -> None:
    assert find_locales() == LOCALES
    served = translations(LOCALES)
    assert sorted(served) == sorted(LANGUAGES)
    for language in LANGUAGES:
        assert list(served[language]) == ["gitPool", "nodeDefs", "settings"]
    assert translations(None) == {}


def test_the_developers_list_names_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    web = tmp_path / "web"
    web.mkdir()
    (web / "a.js").write_text('t("New"); t("Old");\n')
    for language in LANGUAGES:
        (tmp_path / language).mkdir()
        texts = {"Old": "o", "Unused": "u"}
        (tmp_path / language / "main.json").write_text(json.dumps({"gitPool": texts}))
    monkeypatch.setattr(locales_sync, "LOCALES", tmp_path)
    monkeypatch.setattr(locales_sync, "collect", lambda: collect(web))
    monkeypatch.setattr("sys.argv", ["locales_sync", "--write"])
    assert locales_sync.main() == 1
    assert 'de: missing: "New"' in capsys.readouterr().out
    assert texts_of("en") == {"New": "New", "Old": "Old"}
    assert texts_of("de") == {"Old": "o"}
