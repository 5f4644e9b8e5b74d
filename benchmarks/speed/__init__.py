"""What a round costs beside a bare loop that does the same useful work; see `python -m benchmarks.speed --help`."""
