"""tools/gap_report: how ready a gateway is, item by item. `report.py` is the format, `views/` are readers of it."""
