"""Prometheus' text format 0.0.4, read strictly: what a scraper would put up with, and this does not, fails the test."""
import math
import re

from cluster import check

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (-?[0-9]+(?:\.[0-9]+)?|\+Inf|NaN)$")


def read_labels(text, line):
    labels, at = {}, 0
    while text and at < len(text):
        m = LABEL.match(text, at)
        check(m, f"labels: {line}")
        check(m[1] not in labels, f"a label twice: {line}")
        labels[m[1]] = m[2]
        at = m.end()
        check(m[3] == "" or at < len(text), f"a comma at the end: {line}")
    return labels


def family_of(name, types):
    """The family that a sample belongs to: a histogram's have suffixes."""
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if base != name and types.get(base) == "histogram":
            return base
    return name


def check_histogram(family, samples):
    series = {}
    for (name, labels), value in samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        series.setdefault(rest, {}).setdefault(name.removeprefix(family), []).append((dict(labels).get("le"), value))
    for rest, parts in series.items():
        check(set(parts) == {"_bucket", "_sum", "_count"}, f"{family}{rest} has {sorted(parts)}")
        bounds = [float(le) for le, _ in parts["_bucket"]]
        counts = [value for _, value in parts["_bucket"]]
        check(bounds == sorted(set(bounds)) and bounds[-1] == math.inf, f"{family}: bounds {bounds}")
        check(counts == sorted(counts), f"{family}: its buckets do not add up: {counts}")
        check(counts[-1] == parts["_count"][0][1], f"{family}: +Inf is not _count")
        check(parts["_sum"][0][1] >= 0, f"{family}: _sum")


def read(text):
    """-> {(name, ((label, value), ...)): number}"""
    types, helps, done, all_samples, current = {}, {}, set(), {}, None
    check(text.endswith("\n") and "\n\n" not in text, "the last line has an end, and none is empty")
    families = {}
    for line in text.splitlines():
        m = re.match(rf"# (HELP|TYPE) ({NAME}) (.+)$", line)
        if m:
            known = helps if m[1] == "HELP" else types
            check(m[2] not in known, f"{m[1]} of {m[2]} twice")
            check(m[2] not in families, f"{m[1]} of {m[2]} behind its samples")
            check(m[1] == "HELP" or m[3] in ("counter", "gauge", "histogram"), line)
            check(m[1] == "HELP" or m[3] != "counter" or m[2].endswith("_total"), f"a counter's name: {m[2]}")
            known[m[2]] = m[3]
            continue
        m = SAMPLE.match(line)
        check(m, f"neither a comment nor a sample: {line}")
        family = family_of(m[1], types)
        check(family in types and family in helps, f"no HELP and TYPE ahead of {line}")
        if family != current:
            check(family not in done, f"{family} is in two places")
            done.add(family)
            current = family
        key = m[1], tuple(read_labels(m[2] or "", line).items())
        check(key not in all_samples, f"twice: {line}")
        check(types[family] == "gauge" or float(m[3]) >= 0, f"below zero: {line}")
        all_samples[key] = families.setdefault(family, {})[key] = float(m[3])
    check(set(families) == set(types), f"without a sample: {set(types) - set(families)}")
    for family, samples in families.items():
        if types[family] == "histogram":
            check_histogram(family, samples)
    return all_samples
