"""What a person does in QGIS, done by QGIS's own Python: run by the interpreter that QGIS was installed for.

Usage: qgis_session.py look FILE.gpkg PICTURE.png
       qgis_session.py edit FILE.gpkg
"""

from __future__ import annotations

import json
import sys

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsProviderRegistry,
    QgsRectangle,
    QgsVectorLayer,
    QgsVectorLayerUtils,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

SIDE_PX = 600


def layers_of(path):
    """Open every layer of the file, as dragging it into QGIS does."""
    found = QgsProviderRegistry.instance().querySublayers(path)
    names = [one.name() for one in found if one.wkbType() != 100]  # 100: a table without geometry
    return {name: QgsVectorLayer(f"{path}|layername={name}", name, "ogr") for name in names}


def look(path, picture):
    """Say what QGIS makes of each layer, and paint the ponds as QGIS shows them."""
    lonlat = QgsCoordinateReferenceSystem("EPSG:4326")
    told = {}
    for name, layer in layers_of(path).items():
        renderer = layer.renderer()
        to_lonlat = QgsCoordinateTransform(layer.crs(), lonlat, QgsProject.instance())
        box = to_lonlat.transformBoundingBox(layer.extent())
        told[name] = {
            "is_valid": layer.isValid(),
            "n": layer.featureCount(),
            "crs": layer.crs().authid(),
            "bounds": [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()],
            "renderer": renderer.type(),
            "attribute": renderer.classAttribute() if renderer.type() == "categorizedSymbol" else "",
            "colors": {
                str(one.value()): one.symbol().symbolLayer(0).fillColor().getRgb()
                for one in (renderer.categories() if renderer.type() == "categorizedSymbol" else ())
            },
        }
    ponds = layers_of(path)["ponds"]
    told["largest"] = paint(ponds, picture)
    return told


def paint(layer, picture):
    """Paint the ground around the largest pond; its kind, and its colour in the middle of the picture."""
    largest = max(layer.getFeatures(), key=lambda feature: feature.geometry().area())
    middle = largest.geometry().pointOnSurface().asPoint()
    side = 40.0
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(QgsRectangle(middle.x() - side, middle.y() - side, middle.x() + side, middle.y() + side))
    settings.setOutputSize(QSize(SIDE_PX, SIDE_PX))
    settings.setBackgroundColor(QColor("white"))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    image.save(picture)
    color = QColor(image.pixel(SIDE_PX // 2, SIDE_PX // 2))
    return {"kind": largest["kind"], "color": color.getRgb()}


def edit(path):
    """Delete two ponds, redraw one, draw one anew, in one editing session of the layer ``ponds``."""
    layer = layers_of(path)["ponds"]
    features = sorted(layer.getFeatures(), key=lambda feature: -feature["confidence"])
    deleted, redrawn = features[:2], features[2]
    assert layer.startEditing()
    assert layer.deleteFeatures([feature.id() for feature in deleted])
    wider = redrawn.geometry().buffer(2.0, 8)
    wider.convertToMultiType()
    assert layer.changeGeometry(redrawn.id(), wider)
    box = layer.extent()
    square = QgsGeometry.fromRect(
        QgsRectangle(box.xMinimum(), box.yMinimum() - 60, box.xMinimum() + 20, box.yMinimum() - 40)
    )
    square.convertToMultiType()
    new: QgsFeature = QgsVectorLayerUtils.createFeature(layer, square)
    assert layer.addFeature(new)
    assert layer.commitChanges(), layer.commitErrors()
    return {
        "deleted": [feature["pond_id"] for feature in deleted],
        "redrawn": redrawn["pond_id"],
        "area_m2": wider.area(),
    }


def main():
    """Answer as JSON on the last line."""
    application = QgsApplication([], False)
    application.initQgis()
    does = {"look": look, "edit": edit}
    print(json.dumps(does[sys.argv[1]](*sys.argv[2:])))  # noqa: T201
    sys.stdout.flush()


main()
