#!/usr/bin/env bash
# All tests but the page's, on every Python that is supported with the newest of what is depended
# on, and on the oldest Python with the lowest versions that pyproject.toml allows.
# `tests/versions.sh 3.13` tries that one alone, `tests/versions.sh lowest` those.
set -euo pipefail
cd "$(dirname "$0")/.."

lowest=(dulwich==1.2.20 filelock==3.12.0 aiohttp==3.11.8 pillow==10.0.0)

try() {
  local name=$1 python=$2
  shift 2
  local place=build/versions/$name
  [ -x "$place/bin/python" ] || "$python" -m venv "$place" || return
  "$place/bin/python" -m pip install -q --disable-pip-version-check -e ".[test]" "$@" || return
  echo "== $name: $("$place/bin/python" --version), $("$place/bin/python" -m pip list 2>/dev/null |
    grep -iE '^(dulwich|filelock|aiohttp|pillow) ' | tr -s ' ' | paste -sd, -)"
  "$place/bin/python" -m pytest tests -q -n 2 --dist loadfile --ignore tests/browser \
    -p no:cacheprovider
}

failed=()
for version in "${@:-lowest 3.10 3.11 3.12 3.13}"; do
  for one in $version; do
    case $one in
      lowest) try lowest python3.10 "${lowest[@]}" || failed+=("$one") ;;
      *) try "$one" "python$one" || failed+=("$one") ;;
    esac
  done
done
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }
