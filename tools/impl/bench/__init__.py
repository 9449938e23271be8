"""The benchmark: what a request costs in each gateway, measured side by side in one run.

`upstream` answers at once, `load` asks and checks every answer, `gateways` starts what is measured, `processes` reads
its CPU and memory, `run` alternates between the gateways, `summary` draws the figures from the rounds, and `report`
shows them.
"""
