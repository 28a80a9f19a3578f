"""Small readers of the agencies' metadata: XML without namespaces, JSON, sentences when they are broken."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

from pondscan.errors import InputError
from pondscan.scenes.listing import Listing


def read_xml(listing: Listing, file: str) -> ET.Element:
    """Root of an XML file.

    Raises
    ------
    InputError
        If it is no XML.
    """
    return parse_xml(listing.read(file), listing.shown(file))


def parse_xml(content: bytes, where: str) -> ET.Element:
    """Root of an XML document, its tags stripped of their namespaces (they change with the processing baseline).

    Raises
    ------
    InputError
        If it is no XML.
    """
    if b"<!ENTITY" in content:
        raise InputError(f"{where} declares XML entities, which no product does: it is not read")
    try:
        root = ET.fromstring(content)  # noqa: S314 (entities are refused above)
    except ET.ParseError as error:
        raise InputError(f"{where} is no valid XML ({error}): fetch the product again") from error
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root


def read_json(listing: Listing, file: str) -> dict[str, Any]:
    """Object of a JSON file.

    Raises
    ------
    InputError
        If it is no JSON object.
    """
    try:
        document = json.loads(listing.read(file))
    except ValueError as error:
        raise InputError(f"{listing.shown(file)} is no valid JSON ({error}): fetch it again") from error
    if not isinstance(document, dict):
        raise InputError(f"{listing.shown(file)} holds no JSON object: it cannot be the metadata of a scene")
    return document


def text_at(root: ET.Element, *tags: str) -> str | None:
    """Text of the first element with one of the tags, anywhere below ``root``, the first tag preferred."""
    for tag in tags:
        element = root.find(f".//{tag}")
        if element is not None and element.text and element.text.strip():
            return element.text.strip()
    return None


def number_at(root: ET.Element, *tags: str) -> float | None:
    """Number in the first element with one of the tags; None where there is none."""
    text = text_at(root, *tags)
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
