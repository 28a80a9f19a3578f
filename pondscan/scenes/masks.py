"""What the agencies' masks say, in ``model.Coverage`` codes: arrays in, arrays out.

Bit positions and class numbers follow the agencies' product handbooks (Sentinel-2 scene classification, Landsat
Collection 2 QA_PIXEL and QA_RADSAT, HLS v2.0 Fmask, Planet UDM2).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from pondscan.model import Coverage

Codes = NDArray[np.uint8]

MULTIBAND_ROLES = frozenset({"udm2", "l1c_clouds"})
"""Masks whose classes are bands of one file; their decoders take an array (bands, rows, columns)."""

# Weakest first: where several masks speak, the strongest reason is kept, and a named reason beats an unnamed one.
_PRECEDENCE = (
    Coverage.CLEAR,
    Coverage.UNUSABLE,
    Coverage.MARGIN,
    Coverage.SATURATED,
    Coverage.SNOW,
    Coverage.HAZE,
    Coverage.CIRRUS,
    Coverage.SHADOW,
    Coverage.CLOUD,
    Coverage.OUTSIDE,
)
_RANK = np.empty(len(Coverage), np.uint8)
_RANK[list(_PRECEDENCE)] = np.arange(len(_PRECEDENCE), dtype=np.uint8)
_BY_RANK = np.array(_PRECEDENCE, np.uint8)

_SCL = np.full(256, Coverage.UNUSABLE, np.uint8)
_SCL[:12] = (
    Coverage.OUTSIDE,  # 0 no data
    Coverage.SATURATED,  # 1 saturated or defective
    Coverage.CLEAR,  # 2 dark features: terrain shadow, but dark ponds too
    Coverage.SHADOW,  # 3
    Coverage.CLEAR,  # 4 vegetation
    Coverage.CLEAR,  # 5 not vegetated
    Coverage.CLEAR,  # 6 water
    Coverage.CLEAR,  # 7 unclassified
    Coverage.CLOUD,  # 8 medium probability
    Coverage.CLOUD,  # 9 high probability
    Coverage.CIRRUS,  # 10
    Coverage.SNOW,  # 11
)


def from_scl(scl: NDArray[np.integer]) -> Codes:
    """Sentinel-2 scene classification."""
    return np.asarray(_SCL[np.clip(scl, 0, 255)])


def _by_bits(bits: NDArray[np.integer], meanings: Sequence[tuple[int, Coverage]]) -> Codes:
    """The strongest of the reasons whose bits are set."""
    codes = np.full(bits.shape, Coverage.CLEAR, np.uint8)
    for position, code in sorted(meanings, key=lambda meaning: _RANK[meaning[1]]):
        codes[(bits >> position) & 1 == 1] = code
    return codes


def from_qa_pixel(bits: NDArray[np.integer]) -> Codes:
    """Landsat Collection 2 QA_PIXEL."""
    return _by_bits(
        bits,
        (
            (0, Coverage.OUTSIDE),
            (1, Coverage.MARGIN),
            (2, Coverage.CIRRUS),
            (3, Coverage.CLOUD),
            (4, Coverage.SHADOW),
            (5, Coverage.SNOW),
        ),
    )


def from_qa_radsat(bits: NDArray[np.integer]) -> Codes:
    """Landsat Collection 2 QA_RADSAT: saturation in bands 1 to 7, dropped pixels (bit 9), terrain occlusion (11)."""
    saturated = tuple((position, Coverage.SATURATED) for position in range(7))
    return _by_bits(bits, (*saturated, (9, Coverage.UNUSABLE), (11, Coverage.UNUSABLE)))


def from_fmask(bits: NDArray[np.integer]) -> Codes:
    """HLS v2.0 Fmask; 255 is fill."""
    codes = _by_bits(
        bits,
        (
            (0, Coverage.CIRRUS),
            (1, Coverage.CLOUD),
            (2, Coverage.MARGIN),
            (3, Coverage.SHADOW),
            (4, Coverage.SNOW),
        ),
    )
    codes[bits == 255] = Coverage.OUTSIDE
    return codes


def from_udm2(bands: NDArray[np.integer]) -> Codes:
    """Planet UDM2: clear, snow, shadow, light haze, heavy haze, cloud, confidence, UDM1 bits; fewer bands do too.

    A pixel that is neither clear nor of any class is unusable. The UDM1 bits tell fill (bit 0) from missing or suspect
    data (bits 2 to 7).
    """
    codes = np.where(bands[0] == 1, np.uint8(Coverage.CLEAR), np.uint8(Coverage.UNUSABLE))
    classes = (Coverage.SNOW, Coverage.SHADOW, Coverage.HAZE, Coverage.HAZE, Coverage.CLOUD)
    for band, code in zip(bands[1:6], classes, strict=False):
        codes[band == 1] = code
    if len(bands) >= 8:
        codes[(codes == Coverage.CLEAR) & (bands[7] >> 2 != 0)] = Coverage.UNUSABLE
        codes[bands[7] & 1 == 1] = Coverage.OUTSIDE
    return codes


def from_l1c_clouds(bands: NDArray[np.integer]) -> Codes:
    """Sentinel-2 L1C ``MSK_CLASSI``: opaque cloud, cirrus, snow (older ``MSK_CLOUDS`` polygons: the first two)."""
    codes = np.full(bands.shape[1:], Coverage.CLEAR, np.uint8)
    for band, code in zip(bands[::-1], (Coverage.SNOW, Coverage.CIRRUS, Coverage.CLOUD)[-len(bands) :], strict=False):
        codes[band == 1] = code
    return codes


def from_clear(usable: NDArray[np.integer]) -> Codes:
    """Sidecar ``NAME.clear.tif``: 1 is usable, anything else is not."""
    return np.where(usable == 1, np.uint8(Coverage.CLEAR), np.uint8(Coverage.UNUSABLE))


DECODERS: dict[str, Callable[[NDArray[np.integer]], Codes]] = {
    "scl": from_scl,
    "qa_pixel": from_qa_pixel,
    "qa_radsat": from_qa_radsat,
    "fmask": from_fmask,
    "udm2": from_udm2,
    "l1c_clouds": from_l1c_clouds,
    "clear": from_clear,
}
"""Mask role → the function that reads it."""


def combine(layers: Sequence[Codes]) -> Codes:
    """Several masks of the same pixels: each pixel keeps its strongest reason."""
    ranks = [_RANK[layer] for layer in layers]
    return np.asarray(_BY_RANK[np.maximum.reduce(ranks)])


def keep_classes(codes: Codes, classes: Collection[str]) -> Codes:
    """Turn the reasons that are not in ``classes`` (lower-case ``Coverage`` names) into clear.

    The agencies' own margins around cloud and shadow stay as long as one of the two does.
    """
    if codes.size and codes.max() <= Coverage.CLEAR:  # as nearly every tile of a clear scene
        return codes
    kept = {Coverage[name.upper()] for name in classes} | {Coverage.OUTSIDE}
    if kept & {Coverage.CLOUD, Coverage.SHADOW}:
        kept.add(Coverage.MARGIN)
    table = np.array([code if code in kept else Coverage.CLEAR for code in Coverage], np.uint8)
    return np.asarray(table[codes])
