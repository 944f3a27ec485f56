#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes tests/data/base/statistics.json: Wilson intervals (scipy), areas under the ROC curve (scikit-learn), DeLong intervals (by
their definition, pair by pair), exact McNemar tests and Holm's correction (statsmodels), Cohen's kappa (scikit-learn), the random stream and the cluster bootstrap (written again here from their papers).

Usage: make_statistics.py > tests/data/base/statistics.json      (needs numpy, scipy, scikit-learn and statsmodels)
"""
import json
import math
import sys

import numpy as np
from scipy.stats import binomtest, norm
from sklearn.metrics import cohen_kappa_score, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

MASK = (1 << 64) - 1


class RandomStream:
    """xoshiro256** seeded by SplitMix64 from FNV-1a of the name, xor the seed."""

    def __init__(self, seed, name):
        mix = 0xCBF29CE484222325
        for byte in name.encode():
            mix = ((mix ^ byte) * 0x100000001B3) & MASK
        mix ^= seed
        self.state = []
        for _ in range(4):
            mix = (mix + 0x9E3779B97F4A7C15) & MASK
            z = mix
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
            self.state.append(z ^ (z >> 31))

    def next(self):
        def rotate(v, k):
            return ((v << k) | (v >> (64 - k))) & MASK
        s = self.state
        result = (rotate((s[1] * 5) & MASK, 7) * 9) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)
        return result

    def below(self, bound):
        while True:
            value = self.next()
            if value >= (1 << 64) % bound:
                return value % bound

    def uniform(self):
        return (self.next() >> 11) * 2.0 ** -53

    def normal(self):
        radius = math.sqrt(-2.0 * math.log(1.0 - self.uniform()))
        return radius * math.cos(2.0 * math.pi * self.uniform())


def delong(scores, positive):
    a, b = scores[positive], scores[~positive]
    wins = (a[:, None] > b[None]) + 0.5 * (a[:, None] == b[None])
    area = wins.mean()
    spread = math.sqrt(wins.mean(1).var(ddof=1) / len(a) + wins.mean(0).var(ddof=1) / len(b))
    z = norm.ppf(0.975)
    return [max(0.0, area - z * spread), min(1.0, area + z * spread)]


def bootstrap(values, clusters, seed, resamples):
    order = sorted(set(clusters))
    sums = [(sum(v for v, c in zip(values, clusters) if c == k), clusters.count(k)) for k in order]
    random = RandomStream(seed, "cluster-bootstrap")
    means = []
    for _ in range(resamples):
        drawn = [sums[random.below(len(sums))] for _ in sums]
        means.append(sum(d[0] for d in drawn) / sum(d[1] for d in drawn))
    return [float(np.quantile(means, q)) for q in (0.025, 0.975)]


generator = np.random.default_rng(3)
rates = [(45, 520), (0, 50), (50, 50), (1, 1), (0, 1), (260, 520), (7, 1000000)]
wilson = []
for k, n in rates:
    interval = binomtest(k, n).proportion_ci(0.95, method="wilson")
    wilson.append({"count": k, "total": n, "low": interval.low, "high": interval.high})
areas = []
for n, decimals in ((6, 1), (40, 1), (200, 2), (100, 8)):
    positive = np.arange(n) % 3 == 0
    scores = np.round(generator.normal(size=n) + 0.8 * positive, decimals)
    areas.append({"scores": scores.tolist(), "positive": positive.tolist(), "area": roc_auc_score(positive, scores),
                  "delong": delong(scores, positive)})
streams = []
for seed, name in ((0, ""), (0, "probe-folds"), (42, "cluster-bootstrap"), (MASK, "x")):
    s = RandomStream(seed, name)
    numbers = [str(s.next()) for _ in range(6)]
    bounded = [s.below(bound) for bound in (1, 2, 3, 1000, 6148914691236517206)]
    streams.append({"seed": str(seed), "name": name, "numbers": numbers, "bounded": [str(b) for b in bounded],
                    "uniform": [s.uniform() for _ in range(3)], "normal": [s.normal() for _ in range(3)]})
values = [float(v) for v in (generator.random(60) < 0.8)]
clusters = [int(c) for c in np.sort(generator.integers(0, 20, 60))]
tests = []
for b, c in ((0, 0), (1, 0), (5, 5), (3, 12), (0, 40), (77, 2), (260, 301), (900, 1400)):
    tests.append({"only_first": b, "only_second": c, "p": min(1.0, float(mcnemar([[10, b], [c, 10]], exact=True).pvalue))})
holm = []
for p in ([0.04], [0.01, 0.04, 0.03], [0.5, 0.6, 0.9], [0.02, 0.02, 0.02, 0.001], generator.random(12).tolist()):
    holm.append({"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()})
kappas = []
for n, categories, noise in ((30, 2, 0.2), (200, 4, 0.5), (50, 3, 1.0)):
    first = generator.integers(0, categories, n)
    second = np.where(generator.random(n) < noise, generator.integers(0, categories, n), first)
    kappas.append({"first": first.tolist(), "second": second.tolist(), "kappa": float(cohen_kappa_score(first, second))})
json.dump({"mcnemar": tests, "holm": holm, "kappa": kappas, "wilson": wilson, "areas": areas, "streams": streams,
           "bootstrap": {"values": values, "clusters": clusters, "seed": 5, "resamples": 500,
                         "interval": bootstrap(values, clusters, 5, 500)}}, sys.stdout, separators=(",", ":"))
print()
