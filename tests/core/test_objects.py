from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from pondscan.detect import objects, segment

MASK = np.array(
    [
        [0, 1, 1, 0, 0, 0],
        [0, 1, 0, 0, 1, 1],
        [0, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0],
    ],
    np.bool_,
)


def runs_of(mask: NDArray[np.bool_], row_start: int = 0) -> segment.Runs:
    return segment.runs(segment.Graded(np.flatnonzero(mask), mask.shape[1]), row_start, 0)


def test_boxes_and_sizes_of_a_small_picture() -> None:
    runs = runs_of(MASK)
    found = objects.gather(runs, segment.connect(runs, 6))
    assert found.n_pixels.tolist() == [5, 2, 1]
    assert found.row_start.tolist() == [0, 1, 3]
    assert found.row_stop.tolist() == [3, 2, 4]
    assert found.col_start.tolist() == [1, 4, 3]
    assert found.col_stop.tolist() == [3, 6, 4]


def test_taking_objects_keeps_their_runs_and_renumbers() -> None:
    runs = runs_of(MASK)
    found = objects.gather(runs, segment.connect(runs, 6)).take(np.array([False, True, True]))
    assert len(found) == 2
    assert found.label.tolist() == [0, 1]
    assert found.runs.row.tolist() == [1, 3]


def test_an_object_waits_until_the_rows_below_it_are_known() -> None:
    assembler = objects.Assembler(6)
    first = assembler.add(runs_of(MASK[:2]), 2, is_last=False)
    assert len(first) == 0  # both touch the last row seen
    second = assembler.add(runs_of(MASK[2:], 2), 4, is_last=True)
    assert second.n_pixels.tolist() == [5, 2, 1]


@given(
    hnp.arrays(np.bool_, st.tuples(st.integers(1, 30), st.integers(1, 12))),
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
)
@settings(deadline=None)
def test_objects_do_not_depend_on_the_strips(mask: NDArray[np.bool_], heights: list[int]) -> None:
    def collect(cuts: list[int]) -> list[tuple[int, ...]]:
        assembler = objects.Assembler(mask.shape[1])
        found: list[tuple[int, ...]] = []
        for start, stop in zip([0, *cuts], [*cuts, len(mask)], strict=True):
            runs = runs_of(mask[start:stop], start)
            closed = assembler.add(runs, stop, is_last=stop == len(mask))
            columns = (closed.row_start, closed.row_stop, closed.col_start, closed.col_stop, closed.n_pixels)
            found += list(zip(*(column.tolist() for column in columns), strict=True))
        return sorted(found)

    cuts = [cut for cut in np.cumsum(heights).tolist() if cut < len(mask)]
    assert collect(cuts) == collect([])
