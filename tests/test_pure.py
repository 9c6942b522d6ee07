"""Names, manifests, comparisons, messages and parsers, without a server; and several processes."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
import unicodedata
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from support import git, judge, picture

from gitpool.errors import GitPoolError, Malformed, NotFound
from gitpool.git import bundle, pack, pack_examine
from gitpool.git.changes import Changes, Version, compare, describe
from gitpool.git.messages import Message, parse_message, sentence
from gitpool.git.repository import Identity, Repository
from gitpool.identifiers import (
    branch_of,
    check_id,
    check_name,
    free_name,
    is_image_name,
    is_safe_file_name,
    name_key,
    name_of_branch,
)
from gitpool.pool import images
from gitpool.pool.folder import rebuild
from gitpool.pool.manifest import (
    Manifest,
    Slot,
    image_name,
    mask_name,
    number_of,
    parse_manifest,
)
from gitpool.remote.address import parse
from gitpool.remote.connect import limits_from
from gitpool.remote.transport import Limits
from gitpool.service import Service

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

ANY_TEXT = st.text(st.characters(), max_size=120)
ODD = st.sampled_from(
    [*' ~^:?*[\\"<>|/%.-@{}', "..", "@{", ".lock", "HEAD", "con", "%2F", "é", "図", "\U0001f600"]
)


def _is_name(text: str) -> bool:
    try:
        return check_name(text) == text
    except Malformed:
        return False


NAMES = (st.lists(ODD | st.characters(), min_size=1, max_size=30).map("".join)).filter(_is_name)
ODD_NAMES = [
    *(
        "HEAD",
        "@",
        "-",
        ".",
        "..",
        "...",
        "....",
        ".lock",
        "a.lock",
        "a.lock.lock",
        "a..b",
        "a...b",
    ),
    *(
        "@{",
        "a@{b",
        "a.",
        "a..",
        "-a",
        "--all",
        "a/b",
        "/",
        "//",
        "a/.b",
        "refs/heads/x",
        "%",
        "%25",
    ),
    *("%2F", "a b", "a~1", "a^", "a:b", "a?b", "a*b", "a[b", "a\\b", 'a"b', "a<b>", "a|b", "con"),
    *(
        "CON",
        "con.txt",
        "aux.lock",
        "NUL",
        "com1",
        "LPT9.x",
        "com¹",
        "图层",
        "Ünï",
        "😀",
        "x" * 100,
    ),
    *("图" * 100, "😀" * 100, "%" * 100, "/" * 100, "." * 100, "a" * 95 + ".lock", "x" * 99 + "."),
    *("FETCH_HEAD", "master", "a{b}", "{", "}", "(2)", "'", ";", "&", "$(x)", "`x`", "\u200b"),
]


# Names and ids.


@QUICK
@given(NAMES)
def test_a_branch_gives_its_name_back(name: str) -> None:
    branch = branch_of(name, "0123456789abcdef")
    assert len(branch.encode()) <= 215
    if len(branch.encode()) < 187:
        assert name_of_branch(branch) == name


def test_a_name_that_is_none_has_a_branch_all_the_same() -> None:
    assert branch_of("", "0123456789abcdef") == "profile-0123456789ab"


def test_a_masks_name_is_the_first_that_is_free() -> None:
    taken: set[str] = set()
    for name in ("a.mask.png", "a.jpg.mask.png", "a.jpg.2.mask.png", "a.jpg.3.mask.png"):
        assert mask_name("a.jpg", taken) == name
        taken.add(name)


def test_a_bundle_of_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    repo = Repository(tmp_path / "pool")
    repo.create(Identity("0123456789abcdef", "Heroes", 0))
    with pytest.raises(NotFound, match="no snapshots"):
        list(bundle.stream_bundle(repo))


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_give_themselves_back(name: str) -> None:
    assert check_name(name) == name
    branch = branch_of(name, "0123456789abcdef")
    assert "/" not in branch
    assert branch not in ("HEAD", "@")
    if name_of_branch(branch) != name:
        assert branch.endswith("0123456789ab")
        assert len(branch.encode()) > 180


def test_git_takes_every_branch_that_we_make(tmp_path: Path) -> None:
    folder = tmp_path
    git(folder, "init", "-q")
    found: list[str] = []

    @settings(max_examples=60, deadline=None, database=None)
    @given(NAMES)
    def collect(name: str) -> None:
        found.append(branch_of(name, "0123456789abcdef"))

    collect()
    ours = [branch_of(name, "0123456789abcdef") for name in ODD_NAMES]
    for branch in {*found, *ours}:
        done = subprocess.run(
            ["git", "check-ref-format", "--branch", branch], cwd=folder, capture_output=True
        )
        assert done.returncode == 0, branch
        assert done.stdout.decode().strip() == branch
        assert len((branch + ".lock").encode()) <= 255
        assert not re.search(r'[<>:"|?*\\/\x00-\x1f]', branch)
        assert not branch.endswith((".", " "))


@QUICK
@given(NAMES, NAMES)
def test_two_names_never_share_a_branch(one: str, two: str) -> None:
    first, second = branch_of(one, "a" * 32), branch_of(two, "a" * 32)
    if one != two and max(len(first.encode()), len(second.encode())) < 187:
        assert first != second


@QUICK
@given(ANY_TEXT)
@example("\ud800")
@example("\u202e")
@example("e\u0301")
@example("  x  ")
def test_a_name_is_clean_or_refused(text: str) -> None:
    try:
        name = check_name(text)
    except Malformed:
        return
    assert 1 <= len(name) <= 100
    assert name == name.strip() == unicodedata.normalize("NFC", name)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in name)
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(name)
    assert check_name(name) == name


@QUICK
@given(st.lists(NAMES, max_size=6), NAMES)
def test_a_free_name_is_free_and_a_name(names: list[str], wanted: str) -> None:
    taken: set[str] = set()
    for name in [*names, wanted, wanted, wanted]:
        free = free_name(name, taken)
        assert name_key(free) not in taken
        assert check_name(free) == free
        taken.add(name_key(free))


def test_free_names_are_counted() -> None:
    taken = {name_key("Café")}
    assert free_name("Cafe\u0301", taken) == "Cafe\u0301 (2)"
    taken.add(name_key("CAFÉ (2)"))
    assert free_name("café", taken) == "café (3)"
    assert name_key("STRASSE") == name_key("straße")


@QUICK
@given(ANY_TEXT | st.none() | st.integers() | st.lists(st.text()))
@example("a\n")
@example("é")
@example("٣")
def test_ids_are_of_plain_characters(value: Any) -> None:
    try:
        assert check_id(value) == value
    except Malformed:
        return
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z", value, re.ASCII)


HARMFUL = [
    *("", ".", "..", ".git", ".GIT", "git~1", "GIT~1.png", ".gitattributes", ".x", "a/b", "a\\b"),
    *("/a", "C:a", "a:b", "a\x00", "a\n", "a.", "a ", " a", "-a", "--a", "con", "CON.png", "nul.x"),
    *(
        "aux",
        "com1.png",
        "LPT9",
        "COM¹.png",
        "e\u0301",
        "a\u202eb",
        "a\u200bb",
        "a\ufeff",
        "x" * 256,
    ),
    *(
        "图" * 100,
        "a?",
        "a*",
        'a"',
        "a<",
        "a>",
        "a|",
        "~a",
        "$a",
        "a;b",
        "a`",
        "a'b",
        "a&b",
        "\ud800",
    ),
]


@pytest.mark.parametrize("name", HARMFUL)
def test_harmful_file_names_are_known(name: str) -> None:
    assert not is_safe_file_name(name)
    assert not is_image_name(name)


@pytest.mark.parametrize(
    "name",
    ["img_0001.png", "img_0001.mask.png", "My cat (3).JPG", "图.webp", "a b.gif", "manifest.json"],
)
def test_harmless_file_names_are_known(name: str) -> None:
    assert is_safe_file_name(name)
    assert is_image_name(name) is (not name.endswith(".json"))


@QUICK
@given(ANY_TEXT)
def test_a_safe_file_name_is_one_harmless_part(name: str) -> None:
    if is_safe_file_name(name):
        assert not re.search(r'[/\\:<>"|?*\x00-\x1f\x7f]', name)
        assert not name.startswith((".", "-", " ", "~"))
        assert not name.endswith((".", " "))
        assert len(name.encode()) <= 255
        assert Path(name).name == name


# Manifests.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)
FILE_NAME = st.sampled_from(
    [
        "img_0001.png",
        "img_0002.jpg",
        "img_9999999999.png",
        "cat.png",
        "../x.png",
        ".git",
        "",
        "con.png",
    ]
)
SLOT = st.fixed_dictionaries(
    {"image": FILE_NAME | JSON},
    optional={"mask": FILE_NAME | JSON, "label": JSON, "added": JSON},
)
RAW = st.fixed_dictionaries(
    {"slots": st.lists(SLOT | JSON, max_size=4) | JSON},
    optional={"active": JSON, "next_seq": JSON},
)


def check_manifest(manifest: Manifest) -> None:
    raw = manifest.as_json()
    assert manifest.dump() == json.dumps(raw, ensure_ascii=False, indent=1).encode() + b"\n"
    names = [slot.image for slot in manifest.slots]
    assert len(set(names)) == len(names)
    assert all(is_image_name(name) for name in manifest.file_names())
    assert 0 <= manifest.active <= max(0, len(names) - 1)
    assert all(isinstance(n, int) for n in (manifest.active, manifest.next_seq))
    assert manifest.next_seq > max((number_of(name) for name in names), default=0)
    assert all(isinstance(s.label, str) and s.added >= 0 for s in manifest.slots)
    assert parse_manifest(manifest.dump()) == manifest
    number = manifest.next_seq
    added = manifest.add(Slot(image_name(number, ".png")))
    assert added.next_seq > number, "the number would be used twice"


@QUICK
@given(RAW)
@example({"slots": [], "next_seq": 1e300, "active": float("inf")})
@example({"slots": [], "next_seq": 10**9})
@example({"slots": [{"image": "img_0001.png", "label": "\ud800"}]})
def test_any_json_is_a_manifest_or_a_value_error(raw: Any) -> None:
    try:
        manifest = parse_manifest(json.dumps(raw).encode())
    except ValueError:
        return
    check_manifest(manifest)


@QUICK
@given(st.binary(max_size=200))
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf{}")
@example(b"[" * 50_000)
@example(b'{"slots":' * 50_000)
@example(b'{"slots": [], "next_seq": ' + b"9" * 5000 + b"}")
@example(b"NaN")
def test_any_bytes_are_a_manifest_or_a_value_error(data: bytes) -> None:
    try:
        manifest = parse_manifest(data)
    except ValueError:
        return
    check_manifest(manifest)


@QUICK
@given(
    st.lists(
        st.builds(
            Slot,
            st.from_regex(r"[a-z}{,]{1,9}\.png", fullmatch=True),
            st.sampled_from([None, "a.mask.png"]),
            st.text(st.sampled_from('},{\n \\"a\u2028ö\U0001f600\x00')),
            st.integers(0, 2**53),
            st.dictionaries(st.text(max_size=3), st.none() | st.lists(st.integers()), max_size=1),
        ),
        max_size=4,
    ),
    st.dictionaries(st.sampled_from(["sets", "x"]), st.dictionaries(st.text(), st.text())),
)
def test_a_manifest_is_written_as_ever(slots: list[Slot], extra: dict[str, Any]) -> None:
    raw = Manifest(tuple(slots), 0, 7, extra).as_json()
    wanted = json.dumps(raw, ensure_ascii=False, indent=1).encode() + b"\n"
    assert Manifest(tuple(slots), 0, 7, extra).dump() == wanted


def test_manifests_of_earlier_nodes_parse() -> None:
    raw = {
        "active": 5,
        "slots": [{"image": "img_0007.png", "mask": None, "label": "x", "added": 0}],
    }
    manifest = parse_manifest(b"\xef\xbb\xbf" + json.dumps(raw).encode())
    assert manifest == Manifest((Slot("img_0007.png", None, "x", 0),), 0, 8)


SLOTS = st.lists(
    st.builds(
        Slot,
        st.sampled_from([image_name(n, ".png") for n in range(1, 9)]),
        st.none() | st.sampled_from(["a.mask.png", "b.mask.png"]),
        st.sampled_from(["", "x", "y"]),
    ),
    unique_by=lambda slot: slot.image,
    max_size=8,
).map(tuple)


@QUICK
@given(SLOTS, st.data())
def test_edits_keep_the_active_image(slots: tuple[Slot, ...], data: st.DataObject) -> None:
    if not slots:
        return
    active = data.draw(st.integers(0, len(slots) - 1))
    manifest = Manifest(slots, active, 9)
    image = slots[active].image
    order = data.draw(st.permutations(range(len(slots))))
    moved = manifest.reorder(order)
    assert moved.slots[moved.active].image == image
    assert {s.image for s in moved.slots} == {s.image for s in slots}
    gone = data.draw(st.integers(0, len(slots) - 1))
    left = manifest.remove(gone)
    assert len(left.slots) == len(slots) - 1
    if gone != active:
        assert left.slots[left.active].image == image
    assert 0 <= left.active <= max(0, len(left.slots) - 1)
    assert left.next_seq == 9
    more = manifest.add(Slot("img_0009.png"))
    assert (more.slots[more.active].image, more.next_seq) == (image, 10)


def test_a_rebuilt_manifest_never_goes_back_in_numbers(tmp_path: Path) -> None:
    for name in ("img_0002.png", "img_0010.png", "img_0010.mask.png", "other.png"):
        (tmp_path / name).write_bytes(b"")
    files = {p.name: p.stat() for p in tmp_path.iterdir()}
    remembered = Manifest(
        (Slot("img_0010.png", "gone.mask.png", "ten"), Slot("img_0001.png")), 1, 40
    )
    manifest = rebuild(files, remembered)
    assert [s.image for s in manifest.slots] == ["img_0010.png", "other.png", "img_0002.png"]
    assert manifest.slots[0].label == "ten"
    assert manifest.next_seq == 40
    assert rebuild(files, None).next_seq == 11
    assert rebuild(files, None).slots[-1].mask == "img_0010.mask.png"


# What changed.


def version(*slots: Slot, active: int = 0, **blobs: str) -> Version:
    known = {name: name for s in slots for name in (s.image, s.mask) if name}
    return Version(
        Manifest(slots, active, 99),
        {**known, **{k.replace("__", "."): v for k, v in blobs.items()}},
    )


A, B, C = (Slot(f"{name}.png") for name in "abc")


def test_every_change_is_told_in_its_kind() -> None:
    masked = Slot("a.png", "a.mask.png")
    assert compare(version(A, B), version(A, B)) == Changes()
    assert not compare(version(A, B), version(A, B)).matters()
    assert compare(Version(), version(A, B)).added == ("a.png", "b.png")
    assert compare(version(A, B), version(B)).removed == ("a.png",)
    assert compare(version(A), version(A, a__png="new")).replaced == ("a.png",)
    assert compare(version(A), version(masked)).masks_added == ("a.png",)
    assert compare(version(masked), version(A)).masks_removed == ("a.png",)
    repainted = version(masked, **{"a__mask__png": "new"})
    assert compare(version(masked), repainted).masks_changed == ("a.png",)
    assert compare(version(A), version(Slot("a.png", None, "x"))).labels == ("a.png",)
    assert compare(version(A, B), version(B, A)).reordered
    assert not compare(version(A, B, C), version(A, C)).reordered
    assert not compare(version(A, C), version(A, B, C)).reordered
    chosen = compare(version(A, B), version(A, B, active=1))
    assert chosen.active
    assert not chosen.matters()


@QUICK
@given(SLOTS, SLOTS)
def test_comparing_is_fair_both_ways(one: tuple[Slot, ...], two: tuple[Slot, ...]) -> None:
    old, new = version(*one), version(*two)
    there, back = compare(old, new), compare(new, old)
    assert set(there.added) == set(back.removed)
    assert set(there.labels) == set(back.labels)
    assert set(there.masks_added) == set(back.masks_removed)
    assert there.reordered == back.reordered
    assert there.matters() == (list(describe(old, new)) != [])
    json.dumps(there.as_json())
    for entry in describe(old, new):
        assert entry["change"] in ("added", "removed", "changed", "moved")
        assert (entry["from"] is None) == (entry["change"] == "added")
        assert (entry["to"] is None) == (entry["change"] == "removed")


@QUICK
@given(st.permutations(range(8)))
def test_as_few_images_as_can_be_are_said_to_have_moved(order: list[int]) -> None:
    slots = [Slot(f"{n}.png") for n in range(8)]
    old, new = version(*slots), version(*(slots[i] for i in order))
    moved = {entry["image"] for entry in describe(old, new)}
    stay = [i for i in order if f"{i}.png" not in moved]
    assert stay == sorted(stay)
    best = [1] * 8
    for i in range(8):
        best[i] = 1 + max((best[j] for j in range(i) if order[j] < order[i]), default=0)
    assert len(moved) == 8 - max(best)


# What a snapshot says.


def test_sentences_are_a_persons() -> None:
    two = ("a", "b")
    assert sentence(Changes(added=(*two, "c"), masks_changed=("a",))) == (
        "Add 3 images, repaint 1 mask"
    )
    assert sentence(Changes(added=("a",))) == "Add 1 image"
    assert sentence(Changes(removed=two, labels=two)) == "Remove 2 images, change 2 labels"
    assert sentence(Changes(replaced=("a",), masks_added=two)) == "Replace 1 image, paint 2 masks"
    assert sentence(Changes(masks_removed=("a",), reordered=True)) == "Clear 1 mask, reorder images"
    assert sentence(Changes(reordered=True)) == "Reorder images"
    assert sentence(Changes())
    assert sentence(Changes(active=True))


TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")) | st.sampled_from("\n:-"),
    min_size=1,
    max_size=80,
).filter(lambda t: t.strip())
KINDS = st.sampled_from(["auto", "named", "restore", "merge", "import", "duplicate"])


@QUICK
@given(TEXTS, KINDS, NAMES)
@example("Fine\n\nPool-Snapshot: auto\nPool-Profile: other", "named", "n")
@example("Pool-Snapshot: auto", "named", "n")
@example("x\n\n\n\ny", "named", "a: b")
def test_messages_come_back_as_they_were(text: str, kind: str, name: str) -> None:
    message = Message(text.strip(), kind, "f" * 32, name)
    assert parse_message(message.dump()) == message


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes_are_some_message(raw: bytes) -> None:
    assert isinstance(parse_message(raw).text, str)
    assert parse_message(raw).text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Add 1 image", "Künstler / 図"),
        ("Note\n\nwith: colon\n\nand more", "a: b"),
        ("x", "#1 -- $"),
    ],
)
def test_git_reads_the_same_trailers(tmp_path: Path, text: str, name: str) -> None:
    git(tmp_path, "init", "-q")
    raw = tmp_path / "message"
    raw.write_bytes(Message(text, "named", "abc", name).dump())
    git(tmp_path, "commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", str(raw))
    assert git(tmp_path, "log", "-1", "--format=%(trailers)").splitlines() == [
        "Pool-Profile: abc",
        f"Pool-Name: {name}",
        "Pool-Snapshot: named",
    ]
    assert git(tmp_path, "log", "-1", "--format=%s") == text.splitlines()[0]


def test_a_users_message_is_its_own() -> None:
    message = parse_message(b"Fix colours\n\nSigned-off-by: Me <me@example.org>\n")
    assert message.text.startswith("Fix colours")
    assert (message.kind, message.profile_id, message.name) == ("", "", "")


# Parsers of what others made.

SHA = "0123456789abcdef0123456789abcdef01234567"
LINES = st.lists(
    st.sampled_from(
        [
            f"{SHA} refs/heads/x\n".encode(),
            f"{SHA} HEAD\n".encode(),
            f"{SHA} refs/tags/v1\n".encode(),
            f"-{SHA} base\n".encode(),
            b"\n",
            b"@object-format=sha256\n",
        ]
    )
    | st.binary(max_size=60),
    max_size=8,
).map(b"".join)


@QUICK
@given(LINES, st.booleans())
def test_any_bundle_header_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, lines: bytes, signed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "header.bundle"
    path.write_bytes((bundle.SIGNATURE if signed else b"") + lines)
    try:
        header = bundle.read_header(path)
        name, tip = bundle.choose_branch(header)
    except GitPoolError:
        return
    assert isinstance(name, str)
    assert re.fullmatch("[0-9a-f]{40}", tip)
    assert header.pack_start <= path.stat().st_size


def small_pack() -> bytes:
    import hashlib

    data = b"PACK\x00\x00\x00\x02\x00\x00\x00\x03"
    for kind, content in ((3, b"hello"), (2, b""), (3, bytes(3000))):
        data += pack._entry_header(kind, len(content)) + zlib.compress(content)
    return data + hashlib.sha1(data).digest()


PACK = small_pack()


@QUICK
@given(st.data())
def test_any_pack_is_examined_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    raw = bytearray(PACK)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    if data.draw(st.booleans()):
        raw = raw[:cut]
    path = tmp_path_factory.getbasetemp() / "any.pack"
    path.write_bytes(b"head" + raw)
    try:
        count = len(pack_examine.examine_pack(path, 1 << 20, 4))
    except GitPoolError:
        assert bytes(raw) != PACK
        return
    assert bytes(raw) == PACK
    assert count == 3


@QUICK
@given(st.binary(max_size=120))
def test_any_bytes_after_a_packs_head_are_refused(
    tmp_path_factory: pytest.TempPathFactory, tail: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "tail.pack"
    path.write_bytes(PACK[:12] + tail)
    with pytest.raises(GitPoolError):
        pack_examine.examine_pack(path, 1 << 20)


def test_a_pack_of_more_than_its_bound_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "x.pack"
    path.write_bytes(PACK)
    assert len(pack_examine.examine_pack(path, 3005)) == 3
    with pytest.raises(GitPoolError):
        pack_examine.examine_pack(path, 3004)


# Several processes.

WORKER = """
import sys, time
from pathlib import Path
from gitpool.service import Service
base, user, staged, profile, number = sys.argv[1:]
service = Service(Path(base), Path(user), time.time, delay=3600)
for step in range(10):
    label = f"{number}-{step}"
    if step % 2:
        file = Path(staged) / f"{label}.png"
        service.pools.add(profile, file, 0, label)
    else:
        service.pools.label(profile, int(number), label)
    if step % 3 == int(number) % 3:
        service.versions.snapshot(profile)
    print(label, flush=True)
