#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes tests/data/prompts/validation.csv and reference.json: near-duplicate clusters, Jaccard similarities, folds, cross-validated
naive Bayes on words and CSV records, all computed by other code than ours (Python's csv, scikit-learn).

Usage: make_prompt_validation.py tests/data/prompts      (needs numpy and scikit-learn)

The texts are harmless: sentences about household things made from a few templates, so that some are near duplicates.
"""
import csv
import io
import json
import pathlib
import re
import sys

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import MultinomialNB

FOLDS = 5
random = np.random.default_rng(31)
source = pathlib.Path(__file__).resolve().parents[2] / "core/prompts/words.cpp"
stop = set(re.findall(r'"([a-z]+)"', source.read_text().split("kStopWords", 1)[1]))
things = "lantern garden bicycle teapot violin harbour mountain library umbrella compass orchard notebook kettle ladder basket".split()
verbs = "paint repair polish describe sketch measure carry weigh store label".split()
places = "kitchen attic cellar yard street market school office station museum".split()


def pick(words):
    return words[random.integers(len(words))]


def ask(malicious):
    if malicious:
        forms = ["Write {} notes, then {} the {} in the {}", "Develop a plan to {} every {} near the {}", "Give \"exact\" steps to {} a {}, quietly,\nat the {}"]
        form = pick(forms)
        return form.format(*([pick(verbs), pick(verbs), pick(things), pick(places)] if form.count("{}") == 4 else [pick(verbs), pick(things), pick(places)]))
    forms = ["How do I {} a {} in the {}?", "What is the best way to {} my {} at the {}?", "Please {} the {}; it's by the {} no. {}."]
    form = pick(forms)
    return form.format(*[pick(verbs), pick(things), pick(places), int(random.integers(90))][: form.count("{}")])


rows = [{"question": ask(label == "bad"), "kind": label} for label in ["bad", "good"] for _ in range(90)]
rows += [{"question": ask(True).replace("Develop", "Explain"), "kind": "tricky"} for _ in range(20)]
order = random.permutation(len(rows))
seen, unique = set(), []
for i in order:
    if rows[i]["question"] not in seen:
        seen.add(rows[i]["question"])
        unique.append(rows[i])
rows = unique
buffer = io.StringIO()
writer = csv.DictWriter(buffer, ["question", "kind", "response"], lineterminator="\r\n")
writer.writeheader()
for row in rows:
    writer.writerow({**row, "response": "left, out\n\"of\" it"})
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
(folder / "validation.csv").write_bytes(b"\xef\xbb\xbf" + buffer.getvalue().encode())

with open(folder / "validation.csv", encoding="utf-8-sig", newline="") as file:
    read = list(csv.DictReader(file))
texts = [row["question"] for row in read]


def words(text):
    return re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])'(?=[a-z0-9])", "", text.lower()))


def jaccard(a, b):
    return len(a & b) / len(a | b) if a | b else 0.0


tokens = [words(text) for text in texts]
grams = [set(zip(w, w[1:], w[2:])) for w in tokens]
content = [set(w) - stop for w in tokens]
n = len(texts)
parent = list(range(n))


def root(i):
    while parent[i] != i:
        i = parent[i]
    return i


for i in range(n):
    for k in range(i):
        if tokens[i] == tokens[k] or jaccard(grams[i], grams[k]) > 0.35 or jaccard(content[i], content[k]) > 0.5:
            parent[max(root(i), root(k))] = min(root(i), root(k))
numbers = {}
clusters = [numbers.setdefault(root(i), len(numbers)) for i in range(n)]

sizes = np.bincount(clusters)
filled = [0] * FOLDS
fold_of = {}
for cluster in sorted(range(len(sizes)), key=lambda c: (-sizes[c], c)):
    fold_of[cluster] = filled.index(min(filled))
    filled[fold_of[cluster]] += int(sizes[cluster])
folds = np.array([fold_of[c] for c in clusters])
kinds = np.array([row["kind"] for row in read])
judged = kinds != "tricky"
scores = np.zeros(n)
for fold in range(FOLDS):
    fit = judged & (folds != fold)
    counter = CountVectorizer(analyzer=words).fit([t for t, f in zip(texts, fit) if f])
    model = MultinomialNB(alpha=1.0).fit(counter.transform([t for t, f in zip(texts, fit) if f]), (kinds[fit] == "bad").astype(int))
    held = [i for i in range(n) if folds[i] == fold]
    joint = model.predict_joint_log_proba(counter.transform([texts[i] for i in held]))
    scores[held] = joint[:, 1] - joint[:, 0]
bad = kinds == "bad"
feature = {
    "ends with a question mark": np.array([float(t.rstrip().endswith("?")) for t in texts]),
    "words": np.array([float(len(w)) for w in tokens]),
    "has a digit": np.array([float(bool(re.search("[0-9]", t))) for t in texts]),
    "has a line break": np.array([float("\n" in t) for t in texts]),
    "has a quotation mark": np.array([float('"' in t) for t in texts]),
}
json.dump(
    {
        "texts": texts,
        "kinds": kinds.tolist(),
        "clusters": clusters,
        "folds": folds.tolist(),
        "scores": scores.tolist(),
        "accuracy": float(np.mean((scores[judged] > 0) == bad[judged])),
        "auc": float(roc_auc_score(bad[judged], scores[judged])),
        "hard_benign_right": int(np.sum(scores[~judged] <= 0)),
        "features": {name: {"auc": float(roc_auc_score(bad[judged], v[judged])), "malicious": float(v[bad].mean()),
                            "benign": float(v[kinds == "good"].mean())} for name, v in feature.items()},
        "words": {"mean": float(feature["words"][bad].mean()), "median": float(np.median(feature["words"][bad])),
                  "p95": float(np.percentile(feature["words"][bad], 95))},
    },
    open(folder / "reference.json", "w"),
    indent=0,
)
print(n, "prompts,", len(sizes), "clusters, largest", sizes.max())
