"""Metrics of several processes in one text of Prometheus' format. Pure."""

from collections.abc import Iterable, Mapping


def merge(texts: Mapping[str, bytes]) -> bytes:
    """Return the metrics of all texts, each sample with the label `process`: the name of its text.

    The samples of a metric stay together, as the format requires.
    """
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for process, text in texts.items():
        metric = ""
        for line in text.decode().splitlines():
            if line.startswith("# HELP "):
                metric = line.split(" ", 3)[2]
                heads.setdefault(metric, [line])
                samples.setdefault(metric, [])
            elif line.startswith("# TYPE "):
                if len(heads[metric]) == 1:
                    heads[metric].append(line)
            elif line:
                samples[metric].append(_labelled(line, process))
    return "".join(f"{line}\n" for line in _in_order(heads, samples)).encode()


def _labelled(sample: str, process: str) -> str:
    """Return a sample with the label. A name has neither a brace nor a space, so the first one ends it."""
    name = sample.partition(" ")[0].partition("{")[0]
    rest = sample[len(name) :]
    label = f'process="{process}"'
    return f"{name}{{{label},{rest[1:]}" if rest.startswith("{") else f"{name}{{{label}}}{rest}"


def _in_order(heads: Mapping[str, list[str]], samples: Mapping[str, list[str]]) -> Iterable[str]:
    for metric, head in heads.items():
        yield from head
        yield from samples[metric]
