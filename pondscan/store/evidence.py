"""One scene's evidence as Parquet: everything measured in it, however unlikely.

A pond that a later scene makes known is looked up here, when the scene's own pixels may long be gone.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pondscan.errors import WorkspaceError
from pondscan.store.atomic import storage_errors
from pondscan.tables import EVIDENCE, conform


def write_evidence(path: Path, evidence: pd.DataFrame) -> None:
    """Write what was measured in a scene: columns ``tables.EVIDENCE``.

    Raises
    ------
    ValueError
        When a column is missing.
    WorkspaceError
        When the file cannot be written.
    """
    table = pa.Table.from_pandas(conform(evidence, EVIDENCE), preserve_index=False)
    with storage_errors(path):
        pq.write_table(table, path, compression="zstd")


def read_evidence(path: Path) -> pd.DataFrame:
    """Read what was measured in a scene.

    Raises
    ------
    WorkspaceError
        When the file is missing or damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            evidence: pd.DataFrame = file.read(use_threads=False).to_pandas(ignore_metadata=True)
        return conform(evidence, EVIDENCE)
    except (OSError, pa.ArrowInvalid, ValueError) as error:
        message = f"{path}: the evidence of this scene is missing or damaged: forget the scene and run it again"
        raise WorkspaceError(message) from error
