"""The three-way merge as a pure function: its table of rules, and what must hold for any edits."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gitpool.git.changes import Version
from gitpool.git.merge import Merged, merge
from gitpool.pool.manifest import Manifest, Slot, image_name, mask_name


def pool(*slots: tuple[str, str], masks: dict[str, str] | None = None, **labels: str) -> Version:
    """A version from (image name without ending, content); `masks` and labels by image name."""
    made, blobs = [], {}
    for number, (name, content) in enumerate(slots):
        image, mask = f"{name}.png", (masks or {}).get(name)
        blobs[image] = content
        if mask:
            blobs[mask_name(image)] = mask
        made.append(Slot(image, mask_name(image) if mask else None, labels.get(name, ""), number))
    return Version(Manifest(tuple(made), 0, len(made) + 1), blobs)


def images(merged: Merged) -> list[str]:
    """The contents of the merged pool's images, in order."""
    version = merged.version
    return [version.blobs[slot.image] for slot in version.manifest.slots]


def labels(merged: Merged) -> list[str]:
    return [slot.label for slot in merged.version.manifest.slots]


def disputes(merged: Merged) -> list[tuple[str | None, str, object, object]]:
    return [(c.slot, c.what, c.kept, c.other) for c in merged.conflicts]


BASE = pool(("img_0001", "A"), ("img_0002", "B"), ("img_0003", "C"))


def test_new_images_of_both_sides_stay_and_clashing_names_are_renumbered() -> None:
    ours = pool(("img_0001", "A"), ("img_0002", "B"), ("img_0003", "C"), ("img_0004", "ours"))
    theirs = pool(("img_0001", "A"), ("img_0002", "B"), ("img_0003", "C"), ("img_0004", "theirs"))
    merged = merge(BASE, ours, theirs)
    assert sorted(images(merged)) == ["A", "B", "C", "ours", "theirs"]
    names = [slot.image for slot in merged.version.manifest.slots]
    assert len(set(names)) == 5
    assert merged.version.manifest.next_seq == 6
    assert not merged.conflicts


def test_equal_bytes_added_on_both_sides_come_once() -> None:
    ours = pool(("img_0001", "A"), ("img_0004", "same"))
    theirs = pool(("img_0001", "A"), ("img_0007", "same"), img_0007="named")
    merged = merge(pool(("img_0001", "A")), ours, theirs)
    assert images(merged) == ["A", "same"]
    assert labels(merged) == ["", "named"]


def test_the_same_picture_added_twice_on_one_side_stays_twice() -> None:
    ours = pool(("img_0001", "A"), ("img_0002", "X"), ("img_0003", "X"))
    theirs = pool(("img_0001", "A"), ("img_0002", "X"))
    assert images(merge(pool(("img_0001", "A")), ours, theirs)) == ["A", "X", "X"]


def test_labels_masks_and_order_merge_slot_by_slot() -> None:
    slots = ("img_0001", "A"), ("img_0002", "B"), ("img_0003", "C")
    ours = pool(*slots, img_0001="one", masks={"img_0002": "mask"})
    theirs = pool(slots[2], slots[0], slots[1], img_0003="three")
    merged = merge(BASE, ours, theirs)
    assert images(merged) == ["C", "A", "B"]
    assert labels(merged) == ["three", "one", ""]
    assert merged.version.blobs["img_0002.mask.png"] == "mask"
    assert not merged.conflicts


def test_an_edit_beats_a_deletion_and_a_move_does_not() -> None:
    ours = pool(("img_0003", "C"))
    theirs = pool(("img_0002", "B"), ("img_0001", "A"), ("img_0003", "C"), img_0001="kept")
    merged = merge(BASE, ours, theirs)
    assert images(merged) == ["A", "C"]
    assert not merged.conflicts


def test_a_repainted_mask_beats_a_cleared_one() -> None:
    base = pool(("img_0001", "A"), masks={"img_0001": "old"})
    repainted = pool(("img_0001", "A"), masks={"img_0001": "new"})
    for ours, theirs in (
        (pool(("img_0001", "A")), repainted),
        (repainted, pool(("img_0001", "A"))),
    ):
        merged = merge(base, ours, theirs)
        assert merged.version.blobs["img_0001.mask.png"] == "new"
        assert not merged.conflicts


def test_where_both_changed_the_same_ours_stays_and_the_others_is_named() -> None:
    base = pool(("img_0001", "A"), masks={"img_0001": "old"})
    ours = pool(("img_0001", "A1"), masks={"img_0001": "m1"}, img_0001="one")
    theirs = pool(("img_0001", "A2"), masks={"img_0001": "m2"}, img_0001="two")
    merged = merge(base, ours, theirs)
    assert (images(merged), labels(merged)) == (["A1"], ["one"])
    assert disputes(merged) == [
        ("img_0001.png", "image", "A1", "A2"),
        ("img_0001.png", "mask", "m1", "m2"),
        ("img_0001.png", "label", "one", "two"),
    ]


def test_images_moved_against_each_other_are_a_dispute_about_the_order() -> None:
    a, b, c = ("img_0001", "A"), ("img_0002", "B"), ("img_0003", "C")
    merged = merge(BASE, pool(c, a, b), pool(a, c, b))
    assert images(merged) == ["C", "A", "B"]
    assert [c.what for c in merged.conflicts] == ["order"]


