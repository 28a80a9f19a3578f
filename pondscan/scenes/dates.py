"""When a scene was taken: from headers, metadata and names, and the rule for scenes that do not say it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pondscan.errors import ConfigError, InputError
from pondscan.model import Scene

_IN_NAME = re.compile(r"(?<!\d)((?:19|20)\d{6})(?:T(\d{6}))?(?!\d)")


def parse_utc(text: str) -> datetime:
    """An ISO 8601 time as aware UTC; a time without zone is taken for UTC.

    Raises
    ------
    ValueError
        If it is no ISO 8601 time.
    """
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def date_in_header(tags: Mapping[str, str]) -> datetime | None:
    """Time in GDAL tags: ``ACQUISITIONDATETIME`` (ISO), else ``TIFFTAG_DATETIME`` (``YYYY:MM:DD HH:MM:SS``)."""
    for key in ("ACQUISITIONDATETIME", "TIFFTAG_DATETIME"):
        text = tags.get(key, "").strip().replace("/", "-")
        match = re.match(r"(\d{4})[:-](\d\d)[:-](\d\d)(.*)", text)
        if match:
            try:
                return parse_utc("-".join(match.groups()[:3]) + match.group(4).rstrip())
            except ValueError:
                continue
    return None


def date_in_name(text: str) -> datetime | None:
    """First valid ``YYYYMMDD`` or ``YYYYMMDDTHHMMSS`` in a name.

    Examples
    --------
    >>> date_in_name("m_4709963_se_14_1_20090818.tif")
    datetime.datetime(2009, 8, 18, 0, 0, tzinfo=datetime.timezone.utc)
    """
    for day, time in _IN_NAME.findall(text):
        try:
            return datetime.strptime(day + (time or "000000"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def date_scenes(scenes: Sequence[Scene], acquired: datetime | None) -> list[Scene]:
    """Give every scene its time: its own metadata, else ``acquired``, else its name.

    ``acquired`` dates the one scene whose metadata are silent; when there are several such scenes, the one whose name
    is silent too.

    Raises
    ------
    InputError
        If several scenes stay without a date.
    ConfigError
        If ``acquired`` would have to date several scenes.
    """
    by_name = [scene.datetime or date_in_name(Path(scene.source).name) for scene in scenes]
    silent = [i for i, scene in enumerate(scenes) if scene.datetime is None]
    undated = [i for i in silent if by_name[i] is None]
    if len(undated) > 1:
        _refuse([scenes[i] for i in undated], is_acquired_given=acquired is not None)
    chosen = undated or (silent if len(silent) == 1 else [])
    dated = []
    for i, scene in enumerate(scenes):
        if acquired is not None and i in chosen:
            dated.append(_dated_by_hand(scene, parse_utc(acquired.isoformat()), by_name[i]))
        elif acquired is not None and len(scenes) == 1:
            dated.append(_kept_own_date(scene, parse_utc(acquired.isoformat())))
        else:
            dated.append(replace(scene, datetime=by_name[i]))
    return dated


def _refuse(undated: Sequence[Scene], *, is_acquired_given: bool) -> None:
    names = ", ".join(Path(scene.source).name for scene in undated[:4]) + (" …" if len(undated) > 4 else "")
    if is_acquired_given:
        raise ConfigError(
            f"--datetime dates one scene, but {len(undated)} have no date ({names}): put YYYYMMDD into their names, "
            "or run them one at a time"
        )
    raise InputError(
        f"{len(undated)} scenes have no date ({names}), so their order is unknown: put YYYYMMDD into their names, set "
        "TIFFTAG_DATETIME, or run them one at a time with --datetime"
    )


def _dated_by_hand(scene: Scene, acquired: datetime, in_name: datetime | None) -> Scene:
    warnings = scene.warnings
    if in_name is not None and in_name.date() != acquired.date():
        warnings = (*warnings, f"date {acquired:%Y-%m-%d} (--datetime) is used, not {in_name:%Y-%m-%d} (file name)")
    return replace(scene, datetime=acquired, warnings=warnings)


def _kept_own_date(scene: Scene, acquired: datetime) -> Scene:
    if scene.datetime is None or scene.datetime == acquired:
        return scene
    own = f"{scene.datetime:%Y-%m-%dT%H:%M:%SZ}"
    warning = f"date {own} (the product's metadata) is used, not {acquired:%Y-%m-%dT%H:%M:%SZ} (--datetime)"
    return replace(scene, warnings=(*scene.warnings, warning))
