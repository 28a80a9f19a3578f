"""Observations to the census: looks, identities over time, sites, series and survey."""