service.stop()
"""


def test_processes_that_edit_one_profile_lose_nothing(tmp_path: Path) -> None:
    base, user, staged = (tmp_path / name for name in ("input/grid_pool", "user", "staged"))
    staged.mkdir()
    service = Service(base, user, time.time, delay=3600)
    profile = service.profiles.create("ab12", "shared")["id"]
    for number in range(4):
        path = staged / f"first-{number}.png"
        path.write_bytes(picture(number))
        service.pools.add(profile, path, 0)
    pictures = {}
    for number in range(4):
        for step in range(1, 10, 2):
            pictures[f"{number}-{step}"] = picture(number * 10 + step)
            (staged / f"{number}-{step}.png").write_bytes(pictures[f"{number}-{step}"])
    where = [str(base), str(user), str(staged), profile]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, *where, str(number)],
            cwd=Path(__file__).resolve().parent.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(4)
    ]
    said = [worker.communicate(timeout=300) for worker in workers]
    for worker, (out, err) in zip(workers, said, strict=True):
        assert worker.returncode == 0, err.decode()
        assert len(out.split()) == 10
    service.versions.snapshot(profile)
    slots = service.pools.list(profile)["slots"]
    assert [slot["label"] for slot in slots[:4]] == [f"{n}-8" for n in range(4)]
    added = {slot["label"]: (base / profile / slot["image"]).read_bytes() for slot in slots[4:]}
    assert added == pictures
    assert len({slot["image"] for slot in slots}) == 24
    judge(base / profile)
    shown = service.versions.history(profile, 500)["snapshots"]
    assert len(shown) == len(git(base / profile, "log", "--format=%H").split())
    service.stop()


def test_threads_that_create_one_name_make_one_profile(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    service = Service(tmp_path / "grid_pool", tmp_path / "user", time.time, delay=3600)

    def create(number: int) -> str:
        try:
            return service.profiles.create(f"id{number}", "same")["id"]
        except GitPoolError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(create, range(8)))
    assert results.count("name_taken") == 7
    listed = service.profiles.list()
    assert len(listed["profiles"]) == 1
    assert listed["unregistered"] == []
    service.stop()


@pytest.mark.parametrize("late", [False, True], ids=["before the pixels", "behind the pixels"])
def test_a_pngs_rotation_is_found_wherever_it_stands(late: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.new("RGB", (40, 24)).save(out, "PNG", exif=exif)
    data, chunks, at = out.getvalue(), [], 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        chunks.append(data[at:end])
        at = end
    if late:
        chunks.sort(key=lambda chunk: chunk[4:8] == b"eXIf")
        chunks.append(chunks.pop(-2))
        assert [chunk[4:8] for chunk in chunks][-2:] == [b"eXIf", b"IEND"]
    assert images.probe(io.BytesIO(data[:8] + b"".join(chunks))).size == (24, 40)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        ("500", 500.0),
        *((t, Limits.silence) for t in ("", "x", "0", "nan", "-1")),
    ],
)
def test_how_long_a_remote_may_be_silent(text: str, seconds: float) -> None:
    limits = limits_from({"GITPOOL_REMOTE_TIMEOUT": text})
    assert limits.silence == seconds
    assert limits.connect <= seconds


@pytest.mark.parametrize(
    "text", ["file://elsewhere/x.git", "file:x.git", "file:///a%00b", "C:\\pools"]
)
def test_addresses_of_folders_are_whole_and_of_this_machine(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text, ("file",))
    assert parse("file://localhost/a%20b.git", ("file",)).path == "/a b.git"


def test_an_odd_slot_costs_itself_alone() -> None:
    good = [{"image": f"img_000{n}.png", "label": str(n)} for n in (1, 2, 3)]
    for odd in (
        *({}, None, 3, [], "img_0009.png", {"image": 7}, {"image": "../x.png"}),
        *({"image": "drawing.svg"}, {"image": "con.png"}, good[0]),
    ):
        raw = {"active": 3, "slots": [good[0], odd, good[1], good[2]], "next_seq": 9}
        manifest = parse_manifest(json.dumps(raw).encode())
        assert [slot.label for slot in manifest.slots] == ["1", "2", "3"], odd
        assert manifest.slots[manifest.active].label == "3", "the same image is active"
        assert manifest.next_seq == 9


@pytest.mark.parametrize(
    ("label", "text"),
    [(12, "12"), (1.5, "1.5"), (-3, "-3"), (None, ""), (True, ""), ([], ""), ("é" * 20_000, None)],
)
def test_labels_are_text_however_long(label: Any, text: str | None) -> None:
    raw = {"slots": [{"image": "img_0001.png", "label": label}]}
    (slot,) = parse_manifest(json.dumps(raw).encode()).slots
    assert slot.label == (label if text is None else text)


def test_other_programs_keys_are_carried_along() -> None:
    extra = {"tags": ["a", {"b": None}], "star": True, "note": "\ud800", "size": 1.5}
    raw = {
        "active": 0,
        "slots": [{"image": "img_0001.png", "mask": None, "label": "", "added": 1, **extra}],
        "next_seq": 2,
        "sets": {"one": [1, 2]},
        **{f"other {n}": n for n in range(3)},
    }
    manifest = parse_manifest(json.dumps(raw).encode())
    assert json.loads(manifest.dump()) == raw
    edited = manifest.change(0, label="x").add(Slot("img_0002.png")).reorder([1, 0]).remove(0)
    assert json.loads(edited.dump()) == {
        **raw,
        "slots": [{**raw["slots"][0], "label": "x"}],
        "next_seq": 3,
    }


def test_other_programs_keys_never_spoil_the_list() -> None:
    deep: Any = "x"
    for _ in range(400):
        deep = [deep]
    text = json.dumps({"slots": [{"image": "img_0001.png", "deep": deep}], "far": 1})
    text = text.replace('"far": 1', '"far": 1e999, "none": NaN, "no": [-Infinity]')
    manifest = parse_manifest(text.encode())
    assert json.loads(manifest.dump()) == {
        "active": 0,
        "slots": [{"image": "img_0001.png", "mask": None, "label": "", "added": 0}],
        "next_seq": 2,
        "far": None,
        "none": None,
        "no": [None],
    }
