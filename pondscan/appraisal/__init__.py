"""A census held against the truth: files in, scores of every scene out."""

from pondscan.appraisal.compare import Appraisal, Compared, appraise

__all__ = ["Appraisal", "Compared", "appraise"]
