"""Writing the tables of a census as files that a GIS, a spreadsheet or a program opens."""

from pondscan.export.csv import csv_bytes
from pondscan.export.geojson import geojson_bytes
from pondscan.export.geopackage import write_geopackage
from pondscan.export.products import PRODUCTS, Tables, write

__all__ = ["PRODUCTS", "Tables", "csv_bytes", "geojson_bytes", "write", "write_geopackage"]
