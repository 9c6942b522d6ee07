"""The page's modules, checked without a browser: types, and the rules of the house."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "web"
MODULES = sorted(WEB.rglob("*.js"))
TYPESCRIPT = "typescript@5.9.3"


def text_of(path: Path) -> str:
    return path.read_text("utf-8")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_keeps_the_rules(path: Path) -> None:
    text = text_of(path)
    assert text.startswith("// @ts-check\n")
    assert len(text.splitlines()) < 500
    # Text from outside never becomes markup; dialogs are ComfyUI's.
    assert not re.search(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write)\b", text)
    assert not re.search(r"(?<![\w.])(prompt|confirm|alert)\(|window\.(prompt|confirm|alert)", text)
    if path.name != "host.js":
        assert "scripts/" not in text
    if path.name != "gitpool.js":
        # Nothing but declarations at the outermost level.
        outer = [line for line in text.splitlines() if re.match(r"[a-zA-Z$_]", line)]
        allowed = r"(import|export|const|let|class|function|async function|type)\b"
        assert [line for line in outer if not re.match(allowed, line)] == []


def test_every_icon_is_one_that_comfyui_has() -> None:
    named = {
        name for path in MODULES for name in re.findall(r'icon(?:: |\()"([\w-]+)"', text_of(path))
    }
    assert len(named) > 10
    import comfyui_frontend_package

    static = Path(comfyui_frontend_package.__file__).parent / "static" / "assets"
    sheets = "".join(text_of(sheet) for sheet in static.glob("*.css"))
    assert [name for name in named if f".pi-{name}:" not in sheets] == []


def test_every_stylesheet_is_loaded() -> None:
    listed = re.search(r"const STYLES = \[(.*)\];", text_of(WEB / "gitpool.js"))
    assert listed
    there = {sheet.relative_to(WEB).as_posix() for sheet in WEB.rglob("*.css")}
    assert there == {f"styles/{name}.css" for name in re.findall(r'"(\w+)"', listed[1])}


def test_the_types_hold(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    assert npm, "npm is missing: install it first (tests/run.sh does)"
    compiler = ROOT / "build" / "typescript" / "node_modules" / ".bin" / "tsc"
    if not compiler.exists():
        folder = ROOT / "build" / "typescript"
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--silent", "--no-save", "--prefix", str(folder), TYPESCRIPT]
        subprocess.run(command, check=True, timeout=300)
    shutil.copytree(WEB, tmp_path / "extensions" / "gitpool")
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "app.d.ts").write_text("export const app: any;\nexport const ComfyApp: any;\n")
    (scripts / "api.d.ts").write_text("export const api: any;\n")
    options = "--noEmit --allowJs --checkJs --strict --target es2022 --module esnext"
    more = "--moduleResolution bundler --lib es2023,dom,dom.iterable"
    done = subprocess.run(
        [str(compiler), *options.split(), *more.split(), "extensions/gitpool/gitpool.js"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout == ""
    assert done.returncode == 0
