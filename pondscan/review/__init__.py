"""The review round trip: ponds handed out to be judged, verdicts taken back into the census."""
