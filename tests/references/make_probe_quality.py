#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes tests/data/separability/probe_quality.json: reliability curves, expected calibration errors, Brier scores and ROC curves of random
log-odds, some of them tied (scikit-learn; curves of equal counts by numpy's array_split).

Usage: make_probe_quality.py > tests/data/separability/probe_quality.json      (needs numpy and scikit-learn)
"""
import json
import sys

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

BINS = 10


def case(random, count, tied):
    positive = random.random(count) < 0.45
    logits = np.where(positive, 1.1, -0.9) + random.normal(size=count) * 1.8
    if tied:
        # Steps that leave out 0, whose probability lies on a bound that scikit-learn counts to the bin below.
        logits = np.round(logits, 1) + 0.05
    probabilities = 1.0 / (1.0 + np.exp(-logits))
    share, mean = calibration_curve(positive, probabilities, n_bins=BINS, strategy="uniform")
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    error = float(np.sum(counts[counts > 0] * np.abs(share - mean)) / count)
    result = {"logits": logits.tolist(), "positive": positive.tolist(),
              "width": {"counts": counts.tolist(), "share": share.tolist(), "mean": mean.tolist(), "error": error},
              "brier": float(brier_score_loss(positive, probabilities)), "auc": float(roc_auc_score(positive, logits))}
    if not tied:
        parts = np.array_split(np.argsort(probabilities), BINS)
        result["count"] = {"counts": [len(p) for p in parts], "share": [float(np.mean(positive[p])) for p in parts],
                           "mean": [float(np.mean(probabilities[p])) for p in parts],
                           "error": float(sum(len(p) * abs(np.mean(positive[p]) - np.mean(probabilities[p])) for p in parts) / count)}
    false, true, threshold = roc_curve(positive, logits, drop_intermediate=False)
    result["roc"] = {"false": false.tolist(), "true": true.tolist(), "threshold": threshold[1:].tolist()}
    return result


random = np.random.default_rng(5)
json.dump([case(random, 120, False), case(random, 90, True)], sys.stdout)
