"""Monitoring: a folder watched, its new scenes processed, what changed on the ground told once.

Everything a pass without news needs is imported without numpy or rasterio; the pipeline is imported when there is work.
"""