def test_a_file_that_somebody_renamed_is_the_same_picture() -> None:
    ours = pool(("portrait", "A"), ("img_0002", "B"), ("img_0003", "C"))
    theirs = pool(("img_0001", "A"), ("img_0002", "B"), ("img_0003", "C"), img_0001="label")
    merged = merge(BASE, ours, theirs)
    assert images(merged) == ["A", "B", "C"]
    assert merged.version.manifest.slots[0].image == "portrait.png"
    assert labels(merged)[0] == "label"


def test_a_renamed_files_mask_goes_by_the_new_name() -> None:
    base = pool(("img_0001", "A"), masks={"img_0001": "M"})
    renamed = pool(("portrait", "A"), masks={"portrait": "M"})
    for ours, theirs in ((base, renamed), (renamed, base)):
        assert content(merge(base, ours, theirs).version)[0] == renamed.manifest.slots


def test_images_that_a_git_user_added_without_a_slot_get_one() -> None:
    theirs = Version(BASE.manifest, {**BASE.blobs, "dropped.png": "D", "dropped.mask.png": "M"})
    merged = merge(BASE, BASE, theirs)
    assert images(merged) == ["A", "B", "C", "D"]
    assert merged.version.manifest.slots[3].mask == "dropped.mask.png"


def test_the_active_image_chosen_here_stays() -> None:
    def choose(index: int) -> Version:
        return Version(BASE.manifest.activate(index), BASE.blobs)

    assert merge(BASE, choose(1), choose(2)).version.manifest.active == 1
    assert merge(BASE, BASE, choose(2)).version.manifest.active == 2


# Any edits.


@st.composite
def edits(draw: st.DrawFn, base: Version, marker: str) -> Version:
    """A few random edits. Contents come from few words, so that sides often do the same."""
    manifest, blobs = base.manifest, dict(base.blobs)
    for _ in range(draw(st.integers(0, 5))):
        what = draw(st.sampled_from(["add", "add", "paint", "label", "delete", "move", "clear"]))
        if what == "add":
            name = image_name(manifest.next_seq, ".png")
            label = draw(st.sampled_from(["", "x", "y"]))
            manifest = manifest.add(Slot(name, None, label, draw(st.integers(1, 50))))
            blobs[name] = draw(st.sampled_from(["p", "q", "r", f"{marker}s", f"{marker}t"]))
            continue
        if not manifest.slots:
            continue
        index = draw(st.integers(0, len(manifest.slots) - 1))
        slot = manifest.slots[index]
        if what == "paint":
            name = mask_name(slot.image)
            manifest = manifest.change(index, mask=name)
            blobs[name] = draw(st.sampled_from(["k", "l", f"{marker}m"]))
        elif what == "clear":
            blobs.pop(slot.mask or "", None)
            manifest = manifest.change(index, mask=None)
        elif what == "label":
            manifest = manifest.change(index, label=draw(st.sampled_from(["a", "b", "c"])))
        elif what == "delete":
            manifest = manifest.remove(index)
            blobs = {n: b for n, b in blobs.items() if n not in (slot.image, slot.mask)}
        else:
            order = list(range(len(manifest.slots)))
            order.insert(draw(st.integers(0, len(order) - 1)), order.pop(index))
            manifest = manifest.reorder(order)
    return Version(manifest, blobs)


@st.composite
def three_versions(draw: st.DrawFn) -> tuple[Version, Version, Version]:
    base = draw(edits(draw(edits(Version(), "0")), "0"))
    return base, draw(edits(base, "1")), draw(edits(base, "2"))


def content(version: Version) -> tuple[object, ...]:
    """A version without its choice of the active image, which stays as it is here."""
    return version.manifest.slots, version.manifest.next_seq, dict(version.blobs)


@settings(max_examples=600, deadline=None)
@given(three_versions())
def test_a_merge_is_the_same_whichever_side_does_it(
    versions: tuple[Version, Version, Version],
) -> None:
    base, ours, theirs = versions
    here, there = merge(base, ours, theirs), merge(base, theirs, ours)
    if not here.conflicts:
        assert content(here.version) == content(there.version)
    mirrored = sorted((c.what, str(c.kept), str(c.other)) for c in here.conflicts if c.slot)
    assert mirrored == sorted(
        (c.what, str(c.other), str(c.kept)) for c in there.conflicts if c.slot
    )
    assert len(here.conflicts) == len(there.conflicts)


@settings(max_examples=600, deadline=None)
@given(three_versions())
def test_a_merge_loses_nothing_and_changes_nothing_twice(
    versions: tuple[Version, Version, Version],
) -> None:
    base, ours, theirs = versions
    merged = merge(base, ours, theirs).version
    assert merged.manifest.file_names() == set(merged.blobs)
    known = {c.other for c in merge(base, ours, theirs).conflicts if c.what != "order"}
    for side in (ours, theirs):
        added = {s.image for s in side.manifest.slots} - set(base.blobs)
        assert {side.blobs[name] for name in added} <= {*merged.blobs.values(), *known}
    assert content(merge(base, ours, base).version) == content(ours)
    assert content(merge(base, base, theirs).version) == content(theirs)
    assert content(merge(base, ours, ours).version) == content(ours)
    again = merge(theirs, merged, theirs)
    assert content(again.version) == content(merged)
    assert not again.conflicts
