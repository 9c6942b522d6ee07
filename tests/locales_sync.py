"""The page's texts and their translations: what is missing, and what nothing says any more.

python tests/locales_sync.py            lists it
python tests/locales_sync.py --write    brings locales/en in line, and drops what is unused
"""

from __future__ import annotations

import ast
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "web"
LOCALES = ROOT / "locales"
LANGUAGES = ("en", "zh", "ja", "de", "fr")
# How many forms a number's sentence has.
FORMS = {"en": 2, "zh": 1, "ja": 1, "de": 2, "fr": 2}

_STRING = r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_CALL = re.compile(r"(?<![\w.$])(tn?)\(\s*(?!\s)")
_ONE = re.compile(rf"{_STRING}\s*[,)]")
_TWO = re.compile(rf"{_STRING}\s*,\s*{_STRING}\s*,")

Texts = dict[str, Any]


@dataclass
class Said:
    """What the page says: a sentence by itself, a number's by its plural; `odd`: calls whose text
    isn't written out."""

    texts: Texts = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)


def collect(web: Path = WEB) -> Said:
    """Every text of `t("…")` and `tn("…", "…", n)` in the page's modules."""
    said = Said()
    for path in sorted(web.rglob("*.js")):
        code = path.read_text("utf-8")
        for call in _CALL.finditer(code):
            if code[: call.start()].endswith("function "):
                continue
            text = _text_of(call[1], code, call.end())
            if text is None or said.texts.get(text[0], text[1]) != text[1]:
                line = code.count("\n", 0, call.start()) + 1
                said.odd.append(f"{path.relative_to(web)}:{line}")
            else:
                said.texts[text[0]] = text[1]
    return said


def _text_of(name: str, code: str, start: int) -> tuple[str, Any] | None:
    found = (_ONE if name == "t" else _TWO).match(code, start)
    if not found:
        return None
    if name == "t":
        return (text := _unquote(found[1])), text
    return _unquote(found[2]), [_unquote(found[1]), _unquote(found[2])]


def _unquote(literal: str) -> str:
    # JavaScript writes plain strings as Python does.
    return str(ast.literal_eval(literal))


def read(language: str, name: str = "main") -> Texts:
    """One file of a language; empty where there is none."""
    path = LOCALES / language / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def texts_of(language: str) -> Texts:
    return read(language).get("gitPool", {})


def write(language: str, texts: Texts) -> None:
    path = LOCALES / language / "main.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    ordered = {key: texts[key] for key in sorted(texts)}
    text = json.dumps({"gitPool": ordered}, ensure_ascii=False, indent=2)
    path.write_text(text + "\n", "utf-8")


def main() -> int:
    said = collect()
    writes = "--write" in sys.argv[1:]
    wrong = len(said.odd)
    for place in said.odd:
        print(f"not a written-out text, or one with two meanings: {place}")
    for language in LANGUAGES:
        there = texts_of(language)
        kept = {key: there[key] for key in said.texts if key in there}
        if writes:
            write(language, said.texts if language == "en" else kept)
            there = texts_of(language)
        missing = [key for key in said.texts if key not in there]
        unused = [key for key in there if key not in said.texts]
        for what, keys in (("missing", missing), ("unused", unused)):
            wrong += len(keys)
            for key in keys:
                print(f"{language}: {what}: {json.dumps(key, ensure_ascii=False)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
