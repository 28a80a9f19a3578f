"""``--to kml``: ponds and sites for Google Earth and its like, in the colours they have in QGIS.

A pond is on the time slider from the day it was first seen; it leaves it only when it is *gone*, on the day it was last
seen: one that nobody could see since is still shown.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from pondscan.export.geojson import lonlat_polygons
from pondscan.export.snapshot import Snapshot
from pondscan.export.values import Value, plain_rows, prepared
from pondscan.tables import Column

NAMESPACE = "http://www.opengis.net/kml/2.2"
FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML may hold."""


@dataclass(frozen=True, slots=True)
class Folder:
    """How a layer is shown."""

    layer: str
    title: str
    id_column: str
    styled_by: str
    """Column that the QGIS style of the layer goes by."""


FOLDERS = (
    Folder("sites", "Sites", "site_id", "status"),
    Folder("ponds", "Ponds", "pond_id", "kind"),
)


def export(snapshot: Snapshot, folder: Path) -> tuple[str, ...]:
    """Write ``census.kml``: styles, the sites and the ponds with all their columns, longitude and latitude in WGS84.

    Returns
    -------
    tuple of str
        What a user must know of it: nothing.
    """
    ET.register_namespace("", NAMESPACE)
    root = ET.Element(_tag("kml"))
    document = _child(root, "Document")
    _child(document, "name", snapshot.name)
    for one in FOLDERS:
        for value, color in qgis_colors(one.layer).items():
            _add_style(document, f"{one.layer}-{value}", color)
    for one in FOLDERS:
        _add_schema(document, one, snapshot.columns[one.layer])
    for one in FOLDERS:
        _add_folder(document, one, snapshot)
    ET.indent(root, " ")
    ET.ElementTree(root).write(folder / "census.kml", encoding="utf-8", xml_declaration=True)
    return ()


def qgis_colors(layer: str) -> dict[str, str]:
    """Colour of every category in a layer's QGIS style, as KML has it: ``aabbggrr``."""
    text = resources.files("pondscan.export").joinpath("styles", f"{layer}.qml").read_text("utf-8")
    style = ET.fromstring(text)  # noqa: S314  (our own file)
    symbols = {symbol.get("name"): symbol for symbol in style.iter("symbol")}
    return {
        category.get("value", ""): _kml_color(symbols[category.get("symbol")]) for category in style.iter("category")
    }


def _kml_color(symbol: ET.Element) -> str:
    color = next(option for option in symbol.iter("Option") if option.get("name") == "color")
    red, green, blue, alpha = (int(part) for part in color.get("value", "").split(",")[:4])
    return f"{alpha:02x}{blue:02x}{green:02x}{red:02x}"


def _add_style(document: ET.Element, name: str, color: str) -> None:
    style = _child(document, "Style", id=name)
    line = _child(style, "LineStyle")
    _child(line, "color", "ff" + color[2:])
    _child(line, "width", "1.5")
    _child(_child(style, "PolyStyle"), "color", color)


def _add_schema(document: ET.Element, one: Folder, columns: tuple[Column, ...]) -> None:
    """Declare the columns: every null is left out, so that an empty one is never a zero."""
    types = {"string": "string", "integer": "int", "number": "double", "datetime": "string", "boolean": "bool"}
    schema = _child(document, "Schema", id=f"{one.layer}-columns", name=one.layer)
    for column in columns:
        field = _child(schema, "SimpleField", type=types[column.kind], name=column.name)
        _child(field, "displayName", column.name)


def _add_folder(document: ET.Element, one: Folder, snapshot: Snapshot) -> None:
    folder = _child(document, "Folder")
    _child(folder, "name", one.title)
    columns, layer = snapshot.columns[one.layer], snapshot.layers[one.layer]
    names = [column.name for column in columns]
    outlines = lonlat_polygons(layer.geometry)
    for row, outline in zip(plain_rows(prepared(layer, columns), columns), outlines, strict=True):
        _add_placemark(folder, one, dict(zip(names, row, strict=True)), outline)


def _add_placemark(folder: ET.Element, one: Folder, row: dict[str, Value], outline: BaseGeometry) -> None:
    mark = _child(folder, "Placemark", id=str(row[one.id_column]))
    _child(mark, "name", str(row[one.id_column]))
    if row["first_seen"] is not None:
        span = _child(mark, "TimeSpan")
        _child(span, "begin", str(row["first_seen"]))
        if row["status"] == "gone" and row["last_seen"] is not None:
            _child(span, "end", str(row["last_seen"]))
    _child(mark, "styleUrl", f"#{one.layer}-{row[one.styled_by]}")
    data = _child(_child(mark, "ExtendedData"), "SchemaData", schemaUrl=f"#{one.layer}-columns")
    for name, value in row.items():
        if value is not None:
            _child(data, "SimpleData", _text(value), name=name)
    _add_geometry(mark, outline)


def _add_geometry(mark: ET.Element, outline: BaseGeometry) -> None:
    parts = list(shapely.get_parts(outline))
    parent = mark if len(parts) == 1 else _child(mark, "MultiGeometry")
    for part in parts:
        polygon = _child(parent, "Polygon")
        _child(_child(_child(polygon, "outerBoundaryIs"), "LinearRing"), "coordinates", _corners(part.exterior))
        for hole in part.interiors:
            _child(_child(_child(polygon, "innerBoundaryIs"), "LinearRing"), "coordinates", _corners(hole))


def _corners(ring: BaseGeometry) -> str:
    return " ".join(f"{lon:.7f},{lat:.7f}" for lon, lat in shapely.get_coordinates(ring).tolist())


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _child(parent: ET.Element, name: str, text: str | None = None, /, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, _tag(name), attributes)
    if text is not None:
        child.text = FORBIDDEN.sub("\ufffd", text)
    return child


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
