"""One scene to its observations: candidates found, split, measured and judged, in a stream of tiles."""
