"""The analysis behind CreateReport: statistics over the registered data files, in Markdown. No AI, and it says so.

`report.analyse` takes what the store knows (`Material`) and a way to open files; it knows no SQL. What is computed stands in
pure modules (`stats`, `measurements`, `history`, `traces`, `outcomes`), what is said of it in those named `…_sections`.
This module imports no more than plain values: a session without a report should not wait for `statistics` and `csv`.
"""

from .material import MEASUREMENTS, MOST_RUNS, Analysis, File, Material, PastFile, PastStep, Step

__all__ = ["MEASUREMENTS", "MOST_RUNS", "Analysis", "File", "Material", "PastFile", "PastStep", "Step"]
