"""The first frame as Load Image decodes it since ComfyUI 0.33: by PyAV, which ComfyUI brings.

Its JPEG, WebP and grey differ by some levels from Pillow's, and what has more than eight bits a
channel keeps them. It turns pictures by their EXIF data, but mirrors none, and doesn't look for it
everywhere; where it would show a picture turned otherwise than the page and its masks do, or can't
show it, Pillow's is taken. Films, playlists and what else may name other files are never opened.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from . import images

if TYPE_CHECKING:
    import numpy as np

_FORMATS = (
    *("apng", "avif", "bmp_pipe", "dds_pipe", "gif", "gif_pipe", "hdr_pipe", "j2k_pipe"),
    *("jpeg_pipe", "mjpeg", "mov,mp4,m4a,3gp,3g2,mj2", "pbm_pipe", "pcx_pipe", "pfm_pipe"),
    *("pgm_pipe", "png_pipe", "ppm_pipe", "psd_pipe", "qoi_pipe", "sgi_pipe", "sunrast_pipe"),
    *("tiff_pipe", "webp", "webp_pipe"),
)
# Those that it tells by their names, which bytes don't have.
_CODECS = {".tga": "targa", ".ppm": "ppm", ".pgm": "pgm"}
# Frames of these are taken with eight bits a channel, all others as floats.
_EIGHT_BITS = ("yuvj420p", "yuvj422p", "yuvj444p", "rgb24", "rgba", "pal8")
# By the EXIF standard's number, how far an image is turned; the others are mirrored as well.
_TURNS = {None: 0, 1: 0, 3: 180, 6: 270, 8: 90}
# Frames of floats are widened to a multiple of this, or their right edge would come out by chance.
_ALIGNED = 32


def first_frame(data: bytes) -> np.ndarray | None:
    """[H,W,3], float32, mostly 0..1; None where Pillow's is to be taken."""
    with images.open_image(io.BytesIO(data)) as (image, extension):
        size, orientation = images.shown_as(image)
        # Grey with alpha it takes for five bits of each colour.
        codec = _CODECS.get(extension) if image.mode != "LA" else None
    turn = _TURNS.get(orientation)
    if turn is None:
        return None
    try:
        frame = _decoded_by(codec, data) if codec else _decoded(data)
        if frame is None or (frame.rotation - turn) % 360:
            return None
        found = _turned(_colours(frame), frame.rotation)
    except Exception:  # whatever it can't show, in whatever way it fails, Pillow does
        return None
    return found if found.shape[:2] == size[::-1] else None


def _decoded(data: bytes) -> Any | None:
    import av

    # ComfyUI's list may be another one: each by its own name.
    options = {"format_whitelist": ",".join(_FORMATS)}
    with av.open(io.BytesIO(data), mode="r", options=options) as container:
        stream = container.streams.video[0] if container.streams.video else None
        if stream is None or stream.width * stream.height > images.MAX_PIXELS:
            return None
        for packet in container.demux(stream):
            try:
                for frame in packet.decode():
                    # Load Image compares it with where to begin, and fails where there is none.
                    return frame if frame.pts is not None else None
            except av.error.InvalidDataError:
                continue
    return None


def _decoded_by(codec: str, data: bytes) -> Any | None:
    import av

    decoder = av.CodecContext.create(codec, "r")
    for packet in (av.Packet(data), None):
        for frame in decoder.decode(packet):
            return frame
    return None


def _colours(frame: Any) -> np.ndarray:
    import numpy as np

    clear = frame.format.name == "pal8" or any(c.is_alpha for c in frame.format.components)
    if frame.format.name in _EIGHT_BITS:
        found = frame.to_ndarray(format="rgba" if clear else "rgb24")
        return found[..., :3].astype(np.float32) / np.float32(255.0)
    form = "gbrapf32le" if clear else "gbrpf32le"
    wide = frame if frame.width % _ALIGNED == 0 else _widened(frame)
    return wide.to_ndarray(format=form)[: frame.height, : frame.width, :3]


def _widened(frame: Any) -> Any:
    """The frame with its last column and row repeated up to the next multiple."""
    from fractions import Fraction

    import av

    width, height = (-(-side // _ALIGNED) * _ALIGNED for side in (frame.width, frame.height))
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format.name,
        time_base=frame.time_base or Fraction(1, 25),
    )
    pad = graph.add("pad", f"{width}:{height}:0:0")
    right, bottom = width - frame.width, height - frame.height
    fill = graph.add("fillborders", f"left=0:right={right}:top=0:bottom={bottom}:mode=smear")
    sink = graph.add("buffersink")
    for one, next_one in ((source, pad), (pad, fill), (fill, sink)):
        one.link_to(next_one)
    graph.configure()
    source.push(frame)
    return sink.pull()


def _turned(found: np.ndarray, rotation: int) -> np.ndarray:
    import numpy as np

    if rotation:
        found = np.rot90(found, k=round(rotation // 90), axes=(0, 1))
    return np.ascontiguousarray(found)
