"""pondscan: a census of leach ponds from multispectral scenes."""

__version__ = "0.1.0"
