#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes tests/data/separability/embeddings.json with scikit-learn, openTSNE, umap-learn and SciPy: t-SNE's P, UMAP's fuzzy graph,
its spectral start and curve, and the trustworthiness and divergence the peers reach (mean of 5 seeds).

Usage: make_projections.py > tests/data/separability/embeddings.json

Matrices are upper triangles: [row, column, value] in three lists.
"""
import json
import sys
import warnings

import numpy as np
import openTSNE
import openTSNE.affinity
import scipy.sparse
import scipy.sparse.linalg
import umap
from check_projections import divergence
from sklearn.manifold import _t_sne, trustworthiness
from sklearn.neighbors import NearestNeighbors
from umap.umap_ import find_ab_params, fuzzy_simplicial_set

warnings.filterwarnings("ignore")
ROWS, FEATURES, PERPLEXITY, NEIGHBOURS, SEEDS = 160, 8, 8.0, 15, 5
random = np.random.default_rng(11)
centres = 0.6 * random.normal(size=(4, FEATURES))
hidden = random.normal(size=(ROWS, 2))
x = centres[np.arange(ROWS) % 4] + np.sin(hidden @ random.normal(size=(2, FEATURES))) + 0.3 * random.normal(size=(ROWS, FEATURES))
x[:, 5] = 2.5
x[17] = x[3]
x = x.round(3).astype(np.float32)


def triangle(matrix):
    upper = scipy.sparse.triu(matrix, 1).tocoo()
    return {"rows": upper.row.tolist(), "columns": upper.col.tolist(), "values": [float(f"{v:.8g}") for v in upper.data]}


k = int(3 * PERPLEXITY) + 1
distances = NearestNeighbors(n_neighbors=k).fit(x).kneighbors_graph(mode="distance")
distances.data **= 2
p = _t_sne._joint_probabilities_nn(distances, PERPLEXITY, 0)

wide = x.astype(np.float64)
exact = np.sqrt(((wide[:, None] - wide[None]) ** 2).sum(-1))
order = np.argsort(exact + np.where(np.eye(ROWS, dtype=bool), -1.0, 0.0), axis=1, kind="stable")[:, :NEIGHBOURS]
graph, _, _ = fuzzy_simplicial_set(x, NEIGHBOURS, np.random.RandomState(0), "euclidean", knn_indices=order,
                                   knn_dists=np.take_along_axis(exact, order, 1).astype(np.float32))
degrees = np.asarray(graph.sum(0)).ravel()
root = scipy.sparse.diags(1 / np.sqrt(degrees))
values, vectors = scipy.sparse.linalg.eigsh((root @ graph @ root).astype(np.float64), k=4, which="LA")
values, vectors = values[::-1], vectors[:, ::-1]

tsne = [np.asarray(openTSNE.TSNE(perplexity=PERPLEXITY, random_state=seed).fit(x)) for seed in range(SEEDS)]
umaps = [umap.UMAP(n_neighbors=NEIGHBOURS, random_state=seed).fit_transform(x) for seed in range(SEEDS)]
json.dump({
    "x": [[float(f"{v:.8g}") for v in row] for row in x],
    "perplexity": PERPLEXITY,
    "p": triangle(p),
    "neighbours": NEIGHBOURS,
    "fuzzy": triangle(graph),
    "eigenvalues": values.tolist(),
    "eigenvectors": [[float(f"{v:.8g}") for v in vectors[:, j]] for j in (1, 2)],
    "curves": [[d, s, *map(float, find_ab_params(s, d))] for d, s in ((0.1, 1.0), (0.0, 1.0), (0.5, 1.0), (0.99, 1.0), (0.3, 2.0))],
    "tsne_trustworthiness": float(np.mean([trustworthiness(x, y, n_neighbors=15) for y in tsne])),
    "tsne_divergence": float(np.mean([divergence(p, y) for y in tsne])),
    "umap_trustworthiness": float(np.mean([trustworthiness(x, y, n_neighbors=15) for y in umaps])),
}, sys.stdout)
