"""Where a scene saw clear: a bit for each pixel of the blocks that are neither clear nor hidden throughout.

A census asks every scene at every pond and site. So packed, a full Sentinel-2 scene is asked at any of its pixels in a
twentieth of the time that decoding its coverage takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

BLOCK_PX = 512
BLOCK_BYTES = BLOCK_PX**2 // 8
HIDDEN, CLEAR, MIXED = 0, 1, 2
CODEC = "zstd"


@dataclass(frozen=True, slots=True, eq=False)
class ClearBlocks:
    """Blocks of a scene in rows, the first one in its upper left corner."""

    kind: Bytes
    """(n_blocks,) HIDDEN, CLEAR or MIXED."""
    bits: Bytes
    """(n_mixed, BLOCK_BYTES) bits of the mixed blocks, in rows; beyond the scene's edge they are 0."""
    n_across: int

    def at(self, row: Integers, col: Integers) -> Booleans:
        """Whether pixels were seen clear."""
        block = (row // BLOCK_PX) * self.n_across + col // BLOCK_PX
        is_clear, asked = self.kind[block] == CLEAR, np.flatnonzero(self.kind[block] == MIXED)
        number = np.cumsum(self.kind == MIXED) - 1
        bit = (row[asked] % BLOCK_PX) * BLOCK_PX + col[asked] % BLOCK_PX
        byte = self.bits[number[block[asked]], bit >> 3]
        is_clear[asked] = (byte >> (7 - (bit & 7)).astype(np.uint8)) & 1
        return np.asarray(is_clear)


def packed(blocks: Iterable[Booleans]) -> Bytes:
    """Pack blocks, in rows and none left out, each (height, width) of at most ``BLOCK_PX``: one row of bytes."""
    import pyarrow as pa

    kinds, bits = [], []
    for block in blocks:
        if block.all() or not block.any():
            kinds.append(CLEAR if block.all() else HIDDEN)
            continue
        kinds.append(MIXED)
        whole = np.zeros((BLOCK_PX, BLOCK_PX), bool)
        whole[: block.shape[0], : block.shape[1]] = block
        bits.append(np.packbits(whole))
    together = np.concatenate([np.array(kinds, np.uint8), *bits])
    small = np.frombuffer(pa.compress(together.tobytes(), codec=CODEC, asbytes=True), np.uint8)
    return np.concatenate([np.array([len(bits)], "<u4").view(np.uint8), small])


def unpacked(small: Bytes, width: int, height: int) -> ClearBlocks:
    """Unpack the blocks of a scene of so many pixels."""
    import pyarrow as pa

    n_mixed, n_across, n_down = int(small[:4].view("<u4")[0]), -(-width // BLOCK_PX), -(-height // BLOCK_PX)
    n_bytes = n_across * n_down + n_mixed * BLOCK_BYTES
    whole = pa.decompress(small[4:].tobytes(), decompressed_size=n_bytes, codec=CODEC, asbytes=True)
    together = np.frombuffer(whole, np.uint8)
    return ClearBlocks(
        together[: n_across * n_down], together[n_across * n_down :].reshape(n_mixed, BLOCK_BYTES), n_across
    )
